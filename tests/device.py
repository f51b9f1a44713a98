"""A second device, written from protocol.md alone, for the tests.

It shares no code with the device library: AES-SIV, Ed25519 and X25519 are
those of python3-cryptography, SHA-3 is Python's own. State is plain
attributes, so a test can look at everything.
"""

import hashlib
import os
import struct
import threading
import time

import paho.mqtt.client as mqtt
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

RAW = (serialization.Encoding.Raw, serialization.PublicFormat.Raw)
RECEIPT = b"e4-receipt"


def sha3(data):
    return hashlib.sha3_256(data).digest()


def client_id(name):
    return sha3(name.encode())[:16]


def topic_hash(topic):
    return sha3(topic.encode())[:16]


def seal(key, stamp, plain, label=b""):
    head = struct.pack("<Q", stamp)
    return head + AESSIV(key + key).encrypt(plain, [head + label])


def unseal(key, message, label=b""):
    """(stamp, plaintext), or None if it is not authentic."""
    try:
        plain = AESSIV(key + key).decrypt(message[8:], [message[:8] + label])
    except (InvalidTag, ValueError):
        return None
    return struct.unpack("<Q", message[:8])[0], plain


def ed25519_public(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(*RAW)


def control_key(seed, c2_public):
    scalar = hashlib.sha512(seed).digest()[:32]
    shared = X25519PrivateKey.from_private_bytes(scalar).exchange(
        X25519PublicKey.from_public_bytes(c2_public))
    return sha3(shared)


class PyDevice:
    """One device on the bus; key is 32 bytes, in PK mode the Ed25519 seed.

    Without receipts it is as those deployed: no ReportState, no high-water mark.
    """

    def __init__(self, name, key, c2_public=None, receipts=True):
        self.name = name
        self.id = client_id(name)
        self.key = key
        self.c2_public = c2_public
        self.receipts = receipts
        self.topics = {}
        self.peers = {}
        self.high_water = 0
        self.clock_offset = 0
        self.commands = []
        self.refused = []
        self.lock = threading.Lock()
        self.client = None
        self.subscribed = False

    # -- state ---------------------------------------------------------------

    @property
    def pubkey(self):
        return self.c2_public is not None

    def control_key(self):
        return control_key(self.key, self.c2_public) if self.pubkey else self.key

    def public_key(self):
        return ed25519_public(self.key)

    def digest(self):
        h = hashlib.sha3_256(b"E4-STATE-1")
        for hash_, key in sorted(self.topics.items()):
            h.update(hash_ + sha3(key)[:16])
        if self.pubkey:
            for id_, public in sorted(self.peers.items()):
                h.update(id_ + public)
            h.update(self.c2_public)
        return h.digest()

    def now(self):
        return int(time.time()) + self.clock_offset

    def receipt(self, nonce, flags=0):
        entries = b""
        if flags & 1:
            entries = b"".join(h + sha3(k)[:8] for h, k in sorted(self.topics.items()))
        plain = (b"\x01" + nonce + self.digest()
                 + struct.pack("<HHB", len(self.topics), len(self.peers), flags & 1) + entries)
        return seal(self.control_key(), self.now(), plain, RECEIPT)

    # -- commands --------------------------------------------------------------

    def on_control(self, message):
        with self.lock:
            opened = unseal(self.control_key(), message)
            if opened is None:
                self.refused.append("auth")
                return
            stamp, plain = opened
            if (self.receipts and stamp < self.high_water) or not -600 <= stamp - self.now() <= 0:
                self.refused.append("time")
                return
            if plain[0] == 8 and not self.receipts:
                self.refused.append("invalid command")
                return
            self.commands.append(plain[0])
            self.obey(plain[0], plain[1:])
            if plain[0] != 8:
                self.high_water = max(self.high_water, stamp)

    def obey(self, code, args):
        if code == 0:
            self.topics.pop(args, None)
        elif code == 1:
            self.topics.clear()
        elif code == 2:
            self.key = args[:32]
        elif code == 3:
            self.topics[args[32:]] = args[:32]
        elif code == 4:
            self.peers.pop(args, None)
        elif code == 5:
            self.peers.clear()
        elif code == 6:
            self.peers[args[32:]] = args[:32]
        elif code == 7:
            self.c2_public = args
        elif code == 8:
            self.publish(f"e4/{self.id.hex()}/receipt", self.receipt(args[:16], args[16]))

    # -- messages ----------------------------------------------------------------

    def protect(self, topic, plain):
        key = self.topics[topic_hash(topic)]
        if not self.pubkey:
            return seal(key, self.now(), plain)
        sealed = seal(key, self.now(), plain)
        body = sealed[:8] + self.id + sealed[8:]
        return body + Ed25519PrivateKey.from_private_bytes(self.key).sign(body)

    def unprotect(self, topic, message):
        """The plaintext; None if it is not authentic."""
        key = self.topics[topic_hash(topic)]
        if self.pubkey:
            body, signature = message[:-64], message[-64:]
            try:
                public = Ed25519PublicKey.from_public_bytes(self.peers[body[8:24]])
                public.verify(signature, body)
            except (KeyError, InvalidSignature):
                return None
            message = body[:8] + body[24:]
        opened = unseal(key, message)
        return opened and opened[1]

    # -- bus -----------------------------------------------------------------------

    def connect(self, port, clean=False):
        self.client = mqtt.Client(client_id=f"py-{self.id.hex()}", clean_session=clean)
        self.client.on_connect = self.on_connect
        self.client.on_subscribe = self.on_subscribe
        self.client.on_message = lambda c, u, m: self.on_control(m.payload)
        self.client.reconnect_delay_set(1, 2)
        self.client.connect_async("127.0.0.1", port, keepalive=20)
        self.client.loop_start()
        return self

    def on_connect(self, client, userdata, flags, rc):
        client.subscribe(f"e4/{self.id.hex()}", qos=2)
        if self.receipts:
            self.announce()

    def on_subscribe(self, *_):
        self.subscribed = True

    def announce(self):
        self.publish(f"e4/{self.id.hex()}/receipt", self.receipt(bytes(16)))

    def publish(self, topic, payload):
        if self.client:
            self.client.publish(topic, payload, qos=1)

    def close(self):
        if self.client:
            self.client.disconnect()
            self.client.loop_stop()


def random_key():
    return os.urandom(32)
