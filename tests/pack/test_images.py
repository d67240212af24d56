# SPDX-License-Identifier: Apache-2.0
"""Images of every kind: what comes out of the device's code is the new image, byte for byte."""

import filecmp
import random
import struct

import pytest

import pack_images
from pack_images import BLOCK, MIB, edit, mkfs, noise, program, text, write, write_sparse

# name -> kind, options of mke2fs; and which minor versions are tried beside our own
FILE_SYSTEMS = {
    "ext4-default": ("ext4", []),
    "ext4-no-journal": ("ext4", ["-O", "^has_journal"]),
    "ext4-inline-data": ("ext4", ["-O", "inline_data", "-I", "256"]),
    "ext4-plain": ("ext4", ["-O", "^metadata_csum,^64bit,^flex_bg"]),
    "ext4-no-extents": ("ext4", ["-O", "^extents,^64bit"]),
    "ext4-bigalloc": ("ext4", ["-O", "bigalloc", "-C", "16384"]),
    "ext4-1k": ("ext4", ["-b", "1024"]),
    "ext4-2k": ("ext4", ["-b", "2048"]),
    "ext4-small-inodes": ("ext4", ["-I", "128"]),
    "ext3": ("ext3", []),
    "ext2": ("ext2", []),
    "ext2-1k": ("ext2", ["-b", "1024"]),
}
# Both are of about 0.5 MB of new content that differs by a little: a differ that works stays below.
SMALL = 50_000


def round_trip(pack, old, new, *options):
    """Makes a delta, holds it against the rules, applies it. Returns its size."""
    payload = pack.delta(old, new, *options)
    pack.check(payload, old, new)
    pack.ok("apply", payload, old, "made.img", "--progress=none")
    assert filecmp.cmp(new, pack.folder / "made.img", shallow=False)
    return payload.stat().st_size


@pytest.mark.parametrize("name", FILE_SYSTEMS)
def test_delta_of_a_file_system(pack, tmp_path, name):
    kind, options = FILE_SYSTEMS[name]
    old, new = pack_images.make_pair(tmp_path, *options, kind=kind)
    assert round_trip(pack, old, new) < SMALL


@pytest.mark.parametrize("minor", [2, 3, 4, 5, 6])
def test_delta_for_other_clients(pack, pair, minor):
    old, new = pair
    assert round_trip(pack, old, new, "--profile=chromeos", f"--minor={minor}") < SMALL


def test_delta_for_other_clients_has_minor_4(pack, pair):
    payload = pack.delta(*pair, "--profile=chromeos")
    assert '"minor_version": 4' in payload.with_suffix(".pl.json").read_text()


@pytest.mark.parametrize("options", [[], ["--profile=chromeos"], ["--minor=0"]])
def test_full(pack, pair, options):
    _, new = pair
    payload = pack.full(new, *options)
    pack.check(payload, None, new)
    pack.ok("apply", payload, "made.img", "--progress=none")
    assert filecmp.cmp(new, pack.folder / "made.img", shallow=False)
    others = {"REPLACE", "REPLACE_BZ", "REPLACE_XZ"}
    assert ("REPLACE_ZSTD" in pack.types(payload)) == (not options)
    assert pack.types(payload) <= (others if options else others | {"REPLACE_ZSTD", "ZERO"})


def program_with_a_hole(code, hole_blocks):
    """An ELF file for x86-64: its head, so many blocks of zeros, the code, the list of sections."""
    start = (1 + hole_blocks) * BLOCK
    head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 3, 62, 1, 0, 0, start + len(code), 0,
                       64, 0, 0, 64, 2, 0)
    sections = bytes(64) + struct.pack("<IIQQQQIIQQ", 0, 1, 6, 0, start, len(code), 0, 0, 16, 0)
    return head.ljust(start, b"\0") + code + sections


