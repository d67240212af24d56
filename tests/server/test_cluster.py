# SPDX-License-Identifier: Apache-2.0
"""nginx, two nodes, one PostgreSQL, as `make demo-cluster` starts them."""

import pathlib
import subprocess

from server_tools import BUILD

TOP = pathlib.Path(__file__).resolve().parent.parent.parent


def test_restarts_and_a_kill_behind_nginx():
    result = subprocess.run([TOP / "demo/server-cluster", BUILD, "--try"], capture_output=True, text=True, timeout=300,
                            check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.count(": 0 errors at the clients") == 3
    assert "the stage has 50 places: 50 devices are admitted, 50 were told" in result.stdout
