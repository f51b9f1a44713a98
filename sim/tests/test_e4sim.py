"""e4sim as operators use it: its options, its outputs, the same run for the same seed."""

import json
import os
import pathlib
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

PROGRAM = pathlib.Path(os.environ["E4_BUILD"]) / "sim" / "e4sim"
FLEET = ["--fleet", "200", "--days", "2", "--offline", "40%"]


def e4sim(*args):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL)


def test_one_seed_prints_one_report_byte_for_byte():
    options = [*FLEET, "--broker", "aws", "--lossy", "2%", "--power-loss", "10%", "--seed", "9",
               "--no-clocks", "5%", "--wrong-clocks", "5%", "--c2-crash", "12h"]
    first, second, other = e4sim(*options), e4sim(*options), e4sim(*options[:-1], "11h")
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    assert first.stdout != other.stdout


def test_shards_print_one_report_byte_for_byte():
    first, second = (e4sim(*FLEET, "--shards", "3", "--json") for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert first.stdout == second.stdout
    report = json.loads(first.stdout)
    assert report["devices"] == 200
    assert report["device_rotations"] == 200 * report["rotations"]


def test_json_has_the_figures_of_the_report():
    report = json.loads(e4sim(*FLEET, "--json", "--legacy", "10%").stdout)
    assert report["rotations"] == 2
    assert 0 < report["legacy"] < 60
    assert report["end_without_keys"] == report["end_unconfirmed"] == 0
    waits = report["reachable_ms"]
    assert 0 < waits["50%"] <= waits["90%"] <= waits["99%"]
    assert report["all_ms"]["n"] + report["unreachable"] + report["missed"] == 400


def rotated(*options, fleet="300"):
    run = e4sim("--fleet", fleet, "--json", *options)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_rotations_come_when_they_shall_and_each_is_told():
    report = rotated("--days", "3", "--rotate-at", "30m,1d,40h")
    assert [e["at_s"] for e in report["each"]] == [1800, 86400, 144000]
    assert report["rotations"] == 3 and report["device_rotations"] == 900
    for each in report["each"]:
        assert (each["online"], each["have"], each["at_risk"]) == (300, 300, 0)
        assert 0 < each["50%_ms"] <= each["99%_ms"] <= each["reached_ms"] < 60_000
    assert report["at_risk"] == 0 and report["unread_ppm"] < 100


def test_who_is_away_for_longer_than_between_rotations_is_at_risk():
    away = ["--offline", "40%", "--away-for", "2h,4h,6h,8h,10h,12h,14h,16h,18h,20h"]
    often, rarely = (rotated("--days", "4", *away, "--rotate-at", at)
                     for at in ("24h,28h,32h,36h", "20h,45h,70h,95h"))
    assert often["each"][0]["at_risk"] == 0
    # Of those away, as many as have been so for four hours, and those who then came and went.
    for each in often["each"][2:]:
        assert 0.4 * 0.8 * 300 * 0.8 < each["at_risk"] < 0.4 * 0.8 * 300 * 1.2
    assert rarely["at_risk"] == 0
    again = rotated("--days", "4", *away, "--rotate-at", "24h,28h,32h,36h")
    assert again == often


def test_messages_are_unread_while_devices_wait_for_keys():
    """A lost key is sent again after the receipt did not come: until then nothing can be read."""
    lossy = ["--days", "1", "--rotate-at", "1h", "--topics", "2", "--lossy", "20%"]
    short = rotated(*lossy)
    long = rotated(*lossy, "--receipt-wait", "30m")
    assert 0 < short["unread_ppm"] < long["unread_ppm"] < 500_000
    none = rotated("--days", "1", "--rotate", "never")
    assert none["each"] == [] and none["unread_ppm"] == 0


def test_the_picture_is_svg(tmp_path):
    path = tmp_path / "plot.svg"
    assert e4sim(*FLEET, "--svg", path).returncode == 0
    root = ElementTree.parse(path).getroot()
    lines = root.findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 6
    assert all(len(line.get("points").split()) > 100 for line in lines)


def test_the_database_may_be_a_file(tmp_path):
    path = tmp_path / "c2.db"
    assert e4sim("--fleet", "50", "--days", "1", "--sqlite", path).returncode == 0
    assert path.read_bytes().startswith(b"SQLite format 3")
    again = e4sim("--fleet", "50", "--days", "1", "--sqlite", path)
    assert again.returncode == 2
    assert "is there already" in again.stderr


@pytest.mark.parametrize("options, says", [
    (["--offline", "140%"], "--offline takes a share from 0% to 100%"),
    (["--offline", "-1%"], "--offline takes a share"),
    (["--offline", "nan"], "--offline takes a share"),
    (["--offline", "100%"], "at most 99%"),
    (["--fleet", "0"], "--fleet takes a number from 1"),
    (["--fleet", "many"], "--fleet takes a number from 1"),
    (["--rotate", "often"], "--rotate takes hourly, daily"),
    (["--rotate", "0s"], "--rotate takes hourly, daily"),
    (["--rotate-at", "1h,often"], "--rotate-at takes a time"),
    (["--rotate-at", "2h,1h"], "--rotate-at takes times that rise"),
    (["--rotate-at", "1h,,2h"], "--rotate-at takes a time"),
    (["--rotate-at", "1h", "--rotate", "daily"], "say the same thing"),
    (["--rotate-at", ",".join(f"{i}h" for i in range(1, 1002))], "at most 1000 times"),
    (["--away-for", "2h,1h"], "--away-for takes times that rise"),
    (["--away-for", "2h", "--sleep", "1h"], "say the same thing"),
    (["--sleep", "5y"], "--sleep takes a time"),
    (["--sleep", "99999999999999999999h"], "--sleep takes a time"),
    (["--broker", "pigeon"], "--broker is one of mosquitto"),
    (["--per-device", "3", "--topics", "2"], "--per-device is more than --topics"),
    (["--retry-max", "1s"], "--retry-max is less than --receipt-wait"),
    (["--shards", "2", "--fleet", "1"], "more --shards than devices"),
    (["--days"], "--days needs a value"),
    (["--dayz", "3"], "unknown option --dayz"),
    (["100"], 'unexpected word "100"'),
    (["--svg", "/nowhere/plot.svg"], "/nowhere/plot.svg cannot be written"),
])
def test_what_cannot_be_is_refused_with_a_reason(options, says):
    done = e4sim(*options)
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""


def test_help_names_every_option():
    done = e4sim("--help")
    assert done.returncode == 0
    for word in ("--fleet", "--offline", "--rotate", "--svg", "--json", "--seed", "--broker"):
        assert word in done.stdout
    assert e4sim("--version").stdout.startswith("e4sim ")
