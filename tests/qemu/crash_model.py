# SPDX-License-Identifier: Apache-2.0
"""What a device would do with its disk after a cut: which slot it would take, and if that is whole.

The disk is held in memory and changed write by write; a slot's distance from each release is kept
block by block, so that a judgement costs no hashing of whole slots. The environment is read here
by a few lines of Python, not by the code under test.
"""

import mmap
import pathlib
import sys
import zlib

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tools"), str(pathlib.Path(__file__).resolve().parent)]
import contract
import device_disk
from contract import Flags

BLOCK = 4096
FIELDS = ("priority", "tries", "successful")


def flags_of(copy):
    """{"A": Flags, "B": Flags} of one copy's bytes, or None if it is not whole."""
    if zlib.crc32(copy[5:]) != int.from_bytes(copy[:4], "little"):
        return None
    text = copy[5:].split(b"\0\0")[0].decode(errors="replace")
    values = dict(line.split("=", 1) for line in text.split("\0") if "=" in line)
    return {slot: Flags(*(int(values.get(f"swb_{slot}_{field}", "0")) for field in FIELDS))
            for slot in "AB"}


def newest(copies):
    """The flags that count, or None when no copy is whole."""
    whole = [(copy[4], flags) for copy in copies if (flags := flags_of(copy))]
    if len(whole) < 2:
        return whole[0][1] if whole else None
    (first, old), (second, new) = whole
    later = second == 0 if first == 255 else second > first and (first, second) != (0, 255)
    return new if later else old


class CrashModel:
    """A disk of tools/make-device in memory. releases: {version: bytes of its slot image}."""

    def __init__(self, disk, releases, slot_bytes):
        with open(disk, "rb") as file:
            self.disk = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        self.slot_bytes = slot_bytes
        self.starts = {"A": device_disk.SLOTS_OFFSET, "B": device_disk.SLOTS_OFFSET + slot_bytes}
        self.images = releases
        self.wrong = {(slot, version): set() for slot in "AB" for version in self.images}
        for slot in "AB":
            self.compare(slot, 0, max(map(len, self.images.values())))

    def compare(self, slot, begin, end):
        """Looks at the blocks of slot bytes begin to end again."""
        start = self.starts[slot]
        for version, image in self.images.items():
            wrong = self.wrong[slot, version]
            for at in range(begin // BLOCK * BLOCK, min(end, len(image)), BLOCK):
                if self.disk[start + at:start + at + BLOCK] == image[at:at + BLOCK]:
                    wrong.discard(at)
                else:
                    wrong.add(at)

    def write(self, offset, data):
        """Returns what was there before, for taking it back by writing it."""
        end = offset + len(data)
        before = self.disk[offset:end]
        self.disk[offset:end] = data
        for slot, start in self.starts.items():
            begin, stop = max(offset - start, 0), min(end - start, self.slot_bytes)
            if begin < stop:
                self.compare(slot, begin, stop)
        return before

    def save(self, path):
        """The disk as it is now, as a file with holes."""
        with open(path, "wb") as file:
            file.truncate(len(self.disk))
            for at in range(0, len(self.disk), device_disk.MIB):
                block = self.disk[at:at + device_disk.MIB]
                if block.count(0) != len(block):
                    file.seek(at)
                    file.write(block)

    def flags(self):
        return newest([self.disk[at:at + device_disk.ENV_BYTES] for at in device_disk.ENV_OFFSETS])

    def releases_in(self, slot):
        """The versions that the slot holds, byte by byte: one or none."""
        return [version for version in self.images if not self.wrong[slot, version]]

    def decision(self):
        """(slot, version in it) that the boot loader would start. AssertionError if that, or another
        slot that might get a turn, is no whole release."""
        flags = self.flags()
        assert flags, "no copy of the environment is whole"
        slot, recovery = contract.next_slot(flags, ["A", "B"])
        assert not recovery, f"no candidate: {flags}"
        for other in "AB":
            if other == slot or flags[other].is_candidate():
                assert self.releases_in(other), f"slot {other} is no whole release: {flags}"
        return slot, self.releases_in(slot)[0]
