# SPDX-License-Identifier: Apache-2.0
"""An update of the virtual device over a real network: engine, server, U-Boot, kernel, resets."""

import json
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import scene
from virtual_device import VirtualDevice


@pytest.fixture(name="releases", scope="module")
def make_releases(tmp_path_factory):
    """Folder with release-1.ext4 to release-3.ext4, deltas between them, and the key. The third does
    not come up."""
    folder = tmp_path_factory.mktemp("releases")
    scene.make_first_release(folder)
    scene.make_second_release(folder)
    scene.change(folder / "release-2.ext4", folder / "release-3.ext4", "3.0.0",
                 remove=["/usr/sbin/init"])
    scene.pack_delta(folder, 1, 2)
    scene.pack_delta(folder, 2, 3)
    return folder


@pytest.fixture(name="server")
def make_server(releases, tmp_path):
    server = scene.Server(releases, tmp_path)
    yield server
    server.stop()


@pytest.fixture(name="device")
def make_device(releases, server, tmp_path):
    """On release 1 in slot A; slot B is empty."""
    scene.make_disk(tmp_path / "device.img", releases, server, tries=2)
    with VirtualDevice(tmp_path / "device.img", tmp_path) as device:
        yield device


def flags_of(device):
    """{"A": [priority, tries, successful], "B": …} by fw_printenv in the device."""
    values = dict(line.split("=", 1) for line in device.run("fw_printenv").split())
    return {slot: [int(values[f"swb_{slot}_{field}"])
                   for field in ("priority", "tries", "successful")] for slot in "AB"}


def wait_for_bytes(device, wanted, seconds=180):
    """Until so much of the payload has come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        status = json.loads(device.run("swbctl status --json"))
        if status["bytes_done"] >= wanted:
            return
        time.sleep(0.2)
    raise AssertionError(f"{status['bytes_done']} bytes after {seconds} s: {status}")


def test_update_with_a_power_cut_then_a_release_that_fails(device, server):
    server.publish("delta-2")
    server.start()
    device.start()
    assert device.wait_up() == ("1.0.0", "A")

    # The plug is pulled in the middle of the download; it goes on where it was.
    device.wait("swbd: .*checking -> downloading")
    wait_for_bytes(device, scene.BLOB_BYTES // 2)
    device.cut_power()
    device.start()
    assert device.wait_up() == ("1.0.0", "A")
    assert int(device.wait(r"swbd: .*resuming at byte (\d+)")[1]) > 1 << 20
    device.wait("swbd: .*version 2.0.0 is installed in slot B")

    # Into the new release, on trial, until the health checks have passed.
    device.wait("Switchback: slot B, 1 tries left after this one")
    assert device.wait_up() == ("2.0.0", "B")
    device.wait("swbd: .*slot B is marked good")
    assert flags_of(device)["B"][2] == 1

    # A call is going on when a forced update comes: it is downloaded, and nothing else, until the call ends.
    device.run("swbctl inhibit --gates=install:reboot --who=phone --why='a call is on' --max=1h -- "
               "sh -c 'until [ -e /run/hung-up ]; do sleep 0.2; done' >/dev/null 2>&1 &")
    device.wait("swbd: .*'phone' inhibits: a call is on")
    server.publish("delta-3", "--deadline=now")
    device.wait("swbd: .*install: not now, inhibited: .*phone")
    status = json.loads(device.run("swbctl status --json"))
    assert status["state"] == "held" and status["bytes_done"] == status["bytes_total"] > 0
    assert flags_of(device)["A"] == [0, 0, 0], "the other slot was made bootable during a call"
    assert "version 3.0.0 is installed" not in device.console()

    # A release that does not come up uses up its tries, is left, and is not taken again.
    device.run("touch /run/hung-up")
    device.wait("swbd: .*version 3.0.0 is installed in slot A")
    for left in (1, 0):
        device.wait(f"Switchback: slot A, {left} tries left after this one")
        device.wait("initramfs: .* has no /sbin/init: rebooting")
    device.wait("Switchback: booting slot B")
    assert device.wait_up() == ("2.0.0", "B")
    device.wait("swbd: .*checking -> idle")
    assert flags_of(device)["A"][1] == 0 and flags_of(device)["B"][2] == 1
    device.wait("swbd: .*checking -> idle")
    assert "3.0.0 into slot" not in device.console()[device.console().rindex("booting slot B"):]
