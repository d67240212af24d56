# SPDX-License-Identifier: Apache-2.0
"""Finding and running the device's programs."""

import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

BUILD = pathlib.Path(os.environ["SWB_BUILD"]).resolve()


@pytest.fixture
def program():
    """program(name, *args): runs it, returns the finished process (bytes)."""
    def run(name, *args, timeout=60, **options):
        command = [str(BUILD / "src" / "bin" / name / name), *map(str, args)]
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        environment = {key: value for key, value in os.environ.items()
                       if not key.lower().endswith("_proxy")}
        return subprocess.run(command, stderr=subprocess.PIPE, timeout=timeout, check=False,
                              env=environment, **options)
    return run
