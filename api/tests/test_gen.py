"""What is generated and checked in is what the description says now, and a
description that leaves something open is refused by name."""

import filecmp
import json
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def generate(api, out):
    return subprocess.run(["/usr/bin/python3", ROOT / "tools/gen_api.py", "--api", api,
                           "--out", out / "gen", "--docs", out / "api.md"],
                          capture_output=True, text=True, timeout=60)


def files(folder):
    return sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())


@pytest.fixture
def copy(tmp_path):
    """The description in a folder of its own, to be changed and generated from."""
    api = tmp_path / "api"
    for proto in (ROOT / "api").rglob("*.proto"):
        to = api / proto.relative_to(ROOT / "api")
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(proto, to)

    def run(change, name="c2.proto"):
        path = api / name
        before = path.read_text()
        path.write_text(change(before))
        assert path.read_text() != before, "the test changed nothing"
        return generate(api, tmp_path)
    return run


def test_what_is_checked_in_is_what_is_generated(tmp_path):
    done = generate(ROOT / "api", tmp_path)
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "gen") == files(ROOT / "api/gen")
    for name in files(tmp_path / "gen"):
        assert filecmp.cmp(tmp_path / "gen" / name, ROOT / "api/gen" / name, shallow=False), \
            f"api/gen/{name} is not what tools/gen_api.py makes now"
    assert (tmp_path / "api.md").read_text() == (ROOT / "docs/api.md").read_text()


def without(pattern, text):
    """Take the first match of the pattern away."""
    return re.sub(pattern, "", text, count=1, flags=re.S)


@pytest.mark.parametrize("pattern, says", [
    (r"\t\toption \(e4\.role\) = ROLE_OPERATOR;\n", "pb.C2.NewClient: no role"),
    (r"\t\toption \(e4\.audited\) = true;\n", "pb.C2.NewClient: not said whether it is audited"),
    (r"\t\toption \(e4\.help\) =.*?;\n(?=\t\toption)", "pb.C2.NewClient: no help"),
    (r"\t\toption \(google\.api\.http\) = .*?};\n", "pb.C2.NewClient: no route"),
    (r"\t\toption \(e4\.cli\) = \{.*?\n\t\t\};\n", "pb.C2.NewClient: no command"),
    (r" \[\(e4\.about\) = \"1 to 255 bytes of UTF-8\.\"\]", "pb.Client.name: no sentence"),
])
def test_a_method_or_field_that_leaves_something_open_is_refused(copy, pattern, says):
    done = copy(lambda text: without(pattern, text))
    assert done.returncode != 0
    assert says in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("old, new, says", [
    ('post: "/e4/client/{client.name}"', 'post: "/e4/client/{client.nam}"', "client.nam is no"),
    ('post: "/e4/client/{client.name}"', 'post: "/e4/Client/{client.name}"', "bad segment"),
    ("{topic=**}/clients/count", "{topic=**}/{topic}", "a field after the **"),
    ('words: "client create"', 'words: "Client"', "no command"),
    ('words: "client remove"', 'words: "client create"', "is that of pb.C2.NewClient already"),
    ('field: "key"  kind: FLAG_KEY_FILE', 'field: "client.name"  kind: FLAG_KEY_FILE',
     "no fitting field"),
    ("int64 revision = 1 ", "double revision = 1 ", "a type the JSON form is not defined for"),
    ("string name = 1 ", "strin name = 1 ", "strin"),
    ('"Forget a client, its links and its place in topics."', '"Forget"', "no help"),
])
def test_what_can_not_work_is_refused(copy, old, new, says):
    done = copy(lambda text: text.replace(old, new, 1))
    assert done.returncode != 0
    assert says in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("old, new, says", [
    ('get: "/rules/{ruleId}"', 'get: "/rules/{ruleId=**}"', "ruleId is no fitting field"),
    ('field: "options.waves"  kind: FLAG_LIST', 'field: "options.force"  kind: FLAG_LIST',
     "options.force is no fitting field"),
    ('words: "rule list"', 'words: "client list"', "is that of pb.C2.GetClients already"),
    ("(e4.fails) = ABORTED", "(e4.fails) = DATA_LOSS", "DATA_LOSS"),
])
def test_what_can_not_work_in_the_other_service_is_refused(copy, old, new, says):
    done = copy(lambda text: text.replace(old, new, 1), "engine.proto")
    assert done.returncode != 0
    assert says in done.stderr and "Traceback" not in done.stderr


def test_messages_that_no_call_carries_are_not_documented(copy, tmp_path):
    done = copy(lambda text: text + 'message Inner { int32 n = 1 [(e4.about) = "A number."]; }\n',
                "engine.proto")
    assert done.returncode == 0, done.stderr
    assert "Pb__Inner" in (tmp_path / "gen/engine.pb-c.h").read_text()
    assert "Inner" not in (tmp_path / "api.md").read_text()
    assert '"Inner"' not in (tmp_path / "gen/openapi.json").read_text()


def references(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_the_openapi_document_holds_together():
    doc = json.loads((ROOT / "api/gen/openapi.json").read_text())
    for ref in references(doc):
        node = doc
        for part in ref.removeprefix("#/").split("/"):
            node = node[part]
    ids = []
    for path, verbs in doc["paths"].items():
        for operation in verbs.values():
            ids.append(operation["operationId"])
            assert operation["summary"] and "200" in operation["responses"]
            in_path = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert in_path == set(re.findall(r"\{([^}]+)\}", path))
    assert len(ids) == len(set(ids))


def test_every_method_of_the_description_is_documented():
    protos = [(ROOT / "api" / name).read_text() for name in ("c2.proto", "engine.proto")]
    names = {name for proto in protos for name in re.findall(r"\trpc (\w+)\(", proto)}
    docs = (ROOT / "docs/api.md").read_text()
    doc = json.loads((ROOT / "api/gen/openapi.json").read_text())
    ids = {op["operationId"] for verbs in doc["paths"].values() for op in verbs.values()}
    assert {n for n in names if f"### {n}\n" in docs} == names
    assert {n for n in names if n in ids} == names - {"SubscribeToEventStream"}
    assert {"HealthCheck", "C2AutomationEngineHealthCheck"} < ids
