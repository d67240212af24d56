# SPDX-License-Identifier: Apache-2.0
"""The playground, by a script instead of the keyboard."""

import os
import pathlib
import re
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent.parent


def play(folder, *commands):
    return subprocess.run([TOP / "demo" / "playground", "--devices=1", f"--folder={folder}",
                           os.environ["SWB_BUILD"]],
                          input="\n".join(commands) + "\n", capture_output=True, text=True,
                          timeout=400, check=False)


def test_a_release_and_a_bad_one(tmp_path):
    result = play(tmp_path, "release", "wait", "call 1", "bad", "why 1", "hangup 1", "wait", "history 1", "devices",
                  "quit", "never reached")
    assert result.returncode == 0, result.stdout + result.stderr
    text = result.stdout
    assert re.search(r"release 2\.0\.0, a good one: full-2 [\d.]+ MB, delta-1-2 [\d.]+ MB", text)
    assert re.search(r"room-1 +slot B +release 2\.0\.0 +idle *\n", text)
    assert re.search(r"room-1 +slot B +release 2\.0\.0 +idle +left 3\.0\.0", text)
    assert "no camera found" in text and "1.0.0 -> 2.0.0  complete" in text
    assert "never reached" not in text


def test_a_slip_ends_a_script(tmp_path):
    result = play(tmp_path, "status", "explode", "release")
    assert result.returncode == 1
    assert "no command 'explode'" in result.stdout and "2.0.0" not in result.stdout
    result = play(tmp_path, "pull 7")
    assert result.returncode == 1 and "no device '7'" in result.stdout
    (tmp_path / "log").rename(tmp_path / "photos")
    result = play(tmp_path, "status")
    assert result.returncode == 2 and "holds something else" in result.stderr
