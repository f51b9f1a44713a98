#!/bin/sh
# The demonstration behind ./run: real programs on loopback, data below run-data/.
#   tools/demo.sh [pubkey] [--fresh] [--once] [--data DIR]
set -eu
cd "$(dirname "$0")/.."
root=$PWD
PATH=${E4_BUILD:-$root/build/release}/c2:${E4_BUILD:-$root/build/release}/cli:/usr/sbin:$PATH

die() { printf '%s\n' "$*" >&2; exit 1; }

mode=symmetric fresh= once= base=run-data
while [ $# -gt 0 ]; do
	case $1 in
	pubkey) mode=pubkey ;;
	--fresh) fresh=1 ;;
	--once) once=1 ;;
	--data) [ $# -ge 2 ] || die '--data needs a folder'; base=$2; shift ;;
	*) echo "unknown argument: $1 (see ./run --help)" >&2; exit 2 ;;
	esac
	shift
done

# --- One run at a time for the data of a mode ------------------------------------
umask 077
mkdir -p "$base"
base=$(cd "$base" && pwd)
data=$base/$mode
exec 9>>"$base/$mode.lock"
flock -n 9 || die "./run is at work already with the data in $data (process $(cat "$base/$mode.lock")).
Stop it with Ctrl-C there, or give this one data of its own: ./run --data DIR"
echo $$ >"$base/$mode.lock"
if [ -n "$fresh" ] && [ -e "$data" ]; then
	[ -e "$data/passphrase" ] || die "$data does not look like data of ./run; not removed"
	rm -rf "$data"
fi
mkdir -p "$data"
cd "$data"
topic=plant/line1/temperature

bold='' plain=''
[ ! -t 1 ] || [ "${TERM:-dumb}" = dumb ] || bold=$(printf '\033[1m') plain=$(printf '\033[0m')
title() { printf '\n%s%s%s\n\n' "$bold" "$*" "$plain"; }
row() { printf '  %-10s  %s\n' "$@"; }

# --- Everything started here ends here ---------------------------------------------
# Whoever ends this script, even by SIGKILL, closes its end of the lifeline, and
# then the keeper ends what is left.
: >pids
rm -f ./*.in lifeline
mkfifo lifeline
(
	trap '' INT TERM HUP
	exec 9>&- >/dev/null 2>&1
	read -r _ <lifeline || :
	while read -r pid; do kill "$pid" || :; done <pids
) &
keeper=$!
exec 8>lifeline
rm lifeline

started() { echo "$1" >>pids; }
cleanup() {
	trap - EXIT
	trap '' INT TERM HUP
	exec 8>&- 3>&- 4>&-
	wait $keeper || :
	wait
	rm -f ./*.in ready.json pids
}
trap cleanup EXIT
trap 'printf "\nstopping\n"; exit 0' INT TERM HUP
trap '' PIPE # a device that ended: told where it is written to

# Wait until a command succeeds, at most some seconds.
await() { # seconds what command...
	left=$(($1 * 20)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		[ $left -gt 0 ] || die "$what did not happen; the logs are in $data (./run --fresh starts anew)"
		sleep 0.05
	done
}

# --- Broker --------------------------------------------------------------------------
# True when it serves, false when it has ended: the port is taken.
broker_is_up() {
	for _ in $(seq 100); do
		grep -q running broker.log && return 0
		kill -0 "$1" 2>/dev/null || return 1
		sleep 0.05
	done
	return 1
}
start_broker() {
	for port in 1883 $(shuf -i 20000-32000 -n 20); do
		printf 'listener %s 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type all\n' \
			"$port" >broker.conf
		: >broker.log
		mosquitto -c broker.conf >broker.log 2>&1 3>&- 4>&- 8>&- 9>&- &
		started $!
		! broker_is_up $! || return 0
	done
	die "no free port for the broker; see $data/broker.log"
}
start_broker
: >broker-view.log
mosquitto_sub -p "$port" -i onlooker -t "$topic" -F %x >>broker-view.log 2>/dev/null 8>&- 9>&- &
started $!
await 10 'the look over the shoulder of the broker' grep -q 'Sending SUBACK to onlooker' broker.log

# --- Key server ------------------------------------------------------------------------
[ -e passphrase ] || head -c 24 /dev/urandom | base64 >passphrase
start_server() { # http-port grpc-port; the status of c2 if it ended
	rm -f ready.json
	c2 --set crypto.mode=$mode --set db.path="$data/c2.db" \
		--set custody.passphrase_file="$data/passphrase" \
		--set mqtt.url=mqtt://127.0.0.1:"$port" --set http.listen="127.0.0.1:$1" \
		--set grpc.listen="127.0.0.1:$2" --set delivery.receipt_wait=2 \
		--ready-file "$data/ready.json" 2>>c2.log 8>&- 9>&- &
	server=$!
	started $server
	for _ in $(seq 200); do
		[ ! -e ready.json ] || return 0
		kill -0 $server 2>/dev/null || { wait $server; return; }
		sleep 0.05
	done
	return 1
}
reason() { tail -n 1 c2.log | sed 's/.*"reason":"\([^"]*\)".*/\1/'; }
status=69 # of a c2 whose address is in use
for ports in '8888 5555' '8888 0' '0 5555' '0 0'; do
	[ $status = 69 ] || break
	# shellcheck disable=SC2086
	start_server $ports && status=0 || status=$?
