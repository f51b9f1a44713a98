#!/bin/sh
# The benchmarks, as tables: primitives and messages beside their peers, then the key server.
set -eu
cd "$(dirname "$0")/.."
build/release/client/bench/bench_crypto
build/release/client/bench/bench_ct64
/usr/bin/python3 tools/bench_sim.py
exec /usr/bin/python3 tools/bench_c2.py "$@"
