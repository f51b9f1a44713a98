"""What an attacker on the network, on the disk or in the logs gets: nothing."""

import base64
import pathlib
import re
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest

from actors import C2CLI, Broker, Device, Refused, Server, wait_until
from device import random_key
from test_api import GrpcClient
from walk import Error

TOKENS = {"reader": ("viewer", "r" * 40), "worker": ("operator", "w" * 40), "boss": ("admin", "b" * 40)}
UNAUTHENTICATED, FORBIDDEN = 16, 7


def openssl(folder, *args):
    subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """ca.pem; server.pem, client.pem and their keys; other.pem, a CA nobody trusts."""
    folder = tmp_path_factory.mktemp("certificates")
    for ca in ("ca", "other"):
        openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", f"{ca}.key", "-out", f"{ca}.pem", "-days", "2", "-subj", f"/CN=test {ca}")
    (folder / "san").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    for name in ("server", "client"):
        openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-out", f"{name}.pem", "-days", "2", "-extfile", "san")
        (folder / f"{name}.key").chmod(0o600)
    return folder


@pytest.fixture
def guarded(tmp_path, certificates):
    """A server with TLS and tokens on all addresses, with a TLS broker that wants a certificate."""
    folder = tmp_path / "guarded"
    folder.mkdir()
    broker = Broker(folder, f"cafile {certificates}/ca.pem\ncertfile {certificates}/server.pem\n"
                            f"keyfile {certificates}/server.key\nrequire_certificate true\n"
                            "user root\n").start()
    tokens = folder / "tokens"
    tokens.touch(mode=0o600)
    tokens.write_text("".join(f"{n} {role} {token}\n" for n, (role, token) in TOKENS.items()))
    server = Server(folder, broker.port, **{
        "tls.cert": certificates / "server.pem", "tls.key": certificates / "server.key",
        "auth.token_file": tokens, "http.listen": "0.0.0.0:0", "grpc.listen": "0.0.0.0:0",
        "mqtt.url": f"mqtts://localhost:{broker.port}", "mqtt.ca": certificates / "ca.pem",
        "mqtt.cert": certificates / "client.pem", "mqtt.key": certificates / "client.key",
        "mqtt.version": "5"})
    server.broker_port = broker.port
    yield server.start()
    server.kill()
    broker.kill()


def https(server, certificates, path, token=None, verb="GET", ca="ca.pem"):
    context = ssl.create_default_context(cafile=certificates / ca)
    request = urllib.request.Request(f"https://localhost:{server.http_port}{path}", method=verb,
                                     headers={"Authorization": f"Bearer {token}"} if token else {})
    try:
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            return answer.status
    except urllib.error.HTTPError as e:
        return e.code


def test_each_role_may_do_its_own_and_no_more(guarded, certificates):
    token = {name: secret for name, (_, secret) in TOKENS.items()}
    table = [  # verb, path, status for nobody, reader, worker, boss
        ("GET", "/e4/health-check", 200, 200, 200, 200),
        ("GET", "/e4/clients/count", 401, 200, 200, 200),
        ("POST", "/e4/topic/t", 401, 403, 200, 200),
        ("POST", "/rpc/pb.C2/NewTopic", 401, 403, 400, 400),
        ("POST", "/e4/new-c2-key", 401, 403, 403, 400)]
    for verb, path, *statuses in table:
        for who, status in zip((None, "reader", "worker", "boss"), statuses):
            got = https(guarded, certificates, path, token.get(who), verb)
            assert got == status, (verb, path, who)


@pytest.mark.parametrize("token", ["x" * 40, "b" * 39, "b" * 41, "", "boss", "B" * 40])
def test_a_wrong_token_is_nobody(guarded, certificates, token):
    assert https(guarded, certificates, "/e4/clients/count", token or None) == 401


def test_the_same_rights_hold_over_grpc(guarded, certificates):
    for token, expected in ((None, Error(UNAUTHENTICATED)), ("x" * 40, Error(UNAUTHENTICATED)),
                            (TOKENS["reader"][1], Error(FORBIDDEN)), (TOKENS["worker"][1], dict)):
        client = GrpcClient(guarded.grpc_port, str(certificates / "ca.pem"), token)
        try:
            answer = client.call("NewTopic", {"topic": "t"})
            assert answer == expected if isinstance(expected, Error) else isinstance(answer, dict)
        finally:
            client.kill()


