#!/bin/sh
# The demonstration behind ./run: real programs on loopback, data in run-data/.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
PATH=$root/build/release/c2:$root/build/release/cli:/usr/sbin:$PATH

mode=symmetric fresh= once=
for arg in "$@"; do
	case $arg in
	pubkey) mode=pubkey ;;
	--fresh) fresh=1 ;;
	--once) once=1 ;;
	*) echo "unknown argument: $arg (see ./run --help)" >&2; exit 2 ;;
	esac
done

data=$root/run-data/$mode
[ -z "$fresh" ] || rm -rf "$data"
mkdir -p "$data"
chmod 700 "$data"
cd "$data"
umask 077
topic=plant/line1/temperature

bold() { printf '\n\033[1m%s\033[0m\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

# --- Everything started here ends here ---------------------------------------
pids=
cleanup() {
	trap - EXIT INT TERM
	for pid in $pids; do kill "$pid" 2>/dev/null || :; done
	wait
	rm -f "$data"/*.in
}
trap cleanup EXIT
trap 'echo; echo "stopping"; exit 0' INT TERM

# Wait until a command succeeds, at most some seconds.
await() { # seconds what command...
	left=$(($1 * 10)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		[ $left -gt 0 ] || die "$what did not happen; see the logs in $data"
		sleep 0.1
	done
}

# --- Broker --------------------------------------------------------------------
start_broker() {
	for port in 1883 18831 18832 18833 18834 18835; do
		printf 'listener %s 127.0.0.1\nallow_anonymous true\npersistence false\n' $port >broker.conf
		mosquitto -c broker.conf >broker.log 2>&1 &
		broker=$!
		sleep 0.3
		if kill -0 $broker 2>/dev/null; then
			pids="$pids $broker"
			return
		fi
	done
	die "no free port for the broker; see $data/broker.log"
}
start_broker
: >broker-view.log
stdbuf -oL mosquitto_sub -p "$port" -t "$topic" -F %x >>broker-view.log 2>/dev/null &
pids="$! $pids"

# --- Key server ------------------------------------------------------------------
[ -e passphrase ] || head -c 24 /dev/urandom | base64 >passphrase
start_server() { # http grpc
	rm -f ready.json
	c2 --set crypto.mode=$mode --set db.path="$data/c2.db" \
		--set custody.passphrase_file="$data/passphrase" \
		--set mqtt.url=mqtt://127.0.0.1:"$port" --set http.listen="127.0.0.1:$1" \
		--set grpc.listen="127.0.0.1:$2" --set delivery.receipt_wait=2 \
		--ready-file "$data/ready.json" 2>>c2.log &
	server=$!
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
		[ -e ready.json ] && break
		kill -0 $server 2>/dev/null || return 1
		sleep 0.2
	done
	[ -e ready.json ] || return 1
	pids="$server $pids"
}
start_server 8888 5555 || start_server 0 0 || die "c2 did not start: $(tail -n 3 c2.log)"
address() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" ready.json; }
grpc=$(address grpc)
http=$(address http)
cli() { c2cli --endpoint "$grpc" "$@"; }

bold "E4, $mode mode"
echo "broker      127.0.0.1:$port (mosquitto: it only sees protected bytes)"
echo "key server  http://$http  gRPC $grpc"
echo "devices     sensor and display, attached to $topic"

# --- Devices ------------------------------------------------------------------------
enrol() { # name: key material on the device, and its entry at the key server
	if [ $mode = pubkey ]; then
		[ -e "$1.key" ] || e4keygen -type ed25519 -out "$1.key" >/dev/null
		material=$1.key.pub
	else
		[ -e "$1.key" ] || e4keygen -type symmetric -out "$1.key" >/dev/null
		material=$1.key
	fi
	cli client list 2>/dev/null | grep -qx "$1" || cli client create --name "$1" --key "$material" >/dev/null
}
device() { # name: in the background, reading its commands from a pipe
	rm -f "$1.in"
	mkfifo "$1.in"
	set -- "$1" -name "$1" -key "$1.key" -broker 127.0.0.1:"$port"
	[ $mode = symmetric ] || set -- "$@" -pubkey -c2PubKey c2.pub
	name=$1
	shift
	e4client "$@" <"$name.in" >"$name.log" 2>&1 &
	pids="$! $pids"
}
[ $mode = symmetric ] || cli c2-public-key --output json | sed -n 's/.*"publicKey": *"\([^"]*\)".*/\1/p' | base64 -d >c2.pub
for name in sensor display; do
	enrol $name
	device $name
done
exec 3>sensor.in 4>display.in
cli topic list 2>/dev/null | grep -qx $topic || cli topic create --name $topic >/dev/null
for name in sensor display; do cli attach --client $name --topic $topic >/dev/null; done
if [ $mode = pubkey ]; then
	cli client send-pubkey --source sensor --target display >/dev/null
	cli client send-pubkey --source display --target sensor >/dev/null
fi
cli status --topic $topic --wait
echo "subscribe $topic" >&4
await 10 'the subscription' grep -q subscribed display.log

# --- What each one sees -----------------------------------------------------------------
say_and_show() { # text
	: >broker-view.log
	echo "e4msg $topic $1" >&3
	await 10 "display reading \"$1\"" grep -q "$1" display.log
	echo "sensor says: $1"
	echo "the broker sees:"
	await 10 'the message at the broker' test -s broker-view.log
	fold -w 64 broker-view.log | sed 's/^/            /'
	echo "display reads:"
	grep "$1" display.log | tail -n 1 | sed 's/^/            /'
}
bold 'A protected message'
say_and_show "21.5 degrees at $(date +%T)"
bold 'The topic key is rotated while they talk'
cli topic create --name $topic
cli status --topic $topic --wait
say_and_show "21.7 degrees under the new key at $(date +%T)"

bold 'Ready'
[ -z "$once" ] || exit 0
endpoint=
[ "$grpc" = 127.0.0.1:5555 ] || endpoint=" -e $grpc"
bin=build/release/cli
cat <<TEXT
Both devices go on talking. In another terminal, from $root:

    $bin/c2cli$endpoint topic create --name $topic      rotate the key
    $bin/c2cli$endpoint status --topic $topic --wait     who has it
    $bin/c2cli$endpoint detach --client display --topic $topic
    $bin/c2cli$endpoint --help
    tail -f run-data/$mode/display.log
    curl http://$http/e4/topics?count=10

Ctrl-C stops everything.
TEXT
n=0
while kill -0 $server 2>/dev/null; do
	n=$((n + 1))
	echo "e4msg $topic reading $n" >&3
	sleep 5 &
	wait $!
done
die "c2 ended: $(tail -n 3 c2.log)"
