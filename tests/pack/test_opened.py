# SPDX-License-Identifier: Apache-2.0
"""Compressed files in an image: compared opened, made again bit for bit by the device's code."""

import ctypes
import filecmp
import functools
import gzip
import json
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import zlib

import paycheck
import pytest
from pack_images import MIB, mkfs, noise, sprinkle, write

REFDECODER = pathlib.Path(__file__).resolve().parents[2] / "tools/refdecoder/refdecoder.py"
sys.path.append(str(REFDECODER.parent))
import encoders  # noqa: E402


def lines(seed, changed, n=16_000):
    """That many lines of text, 25 bytes each, of which every 97th is another."""
    rng = random.Random(seed)
    text = [f"{i} {rng.randbytes(6).hex()} {rng.randrange(1000)}" for i in range(n)]
    if changed:
        for i in range(0, len(text), 97):
            text[i] = f"{i} was changed, as {rng.randrange(1000)} others were"
    return "\n".join(text).encode()


def gzipped(data, level):
    return subprocess.run(["gzip", "-n", f"-{level}"], input=data, check=True,
                          stdout=subprocess.PIPE).stdout


def xzed(data, *options):
    return subprocess.run(["xz", "--check=crc32", *options], input=data, check=True, stdout=subprocess.PIPE).stdout


def pigzed(data):
    return gzipped(b"", 9)[:10] + encoders.pigz(data, (9, 128, 0)) + struct.pack(
        "<II", zlib.crc32(data), len(data))


def image(folder, name, changed):
    tree = folder / name
    write(tree, "boot/initrd.img", gzipped(lines(1, changed), 9))
    write(tree, "boot/initrd-6.img", b"early" * 1000 + gzipped(lines(2, changed), 6))
    write(tree, "boot/initrd-pigz.img", bytes(512) + pigzed(lines(7, changed)) +
          gzipped(lines(9, changed)[:60_000], 9))
    write(tree, "doc/small.gz", gzipped(lines(3, changed)[:40_000], 9))
    write(tree, "unknown.gz", gzip.compress(lines(4, changed)[:200_000], 9, mtime=0)[:-9] + b"damaged!!")
    path = mkfs(folder / f"{name}.img", tree, 8 * MIB, "-b", "4096")
    shutil.rmtree(tree)
    return path


def test_compressed_files(pack, tmp_path):
    old, new = image(tmp_path, "old", False), image(tmp_path, "new", True)
    payload = pack.delta(old, new, "--minor=1004")
    pack.check(payload, old, new)
    q = paycheck.Payload(payload)
    blobs = [q.blob(op)[:4] for part in q.partitions
             for op in part.operations if op.type == paycheck.SWDIFF]
    assert blobs.count(b"SWO1") >= 2
    opened = json.loads((pack.folder / "delta.pl.json").read_text())["opened"]
    assert set(opened["encoders"].split()) == {"gzip", "pigz"}
    assert opened["memory"] <= 26 * MIB and opened["scratch"] <= MIB
    assert q.needs == {1: opened["encoders"].encode(), 2: opened["memory"], 3: opened["scratch"]}
    closed = pack.delta(old, new, "--minor=1003", output="closed.pl")
    for encoders in ("none", "lz4,xz"):
        without = pack.delta(old, new, "--minor=1004", f"--encoders={encoders}", output="without.pl")
        pack.check(without, old, new)
        assert "opened" not in json.loads((pack.folder / "without.pl.json").read_text())
        assert payload.stat().st_size < without.stat().st_size / 4
    pack.fails("delta", "-o", "x", "--app-id=a", "--target-version=2", "--source-version=1", "--encoders=lz4,nope",
               old, new, status=2)
    assert payload.stat().st_size < closed.stat().st_size / 4
    pack.ok("apply", payload, old, "made.img", "--progress=none")
    assert filecmp.cmp(new, pack.folder / "made.img", shallow=False)


