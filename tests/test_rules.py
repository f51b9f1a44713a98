"""Rules of the automation engine: a real c2, a real broker, devices that get the new keys."""

import base64
import json
from datetime import datetime, timedelta

import pytest

from actors import Device, Refused, Server, quote, wait_until
from device import PyDevice, random_key, topic_hash
from test_api import GrpcClient
from walk import Error

NEVER = "0001-01-01T00:00:00Z"

# What tools in the field have: no field from 100 on, no method of ours.
OLD_PROTO = """
syntax = "proto3";
package pb;
import "google/protobuf/timestamp.proto";
service C2AutomationEngine {
  rpc ListRules(ListRulesRequest) returns (RulesResponse);
  rpc GetRule(GetRuleRequest) returns (RuleResponse);
  rpc AddRule(AddRuleRequest) returns (RuleResponse);
  rpc UpdateRule(UpdateRuleRequest) returns (RuleResponse);
  rpc DeleteRule(DeleteRuleRequest) returns (DeleteRuleResponse);
  rpc HealthCheck(HealthCheckRequest) returns (HealthCheckResponse);
}
enum ActionType { UNDEFINED_ACTION = 0; KEY_ROTATION = 1; }
enum TargetType { ANY = 0; TOPIC = 1; CLIENT = 2; }
enum TriggerType { UNDEFINED_TRIGGER = 0; TIME_INTERVAL = 1; EVENT = 2; }
message Target { int32 id = 1; TargetType type = 2; string expr = 3; }
message Trigger { int32 id = 1; TriggerType type = 2; bytes settings = 3; }
message Rule {
  int32 id = 1; string description = 2; ActionType action = 3;
  google.protobuf.Timestamp lastExecuted = 4;
  repeated Trigger triggers = 5; repeated Target targets = 6;
}
message ListRulesRequest {}
message RulesResponse { repeated Rule rules = 1; }
message RuleResponse { Rule rule = 1; }
message GetRuleRequest { int32 ruleId = 1; }
message AddRuleRequest {
  string description = 1; ActionType action = 2;
  repeated Trigger triggers = 3; repeated Target targets = 4;
}
message UpdateRuleRequest {
  int32 ruleId = 1; string description = 2; ActionType action = 3;
  repeated Trigger triggers = 4; repeated Target targets = 5;
}
message DeleteRuleRequest { int32 ruleId = 1; }
message DeleteRuleResponse { int32 ruleId = 1; }
message HealthCheckRequest {}
message HealthCheckResponse { int64 Code = 1; string Status = 2; }
"""


# --- rules as requests --------------------------------------------------------------------------

def base64_json(settings):
    return base64.b64encode(json.dumps(settings).encode()).decode()


def trigger(type_, **settings):
    return {"type": type_, "settings": base64_json(settings)}


def at(expr, **more):
    return trigger("TIME_INTERVAL", expr=expr, **more)


def on(event, count=1):
    return trigger("EVENT", eventType=event, maxOccurrence=count)


def target(type_, expr):
    return {"type": type_, "expr": expr}


def a_rule(triggers=(), targets=(), action="KEY_ROTATION", **more):
    return {"description": "a rule", "action": action, "triggers": list(triggers),
            "targets": list(targets), **more}


def add(server, *args, **more):
    """The id of a new rule."""
    return server.call("POST", "/rules", a_rule(*args, **more))["rule"]["id"]


def rule(server, rule_id):
    return server.call("GET", f"/rules/{rule_id}")["rule"]


def runs(server, rule_id):
    return server.call("GET", f"/runs?ruleId={rule_id}")["runs"]


def wait_run(server, rule_id, state, timeout=30):
    """The newest run of the rule, once it is in this state."""
    def newest():
        found = runs(server, rule_id)
        return found and found[0]["state"] == state and found[0]
    return wait_until(newest, timeout, f"a run of rule {rule_id} is {state}", step=0.05)


def revision(server, topic):
    return server.topic_status(topic)["revision"]


def wait_alarm(server):
    """The first alarm since the start."""
    client = GrpcClient(server.grpc_port)
    try:
        client.send("SubscribeToEventStream", {"afterSequence": "0", "all": True})
        assert client.read() == {"subscribed": True}
        while True:
            event = client.read()["event"]
            if event["type"] == "ALARM":
                return event
    finally:
        client.kill()


