"""The database's life: backups, restores to any backend, migrations."""

import base64
import hashlib
import sqlite3
import stat
import struct
import subprocess
import time

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from actors import C2, Device, Process, Server, free_port, wait_until
from device import PyDevice, ed25519_public, random_key, topic_hash
from postgres import Postgres

# What a restore changes on purpose; what no backup holds because other rows tell it.
RAISED = {"state": ("revision", "last_event", "last_record", "checks")}
ASKED = ("next_at", "attempts", "nonce", "asked_at", "reason", "confirmed_rev", "behind_since")


@pytest.fixture
def postgres():
    p = Postgres()
    try:
        yield p.start()
    finally:
        p.close()


@pytest.fixture
def shared(postgres, tmp_path):
    """Settings that name it."""
    password = tmp_path / "db.password"
    password.touch(mode=0o600)
    password.write_text(Postgres.PASSWORD + "\n")
    return {"db__url": postgres.url(), "db__password_file": password}


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
    for name in "ab":
        server.call("PATCH", f"/e4/client/{name}/settings",
                    {"type": "TYPE_BOTH", "addTags": ["site=north", f"rack={name}"]})
    if mode == "pubkey":
        for source in "bc":
            server.call("POST", f"/e4/client/a/link/{source}", {})
            server.call("POST", "/e4/send-client-pubkey",
                        {"sourceClient": {"name": source}, "targetClient": {"name": "a"}})
        server.call("DELETE", "/e4/client/c")
        server.call("POST", "/e4/new-c2-key", {"force": True})


def another(server, folder):
    """A second server's settings with an empty database."""
    folder.mkdir()
    other = Server(folder, 1)
    other.settings = {**server.settings, "db.path": folder / "c2.db"}
    return other


@pytest.fixture(params=["symmetric", "pubkey"])
def lonely(tmp_path, request):
    """A server with something in every table, and no broker: it writes nothing by itself."""
    folder = tmp_path / "c2"
    folder.mkdir()
    server = Server(folder, free_port(), request.param).start()
    fill(server, request.param)
    with sqlite3.connect(server.settings["db.path"]) as db:
        db.execute("INSERT INTO record (kind, id, owner, version, body) VALUES (1, 5, 2, 3, ?)",
                   [bytes(range(256)) * 4096])
        db.execute("UPDATE state SET last_record = 5")
    yield server
    server.kill()


def test_a_backup_of_a_serving_server_comes_back_in_any_database(lonely, tmp_path, shared):
    first, second = tmp_path / "first", tmp_path / "second"
    code, _, text = run(lonely, "backup", "--to", first)
    assert code == 0 and "3 topics, 4 attachments" in text, text
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    code, _, text = run(lonely, "backup", "--to", first)
    assert code != 0 and "already" in text
    code, _, text = run(lonely, "restore", "--from", first, **shared)
    assert code == 0, text
    code, _, text = run(lonely, "backup", "--to", second, **shared)
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
    assert piped[:12] == b"E4 BACKUP 2\n" and piped == (tmp_path / "file").read_bytes()


def test_a_backup_that_finds_no_room_is_an_error(lonely):
    command = [str(w) for w in (C2, "backup", "--to", "-", *lonely.command()[1:-2])]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 74 and "room" in done.stderr


@pytest.mark.parametrize("where", ["sqlite", "postgres"])
def test_a_backup_is_of_one_moment(tmp_path, where, request):
    """Its reader is slow: what is changed while it waits is not in it."""
    folder = tmp_path / "c2"
    folder.mkdir()
    settings = request.getfixturevalue("shared") if where == "postgres" else {}
    server = Server(folder, free_port(), **settings).start()
    other = another(server, tmp_path / "other")
    other.settings |= {"db.url": None, "db.password_file": None}
    try:
        server.new_topic("before")
        for i in range(700):  # more than a pipe holds
            server.new_client(f"client {i}", random_key())
        server.attach("client 0", "before")
        command = [str(w) for w in (C2, "backup", "--to", "-", *server.command()[1:-2])]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as backup:
            data = backup.stdout.read(1)
            server.new_topic("after")
            server.attach("client 699", "after")
            server.call("DELETE", "/e4/client/client%200")
            server.call("DELETE", "/e4/topic/before")
            data += backup.stdout.read()
        assert backup.returncode == 0
        (tmp_path / "backup").write_bytes(data)
        assert run(other, "restore", "--from", tmp_path / "backup")[0] == 0
        with sqlite3.connect(other.settings["db.path"]) as db:
            assert db.execute("SELECT count(*), min(name) FROM client").fetchall() == [
                (700, "client 0")]
            assert db.execute("SELECT name, removed, n_members FROM topic").fetchall() == [
                ("before", 0, 1)]
            assert db.execute("SELECT n_clients, n_topics FROM state").fetchall() == [(700, 1)]
            assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    finally:
        server.kill()


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
    real = Process()
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
        c2.new_client("real", keys["late"])  # the device library, whose state only digests tell
        c2.attach("real", "t/1")
        real = Device(tmp_path, "real", broker.port, keys["late"]).start()
        c2.wait_client_confirmed("real")
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
        c2.attach("real", "t/3")
        c2.wait_client_confirmed("real")
        assert topic_hash("t/3") in devices["a"].topics and devices["b"].topics != old["b"]
        c2.kill()
        other = another(c2, tmp_path / "other")
        restored = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        assert run(other, "restore", "--from", tmp_path / "backup")[0] == 0
        other.start()
        try:
            for name in "ab":
                wait_until(lambda n=name: devices[n].topics == old[n], 60,
                           f"{name} holds what the restored server wants", step=0.1)
                other.wait_client_confirmed(name, 60)
            other.wait_client_confirmed("real", 60)
            assert other.client_status("real")["lastSeen"] >= restored
            other.new_topic("t/1")
            other.wait_confirmed("t/1")
            assert other.topic_status("t/1")["revision"] > revision
            assert all(devices[n].topics[topic_hash("t/1")] != old[n][topic_hash("t/1")]
                       for n in "ab")
        finally:
            other.kill()
    finally:
        real.kill()
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
    with sqlite3.connect(folder / "c2.db") as db:
        db.execute("PRAGMA user_version = 1")
    code, text, _ = run(server, "migrate", "--check")
    assert code == 0 and b"schema 1, this version needs" in text
    code, _, text = run(server, "backup", "--to", tmp_path / "b")
    assert code == 74 and "c2 migrate" in text
    assert not (tmp_path / "b").exists()