done
[ $status = 0 ] || die "c2 did not start: $(reason)"
address() { sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p" ready.json; }
grpc=$(address grpc)
http=$(address http)
cli() { c2cli --endpoint "$grpc" "$@"; }

title "E4 at work, $mode mode"
row broker "127.0.0.1:$port; it sees protected bytes only"
row 'key server' "http://$http, gRPC $grpc"
row devices "sensor and display, both attached to $topic"

# --- Devices --------------------------------------------------------------------------------
enrol() { # name: key material on the device, and its entry at the key server
	if [ $mode = pubkey ]; then
		type=ed25519 material=$1.key.pub
	else
		type=symmetric material=$1.key
	fi
	[ -e "$material" ] || e4keygen -type $type -out "$1.key" -force >/dev/null
	cli client list 2>/dev/null | grep -qx "$1" ||
		cli client create --name "$1" --key "$material" >/dev/null
}
device() { # name: in the background, reading its commands from a pipe
	rm -f "$1.in"
	mkfifo "$1.in"
	set -- "$1" -name "$1" -key "$1.key" -broker 127.0.0.1:"$port"
	[ $mode = symmetric ] || set -- "$@" -pubkey -c2PubKey c2.pub
	name=$1
	shift
	e4client "$@" <"$name.in" >"$name.log" 2>&1 3>&- 4>&- 8>&- 9>&- &
	started $!
}
tell() { # fd name line
	echo "$3" >&"$1" || die "$2 ended: $(tail -n 1 "$2.log")"
}
stuck() { die "the devices did not confirm their keys; the logs are in $data (./run --fresh starts anew)"; }
# A line as each device confirms; the last one says that all have.
confirmed() {
	cli status --topic $topic --wait --timeout 30 >status.txt || stuck
	who=keys
	while read -r line; do
		row "$who" "$line"
		who=
	done <status.txt
}
[ $mode = symmetric ] || [ -e c2.pub ] || cli c2-public-key --out c2.pub
for name in sensor display; do enrol $name; done
device display
device sensor
sensor=$!
exec 3>sensor.in 4>display.in
cli topic list 2>/dev/null | grep -qx $topic || cli topic create --name $topic >/dev/null
for name in sensor display; do cli attach --client $name --topic $topic >/dev/null; done
if [ $mode = pubkey ]; then
	cli client send-pubkey --source sensor --target display >/dev/null
	cli client send-pubkey --source display --target sensor >/dev/null
fi
confirmed
await 10 'the connection of display' grep -q '^\* connected' display.log
tell 4 display "subscribe $topic"
await 10 'the subscription of display' grep -q "$topic (QoS 1)" broker.log

# --- What each one sees -----------------------------------------------------------------------
messages() { grep '^[<!] plant' display.log; }
n_messages() { messages | wc -l; }
heard() { [ "$(n_messages)" -gt "$before" ]; }
# What display made of the last message.
display_says() {
	case $(messages | tail -n 1) in
	'<'*) echo "reads  $(messages | tail -n 1 | sed 's/^< [^:]*: //')" ;;
	*) echo "cannot read it: $(messages | tail -n 1 | sed 's/^! [^:]*: \([^;(]*\).*/\1/; s/ *$//')" ;;
	esac
}
say_and_show() { # text
	before=$(n_messages)
	: >broker-view.log
	tell 3 sensor "e4msg $topic $1"
	await 10 'the message of sensor' heard
	await 10 'the message at the broker' test -s broker-view.log
	row sensor "says   $1"
	who=broker what='sees   '
	for bytes in $(fold -w 56 broker-view.log); do
		row "$who" "$what$bytes"
		who='' what='       '
	done
	row display "$(display_says)"
}

