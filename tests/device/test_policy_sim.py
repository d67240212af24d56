# SPDX-License-Identifier: Apache-2.0
"""swb-policy-sim: a fleet's days, from the command line."""

import os
import pathlib
import re
import subprocess
import xml.etree.ElementTree

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ["SWB_BUILD"]).resolve() / "src/bin/swb-policy-sim/swb-policy-sim"


def simulate(*args):
    return subprocess.run([PROGRAM, *map(str, args)], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, check=False)


def rows(text):
    """[[day, checks, found, downloads, installed, reboots, updated]]"""
    return [[int(word) for word in line.split()[:7]] for line in text.splitlines()
            if re.match(r" +\d+ +\d+ .*%$", line) and line.split()[7:]]


@pytest.fixture
def fleet(tmp_path):
    """A fleet's file with the sample device.conf; more lines as the test wants."""
    def make(text):
        (tmp_path / "device.conf").write_text((TOP / "data/device.conf").read_text())
        (tmp_path / "fleet.conf").write_text("[fleet]\nconfig = device.conf\ndevices = 200\ndays = 4\n"
                                             + text)
        return tmp_path / "fleet.conf"
    return make


def test_the_sample_fleet(tmp_path):
    picture = tmp_path / "days.svg"
    result = simulate(TOP / "data/fleet.conf", "--devices=300", f"--plot={picture}")
    assert result.returncode == 0 and result.stderr == ""
    days = rows(result.stdout)
    assert len(days) == 16
    assert sum(day[6] for day in days) == 300, "the deadline leaves nobody behind"
    assert all(27 * 300 * .9 < day[1] < 33 * 300 for day in days), "45 minutes between two checks"
    assert "always-on            210 of 210 updated" in result.stdout
    xml.etree.ElementTree.parse(picture)
    assert simulate(TOP / "data/fleet.conf", "--devices=300").stdout == result.stdout
    assert simulate(TOP / "data/fleet.conf", "--devices=300", "--seed=9").stdout != result.stdout


def test_who_is_not_updated_and_why(fleet):
    path = fleet("[group.a]\nmetered = always\n[group.b]\non = 12:00-12:01\n[group.c]\nbusy = always\n"
                 "[group.d]\ninhibit = 02:00-05:00\n")
    text = simulate(path).stdout
    assert "50  last held up before download, by metered" in text
    assert "50  never held up, but not done in time, or never asked the server" in text
    assert "50  last held up before reboot, by load" in text
    assert re.search(r"d +0 of 50 updated\n +50  last held up before reboot, by (window|inhibited)", text)


def test_an_outage_spreads_the_checks(fleet):
    quiet = rows(simulate(fleet("[group.all]\nshare = 1\n")).stdout)
    outage = rows(simulate(fleet("[release]\noutage-after = 1d\noutage-length = 1d\n[group.all]\nshare = 1\n")).stdout)
    assert outage[1][1] < quiet[1][1] / 3 and abs(outage[3][1] - quiet[3][1]) < quiet[3][1] / 10


@pytest.mark.parametrize("text, pattern", [
    ("[group.a]\nspeed = 3\n", r"fleet\.conf:6: \[group\.a\] speed: unknown key"),
    ("[group.a]\non = sometimes\n", r"fleet\.conf:6: \[group\.a\] on: 'sometimes'"),
    ("[group.a]\ntime-zone = Europe/Berlin\n", r"\[group\.a\] time-zone: 'Europe/Berlin'"),
    ("", r"there is no \[group\.NAME\]"),
    ("[group.a]\nrate = 0\n", r"\[group\.a\] rate: '0'"),
    ("devices = 0\n[group.a]\n", r"\[fleet\] devices: '0'"),
])
def test_bad_files_are_named(fleet, text, pattern):
    result = simulate(fleet(text))
    assert result.returncode == 1 and re.search(pattern, result.stderr), result.stderr
