"""Kinds of brokers, and devices that know nothing of receipts."""

import base64

import paho.mqtt.client as mqtt
import pytest

from actors import Server, wait_until
from device import PyDevice, random_key, topic_hash
from door import Door, make_certificates
from test_delivery import enrol, has_newest_key
from test_devices import attach_all, reads, scene, subscribed  # noqa: F401


@pytest.fixture
def door(tmp_path, broker):
    make_certificates(tmp_path)
    d = Door(tmp_path, broker.port)
    yield d
    d.close()


def aws_server(tmp_path, door, **settings):
    return Server(tmp_path, door.port, mqtt__url=f"mqtts://localhost:{door.port}",
                  mqtt__ca=tmp_path / "ca.pem", mqtt__cert=tmp_path / "client.pem",
                  mqtt__key=tmp_path / "client.key", **settings)


@pytest.fixture
def aws(tmp_path, door):
    s = aws_server(tmp_path, door, mqtt__profile="aws", mqtt__client_id="c2-{host}-{random}",
                   delivery__receipt_wait=600, delivery__retry_max=3600).start()
    yield s
    s.kill()


def tell(broker, topic, text):
    """A message of somebody else, whoever that is."""
    c = mqtt.Client()
    c.connect("127.0.0.1", broker.port)
    c.loop_start()
    c.publish(topic, text, qos=1).wait_for_publish(10)
    c.disconnect()
    c.loop_stop()


def test_aws_limits_are_kept_while_many_keys_arrive(aws, door, broker, devices):
    aws.new_topic("t")
    for n in range(100):
        aws.new_client(f"absent{n}", random_key())
        aws.attach(f"absent{n}", "t")
    d = enrol(aws, PyDevice("present", random_key()))
    devices.append(d.connect(broker.port))
    aws.attach("present", "t")
    aws.wait_client_confirmed("present")
    before = door.published
    aws.new_topic("t")  # a key and a question for each
    wait_until(lambda: aws.topic_status("t")["waiting"] == 0, what="all are sent to")
    aws.wait_client_confirmed("present")
    assert has_newest_key(aws, d, "t")
    wait_until(lambda: door.published - before >= 202, what="all is published")
    assert 50 <= door.fastest <= 100
    assert door.broken == []


@pytest.mark.parametrize("without", [{"mqtt__profile": "aws", "mqtt__qos": 2, "mqtt__version": "3.1.1"},
                                     {"mqtt__profile": "aws", "mqtt__alpn": "mqtt"},
                                     {"mqtt__profile": "mosquitto"}])
def test_the_door_is_closed_to_who_does_not_keep_them(tmp_path, door, without):
    server = aws_server(tmp_path, door, **without).start()
    try:
        wait_until(lambda: door.broken, what="the door refuses")
    finally:
        server.kill()


def test_a_device_without_receipts_gets_its_keys_when_aws_tells_that_it_is_there(
        aws, broker, devices):
    d = enrol(aws, PyDevice("old", random_key(), receipts=False))
    aws.new_topic("t")
    aws.attach("old", "t")
    wait_until(lambda: aws.client_status("old")["status"] == "CLIENT_SENT", what="it was sent")
    # No session waits for it: what was sent is lost, and the next try is in ten minutes.
    devices.append(d.connect(broker.port, clean=True))
    wait_until(lambda: d.subscribed, what="it has subscribed")
    assert not d.topics
    aws.settings["delivery.announce_gap"] = 1
    wait_until(lambda: has_key_after(broker, aws, d), what="it has its key", step=0.3)
    status = aws.client_status("old")
    assert status["status"] == "CLIENT_SENT" and not status["receipts"]
    assert status["lastSeen"] is None


def has_key_after(broker, server, d):
    tell(broker, "$aws/events/presence/connected/old", '{"clientId":"old","eventType":"connected"}')
    return has_newest_key(server, d, "t")


def test_two_servers_of_one_name_differ_and_the_share_reaches_one(tmp_path, broker, devices):
    folders = [tmp_path / n for n in "ab"]
    servers = []
    for f in folders:
        f.mkdir()
        servers.append(Server(f, broker.port, mqtt__client_id="c2-{random}",
                              mqtt__share="c2").start())
    try:
        key = random_key()
        for s in servers:
            s.new_client("d", key)
            assert s.call("GET", "/e4/health-check")["broker"] == "OK"
        d = PyDevice("d", key)
        devices.append(d.connect(broker.port))
        # Of ten announcements each server hears some, so both ask; each answer reaches one of
        # them, and only who asked can use it.
        wait_until(lambda: d.publish(f"e4/{d.id.hex()}/receipt", d.receipt(bytes(16))) or
                   all(s.client_status("d")["receipts"] for s in servers),
                   what="both servers have heard of the device", step=0.3)
    finally:
        for s in servers:
            s.kill()