@pytest.mark.parametrize("name", ["ext4-default", "ext4-no-extents"])
def test_programs_with_holes_are_sorted(pack, tmp_path, name):
    """mke2fs leaves blocks of zeros out: what lies behind them in the file is still found."""
    kind, options = FILE_SYSTEMS[name]
    write(tmp_path / "tree", "program", program_with_a_hole(program(1, 64 * BLOCK), 7))
    new = mkfs(tmp_path / "new.img", tmp_path / "tree", 8 * MIB, "-b", "4096", *options,
               kind=kind)
    payload = pack.full(new)
    assert "REPLACE_SPLIT" in pack.types(payload)
    pack.check(payload, None, new)
    pack.ok("apply", payload, "made.img", "--progress=none")
    assert filecmp.cmp(new, tmp_path / "made.img", shallow=False)


@pytest.mark.parametrize("old_mib, new_mib", [(16, 24), (24, 16), (12, 40)])
def test_images_of_different_size(pack, tmp_path, old_mib, new_mib):
    old, new = pack_images.make_pair(tmp_path, old_bytes=old_mib * MIB, new_bytes=new_mib * MIB)
    assert round_trip(pack, old, new) < SMALL


def test_equal_images(pack, pair):
    old, _ = pair
    assert round_trip(pack, old, old) < 2000
    assert pack.types(pack.folder / "delta.pl") <= {"SOURCE_COPY", "ZERO"}


def test_empty_file_systems(pack, tmp_path):
    tree = tmp_path / "tree"
    write(tree, "file", text(1, 50_000))
    empty = mkfs(tmp_path / "empty.img", None, 8 * MIB)
    filled = mkfs(tmp_path / "filled.img", tree, 8 * MIB)
    round_trip(pack, empty, filled)
    round_trip(pack, filled, empty)
    round_trip(pack, empty, mkfs(tmp_path / "empty2.img", None, 8 * MIB, "-L", "other"))


def test_file_system_without_a_free_block(pack, tmp_path):
    old, new = pack_images.make_trees(tmp_path)
    images = []
    for name, tree in (("old", old), ("new", new)):
        image = mkfs(tmp_path / f"{name}.img", tree, 8 * MIB, "-m", "0", "-O", "^has_journal")
        write(tmp_path, "filler", noise(name, 8 * MIB))
        pack_images.debugfs(image, f"write {tmp_path / 'filler'} filler")  # as far as it goes
        images.append(image)
    round_trip(pack, *images)


def test_fragmented_files(pack, tmp_path):
    """Every second of many small files is deleted; large files fill the gaps."""
    images = []
    big = program(5, 600_000)
    for name, data in (("old", big), ("new", edit(big, 100_000, 400_000))):
        tree = tmp_path / name
        for i in range(400):
            write(tree, f"{i:03d}", noise(i, BLOCK + 1))
        image = mkfs(tmp_path / f"{name}.img", tree, 5 * MIB, "-O", "^has_journal", "-N", "800")
        write(tmp_path, "big", data)
        pack_images.debugfs(image, *[f"rm {i:03d}" for i in range(0, 400, 2)],
                            f"write {tmp_path / 'big'} big")
        images.append(image)
    assert round_trip(pack, *images) < 20_000


def test_preallocated_and_sparse_files(pack, tmp_path):
    images = []
    for name, seed in (("old", 1), ("new", 2)):
        tree = tmp_path / name
        write_sparse(tree, "all-hole", 3 * MIB, {})
        write_sparse(tree, "tail-hole", 3 * MIB, {0: text(1, 100_000)})
        write_sparse(tree, "head-hole", 3 * MIB, {3 * MIB - 5000: noise(seed, 5000)})
        write_sparse(tree, "comb", 4 * MIB, {k * 64 * 1024: noise(k + (seed if k % 9 == 0 else 0), BLOCK)
                                             for k in range(64)})
        write(tree, "reserved", text(seed, 9000))
        image = mkfs(tmp_path / f"{name}.img", tree, 16 * MIB)
        pack_images.debugfs(image, "fallocate reserved 3 200")
        images.append(image)
    assert round_trip(pack, *images) < 60_000


