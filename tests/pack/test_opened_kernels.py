# SPDX-License-Identifier: Apache-2.0
"""Kernels of AArch64, raw and in what they are packed: opened, predicted, put on a device."""

import filecmp
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess

import pytest
from kernel_image import kernel_image
from pack_images import MIB, mkfs, noise, sprinkle, write

BUILD = pathlib.Path(os.environ["SWB_BUILD"]).resolve()
INSTALL = BUILD / "src/bin/swb-install/swb-install"
# Address sanitizer reserves terabytes of address space: no limit can be set then.
SANITIZED = any(o["name"] == "b_sanitize" and o["value"] != "none" for o in
                json.loads((BUILD / "meson-info/intro-buildoptions.json").read_text()))
N_FIELDS = 400 + 801 + 1200 + 3300  # of one kernel: branches, pages, relocations, tokens


def gzipped(data):
    return subprocess.run(["gzip", "-n", "-9"], input=data, check=True,
                          stdout=subprocess.PIPE).stdout


def zboot(data):
    """An EFI program that unpacks the kernel in it: CONFIG_EFI_ZBOOT."""
    packed = gzipped(data)
    head = b"MZ\0\0zimg" + struct.pack("<II", 0x1000, len(packed)) + bytes(8) + b"gzip".ljust(32, b"\0")
    return head.ljust(60, b"\0") + struct.pack("<I", 64) + noise(5, 0xFC0) + packed + noise(6, 3000)


def install(pack, keys, old, new):
    """A signed payload, put on a slot as a device does it, within its usual memory. Return: the payload."""
    private, public = keys("p256")
    payload = pack.delta(old, new, f"--key={private}")
    pack.check(payload, old, new)
    trusted, slot = pack.folder / "trusted", pack.folder / "slot"
    trusted.mkdir()
    shutil.copy(pack.folder / public, trusted)
    slot.write_bytes(bytes(new.stat().st_size))
    subprocess.run([INSTALL, f"--slot=root={slot}", f"--source=root={old}", f"--keys={trusted}",
                    f"--input={payload}", "--foreground"] + ["--memory-limit=0"] * SANITIZED,
                   check=True, timeout=120, stdout=subprocess.DEVNULL)
    assert filecmp.cmp(new, slot, shallow=False)
    return payload


def kernel(is_new):
    """The size that its head tells has BSS behind the file's end in it."""
    return kernel_image(is_new) + noise(9, 60_000)


def lines(seed, n=3000):
    """What LZ4 packs well, too."""
    rng = random.Random(seed)
    return "\n".join(f"line {i} of some text {rng.randrange(1000)}" for i in range(n)).encode()


PACKED = {"raw": lambda data: data, "gz": gzipped, "zboot": zboot}


def write_tree(folder, how, is_new):
    """Files before and behind the kernel."""
    write(folder, "bin/before", sprinkle(lines(1), 999) if is_new else lines(1))
    write(folder, "boot/Image", PACKED[how](kernel(is_new)))
    write(folder, "usr/behind", lines(2) + b"more" * is_new)


def make_ext4(tree, path):
    mkfs(path, tree, 2 * MIB, "-b", "4096")


def make_squashfs(tree, path):
    subprocess.run(["mksquashfs", tree, path, "-comp", "gzip", "-noappend", "-quiet", "-no-progress",
                    "-all-root", "-all-time", "0", "-mkfs-time", "0"], check=True)


def make_erofs(tree, path):
    subprocess.run(["mkfs.erofs", "-zlz4hc", "-T0", "--all-root", "--quiet",
                    "-U", "00000000-0000-0000-0000-000000000001", path, tree], check=True)


def predicted(pack, payload, old, new):
    """How many instructions and pointers of kernels were met, and that nearly all were right."""
    told = json.loads(pack.ok("explain", payload, new, f"--old={old}", "--json").stdout)
    fields = [told["fields"].get(kind, {"count": 0, "right": 0})
              for kind in ("arm-branch", "arm-page", "rela-addend", "token")]
    assert sum(f["right"] for f in fields) >= 0.99 * sum(f["count"] for f in fields)
    return sum(f["count"] for f in fields), {f["path"]: f for f in told["files"]}


@pytest.mark.parametrize("how", PACKED)
def test_kernel_file(pack, keys, tmp_path, how):
    images = old, new = [tmp_path / name for name in ("old.img", "new.img")]
    for path, is_new in zip(images, (False, True)):
        write(tmp_path / path.stem, "boot/Image", PACKED[how](kernel(is_new)))
        make_ext4(tmp_path / path.stem, path)
    n_fields, files = predicted(pack, install(pack, keys, old, new), old, new)
    assert n_fields == N_FIELDS
    assert files["/boot/Image"]["how"] == ("predicted" if how == "raw" else "opened+predicted")


@pytest.mark.parametrize("make,how", [(make_squashfs, "raw"), (make_squashfs, "gz"), (make_erofs, "raw")])
def test_kernel_in_an_image(pack, keys, tmp_path, make, how):
    """A raw one is recognised in what the image opens to, though nothing says where it ends."""
    images = old, new = [tmp_path / name for name in ("old.img", "new.img")]
    for path, is_new in zip(images, (False, True)):
        write_tree(tmp_path / path.stem, how, is_new)
        make(tmp_path / path.stem, path)
        with path.open("r+b") as file:  # a partition has whole blocks
            file.truncate(-(-path.stat().st_size // 4096) * 4096)
    n_fields, _ = predicted(pack, install(pack, keys, old, new), old, new)
    assert n_fields == N_FIELDS
