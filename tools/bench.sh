#!/bin/sh
# The benchmarks, as tables: primitives and messages beside their peers, then the key server.
# tools/bench_million.py measures it with a million clients, which takes some minutes more.
set -eu
cd "$(dirname "$0")/.."
build/release/client/bench/bench_crypto
build/release/client/bench/bench_ct64
build/release/c2/core/tests/bench_send
build/release/c2/core/tests/bench_mqtt
build/release/engine/tests/bench_schedule
build/release/c2/bench_engine
/usr/bin/python3 tools/bench_sim.py
exec /usr/bin/python3 tools/bench_c2.py "$@"
