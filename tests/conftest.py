"""Fixtures: every test has its own folder, broker and server."""

import pytest

from actors import Broker, Server


@pytest.fixture
def broker(tmp_path):
    folder = tmp_path / "broker"
    folder.mkdir()
    b = Broker(folder).start()
    yield b
    b.kill()


def server(tmp_path, broker, mode):
    folder = tmp_path / "c2"
    folder.mkdir()
    return Server(folder, broker.port, mode).start()


@pytest.fixture
def c2(tmp_path, broker):
    s = server(tmp_path, broker, "symmetric")
    yield s
    s.kill()


@pytest.fixture
def c2_pubkey(tmp_path, broker):
    s = server(tmp_path, broker, "pubkey")
    yield s
    s.kill()


@pytest.fixture
def devices():
    """Devices that the test makes; closed at its end."""
    made = []
    yield made
    for d in made:
        d.close()
