"""Rehearsals: a real fleet of which a part goes away, the rules it bears, and the simulator."""

import json
import os
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from actors import BUILD, C2CLI, Device, Refused, Server, wait_until
from device import random_key
from test_rules import a_rule, add, at, on, target

THERE, GONE, SILENT = 70, 30, 5
TOPICS = ["plant/a", "plant/b"]


def cli(server, *words):
    """The simulator is found in PATH, as it is not beside c2cli in a build."""
    env = {**os.environ, "PATH": f"{BUILD / 'sim'}:{os.environ['PATH']}", "TZ": "UTC"}
    return subprocess.run([C2CLI, "-e", f"127.0.0.1:{server.grpc_port}", *map(str, words)],
                          capture_output=True, text=True, timeout=300, env=env,
                          stdin=subprocess.DEVNULL)


def simulate(server, rule_id, *options):
    run = cli(server, "-o", "json", "rule", "simulate", "--rule", rule_id, *options)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def fleet_of(server, rule_id):
    return server.call("GET", f"/rules/{rule_id}/fleet")


class Fleet:
    """Devices of one process, each in two topics."""

    def __init__(self, folder, server, broker, name, n):
        self.folder = folder / name
        self.folder.mkdir()
        rows, operations = [], []
        for i in range(n):
            device = f"{name}{i:03}"
            file = self.folder / f"{device}.key"
            file.touch(mode=0o600)
            key = random_key()
            file.write_bytes(key)
            rows.append(json.dumps({"name": device, "key": str(file)}))
            server.new_client(device, key)
            operations += [{"attach": {"client": device, "topic": t}} for t in TOPICS]
        server.call("POST", "/e4/batch", {"operations": operations})
        (self.folder / "rows").write_text("\n".join(rows))
        self.process = Device(self.folder, name, broker.port)

    def start(self):
        self.process.start_many(self.folder / "rows")
        return self


@pytest.fixture
def c2(tmp_path, broker):
    folder = tmp_path / "c2"
    folder.mkdir()
    s = Server(folder, broker.port, engine__grace=1, engine__risk_limit=20).start()
    yield s
    s.kill()


@pytest.fixture
def half_gone(tmp_path, broker, c2):
    """A part of the fleet had its keys, and was away when they changed; a few never answer."""
    for topic in TOPICS:
        c2.new_topic(topic)
    fleets = [Fleet(tmp_path, c2, broker, name, n) for name, n in
              (("there", THERE), ("gone", GONE))]
    try:
        for f in fleets:
            f.start()
        for topic in TOPICS:
            c2.wait_confirmed(topic, 60)
        Fleet(tmp_path, c2, broker, "silent", SILENT)
        fleets[1].process.kill()
        for topic in TOPICS:
            c2.new_topic(topic)
        yield c2
    finally:
        for f in fleets:
            f.process.kill()


def test_who_is_away_is_seen_and_a_rule_that_is_too_fast_for_them_is_refused(half_gone):
    c2 = half_gone
    rule_id = add(c2, [at("@every 2h"), on("CLIENT_REMOVED")], [target("TOPIC_PATTERN", "plant/*")])

    def seen():
        f = fleet_of(c2, rule_id)
        return int(f["away"]) == GONE and int(f["awayFor"][0]) > 5 and f
    f = wait_until(seen, 60, "those that went are seen to be away")
    assert (f["topics"], f["clients"], f["sampled"]) == ("2", "0", str(THERE + GONE + SILENT))
    assert f["devices"] == str(2 * (THERE + GONE + SILENT)) and f["complete"] is True
    assert (f["silent"], f["perDevice"]) == (str(SILENT), "2")
    ages = [int(s) for s in f["awayFor"]]
    assert len(ages) == 11 and ages == sorted(ages) and ages[-1] < 300
    assert (f["grace"], f["riskLimit"]) == ("1", "20")
    words = cli(c2, "rule", "fleet", "--rule", rule_id).stdout
    assert re.search(rf"^away +{GONE}$", words, re.M) and "awayFor" in words, words

    fast = a_rule([at("@every 5s")], [target("TOPIC", "plant/a")])
    for asked in fast, {**fast, "dryRun": True}:
        with pytest.raises(Refused) as why:
            c2.call("POST", "/rules", asked)
        assert (why.value.status, why.value.code) == (400, 9)
        text = why.value.body["error"]
        assert "30% of 100 devices" in text and "5s" in text and "--force" in text, text
    assert len(c2.call("GET", "/rules")["rules"]) == 1
    assert c2.call("POST", "/rules", {**fast, "dryRun": True, "options": {"force": True}})["rule"]

    made = json.loads(cli(c2, "-o", "json", "rule", "create", "--description", "by words",
                          "--action", "rotation").stdout)["rule"]["id"]
    assert cli(c2, "rule", "add-target", "--rule", made, "--type", "topic", "--expr",
               "plant/a").returncode == 0
    refused = cli(c2, "rule", "add-trigger", "--rule", made, "--type", "interval", "--setting",
                  "expr=@every 5s")
    assert refused.returncode == 4 and "engine.risk_limit is 20%" in refused.stderr
    assert c2.call("GET", f"/rules/{made}")["rule"]["triggers"] == []


