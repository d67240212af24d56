# SPDX-License-Identifier: Apache-2.0
"""Whole updates with the flags in a partition table, and in GRUB's files."""

import os
import re
import shutil
import subprocess

import pytest

from flow_device import Device


def tool(name, *args):
    path = shutil.which(name, path=os.environ["PATH"] + ":/sbin:/usr/sbin")
    assert path, f"{name} is missing: install gdisk, cgpt and grub-common"
    return subprocess.run([path, *map(str, args)], capture_output=True, text=True, check=True,
                          timeout=30, stdin=subprocess.DEVNULL).stdout


class GptDevice(Device):
    def __init__(self, folder, build, bus):
        super().__init__(folder, build, bus, backend="gpt")
        self.disk = folder / "disk.img"
        with self.disk.open("wb") as file:
            file.truncate(1 << 20)
        tool("sgdisk", "-n", "1:40:+64K", "-n", "2:0:+64K", self.disk)
        self.place = f"{self.disk}:1:2"
        self.set("boot", place=self.place)

    def flags(self):
        return {slot: tuple(int(tool("cgpt", "show", "-i", number, option, self.disk))
                            for option in ("-P", "-T", "-S")) for slot, number in (("A", 1), ("B", 2))}

    def forget_flags(self):
        tool("sgdisk", *(f"-A{number}:clear:{bit}" for number in (1, 2) for bit in range(48, 57)),
             self.disk)

    def spoil_copy(self):
        with self.disk.open("r+b") as file:
            file.seek(512)
            file.write(b"spoilt")


class GrubDevice(Device):
    def __init__(self, folder, build, bus):
        super().__init__(folder, build, bus, backend="grub")
        self.files = [folder / "swb-1.env", folder / "swb-2.env"]
        self.place = ":".join(map(str, self.files))
        self.set("boot", place=self.place)

    def copies(self):
        """None while one of them is being written."""
        found = []
        for path in self.files:
            text = tool("grub-editenv", path, "list")
            values = dict(re.findall(r"^swb_(\w+)=(\d+)$", text, re.M))
            if "begin" not in values or values["begin"] != values.get("end") or path.stat().st_size != 1024:
                return None
            found.append(values)
        return found

    def flags(self):
        newest = {}
        for values in self.wait(self.copies, "both copies whole"):
            if not newest or int(values["begin"]) == (int(newest["begin"]) + 1) % 3:
                newest = values
        return {slot: tuple(int(newest[f"{slot}_{name}"])
                            for name in ("priority", "tries", "successful")) for slot in "AB"}

    def forget_flags(self):
        for path in self.files:
            path.unlink(missing_ok=True)
            tool("grub-editenv", path, "create")

    def spoil_copy(self):
        self.files[1].write_bytes(b"")


@pytest.fixture(params=[GptDevice, GrubDevice], ids=["gpt", "grub"])
def device(request, tmp_path, bus, build):
    made = request.param(tmp_path / "device", build, bus)
    yield made
    made.close()


def test_update_and_confirm(device):
    device.factory("1.0")
    assert device.flags() == {"A": (15, 0, 1), "B": (0, 0, 0)}
    device.offer("1.1")
    device.start()
    device.wait(device.reboot_flag.exists, "the reboot command")
    assert device.flags() == {"A": (14, 0, 1), "B": (15, 3, 0)}
    assert device.reboot() == "B"
    device.wait(lambda: device.flags()["B"] == (15, 2, 1), "the mark")
    device.wait_event(54, 1)


def test_a_bad_update_falls_back(device):
    device.factory("1.0")
    device.set("server", first_check="1h")
    device.start()
    device.wait_state("idle")
    device.offer("1.1")
    device.call("Check")
    device.wait(device.reboot_flag.exists, "the reboot command")
    device.stop()
    device.slot("B").write_bytes(bytes(300000))
    assert device.boot() == "A"
    device.start()
    device.wait(lambda: device.get("FailedVersions"), "the verdict")
    device.wait(lambda: device.flags() == {"A": (14, 0, 1), "B": (0, 0, 0)}, "the slot made unbootable")


def test_flags_that_were_never_written_and_one_bad_copy(device):
    device.factory("1.0", flags=False)
    device.start()
    device.wait(lambda: device.flags()["A"][2] == 1, "the old system confirmed")
    device.wait_state("idle")
    device.spoil_copy()
    result = device.ctl("doctor")
    assert result.returncode == 0 and "boot-copy-bad" in result.stdout
    assert device.ctl("doctor").stdout == "fit for updates\n"
    device.offer("1.1")
    device.call("Check")
    assert device.reboot() == "B"
