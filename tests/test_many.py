"""Batches and searches over HTTP: all or nothing, whatever is sent and whenever it is killed."""

import base64
import secrets
import threading

import pytest

from actors import Refused, wait_until


def new_key():
    return base64.b64encode(secrets.token_bytes(32)).decode()


def create(name, **more):
    return {"createClient": {"name": name, "key": new_key(), **more}}


def batch(server, operations, **more):
    return server.call("POST", "/e4/batch", {"operations": operations, **more})


def count(server):
    return int(server.call("GET", "/e4/clients/count")["count"])


def refused(server, operations, **more):
    with pytest.raises(Refused) as why:
        batch(server, operations, **more)
    return why.value


def search(server, query=""):
    names, cursor = [], ""
    while True:
        page = server.call("GET", f"/e4/search/clients?cursor={cursor}&{query}")
        names += [c["name"] for c in page["clients"]]
        cursor = page["cursor"]
        if not cursor:
            return names


def test_one_bad_operation_among_many_changes_nothing(c2):
    good = [create(f"c{i}") for i in range(500)]
    revision = int(batch(c2, [create("first")])["delivery"]["revision"])
    for bad, status in ((create("c7"), 409), (create(""), 400), (create("x", topics=["no"]), 404),
                        ({"attach": {"client": "c1", "topic": "no"}}, 404), ({}, 400),
                        ({"detach": {"client": "first", "topic": "no"}}, 404),
                        (create("n" * 256), 400), (create("y", tags=["a b"]), 400),
                        ({"createClient": {"name": "z", "key": "AAAA"}}, 400)):
        why = refused(c2, [*good[:400], bad, *good[400:]])
        assert why.status == status and why.body["error"].startswith("operation 400"), why
        assert count(c2) == 1
    assert int(batch(c2, [create("last")])["delivery"]["revision"]) == revision + 1


def test_a_batch_has_its_limits_and_says_them(c2):
    assert "1 to 10000" in refused(c2, [create(f"c{i}") for i in range(10001)]).body["error"]
    big = [create("n", tags=["t" * 4096] * 1100)]
    assert refused(c2, big).status == 413
    many = [{"createClient": {"name": f"c{i}", "topics": ["t"] * 200}} for i in range(400)]
    assert refused(c2, many).status == 400
    assert refused(c2, [create("a")], id="i" * 65).status == 400
    assert refused(c2, [create("a")], existing="EXISTING_MAYBE").status == 400
    raw = b'{"operations":[{"createClient":{"name":"\xff","key":"' + new_key().encode() + b'"}}]}'
    with pytest.raises(Refused) as why:
        c2.call("POST", "/e4/batch", raw=raw)
    assert why.value.status == 400 and count(c2) == 0
    assert int(batch(c2, [create(f"c{i}") for i in range(10000)])["changed"]) == 10000


@pytest.mark.parametrize("query", [
    "limit=-1", "limit=1001", "limit=x", "tags=", "tags=a&tags=a", "tags=a%20b",
    "statuses=CLIENT_LOST", "type=TYPE_MAKER", "prefix=" + "p" * 256, "cursor=" + "c" * 600,
    "prefix=%ff", "statuses=7"])
def test_a_bad_search_is_refused(c2, query):
    with pytest.raises(Refused) as why:
        c2.call("GET", f"/e4/search/clients?{query}")
    assert why.value.status == 400, why.value


def test_keys_of_a_batch_are_in_no_log(c2):
    operation = create("quiet")
    batch(c2, [operation])
    refused(c2, [operation])
    key = operation["createClient"]["key"]
    log = c2.log.read_text()
    assert '"call":"Batch"' in log and "quiet" in log
    assert key not in log and base64.b64decode(key).hex() not in log


