# SPDX-License-Identifier: Apache-2.0
"""Power cuts at every write, sync, rename and unlink: what was not synced is there, or not, or torn.
And the same calls failing, and memory that ends anywhere.

The program is swb-install, linked with cut.c around its calls. After each cut the ordinary program
goes on: it must succeed at the first attempt, from where the last checkpoint was.
"""

import os
import random
import re
import shutil
import signal

import pytest

from conftest import BUILD, Device, PROGRAM, SANITIZED, make_image
from install_payload import BLOCK, Operation, Partition, Payload, REPLACE, REPLACE_ZSTD
from install_payload import SOURCE_BSDIFF, ZERO, copy, full, hash_tree, patch, replace

CUT_PROGRAM = BUILD / "tests" / "install" / "swb-install-cut"
CHUNK = 16  # blocks
N_BLOCKS = 128


def make_full():
    image = make_image(11, N_BLOCKS)
    image = image[:80 * BLOCK] + bytes(16 * BLOCK) + image[96 * BLOCK:]
    return None, image, full(image, CHUNK, (REPLACE, REPLACE_ZSTD))


def make_delta():
    old = make_image(12, N_BLOCKS)
    new = (old[64 * BLOCK:96 * BLOCK] + bytes(16 * BLOCK) + old[48 * BLOCK:60 * BLOCK] +
           make_image(13, 64)[:68 * BLOCK])
    new = new + bytes(len(old) - len(new))
    return old, new, [
        copy(old, [(64, 32)], [(0, 32)]),
        Operation(ZERO, [(32, 16)]),
        patch(SOURCE_BSDIFF, old, new, [(48, 12)], [(48, 12)]),
        replace(REPLACE, new, 60, 34),
        replace(REPLACE, new, 94, 34),
    ]


TREE_DATA = 160


def make_with_tree():
    """The device makes the last three blocks itself."""
    image = make_image(14, TREE_DATA + 32)[:TREE_DATA * BLOCK]
    return None, image + hash_tree(image), full(image, 4 * CHUNK, (REPLACE, REPLACE_ZSTD))


class Cutter:
    """The device, a payload on it, and the program with cuts."""

    def __init__(self, device, payload, old, new):
        self.device, self.payload, self.old, self.new = device, payload, old, new
        self.cores = 1
        self.file = device.folder / "payload"
        self.file.write_bytes(payload)

    def reset(self):
        shutil.rmtree(self.device.state, ignore_errors=True)
        self.device.target().write_bytes(b"\xaa" * len(self.new))

    def run(self, program, **environment):
        arguments = self.device.arguments(self.payload, input=self.file, cores=self.cores,
                                          checkpoint_interval=1, memory_limit=0)
        return self.device.by_hand([program, *arguments[1:]], env={**os.environ, **environment})

    def cut(self, at, seed):
        """True if it came to that call."""
        result = self.run(CUT_PROGRAM, SWB_CUT_AT=str(at), SWB_CUT_SEED=str(seed))
        assert result.returncode in (0, -signal.SIGKILL), result.stderr.decode()
        assert b"checkpoint not used" not in result.stderr
        return result.returncode != 0

    def fail(self, at):
        """True if the install failed, which it then says."""
        result = self.run(CUT_PROGRAM, SWB_FAIL_AT=str(at), SWB_CUT_SEED=str(at))
        assert result.returncode in (0, 1), result.stderr.decode()
        assert b"Input/output error" in result.stderr or result.returncode == 0
        if result.returncode == 0:
            assert self.device.target().read_bytes() == self.new
        return result.returncode != 0

    def count(self):
        result = self.run(CUT_PROGRAM)
        assert result.returncode == 0, result.stderr.decode()
        return int(re.search(rb"^calls: (\d+)$", result.stderr, re.M).group(1))

    def finish(self):
        """Without a cut. Returns the offset it went on from."""
        result = self.run(PROGRAM)
        assert result.returncode == 0, result.stderr.decode()
        assert result.stderr == b""
        assert self.device.target().read_bytes() == self.new
        if self.old is not None:
            assert self.device.source().read_bytes() == self.old
        went_on = re.search(rb"going on at byte (\d+)", result.stdout)
        return int(went_on.group(1)) if went_on else 0


@pytest.fixture(params=[make_full, make_delta, make_with_tree])
def cutter(request, tmp_path, private_key):
    old, new, operations = request.param()
    device = Device(tmp_path, private_key.parent / "keys")
    device.add("root", old, len(new))
    tree = (TREE_DATA, TREE_DATA, 3) if request.param is make_with_tree else None
    partition = Partition("root", new, operations, old, tree=tree)
    payload = Payload([partition], private_key).encode()
    result = Cutter(device, payload, old, new)
    result.reset()
    return result


def test_cut_at_every_call(cutter):
    """Progress is never lost: the later the cut, the later the byte it goes on from."""
    n_calls = cutter.count()
    assert n_calls > 20
    offsets = []
    for at in range(1, n_calls + 1):
        cutter.reset()
        assert cutter.cut(at, at)
        offsets.append(cutter.finish())
    # a rename that was not synced may be lost: one checkpoint back, not two
    checkpoints = sorted({*offsets, len(cutter.payload)})
    assert len(checkpoints) >= 5
    assert offsets[-1] >= checkpoints[-2]
    for before, after in zip(offsets, offsets[1:]):
        assert checkpoints.index(after) >= checkpoints.index(before) - 1


def test_cut_again_and_again(cutter):
    """Every attempt is cut, also those that go on after one."""
    places = random.Random(3)
    for _ in range(8):
        cutter.reset()
        cuts = 0
        while cuts < 12 and cutter.cut(places.randrange(1, 30), places.randrange(1 << 32)):
            cuts += 1
        cutter.finish()


def test_cut_with_two_cores(cutter):
    """Calls come in no fixed order, and there may be fewer: but what is stored is true."""
    places = random.Random(4)
    cutter.cores = 2
    n_calls = cutter.count()
    assert n_calls > 10
    for i in range(16):
        cutter.reset()
        cutter.cut(places.randrange(1, n_calls + 1), i)
        cutter.finish()


def test_failing_calls_with_two_cores(cutter):
    failed = []
    cutter.cores = 2
    for at in range(1, cutter.count(), 3):
        cutter.reset()
        failed.append(cutter.fail(at))
        cutter.finish()
    assert any(failed)


def test_every_call_fails(cutter):
    """A target that fails ends the attempt, a state folder that fails does not."""
    failed = []
    for at in range(1, cutter.count() + 1):
        cutter.reset()
        failed.append(cutter.fail(at))
        cutter.finish()
    assert any(failed) and not all(failed)


def test_little_memory(cutter):
    """Out of memory at any point is an ordinary error."""
    statuses = set()
    for limit in range(1, 25):
        cutter.reset()
        arguments = cutter.device.arguments(cutter.payload, input=cutter.file,
                                            memory_limit="64T" if SANITIZED else f"{limit}M")
        result = cutter.device.by_hand(arguments)
        assert result.returncode in (0, 1), result.stderr.decode()
        assert b"memory" in result.stderr or result.returncode == 0
        statuses.add(result.returncode)
        cutter.finish()
    assert statuses == ({0} if SANITIZED else {0, 1})
