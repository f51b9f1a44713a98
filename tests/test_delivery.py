"""Keys arrive: real c2, real broker, devices written from protocol.md alone."""

import base64
import http.client
import os
import random
import threading
import time

import pytest

from actors import Broker, Refused, Server, wait_until
from device import PyDevice, random_key, topic_hash, unseal


def protected(server, topic, text):
    answer = server.call("POST", "/e4/protect-message", {
        "topic": topic, "binaryData": base64.b64encode(text).decode()})
    return base64.b64decode(answer["protectedBinaryData"])


def enrol(server, device):
    server.new_client(device.name, device.public_key() if device.pubkey else device.key)
    return device


def c2_public(server):
    return base64.b64decode(server.call("GET", "/e4/c2-public-key")["publicKey"])


def has_newest_key(server, device, topic):
    """The device reads what the server protects now."""
    key_before = device.topics.get(topic_hash(topic))
    if key_before is None:
        return False
    return unseal(key_before, protected(server, topic, b"probe")) is not None


@pytest.fixture
def make(devices):
    def new(server, broker, name, receipts=True, pubkey=False, connect=True):
        d = PyDevice(name, random_key(), c2_public(server) if pubkey else None, receipts)
        devices.append(enrol(server, d))
        if connect:
            d.connect(broker.port)
        return d
    return new


def test_an_attached_device_gets_the_key_and_confirms_it(c2, broker, make):
    d = make(c2, broker, "one")
    c2.new_topic("t")
    answer = c2.attach("one", "t")
    assert answer["delivery"]["status"] == "DELIVERY_QUEUED"
    c2.wait_confirmed("t")
    assert has_newest_key(c2, d, "t")
    status = c2.client_status("one")
    assert status["receipts"] and status["status"] == "CLIENT_CONFIRMED"


def test_a_rotation_reaches_every_member(c2, broker, make):
    members = [make(c2, broker, f"m{n}") for n in range(5)]
    c2.new_topic("t")
    for d in members:
        c2.attach(d.name, "t")
    c2.wait_confirmed("t")
    old = members[0].topics[topic_hash("t")]
    c2.new_topic("t")
    c2.wait_confirmed("t")
    assert all(has_newest_key(c2, d, "t") for d in members)
    assert members[0].topics[topic_hash("t")] != old


def test_a_device_that_was_away_gets_only_the_newest_key(c2, broker, make):
    d = make(c2, broker, "sleeper")
    for t in ("t", "u"):
        c2.new_topic(t)
        c2.attach("sleeper", t)
    c2.wait_confirmed("t")
    d.close()
    for _ in range(5):
        c2.new_topic("t")
    c2.detach("sleeper", "u")
    assert c2.topic_status("t")["confirmed"] == 0
    d.connect(broker.port, clean=True)  # the broker forgets what waited
    c2.wait_confirmed("t")
    assert has_newest_key(c2, d, "t")
    wait_until(lambda: topic_hash("u") not in d.topics, what="the detached topic is gone")


def test_a_detached_device_cannot_read_on(c2, broker, make):
    stays, leaves = make(c2, broker, "stays"), make(c2, broker, "leaves")
    leaves.receipts = True
    c2.new_topic("t")
    for d in (stays, leaves):
        c2.attach(d.name, "t")
    c2.wait_confirmed("t")
    kept = leaves.topics[topic_hash("t")]  # a device that does not obey RemoveTopic
    c2.detach("leaves", "t")
    c2.wait_confirmed("t")
    assert unseal(kept, protected(c2, "t", b"not for you")) is None
    assert has_newest_key(c2, stays, "t")


def test_a_device_without_receipts_is_sent_to_and_never_confirmed(c2, broker, make):
    d = make(c2, broker, "legacy", receipts=False)
    c2.new_topic("t")
    c2.attach("legacy", "t")
    wait_until(lambda: has_newest_key(c2, d, "t"), what="the legacy device has the key")
    status = c2.topic_status("t")
    assert (status["confirmed"], status["sent"]) == (0, 1)


