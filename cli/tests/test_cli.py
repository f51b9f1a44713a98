"""c2cli against a real c2 and a real broker."""

import base64
import json
import os
import pty
import re
import secrets
import select
import signal
import subprocess
import time

import pytest

from actors import C2CLI, E4KEYGEN, free_port
from tools import Cli, private_file


def test_a_walk_over_all_commands(cli, tmp_path):
    cli.enrol(tmp_path, "a", "b")
    cli.ok("topic", "create", "--name", "plant/t")
    cli.ok("attach", "--client", "a", "--topic", "plant/t")
    cli.ok("client", "link-client", "--source", "a", "--target", "b")
    assert cli.ok("client", "list") == "a\nb\n"
    assert cli.ok("topic", "list") == "plant/t\n"
    assert cli.ok("topic", "list-clients", "--name", "plant/t") == "a\n"
    assert cli.ok("client", "list-topics", "--name", "a") == "plant/t\n"
    assert cli.ok("client", "list-linked-clients", "--name", "b") == "a\n"
    assert cli.json("count", "--clients") == {"count": "2"}
    assert cli.json("count", "--topics") == {"count": "1"}
    assert cli.json("count", "--clients", "--topic", "plant/t") == {"count": "1"}
    assert cli.json("count", "--topics", "--client", "b") == {"count": "0"}
    assert cli.json("crypto-mode")["CryptoMode"] == "CRYPTOMODE_SYMKEY"
    assert cli.json("health")["Code"] == "0"
    assert cli.json("status", "--topic", "plant/t")["members"] == "1"
    cli.ok("client", "new-key", "--name", "a")
    cli.ok("client", "reset", "--name", "a")
    cli.ok("client", "unlink-client", "--source", "a", "--target", "b")
    cli.ok("detach", "--client", "a", "--topic", "plant/t", "--rotate-key=false")
    cli.ok("client", "remove", "--name", "a")
    cli.ok("topic", "remove", "--name", "plant/t")
    assert cli.json("client", "list") == {"clients": [{"name": "b"}]}
    assert cli.json("topic", "list") == {"topics": []}


def test_messages_go_both_ways_also_as_raw_files(cli, tmp_path):
    cli.ok("topic", "create", "--name", "t")
    plain, sealed, opened = (tmp_path / n for n in ("plain", "sealed", "opened"))
    plain.write_bytes(bytes(range(256)))
    cli.ok("protect-message", "--topic", "t", "--message-file", plain, "--out", sealed)
    assert len(sealed.read_bytes()) == 256 + 24
    cli.ok("unprotect-message", "--topic", "t", "--message-file", sealed, "--out", opened)
    assert opened.read_bytes() == plain.read_bytes()
    assert oct(opened.stat().st_mode & 0o777) == "0o600"
    message = base64.b64encode(b"hello").decode()
    answer = cli.json("protect-message", "--topic", "t", "--message", message)
    shown = cli.ok("unprotect-message", "--topic", "t", "--message",
                   answer["protectedBinaryData"])
    assert "hello" in shown
    bad = bytearray(sealed.read_bytes())
    bad[-1] ^= 1
    sealed.write_bytes(bad)
    run = cli.run("unprotect-message", "--topic", "t", "--message-file", sealed)
    assert run.returncode == 2 and run.stdout == ""


def test_lists_longer_than_a_page_are_complete_and_in_order(cli):
    names = [f"t{i:04}" for i in range(205)]
    cli.ok(text="".join(f"topic create --name {n}\n" for n in names))
    assert cli.ok("topic", "list").split() == names
    assert cli.json("topic", "list") == {"topics": names}
    assert cli.ok("topic", "list", "--offset", 99, "--count", 102).split() == names[99:201]
    assert cli.ok("topic", "list", "--offset", 300) == ""