title '1. A protected message'
say_and_show "21.5 degrees at $(date +%T)"

title '2. The topic gets a new key while they talk'
cli topic create --name $topic >/dev/null
confirmed
say_and_show "21.6 degrees at $(date +%T), under the new key"

title '3. display is shut out, and let in again'
cli detach --client display --topic $topic >/dev/null
confirmed
cli status --client display --wait --timeout 30 >/dev/null || stuck
say_and_show "21.7 degrees at $(date +%T), not for display"
cli attach --client display --topic $topic >/dev/null
confirmed
say_and_show "21.8 degrees at $(date +%T), for both again"
[ -z "$once" ] || exit 0

# --- The devices go on talking ------------------------------------------------------------------
case $root in
*[!A-Za-z0-9/._-]*) folder=\'$root\' ;;
*) folder=$root ;;
esac
c2cli=c2cli
[ "$grpc" = 127.0.0.1:5555 ] || c2cli="c2cli -e $grpc"
title 'Now you, in another terminal'
hint() { printf '    %-*s  # %s\n' $((${#c2cli} + 57)) "$@"; }
echo "    cd $folder && PATH=\$PWD/build/release/cli:\$PATH"
hint "$c2cli status --topic $topic" 'who has the key'
hint "$c2cli topic create --name $topic" 'a new key'
hint "$c2cli detach --client display --topic $topic" 'shut out'
hint "$c2cli attach --client display --topic $topic" 'let in'
hint "$c2cli" 'commands with Tab and history'
hint "curl 'http://$http/e4/topics?count=10'" 'the same by HTTP'
cat <<TEXT

sensor goes on talking. Logs and keys are in $data.
Ctrl-C stops everything; the next ./run goes on from here.

TEXT
sensor_is_up() { kill -0 "$sensor" 2>/dev/null; }
# A sensor that had no key has ended; the new one waits for it, with one reading to say.
restart_sensor() {
	device sensor
	sensor=$!
	exec 3>sensor.in
	echo "wait $topic" >&3 || :
	pending=
}
reading() { # number; what becomes of it is in now
	sensor_is_up || restart_sensor
	if [ -z "$pending" ]; then
		before=$(n_messages)
		echo "e4msg $topic reading $1" >&3 || :
		pending=1
	fi
	for _ in $(seq 40); do
		if heard; then
			pending=
			now="display $(display_says)"
			return
		fi
		sensor_is_up || break
		sleep 0.05
	done
	now='display hears nothing; has sensor a key?'
	sensor_is_up || now="sensor cannot send: $(tail -n 1 sensor.log | sed 's/^e4client: //; s/[:;].*//')"
}
n=0 last='' pending=''
while kill -0 $server 2>/dev/null; do
	n=$((n + 1))
	reading $n
	# On a terminal what repeats stays on its line.
	if [ -t 1 ] && [ "${now%%[0-9]*}" = "$last" ]; then printf '\033[A\033[K'; fi
	last=${now%%[0-9]*}
	printf '  %s  %s\n' "$(date +%T)" "$now"
	sleep 5 8>&- 9>&- &
	wait $! || :
done
# It ends well only when it is told to: by a Ctrl-C that this shell can miss while it starts a program.
wait $server && exit 0
die "c2 ended: $(reason)"
