"""e4keygen: file formats and refusals that existing scripts rely on."""

import json
import os
import pathlib
import stat
import subprocess

import pytest

from actors import E4KEYGEN as KEYGEN

ROOT = pathlib.Path(__file__).resolve().parents[2]
VECTORS = pathlib.Path(os.environ.get("E4_VECTORS", ROOT / "protocol" / "vectors"))
CASES = json.loads((VECTORS / "keygen.json").read_text())["cases"]
FILES = [c for c in CASES if "file" in c]


def keygen(*args):
    return subprocess.run([KEYGEN, *map(str, args)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=20, check=False)


def mode_of(path):
    return oct(stat.S_IMODE(path.stat().st_mode))


@pytest.mark.parametrize("dash", ["-", "--"])
@pytest.mark.parametrize("case", FILES, ids=lambda c: c["file"])
def test_writes_the_files_that_the_vectors_describe(case, dash, tmp_path):
    out = tmp_path / pathlib.Path(case["file"]).name
    run = keygen(f"{dash}type", case["type"], f"{dash}out", out)
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == case["stdout"].replace("DIR", str(tmp_path))
    assert (out.stat().st_size, mode_of(out)) == (case["size"], case["mode"])
    made = {out.name}
    if "public_file" in case:
        pub = tmp_path / pathlib.Path(case["public_file"]).name
        made.add(pub.name)
        assert (pub.stat().st_size, mode_of(pub)) == (case["public_size"], case["public_mode"])
        if case["type"] == "ed25519":
            assert out.read_bytes()[32:] == pub.read_bytes()
    assert {p.name for p in tmp_path.iterdir()} == made


@pytest.mark.parametrize("kind", ["ed25519", "curve25519"])
def test_the_public_file_belongs_to_the_private_one(kind, tmp_path):
    """Judged by OpenSSL, which shares no code with us."""
    out = tmp_path / "k"
    assert keygen("-type", kind, "-out", out).returncode == 0
    oid = {"ed25519": "302e020100300506032b657004220420",
           "curve25519": "302e020100300506032b656e04220420"}[kind]
    der = bytes.fromhex(oid) + out.read_bytes()[:32]
    pub = subprocess.run(["openssl", "pkey", "-inform", "DER", "-pubout", "-outform", "DER"],
                         input=der, capture_output=True, check=True).stdout
    assert pub[-32:] == (tmp_path / "k.pub").read_bytes()


def test_two_keys_differ(tmp_path):
    for name in "ab":
        assert keygen("-out", tmp_path / name).returncode == 0
    assert (tmp_path / "a").read_bytes() != (tmp_path / "b").read_bytes()


def test_refuses_to_overwrite_without_force(tmp_path):
    case = next(c for c in CASES if c["type"].startswith("refuse"))
    out = tmp_path / "symmetric_0.key"
    out.write_bytes(b"precious")
    run = keygen("-type", "symmetric", "-out", out)
    assert run.returncode == case["exit_code"]
    assert run.stderr == case["stderr"].replace("DIR", str(tmp_path))
    assert out.read_bytes() == b"precious"
    assert keygen("-type", "symmetric", "-out", out, "-force").returncode == 0
    assert (out.stat().st_size, mode_of(out)) == (32, "0o600")


def test_a_public_key_in_the_way_leaves_nothing_behind(tmp_path):
    out, pub = tmp_path / "k", tmp_path / "k.pub"
    pub.write_bytes(b"precious")
    run = keygen("-type", "ed25519", "-out", out)
    assert run.returncode == 1
    assert run.stderr == f"failed to write public key {pub}: open {pub}: file exists\n"
    assert not out.exists() and pub.read_bytes() == b"precious"


def test_refuses_an_unknown_type(tmp_path):
    case = next(c for c in CASES if c["type"] == "unknown type")
    run = keygen("-type", "rsa", "-out", tmp_path / "k")
    assert (run.returncode, run.stderr) == (case["exit_code"], case["stderr"])
    assert not list(tmp_path.iterdir())


def test_shows_usage_without_out():
    case = next(c for c in CASES if c["type"] == "no -out")
    run = keygen("-type", "symmetric")
    assert run.returncode == case["exit_code"]
    assert run.stderr.splitlines()[0] == case["stderr_first_line"]


@pytest.mark.parametrize("args", [["-nonsense"], ["stray"], ["-out"], ["-force=maybe", "-out", "x"],
                                  ["-out", "a", "-out", "b"]])
def test_bad_command_lines_are_refused(args, tmp_path):
    run = subprocess.run([KEYGEN, *args], capture_output=True, text=True, cwd=tmp_path,
                         timeout=20, check=False)
    assert run.returncode == 2 and "Usage of e4keygen:" in run.stderr
    assert not list(tmp_path.iterdir())


def test_says_which_folder_is_missing(tmp_path):
    run = keygen("-out", tmp_path / "none" / "k")
    assert run.returncode == 1
    assert run.stderr.startswith(f"failed to write private key {tmp_path}/none/k: ")


def test_does_not_follow_a_link_in_the_place_of_the_key(tmp_path):
    target, out = tmp_path / "target", tmp_path / "k"
    out.symlink_to(target)
    assert keygen("-out", out).returncode == 1
    assert not target.exists()
    assert keygen("-out", out, "-force").returncode == 0
    assert not target.exists() and not out.is_symlink()
