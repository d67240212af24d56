# SPDX-License-Identifier: Apache-2.0
"""Files that hold DEFLATE streams: small deltas for clients that know PUFFDIFF."""

import gzip
import io
import os
import pathlib
import random
import struct
import subprocess
import zipfile
import zlib

import pytest

import pack_images
from conftest import BUILD
from pack_images import MIB, mkfs, write

REFDECODER = pathlib.Path(__file__).resolve().parents[2] / "tools" / "refdecoder" / "refdecoder.py"
PUFFED = "PUFFDIFF"


def prose(seed, n_words):
    source = random.Random(seed)
    words = ["".join(source.choices("abcdefghijklmnop", k=source.randint(2, 9))) for _ in range(2000)]
    return " ".join(source.choices(words, k=n_words)).encode()


def edited(data):
    """Some words changed, one left out, one put in: all that follows moves."""
    out = bytearray(data)
    source = random.Random(7)
    for _ in range(10):
        at = source.randrange(len(out))
        out[at:at + 2] = b"QX"
    del out[1000:1005]
    out[50_000:50_000] = b" another word"
    return bytes(out)


def png(raw):
    def part(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    packed = zlib.compress(raw, 9)
    return (b"\x89PNG\r\n\x1a\n" + part(b"IHDR", bytes(13)) +
            b"".join(part(b"IDAT", packed[at:at + 65536]) for at in range(0, len(packed), 65536)) +
            part(b"IEND", b""))


def archive(data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for i in range(0, len(data), 20_000):
            z.writestr(zipfile.ZipInfo(f"classes/{i}.txt"), data[i:i + 20_000],
                       zipfile.ZIP_DEFLATED)
    return out.getvalue()


KINDS = {
    "gzip": lambda d: gzip.compress(d, 9, mtime=0),
    "gzip-fast": lambda d: gzip.compress(d, 1, mtime=0),
    "kernel": lambda d: random.Random(3).randbytes(15_001) + gzip.compress(d, 9, mtime=0) + b"end",
    "initrd": lambda d: bytes(512) + gzip.compress(d[:60_000], mtime=0) + bytes(7) +
                        gzip.compress(d[60_000:], mtime=0),
    "zip": archive,
    "png": png,
}


def images_of(folder, make, old, new):
    made = []
    for side, data in (("old", old), ("new", new)):
        tree = folder / f"{side}-tree"
        write(tree, "usr/share/it", make(data))
        made.append(mkfs(folder / f"{side}.img", tree, 8 * MIB, "-b", "4096"))
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_found_by_content(pack, kind):
    old = prose(1, 25_000)
    images = images_of(pack.folder, KINDS[kind], old, edited(old))
    without = pack.delta(*images, "--profile=chromeos", "--minor=4", output="without.pl")
    path = pack.delta(*images, "--profile=chromeos", "--minor=5")
    pack.check(path, *images)
    assert PUFFED in pack.types(path)
    assert path.stat().st_size < without.stat().st_size / 2
    done = subprocess.run(["/usr/bin/python3", REFDECODER, path, f"root={images[0]}",
                           f"root>{pack.folder}/made"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert (pack.folder / "made").read_bytes() == images[1].read_bytes()
    again = pack.delta(*images, "--profile=chromeos", "--minor=5", "--jobs=1", output="again.pl")
    assert again.read_bytes() == path.read_bytes()


def test_only_where_it_may_and_pays(pack):
    """Not below minor version 5, not in our own profile's, and not when another word is shorter."""
    old = prose(1, 20_000)
    images = images_of(pack.folder, KINDS["gzip"], old, edited(old))
    for options in (["--profile=chromeos", "--minor=4"], ["--profile=chromeos", "--minor=2"], []):
        assert PUFFED not in pack.types(pack.delta(*images, *options))
    assert PUFFED in pack.types(pack.delta(*images, "--profile=chromeos", "--minor=6"))
    other = pack.folder / "other"
    other.mkdir()
    source = random.Random(9)
    images = images_of(other, lambda d: d, source.randbytes(200_000), source.randbytes(200_000))
    assert PUFFED not in pack.types(pack.delta(*images, "--profile=chromeos", "--minor=5"))


def test_on_a_device_with_little_memory(pack):
    """7 MB of puffs in one operation, below the 64 MiB that swb-install allows itself (not with
    the address sanitizer)."""
    from test_keys import install
    old = b"".join(random.Random(seed).randbytes(40_000) + prose(seed, 20_000) for seed in range(60))
    images = []
    for side, data in (("old", old), ("new", edited(old))):
        image = pack.folder / f"{side}.img"
        image.write_bytes(gzip.compress(data, 1, mtime=0))
        os.truncate(image, 8 * MIB)
        images.append(image)
    keys = pack.folder / "keys"
    keys.mkdir()
    pack.ok("keygen", "--type=p256", "key.pem", "keys/key.pem")
    path = pack.delta(*images, "--profile=chromeos", "--minor=5", "--key=key.pem")
    assert PUFFED in pack.types(path)
    slot = pack.folder / "slot"
    assert install(pack.folder, path, 1, source=images[0]) == ""
    assert slot.read_bytes()[:8 * MIB] == images[1].read_bytes()
