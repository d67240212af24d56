# SPDX-License-Identifier: Apache-2.0
"""The list of cases that run in the plain build only: what a line means, and that it has not outlived its test."""

import os
import pathlib
import subprocess
import sys

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
PLUGIN = TOP / "tools" / "pytest"
sys.path.insert(0, str(PLUGIN))

import plain_only  # noqa: E402  pylint: disable=wrong-import-position

LINES = plain_only.rules("""# comment
tests/a/test_x.py::test_y[*big*
!tests/a/test_x.py::test_y[big-1]
tests/a/test_z.py::*
""")
AREAS = sorted({line.removeprefix("!").split("/")[1]
                for _, _, line in plain_only.rules(plain_only.LIST.read_text())})


@pytest.mark.parametrize("name, out", [("tests/a/test_x.py::test_y[2-big]", True), ("tests/a/test_x.py::test_y[big-1]", False),
                                       ("tests/a/test_x.py::test_y[big-11]", True), ("tests/a/test_x.py::test_y", False),
                                       ("tests/a/test_z.py::test_1", True), ("tests/b/test_z.py::test_1", False)])
def test_lines(name, out):
    assert plain_only.is_left_out(name, LINES) is out


def test_a_line_without_a_case_is_named():
    assert plain_only.idle(["tests/a/test_z.py::test_1"], LINES, {"a"}) == [line for _, _, line in LINES[:2]]
    assert not plain_only.idle(["tests/b/test_z.py::test_1"], LINES, {"b"})
    assert not plain_only.idle(["tests/a/test_z.py::test_1"], LINES, set())


def collect(what, folder):
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider", "-p", "plain_only",
                           what], cwd=folder, env=os.environ | {"PYTHONPATH": str(PLUGIN)}, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode in (0, pytest.ExitCode.NO_TESTS_COLLECTED), done.stdout[-2000:]
    return done.stdout


@pytest.mark.parametrize("what, folder", [("tests/pack/test_verity.py", "."), ("test_verity.py", "tests/pack"),
                                          ("test_verity.py::test_full_payload", "tests/pack")])
def test_single_files(what, folder):
    out = collect(what, TOP / folder)
    assert "test_full_payload" in out and "-16385]" not in out


@pytest.mark.parametrize("area", AREAS)
def test_every_line_fits_a_case(area):
    collect(f"tests/{area}", TOP)
