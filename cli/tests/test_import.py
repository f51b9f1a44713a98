"""c2cli import, export, search and groups, against a real c2."""

import csv
import io
import json
import os
import pty
import random
import secrets
import select
import signal
import subprocess

import pytest

from actors import C2CLI, wait_until
from device import ed25519_public
from tools import Cli, private_file


def write_csv(path, rows, columns):
    with path.open("w", newline="") as f:
        out = csv.writer(f)
        out.writerow(columns)
        out.writerows(rows)
    return path


def fleet(path, n, prefix="dev"):
    """n clients in a file, every third a producer, with a tag and two topics; {name: key}."""
    keys = {f"{prefix}{i:06}": secrets.token_hex(32) for i in range(n)}
    rows = [(name, key, "producer" if i % 3 == 0 else "consumer", f"site={i % 4};all",
             f"t{i % 5};common") for i, (name, key) in enumerate(keys.items())]
    write_csv(path, rows, ["name", "key", "type", "tags", "topics"])
    return keys


def exported(cli, *args):
    return [json.loads(line) for line in
            cli.ok("export", "clients", "--format", "jsonl", *args).splitlines()]


def names(found):
    return [c["name"] for c in found]


def sums(text):
    return {k: int(v) for k, v in (line.split() for line in text.splitlines())}


def test_what_is_imported_is_what_is_exported(cli, tmp_path):
    file = tmp_path / "fleet.csv"
    fleet(file, 250)
    done = sums(cli.ok("import", "clients", file, "--create-topics", "--chunk", 100))
    assert done == {"rows": 250, "changed": 250, "unchanged": 0, "rotatedTopics": 0}
    wanted = [{"name": f"dev{i:06}", "type": "producer" if i % 3 == 0 else "consumer",
               "tags": sorted([f"site={i % 4}", "all"]),
               "topics": sorted([f"t{i % 5}", "common"])} for i in range(250)]
    assert exported(cli) == wanted
    rows = list(csv.DictReader(io.StringIO(cli.ok("export", "clients"))))
    assert [(r["name"], r["tags"], r["topics"]) for r in rows] == [
        (w["name"], ";".join(w["tags"]), ";".join(w["topics"])) for w in wanted]
    assert cli.ok("export", "topics").replace('"', "").split() == ["name", "common", "t0", "t1", "t2", "t3", "t4"]
    assert cli.json("status", "--topic", "common")["members"] == "250"


def test_an_export_and_new_keys_make_the_same_fleet_elsewhere(cli, tmp_path, start_c2):
    fleet(tmp_path / "fleet.csv", 20)
    cli.ok("import", "clients", tmp_path / "fleet.csv", "--create-topics")
    for form in ("csv", "jsonl"):
        file = tmp_path / f"out.{form}"
        file.write_text(cli.ok("export", "clients", "--format", form))
        before = exported(cli)
        cli.ok(text="".join(f"client remove --name {n}\n" for n in names(before)))
        keys = tmp_path / f"keys.{form}.csv"
        cli.ok("import", "clients", file, "--new-keys", keys)
        assert exported(cli) == before
        assert oct(keys.stat().st_mode & 0o777) == "0o600"
        assert [r["name"] for r in csv.DictReader(keys.open())] == names(before)


def test_a_bad_row_changes_nothing_of_its_chunk_and_is_named_by_its_line(cli, tmp_path):
    good = [(f"d{i}", secrets.token_hex(32)) for i in range(30)]
    file = write_csv(tmp_path / "f.csv", good[:25] + [("d3", good[3][1])] + good[25:],
                     ["name", "key"])
    run = cli.run("import", "clients", file, "--chunk", 10)
    assert run.returncode == 4 and run.stdout == ""
    assert "line 27: the client exists already; the first 20 rows are done" in run.stderr
    assert names(exported(cli)) == sorted(n for n, _ in good[:20])
    done = sums(cli.ok("import", "clients", file, "--chunk", 10, "--resume"))
    assert (done["rows"], done["changed"], done["unchanged"]) == (31, 10, 21)
    assert names(exported(cli)) == sorted(n for n, _ in good)


