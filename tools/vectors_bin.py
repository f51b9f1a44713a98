#!/usr/bin/python3
"""The vectors as a stream of bytes for client/tests/vectors_stream.c, which boards run.

  vectors_bin.py PROTOCOL_DIR OUT [LONGEST [EVERY [curve]]]

Takes protocol/vectors and protocol/wycheproof. Cases with a message longer than
LONGEST bytes are left out (a board has so much memory), as are the kinds that are
decided on hosts only: keys from passwords, key files, and the files of the two
deployed clients (the states in them are among the cases of the other kinds). Prints
how many cases of which file are in the stream. The operations are described in
vectors_stream.c; numbers are little-endian. EVERY n takes each n-th case only, and
"curve" only the files of curves, for boards that need seconds for each.
"""

import base64
import hashlib
import json
import struct
import sys
from pathlib import Path

E4_SET_PUBKEY = 6
HOST_ONLY = ("password.json", "keygen.json", "libe4_store.json")


def u16(n):
    return struct.pack("<H", n)


def u64(n):
    return struct.pack("<Q", int(n))


def data(b):
    return struct.pack("<I", len(b)) + b


def raw(case, name):
    return bytes.fromhex(case[name])


class Case:
    """The operations of one case, and the longest message in them."""

    def __init__(self):
        self.ops = b""
        self.longest = 0

    def op(self, code, *fields):
        self.ops += code.encode() + b"".join(fields)

    def data(self, b):
        self.longest = max(self.longest, len(b))
        return data(b)

    def device(self, code, norm):
        """'D': become this client; 'S': be this client."""
        pk = norm["key_type"] == 1
        key = raw(norm, "ed25519_private") + raw(norm, "c2_x25519_public") if pk else raw(norm, "key")
        old = {o["hash_of_hash"]: o for o in norm["old_topic_keys"]}
        topics = b""
        for t in sorted(norm["topic_keys"], key=lambda t: t["topic_hash"]):
            again = hashlib.sha3_256(raw(t, "topic_hash")).digest()[:16].hex()
            o = old.pop(again, None)
            topics += raw(t, "topic_hash") + raw(t, "key")
            topics += raw(o, "key") + u64(o["timestamp"]) if o else bytes(40)
        assert not old, "an old key without its topic"
        peers = sorted((raw(p, "id"), raw(p, "ed25519_public")) for p in norm.get("pub_keys", []))
        self.op(code, bytes([pk]), raw(norm, "id"), key,
                bytes([len(norm["topic_keys"])]), topics,
                bytes([len(peers)]), b"".join(i + k for i, k in peers))

    def topic(self, name):
        self.op("T", data(name.encode()))

    def unprotect(self, message, expected, plaintext=b""):
        self.op("U", self.data(message), bytes([expected]), data(plaintext))

    def protect(self, plaintext, accepted, message=b""):
        self.op("P", self.data(plaintext), bytes([accepted]), data(message))


REFUSED, PLAINTEXT, COMMAND = 0, 1, 2


def hash_case(case, c):
    text = raw(case, "input")
    c.op("H", c.data(text), raw(case, "sha3_256"))
    topic = case["kind"] == "topic"
    c.op("I", bytes([topic]), data(text), raw(case, "topic_hash" if topic else "id"))


def one_topic(c, pk, identity, ident, key):
    """A client that knows the topic "vectors" and, in PK mode, itself."""
    name = hashlib.sha3_256(b"vectors").hexdigest()[:32]
    norm = {"id": ident.hex(), "key_type": int(pk), "old_topic_keys": [],
            "topic_keys": [{"topic_hash": name, "key": key.hex()}], "key": identity.hex()}
    if pk:
        norm["ed25519_private"] = identity.hex()
        norm["c2_x25519_public"] = "09" + "00" * 31
        norm["pub_keys"] = [{"id": ident.hex(), "ed25519_public": identity[32:].hex()}]
    c.device("D", norm)
    c.topic("vectors")


def protect_case(case, c):
    pk = "ed25519_private" in case
    key = raw(case, "topic_key" if pk else "key")
    one_topic(c, pk, raw(case, "ed25519_private") if pk else key,
              raw(case, "id") if pk else bytes(16), key)
    if pk:
        c.op("G", raw(case, "ed25519_seed"), raw(case, "ed25519_private"))
    c.op("t", u64(case["timestamp"]))
    c.protect(raw(case, "plaintext"), True, raw(case, "protected"))
    c.unprotect(raw(case, "protected"), PLAINTEXT, raw(case, "plaintext"))


def c2_shared_case(case, c):
    c.op("X", *(raw(case, n) for n in (
        "device_ed25519_private", "device_x25519_private", "device_x25519_public",
        "c2_x25519_private", "c2_x25519_public", "x25519_shared", "shared_key")))


def commands_case(case, c):
    c.device("D", case["before"])
    if case["mode"] == "pub":
        c.op("K", raw(case["client"], "shared_key"))
    c.op("O", c.data(raw(case, "protected")), u64(case["timestamp"]), data(raw(case, "command")))
    c.op("t", u64(case["now"]))
    c.topic(case["receiving_topic"])
    command = raw(case, "command")
    zero = len(command) == 49 and command[0] == E4_SET_PUBKEY and not any(command[1:33])
    accepted = case["e4go"]["accepted"] and not zero
    c.unprotect(raw(case, "protected"), COMMAND if accepted else REFUSED)
    c.device("S", case["after"])
    for name in ("new_key", "new_shared_key"):
        if accepted and name in case:
            c.op("K", raw(case, name))