def test_a_server_of_another_ca_is_not_trusted(guarded, certificates):
    with pytest.raises(urllib.error.URLError):
        https(guarded, certificates, "/e4/health-check", ca="other.pem")


def test_a_plain_text_caller_gets_nothing_from_a_tls_port(guarded):
    with pytest.raises((OSError, Refused, ValueError)):
        guarded.call("GET", "/e4/clients/count")


def test_c2cli_works_with_certificate_and_token(guarded, certificates, tmp_path):
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text(TOKENS["worker"][1] + "\n")
    base = [C2CLI, "-e", f"localhost:{guarded.grpc_port}", "-c", certificates / "ca.pem"]

    def cli(*args):
        return subprocess.run([str(a) for a in (*base, *args)], capture_output=True, text=True, timeout=20)
    assert cli("--token-file", token, "topic", "create", "--name", "t").returncode == 0
    refused = cli("topic", "list")
    assert refused.returncode == 5 and "token" in refused.stderr


def test_keys_travel_over_a_tls_broker_with_client_certificates(guarded, certificates, tmp_path):
    token = {"Authorization": f"Bearer {TOKENS['worker'][1]}"}
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    key = random_key()

    def call(verb, path, body=b"{}"):
        request = urllib.request.Request(f"https://localhost:{guarded.http_port}{path}", method=verb,
                                         headers={**token, "Content-Type": "application/json"},
                                         data=None if verb == "GET" else body)
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            return answer.read().decode()
    call("POST", "/e4/client/d", b'{"key":"%s"}' % base64.b64encode(key))
    call("POST", "/e4/topic/t")
    call("PUT", "/e4/client/d/topic/t")
    device = Device(tmp_path, "d", guarded.broker_port, key, extra=[
        "-ca", certificates / "ca.pem", "-cert", certificates / "client.pem", "-cert-key", certificates / "client.key", "-mqtt", "5"],
        url=f"mqtts://localhost:{guarded.broker_port}")
    device.start()
    try:
        wait_until(lambda: "CLIENT_CONFIRMED" in call("GET", "/e4/client/d/status"),
                   what="the device confirms over TLS", step=0.2)
    finally:
        device.kill()


# --- What lies around ---------------------------------------------------------------


def test_no_key_is_in_the_files_of_the_database(c2):
    keys = [random_key() for _ in range(20)]
    for n, key in enumerate(keys):
        c2.new_client(f"d{n}", key)
    files = b"".join(f.read_bytes() for f in c2.folder.glob("c2.db*"))
    assert len(files) > 1000
    for key in keys:
        assert key not in files and base64.b64encode(key) not in files


def test_neither_passphrase_nor_tokens_are_in_arguments_or_environment(guarded):
    proc = pathlib.Path(f"/proc/{guarded.child.pid}")
    seen = (proc / "cmdline").read_bytes() + (proc / "environ").read_bytes()
    assert b"correct horse" not in seen
    assert not any(token.encode() in seen for _, token in TOKENS.values())


def test_the_server_leaves_no_core_file(c2):
    limits = pathlib.Path(f"/proc/{c2.child.pid}/limits").read_text()
    assert re.search(r"Max core file size\s+0\s+0", limits)


def test_a_foreign_web_page_cannot_use_the_open_port_on_loopback(c2):
    for headers in ({"Origin": "https://evil.example"}, {"Host": "evil.example"}):
        with pytest.raises(Refused) as caught:
            c2.call("POST", "/e4/topic/t", {}, headers=headers)
        assert caught.value.status == 403
    assert c2.call("GET", "/e4/topics/count") == {"count": "0"}


def test_a_broker_that_refuses_us_is_named_in_health(tmp_path):
    broker = Broker(tmp_path)
    broker.config.write_text(f"listener {broker.port} 127.0.0.1\nallow_anonymous false\n")
    broker.start()
    server = Server(tmp_path, broker.port)
    try:
        server.start()

        def health():
            answer = server.call("GET", "/e4/health-check")
            return answer["Code"] == "1" and "authori" in answer["broker"].lower() and answer
        assert "broker" in wait_until(health, what="health names the refusal", step=0.2)["Status"]
    finally:
        server.kill()
        broker.kill()