def test_who_has_not_confirmed_is_listed_with_the_reason(cli, tmp_path):
    names = [f"c{i:03}" for i in range(120)]  # more than a page
    key = private_file(tmp_path / "k", b"k" * 32)
    cli.ok(text="".join(f"client create --name {n} --key {key}\n" for n in names))
    cli.ok("topic", "create", "--name", "t")
    cli.ok("attach", "--client", "c007", "--topic", "t")
    lines = cli.ok("client", "list-unconfirmed").splitlines()
    assert [line.split()[0] for line in lines] == names
    assert "reason: waits for the device to announce itself" in lines[0]
    rows = cli.json("client", "list-unconfirmed")["clients"]
    assert [r["client"]["name"] for r in rows] == names and all(r["since"] for r in rows)
    assert cli.ok("client", "list-unconfirmed", "--topic", "t").split()[0] == "c007"
    assert cli.run("client", "list-unconfirmed", "--topic", "u").returncode == 3


def test_the_way_of_a_new_c2_key_is_told(start_c2, start_device, tmp_path):
    server = start_c2("pubkey")
    cli = Cli(f"127.0.0.1:{server.grpc_port}")
    subprocess.run([E4KEYGEN, "-type", "ed25519", "-out", tmp_path / "d.key"], check=True)
    cli.ok("client", "create", "--name", "d", "--key", tmp_path / "d.key.pub")
    cli.ok("c2-public-key", "--out", tmp_path / "c2.pub")
    cli.ok("new-c2key", "--force")
    status = cli.json("status", "--c2-key")
    assert (status["clients"], status["confirmed"], status["olderKeys"]) == ("1", "0", "1")
    start_device("d", c2_public=(tmp_path / "c2.pub").read_bytes())
    shown = cli.ok("status", "--c2-key", "--wait", "--timeout", 30)
    assert shown.splitlines()[-1] == "1 of 1 confirmed"
    assert cli.json("status", "--c2-key")["olderKeys"] == "0"


@pytest.mark.parametrize("args, code, says", [
    (["status", "--c2-key"], 4, "symmetric"),
    (["client", "remove", "--name", "nobody"], 3, "no such client"),
    (["attach", "--client", "a", "--topic", "nowhere"], 3, "no such topic"),
    (["topic", "create", "--name", "a/+"], 2, "topic"),
    (["client", "create", "--name", "", "--key", "a.key"], 2, "name"),
    (["new-c2key", "--force"], 4, "symmetric"),
    (["client", "send-pubkey", "--source", "a", "--target", "a"], 4, "symmetric"),
    (["client", "create", "--name", "x", "--key", "missing"], 3, "missing"),
    (["client", "create", "--name", "x", "--key", "short.key"], 2, "31 bytes"),
    (["client", "create", "--name", "x", "--key", "open.key"], 5, "chmod 600"),
    (["client", "create", "--name", "x", "--password", "short.pw"], 2, "16"),
    (["unprotect-message", "--topic", "t", "--message", "!"], 2, "base64"),
])
def test_a_refusal_says_what_is_wrong_and_changes_nothing(cli, tmp_path, monkeypatch, args, code,
                                                          says):
    monkeypatch.chdir(tmp_path)
    cli.enrol(tmp_path, "a")
    private_file(tmp_path / "short.key", b"k" * 31)
    private_file(tmp_path / "open.key", b"k" * 32).chmod(0o644)
    private_file(tmp_path / "short.pw", b"fifteen letters\n")
    run = cli.run(*args)
    assert run.returncode == code and says in run.stderr, run
    assert "\n" not in run.stderr.rstrip("\n").replace("\nc2cli: ", "")
    assert cli.ok("client", "list") == "a\n"
    assert cli.ok("topic", "list") == ""


