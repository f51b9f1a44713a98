"""The real programs, one class per actor."""

import base64
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("E4_BUILD", ROOT / "build" / "release"))
C2 = BUILD / "c2" / "c2"
C2CLI = BUILD / "cli" / "c2cli"
E4CLIENT = BUILD / "cli" / "e4client"
E4KEYGEN = BUILD / "cli" / "e4keygen"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(condition, timeout=20, what="condition", step=0.02):
    """Poll until condition() is true; its value."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout} s: {what}")
        time.sleep(step)


def port_open(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
        return True
    return False


class Process:
    """A child that ends with the test, whatever happens."""

    def __init__(self):
        self.child = None

    def spawn(self, args, **options):
        self.child = subprocess.Popen([str(a) for a in args], **options)

    def kill(self):
        if self.child:
            self.child.kill()
            self.child.wait()
            self.child = None

    def stop(self, signo=signal.SIGTERM, timeout=10):
        """Ask it to end; its exit code."""
        self.child.send_signal(signo)
        code = self.child.wait(timeout)
        self.child = None
        return code

    def running(self):
        return self.child is not None and self.child.poll() is None


class Broker(Process):
    """mosquitto on a port of its own, which it keeps over restarts."""

    def __init__(self, folder, extra=""):
        super().__init__()
        self.port = free_port()
        self.config = pathlib.Path(folder) / "mosquitto.conf"
        self.config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\n"
            f"persistence false\nmax_queued_messages 100000\n{extra}\n")

    def start(self):
        self.spawn(["/usr/sbin/mosquitto", "-c", self.config],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: port_open(self.port), what="broker listens")
        return self


class Refused(Exception):
    """An error answer of the API."""

    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status = status
        self.body = body
        self.code = body.get("code") if isinstance(body, dict) else None


class Server(Process):
    """c2 with SQLite in a folder of its own."""

    def __init__(self, folder, broker_port, mode="symmetric", **settings):
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.passphrase = self.folder / "passphrase"
        if not self.passphrase.exists():
            self.passphrase.touch(mode=0o600)
            self.passphrase.write_text("correct horse battery staple\n")
        self.settings = {
            "http.listen": "127.0.0.1:0",
            "grpc.listen": "127.0.0.1:0",
            "db.path": self.folder / "c2.db",
            "crypto.mode": mode,
            "custody.passphrase_file": self.passphrase,
            "mqtt.url": f"mqtt://127.0.0.1:{broker_port}",
            "delivery.receipt_wait": 2,
            "delivery.retry_max": 4,
            "delivery.announce_gap": 1,
        }
        self.settings.update({k.replace("__", "."): v for k, v in settings.items()})
        self.log = self.folder / "c2.log"
        self.ready = self.folder / "ready.json"
        self.http_port = self.grpc_port = None

    def command(self):
        sets = [f"--set={k}={v}" for k, v in self.settings.items() if v is not None]
        return [C2, *sets, "--ready-file", self.ready]

    def start(self, timeout=30, **options):
        self.ready.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.spawn(self.command(), stderr=log, stdout=log, **options)
        wait_until(lambda: self.ready.exists() or not self.running(), timeout, "c2 is ready")
        assert self.running(), "c2 ended: " + self.log.read_text()[-2000:]
        ports = json.loads(self.ready.read_text())
        self.http_port = int(str(ports["http"]).rsplit(":", 1)[-1])
        self.grpc_port = int(str(ports["grpc"]).rsplit(":", 1)[-1])
        return self

    def refuses_to_start(self):
        """(exit code, text on stderr) of a start that must fail."""
        done = subprocess.run([str(a) for a in self.command()], capture_output=True, text=True,
                              timeout=30)
        return done.returncode, done.stderr

    def call(self, verb, path, body=None, raw=None, headers=None, timeout=30):
        """The decoded JSON answer; Refused for an error."""
        data = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http_port}{path}", data=data, method=verb,
            headers={"Content-Type": "application/json", **(headers or {})})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as e:
            text = e.read()
            try:
                raise Refused(e.code, json.loads(text)) from None
            except json.JSONDecodeError:
                raise Refused(e.code, text) from None

    # The daily calls, by name.

    def new_client(self, name, key):
        return self.call("POST", f"/e4/client/{quote(name)}",
                         {"key": base64.b64encode(key).decode()})

    def new_topic(self, topic):
        return self.call("POST", f"/e4/topic/{quote(topic)}", {})

    def attach(self, name, topic):
        return self.call("PUT", f"/e4/client/{quote(name)}/topic/{quote(topic)}", {})

    def detach(self, name, topic):
        return self.call("DELETE", f"/e4/client/{quote(name)}/topic/{quote(topic)}")

    def topic_status(self, topic):
        answer = self.call("GET", f"/e4/topic/{quote(topic)}/status")
        return {k: int(v) for k, v in answer.items() if isinstance(v, str) and v.isdigit()}

    def client_status(self, name):
        return self.call("GET", f"/e4/client/{quote(name)}/status")

    def wait_confirmed(self, topic, timeout=30):
        """Until each member confirmed the newest key."""
        def confirmed():
            status = self.topic_status(topic)
            return status["confirmed"] == status["members"]
        wait_until(confirmed, timeout, f"all members of {topic} confirm", step=0.1)

    def wait_client_confirmed(self, name, timeout=30):
        wait_until(lambda: self.client_status(name)["status"] == "CLIENT_CONFIRMED", timeout,
                   f"{name} confirms", step=0.1)


def quote(name):
    return urllib.parse.quote(name, safe="")


class Device(Process):
    """e4client, driven by lines and watched as JSON lines."""

    def __init__(self, folder, name, broker_port, key=None, c2_public=None, extra=(), url=None):
        super().__init__()
        self.folder = pathlib.Path(folder)
        self.name = name
        self.url = url or f"mqtt://127.0.0.1:{broker_port}"
        self.extra = extra
        self.key_file = self.folder / f"{name}.key"
        if key is not None:
            self.key_file.touch(mode=0o600)
            self.key_file.write_bytes(key)
        self.c2_public_file = None
        if c2_public is not None:
            self.c2_public_file = self.folder / f"{name}.c2.pub"
            self.c2_public_file.write_bytes(c2_public)
        self.events = []
        self.lock = threading.Condition()

    def start(self):
        args = [E4CLIENT, "-name", self.name, "-key", self.key_file, "-broker",
                self.url, "--output", "json", *self.extra]
        if self.c2_public_file:
            args += ["-pubkey", "-c2PubKey", self.c2_public_file]
        return self.run(args)

    def start_many(self, rows):
        """One process for all devices of a file of JSON lines."""
        return self.run([E4CLIENT, "-many", rows, "-broker", self.url, *self.extra])

    def run(self, args):
        if not self.key_file.exists() and "-key" in args:
            at = args.index("-key")
            del args[at:at + 2]  # the key is in the state
        self.spawn(args, cwd=self.folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                   stderr=(self.folder / f"{self.name}.log").open("ab"), text=True, bufsize=1)
        threading.Thread(target=self.read, args=(self.child,), daemon=True).start()
        return self

    def read(self, child):
        for line in child.stdout:
            with self.lock:
                self.events.append(json.loads(line))
                self.lock.notify_all()

    def tell(self, line):
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()

    def wait_event(self, want, timeout=20, what="event"):
        """The first event for which want(event) is true."""
        with self.lock:
            end = time.monotonic() + timeout
            seen = 0
            while True:
                for event in self.events[seen:]:
                    if want(event):
                        return event
                seen = len(self.events)
                left = end - time.monotonic()
                if left <= 0 or not self.lock.wait(left):
                    raise AssertionError(f"{self.name}: no {what} in {self.events[-5:]}")
