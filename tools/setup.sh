#!/bin/sh
# Install the Debian packages of tools/packages.txt that are missing.
# Usage: tools/setup.sh run|check|all     (check includes run, all includes both)
set -eu
here=$(cd "$(dirname "$0")" && pwd)

case "${1:-}" in
run) sets=run ;;
check) sets='run check' ;;
all) sets='run check all' ;;
*) echo "usage: tools/setup.sh run|check|all" >&2; exit 2 ;;
esac

missing=
while read -r set package rest; do
	case " $sets " in *" $set "*) ;; *) continue ;; esac
	# The last word may name a command that does as well as the package.
	instead=${rest##* }
	dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' && continue
	case "$rest" in *'   '*) command -v "$instead" >/dev/null 2>&1 && continue ;; esac
	missing="$missing $package"
done <<LIST
$(grep -v '^#' "$here/packages.txt")
LIST

[ -n "$missing" ] || exit 0
echo "== installing:$missing"
root=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null 2>&1 || {
		echo "These Debian packages are missing and installing them needs root or sudo:$missing" >&2
		exit 1
	}
	root=sudo
fi

# Packages that bring a service (mosquitto) must not start it: nothing of ours runs by itself.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' | $root tee $policy >/dev/null
	$root chmod 755 $policy
	trap '$root rm -f $policy' EXIT
fi
log=$(mktemp)
# shellcheck disable=SC2086
if ! { $root apt-get update -q && $root env DEBIAN_FRONTEND=noninteractive \
	apt-get install -qy --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
	tail -n 20 "$log" >&2
	echo "apt-get failed; the whole output is in $log" >&2
	exit 1
fi
rm -f "$log"
