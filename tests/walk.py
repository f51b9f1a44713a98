"""The walk over the whole API: the same steps for every front.

A step is (method, request, expected). The request is the JSON form; expected
is a part of the answer, or Error(gRPC code).
"""

import base64
from dataclasses import dataclass

from device import client_id, ed25519_public

SEEDS = {name: bytes([n + 1]) * 32 for n, name in enumerate(("alpha", "beta", "a/b:c ü", "gone"))}
TOPIC = "walk/one"
ODD_TOPIC = "walk/clients"
PLAIN = base64.b64encode(b"over and out").decode()

INVALID, NOT_FOUND, EXISTS, PRECONDITION = 3, 5, 6, 9


@dataclass
class Error:
    code: int


def client(name, field="client"):
    return {field: {"name": name}}


def pair(source, target):
    return {**client(source, "sourceClient"), **client(target, "targetClient")}


def key(name, mode):
    raw = SEEDS[name] if mode == "symmetric" else ed25519_public(SEEDS[name])
    return base64.b64encode(raw).decode()


def names(*wanted):
    return {"clients": [{"name": n} for n in wanted]}


def create_and_read(mode):
    yield "GetCryptoMode", {}, {
        "CryptoMode": "CRYPTOMODE_SYMKEY" if mode == "symmetric" else "CRYPTOMODE_PUBKEY"}
    yield "HealthCheck", {}, {"Code": "0", "Status": "OK"}
    for name in SEEDS:
        yield "NewClient", {**client(name), "key": key(name, mode)}, {}
    yield "NewClient", {**client("alpha"), "key": key("alpha", mode)}, {}
    yield "NewClient", {**client(""), "key": key("alpha", mode)}, Error(INVALID)
    yield "NewClient", {**client("n" * 256), "key": key("alpha", mode)}, Error(INVALID)
    yield "NewClient", {**client("short"), "key": "AAAA"}, Error(INVALID)
    yield "NewClient", {**client("zero"), "key": base64.b64encode(bytes(32)).decode()}, Error(INVALID)
    yield "CountClients", {}, {"count": "4"}
    yield "GetClients", {"offset": "0", "count": "10"}, names(*sorted(SEEDS, key=str.encode))
    yield "GetClients", {"offset": "1", "count": "1"}, names(sorted(SEEDS, key=str.encode)[1])
    yield "GetClients", {"offset": "0", "count": "0"}, {"clients": []}
    yield "GetClients", {"offset": "9", "count": "9"}, {"clients": []}
    for topic in (TOPIC, ODD_TOPIC):
        yield "NewTopic", {"topic": topic}, {}
    yield "NewTopic", {"topic": ""}, Error(INVALID)
    yield "NewTopic", {"topic": "with/+/wildcard"}, Error(INVALID)
    yield "NewTopic", {"topic": "e4/" + client_id("alpha").hex()}, Error(INVALID)
    yield "CountTopics", {}, {"count": "2"}
    yield "GetTopics", {"offset": "0", "count": "10"}, {"topics": [ODD_TOPIC, TOPIC]}


