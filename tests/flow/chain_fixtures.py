# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the tests of the whole chain."""

import os
import pathlib

import pytest

from chain_bench import Chain
import chain_images

BUILD = pathlib.Path(os.environ["SWB_BUILD"]).resolve()


@pytest.fixture(scope="session")
def releases(tmp_path_factory, request):
    """Made once for all processes of a run; SWB_TEST_RELEASES=FOLDER keeps them for the next run."""
    folder = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):
        folder = folder.parent
    folder = pathlib.Path(os.environ.get("SWB_TEST_RELEASES", folder / "releases"))
    folder.mkdir(parents=True, exist_ok=True)
    return chain_images.releases(folder, BUILD)


@pytest.fixture
def chain(tmp_path, bus, releases):
    """Server and device, with 1.0 in slot A; nothing is published, the engine does not run."""
    chain = Chain(tmp_path / "chain", BUILD, bus, releases)
    try:
        chain.device.factory("1.0")
        yield chain
    finally:
        chain.close()


def pytest_terminal_summary(terminalreporter):
    """What tests have to tell although they passed."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties if report.when == "call" else ():
            terminalreporter.write_line(f"{report.nodeid}: {name}: {value}")
