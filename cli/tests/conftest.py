"""The actors of the command lines' tests: a broker, a key server, the tools themselves."""

import json
import os
import pathlib
import secrets
import signal
import socket
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("E4_BUILD", ROOT / "build"))
DEADLINE = 20.0


def until(what, say, limit=DEADLINE):
    """Ask until the answer is true: no test sleeps for a fixed time."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        answer = what()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"in {limit} s it did not come about that {say}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def accepts(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def private_file(path, content):
    path.write_bytes(content)
    path.chmod(0o600)
    return path


class Broker:
    def __init__(self, folder):
        self.port = free_port()
        self.url = f"127.0.0.1:{self.port}"
        self.conf = folder / "mosquitto.conf"
        self.conf.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(["mosquitto", "-c", self.conf],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: accepts(self.port), "the broker listens")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(DEADLINE)


class KeyServer:
    """c2 with a database of its own."""

    def __init__(self, folder, broker, *settings):
        self.folder = folder
        self.ready = folder / "ready"
        private_file(folder / "master.key", secrets.token_bytes(32))
        args = ["--ready-file", self.ready]
        for s in (f"db.path={folder}/c2.db", f"custody.key_file={folder}/master.key",
                  f"mqtt.url=mqtt://{broker.url}", "http.listen=127.0.0.1:0",
                  "grpc.listen=127.0.0.1:0", "delivery.announce_gap=1",
                  "delivery.receipt_wait=1", *settings):
            args += ["--set", s]
        self.log = open(folder / "c2.log", "wb")
        self.process = subprocess.Popen([BUILD / "c2" / "c2", *args], stderr=self.log)
        until(lambda: self.process.poll() is not None or self.ready.exists(), "c2 serves")
        assert self.process.poll() is None, (folder / "c2.log").read_text()
        self.endpoint = json.loads(self.ready.read_text())["grpc"]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(DEADLINE)
        self.log.close()
        return code


class Cli:
    """c2cli against one server; run() gives the finished process, json() the answer."""

    def __init__(self, endpoint, *options):
        self.command = [BUILD / "cli" / "c2cli", "-e", endpoint, *map(str, options)]

    def run(self, *args, text=None):
        return subprocess.run([*self.command, *map(str, args)], input=text or "", timeout=60,
                              capture_output=True, text=True, check=False)

    def ok(self, *args, text=None):
        run = self.run(*args, text=text)
        assert run.returncode == 0, run.stderr
        return run.stdout

    def json(self, *args):
        return json.loads(self.ok("--output", "json", *args))


class Device:
    """e4client as a child: events() are those so far, say() gives it a command."""

    def __init__(self, folder, broker, *options):
        self.process = subprocess.Popen(
            [BUILD / "cli" / "e4client", "-broker", broker.url, "-output", "json",
             *map(str, options)],
            cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = b""

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def events(self, kind=None):
        self.text += self.process.stdout.read() or b""
        all_ = [json.loads(x) for x in self.text.split(b"\n")[:-1]]
        return [e for e in all_ if kind in (None, e["event"])]

    def until(self, kind, test=lambda e: True, n=1):
        def enough():
            found = [e for e in self.events(kind) if test(e)]
            return found if len(found) >= n else None
        return until(enough, f"the device says {kind}: {self.text[-400:]}")

    def end(self):
        self.process.stdin.close()
        return self.process.wait(DEADLINE)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def broker(tmp_path):
    b = Broker(tmp_path)
    yield b
    b.stop()


@pytest.fixture
def c2(tmp_path, broker):
    server = KeyServer(tmp_path, broker)
    yield server
    server.stop()


@pytest.fixture
def cli(c2):
    return Cli(c2.endpoint)


@pytest.fixture
def devices(tmp_path, broker):
    made = []

    def make(*options):
        made.append(Device(tmp_path, broker, *options))
        return made[-1]
    yield make
    for d in made:
        d.kill()


@pytest.fixture
def enrol(tmp_path, cli):
    """Create clients with random keys; returns the key files."""

    def make(*names):
        keys = []
        for name in names:
            key = private_file(tmp_path / f"{name}.key", secrets.token_bytes(32))
            cli.ok("client", "create", "--name", name, "--key", key)
            keys.append(key)
        return keys
    return make
