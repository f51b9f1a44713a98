#!/bin/sh
# pytest with Debian's Python; a selection without tests is a failure.
cd "$(dirname "$0")/.." || exit 1
export PYTHONDONTWRITEBYTECODE=1
exec /usr/bin/python3 -m pytest -q -p no:cacheprovider --durations=5 "$@"
