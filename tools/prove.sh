#!/bin/sh
# Frama-C's Eva over the drivers in client/proofs: what they call has no undefined
# behaviour for any of the inputs that they stand for. Any alarm is a failure, so is
# an analysis that does not come to the driver's end. client/proofs/README.md says
# what that proves and what it does not.
# Usage: tools/prove.sh quick|all [LOGS]
set -u
cd "$(dirname "$0")/../client" || exit 1
which=${1:?quick or all}
logs=${2:-../build/logs/proofs}
mkdir -p "$logs"
passed=0 failed=0
# The driver's states are kept apart as long as it takes: precision, not soundness.
eva="-eva -kernel-verbose 0 -eva-msg-key=-loop-unroll,-final-states -eva-slevel 10000
	-eva-auto-loop-unroll 300"
names='-eva-split-return-function utf8_step:0:1:2:3:4'
core="-DE4_SHA3=E4_SHA3_EXTERN -DE4_AES=E4_AES_EXTERN -DE4_AES_EXTERN_WORDS=1
	-DE4_CURVE=E4_CURVE_EXTERN"

prove() { # name, machine, defines, options, files...
	name=$1 machine=$2 defines=$3 options=$4
	shift 4
	log="$logs/$(printf '%s' "$name $machine" | tr -c 'a-zA-Z0-9\n' '_').log"
	start=$(date +%s)
	# shellcheck disable=SC2086 # options are words
	frama-c -machdep "$machine" $eva $options \
		-cpp-extra-args="$(echo $defines) -Iinclude -Iproofs -Isrc/crypto" "$@" >"$log" 2>&1
	status=$?
	alarms=$(grep -c '^\[eva:alarm\]' "$log")
	if [ $status -eq 0 ] && [ "$alarms" -eq 0 ] && grep -q 'show_each_end: {1}' "$log" &&
		grep -q '0 alarms generated' "$log"; then
		passed=$((passed + 1))
		echo "$name, $machine: no alarm ($(($(date +%s) - start)) s)"
	else
		failed=$((failed + 1))
		echo "$name, $machine: FAILED, $alarms alarms ($log)"
		grep -A 1 -e '^\[eva:alarm\]' -e 'rror:' "$log" | head -20
	fi
}

hash() { # machine, variant
	prove "SHA3 $2" "$1" "-DPROVE_SHA3 -DE4_SHA3=$2 -DE4_AES=E4_AES_CT64 -DE4_CURVE=E4_CURVE_EXTERN" \
		'-eva-precision 6' proofs/primitives.c src/crypto/memory.c src/crypto/sha3*.c
}

cipher() { # machine, variant
	prove "AES-SIV $2" "$1" "-DE4_AES=$2 -DE4_CURVE=E4_CURVE_EXTERN" \
		'-eva-precision 6' proofs/primitives.c src/crypto/memory.c src/crypto/siv.c \
		src/crypto/aes_*.c
}

protocol() { # machine
	prove 'e4/protocol.h' "$1" "$core" "$names" proofs/protocol.c proofs/abstract.c \
		src/*.c
}

client() { # machine, 0: SK, 1: PK
	prove "e4/e4.h $2" "$1" "$core -DPK=$2" "$names" proofs/client.c proofs/abstract.c src/*.c
}

# The hash and the ciphers that are portable C, and the core, with the machine's rules.
everything() { # machine
	for variant in E4_SHA3_8 E4_SHA3_32 E4_SHA3_64; do
		grep -qs "E4_SHA3 == $variant" src/crypto/sha3_*.c && hash "$1" $variant
	done
	for variant in E4_AES_SMALL8 E4_AES_SMALL32 E4_AES_CT32 E4_AES_CT64; do
		grep -qs "E4_AES == $variant" src/crypto/aes_*.c && cipher "$1" $variant
	done
	protocol "$1"
	client "$1" 0
	client "$1" 1
}

case $which in
quick) client gcc_x86_64 1 ;;
all)
	for machine in gcc_x86_64 gcc_x86_16 ppc_32; do
		everything $machine
	done
	;;
esac
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
