#!/bin/sh
# Assemble the packages of the device library below OUTDIR, each whole in itself.
# Usage: tools/package_device.sh OUTDIR
set -eu
[ $# -eq 1 ] || { echo 'usage: tools/package_device.sh OUTDIR' >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
version=$(sed -n "s/^  version: '\(.*\)',$/\1/p" meson.build)

for kind in arduino platformio zephyr esp-idf cmake; do
	rm -rf "${out:?}/$kind"
	cp -R "packaging/device/$kind" "$out/$kind"
	cp LICENSE "$out/$kind/" 2>/dev/null || :
	tools/amalgamate.py "$out/$kind/src"
done
grep -rl '@VERSION@' "$out" | while read -r file; do
	sed -i "s/@VERSION@/$version/" "$file"
done
