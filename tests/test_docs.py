"""The commands of docs/*.md and client/README.md, as they are printed."""

import os
import shlex
import shutil
import signal
import subprocess

import pytest

from actors import BUILD, ROOT, Broker, Server, free_port, port_open, wait_until

MODES = ["symmetric", "pubkey"]
PAGE = (ROOT / "docs" / "operating.md").read_text()
LIBRARY = (ROOT / "client" / "README.md").read_text()
API = (ROOT / "docs" / "api.md").read_text()

DATABASE = (ROOT / "docs" / "database.md").read_text()
RULES = (ROOT / "docs" / "rules.md").read_text()


def blocks(section, page=PAGE):
    """The indented blocks below a heading, in order."""
    text = page.split(f"# {section}\n", 1)[1].split("\n## ", 1)[0]
    found, block = [], []
    for line in [*text.splitlines(), ""]:
        if line.startswith("    "):
            block.append(line[4:])
        elif block:
            found.append("\n".join(block))
            block = []
    return found


def commands(section):
    return [b for b in blocks(section) if not b.startswith("[")]


def settings(section):
    return [b for b in blocks(section) if b.startswith("[")]


class Shell:
    """A folder, and the programs in the path; c2cli finds the server without being told."""

    def __init__(self, folder, endpoint=None):
        self.folder = folder
        shims = folder / "bin"
        shims.mkdir()
        if endpoint:
            shim = shims / "c2cli"
            shim.write_text(f'#!/bin/sh\nexec {BUILD}/cli/c2cli --endpoint {endpoint} "$@"\n')
            shim.chmod(0o755)
        self.path = f"{shims}:{BUILD}/c2:{BUILD}/cli:{os.environ['PATH']}"
        self.env = {**os.environ, "PATH": self.path}

    def run(self, text):
        """Every line has to succeed; what they print."""
        done = subprocess.run(["sh", "-euc", text], cwd=self.folder, env=self.env, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=120)
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        return done.stdout

    def start(self, text, **options):
        words = shlex.split(text, comments=True)
        words[0] = shutil.which(words[0], path=self.path)
        return subprocess.Popen(words, cwd=self.folder, env=self.env, **options)


