"""Starts that must be refused, and what a start must survive."""

import os
import pathlib
import resource
import shutil
import signal
import sqlite3
import stat
import subprocess
import tempfile

import pytest

from actors import Broker, Refused, Server, free_port, wait_until


@pytest.fixture
def folder(tmp_path):
    f = tmp_path / "c2"
    f.mkdir()
    return f


@pytest.fixture
def server(folder):
    s = Server(folder, free_port())  # no broker there
    yield s
    s.kill()


def started_once(server):
    server.start()
    server.new_client("device", b"k" * 32)
    assert server.stop() == 0


def test_a_broker_that_is_away_at_start_loses_nothing(server):
    server.start()
    server.new_client("device", b"k" * 32)
    server.new_topic("t")
    answer = server.attach("device", "t")
    assert answer["delivery"]["status"] == "DELIVERY_BROKER_AWAY"
    health = server.call("GET", "/e4/health-check")
    assert health["Code"] != "0" and "broker" in health["Status"]
    assert server.client_status("device")["status"] == "CLIENT_WAITING"


def test_the_wrong_passphrase_is_refused_with_a_clear_message(server):
    started_once(server)
    server.passphrase.write_text("wrong\n")
    code, text = server.refuses_to_start()
    assert code == 77 and "passphrase" in text and "wrong" not in text.replace("wrong passphrase", "")


def test_a_passphrase_file_that_others_can_read_is_refused(server):
    server.passphrase.chmod(0o644)
    code, text = server.refuses_to_start()
    assert code != 0 and "chmod" in text


def test_files_of_the_database_are_for_the_owner_only(server, folder):
    os.umask(0o022)
    server.start()
    for file in folder.glob("c2.db*"):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_a_database_from_a_newer_version_is_refused(server, folder):
    started_once(server)
    with sqlite3.connect(folder / "c2.db") as db:
        db.execute("PRAGMA user_version = 999")
    code, text = server.refuses_to_start()
    assert code == 74 and "newer" in text


def test_a_file_that_is_no_database_is_refused_and_left_alone(server, folder):
    (folder / "c2.db").write_bytes(b"something else entirely\n" * 100)
    code, text = server.refuses_to_start()
    assert code == 74 and text
    assert (folder / "c2.db").read_bytes() == b"something else entirely\n" * 100


def test_a_second_server_on_the_same_database_is_refused(server, folder):
    server.start()
    second = Server(folder, free_port())
    second.ready = folder / "second.json"
    code, text = second.refuses_to_start()
    assert code == 74 and "another process" in text
    assert server.call("GET", "/e4/clients/count") == {"count": "0"}


def test_another_crypto_mode_on_the_same_database_is_refused(server):
    started_once(server)
    server.settings["crypto.mode"] = "pubkey"
    code, text = server.refuses_to_start()
    assert code == 78 and "symmetric" in text


@pytest.mark.parametrize("key", ["http.listen", "grpc.listen"])
def test_an_address_beyond_loopback_needs_tls_and_tokens(server, key):
    server.settings[key] = "0.0.0.0:0"
    code, text = server.refuses_to_start()
    assert code == 78 and "TLS" in text


@pytest.mark.parametrize("setting, word", [
    ("http.lisen=127.0.0.1:0", "http.listen"), ("mqtt.qos=3", "mqtt.qos"),
    ("crypto.mode=quantum", "symmetric"), ("mqtt.url=ftp://x", "mqtt"), ("nonsense", "nonsense")])
def test_a_bad_setting_is_refused_by_name(server, setting, word):
    done = subprocess.run([str(a) for a in server.command()] + [f"--set={setting}"],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode in (2, 78) and word in done.stderr


def as_nobody(command):
    """Root may write everything: run it as somebody else."""
    return ["setpriv", "--reuid=nobody", "--clear-groups", *command] if os.geteuid() == 0 else command


def test_a_database_that_cannot_be_written_is_refused():
    with tempfile.TemporaryDirectory(prefix="e4-read-only-") as name:
        folder = pathlib.Path(name)
        server = Server(folder, free_port())
        started_once(server)
        before = (folder / "c2.db").read_bytes()
        for file in folder.glob("c2.db*"):
            file.chmod(0o444)
        server.ready.unlink()
        if os.geteuid() == 0:
            shutil.chown(server.passphrase, "nobody")
            shutil.chown(folder, "nobody")
        command = as_nobody([str(a) for a in server.command()])
        done = subprocess.run(command, capture_output=True, text=True, timeout=30)
        assert done.returncode == 74 and "c2.db" in done.stderr, done.stderr
        assert (folder / "c2.db").read_bytes() == before


def no_room_beyond_4_mib():
    """What a full disk does to a process: from some size on, no write to a file succeeds."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))


def test_a_full_disk_fails_the_call_and_nothing_else(server):
    server.settings["log.level"] = "error"
    server.start(preexec_fn=no_room_beyond_4_mib)
    created = fill(server)
    assert created > 0
    assert server.running()
    assert int(server.call("GET", "/e4/clients/count")["count"]) == created
    assert server.call("POST", "/rpc/pb.C2/GetClients", {"count": 1})["clients"]
    assert server.stop() == 0


def fill(server):
    for n in range(100000):
        try:
            server.new_client(f"{n:0200}", b"k" * 32)
        except Refused as e:
            assert e.status == 503 and e.body["message"]
            return n
    raise AssertionError("the disk never filled up")


def test_sigterm_ends_it_well(server):
    server.start()
    assert server.stop() == 0


def test_the_broker_comes_after_the_server(folder):
    broker = Broker(folder)
    server = Server(folder, broker.port)
    try:
        server.start()
        assert server.call("GET", "/e4/health-check")["Code"] != "0"
        broker.start()
        wait_until(lambda: server.call("GET", "/e4/health-check")["Code"] == "0", 40,
                   "the server finds the broker", step=0.2)
    finally:
        server.kill()
        broker.kill()
