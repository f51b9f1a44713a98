#!/usr/bin/python3
"""Seed bugs into a copy of the device library; the fast tests must catch each.

client/tests/mutations/bugs.txt is the table. A bug that no test notices is a failure, and
so is one whose text is no longer in the source, or there twice: then the row is out of date.
Usage: tools/mutate.py [WORD...]      only the bugs whose names have one of the words
"""
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "client/tests/mutations/bugs.txt"
# The cheap and telling ones first. A list is run in this order until one fails.
TESTS = ["message_test", "command_test", "state_test", "protocol_test", "fail_nth_test",
         "crypto_curve_test", "crypto_vectors_test", "crypto_properties_test"]
CFLAGS = ["-std=gnu99", "-g", "-O1", "-w", "-fsanitize=address,undefined",
          "-fno-sanitize-recover=all", "-Iclient/include", "-Itests", "-Iclient/src/crypto"]
LIBS = ["-lsodium", "-ljansson", "-lcrypto"]


def read_table():
    """Rows: '# name', 'file PATH', lines of '-' (what is there) and '+' (the bug)."""
    rows = []
    for line in TABLE.read_text().splitlines():
        if line.startswith("= "):
            rows.append({"name": line[2:], "old": [], "new": []})
        elif line.startswith("file "):
            rows[-1]["file"] = line[5:]
        elif line[:1] in "-+" and line:
            rows[-1]["old" if line[0] == "-" else "new"].append(line[1:])
    return rows


def run(args, cwd, **more):
    return subprocess.run(args, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False, **more)


def compile_one(tree, source, obj):
    done = run(["gcc", *CFLAGS, "-c", "-o", obj, source], tree)
    if done.returncode:
        raise SystemExit(f"{source} does not compile:\n{done.stdout}")


def sources(tree):
    return sorted(str(p.relative_to(tree)) for d in ("client/src", "client/src/crypto")
                  for p in (tree / d).glob("*.c"))


def object_of(source):
    return source.replace("/", "_")[:-2] + ".o"


def build(tree, only=None):
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda s: compile_one(tree, s, object_of(s)), only or sources(tree)))


def run_test(tree, name):
    """None if it passes, else its last telling line."""
    objects = [object_of(s) for s in sources(tree)]
    done = run(["gcc", *CFLAGS, "-o", name, f"test_{name}.o", *objects, *LIBS], tree)
    if done.returncode:
        raise SystemExit(f"{name} does not link:\n{done.stdout}")
    env = dict(os.environ, E4_PROTOCOL_DIR=str(ROOT / "protocol"), ASAN_OPTIONS="detect_leaks=0")
    try:
        done = run([f"./{name}"], tree, env=env, timeout=120)
    except subprocess.TimeoutExpired:
        return "it does not end"
    if done.returncode == 0:
        return None
    words = ("failed: ", "runtime error", "AddressSanitizer")
    telling = [x for x in done.stdout.splitlines() if any(w in x for w in words)]
    return telling[0] if telling else f"exit code {done.returncode}"


def baseline(tree):
    for d in ("client", "tests"):
        (tree / d).mkdir()
        subprocess.run(["cp", "-r", f"{ROOT}/{d}/.", tree / d], check=True)
    build(tree)
    for name in TESTS:
        compile_one(tree, f"client/tests/{name}.c", f"test_{name}.o")
        if problem := run_test(tree, name):
            raise SystemExit(f"{name} fails without any bug: {problem}")


def judge(tree, row):
    """True if a test catches the bug."""
    path = tree / row["file"]
    good = path.read_text()
    old, new = "\n".join(row["old"]) + "\n", "".join(x + "\n" for x in row["new"])
    if good.count(old) != 1:
        print(f"{row['name']}: OUT OF DATE, its text is {good.count(old)} times in {row['file']}")
        return False
    # a header is in every file
    only = [row["file"]] if row["file"].endswith(".c") else None
    path.write_text(good.replace(old, new))
    build(tree, only)
    caught = next(((t, p) for t in TESTS if (p := run_test(tree, t))), None)
    path.write_text(good)
    build(tree, only)
    print(f"{row['name']}: caught by {caught[0]}\n    {caught[1]}" if caught
          else f"{row['name']}: SURVIVES", flush=True)
    return caught is not None


def main(words):
    rows = [r for r in read_table() if not words or any(w in r["name"] for w in words)]
    with tempfile.TemporaryDirectory(prefix="e4-mutate-") as d:
        tree = Path(d)
        baseline(tree)
        verdicts = [judge(tree, row) for row in rows]
    print(f"{sum(verdicts)} passed, {len(verdicts) - sum(verdicts)} failed")
    return 0 if verdicts and all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
