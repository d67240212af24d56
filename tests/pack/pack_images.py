# SPDX-License-Identifier: Apache-2.0
"""Trees of files and the images made of them, the same at every run."""

import functools
import os
import random
import shutil
import subprocess

MIB = 1 << 20
BLOCK = 4096
WORDS = [bytes(random.Random(i).choices(b"abcdefghijklmnopqrstuvwxyz", k=2 + i % 9))
         for i in range(2000)]


def text(seed, n_bytes):
    """Compressible, like source or configuration."""
    source = random.Random(seed)
    return b" ".join(source.choices(WORDS, k=n_bytes // 4))[:n_bytes]


@functools.lru_cache(maxsize=64)  # the trees of most tests hold the same ones
def program(seed, n_bytes, shift=0):
    """Like machine code: instructions with addresses; another shift is another link address."""
    source = random.Random(seed)
    out = bytearray()
    while len(out) < n_bytes:
        out += source.randbytes(source.randrange(8, 40))
        out += (source.randrange(1 << 20) + shift).to_bytes(4, "little")
    return bytes(out[:n_bytes])


def noise(seed, n_bytes):
    return random.Random(seed).randbytes(n_bytes)


def sprinkle(data, distance):
    """Changes a byte in every `distance`."""
    data = bytearray(data)
    data[::distance] = bytes(b ^ 0x21 for b in data[::distance])
    return bytes(data)


def write(tree, name, data):
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def write_sparse(tree, name, n_bytes, parts):
    """parts: offset -> bytes; the rest are holes."""
    path = write(tree, name, b"")
    with path.open("r+b") as file:
        file.truncate(n_bytes)
        for offset, data in parts.items():
            file.seek(offset)
            file.write(data)
    assert path.stat().st_blocks * 512 < n_bytes, "the host's file system made no holes"


def edit(data, *places):
    """Changes a byte at each place and, at the first one, inserts five."""
    data = bytearray(data)
    for place in places:
        data[place] ^= 0x55
    data[places[0]:places[0]] = b"added"
    return bytes(data)


def make_old_tree(tree):
    """A little of everything that a root file system has."""
    write(tree, "etc/hostname", b"device\n")
    write(tree, "etc/inline-100", text(100, 100))
    write(tree, "etc/inline-150", text(150, 150))
    write(tree, "etc/empty", b"")
    for i in range(40):
        write(tree, f"etc/conf.d/{i:02d}.conf", text(i, 300 + 211 * i))
    write(tree, "usr/bin/program", program(1, 120_000))
    write(tree, "usr/lib/libfoo.so.1.2", program(2, 80_000))
    write(tree, "usr/share/picture", noise(3, 60_000))
    for i in range(12):
        write(tree, f"lib/modules/6.1.0-50/kernel/driver{i}.ko", program(10 + i, 12_000))
    write_sparse(tree, "var/disk.img", 4 * MIB, {0: text(30, 9000), MIB + 5000: program(31, 30_000),
                                                 3 * MIB: text(32, 20_000)})
    os.link(tree / "usr/bin/program", tree / "usr/bin/alias")
    os.link(tree / "etc/hostname", tree / "etc/hostname.link")
    os.symlink("program", tree / "usr/bin/fast-link")
    os.symlink("../" * 40 + "usr/bin/program", tree / "usr/bin/slow-link")
    os.setxattr(tree / "usr/bin/program", "user.note", b"n" * 900)
    (tree / "empty-folder").mkdir()


def make_new_tree(tree, old):
    """The next release: edits, a rebuilt program, renamed folders, a new and a deleted file."""
    shutil.copytree(old, tree, symlinks=True)
    shutil.rmtree(tree / "lib")
    for i in range(12):
        write(tree, f"lib/modules/6.1.0-56/kernel/driver{i}.ko", program(10 + i, 12_000, shift=64))
    (tree / "usr/lib/libfoo.so.1.2").unlink()
    write(tree, "usr/lib/libfoo.so.1.3", edit(program(2, 80_000), 20_000, 50_000))
    # in place, so that both hard links see it
    with (tree / "usr/bin/program").open("r+b") as file:
        file.write(program(1, 120_000, shift=256))
    write(tree, "etc/conf.d/07.conf", edit(text(7, 300 + 211 * 7), 900))
    write(tree, "etc/conf.d/40.conf", text(400, 5000))
    (tree / "etc/conf.d/39.conf").unlink()
    write(tree, "etc/inline-100", text(101, 110))
    (tree / "var/disk.img").unlink()
    write_sparse(tree, "var/disk.img", 5 * MIB, {0: text(30, 9000),
                                                 MIB + 9000: edit(program(31, 30_000), 15_000),
                                                 4 * MIB: text(33, 20_000)})


def mkfs(image, tree, n_bytes, *options, kind="ext4"):
    """An image of a tree (None: empty), made without root; its times and identifiers are fixed."""
    environment = os.environ | {"E2FSPROGS_FAKE_TIME": "1700000000"}
    with image.open("wb") as file:
        file.truncate(n_bytes)
    command = ["mke2fs", "-q", "-F", "-t", kind, "-U", "00000000-0000-4000-8000-000000000001",
               "-E", "hash_seed=00000000-0000-4000-8000-000000000002", *options]
    if tree:
        command += ["-d", str(tree)]
    subprocess.run([*command, str(image)], env=environment, check=True, timeout=60,
                   stdout=subprocess.DEVNULL)
    return image


def debugfs(image, *commands):
    """Changes an image from inside."""
    subprocess.run(["debugfs", "-w", "-f", "-", str(image)], input="\n".join(commands) + "\n",
                   text=True, check=True, timeout=60, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


def make_trees(folder):
    old, new = folder / "old-tree", folder / "new-tree"
    old.mkdir()
    make_old_tree(old)
    make_new_tree(new, old)
    return old, new


def make_small_pair(folder):
    """For tests of what surrounds the coders: a program of 60 kB that was linked anew, and some text."""
    for side, shift in (("old", 0), ("new", 64)):
        tree = folder / f"{side}-tree"
        write(tree, "usr/bin/program", program(1, 60_000, shift=shift))
        write(tree, "etc/text", text(1 + shift, 10_000))
        mkfs(folder / f"{side}.img", tree, 4 * MIB)
    return folder / "old.img", folder / "new.img"


def make_pair(folder, *options, kind="ext4", old_bytes=16 * MIB, new_bytes=16 * MIB):
    """Images of the two trees."""
    old, new = make_trees(folder)
    return (mkfs(folder / "old.img", old, old_bytes, *options, kind=kind),
            mkfs(folder / "new.img", new, new_bytes, *options, kind=kind))
