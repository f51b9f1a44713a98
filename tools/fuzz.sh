#!/bin/sh
# Run every fuzz target for some seconds on a copy of its corpus, under libFuzzer with
# sanitizers, then under AFL++, which finds other paths. A crash is a failure, its input
# is kept in build/fuzz/crash-* or build/afl/out-*/default/crashes. Two run at a time.
# Usage: tools/fuzz.sh SECONDS [NAME]     only the targets whose names contain NAME
set -u
tool=$(cd "$(dirname "$0")" && pwd)/fuzz.sh
cd "$(dirname "$0")/.." || exit 1
seconds=${1:?seconds}
only=${2:-}

# The folders of a target's seeds; the variants of fuzz_diff share theirs.
corpus() { # name
	name=${1#fuzz_}
	case $name in diff_*) name=diff ;; esac
	find . -path ./build -prune -o -type d -path "*/fuzz/corpus/$name" -print
}

verdict() { # status name runs log
	if [ "$1" -eq 0 ]; then
		echo "$2: $3 runs, no crash"
	else
		echo "$2: FAILED"
		tail -n 30 "$4"
	fi
}

libfuzzer() { # target
	name=$(basename "$1")
	work=build/fuzz/corpus-$name
	log=build/fuzz/$name.log
	rm -rf "$work" && mkdir -p "$work"
	# shellcheck disable=SC2046 # folders are words
	"$1" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="build/fuzz/crash-$name-" "$work" $(corpus "$name") >"$log" 2>&1
	verdict $? "$name" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" "$log"
}

# AFL++ ends well also after a crash: what counts is what it kept, and that it ran at all.
afl() { # target
	name=$(basename "$1")
	in=build/afl/in-$name out=build/afl/out-$name log=build/afl/$name.log
	rm -rf "$in" "$out" && mkdir -p "$in"
	echo seed >"$in/seed"
	for dir in $(corpus "$name"); do
		cp "$dir"/* "$in"
	done
	AFL_NO_UI=1 AFL_NO_AFFINITY=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 \
		AFL_IGNORE_PROBLEMS=1 afl-fuzz -i "$in" -o "$out" -V "$seconds" -t 10000 -- "$1" \
		>"$log" 2>&1
	runs=$(sed -n 's/^execs_done *: *//p' "$out/default/fuzzer_stats" 2>>"$log")
	[ "${runs:-0}" -gt 0 ] &&
		[ -z "$(find "$out/default/crashes" "$out/default/hangs" -type f -name 'id*')" ]
	verdict $? "$name under AFL++" "${runs:-0}" "$log"
}

# tools/fuzz.sh SECONDS --one libfuzzer|afl TARGET is what the two are.
if [ "$only" = --one ]; then
	"$3" "$4"
	exit 0
fi

all() { # build, kind
	find "build/$1" -type f -perm -u+x -name "fuzz_*$only*" | sort |
		xargs -P 2 -n 1 "$tool" "$seconds" --one "$2"
}

tools/build.sh fuzz || exit 1
tools/build.sh afl || exit 1
lines=$(all fuzz libfuzzer && all afl afl)
printf '%s\n' "$lines"
passed=$(printf '%s\n' "$lines" | grep -c ': [0-9]* runs, no crash$')
failed=$(printf '%s\n' "$lines" | grep -c ': FAILED$')
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
