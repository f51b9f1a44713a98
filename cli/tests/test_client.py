"""e4client against a real c2 and a real broker."""

import base64
import hashlib
import json
import os
import secrets
import subprocess

import pytest

from actors import E4CLIENT, E4KEYGEN, free_port, wait_until
from tools import Cli, private_file
from test_cli import type_at_terminal


def client(folder, broker, *args, text=""):
    """One run to its end."""
    return subprocess.run([E4CLIENT, "-broker", f"127.0.0.1:{broker.port}", *map(str, args)],
                          cwd=folder, input=text, capture_output=True, text=True, timeout=60,
                          check=False)


def is_message(text):
    return lambda e: e["event"] == "message" and e.get("text") == text


def attached(cli, folder, topic, *names):
    cli.enrol(folder, *names)
    cli.ok("topic", "create", "--name", topic)
    for n in names:
        cli.ok("attach", "--client", n, "--topic", topic)


def test_devices_talk_while_keys_rotate_and_the_broker_restarts(cli, tmp_path, broker,
                                                                start_device):
    attached(cli, tmp_path, "t", "a", "b")
    a, b = start_device("a"), start_device("b")
    b.tell("subscribe t")
    cli.ok("status", "--topic", "t", "--wait", "--timeout", 30)
    a.tell("e4msg t one")
    b.wait_event(is_message("one"))
    cli.ok("topic", "create", "--name", "t")
    cli.ok("status", "--topic", "t", "--wait", "--timeout", 30)
    a.tell("e4msg t two")
    b.wait_event(is_message("two"))
    broker.stop()
    a.wait_event(lambda e: e["event"] == "disconnected")
    broker.start()
    b.wait_event(lambda e: e["event"] == "disconnected")

    def heard():
        # What is published before b has subscribed again is lost: nobody kept it.
        a.tell("e4msg t three")
        return any(is_message("three")(e) for e in list(b.events))
    wait_until(heard, timeout=40, what="devices talk after the broker's restart", step=0.3)
    raw = [e for e in b.events if e["event"] == "unreadable"]
    assert raw == []


def test_the_state_outlives_the_program_and_needs_no_key_again(cli, tmp_path, broker):
    attached(cli, tmp_path, "t", "a")
    first = client(tmp_path, broker, "-name", "a", "-key", "a.key", "-run", "wait t", "-run",
                   "exit", "-timeout", 30)
    assert first.returncode == 0, first.stderr
    assert oct((tmp_path / "a.e4").stat().st_mode & 0o777) == "0o600"
    (tmp_path / "a.key").unlink()
    again = client(tmp_path, broker, "-name", "a", "-output", "json", text="status\ne4msg t x\n")
    assert again.returncode == 0, again.stderr
    status = json.loads(next(x for x in again.stdout.splitlines() if '"status"' in x))
    assert status["topics"] == 1 and status["mode"] == "symmetric"


def test_public_key_mode_names_the_sender_and_asks_for_unknown_ones(start_c2, tmp_path, broker,
                                                                   start_device):
    cli = Cli(f"127.0.0.1:{start_c2('pubkey').grpc_port}")
    cli.ok("topic", "create", "--name", "t")
    cli.ok("c2-public-key", "--out", tmp_path / "c2.pub")
    for name in "ab":
        subprocess.run([E4KEYGEN, "-type", "ed25519", "-out", f"{name}.key"], cwd=tmp_path,
                       check=True, capture_output=True)
        cli.ok("client", "create", "--name", name, "--key", tmp_path / f"{name}.key.pub")
        cli.ok("attach", "--client", name, "--topic", "t")
    c2_public = (tmp_path / "c2.pub").read_bytes()
    a, b = (start_device(n, c2_public=c2_public) for n in "ab")
    b.tell("subscribe t")
    cli.ok("status", "--topic", "t", "--wait", "--timeout", 30)
    a.tell("e4msg t stranger")
    b.wait_event(lambda e: e["event"] == "unreadable" and e["reason"] == "public key missing")
    cli.ok("client", "send-pubkey", "--source", "a", "--target", "b")
    cli.ok("status", "--client", "b", "--wait", "--timeout", 30)
    a.tell("e4msg t friend")
    got = b.wait_event(is_message("friend"))
    assert got["sender"] == hashlib.sha3_256(b"a").digest()[:16].hex()
    cli.ok("new-c2key", "--force")
    for name in "ab":
        cli.ok("status", "--client", name, "--wait", "--timeout", 30)
    cli.ok("client", "new-key", "--name", "b")
    cli.ok("status", "--client", "b", "--wait", "--timeout", 30)
    cli.ok("topic", "create", "--name", "t")
    cli.ok("status", "--topic", "t", "--wait", "--timeout", 30)