def test_a_server_killed_within_batches_has_whole_ones(tmp_path, c2):
    """Killed ten times while batches of 200 come: their clients are all there or none."""
    size, rounds = 200, 10
    done = {}

    def sender(first):
        for i in range(first, first + 50):
            try:
                batch(c2, [create(f"b{i}.{j}", tags=[f"b{i}"]) for j in range(size)],
                      id=f"b{i}")
                done[i] = True
            except (OSError, ValueError, Refused):
                return

    for n in range(rounds):
        at = len(done)
        thread = threading.Thread(target=sender, args=(50 * n,))
        thread.start()
        wait_until(lambda: len(done) > at + n % 3, 30, "some batches", 0)
        c2.kill()
        thread.join()
        c2.start()
    sizes = {}
    for name in search(c2, "limit=1000"):
        first = name.split(".")[0]
        sizes[first] = sizes.get(first, 0) + 1
    assert set(sizes.values()) == {size}
    assert {f"b{i}" for i in done} <= set(sizes)
    assert count(c2) == size * len(sizes)
    for i in done:  # what was answered is remembered, also over the kill
        assert batch(c2, [create(f"b{i}.0")], id=f"b{i}")["repeated"] is True


def test_pages_of_a_search_stay_right_while_clients_come_and_go(c2):
    batch(c2, [create(f"c{i:04}", tags=["x"]) for i in range(1000)])
    stop = threading.Event()

    def churn():
        n = 0
        while not stop.is_set():
            batch(c2, [create(f"c{n % 1000:04}-{n}", tags=["x"]),
                       *([{"removeClient": f"c{(n - 5) % 1000:04}-{n - 5}"}] if n > 5 else [])])
            n += 1

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for query in ("limit=37&tags=x", "limit=101", "limit=50&contains=c"):
            names = search(c2, query)
            assert names == sorted(names) and len(set(names)) == len(names)
            assert [n for n in names if "-" not in n] == [f"c{i:04}" for i in range(1000)]
    finally:
        stop.set()
        thread.join()


def test_a_viewer_may_search_and_not_change(tmp_path, broker):
    from actors import Server
    folder = tmp_path / "c2"
    folder.mkdir()
    tokens = folder / "tokens"
    tokens.touch(mode=0o600)
    viewer = secrets.token_hex(24)
    tokens.write_text(f"eve viewer {viewer}\n")
    server = Server(folder, broker.port, auth__token_file=tokens).start()
    try:
        headers = {"Authorization": f"Bearer {viewer}"}
        assert server.call("GET", "/e4/search/clients", headers=headers)["clients"] == []
        for path in ("/e4/batch", "/e4/group"):
            with pytest.raises(Refused) as why:
                server.call("POST", path, {}, headers=headers)
            assert why.value.status == 403
    finally:
        server.kill()


def test_devices_that_were_imported_get_their_keys_and_follow_a_group(c2, broker, tmp_path):
    from actors import Device
    keys = {f"d{i}": secrets.token_bytes(32) for i in range(4)}
    batch(c2, [{"createClient": {"name": n, "key": base64.b64encode(k).decode(),
                                 "type": "TYPE_CONSUMER", "tags": ["live"], "topics": ["a"]}}
               for n, k in keys.items()], createTopics=True)
    devices = [Device(tmp_path, n, broker.port, key=k).start() for n, k in keys.items()]
    try:
        c2.wait_confirmed("a")
        c2.new_topic("b")
        c2.call("POST", "/e4/group", {"tags": ["live"], "attach": "b"})
        c2.wait_confirmed("b")
        c2.call("POST", "/e4/group", {"tags": ["live"], "newKeys": True})
        for name in keys:
            c2.wait_client_confirmed(name)
        c2.call("POST", "/e4/group", {"tags": ["live"], "detach": "a"})
        for name in keys:
            c2.wait_client_confirmed(name)
        found = c2.call("GET", "/e4/search/clients?statuses=CLIENT_CONFIRMED&withTopics=true")
        assert [(f["name"], f["topics"]) for f in found["clients"]] == [(n, ["b"]) for n in keys]
    finally:
        for d in devices:
            d.kill()