def test_passwords_and_keys_come_by_file_or_stdin_and_make_the_device_work(cli, tmp_path,
                                                                          broker):
    password = "correct horse battery"
    cli.ok("client", "create", "--name", "d", "--password", "-", text=password + "\n")
    private_file(tmp_path / "pw", password.encode())
    cli.ok("topic", "create", "--name", "t")
    cli.ok("attach", "--client", "d", "--topic", "t")
    run = subprocess.run([C2CLI.parent / "e4client", "-name", "d", "-password", "pw", "-broker",
                          f"127.0.0.1:{broker.port}", "-run",
                          "wait t", "-run", "exit", "-timeout", "30"], cwd=tmp_path, timeout=60,
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    cli.ok("status", "--client", "d", "--wait", "--timeout", 30)


def test_names_from_elsewhere_cannot_drive_the_terminal(cli, tmp_path):
    name = "evil\x1b[2J\u202eeman"
    cli.enrol(tmp_path, "x")
    cli.ok("client", "create", "--name", name, "--key", tmp_path / "x.key")
    assert cli.ok("client", "list") == "evil\\x1b[2J\\xe2\\x80\\xaeeman\nx\n"
    assert cli.json("client", "list")["clients"][0]["name"] == name


def test_waiting_ends_when_all_is_confirmed_and_else_with_its_own_exit_code(cli, tmp_path,
                                                                           start_device):
    cli.enrol(tmp_path, "a")
    cli.ok("topic", "create", "--name", "t")
    cli.ok("attach", "--client", "a", "--topic", "t")
    run = cli.run("status", "--topic", "t", "--wait", "--timeout", 1)
    assert run.returncode == 7 and "not all is confirmed" in run.stderr
    start_device("a")
    lines = cli.ok("status", "--topic", "t", "--wait", "--timeout", 30).splitlines()
    assert lines[-1].startswith("1 of 1 confirmed")
    last = cli.ok("-o", "json", "status", "--client", "a", "--wait", "--timeout", 30)
    assert json.loads(last.splitlines()[-1])["status"] == "CLIENT_CONFIRMED"


def test_events_are_lines_as_they_happen(cli, tmp_path):
    cli.enrol(tmp_path, "a")
    cli.ok("topic", "create", "--name", "t")
    with subprocess.Popen([*cli.command, "-o", "json", "events", "--after", "0", "--all"],
                          stdout=subprocess.PIPE, text=True) as child:
        cli.ok("attach", "--client", "a", "--topic", "t")
        cli.ok("detach", "--client", "a", "--topic", "t")
        cli.ok("client", "remove", "--name", "a")
        first, second, third = (json.loads(child.stdout.readline()) for _ in "123")
        child.send_signal(signal.SIGINT)
        assert child.wait(20) == 0
    assert (first["type"], first["source"], first["target"]) == ("CLIENT_SUBSCRIBED", "a", "t")
    assert second["type"] == "CLIENT_UNSUBSCRIBED"
    assert int(second["sequence"]) > int(first["sequence"])
    assert (third["type"], third["source"], third["target"]) == ("CLIENT_REMOVED", "a", "")


def test_a_script_stops_at_the_line_that_fails(cli):
    run = cli.run(text="topic create --name a\n# words\n\ntopic remove --name b\n"
                       "topic create --name c\n")
    assert run.returncode == 3 and "line 4" in run.stderr
    assert cli.ok("topic", "list") == "a\n"


def test_help_and_completion_need_no_server():
    off = Cli(f"127.0.0.1:{free_port()}")
    assert "client create" in off.ok("--help")
    assert "--password-compat" in off.ok("client", "create", "--help")
    assert off.ok("help", "topic", "list") == off.ok("topic", "list", "-h")
    assert "complete -F" in off.ok("completion")
    assert off.ok("completion", "--zsh").startswith("#compdef c2cli")
    run = off.run("health")
    assert run.returncode == 69 and "--endpoint" in run.stderr


def bash_completes(words):
    script = ('. <("$0" completion); compopt() { :; }; COMP_WORDS=(c2cli "$@"); '
              'COMP_CWORD=$#; _c2cli; printf "%s\\n" "${COMPREPLY[@]}"')
    env = {**os.environ, "PATH": f"{C2CLI.parent}:{os.environ['PATH']}"}
    return subprocess.run(["bash", "-c", script, C2CLI, *words], env=env, capture_output=True,
                          text=True, timeout=20, check=True).stdout.split()


def test_bash_completes_words_options_and_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dev.key").touch()
    assert bash_completes(["at"]) == ["attach"]
    assert bash_completes(["attach", "--to"]) == ["--topic", "--token-file"]
    assert bash_completes(["client", "create", "--key", "dev"]) == ["dev.key"]


@pytest.fixture
def certificate(tmp_path):
    for name, host in (("tls", "127.0.0.1"), ("other", "192.0.2.1")):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-keyout", tmp_path / f"{name}.key",
                        "-out", tmp_path / f"{name}.crt", "-days", "2", "-subj", "/CN=c2",
                        "-addext", f"subjectAltName=IP:{host}"], check=True, capture_output=True)
        (tmp_path / f"{name}.key").chmod(0o600)
    return tmp_path / "tls.crt"


