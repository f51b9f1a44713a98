"""A door before a broker that has the limits of AWS IoT Core, as its pages tell them.

TLS with a client certificate and ALPN, QoS 0 and 1, at most 100 messages in
any second from one connection, topics of 256 bytes and 7 slashes, keepalive of
30 to 1200 s. What breaks a limit is noted and the connection is closed.
"""

import collections
import contextlib
import select
import socket
import ssl
import subprocess
import threading
import time

from actors import free_port

ALPN = "x-amzn-mqtt-ca"
CONNECT, PUBLISH, SUBSCRIBE = 1, 3, 8


def openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True)


def make_certificates(folder):
    """ca.pem, and server and client with certificates of it."""
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    openssl("req", "-x509", *curve, "-subj", "/CN=test CA", "-keyout", folder / "ca.key",
            "-out", folder / "ca.pem")
    for name in "server", "client":
        request, names = folder / f"{name}.csr", folder / f"{name}.ext"
        names.write_text("subjectAltName=DNS:localhost\n")
        openssl("req", "-new", *curve[:-2], "-subj", f"/CN={name}", "-keyout",
                folder / f"{name}.key", "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", folder / "ca.pem", "-CAkey",
                folder / "ca.key", "-CAcreateserial", "-days", "2", "-extfile", names,
                "-out", folder / f"{name}.pem")
        (folder / f"{name}.key").chmod(0o600)


class Broken(Exception):
    """A limit was broken."""


class Packets:
    """Cuts a stream into MQTT packets: (type, flags, body)."""

    def __init__(self):
        self.buffer = bytearray()

    def feed(self, data):
        self.buffer += data
        while True:
            length, shift, at = 0, 0, 1
            while at < len(self.buffer) and at < 5:
                length |= (self.buffer[at] & 0x7F) << shift
                shift += 7
                at += 1
                if not self.buffer[at - 1] & 0x80:
                    break
            else:
                return
            if len(self.buffer) < at + length:
                return
            yield self.buffer[0] >> 4, self.buffer[0] & 15, bytes(self.buffer[at:at + length])
            del self.buffer[:at + length]


def text_at(body, at):
    length = int.from_bytes(body[at:at + 2], "big")
    return body[at + 2:at + 2 + length], at + 2 + length


class Door:
    def __init__(self, folder, broker_port):
        self.broker_port = broker_port
        self.port = free_port()
        self.broken = []
        self.published = 0
        self.fastest = 0  # most messages in one second
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(folder / "server.pem", folder / "server.key")
        self.context.load_verify_locations(folder / "ca.pem")
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.set_alpn_protocols([ALPN])
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        # shutdown() wakes the thread that waits in accept()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                raw, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(raw,), daemon=True).start()

    def serve(self, raw):
        try:
            with self.context.wrap_socket(raw, server_side=True) as device:
                if device.selected_alpn_protocol() != ALPN:
                    raise Broken("no ALPN")
                with socket.create_connection(("127.0.0.1", self.broker_port)) as broker:
                    self.pass_on(device, broker)
        except Broken as e:
            self.broken.append(str(e))
        except OSError as e:
            self.broken.append(f"connection: {e}")

    def pass_on(self, device, broker):
        packets, times = Packets(), collections.deque()
        while True:
            ready = [device] if device.pending() else select.select([device, broker], [], [])[0]
            if broker in ready:
                data = broker.recv(65536)
                if not data:
                    return
                device.sendall(data)
            if device in ready:
                data = device.recv(65536)
                if not data:
                    return
                for packet in packets.feed(data):
                    self.check(packet, times)
                broker.sendall(data)

    def check(self, packet, times):
        kind, flags, body = packet
        if kind == CONNECT:
            _, at = text_at(body, 0)
            version, keepalive = body[at], int.from_bytes(body[at + 2:at + 4], "big")
            at += 4 + (1 + body[at + 4] if version == 5 else 0)
            if not 30 <= keepalive <= 1200 or len(text_at(body, at)[0]) > 128:
                raise Broken("CONNECT")
        if kind == SUBSCRIBE and body[-1] & 3 == 2:
            raise Broken("a subscription of QoS 2")
        if kind == PUBLISH:
            topic, _ = text_at(body, 0)
            now = time.monotonic()
            times.append(now)
            while times[0] <= now - 1:
                times.popleft()
            self.published += 1
            self.fastest = max(self.fastest, len(times))
            if flags >> 1 & 3 == 2:
                raise Broken("a message of QoS 2")
            if len(topic) > 256 or topic.count(b"/") > 7 or len(body) > 128 * 1024:
                raise Broken("a topic or message that is too long")
            if len(times) > 100:
                raise Broken("more than 100 messages in a second")