# --- actors -----------------------------------------------------------------------------------

@pytest.fixture
def start(tmp_path, broker):
    """A server; topics keep their keys when clients leave, so that rules alone rotate."""
    started = []

    def start(**settings):
        folder = tmp_path / "c2"
        folder.mkdir(exist_ok=True)
        started.append(Server(folder, broker.port, keys__rotate_on_removal="false",
                              **settings).start())
        return started[-1]
    yield start
    for s in started:
        s.kill()


@pytest.fixture
def c2(start):
    return start()


@pytest.fixture
def join(tmp_path, broker):
    """An e4client that is a member of the topics."""
    made = []

    def join(server, name, *topics):
        key = random_key()
        server.new_client(name, key)
        made.append(Device(tmp_path, name, broker.port, key).start())
        for topic in topics:
            server.attach(name, topic)
        return made[-1]
    yield join
    for d in made:
        d.kill()


@pytest.fixture
def join_py(broker, devices):
    """The same with a device whose keys a test can see."""
    def join_py(server, name, *topics):
        devices.append(PyDevice(name, random_key()))
        server.new_client(name, devices[-1].key)
        devices[-1].connect(broker.port)
        for topic in topics:
            server.attach(name, topic)
        return devices[-1]
    return join_py


def hears(server, device, topic, text):
    """The device reads what the server protects under the key of now."""
    sealed = server.call("POST", "/e4/protect-message", {
        "topic": topic, "binaryData": base64.b64encode(text.encode()).decode()})
    client = PyDevice("voice", random_key()).connect(int(device.url.rsplit(":", 1)[1]))
    try:
        wait_until(lambda: client.subscribed, what="the voice is connected")
        client.publish(topic, base64.b64decode(sealed["protectedBinaryData"]))
        device.wait_event(lambda e: e["event"] == "message" and e.get("text") == text,
                          what=f"message {text!r}")
    finally:
        client.close()


# --- the forms that tools know ------------------------------------------------------------------

def test_the_json_form_is_the_one_that_tools_know(c2):
    c2.new_topic("plant/a")
    asked = a_rule([at("0 3 * * SUN")], [target("TOPIC", "plant/a")])
    added = c2.call("POST", "/rules", asked)["rule"]
    assert added["id"] == 1 and added["description"] == "a rule"
    assert added["action"] == "KEY_ROTATION" and added["lastExecuted"] == NEVER
    first, = added["triggers"]
    assert (first["id"], first["type"]) == (1, "TIME_INTERVAL")
    assert json.loads(base64.b64decode(first["settings"])) == {"expr": "0 3 * * SUN"}
    assert [(t["type"], t["expr"]) for t in added["targets"]] == [("TOPIC", "plant/a")]
    assert isinstance(added["targets"][0]["id"], int)
    assert rule(c2, 1)["triggers"] == added["triggers"]
    listed, = c2.call("GET", "/rules")["rules"]
    assert (listed["id"], listed["lastExecuted"]) == (1, NEVER)
    assert c2.call("GET", "/health-check") | {"Code": "0", "Status": "OK"} == \
        c2.call("GET", "/health-check")
    assert c2.call("DELETE", "/rules/1") == {"ruleId": 1}
    assert c2.call("GET", "/rules") == {"rules": []}
    for verb in "GET", "DELETE":
        with pytest.raises(Refused) as e:
            c2.call(verb, "/rules/1")
        assert (e.value.status, e.value.code) == (404, 5)