def test_tls_checks_the_server_and_tokens_their_roles(start_c2, certificate, tmp_path):
    viewer, admin = secrets.token_hex(24), secrets.token_hex(24)
    tokens = private_file(tmp_path / "tokens", f"eve viewer {viewer}\nann admin {admin}\n".encode())
    server = start_c2(tls__cert=certificate, tls__key=tmp_path / "tls.key",
                      auth__token_file=tokens)
    private_file(tmp_path / "viewer", viewer.encode())
    private_file(tmp_path / "admin", admin.encode() + b"\n")
    at = f"127.0.0.1:{server.grpc_port}"
    ann = Cli(at, "--cert", certificate, "--token-file", tmp_path / "admin")
    eve = Cli(at, "--cert", certificate, "--token-file", tmp_path / "viewer")
    ann.ok(text="topic create --name t\ntopic create --name u\n")
    assert eve.ok("topic", "list") == "t\nu\n"
    assert eve.run("topic", "create", "--name", "v").returncode == 5
    nobody = Cli(at, "--cert", certificate).run("topic", "list")
    assert nobody.returncode == 5 and "--token-file" in nobody.stderr
    other = Cli(at, "--cert", tmp_path / "other.crt", "--token-file", tmp_path / "admin")
    run = other.run("topic", "list")
    assert run.returncode == 69 and "certificate" in run.stderr
    named = Cli(f"localhost:{server.grpc_port}", "--cert", certificate).run("health")
    assert named.returncode == 69 and "certificate" in named.stderr
    assert Cli(at).run("health").returncode == 69


def test_a_token_never_leaves_this_machine_unencrypted(tmp_path):
    token = private_file(tmp_path / "token", b"0123456789abcdef0123456789abcdef")
    run = Cli("192.0.2.1:5555", "--token-file", token).run("health")
    assert run.returncode == 78 and "unencrypted" in run.stderr


def test_public_key_mode_takes_public_keys_and_refuses_private_ones(start_c2, tmp_path):
    cli = Cli(f"127.0.0.1:{start_c2('pubkey').grpc_port}")
    key = tmp_path / "a.key"
    subprocess.run([E4KEYGEN, "-type", "ed25519", "-out", key], check=True, capture_output=True)
    run = cli.run("client", "create", "--name", "a", "--key", key)
    assert run.returncode == 2 and "FILE.pub" in run.stderr
    cli.ok("client", "create", "--name", "a", "--key", f"{key}.pub")
    cli.ok("c2-public-key", "--out", tmp_path / "c2.pub")
    assert len((tmp_path / "c2.pub").read_bytes()) == 32
    assert cli.json("crypto-mode")["CryptoMode"] == "CRYPTOMODE_PUBKEY"


def test_nothing_is_overwritten_by_out(cli, tmp_path):
    cli.ok("topic", "create", "--name", "t")
    out = private_file(tmp_path / "precious", b"precious")
    run = cli.run("protect-message", "--topic", "t", "--message", "aGk=", "--out", out)
    assert run.returncode == 4 and out.read_bytes() == b"precious"


def type_at_terminal(command, lines, wait_for):
    """What a terminal shows when these lines are typed, each after a prompt."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        os.execv(command[0], [str(c) for c in command])
    shown = b""
    end = time.monotonic() + 20
    lines = list(lines)
    try:
        while time.monotonic() < end:
            if lines and shown.endswith(wait_for):
                os.write(fd, lines.pop(0))
                shown += b" "
            if select.select([fd], [], [], 0.05)[0]:
                shown += os.read(fd, 4096)
    except OSError:
        pass  # the program has left
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode(errors="replace")


def test_the_interactive_mode_completes_and_remembers(cli):
    code, shown = type_at_terminal(
        cli.command, [b"topic cr\t--name one\r", b"nonsense\r", b"\x1b[A\x1b[A\r", b"exit\r"],
        b"c2> ")
    assert code == 0
    assert "no command \"nonsense\"" in shown
    assert len(re.findall("revision", shown)) == 2
    assert cli.ok("topic", "list") == "one\n"