def start_device(shell, line, port, mode):
    """e4client as printed, with what the text before it says of public-key mode."""
    line = line.replace("127.0.0.1:1883", f"127.0.0.1:{port}")
    if mode == "pubkey":
        assert "-pubkey -c2PubKey c2.pub" in PAGE
        line += " -pubkey -c2PubKey c2.pub"
    return shell.start(line, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize("mode", MODES)
def test_enrolling_rotating_and_detaching_go_as_printed(tmp_path, broker, mode):
    (tmp_path / "c2").mkdir()
    server = Server(tmp_path / "c2", broker.port, mode).start()
    shell = Shell(tmp_path, f"127.0.0.1:{server.grpc_port}")
    symmetric, pubkey, reader, device, status = commands("Enrol a device, give it a topic")
    devices = []
    try:
        if mode == "symmetric":
            shell.run(symmetric)
            shell.run(symmetric.replace("sensor", "display").replace(
                "c2cli topic create --name plant/temperature", "c2cli topic list"))
        else:
            shell.run(pubkey)
            shell.run(reader)
        for name in "sensor", "display":
            devices.append(start_device(shell, device.replace("sensor", name), broker.port, mode))
        assert "confirmed" in shell.run(status)
        [many] = commands("Many devices at once")
        shown = shell.run(many)
        assert "pump1" in shown and "rotatedTopics  1" in shown
        rotate, one = commands("Rotate a key, and know who has it")
        assert "2 of 2 confirmed" in shell.run(rotate)
        assert "CLIENT_CONFIRMED" in shell.run(one)
        [detach] = commands("Take access away")
        assert "rotatedTopics" in shell.run(detach)
        assert shell.run("c2cli topic list-clients --name plant/temperature") == "sensor\n"
        new_key, new_c2_key = commands("A device's own key")
        shell.run(new_key)
        shell.run(status)
        if mode == "pubkey":
            shell.run(new_c2_key)
            shell.run(status)
    finally:
        for process in devices:
            process.kill()
            process.wait()
        server.kill()


def placed(text, folder, http, grpc, broker_port):
    """The text with folders and ports of the test instead of those of a machine."""
    for old, new in [("/etc/e4", f"{folder}/etc"), ("/var/lib/e4", f"{folder}/lib"),
                     (":8888", f":{http}"), (":5555", f":{grpc}"), (":1883", f":{broker_port}")]:
        text = text.replace(old, new)
    return text


@pytest.fixture
def place(tmp_path):
    """A broker, and a function that puts texts in their place."""
    broker = Broker(tmp_path).start()
    http, grpc = free_port(), free_port()
    yield lambda text: placed(text, tmp_path, http, grpc, broker.port), http, grpc
    broker.kill()


def stop(process):
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_the_first_start_and_the_setup_of_tls_and_tokens_go_as_printed(tmp_path, place):
    put, http, grpc = place
    shell = Shell(tmp_path, f"127.0.0.1:{grpc}")
    prepare, start, look = commands("Start")
    check, serve = start.splitlines()
    shell.run(put(prepare))
    config = tmp_path / "etc" / "c2.conf"
    local = f"[http]\nlisten = 127.0.0.1:{http}\n[grpc]\nlisten = 127.0.0.1:{grpc}\n"
    sample = config.read_text()
    config.write_text(sample + put(settings("Start")[0]) + "\n" + local)
    assert "good" in shell.run(put(check))
    process = shell.start(put(serve), stderr=subprocess.DEVNULL)
    wait_until(lambda: port_open(grpc), 20, "c2 listens")
    assert "OK" in shell.run(look)
    stop(process)

    make, call = commands("Who may call it")
    shell.run(put(make))
    assert (tmp_path / "etc" / "tokens").stat().st_mode & 0o077 == 0
    config.write_text(sample + put(settings("Start")[0]) + "\n"
                      + put(settings("Who may call it")[0]) + "\n")
    shell.run(put(check))
    process = shell.start(put(serve), stderr=subprocess.DEVNULL)
    wait_until(lambda: port_open(grpc), 20, "c2 listens")
    # Not through the shim, which names an address of its own.
    call = call.replace("c2cli", f"{BUILD}/cli/c2cli").replace("\\\n", "")
    assert '"clients":[]' in shell.run(put(f"cd /etc/e4\n{call}"))
    stop(process)


def test_the_database_is_looked_after_as_printed(tmp_path, place):
    put, http, grpc = place
    shell = Shell(tmp_path, f"127.0.0.1:{grpc}")
    shell.run(put(commands("Start")[0]))
    config = tmp_path / "etc" / "c2.conf"
    config.write_text(config.read_text() + put(settings("Start")[0])
                      + f"\n[http]\nlisten = 127.0.0.1:{http}\n[grpc]\nlisten = 127.0.0.1:{grpc}\n")
    serve = put("c2 --config /etc/e4/c2.conf")

    def started():
        process = shell.start(serve, stderr=subprocess.DEVNULL)
        wait_until(lambda: port_open(grpc), 20, "c2 listens")
        return process

    process = started()
    shell.run("c2cli topic create --name plant/temperature")
    shell.run(put(blocks("Backup", DATABASE)[0]))
    stop(process)
    restore, status = blocks("Restore", DATABASE)
    shell.run(put(restore))
    shell.run(put("mv /var/lib/e4/new.db /var/lib/e4/c2.db"))
    process = started()
    shell.run(status)
    stop(process)
    shell.run(put(blocks("A new master key", DATABASE)[0]))
    assert "nothing to do" in shell.run(put(blocks("A new version", DATABASE)[0]))
    process = started()
    shell.run(status)
    stop(process)


def test_the_api_answers_curl_as_printed(tmp_path, c2):
    [calls] = blocks("The API of the key server", API)
    answers = Shell(tmp_path).run(calls.replace(":8888", f":{c2.http_port}"))
    assert "error" not in answers and answers.endswith('{"clients":[{"name":"sensor"}]}'), answers
    assert '"members":"1"' in answers


def test_rules_are_made_as_printed(tmp_path, c2):
    shell = Shell(tmp_path, f"127.0.0.1:{c2.grpc_port}")
    make, look, use, keep = blocks("A first rule", RULES)
    shell.run(make)
    shown = shell.run(look)
    assert "plant, weekly" in shown and "trigger 3" in shown and "matches 1" in shown
    assert "unchanged  1" in shell.run(keep)
    [waves] = blocks("Rotation in waves", RULES)
    assert "1%, 10%, 100%" in shell.run(waves)
    [calls] = blocks("By HTTP", RULES)
    answers = shell.run(calls.replace(":8888", f":{c2.http_port}"))
    assert '"error"' not in answers and answers.count('"description":"weekly"') == 2
    assert "paused" in shell.run(use)


@pytest.mark.parametrize("section", ["Without a key server", "One file"])
def test_the_library_is_built_by_hand_as_printed(tmp_path, section):
    folder = tmp_path / "client"
    shutil.copytree(ROOT / "client", folder, ignore=shutil.ignore_patterns("tests"))
    (tmp_path / "tools").mkdir()
    for name in "meson.build", "tools/amalgamate.py":
        shutil.copy(ROOT / name, tmp_path / name)
    [build] = blocks(section, LIBRARY)
    done = subprocess.run(["sh", "-euc", build], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0 and "21.5 C" in done.stdout, done.stderr


def test_what_is_installed_is_found_by_a_compiler(tmp_path):
    env = {**os.environ, "DESTDIR": str(tmp_path)}
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet"], env=env,
                   check=True, capture_output=True)
    [pc] = tmp_path.glob("usr/local/lib*/**/pkgconfig")
    env |= {"PKG_CONFIG_PATH": str(pc), "PKG_CONFIG_SYSROOT_DIR": str(tmp_path)}
    build = "cc -o device $0 $(pkg-config --cflags --libs e4host) && ./device"
    example = ROOT / "client" / "examples" / "fixed_keys.c"
    done = subprocess.run(["sh", "-euc", build, example], cwd=tmp_path, env=env, text=True,
                          capture_output=True)
    assert done.returncode == 0 and "21.5 C" in done.stdout, done.stderr
    for page in "man8/c2.8", "man1/c2cli.1", "man1/c2ae-cli.1", "man1/e4client.1", "man1/e4keygen.1":
        text = (tmp_path / "usr/local/share/man" / page).read_text()
        assert ".SH NAME" in text and "\n@" not in text
    for program in "c2", "c2cli", "c2ae-cli", "e4client", "e4keygen":
        done = subprocess.run([tmp_path / "usr/local/bin" / program, "--help"],
                              capture_output=True, text=True)
        assert "Usage" in done.stdout + done.stderr
