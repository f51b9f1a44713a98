"""TLS and tokens of the running server: what a stranger on the network is offered, and revocation."""

import base64
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess

import pytest

from actors import C2CLI, Server, free_port, wait_until

ADMIN = "a" * 40
VIEWER = "v" * 40


def write_private(path, text):
    path.touch(mode=0o600)
    path.write_text(text)


def make_certificate(folder):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", folder / "key.pem",
         "-out", folder / "cert.pem"], check=True, capture_output=True)
    (folder / "key.pem").chmod(0o600)


@pytest.fixture
def server(tmp_path):
    make_certificate(tmp_path)
    write_private(tmp_path / "tokens", f"root admin {ADMIN}\neye viewer {VIEWER}\n")
    write_private(tmp_path / "viewer", VIEWER + "\n")
    s = Server(tmp_path, free_port(), tls__cert=tmp_path / "cert.pem",
               tls__key=tmp_path / "key.pem", auth__token_file=tmp_path / "tokens")
    s.start()
    yield s
    s.kill()


def connect(server, port, lowest=ssl.TLSVersion.TLSv1_2, highest=ssl.TLSVersion.TLSv1_3,
            ciphers=None):
    context = ssl.create_default_context(cafile=server.folder / "cert.pem")
    context.minimum_version, context.maximum_version = lowest, highest
    if ciphers:
        context.set_ciphers(ciphers)
    context.set_alpn_protocols(["h2", "http/1.1"] if port == server.grpc_port else ["http/1.1"])
    raw = socket.create_connection(("127.0.0.1", port), 10)
    return context.wrap_socket(raw, server_hostname="localhost")


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("port", ["http_port", "grpc_port"])
def test_both_ports_speak_tls_1_2_and_1_3_with_forward_secrecy_alone(server, port):
    for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        with connect(server, getattr(server, port), version, version) as tls:
            name = tls.cipher()[0]
            assert version == ssl.TLSVersion.TLSv1_3 or name.startswith("ECDHE-")
            assert "GCM" in name or "CHACHA20" in name
    for ciphers in "AES128-GCM-SHA256:@SECLEVEL=0", "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0":
        with pytest.raises(OSError):
            connect(server, getattr(server, port), highest=ssl.TLSVersion.TLSv1_2,
                    ciphers=ciphers)
    with pytest.raises(OSError):
        connect(server, getattr(server, port), ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1,
                "ALL:@SECLEVEL=0")


@pytest.mark.parametrize("port", ["http_port", "grpc_port"])
@pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])
def test_no_session_can_be_resumed(server, port, version):
    done = subprocess.run(
        ["openssl", "s_client", f"-{version}", "-alpn", "h2" if port == "grpc_port" else "http/1.1",
         "-connect", f"127.0.0.1:{getattr(server, port)}"],
        input=b"", capture_output=True, timeout=20)
    assert b"BEGIN CERTIFICATE" in done.stdout
    assert b"TLS session ticket:" not in done.stdout


def test_a_client_cannot_renegotiate(server):
    for port, alpn in (server.http_port, "http/1.1"), (server.grpc_port, "h2"):
        with subprocess.Popen(
                ["openssl", "s_client", "-tls1_2", "-alpn", alpn, "-connect", f"127.0.0.1:{port}"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
            os.set_blocking(child.stdout.fileno(), False)
            text = bytearray()

            def has(what):
                text.extend(child.stdout.read() or b"")
                return what in text
            wait_until(lambda: has(b"Verify return code"), what="handshake")
            child.stdin.write(b"R\n")
            child.stdin.flush()
            wait_until(lambda: has(b"no renegotiation") or child.poll() is not None,
                       what="the renegotiation is refused")
            child.kill()
            assert b"no renegotiation" in text or b"error" in text, bytes(text)[-500:]


def test_another_protocol_is_not_talked_into_grpc(server):
    context = ssl.create_default_context(cafile=server.folder / "cert.pem")
    context.set_alpn_protocols(["http/1.1"])
    with pytest.raises(OSError):
        with socket.create_connection(("127.0.0.1", server.grpc_port), 10) as raw:
            context.wrap_socket(raw, server_hostname="localhost").recv(1)


def call(server, token, verb="GET", path="/e4/clients/count", body=None):
    """(status, text)"""
    context = ssl.create_default_context(cafile=server.folder / "cert.pem")
    c = http.client.HTTPSConnection("localhost", server.http_port, context=context, timeout=10)
    c.request(verb, path, body, headers={"Authorization": f"Bearer {token}"} if token else {})
    with c.getresponse() as answer:
        result = answer.status, answer.read().decode()
    c.close()
    return result


def ask(*args):
    return call(*args)[0]


def test_a_stranger_learns_that_the_broker_is_away_and_not_why(server):
    def broker(token):
        return json.loads(call(server, token, "GET", "/e4/health-check")[1])["broker"]
    wait_until(lambda: "refused" in broker(VIEWER), what="the reason is known")
    assert broker(None) == "away"


def test_a_token_that_is_withdrawn_is_worth_nothing_at_once(server):
    assert ask(server, VIEWER) == 200
    assert ask(server, VIEWER, "POST", "/e4/topic/t") == 403
    key = base64.b64encode(b"k" * 32).decode()
    assert ask(server, ADMIN, "POST", "/e4/client/a", json.dumps({"key": key})) == 200
    assert ask(server, ADMIN, "POST", "/e4/topic/t") == 200
    assert ask(server, ADMIN, "PUT", "/e4/client/a/topic/t") == 200
    events = [str(C2CLI), "--endpoint", f"localhost:{server.grpc_port}",
              "--cert", str(server.folder / "cert.pem"),
              "--token-file", str(server.folder / "viewer"), "-o", "json", "events", "--after", "0"]
    with subprocess.Popen(events, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout.readline()  # the stream runs
        write_private(server.folder / "tokens", f"root admin {ADMIN}\n")
        server.child.send_signal(signal.SIGHUP)
        wait_until(lambda: ask(server, VIEWER) == 401, what="the token is refused")
        _, text = child.communicate(timeout=20)
        assert child.returncode != 0 and b"tokens were changed" in text
    assert ask(server, ADMIN) == 200
    for line in server.log.read_text().splitlines():
        assert ADMIN not in line and VIEWER not in line and key not in line
        json.loads(line)


def test_a_bad_certificate_at_reload_changes_nothing(server):
    good = (server.folder / "cert.pem").read_text()
    (server.folder / "cert.pem").write_text("nonsense\n")
    server.child.send_signal(signal.SIGHUP)
    wait_until(lambda: "stays as it was" in server.log.read_text(), what="the reload is refused")
    (server.folder / "cert.pem").write_text(good)
    for port in server.http_port, server.grpc_port:
        connect(server, port).close()
