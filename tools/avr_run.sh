#!/bin/sh
# Build the AVR simulator's program: tools/avr_run.sh OUT. It has the host's own curves in it.
set -eu
cd "$(dirname "$0")/.."
sodium=
grep -q curve_sodium client/meson.build && sodium=-lsodium
exec gcc -O2 -Wall -Wextra -Werror -Iclient/include -Iclient/src -Iclient/src/crypto \
	tools/avr_run.c client/src/crypto/*.c -o "$1" -lsimavr -lelf $sodium
