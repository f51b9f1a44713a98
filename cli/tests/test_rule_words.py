"""c2cli rule, and the same by the name c2ae-cli, against a real c2."""

import json
import os
import re
import subprocess

import pytest

from actors import C2CLI, wait_until
from tools import Cli


@pytest.fixture
def server(start_c2):
    return start_c2()


@pytest.fixture
def cli(server):
    return Cli(f"127.0.0.1:{server.grpc_port}")


@pytest.fixture
def old_name(tmp_path):
    """The program as it is installed a second time."""
    link = tmp_path / "c2ae-cli"
    link.symlink_to(C2CLI)
    return link


def make(cli, *options):
    """The id of a new rule."""
    made = cli.json("rule", "create", "--description", "a rule", "--action", "rotation", *options)
    return made["rule"]["id"]


def test_the_words_of_older_tools_make_and_show_a_rule(server, old_name):
    cli = Cli(f"127.0.0.1:{server.grpc_port}", program=old_name)
    server.new_topic("t")
    assert cli.json("create", "--description", "old", "--action", "KEY_ROTATION")["rule"]["id"] == 1
    cli.ok("add-target", "--rule", 1, "--type", "TOPIC", "--expr", "t")
    cli.ok("add-trigger", "--rule", 1, "--type", "TIME_INTERVAL", "--setting", "expr=0 3 * * *")
    cli.ok("add-trigger", "--rule", 1, "--type", "EVENT", "--setting",
           "eventType=CLIENT_SUBSCRIBED", "--setting", "maxOccurrence=3")
    shown = cli.ok("show", "--rule", 1)
    assert re.search(r"^rule +1$", shown, re.M) and "key-rotation" in shown
    assert re.search(r'^trigger 2 +time-interval +{"expr":"0 3 \* \* \*"} +next 2', shown, re.M)
    assert '{"eventType":"CLIENT_SUBSCRIBED","maxOccurrence":3}  0 counted' in shown
    assert re.search(r"^target 1 +topic +t +matches 1$", shown, re.M)
    assert "old" in cli.ok("list")
    assert cli.ok("delete", "--rule", 1).split() == ["ruleId", "1"]
    run = cli.run("show", "--rule", 1)
    assert run.returncode == 3 and run.stderr.startswith("c2ae-cli: ")
    assert cli.json("list") == {"rules": []}
    assert cli.ok("completion").endswith("complete -F _c2ae_cli c2ae-cli\n")
    assert "add-trigger" in cli.ok("--help") and "client list" not in cli.ok("--help")


def test_bash_completes_under_the_old_name(old_name):
    script = ('. <(c2ae-cli completion); COMP_WORDS=(c2ae-cli add-t); COMP_CWORD=1; _c2ae_cli; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    env = {**os.environ, "PATH": f"{old_name.parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True,
                          timeout=20, check=True)
    assert done.stdout.split() == ["add-target", "add-trigger"]


def test_a_list_tells_state_next_time_and_last_run(server, cli):
    server.new_topic("t")
    zone = {**os.environ, "TZ": "Asia/Tokyo"}
    one = make(cli)
    make(cli)
    cli.ok("rule", "add-target", "--rule", one, "--type", "any", "--expr", "t")
    cli.ok("rule", "add-trigger", "--rule", one, "--type", "interval", "--setting",
           "expr=@every 3h")
    cli.ok("rule", "run", "--rule", one, "--force")
    wait_until(lambda: cli.json("rule", "show", "--rule", one)["rule"]["lastRun"]["state"]
               == "RUN_DONE", what="the run is done")
    done = subprocess.run([*cli.command, "rule", "list"], env=zone, capture_output=True, text=True,
                          check=True)
    head, first, second = done.stdout.splitlines()
    assert head.split() == ["ID", "DESCRIPTION", "STATE", "NEXT", "DUE", "LAST", "RUN"]
    assert re.search(r"^1 +a rule +on +20\d\d-\d\d-\d\d \d\d:\d\d:\d\d JST \(in 3 h\) +"
                     r"done (now|\d+ s ago)$", first), first
    assert second.split()[:3] == ["2", "a", "rule"] and second.split()[-2:] == ["-", "-"]
    assert head.index("STATE") == first.index("on") and head.index("LAST") == first.index("done")
    shown = cli.ok("rule", "history", "--rule", one).splitlines()
    assert shown[0].split()[0] == "RUN" and "done: 1 rotated" in shown[1]
    assert cli.ok("rule", "history", "--rule", 2) == ""
    times = cli.ok("rule", "next", "--rule", one, "--count", 3).splitlines()
    assert len(times) == 3 and "(in 6 h)" in times[1]
    assert len(cli.json("rule", "next", "--rule", one)["times"]) == 10


