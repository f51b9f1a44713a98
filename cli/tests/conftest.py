"""Fixtures of the command lines' tests, over the actors of the whole-program tests."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests"))

from actors import Broker, Device, Server  # noqa: E402
from tools import Cli  # noqa: E402


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
