"""What a wrong or hostile caller sends: a clear error, and nothing changed."""

import base64
import http.client
import json
import socket

import pytest

from actors import Refused, quote
from device import client_id, ed25519_public

KEY = base64.b64encode(b"k" * 32).decode()


def refused(call, status, *words):
    with pytest.raises(Refused) as caught:
        call()
    body = caught.value.body
    assert caught.value.status == status, body
    assert set(body) == {"error", "code", "message", "details"}, body
    assert body["error"] == body["message"] and len(body["message"]) > 5
    for word in words:
        assert word in body["message"], body
    return body


def counts(server):
    return (server.call("GET", "/e4/clients/count")["count"],
            server.call("GET", "/e4/topics/count")["count"])


@pytest.fixture
def untouched(c2):
    """The server; afterwards it must be as it was."""
    c2.new_client("there", b"k" * 32)
    c2.new_topic("there")
    before = counts(c2)
    yield c2
    assert c2.running()
    assert counts(c2) == before


def post_client(server, name, body=None, raw=None):
    return lambda: server.call("POST", f"/e4/client/{name}", body, raw)


@pytest.mark.parametrize("name", ["n" * 256, "%ff%fe", "%00", "a%00b", "%", "%zz", "%c3"])
def test_a_bad_client_name_is_refused(untouched, name):
    refused(post_client(untouched, name, {"key": KEY}), 400)


def test_an_empty_client_name_is_refused(untouched):
    refused(lambda: untouched.call("POST", "/rpc/pb.C2/NewClient",
                                   {"client": {"name": ""}, "key": KEY}), 400, "name")
    refused(lambda: untouched.call("POST", "/rpc/pb.C2/NewClient", {"key": KEY}), 400)


def test_a_name_of_255_bytes_and_a_topic_of_512_are_taken(c2):
    c2.new_client("é" * 127 + "x", b"k" * 32)
    c2.new_topic("t" * 512)
    assert counts(c2) == ("1", "1")


@pytest.mark.parametrize("topic", [
    "t" * 513, "a/+/b", "#", "a/#", "$SYS/broker", "%ff", "%00", "e4/" + "ab" * 16,
    "e4/" + client_id("there").hex(), "e4/" + "ab" * 16 + "/receipt"])
def test_a_bad_topic_is_refused(untouched, topic):
    escaped = topic if topic.startswith("%") else quote(topic)
    refused(lambda: untouched.call("POST", f"/e4/topic/{escaped}"), 400)


@pytest.mark.parametrize("key", [b"", b"k" * 31, b"k" * 33, bytes(32), b"k" * 64])
def test_a_bad_symmetric_key_is_refused(untouched, key):
    body = refused(post_client(untouched, "x", {"key": base64.b64encode(key).decode()}), 400, "key")
    assert base64.b64encode(key or b"none").decode() not in json.dumps(body)


def little(n):
    return n.to_bytes(32, "little")


@pytest.mark.parametrize("key", [
    bytes(32),                           # order 4
    little(1),                           # the neutral element
    little(2 ** 255 - 20),               # order 2: y = -1
    little(2 ** 255 - 19 + 1),           # not canonical
    little(2),                           # not on the curve
    b"\xff" * 32, b"k" * 31])
def test_a_public_key_that_is_no_good_point_is_refused(c2_pubkey, key):
    refused(post_client(c2_pubkey, "x", {"key": base64.b64encode(key).decode()}), 400, "key")
    assert counts(c2_pubkey) == ("0", "0")


@pytest.mark.parametrize("raw", [
    b"{", b"[]", b'"text"', b"nul", b'{"key": 5}', b'{"key": {"a": 1}}', b'{"key": "%%%"}',
    b'{"key": "' + KEY.encode() + b'", "key": "' + KEY.encode() + b'"}', b'{"key": "\xff"}',
    b'{"key": "\xed\xa0\x80"}', b'{"key": NaN}', b'{"key": "a"} trailing', b'{"client": []}',
    b"[" * 100000, b'{"a":' * 50000, b'{"key": 1e999}'], ids=lambda raw: raw[:12].decode("latin1"))