def messages_case(case, c):
    c.device("D", case["state_norm"])
    c.op("t", u64(case["now"]))
    message = raw(case, "protected")
    empty = case["mode"] == "sym" and len(message) == 24 and not case["peers_agree"]
    accepted = case["libe4" if empty else "e4go"]["accepted"]
    c.topic(case["topic"])
    c.unprotect(message, PLAINTEXT if accepted else REFUSED,
                bytes.fromhex(case.get("plaintext", "")))
    c.device("S", case["state_norm"])


def key_transition_case(case, c):
    start = json.loads(case["initial_state"])
    assert not start["TopicKeys"], "sequences start without topics"
    client = case["client"]
    c.device("D", {"key_type": int(case["mode"] == "pub"), "old_topic_keys": [], "topic_keys": [],
                   **{k: v for k, v in client.items()}, "pub_keys": peers_of(start)})
    for step in case["steps"]:
        if "now" in step:
            c.op("t", u64(step["now"]))
        if "topic" in step:
            c.topic(step["topic"])
        if step["op"] == "unprotect":
            told = COMMAND if step["topic"].startswith("e4/") else PLAINTEXT
            c.unprotect(raw(step, "input"), told if step["accepted"] else REFUSED,
                        bytes.fromhex(step.get("plaintext", "")))
        elif step["op"] == "protect":
            c.protect(raw(step, "plaintext"), step["accepted"],
                      bytes.fromhex(step.get("output", "")))
        else:
            c.op("R")
        if "after" in step:
            c.device("S", step["after"])


def peers_of(state):
    peers = state["Key"]["keyData"].get("PubKeys") or {}
    return [{"id": i, "ed25519_public": base64.b64decode(k).hex()} for i, k in peers.items()]


def state_files_case(case, c):
    c.device("D", case["norm"])
    c.op("R")
    c.device("S", case["norm"])


VECTORS = {
    "c2_shared.json": c2_shared_case,
    "commands.json": commands_case,
    "hash.json": hash_case,
    "key_transition.json": key_transition_case,
    "messages.json": messages_case,
    "pub_protect.json": protect_case,
    "state_files.json": state_files_case,
    "sym_protect.json": protect_case,
}


def cmac(group, t, c, valid):
    if group["keySize"] == 256:
        c.op("m", raw(t, "key"), c.data(raw(t, "msg")), bytes([valid]), data(raw(t, "tag")))


def siv(group, t, c, valid):
    if group["keySize"] == 512:
        strings = [raw(t, "aad")] + ([raw(t, "iv")] if "iv" in t else [])
        c.op("s", raw(t, "key"), bytes([len(strings)]), b"".join(c.data(s) for s in strings),
             bytes([valid]), c.data(raw(t, "msg")),
             data((raw(t, "tag") if "tag" in t else b"") + raw(t, "ct")))


def ed25519(group, t, c, valid):
    if len(t["sig"]) == 128:
        c.op("e", raw(group["publicKey"], "pk"), raw(t, "sig"), c.data(raw(t, "msg")),
             bytes([valid]))


def x25519(group, t, c, valid):
    shared = raw(t, "shared")
    c.op("x", raw(t, "private"), raw(t, "public"), shared, bytes([any(shared)]))


WYCHEPROOF = {
    "aead_aes_siv_cmac_test.json": siv,
    "aes_cmac_test.json": cmac,
    "aes_siv_cmac_test.json": siv,
    "ed25519_test.json": ed25519,
    "x25519_test.json": x25519,
}


CURVES = ("c2_shared.json", "ed25519_test.json", "pub_protect.json", "x25519_test.json")


def all_cases(protocol):
    for name, convert in VECTORS.items():
        for case in json.loads((protocol / "vectors" / name).read_text())["cases"]:
            c = Case()
            convert(case, c)
            yield name, case["case"], c
    for name, convert in WYCHEPROOF.items():
        for group in json.loads((protocol / "wycheproof" / name).read_text())["testGroups"]:
            for t in group["tests"]:
                c = Case()
                convert(group, t, c, t["result"] == "valid")
                if c.ops:
                    yield name, t["tcId"], c


def main():
    if not 3 <= len(sys.argv) <= 6:
        sys.exit(__doc__)
    longest = int(sys.argv[3]) if len(sys.argv) > 3 else 1 << 20
    every = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    curve = len(sys.argv) == 6
    stream = b""
    files = sorted([*VECTORS, *WYCHEPROOF])
    count, left_out = {}, 0
    for name, index, c in all_cases(Path(sys.argv[1])):
        if index % every != 1 % every or (curve and name not in CURVES):
            continue
        if c.longest > longest:
            left_out += 1
            continue
        stream += b"C" + bytes([files.index(name)]) + u16(index) + c.ops
        count[name] = count.get(name, 0) + 1
    stream += b"Z" + u16(sum(count.values()))
    Path(sys.argv[2]).write_bytes(stream)
    for number, name in enumerate(files):
        print(f"{number:3} {name:32} {count.get(name, 0):5} cases")
    print(f"{sum(count.values())} cases, {len(stream)} bytes; {left_out} too long")
    print("decided on hosts:", *HOST_ONLY)


if __name__ == "__main__":
    main()