def test_a_lost_set_id_key_does_not_lose_the_device(c2, broker, make):
    d = make(c2, broker, "rekeyed")
    c2.new_topic("t")
    c2.attach("rekeyed", "t")
    c2.wait_confirmed("t")
    d.close()
    for _ in range(3):  # none of these arrives
        c2.call("PATCH", "/e4/client/rekeyed", {})
    assert c2.client_status("rekeyed")["keyPending"]
    old = d.key
    d.connect(broker.port, clean=True)
    c2.wait_client_confirmed("rekeyed")
    assert d.key != old and not c2.client_status("rekeyed")["keyPending"]


def test_a_device_restored_from_an_old_backup_is_repaired(c2, broker, make):
    d = make(c2, broker, "restored")
    for n in range(4):
        c2.new_topic(f"t{n}")
        c2.attach("restored", f"t{n}")
    c2.wait_client_confirmed("restored")
    good = dict(d.topics)
    d.close()
    d.topics = {topic_hash("t0"): b"x" * 32, topic_hash("unknown"): b"y" * 32,
                topic_hash("t1"): good[topic_hash("t1")]}
    d.commands.clear()
    d.connect(broker.port)
    wait_until(lambda: d.topics == good, what="the device is repaired")
    assert d.commands.count(3) <= 4


def test_a_device_with_a_wrong_clock_keeps_getting_keys(c2, broker, make):
    d = make(c2, broker, "clock", connect=False)
    d.clock_offset = 86400
    d.connect(broker.port)
    c2.new_topic("t")
    c2.attach("clock", "t")
    # Its clock refuses our stamps, so it can't answer; it announces itself with its own time.
    c2.wait_client_confirmed("clock", 40)
    assert has_newest_key(c2, d, "t")


def test_public_keys_reach_their_holders_and_follow_a_key_change(c2_pubkey, broker, make):
    server = c2_pubkey
    a, b = (make(server, broker, n, pubkey=True) for n in "ab")
    server.new_topic("t")
    for d in (a, b):
        server.attach(d.name, "t")
    server.call("POST", "/e4/send-client-pubkey", {"sourceClient": {"name": "a"},
                                                   "targetClient": {"name": "b"}})
    for d in (a, b):
        server.wait_client_confirmed(d.name)
    assert b.unprotect("t", a.protect("t", b"signed")) == b"signed"
    server.call("PATCH", "/e4/client/a", {})
    wait_until(lambda: b.peers.get(a.id) == a.public_key() and not server.client_status("a")["keyPending"],
               what="the holder has the new public key")
    for d in (a, b):
        server.wait_client_confirmed(d.name)
    assert b.unprotect("t", a.protect("t", b"signed again")) == b"signed again"


def test_a_new_c2_key_reaches_every_device_also_one_that_was_away(c2_pubkey, broker, make):
    server = c2_pubkey
    a, b = (make(server, broker, n, pubkey=True) for n in "ab")
    server.new_topic("t")
    for d in (a, b):
        server.attach(d.name, "t")
    server.wait_confirmed("t")
    before = c2_public(server)
    b.close()
    for _ in range(2):
        server.call("POST", "/e4/new-c2-key", {"force": True})
    server.wait_client_confirmed("a")
    assert a.c2_public == c2_public(server) != before
    b.connect(broker.port, clean=True)
    server.wait_client_confirmed("b")
    assert b.c2_public == c2_public(server)


def test_a_reset_device_gets_its_topics_back_at_the_next_rotation(c2, broker, make):
    d = make(c2, broker, "reset")
    c2.new_topic("t")
    c2.attach("reset", "t")
    c2.wait_confirmed("t")
    c2.call("PUT", "/e4/client/reset", {})
    wait_until(lambda: not d.topics, what="the device has forgotten its topics")
    assert c2.call("GET", "/e4/client/reset/topics/count") == {"count": "1"}
    c2.new_topic("t")
    c2.wait_confirmed("t")
    assert has_newest_key(c2, d, "t")