def test_wrong_command_lines_are_refused(tmp_path):
    server = Server(tmp_path, 1)
    for words in (["nonsense"], ["backup"], ["backup", "--from", "x"], ["restore"], ["--to", "x"],
                  ["migrate", "--to", "x"], ["backup", "x", "--to", "y"]):
        code, _, text = run(server, *words)
        assert code == 2 and "--help" in text, words
    code, _, text = run(server, "backup", "--to", tmp_path / "b")
    assert code == 74 and not (tmp_path / "c2.db").exists()


# --- A new master key -------------------------------------------------------------------


def key_file(folder, name):
    path = folder / name
    path.touch(mode=0o600)
    path.write_bytes(random_key())
    return path


def opens(master, purpose, row, sealed):
    """What custody/soft.c says, written anew: the key, or None."""
    key = hashlib.sha3_256(b"E4 custody seal " + master).digest()
    try:
        return AESSIV(key + key).decrypt(sealed[1:], [bytes([1, purpose, len(row)]) + row])
    except InvalidTag:
        return None


def sealed_keys(path):
    """(purpose, row, sealed key) of all that is in the database."""
    with sqlite3.connect(path) as db:
        for e4id, rev, key, private in db.execute(
                "SELECT e4id, key_rev, key, private_key FROM client"):
            yield 1, e4id + struct.pack("<Q", rev), key
            if private:
                yield 2, e4id + struct.pack("<Q", rev), private
        for e4id, rev, key in db.execute(
                "SELECT e4id, rev, o.key FROM old_key o JOIN client c ON c.id = client_id"):
            yield 1, e4id + struct.pack("<Q", rev), key
        for hash_, rev, key in db.execute("SELECT hash, rev, key FROM topic WHERE NOT removed"):
            yield 3, hash_ + struct.pack("<Q", rev), key
        for rev, key in db.execute("SELECT rev, private_key FROM c2_key"):
            yield 4, struct.pack("<Q", rev), key


def on_disk(server):
    path = server.settings["db.path"]
    return b"".join(f.read_bytes() for f in path.parent.glob(path.name + "*"))


def check_changed(server, old, new, before):
    """Everything opens under the new master key only; the files have nothing of before."""
    rows = list(sealed_keys(server.settings["db.path"]))
    assert rows
    for purpose, row, sealed in rows:
        assert opens(new.read_bytes(), purpose, row, sealed), (purpose, row)
        assert opens(old.read_bytes(), purpose, row, sealed) is None, (purpose, row)
    data = on_disk(server)
    assert all(sealed in data for _, _, sealed in rows)  # so this look would find them
    assert not any(sealed in data for _, _, sealed in before)


@pytest.fixture(params=["symmetric", "pubkey"])
def sealed_by_file(tmp_path, broker, request):
    folder = tmp_path / "c2"
    folder.mkdir()
    server = Server(folder, broker.port, request.param)
    server.settings |= {"custody.passphrase_file": None,
                        "custody.key_file": key_file(folder, "old")}
    server.start()
    fill(server, request.param)
    yield server
    server.kill()


