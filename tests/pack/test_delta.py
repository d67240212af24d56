# SPDX-License-Identifier: Apache-2.0
"""Deltas find what they can reuse, whatever it is called and wherever it stands now."""

import os

import pytest

import pack_images
from pack_images import BLOCK, MIB, edit, mkfs, noise, program, text, write


def delta_size(pack, old_files, new_files, links=(), *options):
    """The size of a delta between images of these files (name -> content)."""
    images = []
    for side, files in (("old", old_files), ("new", new_files)):
        tree = pack.folder / f"{side}-tree"
        for name, data in files.items():
            write(tree, name, data)
        for source, target in links:
            if (tree / source).exists():
                os.link(tree / source, tree / target)
        images.append(mkfs(pack.folder / f"{side}.img", tree, 16 * MIB, "-b", "4096"))
    payload = pack.delta(*images, *options)
    pack.check(payload, *images)
    return payload.stat().st_size


# What a delta costs whatever happens: its manifest and the file system's tables.
FLOOR = 3000


def test_nothing_changed_but_a_byte(pack):
    data = program(1, MIB)
    assert delta_size(pack, {"a": data}, {"a": edit(data, 500_000)}) < FLOOR


def test_moved_file(pack):
    data = program(1, MIB)
    assert delta_size(pack, {"old/place/a": data}, {"new/b": data}) < FLOOR


def test_moved_and_changed_file(pack):
    """Nothing but the content says that they belong together."""
    data = program(1, MIB)
    others = {f"other{i}": program(50 + i, 100_000) for i in range(20)}
    assert delta_size(pack, {"place/a": data, **others},
                      {"elsewhere/b": edit(data, 3000, 700_000), **others}) < FLOOR


def test_renamed_folder_of_rebuilt_modules(pack):
    """The same names in a folder with another version; hardly a run of bytes is equal."""
    old = {f"lib/modules/6.1.0-50/k/m{i}.ko": program(i, 30_000) for i in range(40)}
    new = {f"lib/modules/6.1.0-56/k/m{i}.ko": program(i, 30_000, shift=5) for i in range(40)}
    assert delta_size(pack, old, new) < 70_000  # of 1 200 000


def test_library_with_its_version_in_the_name(pack):
    names = [f"usr/lib/libthing{i}.so.{{}}.4" for i in range(10)]
    old = {n.format(1): program(i, 60_000) for i, n in enumerate(names)}
    new = {n.format(2): program(i, 60_000, shift=9) for i, n in enumerate(names)}
    assert delta_size(pack, old, new) < 40_000  # of 600 000


def test_hard_link_that_was_broken(pack):
    """The old file's first name stays behind with the old content; its second one changes."""
    data = program(1, 400_000)
    size = delta_size(pack, {"bin/z": data},
                      {"bin/z": program(1, 400_000, shift=7), "bin/a": data},
                      links=[("bin/z", "bin/0")])
    assert size < 30_000


def test_swapped_files(pack):
    a, b = program(1, MIB), program(2, MIB)
    assert delta_size(pack, {"a": a, "b": b}, {"a": b, "b": a}) < FLOOR


def test_joined_and_split_files(pack):
    a, b = program(1, 100 * BLOCK), program(2, 100 * BLOCK)
    assert delta_size(pack, {"a": a, "b": b}, {"ab": a + b}) < FLOOR
    assert delta_size(pack, {"ab2": a + b}, {"a": a, "b": b, "ab": b""}) < FLOOR


def test_inserted_bytes_shift_the_rest(pack):
    data = program(1, 2 * MIB)
    assert delta_size(pack, {"a": data}, {"a": data[:100] + b"inserted" + data[100:]}) < FLOOR


def test_many_small_files_cost_little(pack):
    old = {f"etc/{i:03d}": text(i, 1500) for i in range(400)}
    new = {name: edit(data, 700) for name, data in old.items()}
    assert delta_size(pack, old, new) < 25_000  # of 600 000 bytes, 1.6 MB in blocks


def test_many_small_files_share_operations(pack):
    old = {f"etc/{i:03d}": text(i, 1500) for i in range(400)}
    new = {name: edit(data, 700) for name, data in old.items()}
    delta_size(pack, old, new)
    listing = pack.ok("inspect", "delta.pl", "--operations").stdout
    assert listing.count(" SWDIFF ") < 12, listing


def test_a_new_file_is_coded_without_a_source(pack):
    delta_size(pack, {"a": text(1, 5000)}, {"a": text(1, 5000), "new": text(2, MIB)})
    assert {"REPLACE_ZSTD", "REPLACE_XZ"} & pack.types(pack.folder / "delta.pl")


def test_compressed_file_is_not_diffed_in_vain(pack):
    assert delta_size(pack, {"initrd": noise(1, 3 * MIB)}, {"initrd": noise(2, 3 * MIB)}) < 3.01 * MIB
    assert "REPLACE" in pack.types(pack.folder / "delta.pl")


@pytest.mark.parametrize("profile, wanted", [("switchback", "SWDIFF"),
                                             ("chromeos", "BROTLI_BSDIFF")])
def test_large_file_in_little_memory(pack, profile, wanted):
    """30 MB do not fit into one difference; the windows follow the content, which moved."""
    data = noise(1, 30 * MIB)
    moved = edit(data[20 * MIB:] + data[:20 * MIB], 1000, 17 * MIB)
    images = []
    for side, content in (("old", data), ("new", moved)):
        tree = pack.folder / f"{side}-tree"
        write(tree, "large", content)
        images.append(mkfs(pack.folder / f"{side}.img", tree, 40 * MIB, "-b", "4096"))
    payload = pack.delta(*images, "--memory=256M", f"--profile={profile}")
    pack.check(payload, *images)
    assert payload.stat().st_size < 20_000
    assert wanted in pack.types(payload)