def test_replacing_a_rule_keeps_known_parts_makes_new_ones_and_drops_the_rest(c2):
    for topic in "a", "b", "c":
        c2.new_topic(topic)
    before = c2.call("POST", "/rules", a_rule([at("@daily"), on("CLIENT_SUBSCRIBED", 5)],
                                              [target("TOPIC", "a"), target("TOPIC", "b")],
                                              options={"waves": [10, 100]}))["rule"]
    c2.new_client("x", random_key())
    c2.attach("x", "b")
    counted = before["triggers"][1]["id"]
    wait_until(lambda: rule(c2, 1)["triggers"][1]["occurrences"] == "1", what="the event counts")
    after = c2.call("PUT", "/rules", {
        "ruleId": 1, "description": "other", "action": "KEY_ROTATION",
        "triggers": [before["triggers"][1], at("@weekly")],
        "targets": [before["targets"][1], target("TOPIC", "c")]})["rule"]
    assert after["id"] == 1 and after["description"] == "other"
    assert after["options"] == before["options"]  # which older tools do not know
    assert after["triggers"][0]["id"] == counted and after["triggers"][0]["occurrences"] == "1"
    old = {p["id"] for p in before["triggers"] + before["targets"]}
    assert after["triggers"][1]["id"] not in old and after["targets"][1]["id"] not in old
    assert after["targets"][0] == before["targets"][1]
    assert [t["expr"] for t in after["targets"]] == ["b", "c"]


def test_a_grpc_client_with_the_old_description_works(c2, tmp_path):
    (tmp_path / "old.proto").write_text(OLD_PROTO)
    c2.new_topic("t")
    client = GrpcClient(c2.grpc_port, proto=tmp_path / "old.proto", service="C2AutomationEngine")
    try:
        added = client.call("AddRule", a_rule([at("@daily")], [target("TOPIC", "t")]))["rule"]
        assert added["id"] == 1 and added["lastExecuted"] == {
            "seconds": "-62135596800", "nanos": 0}
        added["triggers"].append({"id": 0, **on("CLIENT_UNSUBSCRIBED", 2)})
        changed = client.call("UpdateRule", {**added, "ruleId": 1})["rule"]
        assert [t["type"] for t in changed["triggers"]] == ["TIME_INTERVAL", "EVENT"]
        assert changed["triggers"][0] == added["triggers"][0]
        assert client.call("GetRule", {"ruleId": 1})["rule"] == changed
        assert client.call("ListRules", {})["rules"] == [changed]
        assert client.call("HealthCheck", {}) == {"Code": "0", "Status": "OK"}
        assert client.call("DeleteRule", {"ruleId": 1}) == {"ruleId": 1}
        assert client.call("GetRule", {"ruleId": 1}) == Error(5)
        assert client.call("AddRule", a_rule([at("no")], [target("TOPIC", "t")])) == Error(3)
    finally:
        client.kill()


def test_every_method_answers_an_independent_grpc_client(c2):
    c2.new_topic("t")
    client = GrpcClient(c2.grpc_port, proto="engine.proto", service="C2AutomationEngine")
    try:
        client.call("AddRule", a_rule([at("@daily")], [target("TOPIC", "t")]))
        changed = client.call("ChangeRule", {"ruleId": 1, "addTarget": target("ANY", "t")})["rule"]
        assert [t["type"] for t in changed["targets"]] == ["TOPIC", "ANY"]
        part = changed["targets"][1]["id"]
        changed = client.call("ChangeRule", {"ruleId": 1, "removeTarget": part})["rule"]
        assert len(changed["targets"]) == 1
        assert client.call("ChangeRule", {"ruleId": 1}) == Error(3)
        run = client.call("RunRule", {"ruleId": 1, "force": True})["run"]
        assert run["cause"] == "CAUSE_MANUAL"
        assert client.call("ListRuns", {})["runs"][0]["ruleId"] == 1
        assert len(client.call("GetSchedule", {"ruleId": 1, "count": "3"})["times"]) == 3
        assert client.call("RaiseAlarm", {"topic": "t"}) == {}
        for method in "ChangeRule", "RunRule", "GetSchedule", "DeleteRule":
            assert client.call(method, {"ruleId": 2, "pause": True}) == Error(5), method
    finally:
        client.kill()


# --- rules at work --------------------------------------------------------------------------------