# --- devices as they are deployed ------------------------------------------------------------


@pytest.fixture
def legacy(scene, broker):  # noqa: F811
    """make(name): a device from protocol.md alone without the extension of its section 8."""
    made = []

    def make(name):
        d = PyDevice(name, random_key(), c2_public_of(scene), receipts=False)
        made.append(enrol(scene, d))
        return d.connect(broker.port, clean=True)
    yield make
    for d in made:
        d.close()


def c2_public_of(server):
    if not server.is_pubkey:
        return None
    return base64.b64decode(server.call("GET", "/e4/c2-public-key")["publicKey"])


def link(server, *names):
    for source in names if server.is_pubkey else ():
        for target in names:
            if source != target:
                server.call("POST", "/e4/send-client-pubkey", {
                    "sourceClient": {"name": source}, "targetClient": {"name": target}})


def test_a_deployed_device_and_ours_talk_over_rotations_and_key_changes(scene, legacy):  # noqa: F811
    ours, theirs = scene.make("ours"), legacy("theirs")
    wait_until(lambda: theirs.subscribed, what="it has subscribed")
    scene.new_topic("t")
    for n in "ours", "theirs":
        scene.attach(n, "t")
    link(scene, "ours", "theirs")
    scene.wait_client_confirmed("ours")
    subscribed(ours, "t")
    heard = []
    theirs.client.message_callback_add("t", lambda c, u, m: heard.append(m.payload))
    theirs.client.subscribe("t", qos=1)

    def both_ways(text):
        wait_until(lambda: has_newest_key(scene, theirs, "t"), what="it has the key")
        wait_until(lambda: not scene.is_pubkey or len(theirs.peers) == 1, what="it has the peer")
        if scene.is_pubkey:
            wait_until(lambda: knows(ours), what="ours knows it")
        theirs.publish("t", theirs.protect("t", text.encode() + b" from theirs"))
        reads(ours, f"{text} from theirs")
        wait_until(lambda: ours.tell(f"e4msg t {text} from ours") or
                   any(theirs.unprotect("t", m) == f"{text} from ours".encode() for m in heard),
                   what="it reads ours", step=0.3)

    def knows(_):
        return scene.client_status("ours")["status"] == "CLIENT_CONFIRMED"

    both_ways("first")
    scene.new_topic("t")
    both_ways("after a rotation")
    old = theirs.key
    scene.call("PATCH", "/e4/client/theirs", {})
    wait_until(lambda: theirs.key != old, what="it has taken its new key")
    scene.wait_client_confirmed("ours")
    both_ways("under its new key")
    scene.new_topic("t")
    both_ways("and after a rotation")
    status = scene.client_status("theirs")
    assert status["status"] == "CLIENT_SENT" and not status["receipts"] and status["keyPending"]
    rows = scene.call("GET", "/e4/clients/unconfirmed")["clients"]
    assert [r["client"]["name"] for r in rows] == ["theirs"]
    assert rows[0]["status"] == "CLIENT_SENT" and rows[0]["since"]
    theirs.receipts = True  # its firmware is brought up to date
    theirs.announce()
    scene.wait_client_confirmed("theirs")
    assert not scene.client_status("theirs")["keyPending"]
    wait_until(lambda: scene.call("GET", "/e4/clients/unconfirmed")["clients"] == [],
               what="nobody is behind")


def test_birth_messages_bring_keys_to_who_was_away(tmp_path, broker, devices):
    server = Server(tmp_path, broker.port, mqtt__presence="birth/{client}",
                    delivery__receipt_wait=600, delivery__retry_max=3600,
                    delivery__announce_gap=1).start()
    try:
        d = enrol(server, PyDevice("sleeper", random_key(), receipts=False))
        server.new_topic("t")
        server.attach("sleeper", "t")
        wait_until(lambda: server.client_status("sleeper")["status"] == "CLIENT_SENT",
                   what="it was sent")
        for word in "offline", "":
            tell(broker, "birth/sleeper", word)
        devices.append(d.connect(broker.port, clean=True))
        wait_until(lambda: d.subscribed, what="it has subscribed")
        assert topic_hash("t") not in d.topics
        wait_until(lambda: tell(broker, "birth/sleeper", "1") or has_newest_key(server, d, "t"),
                   what="it has its key", step=0.3)
    finally:
        server.kill()