def membership():
    for name in ("alpha", "beta", "a/b:c ü"):
        yield "NewTopicClient", {**client(name), "topic": TOPIC}, {}
    yield "NewTopicClient", {**client("alpha"), "topic": ODD_TOPIC}, {}
    yield "NewTopicClient", {**client("nobody"), "topic": TOPIC}, Error(NOT_FOUND)
    yield "NewTopicClient", {**client("alpha"), "topic": "nothing"}, Error(NOT_FOUND)
    yield "CountTopicsForClient", client("alpha"), {"count": "2"}
    yield "GetTopicsForClient", {**client("alpha"), "offset": "0", "count": "5"}, {
        "topics": [ODD_TOPIC, TOPIC]}
    yield "GetTopicsForClient", {**client("nobody"), "offset": "0", "count": "5"}, Error(NOT_FOUND)
    yield "CountClientsForTopic", {"topic": TOPIC}, {"count": "3"}
    yield "CountClientsForTopic", {"topic": ODD_TOPIC}, {"count": "1"}
    yield "GetClientsForTopic", {"topic": TOPIC, "offset": "0", "count": "5"}, names(
        "a/b:c ü", "alpha", "beta")
    yield "GetTopicStatus", {"topic": TOPIC}, {"members": "3"}
    yield "GetTopicStatus", {"topic": "nothing"}, Error(NOT_FOUND)
    yield "GetClientStatus", client("alpha"), {"status": "CLIENT_SENT"}
    yield "GetUnconfirmedClients", {"topic": TOPIC, "limit": "9"}, {"cursor": ""}
    yield "GetUnconfirmedClients", {"cursor": "999999"}, {"clients": [], "cursor": ""}
    yield "GetUnconfirmedClients", {"topic": "nothing"}, Error(NOT_FOUND)
    yield "GetUnconfirmedClients", {"limit": "1001"}, Error(INVALID)
    for cursor in "-1", "x", " 1", "99999999999999999999":
        yield "GetUnconfirmedClients", {"cursor": cursor}, Error(INVALID)
    yield "RemoveTopicClient", {**client("beta"), "topic": TOPIC}, {"rotatedTopics": "1"}
    yield "RemoveTopicClient", {**client("beta"), "topic": TOPIC}, Error(NOT_FOUND)
    yield "RemoveTopicClient", {**client("alpha"), "topic": ODD_TOPIC, "rotateKey": False}, {
        "rotatedTopics": "0"}


def links():
    yield "LinkClient", pair("beta", "alpha"), {}
    yield "LinkClient", pair("nobody", "alpha"), Error(NOT_FOUND)
    yield "CountLinkedClients", client("alpha"), {"count": "1"}
    yield "GetLinkedClients", {**client("alpha"), "offset": "0", "count": "9"}, names("beta")
    yield "UnlinkClient", pair("beta", "alpha"), {}
    yield "UnlinkClient", pair("beta", "alpha"), {}
    yield "CountLinkedClients", client("alpha"), {"count": "0"}


def public_keys(mode):
    symmetric = mode == "symmetric"
    for method, request in (
            ("SendClientPubKey", pair("beta", "alpha")),
            ("RemoveClientPubKey", pair("beta", "alpha")),
            ("ResetClientPubKeys", client("alpha", "targetClient")),
            ("GetC2PublicKey", {}),
            ("NewC2Key", {"force": True})):
        yield method, request, Error(PRECONDITION) if symmetric else {}
    yield "NewC2Key", {"force": False}, Error(PRECONDITION)
    yield "GetC2KeyStatus", {}, Error(PRECONDITION) if symmetric else {"confirmed": "0"}


def messages():
    yield "ProtectMessage", {"topic": TOPIC, "binaryData": PLAIN}, {"topic": TOPIC}
    yield "ProtectMessage", {"topic": "nothing", "binaryData": PLAIN}, Error(NOT_FOUND)
    yield "UnprotectMessage", {"topic": TOPIC, "protectedBinaryData": "$protected"}, {
        "topic": TOPIC, "binaryData": PLAIN}
    yield "UnprotectMessage", {"topic": TOPIC, "protectedBinaryData": PLAIN}, Error(INVALID)


def keys_and_removal():
    yield "NewClientKey", client("alpha"), {}
    yield "ResetClient", client("alpha"), {}
    yield "ResetClient", client("nobody"), Error(NOT_FOUND)
    yield "RemoveClient", client("gone"), {}
    yield "RemoveClient", client("gone"), Error(NOT_FOUND)
    yield "NewTopic", {"topic": TOPIC}, {}
    yield "RemoveTopic", {"topic": ODD_TOPIC}, {}
    yield "RemoveTopic", {"topic": ODD_TOPIC}, Error(NOT_FOUND)
    yield "CountClients", {}, {"count": "3"}