@pytest.mark.parametrize("text, says", [
    ("name,key\nx,zz\n", "line 2: key: a key is 64"),
    ("name,key\nx,\n", "line 2: no key"),
    ("name,key\n,aa\n", "line 2: no name"),
    ("name,key\nx\n", "line 2: 1 fields, where the first line names 2"),
    ("name,kye\nx,aa\n", "line 2: unknown column kye"),
    ("name,name\nx,aa\n", "line 1: a column is there twice"),
    ('name,key\n"x,aa\n', "line 2: a quote is not closed"),
    ('name,key\nx"y,aa\n', "line 2: a quote where none may be"),
    ("name,key\nx,{key}\ny,{key}\rz,{key}\n", "line 3: a line ends with LF or CRLF"),
    ("name,key\nx\0y,{key}\n", "line 2: holds a zero byte"),
    ("name,key\n\udcff,{key}\n", "line 2: createClient: name: not UTF-8"),
    ("name,key,type\nx,{key},maker\n", "line 2: type: producer, consumer, both"),
    ("name,key,tags\nx,{key},a b\n", "line 2: a tag is name or name=value"),
    ("name,key,topics\nx,{key},a/+\n", "line 2: a topic has"),
    ("name,key,topics\nx,{key},nowhere\n", "line 2: no such topic: nowhere"),
    ("name,key_file\nx,/nonexistent\n", "line 2: /nonexistent"),
    ("name,key\n" + "n" * 256 + ",{key}\n", "line 2: a client name has"),
    ("name,key\nx," + "0" * 64 + "\n", "line 2: an all-zero client key"),
    ('{"name":"x","key":"{key}","topics":"t"}\n', "line 1: topics is no list"),
    ('{"name":7}\n', "line 1: name is no text"),
    ('{"name":"x","name":"y"}\n', "line 1: is no good JSON"),
    ("[]\n", "line 1"),
])
def test_a_file_with_a_mistake_says_where_and_shows_no_key(cli, tmp_path, text, says):
    key = secrets.token_hex(32)
    file = tmp_path / ("f.jsonl" if text[0] in "{[" else "f.csv")
    file.write_bytes(text.replace("{key}", key).encode(errors="surrogateescape"))
    run = cli.run("import", "clients", file)
    assert run.returncode in (2, 3) and says in run.stderr, run.stderr
    assert key not in run.stderr + run.stdout
    assert exported(cli) == []


@pytest.mark.parametrize("before, end, after", [
    ("\ufeff", "\r\n", ""), ("", "\n", "\n\n"), ("", "\r\n", "\r\n\r\n"), ("", "\n", None)])
def test_byte_order_marks_line_ends_and_empty_lines_do_no_harm(cli, tmp_path, before, end, after):
    key = secrets.token_hex(32)
    text = before + end.join(["name,key,topics", f'"odd ""name"", with comma",{key},', "",
                              f'"two{end}lines",{key},'])
    file = tmp_path / "f.csv"
    file.write_bytes((text + ("" if after is None else end + after)).encode())
    cli.ok("import", "clients", file)
    assert names(exported(cli)) == ['odd "name", with comma', f"two{end}lines"]


def test_standard_input_and_key_files_work_too(cli, tmp_path):
    key = private_file(tmp_path / "k", secrets.token_bytes(32))
    cli.ok("import", "clients", "-", text=f'{{"name":"a","key_file":"{key}"}}\n')
    cli.ok("import", "clients", "-", text=f"name,key_file\nb,{key}\n")
    assert names(exported(cli)) == ["a", "b"]
    key.chmod(0o644)
    run = cli.run("import", "clients", "-", text=f"name,key_file\nc,{key}\n")
    assert run.returncode == 5 and "line 2" in run.stderr and "chmod" in run.stderr


