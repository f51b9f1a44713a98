"""The mistakes everybody makes once: each is told with what to do next, and changes nothing."""

import os
import shlex
import subprocess

import pytest

from actors import BUILD, Broker, Server, free_port


class Bench:
    """A server without TLS, one with, a broker, and files that are right and wrong."""

    def __init__(self, folder):
        self.folder = folder
        self.actors = []

    def start(self):
        folder = self.folder
        self.broker = Broker(folder)
        self.actors.append(self.broker)
        self.broker.start()
        self.plain = self.server("plain")
        self.file("tokens", "ann viewer viewer-token-0123456789abcdef0123456789abcdef\n"
                            "bob admin admin-token-0123456789abcdef0123456789abcdef\n")
        self.file("viewer", "viewer-token-0123456789abcdef0123456789abcdef\n")
        self.file("wrong", "wrong-token-0123456789abcdef0123456789abcdef\n")
        self.file("open", "admin-token-0123456789abcdef0123456789abcdef\n", 0o644)
        self.file("short", "secret\n")
        self.file("passphrase", "correct horse battery staple\n", 0o644)
        for name in "ca", "other":
            subprocess.run(
                ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                 "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / f"{name}.key",
                 "-out", folder / f"{name}.pem"], check=True, capture_output=True)
            os.chmod(folder / f"{name}.key", 0o600)
        self.tls = self.server("tls", tls__cert=folder / "ca.pem", tls__key=folder / "ca.key",
                               auth__token_file=folder / "tokens")
        for kind in "symmetric", "ed25519":
            subprocess.run([BUILD / "cli" / "e4keygen", "-type", kind, "-out", folder / kind],
                           check=True, capture_output=True)

    def server(self, name, **settings):
        (self.folder / f"{name}.d").mkdir()
        server = Server(self.folder / f"{name}.d", self.broker.port, **settings)
        self.actors.append(server)
        return server.start()

    def file(self, name, text, mode=0o600):
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(mode)

    def run(self, line):
        """Exit code and what was told, of a line in which {names} stand for ports."""
        line = line.format(grpc=self.plain.grpc_port, http=self.plain.http_port,
                           tls=self.tls.grpc_port, mqtt=self.broker.port, none=free_port())
        program, *words = shlex.split(line)
        folder = "c2" if program == "c2" else "cli"
        done = subprocess.run([BUILD / folder / program, *words], cwd=self.folder, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=30)
        return done.returncode, done.stdout + done.stderr

    def close(self):
        for actor in self.actors:
            actor.kill()


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    b = Bench(tmp_path_factory.mktemp("mistakes"))
    try:
        b.start()
        yield b
    finally:
        b.close()


CLI = "c2cli -e 127.0.0.1:{grpc} "
TLS = "c2cli -e 127.0.0.1:{tls} "
DEVICE = "e4client -name dev -broker 127.0.0.1:{mqtt} "
C2 = "c2 --set http.listen=127.0.0.1:0 --set db.path=new.db "


