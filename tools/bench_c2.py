#!/usr/bin/python3
"""Measure a real c2 with its database on disk, a real broker, 8 connections by h2load.

Usage: tools/bench_c2.py [CLIENTS [sqlite|postgres]]    (default 100000, both)
"""

import base64
import os
import pathlib
import secrets
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
from actors import BUILD, C2CLI, Broker, Server  # noqa: E402
from postgres import Postgres  # noqa: E402

CONNECTIONS = 8


def resident_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError("no VmRSS")


class Load:
    """h2load over HTTP/1.1: each connection is a process with its own share of the paths."""

    def __init__(self, server, folder):
        self.server = server
        self.folder = pathlib.Path(folder)

    def start(self, number, paths, verb, body):
        uris, log = self.folder / f"uris{number}", self.folder / f"log{number}"
        base = f"http://127.0.0.1:{self.server.http_port}"
        uris.write_text("".join(f"{base}{p}\n" for p in paths))
        log.unlink(missing_ok=True)
        command = ["h2load", "--h1", "-c", "1", "-m", "1", "-n", str(len(paths)), "-i", str(uris),
                   f"--log-file={log}", "-H", "content-type: application/json"]
        if body is not None:
            data = self.folder / f"body{number}"
            data.write_text(body)
            command += ["-d", str(data)]
        if verb not in ("GET", "POST"):
            command += ["-H", f":method: {verb}"]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL), log

    def run(self, paths, verb="GET", body=None):
        """(requests per second, median ms, 99th percentile ms); refuses a run with a failure."""
        shares = [self.start(n, paths[n::CONNECTIONS], verb, body) for n in range(CONNECTIONS)]
        rows = []
        for child, log in shares:
            if child.wait() != 0:
                raise RuntimeError("h2load failed")
            rows += [[int(x) for x in line.split("\t")] for line in log.read_text().splitlines()]
        bad = sum(status != 200 for _, status, _ in rows)
        if bad or len(rows) != len(paths):
            raise RuntimeError(f"{bad} of {len(rows)} requests failed, {len(paths)} wanted")
        took_ms = sorted(us / 1000 for _, _, us in rows)
        seconds = (max(at + us for at, _, us in rows) - min(at for at, _, _ in rows)) / 1e6
        return len(rows) / seconds, statistics.median(took_ms), took_ms[int(len(took_ms) * 0.99)]


def row(name, figures):
    rate, median, p99 = figures
    print(f"{name:<44}{rate:>10,.0f}/s{median:>10.2f}{p99:>10.2f}", flush=True)


def bare_commits(folder, n=2000):
    """Durable inserts per second, one commit each, of SQLite alone on the same disk: the peer."""
    with sqlite3.connect(folder / "bare.db", isolation_level=None) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE, key BLOB)")
        took_ms = []
        for i in range(n):
            start = time.perf_counter()
            db.execute("INSERT INTO t (name, key) VALUES (?, ?)", (f"device-{i:07}", b"k" * 49))
            took_ms.append((time.perf_counter() - start) * 1000)
    took_ms.sort()
    return n / sum(took_ms) * 1000, statistics.median(took_ms), took_ms[int(n * 0.99)]


def imported(server, folder, clients, name, **columns):
    """Clients per second of c2cli import, from a CSV file, in chunks of 1,000."""
    file = folder / f"{name}.csv"
    with file.open("w") as f:
        f.write(",".join(["name", "key", *columns]) + "\n")
        f.writelines(",".join([f"{name}-{n:07}", secrets.token_hex(32), *columns.values()]) + "\n"
                     for n in range(clients))
    start = time.perf_counter()
    subprocess.run([C2CLI, "-e", f"127.0.0.1:{server.grpc_port}", "import", "clients", file,
                    "--create-topics"], check=True, stdout=subprocess.DEVNULL)
    return clients / (time.perf_counter() - start)


