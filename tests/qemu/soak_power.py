#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""soak_power.py - pull the plug of the virtual device again and again

1. Records everything that one full update writes, and judges states of the disk that a power cut
   could have left: every prefix, torn writes, random subsets of what was not flushed. The boot loader's decision must lead to a slot that is a whole release. Some of the states are
   booted; each of these devices must finish the update.
2. Kills QEMU at --cuts random moments of full updates. After each cut the disk is judged as above,
   and U-Boot must take the slot that was foreseen and bring it up. Every update must be finished
   in the end.

Ends with the counts; exit status 1 if anything was not as it must be. --seed draws the same moments
again, as far as that can be: moments are counted in seconds of QEMU's CPU.
"""

import argparse
import collections
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import scene
import device_disk
from crash_model import CrashModel, newest
from virtual_device import DeviceError, VirtualDevice
from write_log import Replay, WriteLog

TRIES = 3  # swbd's default
SECOND_TRY = "5s"  # cuts in all of them look like a release that does not come up
MIB = 1 << 20
IN_BOOT_SHARE = 0.3  # of the cuts hit U-Boot or the kernel
BOOT_SECONDS = 5  # of CPU
UPDATE_SECONDS = 600  # of wall time: the machine may be busy
GOOD = r"swbd: .*slot B is marked good"


def cpu_seconds(device):
    """What the device's QEMU has used: its progress, however busy the machine is."""
    fields = pathlib.Path(f"/proc/{device.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class RecordedDevice(VirtualDevice):
    """Every request to its disk is kept in FOLDER/writes.log."""

    def drive(self):
        return ["-blockdev", f"driver=file,node-name=file,filename={self.disk}",
                "-blockdev", f"driver=file,node-name=log,filename={self.folder}/writes.log",
                "-blockdev", "driver=blklogwrites,node-name=disk,file=file,log=log,"
                             "log-sector-size=512"]


class Soak:
    def __init__(self, options):
        self.folder = options.folder.resolve()
        self.options = options
        self.random = random.Random(options.seed)
        self.releases = {}  # version -> the bytes of its slot
        self.server = scene.Server(self.folder, self.folder)
        self.update_seconds = 0.0
        self.cpu_seconds = 0.0
        self.counts = dict.fromkeys(("cuts", "cuts in boot", "cuts on trial", "good boots",
                                     "updates", "lost updates"), 0)
        self.wrong = []

    def prepare(self):
        scene.make_first_release(self.folder)
        scene.make_second_release(self.folder)
        scene.pack_delta(self.folder, 1, 2)
        for number in (1, 2):
            self.releases[f"{number}.0.0"] = (self.folder / f"release-{number}.ext4").read_bytes()
        self.server.publish("delta-2")
        self.server.start()
        scene.make_disk(self.folder / "fresh.img", self.folder, self.server, TRIES,
                        SECOND_TRY)

    def new_disk(self, name, source="fresh.img"):
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        subprocess.run(["cp", "--sparse=always", self.folder / source, folder / "disk.img"],
                       check=True)
        return folder

    def model(self, disk):
        return CrashModel(disk, self.releases, scene.SLOT_MIB * MIB)

    def report(self, text):
        """Something that must not be."""
        self.wrong.append(text)
        print(f"WRONG: {text}", flush=True)

    # The record of one update.

    def record(self):
        """One update without a cut. Returns the log of its writes."""
        folder = self.new_disk("record")
        (folder / "writes.log").touch()
        with RecordedDevice(folder / "disk.img", folder) as device:
            device.start()
            device.wait_up()
            begin = cpu_seconds(device)
            device.wait(GOOD)
            self.update_seconds = cpu_seconds(device) - begin
            device.run("sync")
        self.cpu_seconds += device.cpu_seconds
        return WriteLog(folder / "writes.log")

    def replay(self, log):
        """Judges all crash states. Returns {file: what it is} of those that are to be booted."""
        n_writes, n_flushes, n_bytes = log.counts()
        print(f"one update: {n_writes} writes, {n_flushes} flushes, {n_bytes / 1e6:.0f} MB, "
              f"{self.update_seconds:.1f} s of CPU", flush=True)
        model = self.model(self.folder / "fresh.img")
        states, decisions = [], collections.Counter()
        chances = random.Random(self.options.seed)

        def judge(where):
            try:
                decisions[model.decision()] += 1
            except AssertionError as error:
                self.report(f"{where}: {error}")
            # Which to boot: a sample in which each has the same chance.
            states.append(where)
            place = chances.randrange(len(states))
            if place < self.options.boots:
                model.save(self.folder / f"state-{place}.img")
                chosen[f"state-{place}.img"] = where

        chosen = {}
        replay = Replay(log, model, judge, self.random)
        replay.run()
        print(f"states judged: {replay.prefixes} prefixes, {replay.torn} with a torn write, "
              f"{replay.subsets} with lost writes; {len(self.wrong)} wrong", flush=True)
        for (slot, version), n in sorted(decisions.items()):
            print(f"  {n} lead to slot {slot} with release {version}")
        return chosen

    def boot_state(self, state, where):
        """A device from a crash state finishes the update."""
        folder = self.new_disk("state", state)
        with VirtualDevice(folder / "disk.img", folder) as device:
            try:
                device.start()
                self.wait_finished(device)
            except DeviceError as error:
                self.report(f"booted {where}: {error}")
        self.cpu_seconds += device.cpu_seconds

    # Cuts at random moments.

    def wait_finished(self, device):
        """Until release 2 runs and is marked good, or was already."""
        deadline = time.monotonic() + UPDATE_SECONDS
        while not self.is_finished(device):
            if time.monotonic() > deadline:
                raise device.failed("the update is not finished")
            time.sleep(0.2)
        if device.wait_up()[0] != "2.0.0":
            device.wait("device: up, release 2")

    def cut(self, device):
        """Returns what the boot loader should do next, or None if that is nothing good."""
        device.cut_power()
        self.counts["cuts"] += 1
        try:
            model = self.model(device.disk)
            decision = model.decision()
            self.counts["cuts on trial"] += not model.flags()[decision[0]].successful
            return decision
        except AssertionError as error:
            self.report(f"cut {self.counts['cuts']}: {error}")
            return None

    def check_boot(self, device, expected, n_cuts):
        """The device comes up as foreseen after its cuts."""
        slot, version = expected or (None, None)
        found = device.wait_up()
        if found == (version, slot):
            self.counts["good boots"] += n_cuts
        else:
            self.report(f"cut {self.counts['cuts']}: up with {found}, not {(version, slot)}")

    def is_left(self):
        return self.counts["cuts"] < self.options.cuts

    @staticmethod
    def is_finished(device):
        """Whether slot B is marked good, by what is on the disk."""
        with device.disk.open("rb") as disk:
            flags = newest([os.pread(disk.fileno(), device_disk.ENV_BYTES, offset)
                            for offset in device_disk.ENV_OFFSETS])
        return bool(flags and flags["B"].successful)

    def moment_comes(self, device, seconds):
        """Waits for the device to have used so much CPU. False: the update was finished before."""
        end = cpu_seconds(device) + self.random.uniform(0, seconds)
        while cpu_seconds(device) < end:
            if self.is_finished(device):
                return False
            time.sleep(0.02)
        return True

    def life(self, device):
        """One device from release 1 to release 2, with cuts on the way while there are any left."""
        device.start()
        device.wait_up()
        while self.is_left() and self.moment_comes(device, self.update_seconds):
            expected = self.cut(device)
            n_cuts = 1
            device.start()
            if self.random.random() < IN_BOOT_SHARE and self.is_left():
                self.moment_comes(device, BOOT_SECONDS)
                expected = self.cut(device)
                self.counts["cuts in boot"] += 1
                n_cuts += 1
                device.start()
            self.check_boot(device, expected, n_cuts)

    def one_update(self):
        folder = self.new_disk("cuts")
        self.counts["updates"] += 1
        with VirtualDevice(folder / "disk.img", folder) as device:
            try:
                self.life(device)
                if not self.is_finished(device):  # no cuts are left
                    device.seen = device.console().rindex("device: up, release")
                    self.wait_finished(device)
            except DeviceError as error:
                self.counts["lost updates"] += 1
                self.report(str(error))
        shutil.copyfile(device.log, self.folder / f"console-{self.counts['updates']}.log")
        self.cpu_seconds += device.cpu_seconds
        print(", ".join(f"{n} {what}" for what, n in self.counts.items()), flush=True)

    def run(self):
        self.prepare()
        for state, where in self.replay(self.record()).items():
            self.boot_state(state, where)
        print(f"{self.options.boots} of these states booted: all finished the update"
              if not self.wrong else f"{len(self.wrong)} wrong", flush=True)
        while self.is_left():
            self.one_update()
        print(f"{self.cpu_seconds:.0f} s of the devices' CPU, seed {self.options.seed}")
        print(f"\n{len(self.wrong)} wrong")
        return 1 if self.wrong else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path, help="for images, disks, consoles: made anew")
    parser.add_argument("--cuts", type=int, default=100)
    parser.add_argument("--boots", type=int, default=10, help="crash states of the record to boot")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    options.folder.mkdir(parents=True)
    soak = Soak(options)
    try:
        return soak.run()
    finally:
        soak.server.stop()


if __name__ == "__main__":
    sys.exit(main())