def test_what_is_there_already_is_overwritten_only_when_said(cli, tmp_path):
    rows = [(f"d{i}", secrets.token_hex(32)) for i in range(3)]
    file = write_csv(tmp_path / "f.csv", rows, ["name", "key"])
    other = write_csv(tmp_path / "g.csv", [(n, secrets.token_hex(32)) for n, _ in rows],
                      ["name", "key"])
    cli.ok("import", "clients", file)
    for flags, code, changed in ((["--existing", "fail"], 4, 0), (["--existing", "same"], 4, 0),
                                 (["--resume"], 4, 0), ([], 4, 0),
                                 (["--existing", "keep"], 0, 0)):
        run = cli.run("import", "clients", other, *flags)
        assert run.returncode == code, (flags, run.stderr)
        assert code != 0 or sums(run.stdout)["changed"] == changed
        cli.ok("import", "clients", file, "--existing", "same")  # so the keys are the first ones
    assert sums(cli.ok("import", "clients", other, "--existing", "replace"))["changed"] == 3
    assert cli.run("import", "clients", file, "--existing", "same").returncode == 4
    assert sums(cli.ok("import", "clients", other, "--resume"))["unchanged"] == 3
    assert cli.run("import", "clients", file, "--resume", "--existing", "keep").returncode == 2


def test_a_dry_run_checks_everything_and_changes_nothing(cli, tmp_path):
    file = tmp_path / "f.csv"
    fleet(file, 30)
    run = cli.run("import", "clients", file, "--dry-run")
    assert run.returncode == 3 and "line 2: no such topic" in run.stderr
    assert sums(cli.ok("import", "clients", file, "--dry-run", "--create-topics"))["changed"] == 30
    assert exported(cli) == [] and cli.ok("topic", "list") == ""
    assert sums(cli.ok("import", "clients", file, "--create-topics"))["changed"] == 30