def many(mode):
    made = [{"createClient": {"name": n, "key": key("alpha", mode), "type": "TYPE_PRODUCER",
                              "tags": ["many", f"n={i}"], "topics": ["walk/many"]}}
            for i, n in enumerate(("m1", "m2", "m/3"))]
    batch = {"operations": made, "createTopics": True, "id": "walk"}
    yield "Batch", {**batch, "dryRun": True}, {"changed": "3", "unchanged": "0"}
    yield "CountClients", {}, {"count": "3"}
    yield "Batch", {**batch, "createTopics": False}, Error(NOT_FOUND)
    yield "Batch", batch, {"changed": "3", "repeated": False}
    yield "Batch", batch, {"changed": "0", "repeated": True}
    yield "Batch", {"operations": made}, Error(EXISTS)
    yield "Batch", {"operations": made, "existing": "EXISTING_SAME"}, {"unchanged": "3"}
    yield "Batch", {"operations": []}, Error(INVALID)
    yield "Batch", {"operations": [{}]}, Error(INVALID)
    yield "CountClients", {}, {"count": "6"}
    yield "ChangeClient", {"client": "m1", "type": "TYPE_CONSUMER", "addTags": ["n=9"]}, {
        "type": "TYPE_CONSUMER", "tags": ["many", "n=9"]}
    yield "ChangeClient", {"client": "m/3", "removeTags": ["n"]}, {
        "type": "TYPE_PRODUCER", "tags": ["many"]}
    yield "ChangeClient", {"client": "nobody"}, Error(NOT_FOUND)
    yield "ChangeClient", {"client": "m1", "addTags": ["a b"]}, Error(INVALID)
    yield "SearchClients", {"tags": ["many"], "limit": "2", "withTopics": True}, {
        "cursor": "m1", "clients": [
            {"name": "m/3", "type": "TYPE_PRODUCER", "tags": ["many"], "lastSeen": None,
             "topics": ["walk/many"]},
            {"name": "m1", "type": "TYPE_CONSUMER", "tags": ["many", "n=9"],
             "lastSeen": None, "topics": ["walk/many"]}]}
    yield "SearchClients", {"tags": ["many"], "limit": "2", "cursor": "m1"}, {"cursor": ""}
    yield "SearchClients", {"tags": ["many", "n=1"], "statuses": ["CLIENT_CONFIRMED"]}, {
        "clients": [], "cursor": ""}
    yield "SearchClients", {"limit": "1001"}, Error(INVALID)
    yield "ListEvents", {"limit": "1"}, {"firstSequence": "1"}
    yield "ListEvents", {"afterSequence": "1000000000"}, {"events": []}
    yield "ListEvents", {"afterSequence": "-1"}, Error(INVALID)
    yield "ListEvents", {"limit": "1001"}, Error(INVALID)
    yield "SearchTopics", {"prefix": "walk/m"}, {"cursor": ""}
    yield "ChangeGroup", {"tags": ["many"], "detach": "walk/many", "rotateKey": True,
                          "limit": "2"}, {"changed": "2", "rotatedTopics": "0", "cursor": "m1"}
    yield "ChangeGroup", {"tags": ["many"], "detach": "walk/many", "rotateKey": True,
                          "cursor": "m1"}, {"changed": "1", "rotatedTopics": "1", "cursor": ""}
    yield "ChangeGroup", {"detach": "walk/many"}, Error(INVALID)
    yield "ChangeGroup", {"all": True, "attach": "nothing"}, Error(NOT_FOUND)
    yield "ChangeGroup", {"prefix": "m", "newKeys": True}, {"changed": "3"}
    yield "Batch", {"operations": [{"removeClient": n} for n in ("m1", "m2", "m/3")]}, {
        "changed": "3"}


def steps(mode):
    yield from create_and_read(mode)
    yield from membership()
    yield from links()
    yield from public_keys(mode)
    yield from messages()
    yield from keys_and_removal()
    yield from many(mode)


def matches(part, whole):
    """True if every member of part is in whole."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(k in whole and matches(v, whole[k])
                                               for k, v in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and len(part) == len(whole) and all(
            matches(p, w) for p, w in zip(part, whole))
    return part == whole


def walk(mode, call):
    """Run all steps through call(method, request) -> answer or Error; the methods used."""
    used = set()
    protected = None
    for method, request, expected in steps(mode):
        if request.get("protectedBinaryData") == "$protected":
            request = {**request, "protectedBinaryData": protected}
        answer = call(method, request)
        if isinstance(answer, dict):
            protected = answer.get("protectedBinaryData", protected)
        if isinstance(expected, Error):
            assert answer == expected, f"{method} {request}: {answer}, not {expected}"
        else:
            assert isinstance(answer, dict) and matches(expected, answer), (
                f"{method} {request}: {answer} lacks {expected}")
        used.add(method)
    return used