def measure_imports(server, folder, clients):
    print(f"{'client imported by c2cli, chunks of 1,000':<44}"
          f"{imported(server, folder, clients, 'plain'):>10,.0f}/s")
    print(f"{'the same with a tag and 10 topics':<44}"
          f"{imported(server, folder, clients // 5, 'full', tags='site=a', topics=';'.join(f't{n}' for n in range(10))):>10,.0f}/s")


def measure(server, folder, clients, database):
    load = Load(server, folder)
    body = '{"key":"%s"}' % base64.b64encode(b"k" * 32).decode()
    print(f"{'c2, ' + str(CONNECTIONS) + f' connections, {database.name}':<44}{'rate':>12}"
          f"{'median ms':>10}{'p99 ms':>10}")
    row("(peer: SQLite alone, a commit each)", bare_commits(folder))
    row("client created, durable", load.run(
        [f"/e4/client/device-{n:07}" for n in range(clients)], "POST", body))
    if server.call("GET", "/e4/clients/count") != {"count": str(clients)}:
        raise RuntimeError("not every client was created")
    server.new_topic("bench")
    some = range(0, clients, max(1, clients // 20000))
    row("client attached, durable, key sent", load.run(
        [f"/e4/client/device-{n:07}/topic/bench" for n in some], "PUT"))
    reads = {
        "count of clients": "/e4/clients/count",
        "status of a client": "/e4/client/device-{n:07}/status",
        "topics of a client": "/e4/client/device-{n:07}/topics?offset=0&count=10",
        "first page of 100 clients": "/e4/clients?offset=0&count=100",
        "last page of 100 clients": f"/e4/clients?offset={clients - 100}&count=100",
        "100 clients found from a name on": "/e4/search/clients?cursor=device-{n:07}",
    }
    for name, path in reads.items():
        row(name, load.run([path.format(n=n) for n in list(some)[:20000]]))
    print(f"resident memory with {clients:,} clients: {resident_mib(server.child.pid):.0f} MiB, "
          f"database: {database.size(server) / 1e6:.0f} MB")
    measure_imports(server, folder, clients)


class Sqlite:
    name = "SQLite"

    def settings(self, folder):
        return {}

    def measure_sending(self, devices):
        pass  # bench_send does

    def size(self, server):
        return sum(f.stat().st_size for f in server.folder.glob("c2.db*"))

    def close(self):
        pass


class OnPostgres:
    """With the settings of a fresh installation."""

    name = "PostgreSQL"

    def __init__(self):
        self.server = Postgres().start()

    def settings(self, folder):
        file = folder / "db-password"
        file.touch(mode=0o600)
        file.write_text(Postgres.PASSWORD + "\n")
        return {"db.url": self.server.url(), "db.password_file": file}

    def measure_sending(self, devices):
        """Commands handed to a bus in memory; leaves an empty database."""
        print("commands to a bus in memory, PostgreSQL", flush=True)
        subprocess.run([BUILD / "c2/core/tests/bench_send", str(devices), "4"], check=True,
                       env={**os.environ, "E4_STORE_URL": self.server.url(),
                            "PGPASSWORD": Postgres.PASSWORD})
        self.server.sql("DROP SCHEMA e4 CASCADE")

    def size(self, server):
        return int(self.server.sql("SELECT pg_database_size(current_database())"))

    def close(self):
        self.server.close()


DATABASES = {"sqlite": Sqlite, "postgres": OnPostgres}


def run(clients, database):
    with tempfile.TemporaryDirectory(prefix="e4-bench-", dir="/var/tmp") as folder:
        folder = pathlib.Path(folder)
        broker = Broker(folder).start()
        server = Server(folder, broker.port, delivery__receipt_wait=60, delivery__retry_max=600,
                        **database.settings(folder))
        try:
            database.measure_sending(min(clients, 10000))
            measure(server.start(), folder, clients, database)
        finally:
            server.kill()
            broker.kill()
            database.close()


def main():
    clients = int(sys.argv[1]) if len(sys.argv) > 1 else 100000
    for name in sys.argv[2:3] or DATABASES:
        run(clients, DATABASES[name]())


if __name__ == "__main__":
    main()
