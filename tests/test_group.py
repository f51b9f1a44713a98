"""Eight callers at once, whose changes share commits, and kill -9 of the server."""

import base64
import http.client
import json
import random
import threading

import pytest
from actors import Broker, Server
from postgres import Postgres

CALLERS = 8
KEY = json.dumps({"key": base64.b64encode(b"k" * 32).decode()})


class Caller(threading.Thread):
    """Creates clients one after the other until the server is gone."""

    def __init__(self, server, number, acks):
        super().__init__(daemon=True)
        self.server = server
        self.name_of = f"caller{number}-{{}}".format
        self.acks = acks
        self.acknowledged = {}  # name: revision
        self.asked = 0
        self.wrong = []

    def request(self, connection, verb, path, body=None):
        connection.request(verb, path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    def turn(self, connection):
        name = self.name_of(self.asked)
        self.asked += 1
        status, answer = self.request(connection, "POST", f"/e4/client/{name}", KEY)
        if status != 200:
            self.wrong.append((name, status, answer))
            return
        self.acknowledged[name] = int(answer["delivery"]["revision"])
        self.acks.release()
        # One that fails, among those of the others that do not.
        status, answer = self.request(connection, "PUT", f"/e4/client/{name}/topic/missing", "{}")
        if status != 404:
            self.wrong.append((name, status, answer))

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.http_port, timeout=30)
        try:
            while True:
                self.turn(connection)
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()


def names(server):
    found, step = [], 1000
    while True:
        page = server.call("GET", f"/e4/clients?offset={len(found)}&count={step}")
        found += [c["name"] for c in page.get("clients", [])]
        if len(page.get("clients", [])) < step:
            return found


@pytest.fixture(params=["sqlite", "postgres"])
def server(request, tmp_path):
    """On a database server calls are put off and made together."""
    broker = Broker(tmp_path).start()
    settings, database = {}, None
    if request.param == "postgres":
        database = Postgres().start()
        password = tmp_path / "db-password"
        password.touch(mode=0o600)
        password.write_text(Postgres.PASSWORD + "\n")
        settings = {"db__url": database.url(), "db__password_file": password}
    server = Server(tmp_path, broker.port, **settings)
    yield server
    server.kill()
    broker.kill()
    if database:
        database.close()


def test_what_was_acknowledged_survives_kill_9_at_any_moment(server):
    chance = random.Random(4)
    known, revisions = {}, set()
    for round_ in range(6):
        server.start()
        acks = threading.Semaphore(0)
        callers = [Caller(server, f"{round_}.{n}", acks) for n in range(CALLERS)]
        for c in callers:
            c.start()
        for _ in range(chance.randrange(100, 600)):
            assert acks.acquire(timeout=30)
        server.kill()
        for c in callers:
            c.join(30)
            assert not c.is_alive() and not c.wrong
            known.update(c.acknowledged)
            taken = list(c.acknowledged.values())
            assert taken == sorted(set(taken)), "a caller's revisions go up"
            assert not revisions & set(taken), "no revision is given twice"
            revisions |= set(taken)
    server.start()
    there = names(server)
    assert len(there) == len(set(there))
    assert not known.keys() - set(there), "acknowledged, but lost"
    # One of each caller and round may have been done without its answer getting out.
    assert len(there) - len(known) <= 6 * CALLERS


def test_each_request_of_a_group_has_its_own_answer(server):
    server.start()
    acks = threading.Semaphore(0)
    callers = [Caller(server, n, acks) for n in range(CALLERS)]
    for c in callers:
        c.start()
    for _ in range(800):
        assert acks.acquire(timeout=30)
    server.stop()
    for c in callers:
        c.join(30)
        assert not c.is_alive() and not c.wrong
