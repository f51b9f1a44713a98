#!/bin/sh
# Style and static analysis of our own C, as far as it is not generated. The analysers
# take what the build with clang compiles, each file once, as it is compiled first.
set -u
cd "$(dirname "$0")/.." || exit 1
tools/build.sh clang || exit 1
files=$(git ls-files '*.c' '*.h' | grep -v '/gen/')
db=build/clang/analysed
passed=0 failed=0

mkdir -p $db
/usr/bin/python3 - build/clang/compile_commands.json $db >$db/files <<'PY' || exit 1
import json, os, sys

first = {}
for entry in json.load(open(sys.argv[1])):
    path = os.path.relpath(os.path.join(entry["directory"], entry["file"]))
    if path.endswith(".c") and not path.startswith("build/") and "/gen/" not in path:
        first.setdefault(path, {**entry, "file": os.path.abspath(path)})
json.dump(list(first.values()), open(os.path.join(sys.argv[2], "compile_commands.json"), "w"))
print(*first, sep="\n")
PY

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
	grep -vE '/fuzz/|/tests/' $db/files |
		xargs -P 2 -n 1 clang-tidy --quiet -p $db --warnings-as-errors='*' 2>/dev/null
}

# shellcheck disable=SC2086
step 'clang-format' clang-format --dry-run --Werror $files
step 'cppcheck' cppcheck --project=$db/compile_commands.json --quiet --error-exitcode=1 \
	--inline-suppr -j2 --enable=warning,portability,performance \
	--suppress=missingIncludeSystem --suppress='*:*/gen/*' --suppress='*:*.pb-c.*' \
	--suppress='unknownEvaluationOrder:bus/tests/*' # a comma is taken for no order
step 'clang-tidy' tidy
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
