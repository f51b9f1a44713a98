#!/bin/sh
# Frama-C's Eva over the drivers in client/proofs: what they call has no undefined
# behaviour for any of the inputs that they stand for. Any alarm is a failure, so is
# an analysis that does not come to the driver's end, or not in time.
# client/proofs/README.md says what that proves and what it does not.
# Usage: tools/prove.sh quick|all [LOGS]
#        tools/prove.sh one RUN MACHINE [LOGS]   (RUN as printed, such as siv-CT64)
set -u
tool=$(cd "$(dirname "$0")" && pwd)/prove.sh
which=${1:?quick, all or one}
case $which in one) logs=${4:-} ;; *) logs=${2:-} ;; esac
cd "$(dirname "$tool")/../client" || exit 1
logs=${logs:-../build/logs/proofs}
mkdir -p "$logs"

at_once=2
cpu_s=600 # of one analysis: ten times what the longest takes
# The driver's states are kept apart as long as it takes: precision, not soundness. The
# one loop whose end Eva can't see, and those over a count that was not checked yet, are
# joined soon.
eva="-eva -kernel-verbose 0 -eva-msg-key=-final-states -kernel-warn-key annot:missing-spec=abort
	-eva-slevel 10000 -eva-auto-loop-unroll 300"
split="-eva-split-return-function e4_utf8_step:0:1:2:3:4,fits:0:1,e4_control_topic_parse:0
	-eva-split-return-function e4_protect_begin:0,e4_unprotect_begin:0,control_key:0
	-eva-split-return-function e4_run_set_pubkey:0,set_id_key:0,set_id_key_0:0
	-eva-split-return-function set_c2_key:0,set_c2_key_0:0
	-eva-slevel-function e4_make_distinct:10,get_topics:30,get_peers:30"
store='-eva-split-return-function save_begin:0:1,save_write:0:1,load_begin:0:1,load_read:0:1'
core="-DE4_SHA3=E4_SHA3_EXTERN -DE4_AES=E4_AES_EXTERN -DE4_AES_EXTERN_WORDS=1
	-DE4_CURVE=E4_CURVE_EXTERN"
primitive='-DE4_CURVE=E4_CURVE_EXTERN -DE4_AES=E4_AES_CT32'

# Sets defines, options and files of a run, whose name ends in a variant or a mode.
look_up() { # run
	variant=${1#*-} options=
	case $1 in
	memory) defines=$primitive files='proofs/memory.c src/crypto/memory.c' ;;
	keccak-*)
		defines="-DPROVE_KECCAK -DE4_SHA3=E4_SHA3_$variant $primitive"
		files='proofs/sha3.c src/crypto/memory.c src/crypto/sha3_*.c'
		;;
	sha3-*)
		defines="-DE4_SHA3=E4_SHA3_$variant $primitive"
		files='proofs/sha3.c src/crypto/memory.c src/crypto/sha3.c'
		;;
	aes-*)
		defines="-DE4_AES=E4_AES_$variant -DE4_CURVE=E4_CURVE_EXTERN"
		files='proofs/aes.c src/crypto/memory.c src/crypto/aes_*.c'
		;;
	siv-*)
		defines="-DE4_AES=E4_AES_$variant -DE4_CURVE=E4_CURVE_EXTERN"
		files='proofs/siv.c proofs/abstract_aes.c src/crypto/memory.c src/crypto/siv*.c'
		;;
	fe-32 | settle)
		defines='-DE4_CURVE=E4_CURVE_32' files='proofs/fe_32.c src/crypto/memory.c'
		case $1 in
		settle) defines="$defines -DPROVE_SETTLE" ;;
		*) options='-eva-use-spec settle' ;;
		esac
		;;
	fe-*)
		defines="-DE4_CURVE=E4_CURVE_$variant"
		files='proofs/fe.c src/crypto/memory.c src/crypto/fe_*.c'
		;;
	scalars-* | curve-*)
		defines="-DE4_CURVE=E4_CURVE_$variant"
		case $1 in
		scalars-*) defines="$defines -DSCALARS" ;;
		*) options='-eva-split-return-function e4_ge_decode:0' ;;
		esac
		files='proofs/curve.c proofs/abstract_fe.c src/crypto/memory.c src/crypto/fe.c src/crypto/ge*.c
			src/crypto/sc25519.c src/crypto/sha512.c src/crypto/ed25519.c src/crypto/x25519.c'
		;;
	flash-*)
		defines="$core -DGEOMETRY=$variant" options="$store,look_at:0:1,finish:0:1 -eva-use-spec crc32"
		files='proofs/flash.c proofs/abstract.c'
		;;
	crc)
		defines="$core -DPROVE_CRC -DGEOMETRY=0" options='-eva-slevel 0'
		files='proofs/flash.c proofs/abstract.c'
		;;
	sealed)
		defines=$core
		options="$store,save_begin_0:0:1,save_write_0:0:1,load_begin_0:0:1,load_read_0:0:1
			-eva-split-return-function read_header:0:1,e4_store_sealed_open:0"
		files='proofs/sealed.c proofs/abstract.c port/store_sealed.c'
		;;
	*)
		defines="$core -DMODE=$variant" options=$split
		files="proofs/$1.c proofs/abstract.c src/*.c"
		case $1 in
		commands-*) defines="$defines -DCOMMANDS" files="proofs/keys.c proofs/abstract.c src/*.c" ;;
		batches-*) defines="$defines -DBATCHES" files="proofs/messages.c proofs/abstract.c src/*.c" ;;
		*-*) files="proofs/${1%%-*}.c proofs/abstract.c src/*.c" ;;
		esac
		;;
	esac
}