def test_a_topic_rotates_after_three_joins_and_not_before(c2, join):
    c2.new_topic("t")
    rule_id = add(c2, [on("CLIENT_SUBSCRIBED", 3)], [target("TOPIC", "t")],
                  options={"force": True})
    before = revision(c2, "t")
    a = join(c2, "a", "t")
    join(c2, "b", "t")
    a.tell("subscribe t")
    c2.wait_confirmed("t")
    wait_until(lambda: rule(c2, rule_id)["triggers"][0]["occurrences"] == "2", what="two joins")
    assert revision(c2, "t") == before and rule(c2, rule_id)["lastExecuted"] == NEVER
    join(c2, "c", "t")
    run = wait_run(c2, rule_id, "RUN_DONE")
    assert (run["cause"], run["done"], run["failed"]) == ("CAUSE_EVENT", "1", "0")
    assert run["outcome"] == "1 rotated"
    assert revision(c2, "t") > before
    after = rule(c2, rule_id)
    assert after["triggers"][0]["occurrences"] == "0" and after["lastExecuted"] != NEVER
    c2.wait_confirmed("t")
    hears(c2, a, "t", "under the new key")


def test_counted_joins_survive_a_restart(start):
    c2 = start()
    c2.new_topic("t")
    rule_id = add(c2, [on("CLIENT_SUBSCRIBED", 3)], [target("TOPIC", "t")],
                  options={"force": True})
    for name in "a", "b":
        c2.new_client(name, random_key())
        c2.attach(name, "t")
    c2.kill()
    c2.start()
    assert runs(c2, rule_id) == []
    c2.new_client("c", random_key())
    c2.attach("c", "t")
    wait_run(c2, rule_id, "RUN_DONE")
    assert len(runs(c2, rule_id)) == 1


def test_a_rule_of_each_second_gives_a_device_key_after_key(c2, join_py):
    c2.new_topic("t")
    d = join_py(c2, "d", "t")
    c2.wait_confirmed("t")
    rule_id = add(c2, [at("@every 1s")], [target("TOPIC", "t")], options={"force": True})
    keys = set()

    def three():
        keys.add(d.topics.get(topic_hash("t")))
        return len(keys) >= 4  # the first one, and three of the rule
    wait_until(three, 30, "three keys of the rule")
    now = rule(c2, rule_id)
    assert now["lastExecuted"] > "2026" and now["nextDue"] >= now["lastExecuted"]
    assert now["lastRun"]["cause"] == "CAUSE_TIME"


def test_a_paused_rule_rests_until_it_is_resumed(c2):
    c2.new_topic("t")
    rule_id = add(c2, [at("@every 1s")], [target("TOPIC", "t")], options={"force": True})
    wait_run(c2, rule_id, "RUN_DONE")
    paused = c2.call("PATCH", f"/rules/{rule_id}", {"pause": True})["rule"]
    assert paused["paused"] and paused["nextDue"] is None
    # Another rule of the same rhythm tells that time went by.
    c2.new_topic("clock")
    n = len(runs(c2, rule_id))
    other = add(c2, [at("@every 1s")], [target("TOPIC", "clock")], options={"force": True})
    wait_until(lambda: len(runs(c2, other)) >= 3, 30, "the other rule fires")
    assert len(runs(c2, rule_id)) == n
    assert not c2.call("PATCH", f"/rules/{rule_id}", {"pause": False})["rule"]["paused"]
    wait_until(lambda: len(runs(c2, rule_id)) > n, 30, "it fires again")


def test_when_a_client_is_removed_those_that_stay_get_another_key(c2, join, join_py):
    c2.new_topic("t")
    stays = join_py(c2, "stays", "t")
    join(c2, "goes", "t")
    c2.wait_confirmed("t")
    rule_id = add(c2, [on("CLIENT_UNSUBSCRIBED")], [target("TOPIC", "t")],
                  options={"force": True})
    before = stays.topics[topic_hash("t")]
    c2.call("DELETE", "/e4/client/goes")
    wait_run(c2, rule_id, "RUN_DONE")
    c2.wait_confirmed("t")
    assert stays.topics[topic_hash("t")] != before


def test_when_a_gateway_is_removed_the_others_get_keys_of_their_own(c2, join_py):
    stays = join_py(c2, "gate-1")
    c2.new_client("gate-2", random_key())
    c2.new_client("sensor", random_key())
    c2.wait_client_confirmed("gate-1")
    rule_id = add(c2, [on("CLIENT_REMOVED")], [target("CLIENT_PATTERN", "gate-*")])
    before = stays.key
    c2.call("DELETE", "/e4/client/sensor")
    c2.call("DELETE", "/e4/client/gate-2")
    run = wait_run(c2, rule_id, "RUN_DONE")
    assert run["done"] == "1" and len(runs(c2, rule_id)) == 1
    wait_until(lambda: stays.key != before, what="the gateway has its new key")


