"""Fixtures of the command lines' tests, over the actors of the whole-program tests."""

import json
import pathlib
import secrets
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))

from actors import C2CLI, Broker, Device, Server  # noqa: E402


class Cli:
    """c2cli against one server: run() gives the finished process, json() the answer."""

    def __init__(self, endpoint, *options):
        self.command = [C2CLI, "-e", endpoint, *map(str, options)]

    def run(self, *args, text=""):
        return subprocess.run([*self.command, *map(str, args)], input=text, timeout=60,
                              capture_output=True, text=True, check=False)

    def ok(self, *args, text=""):
        run = self.run(*args, text=text)
        assert run.returncode == 0, run.stderr
        return run.stdout

    def json(self, *args):
        return json.loads(self.ok("--output", "json", *args))

    def enrol(self, folder, *names):
        """Clients with random symmetric keys in files."""
        for name in names:
            key = private_file(folder / f"{name}.key", secrets.token_bytes(32))
            self.ok("client", "create", "--name", name, "--key", key)


def private_file(path, content):
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path


@pytest.fixture
def broker(tmp_path):
    b = Broker(tmp_path).start()
    yield b
    b.kill()


@pytest.fixture
def start_c2(tmp_path, broker):
    """Start a server with settings, by their names with __ for the dot."""
    started = []

    def start(mode="symmetric", **settings):
        folder = tmp_path / "c2"
        folder.mkdir(exist_ok=True)
        started.append(Server(folder, broker.port, mode, **settings).start())
        return started[-1]
    yield start
    for s in started:
        s.kill()


@pytest.fixture
def cli(start_c2):
    return Cli(f"127.0.0.1:{start_c2().grpc_port}")


@pytest.fixture
def start_device(tmp_path, broker):
    started = []

    def start(name, **options):
        started.append(Device(tmp_path, name, broker.port, **options).start())
        return started[-1]
    yield start
    for d in started:
        d.kill()
