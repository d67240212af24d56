# SPDX-License-Identifier: Apache-2.0
"""data/persistent/switchback-persistent, with commands around it that mount nothing but say so."""

import os
import pathlib
import shutil
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPT = TOP / "data" / "persistent" / "switchback-persistent"


class Device:
    def __init__(self, folder):
        self.folder = folder
        self.persistent = folder / "persistent"
        self.state = folder / "image" / "state"
        self.calls = folder / "calls"
        self.disk = folder / "disk"
        self.config = folder / "persistent.conf"
        for path in (self.persistent, self.state, folder / "bin"):
            path.mkdir(parents=True)
        self.disk.write_text("")
        self.config.write_text(f"# a comment\npartition {self.disk}\nbind {self.state}\n"
                               "keep device-id\nkeep serial\n")
        self.command("mountpoint", "exit 1")
        self.command("e2fsck", "exit 0")
        self.command("mount", f'echo "$@" >>{self.calls}')
        self.command("sync", "exit 0")

    def command(self, name, text):
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def run(self, verb):
        return subprocess.run([SCRIPT, verb], capture_output=True, text=True, check=False, timeout=30,
                              env={"PATH": f"{self.folder}/bin:{os.environ['PATH']}",
                                   "SWB_PERSISTENT": str(self.persistent), "SWB_PERSISTENT_WAIT": "0",
                                   "SWB_PERSISTENT_CONF": str(self.config)})

    def mounts(self):
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def device(tmp_path):
    return Device(tmp_path)


def test_folders_are_bound_and_begin_as_the_images(device):
    (device.state / "default").write_text("of the image")
    result = device.run("start")
    assert (result.returncode, result.stderr) == (0, "")
    place = pathlib.Path(f"{device.persistent}/bind{device.state}")
    assert (place / "default").read_text() == "of the image"
    assert device.mounts()[-1] == f"-o bind {place} {device.state}"


def test_a_second_start_keeps_what_was_changed(device):
    device.run("start")
    place = pathlib.Path(f"{device.persistent}/bind{device.state}")
    (place / "changed").write_text("by the device")
    identity = (device.persistent / "device-id").read_text()
    assert len(identity.strip()) == 32
    device.run("start")
    assert (place / "changed").exists()
    assert (device.persistent / "device-id").read_text() == identity


def test_a_cut_while_a_folder_is_copied(device):
    (device.state / "default").write_text("whole")
    half = pathlib.Path(f"{device.persistent}/bind{device.state}.new")
    half.mkdir(parents=True)
    (half / "rest").write_text("of before")
    device.run("start")
    place = pathlib.Path(f"{device.persistent}/bind{device.state}")
    assert sorted(path.name for path in place.iterdir()) == ["default"]


def test_overlay(device):
    device.config.write_text(device.config.read_text() + f"overlay {device.folder}/image\n")
    device.run("start")
    upper = f"{device.persistent}/overlay{device.folder}/image/upper"
    assert f"lowerdir={device.folder}/image,upperdir={upper}" in device.mounts()[-1]


def test_factory_reset_wipes_all_but_what_is_kept(device):
    device.run("start")
    identity = (device.persistent / "device-id").read_text()
    for name in ("data", ".hidden", "serial"):
        (device.persistent / name).write_text("x")
    assert device.run("reset").returncode == 0
    result = device.run("start")
    assert "factory reset" in result.stderr
    names = sorted(path.name for path in device.persistent.iterdir())
    assert names == ["bind", "device-id", "serial"]
    assert (device.persistent / "device-id").read_text() == identity


def test_a_factory_reset_that_was_cut_goes_on(device):
    """The marker is the last to go: nothing is used before the rest is gone."""
    device.run("start")
    device.run("reset")
    shutil.rmtree(device.persistent / "bind")
    (device.persistent / "data").write_text("not yet wiped")
    device.run("start")
    assert not (device.persistent / "data").exists()
    assert not (device.persistent / ".factory-reset").exists()


def test_without_the_partition_memory_takes_its_place(device):
    device.disk.unlink()
    result = device.run("start")
    assert result.returncode == 0
    assert "nothing will be kept" in result.stderr
    assert device.mounts()[0].startswith("-t tmpfs")
    assert device.mounts()[-1].startswith("-o bind")


def test_a_damaged_file_system_is_mended_first(device):
    device.command("e2fsck", f'echo "e2fsck $1" >>{device.calls}; [ "$1" = -y ] || exit 4')
    device.run("start")
    assert device.mounts()[:2] == ["e2fsck -p", "e2fsck -y"]
    assert str(device.disk) in device.mounts()[2]


def test_what_cannot_be_bound_does_not_stop_the_start(device):
    device.command("mount", 'case "$*" in *bind*) exit 32 ;; esac')
    result = device.run("start")
    assert result.returncode == 0
    assert f"{device.state}: not persistent" in result.stderr