def test_an_alarm_rotates_the_topic_it_is_about(c2):
    for topic in "t", "u":
        c2.new_topic(topic)
    rule_id = add(c2, [on("ALARM")], [target("TOPIC", "t")], options={"force": True})
    before = revision(c2, "t")
    c2.call("POST", "/alarms", {"topic": "u"})
    c2.call("POST", "/alarms", {"client": "thing", "topic": "t"})
    wait_run(c2, rule_id, "RUN_DONE")
    assert len(runs(c2, rule_id)) == 1 and revision(c2, "t") > before
    with pytest.raises(Refused) as e:
        c2.call("POST", "/alarms", {})
    assert e.value.status == 400


def test_a_key_is_due_when_it_is_of_age(c2):
    c2.new_topic("t")
    made, = c2.call("POST", "/rpc/pb.C2/SearchTopics", {})["topics"]
    rule_id = add(c2, [trigger("KEY_AGE", age="30d")], [target("TOPIC_PATTERN", "*")])
    due = datetime.fromisoformat(made["rotatedAt"]) + timedelta(days=30)

    def planned():
        shown = rule(c2, rule_id)["nextDue"]
        return shown and datetime.fromisoformat(shown) == due
    wait_until(planned, what="the key's birthday is planned")
    assert runs(c2, rule_id) == []  # what found nothing to do is no history


def test_run_now_waits_for_the_grace_period_unless_forced(c2):
    c2.new_topic("t")
    rule_id = add(c2, [at("@yearly")], [target("TOPIC", "t")])
    before = revision(c2, "t")
    run = c2.call("POST", f"/rules/{rule_id}/run", {})["run"]
    assert run["cause"] == "CAUSE_MANUAL"
    waits = wait_run(c2, rule_id, "RUN_WAITING")
    assert waits["nextStep"] > waits["startedAt"] and revision(c2, "t") == before
    forced = add(c2, [], [target("TOPIC", "t")])
    c2.call("POST", f"/rules/{forced}/run", {"force": True})
    wait_run(c2, forced, "RUN_DONE")
    assert revision(c2, "t") > before
    # What waits finds it rotated; deleting it ends it.
    c2.call("DELETE", f"/rules/{rule_id}")
    wait_run(c2, rule_id, "RUN_STOPPED")


def test_what_is_due_again_in_the_grace_period_rotates_once_when_it_is_over(start):
    c2 = start(engine__grace=4)
    c2.new_topic("t")
    rule_id = add(c2, [on("ALARM")], [target("TOPIC", "t")])
    before = revision(c2, "t")
    c2.call("POST", "/alarms", {"topic": "t"})
    wait_run(c2, rule_id, "RUN_WAITING")
    c2.call("POST", "/alarms", {"topic": "t"})
    wait_until(lambda: runs(c2, rule_id)[0]["merged"] == "1", what="the second alarm joins")
    assert revision(c2, "t") == before
    run = wait_run(c2, rule_id, "RUN_DONE")
    assert (run["done"], run["merged"], len(runs(c2, rule_id))) == ("1", "1", 1)
    assert revision(c2, "t") > before


def test_waves_stop_when_devices_are_cut_off_and_go_on_when_they_are_there(c2, join_py):
    topics = [f"w/{n}" for n in range(20)]
    for topic in topics:
        c2.new_topic(topic)
    d = join_py(c2, "d", *topics)
    c2.wait_client_confirmed("d")
    d.close()
    before = {t: revision(c2, t) for t in topics}
    rule_id = add(c2, [], [target("TOPIC_PATTERN", "w/*")],
                  options={"force": True, "waves": [40, 100], "waveWait": "3"})
    c2.call("POST", f"/rules/{rule_id}/run", {})
    run = wait_run(c2, rule_id, "RUN_STOPPED")
    wait_alarm(c2)
    rotated = [t for t in topics if revision(c2, t) > before[t]]
    assert 0 < len(rotated) < 20 and run["done"] == str(len(rotated))
    assert (run["wave"], run["waves"]) == (1, 2) and "confirmed" in run["outcome"]
    d.connect(int(c2.settings["mqtt.url"].rsplit(":", 1)[1]))
    c2.call("POST", f"/rules/{rule_id}/run", {})
    run = wait_run(c2, rule_id, "RUN_DONE", 60)
    assert (run["done"], run["wave"]) == ("20", 2)
    assert all(revision(c2, t) > before[t] for t in topics)
    c2.wait_client_confirmed("d")