def test_what_is_not_protected_is_never_shown_as_a_message(cli, tmp_path, broker, start_device):
    attached(cli, tmp_path, "t", "a")
    a = start_device("a")
    a.tell("subscribe t")
    a.tell("wait t")
    a.tell("clearmsg t just text, long enough to be a message")
    a.wait_event(lambda e: e["event"] == "unreadable" and e["reason"] == "not authentic")
    assert not [e for e in a.events if e["event"] == "message"]
    run = client(tmp_path, broker, "-name", "x", "-key", "a.key", "-run", "subscribe #", "-run",
                 "e4msg t x")
    assert run.returncode == 4 and "no key for t" in run.stderr


def test_a_script_waits_for_what_it_needs_and_else_tells_the_time(cli, tmp_path, broker):
    cli.enrol(tmp_path, "a")
    run = client(tmp_path, broker, "-name", "a", "-key", "a.key", "-timeout", 1, text="wait t\n")
    assert run.returncode == 7 and "wait t" in run.stderr
    run = client(tmp_path, broker, "-name", "a", "-once", "-timeout", 1, "-run", "subscribe t")
    assert run.returncode == 7
    run = client(tmp_path, broker, "-name", "a", text="topics\nfoo\nstatus\n")
    assert run.returncode == 2 and "foo" in run.stderr and "broker" not in run.stdout


GO_KEY = secrets.token_bytes(32)


def go_state(name):
    id_ = hashlib.sha3_256(name.encode()).digest()[:16]
    b64 = lambda b: base64.b64encode(b).decode()  # noqa: E731
    return json.dumps({"ID": b64(id_), "TopicKeys": {
        hashlib.sha3_256(b"t").digest()[:16].hex(): b64(GO_KEY)},
        "Key": {"keyType": 0, "keyData": {"Key": b64(GO_KEY)}}, "ReceivingTopic": "e4/" + id_.hex()})


def test_the_older_client_s_state_is_taken_over_once(tmp_path, broker):
    (tmp_path / "old.json").write_text(go_state("old"))
    run = client(tmp_path, broker, "-name", "old", text="e4msg t hello\n")
    assert run.returncode == 0 and "taken over from old.json" in run.stdout, run
    run = client(tmp_path, broker, "-name", "old", text="e4msg t hello\n")
    assert run.returncode == 0 and "taken over" not in run.stdout
    (tmp_path / "new.json").write_text(go_state("other"))
    run = client(tmp_path, broker, "-name", "new", text="status\n")
    assert run.returncode == 2 and "another device" in run.stderr
    assert not (tmp_path / "new.e4").exists()
    (tmp_path / "bad.json").write_text("{")
    assert client(tmp_path, broker, "-name", "bad", text="status\n").returncode == 2
    assert not (tmp_path / "bad.e4").exists()


def test_bad_starts_are_refused_and_write_nothing(tmp_path, broker):
    private_file(tmp_path / "k31", b"k" * 31)
    private_file(tmp_path / "zero", bytes(32))
    private_file(tmp_path / "k", b"k" * 32)
    private_file(tmp_path / "k64", b"k" * 64)
    private_file(tmp_path / "open", b"k" * 32).chmod(0o644)
    before = set(os.listdir(tmp_path))
    for args, code, says in (
            ([], 2, "-name"),
            (["-name", "n"], 3, "-key"),
            (["-name", "n", "-key", "k31"], 2, "31 bytes"),
            (["-name", "n", "-key", "zero"], 2, "refused"),
            (["-name", "n", "-key", "open"], 5, "chmod 600"),
            (["-name", "n", "-key", "k", "-pubkey"], 2, "-c2PubKey"),
            (["-name", "n", "-key", "k64", "-pubkey", "-c2PubKey", "k"], 2, "refused"),
            (["-name", "n", "-password", "correct horse battery"], 2, "name of a file"),
            (["-name", "n", "-password-file", "k31", "-key", "k"], 2, "one of"),
            (["-name", "a/b", "-key", "k"], 2, "-state"),
            (["-name", "n" * 256, "-key", "k", "-state", "s"], 2, "255"),
            (["-name", "n", "-key", "k", "-qos", "3"], 2, "0|1|2"),
            (["-many", "k", "-name", "n"], 2, "-many"),
            (["-many", "k"], 2, "k:1")):
        run = client(tmp_path, broker, *args, text="status\n")
        assert run.returncode == code and says in run.stderr, (args, run)
        assert {n for n in os.listdir(tmp_path) if not n.endswith(".lock")} == before, args


def test_a_state_that_is_damaged_or_in_use_is_refused(tmp_path, broker, start_device):
    private_file(tmp_path / "a.key", secrets.token_bytes(32))
    a = start_device("a")
    a.wait_event(lambda e: e["event"] == "connected")
    run = client(tmp_path, broker, "-name", "a", text="status\n")
    assert run.returncode == 74
    a.kill()
    state = bytearray((tmp_path / "a.e4").read_bytes())
    state[20] ^= 1
    (tmp_path / "a.e4").write_bytes(state)
    run = client(tmp_path, broker, "-name", "a", "-key", "a.key", text="status\n")
    assert run.returncode == 78
    assert (tmp_path / "a.e4").read_bytes() == state


