#!/usr/bin/python3
"""Fleets in virtual time: a month of daily rotations, and a flood of returns.

Usage: tools/bench_sim.py [DEVICES]    (default 100000; 1000000 takes a quarter of an hour)
"""

import json
import os
import pathlib
import subprocess
import sys
import time

E4SIM = pathlib.Path(__file__).resolve().parent.parent / "build" / "release" / "sim" / "e4sim"


def run(*options):
    """(what e4sim reports, seconds, processor seconds, MiB of the largest process)."""
    start = time.monotonic()
    child = subprocess.Popen([E4SIM, "--json", "--quiet", *options], stdout=subprocess.PIPE)
    report = json.loads(child.stdout.read())
    _, status, used = os.wait4(child.pid, 0)
    if status != 0:
        raise RuntimeError("devices were lost")
    return report, time.monotonic() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def month(devices, name, *options):
    report, seconds, cpu, mib = run("--fleet", str(devices), "--days", "30", "--shards", "2",
                                    *options)
    print(f"{name:<44}{seconds:>9.0f} s{cpu:>9.0f} s{cpu / report['device_rotations'] * 1e6:>10.1f}"
          f"{mib:>8.0f}{report['reachable_ms']['99%'] / 1000:>10.1f} s", flush=True)


def flood(devices):
    report, _, cpu, mib = run("--fleet", str(devices), "--back-within", "60s")
    waits = report["reachable_ms"]
    print(f"{devices:,} devices back within a minute: longest wait "
          f"{waits['longest'] / 1000:.1f} s (at most 120), 99 % {waits['99%'] / 1000:.1f} s; "
          f"most receipts waiting {report['most_receipts_waiting']} (at most 8192); "
          f"{cpu:.0f} s of processor, {mib:.0f} MiB with the devices")


def main():
    devices = int(sys.argv[1]) if len(sys.argv) > 1 else 100000
    print(f"{f'a month, {devices:,} devices, rotated daily':<44}{'wall':>11}{'cpu':>11}"
          f"{'us each':>10}{'MiB':>8}{'99 % have':>12}")
    month(devices, "all online")
    month(devices, "40 % away, clean sessions", "--offline", "40%", "--broker", "clean")
    flood(100000)


if __name__ == "__main__":
    main()
