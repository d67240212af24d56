# SPDX-License-Identifier: Apache-2.0
"""The virtual device: Debian's U-Boot, a real kernel, real resets. No engine here: the flags are
changed by fw_setenv, as a maker's own program would."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "demo" / "vm"))
os.environ["PATH"] += ":/usr/sbin:/sbin"
from virtual_device import VirtualDevice

MAKE = TOP / "tools" / "make-device"


@pytest.fixture(name="roots", scope="module")
def make_roots(tmp_path_factory):
    """good: a system that boots; no-kernel, no-init: it without one file."""
    folder = tmp_path_factory.mktemp("roots")
    roots = {"good": folder / "good.ext4"}
    subprocess.run([MAKE, "root", roots["good"], "--release=1.0.0"], check=True)
    for name, path in (("no-kernel", "/boot/kernel"), ("no-init", "/usr/sbin/init")):
        roots[name] = folder / f"{name}.ext4"
        shutil.copyfile(roots["good"], roots[name])
        subprocess.run(["debugfs", "-w", "-R", f"rm {path}", roots[name]], check=True,
                       stderr=subprocess.DEVNULL)
    return roots


@pytest.fixture(name="plug_in")
def make_plug_in(tmp_path, roots):
    """plug_in(root of A, root of B, flags) -> a running device."""
    devices = []

    def plug_in(a, b, flags):
        subprocess.run([MAKE, "disk", tmp_path / "disk.img", "--slot-size=64",
                        "--persistent-size=16", f"--root-a={roots[a]}", f"--root-b={roots[b]}",
                        f"--flags={flags}"], check=True)
        devices.append(VirtualDevice(tmp_path / "disk.img", tmp_path))
        devices[0].start()
        return devices[0]

    yield plug_in
    for device in devices:
        device.stop()


def flags_of(device):
    """{"A": "15/3/0", "B": …} as fw_printenv sees them inside."""
    lines = device.run("fw_printenv").splitlines()
    values = dict(line.split("=", 1) for line in lines if "=" in line)
    return {slot: "/".join(values[f"swb_{slot}_{field}"]
                           for field in ("priority", "tries", "successful")) for slot in "AB"}


def test_good_system_stays(plug_in):
    """A new system boots, is marked good, and is still there after the power was cut."""
    device = plug_in("good", "good", "A=14/0/1,B=15/3/0")
    assert device.wait_up() == ("1.0.0", "B")
    assert flags_of(device) == {"A": "14/0/1", "B": "15/2/0"}
    command_line = device.run("cat /proc/cmdline").split()
    assert {"swb.slot=B", "swb.boot=1", "ro"} <= set(command_line)
    assert " / ext4 ro" in device.run("cat /proc/mounts")
    device.run("fw_setenv swb_B_successful 1 && echo kept >/persistent/note && sync")
    device.cut_power()
    device.start()
    assert device.wait_up() == ("1.0.0", "B")
    assert flags_of(device) == {"A": "14/0/1", "B": "15/2/1"}
    assert device.run("cat /persistent/note").strip() == "kept"


def test_boot_loader_follows_fw_setenv(plug_in):
    device = plug_in("good", "good", "A=14/0/1,B=15/0/1")
    assert device.wait_up() == ("1.0.0", "B")
    device.run("fw_setenv swb_B_priority 13 && (sleep 1; reboot) &")
    assert device.wait_up() == ("1.0.0", "A")
    assert flags_of(device) == {"A": "14/0/1", "B": "13/0/1"}


def test_system_that_fails_is_left_when_its_tries_are_used_up(plug_in):
    device = plug_in("good", "no-init", "A=14/0/1,B=15/1/0")
    device.wait("Switchback: slot B, 0 tries left after this one")
    device.wait("initramfs: .* has no /sbin/init: rebooting")
    device.wait("Switchback: booting slot A")
    assert device.wait_up() == ("1.0.0", "A")
    assert flags_of(device) == {"A": "14/0/1", "B": "15/0/0"}


def test_system_without_kernel_is_left_at_once(plug_in):
    device = plug_in("good", "no-kernel", "A=14/0/1,B=15/3/0")
    device.wait("Switchback: slot B cannot be started")
    assert device.wait_up() == ("1.0.0", "A")
    assert flags_of(device) == {"A": "14/0/1", "B": "15/2/0"}
    assert device.console().count("U-Boot 20") == 1