def test_a_detach_takes_clients_by_tag_and_says_what_failed(c2):
    c2.new_topic("t")
    for name in "a", "b", "c":
        c2.new_client(name, random_key())
        c2.call("POST", "/rpc/pb.C2/ChangeClient", {
            "client": name, "addTags": ["old"] if name != "c" else []})
    for name in "a", "c":
        c2.attach(name, "t")
    rule_id = add(c2, [], [target("CLIENT_TAG", "old")], action="DETACH",
                  options={"topic": "t"})
    c2.call("POST", f"/rules/{rule_id}/run", {})
    wait_run(c2, rule_id, "RUN_DONE")
    assert c2.call("GET", "/e4/topic/t/clients?count=10")["clients"] == [{"name": "c"}]


# --- what is asked of it -------------------------------------------------------------------------

def test_history_comes_in_pages_newest_first_and_by_rule(c2):
    c2.new_topic("t")
    one, two = (add(c2, [], [target("TOPIC", "t")], options={"force": True}) for _ in "12")
    for _ in range(3):
        c2.call("POST", f"/rules/{one}/run", {})
        wait_run(c2, one, "RUN_DONE")
    c2.call("POST", f"/rules/{two}/run", {})
    wait_run(c2, two, "RUN_DONE")
    pages, cursor = [], ""
    while True:
        page = c2.call("GET", f"/runs?limit=3&cursor={quote(cursor)}")
        assert len(page["runs"]) <= 3
        pages += page["runs"]
        cursor = page["cursor"]
        if not cursor:
            break
    ids = [int(r["id"]) for r in pages]
    assert len(ids) == 4 and ids == sorted(ids, reverse=True)
    assert [r["ruleId"] for r in pages] == [two, one, one, one]
    assert len(runs(c2, one)) == 3
    for wrong in ("limit=1001", "limit=-1", "cursor=x", "ruleId=x"):
        with pytest.raises(Refused) as e:
            c2.call("GET", f"/runs?{wrong}")
        assert e.value.status == 400 and wrong.split("=")[0] in e.value.body["message"]


def test_the_schedule_lists_what_comes_in_the_zone_of_the_rule(c2):
    c2.new_topic("t")
    rule_id = add(c2, [at("0 3 1 1 ?", timezone="Europe/Zurich"), at("0 0 1 7 ?")],
                  [target("TOPIC", "t")])
    times = c2.call("GET", f"/rules/{rule_id}/schedule?count=4")["times"]
    assert len(times) == 4 and times == sorted(times)
    assert {t[4:] for t in times} == {"-01-01T02:00:00Z", "-07-01T00:00:00Z"}
    assert len(c2.call("GET", f"/rules/{rule_id}/schedule")["times"]) == 10
    for n in 1001, -1:
        with pytest.raises(Refused) as e:
            c2.call("GET", f"/rules/{rule_id}/schedule?count={n}")
        assert e.value.status == 400 and "count" in e.value.body["message"]


def test_a_dry_run_shows_what_would_be_and_stores_nothing(c2):
    for n in range(3):
        c2.new_topic(f"p/{n}")
    shown = c2.call("POST", "/rules", a_rule(
        [at("@daily")], [target("TOPIC_PATTERN", "p/*"), target("TOPIC_PATTERN", "q/*")],
        dryRun=True))["rule"]
    assert shown["id"] == 0 and shown["nextDue"] > "2026"
    assert [t["matches"] for t in shown["targets"]] == ["3", "0"]
    assert shown["targets"][1]["warning"] and not shown["targets"][0]["warning"]
    assert c2.call("GET", "/rules") == {"rules": []}