def test_bad_json_is_refused(untouched, raw):
    refused(post_client(untouched, "x", raw=raw), 400)


def test_an_unknown_json_field_is_tolerated(c2):
    c2.call("POST", "/e4/client/x", {"key": KEY, "later": {"more": [1, 2]}})
    assert counts(c2) == ("1", "0")


@pytest.mark.parametrize("count", ["2", 2])
def test_a_64_bit_number_may_be_a_string_or_a_number(c2, count):
    for n in range(3):
        c2.new_topic(f"t{n}")
    assert c2.call("POST", "/rpc/pb.C2/GetTopics", {"offset": 0, "count": count}) == {
        "topics": ["t0", "t1"]}


@pytest.mark.parametrize("query", [
    "offset=-1&count=1", "offset=x&count=1", "count=1001", "count=-1", "offset=99999999999999999999",
    "count=1.5"])
def test_a_bad_page_is_refused(untouched, query):
    refused(lambda: untouched.call("GET", f"/e4/clients?{query}"), 400)


def test_a_body_of_10_mib_is_refused(untouched):
    connection = http.client.HTTPConnection("127.0.0.1", untouched.http_port, timeout=20)
    try:
        connection.request("POST", "/e4/client/x", b'{"key":"' + b"A" * (10 << 20) + b'"}')
        status = connection.getresponse().status
    except (BrokenPipeError, ConnectionResetError):
        status = 413  # the server need not read to the end what it refuses
    finally:
        connection.close()
    assert status == 413


@pytest.mark.parametrize("bytes_", [
    b"POST /e4/client/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"key\":",
    b"GET /e4/clients", b"\x00\x01\x02\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n", b"POST /e4/client/x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz"])
def test_half_a_request_changes_nothing_and_blocks_nobody(untouched, bytes_):
    for port in (untouched.http_port, untouched.grpc_port):
        with socket.create_connection(("127.0.0.1", port), 5) as half:
            half.sendall(bytes_)
            assert untouched.call("GET", "/e4/health-check", timeout=5)["Code"] == "0"


def test_an_unknown_path_and_a_wrong_verb_are_told_apart(untouched):
    refused(lambda: untouched.call("GET", "/nothing/here"), 404)
    refused(lambda: untouched.call("PATCH", "/e4/clients"), 405)


def test_pubkey_calls_in_symmetric_mode_are_refused(untouched):
    refused(lambda: untouched.call("POST", "/e4/new-c2-key", {"force": True}), 400, "pubkey")
    refused(lambda: untouched.call("POST", "/e4/reset-clients-pubkeys", {}), 404)


def test_a_tampered_message_is_refused_with_the_reason(untouched):
    answer = untouched.call("POST", "/e4/protect-message", {"topic": "there", "binaryData": "aGk="})
    raw = bytearray(base64.b64decode(answer["protectedBinaryData"]))
    for position in range(len(raw)):
        changed = bytearray(raw)
        changed[position] ^= 1
        refused(lambda data=bytes(changed): untouched.call("POST", "/e4/unprotect-message", {
            "topic": "there", "protectedBinaryData": base64.b64encode(data).decode()}), 400)
    for length in range(len(raw)):
        refused(lambda data=bytes(raw[:length]): untouched.call("POST", "/e4/unprotect-message", {
            "topic": "there", "protectedBinaryData": base64.b64encode(data).decode()}), 400)


def test_no_error_and_no_log_line_holds_a_key(c2):
    secret = bytes(range(100, 132))
    c2.new_client("device", secret)
    with pytest.raises(Refused):
        c2.call("POST", "/e4/client/other", {"key": base64.b64encode(secret + b"x").decode()})
    log = c2.log.read_bytes()
    for form in (secret, secret.hex().encode(), base64.b64encode(secret)[:40]):
        assert form not in log


def test_a_good_public_key_is_taken(c2_pubkey):
    c2_pubkey.new_client("x", ed25519_public(b"s" * 32))
    assert counts(c2_pubkey) == ("1", "0")
