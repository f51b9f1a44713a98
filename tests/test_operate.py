"""The database's life: backups, restores to any backend, migrations."""

import hashlib
import sqlite3
import stat
import subprocess

import pytest

from actors import C2, Server, free_port, wait_until
from device import PyDevice, ed25519_public, random_key, topic_hash
from postgres import Postgres

# What a restore changes on purpose; what no backup holds because other rows tell it.
RAISED = {"state": ("revision", "last_event", "checks")}
ASKED = ("next_at", "attempts", "nonce", "asked_at", "reason")


@pytest.fixture
def postgres():
    p = Postgres()
    try:
        yield p.start()
    finally:
        p.kill()


def run(server, *words, **settings):
    """(exit code, stdout, stderr) of a command of c2 with the settings of a server."""
    values = {**server.settings, **{k.replace("__", "."): v for k, v in settings.items()}}
    sets = [f"--set={k}={v}" for k, v in values.items() if v is not None]
    done = subprocess.run([str(w) for w in (C2, *words, *sets)], capture_output=True, timeout=120,
                          check=False)
    return done.returncode, done.stdout, done.stderr.decode()


def tables(path):
    """All rows of a SQLite database but for what a restore changes."""
    out = {}
    with sqlite3.connect(path) as db:
        db.row_factory = sqlite3.Row
        names = [r[0] for r in db.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")]
        for name in names:
            hidden = ASKED if name == "client" else RAISED.get(name, ())
            where = " WHERE name NOT IN ('restored', 'clock')" if name == "meta" else ""
            out[name] = sorted(repr([(k, r[k]) for k in r.keys() if k not in hidden])
                               for r in db.execute(f"SELECT * FROM {name}{where}"))
    return out


def fill(server, mode="symmetric"):
    """Something in every table."""
    for name in "abc":
        key = random_key()
        server.new_client(name, key if mode == "symmetric" else ed25519_public(key))
    for topic in ("t/1", "t/2", "gone"):
        server.new_topic(topic)
        server.attach("a", topic)
    server.attach("b", "t/1")
    server.call("PATCH", "/e4/client/a", {})  # an old key beside the wanted one
    server.call("DELETE", "/e4/topic/gone")
    if mode == "pubkey":
        for source in "bc":
            server.call("POST", f"/e4/client/a/link/{source}", {})
            server.call("POST", "/e4/send-client-pubkey",
                        {"sourceClient": {"name": source}, "targetClient": {"name": "a"}})
        server.call("DELETE", "/e4/client/c")
        server.call("POST", "/e4/new-c2-key", {"force": True})


def another(server, folder, **settings):
    """A second server's settings with an empty database."""
    folder.mkdir()
    other = Server(folder, 1, **settings)
    other.settings = {**server.settings, "db.path": folder / "c2.db"}
    return other


@pytest.fixture(params=["symmetric", "pubkey"])
def lonely(tmp_path, request):
    """A server with something in every table, and no broker: it writes nothing by itself."""
    folder = tmp_path / "c2"
    folder.mkdir()
    server = Server(folder, free_port(), request.param).start()
    fill(server, request.param)
    yield server
    server.kill()


def test_a_backup_of_a_serving_server_comes_back_in_any_database(lonely, tmp_path, postgres):
    first, second = tmp_path / "first", tmp_path / "second"
    code, _, text = run(lonely, "backup", "--to", first)
    assert code == 0 and "3 topics, 4 attachments" in text, text
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    code, _, text = run(lonely, "backup", "--to", first)
    assert code != 0 and "already" in text
    url = postgres.create("c2")
    code, _, text = run(lonely, "restore", "--from", first, db__url=url)
    assert code == 0, text
    code, _, text = run(lonely, "backup", "--to", second, db__url=url)
    assert code == 0, text
    other = another(lonely, tmp_path / "other")
    assert run(other, "restore", "--from", second)[0] == 0
    assert lonely.stop() == 0
    before, after = tables(lonely.settings["db.path"]), tables(other.settings["db.path"])
    assert after == before
    assert all(before[t] for t in before if lonely.settings["crypto.mode"] == "pubkey"), before
    with sqlite3.connect(other.settings["db.path"]) as db:
        assert db.execute("SELECT revision FROM state").fetchone()[0] > 2 * 10 ** 9
    lonely.start()
    assert lonely.stop() == 0  # and other than that it is as it was
    other.start()
    other.new_topic("new")
    assert other.stop() == 0


def test_a_backup_to_a_pipe_is_the_same(lonely, tmp_path):
    code, piped, _ = run(lonely, "backup", "--to", "-")
    assert code == 0 and run(lonely, "backup", "--to", tmp_path / "file")[0] == 0
    assert piped[:12] == b"E4 BACKUP 1\n" and piped == (tmp_path / "file").read_bytes()


def test_a_damaged_foreign_or_misplaced_backup_changes_nothing(c2, tmp_path):
    fill(c2)
    good = tmp_path / "good"
    assert run(c2, "backup", "--to", good)[0] == 0
    data = good.read_bytes()
    other = another(c2, tmp_path / "other")
    bad = tmp_path / "bad"
    for cut in (0, 5, 12, 100, len(data) // 2, len(data) - 1):
        bad.write_bytes(data[:cut])
        code, _, text = run(other, "restore", "--from", bad)
        assert code == 78 and ("cut off" in text or "no backup" in text), (cut, text)
    for at in range(12, len(data), len(data) // 12):
        bad.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1:])
        assert run(other, "restore", "--from", bad)[0] == 78, at
    bad.write_bytes(data + b"x")
    assert run(other, "restore", "--from", bad)[0] == 78
    assert not other.settings["db.path"].exists()
    code, _, text = run(c2, "restore", "--from", good)
    assert code == 74 and "in use" in text
    assert c2.stop() == 0
    before = tables(c2.settings["db.path"])
    code, _, text = run(c2, "restore", "--from", good)
    assert code != 0 and "new one" in text
    assert tables(c2.settings["db.path"]) == before


def test_a_backup_that_was_made_without_the_master_key_is_refused(c2, tmp_path):
    """Rows changed and the hash made anew: only the seal tells."""
    fill(c2)
    good, forged = tmp_path / "good", tmp_path / "forged"
    assert run(c2, "backup", "--to", good)[0] == 0
    data = good.read_bytes()
    body, tail = data[:-(32 + 1 + 49)], data[-(1 + 49):]
    assert hashlib.sha3_256(body).digest() == data[len(body):len(body) + 32]
    body = body.replace(b"t/1", b"t/9")
    forged.write_bytes(body + hashlib.sha3_256(body).digest() + tail)
    other = another(c2, tmp_path / "other")
    code, _, text = run(other, "restore", "--from", forged)
    assert code == 77 and "without the master key" in text
    wrong = tmp_path / "wrong"
    wrong.touch(mode=0o600)
    wrong.write_text("this is another passphrase\n")
    code, _, text = run(other, "restore", "--from", good, custody__passphrase_file=wrong)
    assert code == 77 and "wrong passphrase" in text
    assert not other.settings["db.path"].exists()


def test_a_fleet_recovers_by_itself_from_an_old_backup(c2, broker, tmp_path):
    """Topics were rotated, attached, detached and clients came, all lost with the database."""
    keys = {name: random_key() for name in ("a", "b", "late")}
    devices = {name: PyDevice(name, key).connect(broker.port) for name, key in keys.items()}
    try:
        for name in "ab":
            c2.new_client(name, keys[name])
        for topic in ("t/1", "t/2"):
            c2.new_topic(topic)
            for name in "ab":
                c2.attach(name, topic)
        for topic in ("t/1", "t/2"):
            c2.wait_confirmed(topic)
        old = {name: dict(devices[name].topics) for name in "ab"}
        assert run(c2, "backup", "--to", tmp_path / "backup")[0] == 0
        for _ in range(3):
            c2.new_topic("t/1")
        c2.new_topic("t/3")
        c2.attach("a", "t/3")
        c2.detach("b", "t/2")
        c2.new_client("late", keys["late"])
        revision = c2.topic_status("t/1")["revision"]
        for topic in ("t/1", "t/2", "t/3"):
            c2.wait_confirmed(topic)
        c2.wait_client_confirmed("b")
        assert topic_hash("t/3") in devices["a"].topics and devices["b"].topics != old["b"]
        c2.kill()
        other = another(c2, tmp_path / "other")
        assert run(other, "restore", "--from", tmp_path / "backup")[0] == 0
        other.start()
        try:
            for name in "ab":
                wait_until(lambda n=name: devices[n].topics == old[n], 60,
                           f"{name} holds what the restored server wants", step=0.1)
                other.wait_client_confirmed(name, 60)
            other.new_topic("t/1")
            other.wait_confirmed("t/1")
            assert other.topic_status("t/1")["revision"] > revision
            assert all(devices[n].topics[topic_hash("t/1")] != old[n][topic_hash("t/1")]
                       for n in "ab")
        finally:
            other.kill()
    finally:
        for device in devices.values():
            device.close()


def test_a_device_whose_key_was_changed_after_the_backup_is_named(c2, broker, tmp_path):
    device = PyDevice("moved", random_key()).connect(broker.port)
    try:
        c2.new_client("moved", device.key)
        c2.new_topic("t")
        c2.attach("moved", "t")
        c2.wait_confirmed("t")
        assert run(c2, "backup", "--to", tmp_path / "backup")[0] == 0
        c2.call("PATCH", "/e4/client/moved", {})
        c2.wait_client_confirmed("moved")
        c2.kill()
        other = another(c2, tmp_path / "other")
        assert run(other, "restore", "--from", tmp_path / "backup")[0] == 0
        other.start()
        try:
            status = wait_until(lambda: (s := other.client_status("moved")) and
                                "restored" in s.get("reason", "") and s, 60, "the reason", 0.1)
            assert "again" in status["reason"]
            device.close()  # what the operator does: a new key on both sides
            device = PyDevice("moved", random_key())
            other.new_client("moved", device.key)
            device.connect(broker.port)
            other.wait_client_confirmed("moved", 60)
        finally:
            other.kill()
    finally:
        device.close()


def test_migrate_says_what_it_did(tmp_path):
    folder = tmp_path / "c2"
    folder.mkdir()
    server = Server(folder, 1)
    code, text, _ = run(server, "migrate", "--check")
    assert code == 0 and b"schema 0" in text and not (folder / "c2.db").exists()
    code, text, _ = run(server, "migrate")
    assert code == 0 and b"from schema 0" in text
    code, text, _ = run(server, "migrate")
    assert code == 0 and b"nothing to do" in text
    with sqlite3.connect(folder / "c2.db") as db:
        db.execute("PRAGMA user_version = 999")
    for words in (["migrate"], ["migrate", "--check"], ["backup", "--to", tmp_path / "b"]):
        code, _, text = run(server, *words)
        assert code == 74 and "newer version" in text
    assert not (tmp_path / "b").exists()


def test_wrong_command_lines_are_refused(tmp_path):
    server = Server(tmp_path, 1)
    for words in (["nonsense"], ["backup"], ["backup", "--from", "x"], ["restore"], ["--to", "x"],
                  ["migrate", "--to", "x"], ["backup", "x", "--to", "y"]):
        code, _, text = run(server, *words)
        assert code == 2 and "--help" in text, words
    code, _, text = run(server, "backup", "--to", tmp_path / "b")
    assert code == 74 and not (tmp_path / "c2.db").exists()
