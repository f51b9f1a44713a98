#!/usr/bin/python3
"""Every function of include/e4 is in the tests that are to call all of them, or is here with a reason.

  constant time     all functions, in ct_crypto.c or ct_client.c
  fail-the-nth      all functions that may call the port (a client that is not const), in
                    fail_nth_test.c
"""

import re
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent
HEADERS = sorted((TESTS.parent / "include/e4").glob("*.h"))

PUBLIC = "has no secret: only names, points or texts that are public"
HOST = "of hosts; takes its secrets as text or JSON, whose bytes decide what is read next"
ARGON = ("of hosts; the addresses of Argon2id depend on the password by design, and a password is "
         "read as UTF-8")
SYSTEM = "copies the state to and from the system's files, which valgrind has to see defined"

NOT_CONSTANT_TIME = {
    "e4_ed25519_public_key_ok": PUBLIC,
    "e4_ed25519_to_x25519_public": PUBLIC,
    "e4_ed25519_verify": PUBLIC,
    "e4_name_ok": PUBLIC,
    "e4_topic_ok": PUBLIC,
    "e4_id_from_name": PUBLIC,
    "e4_control_topic": PUBLIC,
    "e4_receipt_topic": PUBLIC,
    "e4_control_topic_parse": PUBLIC,
    "e4_client_receipt_topic": PUBLIC,
    "e4_overhead": PUBLIC,
    "e4_clock_posix_now": PUBLIC,
    "e4_import_go": HOST,
    "e4_import_libe4": HOST,
    "e4_password_check": ARGON,
    "e4_password_key": ARGON,
    "e4_password_key_compat": ARGON,
    "e4_store_posix_open": SYSTEM,
    "e4_store_posix_open_io": SYSTEM,
    "e4_store_posix_functions": SYSTEM,
    "e4_store_posix_close": SYSTEM,
}
NO_PORT = {
    "e4_protect_batch": "batch_test.c fails each call, beside one message after the other",
    "e4_unprotect_batch": "batch_test.c fails each call, beside one message after the other",
    "e4_client_wipe": "wipes memory",
    "e4_import_go": "import_test.c fails its store",
    "e4_import_libe4": "import_test.c fails its store",
}


def code(path):
    return re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S)


def functions():
    """Name and parameters of each function that a header declares."""
    for path in HEADERS:
        text = re.sub(r"^#(.*\\\n)*.*$", "", code(path), flags=re.M)
        yield from re.findall(r"^(?!typedef)\w[\w ]*?\**\b(e4_\w+)\(([^;{]*)\);", text, re.M)


def judge(what, names, programs, reasons):
    """The counts; names that are neither called nor passed on, or excused and yet there, are told."""
    called = set(re.findall(r"\b(e4_\w+)[(),]", "".join(code(TESTS / p) for p in programs)))
    wrong = {n: "is not called" for n in names - called - set(reasons)}
    wrong |= {n: "has a reason, and is called" for n in called & set(reasons)}
    wrong |= {n: "has a reason, and is none of these" for n in set(reasons) - names}
    for name, why in sorted(wrong.items()):
        print(f"{what}: {name} {why}", file=sys.stderr)
    return len(names), len(wrong)


def main():
    found = dict(functions())
    # the ways to write one in a header that this does not know would be missed silently
    named = {n for p in HEADERS for n in re.findall(r"^(?!typedef).*\b(e4_\w+)\(", code(p), re.M)}
    unknown = named - set(found)
    for name in unknown:
        print(f"{name}: no declaration of it was understood", file=sys.stderr)
    with_port = {n for n, args in found.items() if re.match(r"\s*struct e4_client \*", args)}
    counts = [
        judge("constant time", set(found), ["ct_crypto.c", "ct_client.c"], NOT_CONSTANT_TIME),
        judge("fail-the-nth", with_port, ["fail_nth_test.c"], NO_PORT),
    ]
    failed = sum(c[1] for c in counts) + len(unknown)
    print(f"{sum(c[0] for c in counts) + len(named) - failed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