def test_more_memory(pack, tmp_path):
    """As kernels are packed in xz: what it takes depends on the dictionary, not on the content."""
    images = []
    for name, changed in (("old", False), ("new", True)):
        write(tmp_path / name, "kernel", xzed(lines(9, changed)[:200_000], "--x86", "--lzma2=dict=32MiB"))
        images.append(mkfs(tmp_path / f"{name}.img", tmp_path / name, 2 * MIB, "-b", "4096"))
    payload = pack.delta(*images, "--open-memory=400M")
    pack.check(payload, *images)
    needs = paycheck.Payload(payload).needs
    assert needs[1] == b"xz" and 350 * MIB < needs[2] < 400 * MIB and needs[3] >= 200_000
    subprocess.run([sys.executable, REFDECODER, payload, f"root={images[0]}", "root>second.img"],
                   cwd=pack.folder, check=True, stdout=subprocess.DEVNULL)
    assert filecmp.cmp(images[1], pack.folder / "second.img", shallow=False)
    closed = pack.delta(*images, output="closed.pl")
    almost = pack.delta(*images, f"--open-memory={needs[2] - 1}", output="almost.pl")
    for other in (closed, almost):
        assert not paycheck.Payload(other).needs
        assert payload.stat().st_size < other.stat().st_size / 4
    for size in ("1025M", "1023K"):
        assert "--open-memory" in pack.fails("delta", "-o", "x", "--app-id=a", "--target-version=2", "--source-version=1",
                                             f"--open-memory={size}", *images, status=2)


def test_modules(pack, tmp_path):
    """As a kernel's modules are packed: that is just below what every device gives."""
    images = []
    for name, changed in (("old", False), ("new", True)):
        write(tmp_path / name, "module.ko.xz", xzed(lines(9, changed)[:200_000], "--lzma2=dict=2MiB"))
        images.append(mkfs(tmp_path / f"{name}.img", tmp_path / name, 2 * MIB, "-b", "4096"))
    payload = pack.delta(*images)
    pack.check(payload, *images)
    assert 24 * MIB < paycheck.Payload(payload).needs[2] <= 26 * MIB
    assert payload.stat().st_size < 20_000


def test_less_memory(pack, tmp_path):
    """For devices that give less: then all of the old content is opened first."""
    images = []
    for name, changed in (("old", False), ("new", True)):
        write(tmp_path / name, "text.xz", xzed(lines(9, changed)[:200_000], "--lzma2=dict=512KiB"))
        images.append(mkfs(tmp_path / f"{name}.img", tmp_path / name, 2 * MIB, "-b", "4096"))
    sides = paycheck.Payload(pack.delta(*images)).needs
    payload = pack.delta(*images, f"--open-memory={sides[2] - 1}", output="less.pl")
    pack.check(payload, *images)
    needs = paycheck.Payload(payload).needs
    assert needs[2] < sides[2] and needs[3] > sides[3] == 0


def test_small_packed_file_beside_a_large_one(pack, tmp_path):
    """It is less than a sixty-fourth of their operation, and worth opening all the same."""
    images, program = [], noise(1, 4 * MIB)
    for changed in (False, True):
        tree = tmp_path / "tree"
        write(tree, "program", sprinkle(program, 5000) if changed else program)
        write(tree, "module.gz", gzipped(lines(1, changed)[:100_000], 9))
        images.append(mkfs(tmp_path / f"{changed}.img", tree, 12 * MIB, "-b", "4096"))
        shutil.rmtree(tree)
    payload = pack.delta(*images)
    pack.check(payload, *images)
    closed = pack.delta(*images, "--encoders=none", output="closed.pl")
    assert payload.stat().st_size < closed.stat().st_size / 2


def packed_by(command, data):
    return subprocess.run(command.split(), input=data, check=True, stdout=subprocess.PIPE).stdout


KERNEL_PACKERS = ("bzip2 -9", "lzma -1", "lzop -9", "lzop -3", "lzop -1",
                  "xz -T2 --check=crc32 --x86 --lzma2=preset=6,dict=256KiB --block-size=300KiB",
                  "xz -T2 --lzma2=preset=6,dict=256KiB")