def test_a_change_to_what_somebody_else_has_changed_is_refused(c2):
    c2.new_topic("t")
    rule_id = add(c2, [at("@daily")], [target("TOPIC", "t")])
    read = rule(c2, rule_id)
    c2.call("PATCH", f"/rules/{rule_id}", {"pause": True})
    with pytest.raises(Refused) as e:
        c2.call("PUT", "/rules", {**read, "ruleId": rule_id, "description": "late"})
    assert (e.value.status, e.value.code) == (409, 10)
    assert rule(c2, rule_id)["description"] == "a rule"


def test_a_target_that_goes_away_is_warned_of_and_made_by_nobody(c2):
    c2.new_topic("t")
    rule_id = add(c2, [], [target("TOPIC", "t")], options={"force": True})
    c2.call("DELETE", "/e4/topic/t")
    shown = rule(c2, rule_id)
    assert shown["targets"][0]["warning"] and shown["targets"][0]["matches"] == "0"
    c2.call("POST", f"/rules/{rule_id}/run", {})
    wait_until(lambda: runs(c2, rule_id)[0]["finishedAt"], what="the run ends")
    assert c2.call("GET", "/e4/topics/count") == {"count": "0"}


GOOD = [at("@daily")], [target("TOPIC", "t")]


@pytest.mark.parametrize("wrong, names", [
    ({"description": ""}, "description"),
    ({"description": "x" * 1025}, "description"),
    ({"action": "UNDEFINED_ACTION"}, "action"),
    ({"action": "KEY_ROTATOIN"}, "action"),
    ({"triggers": [{"type": "UNDEFINED_TRIGGER", "settings": "e30="}]}, "triggers[0].type"),
    ({"triggers": [{"type": "TIME_INTERVAL", "settings": "e30="}]}, "triggers[0].settings.expr"),
    ({"triggers": [{"type": "TIME_INTERVAL", "settings": "bm8="}]}, "triggers[0].settings"),
    ({"triggers": [{"type": "TIME_INTERVAL", "settings": "%"}]}, "settings"),
    ({"triggers": [at("0 3 * *")]}, "triggers[0].settings.expr"),
    ({"triggers": [at("@daily"), at("0 25 * * *")]}, "triggers[1].settings.expr"),
    ({"triggers": [at("0 0 30 FEB ?")]}, "triggers[0].settings.expr"),
    ({"triggers": [at("0 0 * * * 2001")]}, "triggers[0].settings.expr"),
    ({"triggers": [at("@every 0s")]}, "triggers[0].settings.expr"),
    ({"triggers": [at("@daily", timezone="Mars/Base")]}, "triggers[0].settings.timezone"),
    ({"triggers": [at("@daily", jitter="soon")]}, "triggers[0].settings.jitter"),
    ({"triggers": [at("@daily", timezon="UTC")]}, "triggers[0].settings.timezon"),
    ({"triggers": [on("CLIENT_JOINED")]}, "triggers[0].settings.eventType"),
    ({"triggers": [on("CLIENT_SUBSCRIBED", 0)]}, "triggers[0].settings.maxOccurrence"),
    ({"triggers": [trigger("EVENT", eventType="CLIENT_SUBSCRIBED")]},
     "triggers[0].settings.maxOccurrence"),
    ({"triggers": [trigger("KEY_AGE", age="old")]}, "triggers[0].settings.age"),
    ({"triggers": [{"id": 7, **at("@daily")}]}, "triggers[0].id"),
    ({"targets": [target("TOPIC", "")]}, "targets[0].expr"),
    ({"targets": [target("TOPIC", "a/+")]}, "targets[0].expr"),
    ({"targets": [target("TOPIC", "typo")]}, "targets[0].expr"),
    ({"targets": [target("TOPIC", "t"), target("CLIENT", "t")]}, "targets[1].expr"),
    ({"targets": [target("ANY", "nothing")]}, "targets[0].expr"),
    ({"targets": [target("TOPIC", "t"), target("TOPIC", "t")]}, "targets[1]"),
    ({"targets": [target("TOPIC_PATTERN", "t")]}, "targets[0].expr"),
    ({"targets": [target("TOPICS", "t")]}, "type"),
    ({"targets": [{"id": 3, **target("TOPIC", "t")}]}, "targets[0].id"),
    ({"options": {"waves": [50, 10, 100]}}, "options.waves"),
    ({"options": {"waves": [1, 10]}}, "options.waves"),
    ({"options": {"waveConfirmed": 101}}, "options.waveConfirmed"),
    ({"options": {"retryFor": "-1"}}, "options.retryFor"),
    ({"options": {"webhook": "ftp://x"}}, "options.webhook"),
    ({"options": {"email": "nobody"}}, "options.email"),
    ({"options": {"topic": "t"}}, "options.topic"),
    ({"action": "DETACH"}, "options.topic"),
    ({"action": "DETACH", "options": {"topic": "t"}}, "targets[0].type"),
    ({"action": "DETACH", "options": {"topic": "typo"}, "targets": [target("CLIENT", "c")]},
     "options.topic"),
    ({"action": "NOTIFY"}, "options"),
], ids=lambda p: p if isinstance(p, str) else json.dumps(p)[:60])
def test_a_wrong_rule_is_refused_by_the_name_of_its_field(shared_c2, wrong, names):
    with pytest.raises(Refused) as e:
        shared_c2.call("POST", "/rules", {**a_rule(*GOOD), **wrong})
    assert (e.value.status, e.value.code) == (400, 3)
    assert names in e.value.body["message"], e.value.body
    assert shared_c2.call("GET", "/rules") == {"rules": []}


