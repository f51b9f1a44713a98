"""c2ae: the engine as a process of its own, for a C2 that it reaches by its API alone."""

import subprocess

import pytest

from actors import C2, Device, Refused, Server, wait_until
from device import random_key
from test_rules import add, at, on, revision, rule, runs, target, wait_run

OPERATOR, VIEWER = "o" * 40, "v" * 40


class Engine(Server):
    """c2ae with a database of its own."""

    def __init__(self, folder, c2, token):
        super().__init__(folder, 0)
        token_file = self.folder / "token"
        token_file.touch(0o600)
        token_file.write_text(token + "\n")
        keep = {k: self.settings[k] for k in ("http.listen", "grpc.listen", "db.path")}
        self.settings = {**keep, "engine.c2": f"127.0.0.1:{c2.grpc_port}",
                         "engine.c2_token_file": token_file}


@pytest.fixture
def c2(tmp_path, broker):
    folder = tmp_path / "c2"
    folder.mkdir()
    tokens = folder / "tokens"
    tokens.touch(0o600)
    tokens.write_text(f"engine operator {OPERATOR}\nsomebody viewer {VIEWER}\n")
    s = Server(folder, broker.port, engine__enabled="false", auth__token_file=tokens,
               grpc__listen="127.0.0.1:0")
    call = s.call
    s.call = lambda *args, **more: call(
        *args, **{**more, "headers": {"Authorization": f"Bearer {OPERATOR}"}})
    s.start()
    yield s
    s.kill()


def engine_of(tmp_path, c2, token=OPERATOR):
    folder = tmp_path / "c2ae"
    folder.mkdir(exist_ok=True)
    return Engine(folder, c2, token).start()


@pytest.fixture
def engine(tmp_path, c2):
    e = engine_of(tmp_path, c2)
    yield e
    e.kill()


def test_rules_rotate_the_keys_of_the_other_server(tmp_path, broker, c2, engine):
    key = random_key()
    c2.new_client("sensor", key)
    c2.new_topic("plant/a")
    device = Device(tmp_path, "sensor", broker.port, key).start()
    try:
        c2.attach("sensor", "plant/a")
        c2.wait_confirmed("plant/a")
        before = int(c2.client_status("sensor")["revision"])
        number = add(engine, [at("@every 1s")], [target("TOPIC", "plant/a")],
                     options={"force": True})
        wait_run(engine, number, "RUN_DONE")
        engine.call("PATCH", f"/rules/{number}", {"pause": True})
        wait_until(lambda: {r["state"] for r in runs(engine, number)} == {"RUN_DONE"}, what="an end")
        rotations = sum(int(r["done"]) for r in runs(engine, number))
        assert rotations > 0 and int(revision(c2, "plant/a")) - before == rotations
        c2.wait_confirmed("plant/a")
    finally:
        device.kill()


def test_events_of_the_other_server_count_also_over_deaths_of_either(c2, engine):
    c2.new_topic("plant/a")
    before = revision(c2, "plant/a")
    number = add(engine, [on("CLIENT_SUBSCRIBED", 3)], [target("TOPIC", "plant/a")],
                 options={"force": True})
    for i in range(3):
        c2.new_client(f"c{i}", random_key())
    c2.attach("c0", "plant/a")
    wait_until(lambda: rule(engine, number)["triggers"][0]["occurrences"] == "1", what="one join")
    engine.kill()
    c2.attach("c1", "plant/a")
    engine.start()
    wait_until(lambda: rule(engine, number)["triggers"][0]["occurrences"] == "2", what="two joins")
    assert revision(c2, "plant/a") == before
    c2.attach("c2", "plant/a")
    run = wait_run(engine, number, "RUN_DONE")
    assert run["cause"] == "CAUSE_EVENT" and run["done"] == "1"
    assert int(revision(c2, "plant/a")) > int(before)
    assert len(runs(engine, number)) == 1


def healthy(engine):
    try:
        return engine.call("GET", "/health-check")["Status"] == "OK"
    except Refused as why:
        assert why.status == 503 and "engine.c2" in str(why)
        return False


def test_it_waits_for_a_server_that_is_away(c2, engine):
    c2.new_topic("plant/a")
    before = int(revision(c2, "plant/a"))
    number = add(engine, [at("@every 1s")], [target("TOPIC", "plant/a")], options={"force": True})
    port = c2.grpc_port
    c2.kill()
    wait_until(lambda: not healthy(engine), what="the engine says what is wrong")
    c2.settings["grpc.listen"] = f"127.0.0.1:{port}"
    c2.start()
    wait_until(lambda: int(revision(c2, "plant/a")) > before, 60, "a new key")
    wait_until(lambda: healthy(engine), what="all is well")
    assert wait_run(engine, number, "RUN_DONE")["done"] == "1"


def test_it_has_rules_and_nothing_else(c2, engine):
    with pytest.raises(Refused) as refused:
        engine.call("GET", "/e4/clients/count")
    assert refused.value.status == 501 and "c2ae" in str(refused.value)
    assert engine.call("GET", "/health-check")["Status"] == "OK"
    with pytest.raises(Refused) as refused:
        c2.call("GET", "/rules")
    assert "engine.enabled" in str(refused.value)


def test_a_token_that_may_not_rotate_does_not(tmp_path, c2):
    c2.new_topic("plant/a")
    before = revision(c2, "plant/a")
    engine = engine_of(tmp_path, c2, VIEWER)
    try:
        number = add(engine, targets=[target("TOPIC", "plant/a")], options={"force": True})
        engine.call("POST", f"/rules/{number}/run", {})
        run = wait_run(engine, number, "RUN_WAITING")
        assert "role" in run["outcome"] and "engine.c2_token_file" in run["outcome"]
        assert revision(c2, "plant/a") == before
        assert VIEWER not in engine.log.read_text()
    finally:
        engine.kill()


def test_by_its_name_it_wants_to_know_its_server(tmp_path):
    link = tmp_path / "c2ae"
    link.symlink_to(C2)
    done = subprocess.run([link, "--set", "http.listen=127.0.0.1:0"], capture_output=True,
                          text=True, timeout=30)
    assert done.returncode == 78 and "engine.c2" in done.stderr
