# SPDX-License-Identifier: Apache-2.0
"""Whole devices on a private bus: fixtures of the flow tests."""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from flow_bus import Bus  # noqa: E402
from flow_device import Device  # noqa: E402
from chain_fixtures import chain, pytest_terminal_summary, releases  # noqa: E402,F401
from flow_server import Server, Workshop  # noqa: E402

BUILD = pathlib.Path(os.environ["SWB_BUILD"]).resolve()


@pytest.fixture
def build():
    return BUILD


@pytest.fixture
def bus(tmp_path):
    bus = Bus(tmp_path).start()
    yield bus
    bus.stop()


@pytest.fixture
def make_device(tmp_path, bus):
    """make_device(name="device", **options of Device): a device on the bus, ended with the test."""
    devices = []

    def make(name="device", **options):
        devices.append(Device(tmp_path / name, BUILD, bus, **options))
        return devices[-1]

    yield make
    for device in devices:
        device.close()


@pytest.fixture
def server(tmp_path):
    """A real server that runs and has nothing to offer yet."""
    server = Server(tmp_path / "server", BUILD).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def workshop(tmp_path_factory):
    """One for all tests of a process: what was made once is not made again."""
    return Workshop(tmp_path_factory.mktemp("workshop"), BUILD)


@pytest.fixture
def device(make_device):
    """A factory-new device with version 1.0 in slot A and fake workers, not started."""
    device = make_device()
    device.factory("1.0")
    return device