def test_a_rule_is_rehearsed_with_the_presence_of_its_fleet(half_gone, tmp_path):
    c2 = half_gone
    rule_id = add(c2, [at("@every 2h"), on("CLIENT_REMOVED")], [target("TOPIC_PATTERN", "plant/*")])
    wait_until(lambda: int(fleet_of(c2, rule_id)["away"]) == GONE, 60, "some are away")

    told = simulate(c2, rule_id, "--days", 2)
    assert told["rule"] == rule_id and told["days"] == 2 and told["merged"] == 0
    assert len(told["rotations"]) == 23 or len(told["rotations"]) == 24
    assert told["fleet"]["away"] == GONE and told["fleet"]["silent"] == SILENT
    simulated = told["simulated"]
    assert simulated["devices"] == THERE + GONE + SILENT
    assert simulated["rotations"] == len(told["rotations"]) == len(simulated["each"])
    # Three of ten are away at any time, for seconds: nobody misses a rotation.
    assert 50 < simulated["each"][0]["online"] < 95 and told["riskPercent"] == 0

    plot = tmp_path / "plot.svg"
    run = cli(c2, "rule", "simulate", "--rule", rule_id, "--days", 2, "--away", 30, "--away-for",
              "1h,3h,10h", "--svg", plot)
    assert run.returncode == 0, run.stderr
    for part in ("rule 1 ", "2 topics", "4.8 % without receipts", "30.0 % of the others away now",
                 "trigger 2 waits for what cannot be foreseen", "ROTATION", "AT RISK",
                 "* have the newest keys", "at risk ", "unread "):
        assert part in run.stdout, (part, run.stdout)
    assert ElementTree.parse(plot).getroot().tag.endswith("svg")

    over = cli(c2, "rule", "simulate", "--rule", rule_id, "--days", 2, "--away", 30, "--away-for",
               "1h,3h,10h", "--max-risk", 5)
    assert over.returncode == 4 and "more than 5%" in over.stderr and "AT RISK" in over.stdout
    fine = cli(c2, "rule", "simulate", "--rule", rule_id, "--days", 2, "--fleet", 20,
               "--away", 0, "--max-risk", 5)
    assert fine.returncode == 0 and "simulated   20 devices" in fine.stdout


def test_what_cannot_be_rehearsed_is_said(c2):
    c2.new_topic("plant/a")
    rule_id = add(c2, [on("CLIENT_REMOVED")], [target("TOPIC", "plant/a")])
    run = cli(c2, "rule", "simulate", "--rule", rule_id)
    assert run.returncode == 4 and "no devices" in run.stderr
    c2.new_client("one", random_key())
    c2.attach("one", "plant/a")
    run = cli(c2, "rule", "simulate", "--rule", rule_id)
    assert run.returncode == 0 and "never by its times" in run.stdout
    assert cli(c2, "rule", "simulate", "--rule", 99).returncode == 3
    assert cli(c2, "rule", "simulate", "--rule", rule_id, "--days", 0).returncode == 2
    assert cli(c2, "rule", "simulate", "--rule", rule_id, "--max-risk", "x").returncode == 2
