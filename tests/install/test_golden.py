# SPDX-License-Identifier: Apache-2.0
"""The payloads of tests/golden, good and bad, through the device's code."""

import hashlib
import pathlib
import subprocess

import pytest

from conftest import BUILD

CASES = pathlib.Path(__file__).resolve().parent.parent / "golden" / "payload"


def lines_of(path):
    return path.read_text().splitlines() if path.exists() else []


def install(case, folder):
    arguments = [f"--key={CASES / key}" for key in lines_of(case / "key")]
    arguments += [f"--folder={folder}", case / "payload"]
    for line in lines_of(case / "old"):
        name, image = line.split("=")
        arguments.append(f"{name}={CASES / 'images' / image}")
    return subprocess.run([BUILD / "tests" / "install" / "golden-install", *arguments],
                          capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("case", sorted((CASES / "good").iterdir()), ids=lambda case: case.name)
def test_good(case, tmp_path):
    result = install(case, tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("case", sorted((CASES / "bad").iterdir()), ids=lambda case: case.name)
def test_bad(case, tmp_path):
    want = dict(line.split("=", 1) for line in lines_of(case / "expect"))["fault"]
    if case.name in ("target-hash", "tree-salt-other", "fec-other"):
        want = "readback"  # that is how a device finds it
    result = install(case, tmp_path)
    assert (result.returncode, result.stderr) == (1, "")
    assert result.stdout.startswith(f"refused {want}: ")
