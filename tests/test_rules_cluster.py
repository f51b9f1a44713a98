"""Rules on several servers with one PostgreSQL, any of which may die at any time: each firing
happens once. E4_KILLS says how often one dies (./check all: 60)."""

import os

from actors import wait_until
from device import random_key
from test_cluster import cluster  # noqa: F401  (a fixture)
from test_rules import a_rule, at, on, rule, target

KILLS = int(os.environ.get("E4_KILLS", "10"))
RULES = 20  # of each second, so that a death often comes in the middle of something


def all_runs(server, rule_id):
    found, cursor = [], ""
    while True:
        page = server.call("GET", f"/runs?ruleId={rule_id}&limit=1000&cursor={cursor}")
        found += page["runs"]
        cursor = page["cursor"]
        if not cursor:
            return found


def add_forced(server, trigger, topic):
    server.new_topic(topic)
    made = a_rule([trigger], [target("TOPIC", topic)], options={"force": True})
    return server.call("POST", "/rules", made)["rule"]["id"]


def last_revision(server, name):
    """A new topic takes the next one."""
    server.new_topic(name)
    return int(server.topic_status(name)["revision"])


def kill_and_join(c, n, ids):
    """One dies at some moment; what it was at is done by the others, while two devices join."""
    victim = c.rng.choice(c.servers)
    others = [s for s in c.servers if s is not victim]
    victim.kill()
    seen = {i: all_runs(others[0], i)[:1] for i in ids}
    for k in range(2):
        server = c.rng.choice(others)
        server.new_client(f"c{n}-{k}", random_key())
        server.attach(f"c{n}-{k}", "joined")
    for i in ids:
        wait_until(lambda i=i: all_runs(others[1], i)[:1] != seen[i], 60, f"rule {i} goes on")
    victim.start()


def test_each_firing_happens_once_whoever_dies(cluster):  # noqa: F811
    c = cluster(3)
    a = c.servers[0]
    ids = [add_forced(a, at("* * * * * * *"), f"t{i}") for i in range(RULES)]
    on_join = add_forced(a, on("CLIENT_SUBSCRIBED", 3), "joined")
    wait_until(lambda: all(all_runs(a, i) for i in ids), 60, "all rules have fired")
    joins = 2 * KILLS
    for n in range(KILLS):
        kill_and_join(c, n, ids)
    for i in ids:
        c.servers[1].call("PATCH", f"/rules/{i}", {"pause": True})

    def settled():
        newest = [all_runs(a, i)[:1] for i in ids + [on_join]]
        return all(not r or r[0]["state"] not in ("RUN_WORKING", "RUN_WAITING") for r in newest)
    wait_until(settled, 60, "no rule is at work")
    wait_until(lambda: len(all_runs(a, on_join)) == joins // 3, 60, "each third join has fired")
    done = 0
    for i in ids + [on_join]:
        runs = all_runs(a, i)
        due = [r["dueAt"] for r in runs]
        assert sorted(set(due), reverse=True) == due or i == on_join
        assert {r["state"] for r in runs} <= {"RUN_DONE", "RUN_STOPPED"}
        assert all(int(r["done"]) == 1 for r in runs if r["state"] == "RUN_DONE")
        assert sum(r["state"] == "RUN_STOPPED" for r in runs) <= 1  # by the pause
        done += sum(int(r["done"]) for r in runs)
    assert rule(a, on_join)["triggers"][0]["occurrences"] == str(joins % 3)
    # The one counter of revisions counted what was asked for, and each rotation once: the topics
    # of the rules and of this question, clients, joins.
    assert last_revision(a, "the end") == RULES + 1 + 1 + 2 * joins + done
