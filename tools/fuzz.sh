#!/bin/sh
# Run every fuzz target for some seconds on a copy of its corpus. A crash is a
# failure, its input is kept in build/fuzz/crash-*.
# Usage: tools/fuzz.sh SECONDS
set -u
cd "$(dirname "$0")/.." || exit 1
seconds=${1:?seconds}
tools/build.sh fuzz || exit 1
passed=0 failed=0
for target in $(find build/fuzz -type f -perm -u+x -name 'fuzz_*' | sort); do
	name=$(basename "$target")
	corpus=$(find . -path ./build -prune -o -type d -path "*/fuzz/corpus/${name#fuzz_}" -print)
	work=build/fuzz/corpus-$name
	rm -rf "$work" && mkdir -p "$work"
	if "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="build/fuzz/crash-$name-" "$work" $corpus >"build/fuzz/$name.log" 2>&1; then
		passed=$((passed + 1))
		echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "build/fuzz/$name.log") runs, no crash"
	else
		failed=$((failed + 1))
		echo "$name: FAILED"
		tail -n 30 "build/fuzz/$name.log"
	fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