def test_forged_receipts_and_replayed_announcements_change_nothing(c2, broker, make):
    d = make(c2, broker, "honest")
    c2.new_topic("t")
    c2.attach("honest", "t")
    c2.wait_confirmed("t")
    announcement = d.receipt(bytes(16))
    before = c2.client_status("honest")
    topic = f"e4/{d.id.hex()}/receipt"
    d.commands.clear()
    for n in range(500):
        d.publish(topic, announcement)
        d.publish(topic, os.urandom(78))
        d.publish(f"e4/{os.urandom(16).hex()}/receipt", announcement)
        d.publish("e4/nonsense/receipt", b"")
    time_limit = time.monotonic() + 3
    wait_until(lambda: time.monotonic() > time_limit, 5)  # nothing to wait for but silence
    assert len(d.commands) < 10
    assert c2.client_status("honest")["revision"] == before["revision"]


# --- Crashes ---------------------------------------------------------------------


@pytest.fixture
def fleet(tmp_path):
    folder = tmp_path / "broker"
    folder.mkdir()
    broker = Broker(folder).start()
    folder = tmp_path / "c2"
    folder.mkdir()
    server = Server(folder, broker.port).start()
    topics = [f"fleet/{n}" for n in range(5)]
    for t in topics:
        server.new_topic(t)
    rng = random.Random(7)
    devices = []
    wanted = {}
    for n in range(50):
        d = enrol(server, PyDevice(f"dev{n:02}", random_key())).connect(broker.port)
        wanted[d.name] = rng.sample(topics, 2)
        for t in wanted[d.name]:
            server.attach(d.name, t)
        devices.append(d)
    for t in topics:
        server.wait_confirmed(t, 60)
    yield broker, server, devices, wanted, topics
    for d in devices:
        d.close()
    server.kill()
    broker.kill()


def rotate_under_fire(server, topics, rotations, strike):
    """Rotate topics while strike() runs again and again; calls that fail are made again."""
    done = threading.Event()
    rng = random.Random(11)
    strikes = 0

    def attacker():
        nonlocal strikes
        while not done.wait(rng.uniform(0.02, 0.5)):
            strike()
            strikes += 1

    def until_taken(call):
        while True:
            try:
                return call()
            except (OSError, http.client.HTTPException, Refused):
                done.wait(0.02)

    thread = threading.Thread(target=attacker)
    thread.start()
    try:
        for n in range(rotations):
            until_taken(lambda: server.new_topic(topics[n % len(topics)]))
            if n % 20 == 0:
                until_taken(lambda: server.call("PATCH", f"/e4/client/dev{n // 20:02}", {}))
            done.wait(rng.uniform(0, 0.2))
    finally:
        done.set()
        thread.join()
    assert strikes >= 15
    return strikes


def all_in_wanted_state(server, devices, wanted, topics):
    for t in topics:
        server.wait_confirmed(t, 120)
    for d in devices:
        server.wait_client_confirmed(d.name, 60)
        assert set(d.topics) == {topic_hash(t) for t in wanted[d.name]}
        assert all(has_newest_key(server, d, t) for t in wanted[d.name]), d.name


def test_kill_9_of_c2_during_200_rotations_loses_no_device_and_no_key(fleet):
    broker, server, devices, wanted, topics = fleet

    def strike():
        server.kill()
        server.start()

    rotate_under_fire(server, topics, 200, strike)
    all_in_wanted_state(server, devices, wanted, topics)


def test_kill_9_of_the_broker_during_200_rotations_loses_no_device_and_no_key(fleet):
    broker, server, devices, wanted, topics = fleet

    def strike():
        broker.kill()
        broker.start()

    rotate_under_fire(server, topics, 200, strike)
    all_in_wanted_state(server, devices, wanted, topics)