def test_the_master_key_changes_under_a_serving_server(sealed_by_file, broker, tmp_path):
    c2, folder = sealed_by_file, tmp_path
    old, new = c2.settings["custody.key_file"], key_file(folder, "new")
    public = None
    if c2.settings["crypto.mode"] == "pubkey":
        public = base64.b64decode(c2.call("GET", "/e4/c2-public-key")["publicKey"])
    code, _, text = run(c2, "rekey")
    assert code != 0 and "custody.next_" in text
    assert c2.stop() == 0
    c2.settings["custody.next_key_file"] = new
    c2.start()
    device = PyDevice("device", random_key(), public).connect(broker.port)
    try:
        c2.new_client("device", device.public_key() if public else device.key)
        c2.attach("device", "t/1")
        for i in range(300):
            c2.new_topic(f"many/{i}")
        c2.wait_client_confirmed("device")
        before = list(sealed_keys(c2.settings["db.path"]))
        assert opens(old.read_bytes(), *before[0])
        change = subprocess.Popen([str(w) for w in (C2, "rekey", *c2.command()[1:-2])],
                                  stderr=subprocess.PIPE, text=True)
        served = 0
        while change.poll() is None:
            c2.new_topic(f"meanwhile/{served}")
            c2.new_topic("t/1")
            served += 1
        assert change.returncode == 0 and "changed" in change.stderr.read()
        assert served
        c2.new_topic("t/1")
        c2.wait_client_confirmed("device")
        wait_until(lambda: not any(s in on_disk(c2) for _, _, s in before), 30, "the log is empty")
    finally:
        device.close()
    assert c2.stop() == 0
    check_changed(c2, old, new, before)
    c2.start()  # both settings still there
    assert c2.stop() == 0
    c2.settings["custody.next_key_file"] = None
    code, text = c2.refuses_to_start()
    assert code == 77 and "wrong key file" in text
    c2.settings["custody.key_file"] = new
    c2.start()
    c2.call("POST", "/e4/protect-message", {"topic": "t/2", "data": "aGFsbG8="})
    assert c2.stop() == 0


def test_a_change_of_the_master_key_survives_any_kill(sealed_by_file, tmp_path):
    c2 = sealed_by_file
    old, new = c2.settings["custody.key_file"], key_file(tmp_path, "new")
    for i in range(500):
        c2.new_client(f"client {i}", ed25519_public(random_key()))
    assert c2.stop() == 0
    before = list(sealed_keys(c2.settings["db.path"]))
    c2.settings["custody.next_key_file"] = new
    command = [str(w) for w in (C2, "rekey", *c2.command()[1:-2])]
    kills = 0
    for step in range(100):
        change = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            change.wait(0.001 * 1.1 ** step)  # on any machine some are in the middle
            break
        except subprocess.TimeoutExpired:
            change.kill()
            change.wait()
            kills += 1
        if kills % 8 == 0:  # a server goes on as well, and is killed as well
            c2.start()
            c2.new_topic(f"killed {kills}")
            c2.kill()
    assert change.returncode == 0 and kills > 1
    c2.settings["custody.next_key_file"] = None
    c2.settings["custody.key_file"] = new
    c2.start()
    assert c2.stop() == 0
    check_changed(c2, old, new, before)


def test_half_a_change_needs_both_keys(sealed_by_file, tmp_path):
    """Begun, then the next key is taken away, or is another one."""
    c2 = sealed_by_file
    assert c2.stop() == 0
    c2.settings["custody.next_key_file"] = key_file(tmp_path, "new")
    c2.start()
    assert c2.stop() == 0
    with sqlite3.connect(c2.settings["db.path"]) as db:  # the first step, and no more
        db.execute("INSERT INTO meta VALUES ('custody_change', ?)",
                   (bytes([1, 0, 0]) + bytes(16),))
    for other in (None, key_file(tmp_path, "another")):
        code, text = Server.refuses_to_start(
            type("", (), {"command": lambda s, o=other: [
                w if "next_key_file" not in str(w) else f"--set=custody.next_key_file={o or ''}"
                for w in c2.command()]})())
        assert code == 77 and "next" in text, text
    c2.start()
    for _ in range(2):  # the second time there is nothing to do
        assert run(c2, "rekey")[0] == 0
    assert c2.stop() == 0


def test_servers_that_share_a_database_change_its_master_key(tmp_path, broker, postgres, shared):
    old, new = key_file(tmp_path, "old"), key_file(tmp_path, "new")
    servers = []
    for name in "ab":
        (tmp_path / name).mkdir()
        server = Server(tmp_path / name, broker.port, **shared)
        server.settings |= {"custody.passphrase_file": None, "custody.key_file": old,
                            "custody.next_key_file": new}
        servers.append(server)
    a, b = servers
    device = PyDevice("device", random_key()).connect(broker.port)
    try:
        a.start()
        b.start()
        a.new_client("device", device.key)
        for i in range(50):
            b.new_topic(f"t/{i}")
        code, _, text = run(a, "rekey")
        assert code == 0 and "changed" in text
        for server in servers:  # one of them did not do it, and knows it
            server.new_topic("shared")
            server.attach("device", "shared")
            server.wait_client_confirmed("device")
        keys = postgres.sql(
            "SELECT encode(hash, 'hex'), rev, encode(key, 'hex') FROM e4.topic").splitlines()
        assert len(keys) == 51
        for line in keys:
            hash_, rev, sealed = line.split("|")
            row = bytes.fromhex(hash_) + struct.pack("<Q", int(rev))
            assert opens(new.read_bytes(), 3, row, bytes.fromhex(sealed)), line
    finally:
        device.close()
        for server in servers:
            server.kill()
