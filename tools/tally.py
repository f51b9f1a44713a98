#!/usr/bin/python3
"""Print "passed failed" as counted by the last summary line of a test log."""

import re
import sys

SUMMARIES = (
    # our programs: "12 passed, 0 failed"
    (re.compile(r"^(\d+) passed, (\d+) failed$"), lambda m: (int(m[1]), int(m[2]))),
)


def pytest_counts(line):
    """"2 failed, 10 passed in 3.2s", in any order; a skip is a failure here."""
    if not re.match(r"^(=+ )?\d+ \w+.* in [\d.]+s\b", line):
        return None
    found = {word: int(n) for n, word in re.findall(r"(\d+) (\w+)", line)}
    bad = sum(found.get(k, 0) for k in ("failed", "error", "errors", "skipped", "xfailed"))
    return found.get("passed", 0), bad


def counts(text):
    result = (0, 0)
    meson = {}
    for line in text.splitlines():
        for pattern, values in SUMMARIES:
            match = pattern.match(line)
            if match:
                result = values(match)
        result = pytest_counts(line) or result
        match = re.match(r"^(Ok|Expected Fail|Fail|Unexpected Pass|Skipped|Timeout): +(\d+)", line)
        if match:
            meson[match[1]] = int(match[2])
    if meson:
        bad = sum(meson.get(k, 0) for k in ("Fail", "Unexpected Pass", "Skipped", "Timeout"))
        return meson.get("Ok", 0), bad
    return result


if __name__ == "__main__":
    with open(sys.argv[1], errors="replace") as log:
        print(*counts(log.read()))
