"""The whole API over HTTP and over gRPC, against a real c2 and a real broker."""

import json
import subprocess

import pytest

import description
from actors import ROOT, Process, Refused, quote, wait_until
from walk import Error, walk

GRPCJS = ROOT / "tests" / "grpcjs"


class GrpcClient(Process):
    """@grpc/grpc-js with the .proto: nothing of it is ours."""

    def __init__(self, port, ca=None, token=None, proto=None, service=None):
        super().__init__()
        if not (GRPCJS / "node_modules").exists():
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=GRPCJS, check=True,
                           capture_output=True, timeout=300)
        self.spawn(["node", GRPCJS / "call.js", f"localhost:{port}", ca or "", token or "",
                    proto or "", service or ""],
                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def send(self, method, request):
        self.child.stdin.write(json.dumps({"method": method, "request": request}) + "\n")

    def read(self):
        return json.loads(self.child.stdout.readline())

    def call(self, method, request):
        self.send(method, request)
        line = self.read()
        return Error(line["code"]) if "code" in line else line["answer"]


def http_call(server):
    def call(method, request):
        verb, path, body = description.http_request(method, request)
        try:
            return server.call(verb, path, body)
        except Refused as e:
            return Error(e.code)
    return call


def rpc_call(server):
    def call(method, request):
        try:
            return server.call("POST", f"/rpc/pb.C2/{method}", request)
        except Refused as e:
            return Error(e.code)
    return call


@pytest.fixture(params=["symmetric", "pubkey"])
def moded(request):
    name = "c2" if request.param == "symmetric" else "c2_pubkey"
    server = request.getfixturevalue(name)
    wait_until(lambda: server.call("GET", "/e4/health-check")["Code"] == "0",
               what="c2 has its broker")
    return request.param, server


# An empty name or topic, and a topic that ends like a list's path, have no REST path of their own.
def reachable_by_route(request):
    client = request.get("client", "x")
    name = client if isinstance(client, str) else client.get("name", "x")
    topic = request.get("topic", "x")
    return name != "" and topic != "" and not topic.endswith("/clients")


def test_every_method_answers_over_its_http_route(moded):
    mode, server = moded
    by_route, by_rpc = http_call(server), rpc_call(server)

    def call(method, request):
        return (by_route if reachable_by_route(request) else by_rpc)(method, request)
    assert walk(mode, call) == description.methods()


def test_every_method_answers_over_the_rpc_path(moded):
    mode, server = moded
    assert walk(mode, rpc_call(server)) == description.methods()


def test_every_method_answers_an_independent_grpc_client(moded):
    mode, server = moded
    client = GrpcClient(server.grpc_port)
    try:
        assert walk(mode, client.call) == description.methods()
    finally:
        client.kill()


def test_the_event_stream_tells_who_joined_and_who_left(c2):
    client = GrpcClient(c2.grpc_port)
    try:
        client.send("SubscribeToEventStream", {})
        assert client.read() == {"subscribed": True}
        c2.new_client("joiner", b"k" * 32)
        c2.new_topic("events/one")
        c2.attach("joiner", "events/one")
        c2.detach("joiner", "events/one")
        first, second = client.read()["event"], client.read()["event"]
        assert (first["type"], first["source"], first["target"]) == (
            "CLIENT_SUBSCRIBED", "joiner", "events/one")
        assert second["type"] == "CLIENT_UNSUBSCRIBED"
        assert int(second["sequence"]) == int(first["sequence"]) + 1
    finally:
        client.kill()


def test_events_of_later_types_are_for_those_who_ask(c2):
    clients = [GrpcClient(c2.grpc_port), GrpcClient(c2.grpc_port)]
    try:
        for client, request in zip(clients, ({}, {"all": True})):
            client.send("SubscribeToEventStream", request)
            assert client.read() == {"subscribed": True}
        c2.new_topic("events/two")
        for name in "ab":
            c2.new_client(name, b"k" * 32)
            c2.attach(name, "events/two")
            c2.call("DELETE", f"/e4/client/{name}")
        old, new = (["{type} {source}".format(**client.read()["event"]) for _ in range(n)]
                    for client, n in zip(clients, (4, 6)))
        assert new == [f"{what} {name}" for name in "ab" for what in (
            "CLIENT_SUBSCRIBED", "CLIENT_UNSUBSCRIBED", "CLIENT_REMOVED")]
        assert old == [e for e in new if "REMOVED" not in e]
    finally:
        for client in clients:
            client.kill()


def test_a_late_subscriber_gets_the_events_after_the_one_it_saw(c2):
    c2.new_client("joiner", b"k" * 32)
    for n in range(3):
        c2.new_topic(f"late/{n}")
        c2.attach("joiner", f"late/{n}")
    client = GrpcClient(c2.grpc_port)
    try:
        client.send("SubscribeToEventStream", {"afterSequence": "1"})
        lines = [client.read() for _ in range(3)]
        targets = [line["event"]["target"] for line in lines if "event" in line]
        assert targets == ["late/1", "late/2"]
    finally:
        client.kill()


def test_names_with_every_separator_are_reachable(c2):
    for name in ("a/b", "a:b", "x/clients", "100%", "ü ö", "a%2Fb", "?q=1", "#1", "dot.", ".."):
        c2.new_client(name, b"k" * 32)
        assert c2.call("GET", f"/e4/client/{quote(name)}/topics/count") == {"count": "0"}
    assert c2.call("GET", "/e4/clients/count") == {"count": "10"}


def test_a_slash_in_a_topic_may_be_plain_or_escaped(c2):
    c2.call("POST", "/e4/topic/a/b/c")
    assert c2.call("GET", "/e4/topic/a%2Fb%2Fc/clients/count") == {"count": "0"}
    assert c2.call("GET", "/e4/topics?offset=0&count=5") == {"topics": ["a/b/c"]}