prove() { # run, machine
	look_up "$1"
	case $2 in
	# the preprocessor is the host's; any.h demands that it agrees with the machine
	ppc_32) defines="$defines -U__BYTE_ORDER__ -D__BYTE_ORDER__=__ORDER_BIG_ENDIAN__" ;;
	esac
	log="$logs/$1-$2.log"
	start=$(date +%s)
	# shellcheck disable=SC2086,SC2116 # options and files are words
	(
		ulimit -t $cpu_s
		exec timeout $((3 * cpu_s)) frama-c -machdep "$2" $eva $options -cpp-extra-args="$(
			echo $defines) -Iinclude -Iproofs -Isrc/crypto" $files
	) >"$log" 2>&1
	status=$?
	took="$(($(date +%s) - start)) s"
	reached=$(sed -n 's/.* \([0-9]* statements reached (out of [0-9]*)\).*/\1/p' "$log")
	if [ $status -eq 0 ] && ! grep -q '^\[eva:alarm\]' "$log" && grep -q ' 0 alarms generated' "$log" &&
		grep -q 'proofs/.*show_each_end: {[01]}' "$log" &&
		grep -q '100% of the logical properties reached have been proven' "$log"; then
		echo "ok $1, $2: no alarm, $reached ($took)"
	else
		echo "FAILED $1, $2: status $status, $(grep -c '^\[eva:alarm\]' "$log") alarms ($took, $log)"
		grep -A 1 -e '^\[eva:alarm\]' -e 'rror:' "$log" | head -20
		return 1
	fi
}

runs() {
	echo memory keccak-8 keccak-32 keccak-64 sha3-8 sha3-32 sha3-64
	echo aes-SMALL8 aes-SMALL32 aes-CT32 aes-CT64 siv-SMALL8 siv-SMALL32 siv-CT32 siv-CT64
	echo fe-SMALL scalars-SMALL curve-SMALL settle fe-32 scalars-32
	echo protocol sealed crc flash-0 flash-1 flash-2 flash-3
	for mode in SK PK PK_ELEMENT; do
		echo receipts-$mode life-$mode keys-$mode commands-$mode messages-$mode batches-$mode
	done
}

# Without a count of its own a run that vanished would not be missed.
all() { # machines...
	list=$(for machine in "$@"; do for run in $(runs); do echo "$run $machine"; done; done)
	results="$logs/results"
	echo "$list" | xargs -P $at_once -n 2 sh -c '"$0" one "$2" "$3" "$1"' "$tool" "$logs" | tee "$results"
	passed=$(grep -c '^ok ' "$results")
	failed=$(($(echo "$list" | wc -l) - passed))
}

case $which in
one)
	prove "$2" "$3"
	exit
	;;
quick)
	prove receipts-PK gcc_x86_64
	failed=$? passed=$((1 - failed))
	;;
all) all gcc_x86_64 gcc_x86_16 ppc_32 ;;
*) exit 1 ;;
esac
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