def test_parts_come_and_go_and_a_pause_is_seen(server, cli):
    server.new_topic("t")
    rule = make(cli)
    added = cli.json("rule", "add-target", "--rule", rule, "--type", "topic-pattern", "--expr", "*")
    target = added["rule"]["targets"][0]
    assert (target["type"], target["matches"]) == ("TOPIC_PATTERN", "1")
    added = cli.json("rule", "add-trigger", "--rule", rule, "--type", "age", "--setting", "age=30d")
    trigger = added["rule"]["triggers"][0]["id"]
    assert "paused" in cli.ok("rule", "pause", "--rule", rule)
    assert " paused " in cli.ok("rule", "list")
    assert "paused" not in cli.ok("rule", "resume", "--rule", rule)
    cli.ok("rule", "remove-trigger", "--rule", rule, "--trigger", trigger)
    left = cli.json("rule", "remove-target", "--rule", rule, "--target", target["id"])["rule"]
    assert left["triggers"] == [] and left["targets"] == []


@pytest.mark.parametrize("args, code, says", [
    (["show", "--rule", 9], 3, "rule"),
    (["run", "--rule", 9], 3, "rule"),
    (["delete", "--rule", 9], 3, "rule"),
    (["pause", "--rule", 9], 3, "rule"),
    (["next", "--rule", 9], 3, "rule"),
    (["show", "--rule", "x"], 2, "--rule"),
    (["add-target", "--rule", 1, "--type", "topic", "--expr", "typo"], 2, "no topic"),
    (["add-target", "--rule", 1, "--type", "topics", "--expr", "t"], 2, "topic-pattern"),
    (["add-trigger", "--rule", 1, "--type", "interval", "--setting", "expr=0 25 * * *"], 2, "expr"),
    (["add-trigger", "--rule", 1, "--type", "event", "--setting", "eventType=ALARM"], 2,
     "maxOccurrence"),
    (["remove-trigger", "--rule", 1, "--trigger", 7], 3, "trigger"),
    (["remove-target", "--rule", 1, "--target", 7], 3, "target"),
    (["create", "--description", "x", "--action", "rotation", "--waves", "1,x"], 2, "--waves"),
    (["create", "--description", "x", "--action", "rotation", "--waves", "1,10"], 2, "waves"),
    (["create", "--description", "x", "--action", "detach"], 2, "topic"),
])
def test_a_refusal_says_what_is_wrong_and_changes_nothing(server, cli, args, code, says):
    server.new_topic("t")
    make(cli)
    before = cli.json("rule", "list")
    run = cli.run("rule", *args)
    assert run.returncode == code and says in run.stderr, run
    assert cli.json("rule", "list") == before


def test_a_file_of_rules_is_applied_once_and_twice(server, cli, tmp_path):
    for topic in "t", "u":
        server.new_topic(topic)
    rule = make(cli, "--waves", "10,100")
    for topic in "t", "u":
        cli.ok("rule", "add-target", "--rule", rule, "--type", "topic", "--expr", topic)
    cli.ok("rule", "add-trigger", "--rule", rule, "--type", "event", "--setting",
           "eventType=ALARM", "--setting", "maxOccurrence=2")
    cli.ok("alarm", "raise", "--topic", "t")
    kept = tmp_path / "rules.json"
    kept.write_text(cli.ok("-o", "json", "rule", "list"))
    assert cli.json("rule", "apply", kept) == {"added": "0", "changed": "0", "unchanged": "1"}
    before = cli.json("rule", "show", "--rule", rule)["rule"]
    cli.ok("rule", "remove-target", "--rule", rule, "--target", before["targets"][0]["id"])
    cli.ok("rule", "pause", "--rule", rule)
    assert cli.json("rule", "apply", kept)["changed"] == "1"
    after = cli.json("rule", "show", "--rule", rule)["rule"]
    assert [t["expr"] for t in after["targets"]] == ["t", "u"] and not after["paused"]
    assert after["targets"][1]["id"] == before["targets"][1]["id"]
    assert after["triggers"][0]["id"] == before["triggers"][0]["id"]
    assert after["options"] == before["options"]
    cli.ok("rule", "delete", "--rule", rule)
    assert cli.json("rule", "apply", "-", text=kept.read_text())["added"] == "1"
    made, = cli.json("rule", "list")["rules"]
    assert made["id"] != rule and made["targets"][0]["expr"] == "t"
    kept.write_text(json.dumps({"rules": [made, made]}))
    run = cli.run("rule", "apply", kept)
    assert run.returncode == 4 and "two rules" in run.stderr
    kept.write_text('{"rules":[{"description":"x","action":"ROTATE"}]}')
    run = cli.run("rule", "apply", kept)
    assert run.returncode == 2 and "action" in run.stderr


def test_descriptions_from_elsewhere_cannot_drive_the_terminal(server, cli):
    server.new_topic("t")
    name = "ev\u202eil"
    cli.ok("rule", "create", "--description", name, "--action", "rotation")
    assert "ev\\xe2\\x80\\xaeil" in cli.ok("rule", "list")
    assert cli.json("rule", "list")["rules"][0]["description"] == name


def test_an_alarm_is_an_event(server, cli):
    cli.ok("alarm", "raise", "--client", "c", "--topic", "t")
    with subprocess.Popen([*cli.command, "events", "--after", "0", "--all"], stdout=subprocess.PIPE,
                          text=True) as child:
        assert re.search(r"ALARM +c +t", child.stdout.readline())
        child.kill()
