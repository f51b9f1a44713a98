"""./run as people use it: tools/demo.sh with data of its own, in both modes."""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess

import pytest

from actors import BUILD, ROOT, wait_until

MODES = ["symmetric", "pubkey"]


def command(folder, mode, *more):
    return [ROOT / "tools" / "demo.sh", *(["pubkey"] if mode == "pubkey" else []), "--data", folder,
            *more]


def environment():
    return {**os.environ, "E4_BUILD": str(BUILD)}


def run_once(folder, mode, *more):
    return subprocess.run(command(folder, mode, "--once", *more), capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, env=environment(), timeout=120)


def processes_in(folder):
    """What works in the folder or names it: the programs that a run has started."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes()
            there = os.readlink(process / "cwd").startswith(str(folder))
            if words and (there or os.fsencode(folder) in words):
                found.append(words.replace(b"\0", b" ").decode(errors="replace"))
    return found


class Run:
    """./run in the background, as in a terminal of its own."""

    def __init__(self, folder, mode, *more):
        self.folder = folder
        self.log = folder.with_suffix(".log")
        with self.log.open("wb") as log:
            self.child = subprocess.Popen(command(folder, mode, *more), stdout=log, stderr=log,
                                          stdin=subprocess.DEVNULL, env=environment(),
                                          start_new_session=True)

    def wait_text(self, text, timeout=60):
        wait_until(lambda: text in self.log.read_text() or self.child.poll() is not None, timeout,
                   f"{text} in {self.log.read_text()}")
        assert text in self.log.read_text()

    def interrupt(self):
        """Ctrl-C: the terminal tells every process of its foreground group."""
        os.killpg(self.child.pid, signal.SIGINT)
        return self.child.wait(30)

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            self.child.kill()
        self.child.wait()


def assert_nothing_is_left(folder):
    wait_until(lambda: not processes_in(folder), 20, f"nothing runs: {processes_in(folder)}")
    assert not list(folder.glob("*/*.in")), "pipes are left"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data of a run"


@pytest.mark.parametrize("mode", MODES)
def test_a_run_shows_messages_a_rotation_and_a_device_shut_out(folder, mode):
    done = run_once(folder, mode)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert done.stdout.count("reads  21.") == 3
    assert done.stdout.count("cannot read it: no key for this topic") == 1
    assert "2 of 2 confirmed" in done.stdout
    for line in done.stdout.splitlines():
        assert len(line) <= 100 and "\033" not in line
    assert_nothing_is_left(folder)


@pytest.mark.parametrize("mode", MODES)
def test_a_second_run_goes_on_with_the_data_of_the_first(folder, mode):
    assert run_once(folder, mode).returncode == 0
    kept = {f: (folder / mode / f).read_bytes() for f in ["passphrase", "sensor.key"]}
    again = run_once(folder, mode)
    assert again.returncode == 0, again.stdout + again.stderr
    assert kept == {f: (folder / mode / f).read_bytes() for f in kept}
    anew = run_once(folder, mode, "--fresh")
    assert anew.returncode == 0, anew.stdout + anew.stderr
    assert kept["sensor.key"] != (folder / mode / "sensor.key").read_bytes()


def test_two_runs_on_the_same_data_do_not_meet(folder):
    first = Run(folder, "symmetric")
    try:
        first.wait_text("reading 1")
        second = run_once(folder, "symmetric", "--fresh")
        assert second.returncode == 1 and "at work already" in second.stderr
        other_mode = run_once(folder, "pubkey")
        assert other_mode.returncode == 0, other_mode.stdout + other_mode.stderr
        first.wait_text("reading 2")
        assert first.interrupt() == 0
        assert_nothing_is_left(folder)
    finally:
        first.kill()


@pytest.mark.parametrize("moment", ["E4 at work", "1. A protected", "3. display", "reading 1"])
def test_ctrl_c_leaves_no_process_at_any_moment(folder, moment):
    run = Run(folder, "symmetric")
    try:
        run.wait_text(moment)
        run.interrupt()
        assert_nothing_is_left(folder)
        assert "No such file" not in run.log.read_text()
    finally:
        run.kill()


def test_a_killed_run_takes_its_programs_with_it(folder):
    run = Run(folder, "pubkey")
    run.wait_text("reading 1")
    run.kill()
    wait_until(lambda: not processes_in(folder), 20, f"nothing runs: {processes_in(folder)}")
    assert run_once(folder, "pubkey").returncode == 0


def test_ports_that_are_taken_are_left_to_their_owners(folder):
    with contextlib.ExitStack() as held:
        for port in 1883, 5555, 8888:
            with contextlib.suppress(OSError):  # somebody else holds it: just as well
                held.enter_context(socket.create_server(("127.0.0.1", port)))
        done = run_once(folder, "symmetric")
    assert done.returncode == 0, done.stdout + done.stderr
    for port in 1883, 5555, 8888:
        assert f"127.0.0.1:{port}" not in done.stdout


def test_a_folder_that_is_something_else_is_not_removed(folder):
    (folder / "symmetric").mkdir(parents=True)
    (folder / "symmetric" / "letters").write_text("dear")
    done = run_once(folder, "symmetric", "--fresh")
    assert done.returncode == 1 and "not removed" in done.stderr
    assert (folder / "symmetric" / "letters").read_text() == "dear"