@pytest.fixture(scope="module")
def shared_c2(tmp_path_factory):
    """A server that nothing changes; without its broker it answers all the same."""
    folder = tmp_path_factory.mktemp("shared")
    server = Server(folder, 1, keys__rotate_on_removal="false").start()
    server.new_topic("t")
    server.new_client("c", random_key())
    yield server
    server.kill()


def test_what_was_good_of_the_wrong_rules_is_taken(shared_c2):
    made = shared_c2.call("POST", "/rules", a_rule(*GOOD))["rule"]["id"]
    shared_c2.call("DELETE", f"/rules/{made}")


@pytest.mark.parametrize("verb, path, body", [
    ("GET", "/rules", None), ("GET", "/rules/1", None), ("POST", "/rules", a_rule(*GOOD)),
    ("PUT", "/rules", {"ruleId": 1, **a_rule(*GOOD)}), ("DELETE", "/rules/1", None),
    ("PATCH", "/rules/1", {"pause": True}), ("POST", "/rules/1/run", {}), ("GET", "/runs", None),
    ("GET", "/rules/1/schedule", None), ("GET", "/health-check", None)])
def test_a_server_without_the_engine_says_so(idle_c2, verb, path, body):
    with pytest.raises(Refused) as e:
        idle_c2.call(verb, path, body)
    assert (e.value.status, e.value.code) == (400, 9)
    assert "switched off (engine.enabled)" in e.value.body["message"]


@pytest.fixture(scope="module")
def idle_c2(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("idle"), 1, engine__enabled="false").start()
    yield server
    server.kill()


def test_alarms_are_events_also_without_the_engine(idle_c2):
    assert idle_c2.call("POST", "/alarms", {"client": "c"}) == {}


def test_who_may_only_read_changes_no_rule(start, tmp_path):
    viewer, operator = "v" * 32, "o" * 32
    tokens = tmp_path / "tokens"
    tokens.touch(mode=0o600)
    tokens.write_text(f"eve viewer {viewer}\nbob operator {operator}\n")
    c2 = start(auth__token_file=tokens)

    def call(token, *args):
        return c2.call(*args, headers={"Authorization": f"Bearer {token}"})
    call(operator, "POST", "/e4/topic/t", {})
    made = call(operator, "POST", "/rules", a_rule(*GOOD))["rule"]["id"]
    assert len(call(viewer, "GET", "/rules")["rules"]) == 1
    for verb, path, body in (("POST", "/rules", a_rule(*GOOD)), ("DELETE", f"/rules/{made}", None),
                             ("PATCH", f"/rules/{made}", {"pause": True}),
                             ("POST", f"/rules/{made}/run", {}), ("POST", "/alarms", {})):
        with pytest.raises(Refused) as e:
            call(viewer, verb, path, body)
        assert e.value.status == 403
    assert c2.call("GET", "/health-check")["Code"] == "0"
    assert c2.log.read_text().count('"call":"AddRule"') == 1
