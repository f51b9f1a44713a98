#!/usr/bin/python3
"""A real c2 with a million clients in ten topics each: size, start, reads, a rotation of all.

Usage: tools/bench_million.py [CLIENTS [TOPICS_EACH]]    (default 1000000 10; some minutes)
"""

import pathlib
import random
import sqlite3
import subprocess
import sys
import tempfile
import time

from bench_c2 import Load, resident_mib, row  # also finds the actors
from actors import BUILD, Server

READS = 20000


def fill(folder, clients, each):
    """The database that a fleet leaves behind, made by the server's own core and store."""
    passphrase = folder / "passphrase"
    passphrase.touch(mode=0o600)
    passphrase.write_text("correct horse battery staple\n")
    start = time.monotonic()
    subprocess.run([BUILD / "c2" / "fill_fleet", folder / "c2.db", passphrase, str(clients),
                    str(each)], check=True)
    print(f"filled {clients:,} clients with {each} topics each in "
          f"{time.monotonic() - start:.0f} s", flush=True)


def on_disk_mb(folder):
    return sum(f.stat().st_size for f in folder.glob("c2.db*")) / 1e6


def by_table(path):
    """MB of each table and index, where this SQLite can tell."""
    with sqlite3.connect(path) as db:
        try:
            rows = db.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall()
        except sqlite3.OperationalError:
            return ""
    return ", ".join(f"{name} {size / 1e6:.0f}" for name, size in
                     sorted(rows, key=lambda r: -r[1]) if size > 1e6)


def reads(load, clients):
    chance = random.Random(1)
    some = [chance.randrange(clients) for _ in range(READS)]
    paths = {
        "count of clients": "/e4/clients/count",
        "status of a client": "/e4/client/device-{n:07}/status",
        "topics of a client": "/e4/client/device-{n:07}/topics?offset=0&count=10",
        "number of clients in the topic of all": "/e4/topic/fleet/clients/count",
        "a page of 100 clients anywhere": "/e4/clients?offset={n}&count=100",
    }
    worst = 0
    for name, path in paths.items():
        figures = load.run([path.format(n=n) for n in some])
        worst = max(worst, figures[2])
        row(name, figures)
    return worst


def rotate(server, load, times=20):
    """Milliseconds of each rotation of the topic of all devices, as its caller sees it."""
    took = []
    for _ in range(times):
        start = time.perf_counter()
        answer = server.new_topic("fleet")
        took.append((time.perf_counter() - start) * 1000)
    took.sort()
    print(f"rotation of a topic of {answer['delivery']['recipients']} members: median "
          f"{took[times // 2]:.1f} ms, slowest {took[-1]:.1f} ms", flush=True)


def measure(folder, clients, each):
    fill(folder, clients, each)
    print(f"on disk: {on_disk_mb(folder):.0f} MB ({by_table(folder / 'c2.db')})", flush=True)
    # The broker stays away: what is measured is C2 that has all of it still to send.
    server = Server(folder, 1)
    start = time.perf_counter()
    try:
        server.start()
        print(f"start: {time.perf_counter() - start:.2f} s", flush=True)
        load = Load(server, folder)
        print(f"{'8 connections':<44}{'rate':>12}{'median ms':>10}{'p99 ms':>10}")
        reads(load, clients)
        rotate(server, load)
        print(f"resident: {resident_mib(server.child.pid):.0f} MiB")
    finally:
        server.kill()


def main():
    clients = int(sys.argv[1]) if len(sys.argv) > 1 else 1000000
    each = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    with tempfile.TemporaryDirectory(prefix="e4-million-", dir="/var/tmp") as folder:
        measure(pathlib.Path(folder), clients, each)


if __name__ == "__main__":
    main()