@pytest.mark.parametrize("victim", ["c2cli", "c2"])
def test_an_import_killed_in_the_middle_is_resumed_to_the_exact_end(start_c2, tmp_path, victim):
    """10,000 clients with keys that are made on the way; killed at five places."""
    server = start_c2(grpc__listen="127.0.0.1:0")
    at = f"127.0.0.1:{server.grpc_port}"
    server.settings["grpc.listen"] = at
    server.settings["http.listen"] = f"127.0.0.1:{server.http_port}"
    cli = Cli(at)
    n = 10000
    file, keys = tmp_path / "in.csv", tmp_path / "keys.csv"
    write_csv(file, [(f"d{i:05}", "producer", "batch=1", "t") for i in range(n)],
              ["name", "type", "tags", "topics"])
    rnd = random.Random(7)
    cuts = sorted(rnd.randrange(1, n) for _ in range(5))

    def count():
        return int(server.call("GET", "/e4/clients/count")["count"])

    command = [C2CLI, "-e", at, "import", "clients", file, "--create-topics", "--chunk", "100",
               "--new-keys", keys]
    child = None
    for cut in cuts:
        if child is None:
            child = subprocess.Popen([*map(str, command), *(["--resume"] if keys.exists() else [])],
                                     stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_until(lambda: count() >= cut or child.poll() is not None, 60, "some are there", 0)
        if victim == "c2":  # c2cli waits for it and goes on by itself
            server.kill()
            server.start()
        else:
            child.send_signal(signal.SIGKILL)
            child.wait()
            child = None
    if child is not None:
        code = child.wait(timeout=60)
        assert code == 0, child.stderr.read()
    done = sums(cli.ok("import", "clients", file, "--create-topics", "--resume", "--new-keys",
                       keys))
    assert done["rows"] == n
    rows = list(csv.DictReader(keys.open()))
    assert [r["name"] for r in rows] == [f"d{i:05}" for i in range(n)]
    assert len({r["key"] for r in rows}) == n
    assert names(exported(cli, "--tag", "batch=1", "--type", "producer")) == [
        f"d{i:05}" for i in range(n)]
    assert cli.json("status", "--topic", "t")["members"] == str(n)
    again = sums(cli.ok("import", "clients", keys, "--existing", "same"))
    assert again["unchanged"] == n  # so the server has the keys of the file
    events = server.call("GET", "/e4/health-check")
    assert events["database"] == "OK"


def test_new_keys_never_overwrite_a_file_and_know_their_input(cli, tmp_path):
    file = write_csv(tmp_path / "in.csv", [("a",), ("b",)], ["name"])
    keys = private_file(tmp_path / "keys.csv", b"precious\n")
    run = cli.run("import", "clients", file, "--new-keys", keys)
    assert run.returncode == 4 and "is there already" in run.stderr
    assert cli.run("import", "clients", file, "--new-keys", keys, "--resume").returncode == 2
    assert keys.read_bytes() == b"precious\n"
    keys.write_text("name,key\nz," + secrets.token_hex(32) + "\n")
    run = cli.run("import", "clients", file, "--new-keys", keys, "--resume")
    assert run.returncode == 2 and "not of this input" in run.stderr
    keys.chmod(0o644)
    assert cli.run("import", "clients", file, "--new-keys", keys, "--resume").returncode == 5
    keys.unlink()
    run = cli.run("import", "clients", file, "--new-keys", keys, "--existing", "keep")
    assert run.returncode == 2 and not keys.exists()
    assert cli.ok("__complete", "import", "clients", "") == ":file\n"
    target = private_file(tmp_path / "target", b"")
    keys.symlink_to(target)
    assert cli.run("import", "clients", file, "--new-keys", keys).returncode != 0
    assert target.read_bytes() == b"" and exported(cli) == []


def test_a_row_that_was_half_written_is_made_anew(cli, tmp_path):
    file = write_csv(tmp_path / "in.csv", [("a",), ("b",)], ["name"])
    keys = private_file(tmp_path / "keys.csv", f"name,key\na,{secrets.token_hex(32)}\nb,0123".encode())
    cli.ok("import", "clients", file, "--new-keys", keys, "--resume")
    rows = list(csv.DictReader(keys.open()))
    assert [r["name"] for r in rows] == ["a", "b"] and len(rows[1]["key"]) == 64


def test_in_public_key_mode_the_server_gets_the_public_half(start_c2, tmp_path):
    cli = Cli(f"127.0.0.1:{start_c2(mode='pubkey').grpc_port}")
    file = write_csv(tmp_path / "in.csv", [("a",), ("b",)], ["name"])
    keys = tmp_path / "keys.csv"
    cli.ok("import", "clients", file, "--new-keys", keys)
    for row in csv.DictReader(keys.open()):
        private = bytes.fromhex(row["private_key"])
        assert ed25519_public(private[:32]).hex() == row["key"] == private[32:].hex()
    assert sums(cli.ok("import", "clients", keys, "--resume"))["unchanged"] == 2


def test_operations_of_every_kind_come_from_csv_and_json(cli, tmp_path):
    cli.ok("import", "clients", "-", text="".join(
        f'{{"name":"{n}","key":"{secrets.token_hex(32)}"}}\n' for n in "abc"))
    done = sums(cli.ok("import", "operations", "-", text=(
        "operation,client,topic\ncreate-topic,,t\nattach,a,t\nattach,b,t\nattach,c,t\n"
        "new-client-key,a,\nrotate-topic,,t\ndetach,b,t\ndetach,c,t\nremove-client,c,\n")))
    assert done == {"rows": 9, "changed": 9, "unchanged": 0, "rotatedTopics": 1}
    assert [(c["name"], c["topics"]) for c in exported(cli)] == [("a", ["t"]), ("b", [])]
    lines = [{"changeClient": {"client": "a", "type": "TYPE_BOTH", "addTags": ["x", "y=1"]}},
             {"attach": {"client": "b", "topic": "t"}}, {"removeTopic": "gone"},
             {"createTopic": "u"}]
    file = tmp_path / "ops.jsonl"
    file.write_text("".join(json.dumps(x) + "\n" for x in lines))
    run = cli.run("import", "operations", file)
    assert run.returncode == 3 and "line 3: no such topic" in run.stderr
    assert [c["tags"] for c in exported(cli)] == [[], []]
    assert sums(cli.ok("import", "operations", file, "--resume"))["unchanged"] == 1
    assert exported(cli, "--tag", "x,y=1") == [
        {"name": "a", "type": "both", "tags": ["x", "y=1"], "topics": ["t"]}]
    run = cli.run("import", "operations", "-", text='{"attache":{}}\n')
    assert run.returncode == 2 and "line 1: says no operation" in run.stderr
    run = cli.run("import", "operations", "-", text="operation,client,topic\nattach,a,\n")
    assert run.returncode == 2 and "line 2: attach takes a client and a topic" in run.stderr


def test_clients_are_found_by_everything_that_they_are(cli, tmp_path):
    fleet(tmp_path / "f.csv", 120)
    cli.ok("import", "clients", tmp_path / "f.csv", "--create-topics")

    def found(*args):
        return names(cli.json("client", "search", *args)["clients"])
    every = [f"dev{i:06}" for i in range(120)]
    assert found() == every
    assert found("--prefix", "dev00001") == every[10:20]
    assert found("--contains", "7") == [n for n in every if "7" in n]
    assert found("--tag", "site=1") == every[1::4]
    assert found("--tag", "all,site=1", "--type", "producer") == [
        n for i, n in enumerate(every) if i % 4 == 1 and i % 3 == 0]
    assert found("--tag", "nothing") == [] and found("--prefix", "x") == []
    assert found("--status", "confirmed") == []
    assert found("--status", "waiting,sent") == every
    assert "dev000001  consumer" in cli.ok("client", "search", "--prefix", "dev000001")
    assert [t["members"] for t in cli.json("topic", "search", "--prefix", "t")["topics"]] == [
        "24"] * 5
    run = cli.run("client", "search", "--type", "maker")
    assert run.returncode == 2 and "no such word: maker" in run.stderr


def test_a_group_is_changed_page_by_page_and_rotates_once(cli, tmp_path):
    fleet(tmp_path / "f.csv", 2500)
    cli.ok("import", "clients", tmp_path / "f.csv", "--create-topics")
    cli.ok("topic", "create", "--name", "news")
    done = cli.json("group", "change", "--tag", "site=0", "--attach", "news")
    assert (done["changed"], done["unchanged"]) == ("625", "0")
    done = cli.json("group", "change", "--all", "--attach", "news")
    assert (done["changed"], done["unchanged"]) == ("1875", "625")
    before = int(cli.json("status", "--topic", "news")["revision"])
    done = cli.json("group", "change", "--all", "--detach", "news", "--rotate-key")
    assert (done["changed"], done["rotatedTopics"]) == ("2500", "1")
    assert cli.json("status", "--topic", "news")["members"] == "0"
    assert int(cli.json("status", "--topic", "news")["revision"]) > before
    done = cli.json("group", "change", "--prefix", "dev0000", "--new-keys")
    assert done["changed"] == "100"
    for args in (["--attach", "news"], ["--all"], ["--all", "--attach", "a", "--detach", "b"]):
        assert cli.run("group", "change", *args).returncode == 2
    assert cli.run("group", "change", "--all", "--attach", "nowhere").returncode == 3


def test_tags_and_type_are_set_and_taken(cli, tmp_path):
    cli.enrol(tmp_path, "a")
    answer = cli.json("client", "set", "--name", "a", "--type", "consumer", "--tag", "x,y=1")
    assert answer == {"type": "TYPE_CONSUMER", "tags": ["x", "y=1"]}
    answer = cli.json("client", "set", "--name", "a", "--tag", "y=2", "--untag", "x,never")
    assert answer == {"type": "TYPE_CONSUMER", "tags": ["y=2"]}
    status = cli.json("status", "--client", "a")
    assert (status["type"], status["tags"]) == ("TYPE_CONSUMER", ["y=2"])
    for bad in ("", "=", "a b", "k=v;w", "x" * 65, "k=" + "v" * 127):
        assert cli.run("client", "set", "--name", "a", "--tag", bad).returncode == 2, bad
    many = ",".join(f"t{i}" for i in range(32))
    assert cli.run("client", "set", "--name", "a", "--tag", many).returncode == 2
    assert cli.json("status", "--client", "a")["tags"] == ["y=2"]


def test_progress_is_drawn_on_a_terminal_and_nowhere_else(cli, tmp_path):
    fleet(tmp_path / "f.csv", 300)
    args = ["import", "clients", tmp_path / "f.csv", "--create-topics", "--chunk", "100"]
    run = cli.run(*args, "--dry-run")
    assert run.stderr == "" and run.stdout.count("\n") == 4
    parent, child = pty.openpty()
    process = subprocess.Popen([*map(str, cli.command), *map(str, args)], stderr=child,
                               stdout=subprocess.PIPE)
    os.close(child)
    drawn = b""
    while select.select([parent], [], [], 20)[0]:
        try:
            drawn += os.read(parent, 4096)
        except OSError:
            break
    os.close(parent)
    assert process.wait(timeout=20) == 0
    assert b"[#" in drawn and b"] 100 rows" in drawn and b"] 300 rows" in drawn
