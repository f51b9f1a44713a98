#!/bin/sh
# Configure (once) and compile one of the builds below build/.
# Usage: tools/build.sh release|asan|clang|fuzz|afl
set -eu
cd "$(dirname "$0")/.."

case "${1:-}" in
release) cc=gcc options='--buildtype=debugoptimized -Doptimization=2' ;;
asan) cc=gcc options='--buildtype=debugoptimized -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false -Dwerror=true' ;;
clang) cc=clang options='--buildtype=debugoptimized -Doptimization=2 -Dwerror=true' ;;
fuzz) cc=clang options='--buildtype=debugoptimized -Doptimization=1 -Db_sanitize=address,undefined -Db_lundef=false -Dfuzz=true' ;;
# the same targets for AFL++; no sanitizer: five times the speed, and libFuzzer has them
afl) cc=afl-clang-fast options='--buildtype=debugoptimized -Doptimization=1 -Db_lundef=false -Dfuzz=true' ;;
*) echo "usage: tools/build.sh release|asan|clang|fuzz|afl" >&2; exit 2 ;;
esac

mkdir -p build
dir=build/$1
if [ ! -e "$dir/build.ninja" ]; then
	rm -rf "$dir"
	# shellcheck disable=SC2086
	CC=$cc meson setup "$dir" $options >"$dir.log" 2>&1 || {
		cat "$dir.log" >&2
		exit 1
	}
fi
ninja -C "$dir" --quiet >"$dir.log" 2>&1 || {
	cat "$dir.log" >&2
	exit 1
}
grep -A 8 'warning: ' "$dir.log" || :