def test_what_kernels_are_packed_with(pack, tmp_path):
    """As the kernel's build calls them, the size behind; for lzma -9 a device has not the memory."""
    images = []
    for name, changed in (("old", False), ("new", True)):
        write(tmp_path / name, "boot/large", packed_by("lzma -9", lines(8, changed)[:50_000]))
        for i, command in enumerate(KERNEL_PACKERS):
            data = lines(i, changed, 8000) + noise(i, MIB // 2 if i == 2 else 1000)
            packed = packed_by(command, data) + struct.pack("<I", len(data))
            write(tmp_path / name, f"boot/vmlinuz-{i}", b"setup" * 100 + packed)
        images.append(mkfs(tmp_path / f"{name}.img", tmp_path / name, 4 * MIB, "-b", "4096"))
    old, new = images
    payload = pack.delta(old, new)
    pack.check(payload, old, new)
    opened = json.loads((pack.folder / "delta.pl.json").read_text())["opened"]
    assert set(opened["encoders"].split()) == {"bzip2", "lzma", "lzo", "lzo-999", "xz"}
    assert opened["memory"] <= 26 * MIB
    pack.ok("apply", payload, old, "made.img", "--progress=none")
    assert filecmp.cmp(new, pack.folder / "made.img", shallow=False)
    closed = pack.delta(old, new, "--encoders=none", output="closed.pl")
    assert payload.stat().st_size < closed.stat().st_size / 4
    subprocess.run([sys.executable, REFDECODER, payload, f"root={old}", "root>second.img"],
                   cwd=pack.folder, check=True, timeout=120)
    assert filecmp.cmp(new, pack.folder / "second.img", shallow=False)


def legacy_lz4(data):
    """As `lz4 -l -9` packs a kernel of less than 8 MiB."""
    lib = ctypes.CDLL("liblz4.so.1")
    room = ctypes.create_string_buffer(len(data) + 4096)
    n = lib.LZ4_compress_HC(data, room, len(data), len(room), 9)
    return struct.pack("<II", 0x184C2102, n) + room.raw[:n]


def flushed(data):
    """A stream that no encoder makes, as those of zopfli, 7-Zip and libdeflate are."""
    encoder, out = zlib.compressobj(9, zlib.DEFLATED, 31), b""
    for at in range(0, len(data), 30_000):
        out += encoder.compress(data[at : at + 30_000]) + encoder.flush(zlib.Z_SYNC_FLUSH)
    return out + encoder.flush()


def test_corrections(pack, tmp_path):
    """Such a stream is made again from its content and what of its tokens is not likely."""
    images = []
    for name, changed in (("old", False), ("new", True)):
        write(tmp_path / name, "text.gz", flushed(lines(8, changed)[:120_000]))
        images.append(mkfs(tmp_path / f"{name}.img", tmp_path / name, MIB, "-b", "4096"))
    old, new = images
    payload = pack.delta(old, new)
    pack.check(payload, old, new)
    assert json.loads((pack.folder / "delta.pl.json").read_text())["opened"]["encoders"] == "tokens"
    without = pack.delta(old, new, "--encoders=gzip,zlib", output="without.pl")
    assert payload.stat().st_size < without.stat().st_size / 4
    subprocess.run([sys.executable, REFDECODER, payload, f"root={old}", "root>second.img"],
                   cwd=pack.folder, check=True, timeout=120)
    assert filecmp.cmp(new, pack.folder / "second.img", shallow=False)


def tree(folder, changed):
    initramfs = gzipped(lines(8, changed), 9)
    kernel = b"setup" * 100 + legacy_lz4(lines(5, changed, 40_000)[:800_000] + initramfs)
    write(folder, "boot/vmlinuz", kernel)
    write(folder, "usr/text", lines(6, changed)[:400_000])
    for name in ("one", "two"):
        write(folder, f"etc/{name}", f"{name} {changed}\n".encode() * 500)
    return folder


SQUASHFS = ["-b", "131072", "-noappend", "-quiet", "-no-progress", "-all-root", "-all-time", "0",
            "-mkfs-time", "0"]
EROFS = ["-T0", "--all-root", "--quiet", "-U", "00000000-0000-0000-0000-000000000001"]
# How an image is made, and its encoder.
IMAGES = {
    "squashfs-gzip": ("zlib", ["-comp", "gzip"]),
    "squashfs-xz": ("xz", ["-comp", "xz"]),
    "squashfs-lz4": ("lz4", ["-comp", "lz4", "-no-fragments"]),
    "squashfs-lz4hc": ("lz4-hc", ["-comp", "lz4", "-Xhc"]),
    "squashfs-lzo": ("lzo-999", ["-comp", "lzo"]),
    "squashfs-zstd": ("zstd", ["-comp", "zstd", "-processors", "2"]),
    "erofs-lz4": ("erofs-lz4", ["-zlz4", "-Enoinline_data"]),
    "erofs-lz4hc": ("erofs-lz4-hc", ["-zlz4hc", "-Enoinline_data"]),
}


def make_image(kind, folder, path):
    _, options = IMAGES[kind]
    if kind.startswith("erofs"):
        command = ["mkfs.erofs", *options, *EROFS, path, folder]
    else:
        command = ["mksquashfs", folder, path, *options, *SQUASHFS]
    subprocess.run(command, check=True)
    with path.open("r+b") as file:  # a partition has whole blocks
        file.truncate(-(-path.stat().st_size // 4096) * 4096)


def megabytes_to_encode(explained, encoder):
    return sum(float(n) for n in re.findall(rf"encoding ([\d.]+) MB with {encoder} ", explained))


@pytest.mark.parametrize("kind", IMAGES)
def test_whole_images(pack, tmp_path, kind):
    """A partition of another file system; what is packed in its files opens as well. A file that
    did not change stays as it is packed."""
    images = old, new = [tmp_path / name for name in ("old.img", "new.img")]
    for path, changed in zip(images, (False, True)):
        folder = tree(tmp_path / path.stem, changed)
        for name in ("usr/same", "var/same-again"):
            write(folder, name, lines(7, False))
        make_image(kind, folder, path)
    encoder, _ = IMAGES[kind]
    payload = pack.delta(old, new)
    pack.check(payload, old, new)
    (blob,) = [q.blob(op) for q in [paycheck.Payload(payload)] for part in q.partitions
               for op in part.operations if op.type == paycheck.SWDIFF]
    second = 16 + struct.unpack("<I", blob[8:12])[0]
    assert blob[:4] == b"SWO1"
    assert blob[second : second + 4] == b"SWO1"  # the kernel lies in many blocks
    assert payload.stat().st_size < new.stat().st_size / 5
    opened = json.loads((pack.folder / "delta.pl.json").read_text())["opened"]
    assert any(name.startswith(encoder) for name in opened["encoders"].split())
    assert "gzip" in opened["encoders"].split()  # the initramfs in the kernel in the image
    assert opened["memory"] <= 26 * MIB
    pack.ok("apply", payload, old, "made.img", "--progress=none")
    assert filecmp.cmp(new, pack.folder / "made.img", shallow=False)
    explained = pack.ok("explain", payload, new, f"--old={old}").stdout
    assert megabytes_to_encode(explained, "lz4-hc") >= 0.9
    both = 0.9 if encoder == "lz4-hc" else 0  # the kernel's, too
    assert 0.3 < megabytes_to_encode(explained, encoder) - both < 1.7, explained
    if kind in ("squashfs-gzip", "squashfs-lzo", "squashfs-zstd", "erofs-lz4hc"):  # others: golden
        subprocess.run([sys.executable, REFDECODER, payload, f"root={old}", "root>second.img"],
                       cwd=pack.folder, check=True, timeout=120)
        assert filecmp.cmp(new, pack.folder / "second.img", shallow=False)


def test_image_that_stays_packed(pack, tmp_path):
    """That costs, so it is said; not of one that opens, or hardly changed."""
    images = old, new = [tmp_path / name for name in ("old.img", "new.img")]
    for path, changed in zip(images, (False, True)):
        folder = tmp_path / path.stem
        write(folder, "usr/text", lines(6, changed))
        make_image("squashfs-gzip", folder, path)
    options = ["-o", "x.pl", "--app-id=a", "--target-version=2", "--source-version=1", "--progress=none"]
    for more, reason in ((["--encoders=none"], "no encoders are allowed"),
                         (["--minor=1003"], "only minor version 1004 can do that"),
                         (["--encoders=xz"], "zlib: no encoder that is allowed makes it again")):
        result = pack.ok("delta", *options, *more, old, new)
        assert "partition 'root': its squashfs image is compared as it is packed" in result.stderr
        assert reason in result.stderr
        shown = pack.ok("explain", "x.pl", new).stdout
        assert "squashfs image is compared as it is packed" in shown
    for pair in ((old, new), (old, old)):
        assert "as it is packed" not in pack.ok("delta", *options, *pair).stderr
        assert "as it is packed" not in pack.ok("explain", "x.pl", pair[1]).stdout