def test_print_key_gives_what_c2_needs_and_refuses_passwords_in_argv(tmp_path, broker):
    private_file(tmp_path / "k", secrets.token_bytes(32))
    case = next(c for c in json.loads(
        (pathlib_vectors() / "password.json").read_text())["cases"] if c.get("sym_key")
        and c["password"].isprintable() and not set(c["password"]) & set("'\"\\ #"))
    args = ["-name", "n", "-key", "k", "-password-compat", "-output", "json"]
    run = client(tmp_path, broker, *args, text=f"print-key {case['password']}\n")
    assert run.returncode == 0, run.stderr
    shown = json.loads(next(x for x in run.stdout.splitlines() if '"key"' in x))
    assert shown["hex"] == case["sym_key"] and shown["secret"] is True
    run = client(tmp_path, broker, *args, "-run", f"print-key {case['password']}")
    assert run.returncode == 2 and "standard input" in run.stderr
    assert case["sym_key"] not in run.stdout


def pathlib_vectors():
    import pathlib
    return pathlib.Path(__file__).resolve().parents[2] / "protocol" / "vectors"


def test_a_fleet_runs_in_one_process(cli, tmp_path, broker):
    names = [f"d{i:03}" for i in range(50)]
    cli.ok("topic", "create", "--name", "t")
    for n in names:
        private_file(tmp_path / f"{n}.key", secrets.token_bytes(32))
    cli.ok(text="".join(f"client create --name {n} --key {tmp_path}/{n}.key\n"
                        f"attach --client {n} --topic t\n" for n in names))
    (tmp_path / "fleet").write_text("".join(
        json.dumps({"name": n, "key": f"{n}.key"}) + "\n" for n in names))
    run = client(tmp_path, broker, "-many", "fleet", "-timeout", 50, "-exit-after", 50,
                 text="* subscribe t\n* wait t\nd007 e4msg t hello\n")
    assert run.returncode == 0, run.stderr
    got = [json.loads(x) for x in run.stdout.splitlines()]
    assert {e["device"] for e in got if e["event"] == "message"} == set(names)
    run = client(tmp_path, broker, "-many", "fleet", text="nobody status\n")
    assert run.returncode == 3 and "nobody" in run.stderr


@pytest.mark.parametrize("version", ["3", "5"])
def test_both_mqtt_versions_and_all_qos_work(tmp_path, broker, version):
    for name in "ab":
        (tmp_path / f"{name}.json").write_text(go_state(name))
    for qos in "012":
        options = ["-mqtt", version, "-qos", qos]
        with subprocess.Popen([E4CLIENT, "-name", "a", "-broker", f"127.0.0.1:{broker.port}",
                               "-once", "-timeout", "30", "-run", "subscribe t", *options],
                              cwd=tmp_path, stdout=subprocess.PIPE, text=True) as a:
            while "connected" not in a.stdout.readline():
                pass
            # The subscription is on its way: say it until it is heard.
            wait_until(lambda: client(tmp_path, broker, "-name", "b", *options,
                                      text=f"e4msg t over{qos}\n").returncode == 0
                       and a.poll() is not None, what=f"QoS {qos} arrives", step=0.1)
            assert f": over{qos}\n" in a.stdout.read()
            assert a.returncode == 0


def test_broker_away_is_told_and_scripts_end_in_time(tmp_path):
    (tmp_path / "a.json").write_text(go_state("a"))

    class Nowhere:
        port = free_port()
    run = client(tmp_path, Nowhere, "-name", "a", "-timeout", 1, text="e4msg t x\n")
    assert run.returncode == 7 and "not connected" in run.stdout


def test_commands_at_a_terminal_are_completed_and_a_wrong_one_ends_nothing(tmp_path, broker):
    for name in "ab":
        (tmp_path / f"{name}.json").write_text(go_state(name))
    code, shown = type_at_terminal(
        [E4CLIENT, "-name", "a", "-broker", f"127.0.0.1:{broker.port}", "-state",
         tmp_path / "a.e4x", "-key", private_file(tmp_path / "k", GO_KEY)],
        [b"sub\tt\r", b"topics\r", b"clearmsg t hi\r", b"nonsense\r", b"exit\r"], b"e4> ")
    assert code == 0
    assert "no key  t" in shown and "no command \"nonsense\"" in shown


def test_nothing_of_the_key_is_ever_printed(cli, tmp_path, broker):
    attached(cli, tmp_path, "t", "a")
    key = (tmp_path / "a.key").read_bytes()
    run = client(tmp_path, broker, "-name", "a", "-key", "a.key", "-output", "json", "-timeout",
                 30, text="status\ntopics\nwait t\nhelp\nstatus\n")
    out = run.stdout + run.stderr
    assert key.hex() not in out and base64.b64encode(key).decode() not in out
