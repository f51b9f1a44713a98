#!/bin/sh
# Style and static analysis of our own C, as far as it is not generated.
set -u
cd "$(dirname "$0")/.." || exit 1
tools/build.sh clang || exit 1
files=$(git ls-files '*.c' | grep -v '/gen/')
passed=0 failed=0

step() {
	name=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
		echo "$name: ok"
	else
		failed=$((failed + 1))
		echo "$name: FAILED"
	fi
}

# One file a process: with several, the analyser of clang 14 mixes up their paths.
tidy() {
	printf '%s\n' $files | grep -vE '/fuzz/|(^|/)tests/' |
		xargs -P 2 -n 1 clang-tidy --quiet -p build/clang --warnings-as-errors='*' 2>/dev/null
}

# shellcheck disable=SC2086
{
	step 'clang-format' clang-format --dry-run --Werror $files $(git ls-files '*.h' | grep -v '/gen/')
	step 'cppcheck' cppcheck --quiet --error-exitcode=1 --inline-suppr -j2 \
		--enable=warning,portability,performance --suppress=missingIncludeSystem \
		-I. -Iclient/include $files
	step 'clang-tidy' tidy
}
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
