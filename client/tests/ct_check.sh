#!/bin/sh
# Constant-time check: ct_crypto (primitives) and ct_client (the library) must be silent
# under valgrind, and their deliberate leaks must be reported.
#   ct_check.sh PROGRAM            judge one of the two, built
#   ct_check.sh --compilers ROOT   build both with gcc and clang at several -O levels, judge all
# ROOT is the project's root directory.
set -u
passed=0
failed=0
# No secret can leave through memory errors found elsewhere: any report at all is a failure.
valgrind="valgrind -q --error-exitcode=99 --track-origins=no"

expect() { # name, wanted exit code, program and arguments
	name=$1 want=$2
	shift 2
	$valgrind "$@" >"$log" 2>&1
	got=$?
	if [ "$got" -eq "$want" ] && [ "$want" -ne 0 -o ! -s "$log" ]; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	echo "$name: exit code $got, wanted $want" >&2
	head -20 "$log" >&2
}

judge() { # name, program
	expect "$1: no branch or address depends on a secret" 0 "$2"
	for leak in branch index derived; do
		expect "$1: the leak by $leak is reported" 99 "$2" "$leak"
	done
}

compile_and_judge() { # root
	primitives=$(echo "$1"/client/src/crypto/*.c)
	# shellcheck disable=SC2046,SC2086 # flags and files are words
	for cc in gcc clang; do
		# valgrind 3.19 cannot read clang's DWARF 5
		for level in -O0 -O1 -O2 -O3 -Os; do
			flags="-std=c99 $level -gdwarf-4 -I$1/client/include"
			for choice in '' '-DE4_AES=E4_AES_CT32 -DE4_SHA3=E4_SHA3_32 -DE4_CURVE=E4_CURVE_SMALL' \
				'-DE4_AES=E4_AES_CT64 -DE4_SHA3=E4_SHA3_8 -DE4_CURVE=E4_CURVE_32'; do
				$cc $flags $choice -I"$1/client/src/crypto" -o "$work/ct" \
					"$1/client/tests/ct_crypto.c" $primitives || exit 2
				judge "$cc $level $choice" "$work/ct"
			done
			$cc $flags -DE4_CT_CHECK -o "$work/ct" "$1/client/tests/ct_client.c" \
				"$1/client/src/"*.c "$1/client/port/store_flash.c" \
				"$1/client/port/store_sealed.c" $primitives || exit 2
			judge "$cc $level, the library" "$work/ct"
		done
	done
}

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
log=$work/log
if [ "$1" = --compilers ]; then
	compile_and_judge "$2"
else
	judge "$1" "$1"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