@pytest.mark.parametrize("line, code, words", [
    # Where the server is.
    ("c2cli -e 127.0.0.1:{none} topic list", 69, ["c2 running", "--endpoint HOST:PORT"]),
    ("c2cli -e 127.0.0.1:{http} topic list", 69, ["gRPC port", "5555"]),
    ("c2cli -e 127.0.0.1:{mqtt} topic list", 69, ["gRPC port", "5555"]),
    ("c2cli -e nowhere.invalid:5555 topic list", 69, ["nowhere.invalid", "check the name"]),
    # TLS on one side only, or not that one.
    (TLS + "topic list", 69, ["--cert FILE"]),
    (CLI + "--cert ca.pem topic list", 69, ["does not speak TLS", "without --cert"]),
    (TLS + "--cert other.pem topic list", 69, ["not trusted", "--cert FILE"]),
    (TLS + "--cert missing.pem topic list", 78, ["missing.pem", "cannot be read"]),
    # Tokens.
    (TLS + "--cert ca.pem topic list", 5, ["token", "--token-file FILE"]),
    (TLS + "--cert ca.pem --token-file wrong topic list", 5, ["token file", "SIGHUP"]),
    (TLS + "--cert ca.pem --token-file open topic list", 5, ["chmod 600 open"]),
    (TLS + "--cert ca.pem --token-file missing topic list", 3, ["missing"]),
    (TLS + "--cert ca.pem --token-file viewer topic create --name t", 5, ["higher role"]),
    # Names, files and words.
    (CLI + "client lst", 2, ["c2cli client --help"]),
    (CLI + "status --client nobody", 3, ["no such client", "c2cli client list"]),
    (CLI + "topic remove --name nothing", 3, ["no such topic", "c2cli topic list"]),
    (CLI + "client create --name dev --key missing", 3, ["missing: cannot open"]),
    (CLI + "client create --name dev --key ed25519", 2, ["64 bytes", "e4keygen -type symmetric"]),
    (CLI + "client create --name dev", 2, ["--key", "--password"]),
    (CLI + "protect-message --topic t --message hello!", 2, ["base64", "--message-file"]),
    (CLI + "c2-public-key --out c2.pub", 4, ["pubkey mode"]),
    # The device.
    ("e4client", 2, ["-name", "e4client -help"]),
    (DEVICE, 3, ["-key FILE", "-password"]),
    (DEVICE + "-key missing", 3, ["missing: cannot open"]),
    (DEVICE + "-key ed25519", 2, ["64 bytes", "e4keygen -type symmetric"]),
    (DEVICE + "-key ed25519 -pubkey", 2, ["-c2PubKey FILE"]),
    (DEVICE + "-password short", 2, ["at least 16"]),
    (DEVICE + "-password secretsecretsecret", 2, ["-password takes the name of a file"]),
    ("e4client -name a -key symmetric -broker 127.0.0.1:{none} -timeout 1 -run 'e4msg t x'", 7,
     ["not connected to mqtt://127.0.0.1:"]),
    ("e4client -name b -key symmetric -broker 127.0.0.1:{grpc} -timeout 1 -run 'e4msg t x'", 7,
     ["not connected to mqtt://127.0.0.1:"]),
    ("e4client -name c -key symmetric -broker 127.0.0.1:{mqtt} -run e4msg", 2, ["TOPIC TEXT"]),
    ("e4client -name d -key symmetric -broker 127.0.0.1:{mqtt} -run 'e4msg t x'", 4,
     ["no key for t", "attach"]),
    # Key files.
    ("e4keygen -type symmetric -out symmetric", 1, ["symmetric", "exists"]),
    ("e4keygen -type aes -out new", 1, ["aes"]),
    # The server.
    (C2 + "--check-config", 78, ["custody.passphrase_file"]),
    (C2 + "--set custody.passphrase_file=missing", 78, ["missing: cannot open"]),
    (C2 + "--set custody.passphrase_file=missing --check-config", 78, ["missing: cannot open"]),
    (C2 + "--set custody.passphrase_file=passphrase", 78, ["chmod 600 passphrase"]),
    (C2 + "--set http.lisen=1", 78, ["http.lisen"]),
    ("c2 --set custody.passphrase_file=short --set db.path=no/c2.db", 74, ["no/c2.db"]),
    ("c2 --config missing.conf", 78, ["missing.conf"]),
])
def test_a_mistake_is_told_with_what_to_do(bench, line, code, words):
    got, text = bench.run(line)
    assert got == code, text
    for word in words:
        assert word in text
    assert "wrong-token" not in text and "Segmentation" not in text
    assert not (bench.folder / "c2.pub").exists() and not (bench.folder / "dev.e4").exists()


def test_a_mistake_of_a_caller_changed_nothing(bench):
    assert bench.plain.call("GET", "/e4/clients/count") == {"count": "0"}
    assert bench.plain.call("GET", "/e4/topics/count") == {"count": "0"}
