"""Several servers on one database: any of them may die at any time.

E4_DEVICES and E4_ROTATIONS say how large the storm is (./check all: 2,000 and 100)."""

import http.client
import json
import os
import pathlib
import random
import subprocess
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from actors import C2CLI, Broker, Device, Refused, Server, wait_until
from device import random_key
from mariadb import MariaDB
from postgres import Postgres

DEVICES = int(os.environ.get("E4_DEVICES", "200"))
ROTATIONS = int(os.environ.get("E4_ROTATIONS", "30"))


class Cluster:
    """Servers that share a database, a passphrase and a broker; calls go to any that answers."""

    def __init__(self, folder, size, kind):
        self.folder = folder
        self.broker = Broker(self.made("broker")).start()
        self.database = kind().start()
        self.rng = random.Random(5)
        self.servers = [self.server(n) for n in range(size)]
        for s in self.servers:
            s.start()

    def made(self, name):
        (self.folder / name).mkdir()
        return self.folder / name

    def server(self, n):
        folder = self.made(f"c2-{n}")
        password = folder / "db-password"
        password.touch(mode=0o600)
        password.write_text(self.database.PASSWORD + "\n")
        return Server(folder, self.broker.port, db__url=self.database.url(),
                      db__password_file=password)

    def call(self, verb, path, body=None):
        """As a load balancer: another server when one does not answer."""
        def answer():
            try:
                return [self.rng.choice(self.servers).call(verb, path, body)]
            except (OSError, http.client.HTTPException):
                return None
            except Refused as e:
                if e.status != 503:
                    raise
                return None
        return wait_until(answer, 60, f"an answer to {verb} {path}")[0]

    def close(self):
        for s in self.servers:
            s.kill()
        self.database.close()
        self.broker.kill()


@pytest.fixture(params=[Postgres, MariaDB])
def cluster(tmp_path, request):
    made = []

    def new(size):
        made.append(Cluster(tmp_path, size, request.param))
        return made[-1]
    yield new
    for c in made:
        c.close()


def enrol(cluster, folder, names, topics):
    """Clients with two topics each, and the file that e4client -many takes."""
    rows, keys = [], {name: random_key() for name in names}

    def one(at):
        n, name = at
        server = cluster.servers[n % len(cluster.servers)]
        server.new_client(name, keys[name])
        for t in (topics[n % len(topics)], topics[(n + 1) % len(topics)]):
            server.attach(name, t)
    for name, key in keys.items():
        file = folder / f"{name}.key"
        file.touch(mode=0o600)
        file.write_bytes(key)
        rows.append(json.dumps({"name": name, "key": str(file)}))
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, enumerate(names)))
    (folder / "fleet.jsonl").write_text("\n".join(rows))
    return folder / "fleet.jsonl"


def progress(cluster, topic):
    status = cluster.call("GET", f"/e4/topic/{topic}/status")
    return {k: int(v) for k, v in status.items() if isinstance(v, str) and v.isdigit()}


def starts(server):
    """The database may be away: systemd would go on trying, too."""
    try:
        return server.start()
    except AssertionError:
        server.kill()
        return None


def all_confirmed(cluster, topics):
    return all(p["confirmed"] == p["members"] for p in (progress(cluster, t) for t in topics))


@pytest.fixture
def fleet_folder():
    """In memory: every device has its own flash, and would share one disk here."""
    with tempfile.TemporaryDirectory(prefix="e4-fleet-", dir="/dev/shm") as name:
        yield pathlib.Path(name)


def test_servers_die_the_database_and_the_broker_restart_and_every_device_confirms(
        cluster, fleet_folder, capsys):
    c = cluster(3)
    topics = [f"t{n}" for n in range(4)]
    for t in topics:
        c.call("POST", f"/e4/topic/{t}", {})
    names = [f"dev{n:05}" for n in range(DEVICES)]
    fleet = Device(fleet_folder, "fleet", c.broker.port)
    fleet.start_many(enrol(c, fleet_folder, names, topics))
    done = threading.Event()
    killed = [0]

    def killer():
        while not done.wait(c.rng.uniform(0.5, 3)):
            victim = c.rng.choice(c.servers)
            victim.kill()
            killed[0] += 1
            done.wait(c.rng.uniform(0, 0.5))
            wait_until(lambda: starts(victim), 60, "a killed server starts again", 0.2)

    try:
        wait_until(lambda: all_confirmed(c, topics), 120, "the fleet has its first keys", 0.5)
        thread = threading.Thread(target=killer)
        thread.start()
        began = time.monotonic()
        n = 0
        while n < ROTATIONS or (killed[0] < 3 and thread.is_alive()):
            c.call("POST", f"/e4/topic/{topics[n % 4]}", {})
            if n in (ROTATIONS // 4, 3 * ROTATIONS // 4):
                c.database.restart()
            if n in (ROTATIONS // 3, 2 * ROTATIONS // 3):
                c.broker.kill()
                c.broker.start()
            done.wait(c.rng.uniform(0, 0.6))
            n += 1
        stormed = time.monotonic() - began
        done.set()
        thread.join()
        began = time.monotonic()
        wait_until(lambda: all_confirmed(c, topics), 300, "the fleet has its last keys", 0.5)
        with capsys.disabled():
            print(f"\n{DEVICES} devices, {n} rotations in {stormed:.0f} s, "
                  f"{killed[0]} servers killed; all confirmed {time.monotonic() - began:.1f} s later")
        assert killed[0] >= 3
        # No harm by doubles: each member has one key, and everybody was counted once.
        assert sum(progress(c, t)["members"] for t in topics) == 2 * DEVICES
        assert c.call("GET", "/e4/clients/count") == {"count": str(DEVICES)}
    finally:
        done.set()
        fleet.kill()


def test_what_a_dead_server_had_to_send_is_sent_by_another(cluster):
    c = cluster(2)
    a, b = c.servers
    c.call("POST", "/e4/topic/t0", {})
    folder = c.made("devices")
    fleet = Device(folder, "fleet", c.broker.port)
    fleet.start_many(enrol(c, folder, ["one", "two"], ["t0", "t0"]))
    try:
        wait_until(lambda: all_confirmed(c, ["t0"]), 30, "both have their keys", 0.1)
        for _ in range(5):
            a.new_topic("t0")
            a.kill()  # at once: it may have sent all, some or nothing
            b.wait_confirmed("t0", 10)
            a.start()
    finally:
        fleet.kill()


def test_a_stream_of_events_has_those_of_all_servers_in_one_order(cluster):
    c = cluster(2)
    c.call("POST", "/e4/topic/t", {})
    for n in range(20):
        c.servers[n % 2].new_client(f"c{n}", random_key())
    streams = [subprocess.Popen([C2CLI, "-e", f"127.0.0.1:{s.grpc_port}", "-o", "json", "events",
                                 "--after", "0"], stdout=subprocess.PIPE, text=True)
               for s in c.servers]
    try:
        for n in range(20):
            c.servers[n % 2].attach(f"c{n}", "t")
        seen = [[json.loads(stream.stdout.readline()) for _ in range(20)] for stream in streams]
    finally:
        for stream in streams:
            stream.kill()
            stream.wait()
    assert seen[0] == seen[1]
    assert [int(e["sequence"]) for e in seen[0]] == list(range(1, 21))
    assert [e["source"] for e in seen[0]] == [f"c{n}" for n in range(20)]
