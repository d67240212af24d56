# SPDX-License-Identifier: Apache-2.0
"""The judge of `make soak-power` on a record that is made up: it must find what is wrong."""

import pathlib
import random
import struct
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bench
import device_disk
from crash_model import CrashModel, newest
from write_log import FLUSH, MAGIC, SECTOR, Replay, WriteLog

SLOT_BYTES = 64 << 10
OLD, NEW = (random.Random(n).randbytes(SLOT_BYTES) for n in (1, 2))
BEFORE = {"swb_A_priority": "15", "swb_A_successful": "1"}
AFTER = {"swb_A_priority": "14", "swb_A_successful": "1", "swb_B_priority": "15", "swb_B_tries": "3"}
START_B = device_disk.SLOTS_OFFSET + SLOT_BYTES


@pytest.fixture(name="disk")
def make_disk(tmp_path):
    """Slot A holds the old release and is good, slot B is empty."""
    data = bytearray(START_B + SLOT_BYTES)
    data[device_disk.SLOTS_OFFSET:START_B] = OLD
    for offset in device_disk.ENV_OFFSETS:
        data[offset:offset + bench.ENV_BYTES] = bench.environment(BEFORE, 1, tmp_path)
    (tmp_path / "disk.img").write_bytes(data)
    return tmp_path / "disk.img"


def write_log(path, requests):
    """requests: (offset, data), or None for a flush."""
    entries = b""
    for request in requests:
        offset, data = request or (0, b"")
        flags = 0 if request else FLUSH
        head = struct.pack("<QQQQ", offset // SECTOR, len(data) // SECTOR, flags, 0)
        entries += head.ljust(SECTOR, b"\0") + data
    head = struct.pack("<QQQL", MAGIC, 1, len(requests), SECTOR)
    path.write_bytes(head.ljust(SECTOR, b"\0") + entries)
    return WriteLog(path)


def wrong_states(disk, requests):
    """Of "prefix", "torn", "lost": the kinds of states in which the boot loader would go wrong."""
    model = CrashModel(disk, {"old": OLD, "new": NEW}, SLOT_BYTES)
    wrong = set()

    def judge(where):
        try:
            model.decision()
        except AssertionError:
            wrong.add("torn" if "torn" in where else "lost" if "unflushed" in where else "prefix")

    log = write_log(disk.with_name("writes.log"), requests)
    replay = Replay(log, model, judge, random.Random(3), subsets=16)
    replay.run()
    assert replay.prefixes == sum(request is not None for request in requests)
    return wrong


def update(folder):
    """The writes of a slot, the write of the flags."""
    quarter = SLOT_BYTES // 4
    slot = [(START_B + at, NEW[at:at + quarter]) for at in range(0, SLOT_BYTES, quarter)]
    return slot, (device_disk.ENV_OFFSETS[1], bench.environment(AFTER, 2, folder))


def test_right_order(disk, tmp_path):
    slot, flags = update(tmp_path)
    assert wrong_states(disk, [*slot, None, flags, None]) == set()


def test_no_flush_before_the_flags(disk, tmp_path):
    slot, flags = update(tmp_path)
    assert wrong_states(disk, [*slot, flags, None]) == {"lost"}


def test_flags_before_the_last_write(disk, tmp_path):
    slot, flags = update(tmp_path)
    assert wrong_states(disk, [*slot[:3], None, flags, None, slot[3], None]) == \
        {"prefix", "torn", "lost"}


def test_the_only_whole_copy_is_written_over(disk, tmp_path):
    """Text that is longer than a sector can be torn."""
    slot, _ = update(tmp_path)
    flags = bench.environment({**AFTER, "other": "x" * SECTOR * 6}, 2, tmp_path)
    first = device_disk.ENV_OFFSETS[0]
    spoilt = (device_disk.ENV_OFFSETS[1], bytes(bench.ENV_BYTES))
    assert "torn" in wrong_states(disk, [spoilt, None, *slot, None, (first, flags), None])


def test_newest_copy(tmp_path):
    old, new = ({"swb_A_tries": str(n)} for n in (1, 2))
    for counters, expected in (((1, 2), 2), ((2, 1), 1), ((255, 0), 2), ((0, 255), 1), ((7, 7), 1)):
        copies = [bench.environment(what, counter, tmp_path)
                  for what, counter in zip((old, new), counters)]
        assert newest(copies)["A"].tries == expected, counters
    assert newest([copies[0][:-1] + b"x", copies[1]])["A"].tries == 2
    assert newest([bytes(bench.ENV_BYTES)] * 2) is None
