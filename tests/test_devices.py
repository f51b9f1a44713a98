"""The device library in its reference device, e4client, against c2 and against the second device."""

import base64
import json
import random
import threading

import pytest

from actors import Device, wait_until
from device import PyDevice, ed25519_public, random_key


def c2_public(server):
    return base64.b64decode(server.call("GET", "/e4/c2-public-key")["publicKey"])


@pytest.fixture(params=["symmetric", "pubkey"])
def scene(request, tmp_path, broker):
    """(server, make): make(name) is an enrolled, connected e4client."""
    server = request.getfixturevalue("c2" if request.param == "symmetric" else "c2_pubkey")
    pubkey = request.param == "pubkey"
    folder = tmp_path / "devices"
    folder.mkdir()
    made = []

    def make(name):
        seed = random_key()
        key = seed + ed25519_public(seed) if pubkey else seed
        server.new_client(name, ed25519_public(seed) if pubkey else seed)
        d = Device(folder, name, broker.port, key, c2_public(server) if pubkey else None)
        made.append(d)
        return d.start()

    def make_py(name):
        seed = random_key()
        server.new_client(name, ed25519_public(seed) if pubkey else seed)
        d = PyDevice(name, seed, c2_public(server) if pubkey else None)
        made.append(d)
        return d.connect(broker.port)

    server.make, server.make_py, server.is_pubkey = make, make_py, pubkey
    yield server
    for d in made:
        d.close() if isinstance(d, PyDevice) else d.kill()


def attach_all(server, topic, *names):
    server.new_topic(topic)
    for n in names:
        server.attach(n, topic)
    if server.is_pubkey:
        for source in names:
            for target in names:
                if source != target:
                    server.call("POST", "/e4/send-client-pubkey", {
                        "sourceClient": {"name": source}, "targetClient": {"name": target}})
    for n in names:
        server.wait_client_confirmed(n)


def reads(device, text, timeout=20):
    return device.wait_event(lambda e: e["event"] == "message" and e.get("text") == text, timeout,
                             f"message {text!r}")


def subscribed(device, topic):
    device.tell(f"subscribe {topic}")
    device.wait_event(lambda e: e["event"] == "subscribe", what="subscription")


def test_two_devices_talk_and_go_on_talking_over_a_rotation(scene):
    a, b = scene.make("a"), scene.make("b")
    attach_all(scene, "t", "a", "b")
    subscribed(b, "t")
    a.tell("e4msg t first")
    reads(b, "first")
    scene.new_topic("t")
    scene.wait_confirmed("t")
    a.tell("e4msg t second")
    reads(b, "second")


def test_the_reference_device_and_the_second_device_read_each_other(scene, broker):
    a, py = scene.make("a"), scene.make_py("py")
    attach_all(scene, "t", "a", "py")
    subscribed(a, "t")
    py.publish("t", py.protect("t", b"from python"))
    reads(a, "from python")
    heard = []
    py.client.message_callback_add("t", lambda c, u, m: heard.append(m.payload))
    py.client.subscribe("t", qos=1)
    wait_until(lambda: a.tell("e4msg t from c") or heard, what="the second device hears", step=0.3)
    assert py.unprotect("t", heard[0]) == b"from c"


def test_a_device_restarts_with_its_keys_and_without_its_key_file(scene):
    a, b = scene.make("a"), scene.make("b")
    attach_all(scene, "t", "a", "b")
    assert a.stop() == 0
    a.key_file.unlink()
    a.start()
    subscribed(b, "t")
    a.tell("e4msg t still here")
    reads(b, "still here")


def test_a_clear_or_foreign_message_is_shown_as_not_readable(scene):
    a, b = scene.make("a"), scene.make("b")
    attach_all(scene, "t", "a", "b")
    subscribed(b, "t")
    a.tell("clearmsg t in the clear")
    b.wait_event(lambda e: e["event"] == "unreadable" and e["reason"], what="a verdict")
    a.tell("e4msg nokey text")
    a.wait_event(lambda e: e["event"] == "error", what="an error for a topic without key")


def test_a_device_killed_at_any_moment_keeps_a_whole_state(scene):
    a = scene.make("a")
    attach_all(scene, "t", "a")
    rng = random.Random(5)
    done = threading.Event()

    def rotate():
        while not done.wait(0.01):
            scene.new_topic("t")

    thread = threading.Thread(target=rotate)
    thread.start()
    try:
        for _ in range(25):
            threading.Event().wait(rng.uniform(0.02, 0.2))
            a.kill()
            a.start()  # would end with an error if the state were damaged
    finally:
        done.set()
        thread.join()
    scene.wait_confirmed("t")
    assert a.running()


def test_a_new_key_of_the_device_is_taken_and_the_old_one_gone_from_its_file(scene):
    a = scene.make("a")
    attach_all(scene, "t", "a")
    old = a.key_file.read_bytes()[:32]
    state = a.folder / "a.e4"
    assert old in state.read_bytes()
    scene.call("PATCH", "/e4/client/a", {})
    wait_until(lambda: not scene.client_status("a")["keyPending"], what="the new key is confirmed")
    assert old not in state.read_bytes()


def test_fifty_devices_of_the_library_survive_kills_of_c2(tmp_path, broker, c2):
    folder = tmp_path / "fleet"
    folder.mkdir()
    rows = []
    topics = [f"fleet/{n}" for n in range(4)]
    for t in topics:
        c2.new_topic(t)
    for n in range(50):
        key = random_key()
        file = folder / f"dev{n:02}.key"
        file.touch(mode=0o600)
        file.write_bytes(key)
        rows.append(json.dumps({"name": f"dev{n:02}", "key": str(file)}))
        c2.new_client(f"dev{n:02}", key)
        for t in (topics[n % 4], topics[(n + 1) % 4]):
            c2.attach(f"dev{n:02}", t)
    (folder / "fleet.jsonl").write_text("\n".join(rows))
    fleet = Device(folder, "fleet", broker.port)
    fleet.start_many(folder / "fleet.jsonl")
    try:
        rng = random.Random(3)
        for n in range(40):
            c2.new_topic(topics[n % 4])
            if n % 4 == 0:
                threading.Event().wait(rng.uniform(0, 0.3))
                c2.kill()
                c2.start()
        for t in topics:
            c2.wait_confirmed(t, 60)
    finally:
        fleet.kill()