@pytest.mark.parametrize("seed", range(6))
def test_a_damaged_file_system_still_makes_a_good_payload(pack, tmp_path, pair, seed):
    """Maps that lie, a broken folder, a broken descriptor: the scan is a hint, no more."""
    old, new = pair
    damaged = bytearray(new.read_bytes())
    source = random.Random(seed)
    for _ in range(400):
        damaged[source.randrange(1024, 2 * MIB)] = source.randrange(256)
    image = tmp_path / "damaged.img"
    image.write_bytes(damaged)
    round_trip(pack, old, image)
    round_trip(pack, image, new)


def test_folders_in_a_loop(pack, tmp_path):
    images = []
    for name, seed in (("old", 1), ("new", 2)):
        tree = tmp_path / name
        write(tree, "a/b/file", text(seed, 9000))
        image = mkfs(tmp_path / f"{name}.img", tree, 8 * MIB)
        pack_images.debugfs(image, "link a a/b/loop", "link a/b a/b/self")
        images.append(image)
    round_trip(pack, *images)


def test_file_system_with_an_unknown_feature_is_raw(pack, tmp_path, pair):
    old, new = pair
    data = bytearray(new.read_bytes())
    data[1024 + 0x60 + 3] |= 0x40  # s_feature_incompat
    strange = tmp_path / "strange.img"
    strange.write_bytes(data)
    result = pack.ok("delta", old, strange, "--output=p", "--app-id=a", "--target-version=2",
                     "--source-version=1")
    assert "taken as raw blocks" in result.stderr
    pack.check(tmp_path / "p", old, strange)


def raw_pair(tmp_path, n_bytes=6 * MIB):
    """No file system; the new image has a part moved, a part changed and an inserted block."""
    data = noise(1, n_bytes)
    changed = edit(data[:2 * MIB], 100_000, 1_000_000)[:2 * MIB]
    moved = changed + noise(3, BLOCK) + data[3 * MIB:4 * MIB] + data[2 * MIB:3 * MIB] + data[4 * MIB:]
    old, new = tmp_path / "old.raw", tmp_path / "new.raw"
    old.write_bytes(data)
    new.write_bytes(moved[:n_bytes])
    return old, new


def test_raw_images(pack, tmp_path):
    old, new = raw_pair(tmp_path)
    assert round_trip(pack, old, new) < 20_000


def test_raw_images_in_windows(pack, tmp_path):
    """With little memory the differ sees a part of the old image: the right one, although it moved."""
    n = 48 * MIB
    data = noise(1, n)
    old, new = tmp_path / "old.raw", tmp_path / "new.raw"
    old.write_bytes(data)
    # shifted by 100 bytes: no block is equal; halves exchanged: the like stands elsewhere
    new.write_bytes((data[n // 2:] + noise(2, 100) + data)[:n])
    assert round_trip(pack, old, new, "--memory=256M") < 60_000


def test_raw_to_file_system(pack, tmp_path, pair):
    old, new = pair
    raw = tmp_path / "raw"
    raw.write_bytes(noise(1, 3 * MIB))
    round_trip(pack, raw, new)
    round_trip(pack, old, raw)


def test_one_block(pack, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    for a, b in ((b"a", b"b"), (b"\0", b"b"), (b"a", b"\0")):
        old.write_bytes(a * BLOCK)
        new.write_bytes(b * BLOCK)
        round_trip(pack, old, new)
        round_trip(pack, old, new, "--profile=chromeos", "--minor=2")
    new.write_bytes(noise(1, BLOCK))
    round_trip(pack, old, new)


def test_noise_is_stored_as_it_is(pack, tmp_path):
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_bytes(noise(1, 3 * MIB))
    new.write_bytes(noise(2, 3 * MIB))
    size = round_trip(pack, old, new)
    assert 3 * MIB < size < 3 * MIB + 2000
    assert pack.types(pack.folder / "delta.pl") == {"REPLACE"}
