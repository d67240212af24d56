# SPDX-License-Identifier: Apache-2.0
"""Releases of a small system made of this machine's own programs, as slot images and signed payloads.

Three versions; the second has programs that were rebuilt, renamed, removed and added, the third
differs little from it. Films, which no coder shrinks, make the payloads long. Made once for a whole test run: the processes of pytest-xdist share a folder.
"""

import fcntl
import hashlib
import os
import pathlib
import random
import shutil
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
APP = "test.switchback"
SLOT_BYTES, INODES = 28 << 20, 1024
OLD_BYTES, ADDED_BYTES = 10 << 20, 1 << 20  # of programs in 1.0, and new in 2.0
ELF_SIZES = range(48 << 10, 1 << 20)
EPOCH = 1735689600
FILM_BYTES = 1 << 20
DELTAS = [("1.0", "2.0"), ("1.0", "3.0"), ("2.0", "3.0")]


def environment():
    """Ours, with the folders where e2fsprogs lives."""
    return {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin"}


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def programs(n_bytes):
    """Programs and libraries of this machine, the same ones each time, that many bytes together."""
    paths = [path for pattern in ("bin/*", "lib/*-linux-gnu/*.so*")
             for path in pathlib.Path("/usr").glob(pattern)]
    total = 0
    for path in sorted(paths, key=lambda p: hashlib.sha256(str(p).encode()).digest()):
        if path.is_symlink() or not path.is_file() or path.stat().st_size not in ELF_SIZES:
            continue
        data = path.read_bytes()
        if data[:4] != b"\x7fELF":
            continue
        yield path, data
        total += len(data)
        if total >= n_bytes:
            return
    raise AssertionError(f"this machine has but {total} bytes of programs")


def rebuild(data, dice):
    """As a compiler of another day would: addresses differ, something was added, something went."""
    data = bytearray(data)
    for _ in range(len(data) // 4096):
        at = dice.randrange(64, len(data))
        data[at] = (data[at] + dice.randrange(1, 256)) % 256
    at = dice.randrange(64, len(data))
    data[at:at] = dice.randbytes(dice.randrange(16, 4000))
    at = dice.randrange(64, len(data) - 2000)
    del data[at:at + dice.randrange(16, 2000)]
    return bytes(data)


def write_tree(root, version, files):
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (root / "etc").mkdir(parents=True, exist_ok=True)
    (root / "etc/os-release").write_text(f"ID=test\nVERSION_ID={version}\n")


def films(numbers):
    return {f"usr/share/films/{i:02}.webm": random.Random(i).randbytes(FILM_BYTES) for i in numbers}


def contents():
    """{version: {path: bytes}}."""
    dice = random.Random(2)
    first, second, added = {}, films(range(2, 12)), 0
    for path, data in programs(OLD_BYTES + ADDED_BYTES):
        name, i = str(path).lstrip("/"), len(first)
        if sum(map(len, first.values())) >= OLD_BYTES:
            second[name] = data
            added += 1
            continue
        first[name] = data
        if i % 13 == 5:
            continue
        new_name = f"usr/libexec/moved/{path.name}" if i % 11 == 3 else name
        second[new_name] = rebuild(data, dice) if i % 4 == 0 else data
    assert added > 1
    first |= films(range(10))
    third = {name: rebuild(data, dice) if i % 10 == 0 else data
             for i, (name, data) in enumerate(second.items())}
    return {"1.0": first, "2.0": second, "3.0": third}


class Releases:
    """Images and payloads in one folder: image(version), full(version), delta(old, new)."""

    def __init__(self, folder, build):
        self.folder, self.build = folder, build
        self.sha = {}

    def image(self, version):
        return self.folder / f"{version}.img"

    def full(self, version):
        return self.folder / f"full-{version}"

    def delta(self, old, new):
        return self.folder / f"delta-{old}-{new}"

    @property
    def key(self):
        return self.folder / "private.pem"

    @property
    def public_key(self):
        return self.folder / "public.pem"

    def image_sha(self, version):
        if version not in self.sha:
            self.sha[version] = sha256(self.image(version))
        return self.sha[version]

    def pack(self, *args):
        program = self.build / "src/bin/swb-pack/swb-pack"
        result = subprocess.run([program, *map(str, args)], stdin=subprocess.DEVNULL, text=True,
                                capture_output=True, check=False, timeout=600)
        assert result.returncode == 0, result.stderr

    def keygen(self, private, public):
        self.pack("keygen", "--type=p256", private, public)

    def make_full(self, payload, image, version, key=None):
        self.pack("full", f"--output={payload}", f"--app-id={APP}", f"--target-version={version}",
                  f"--key={key or self.key}", "--progress=none", image)

    def make_delta(self, payload, old, new):
        self.pack("delta", f"--output={payload}", f"--app-id={APP}", f"--source-version={old}",
                  f"--target-version={new}", f"--key={self.key}", "--progress=none",
                  self.image(old), self.image(new))

    def make_image(self, version, files, image=None, size=SLOT_BYTES):
        image = image or self.image(version)
        tree = image.parent / f"tree-{version}"
        write_tree(tree, version, files)
        subprocess.run([TOP / "tools/mkimage", f"--size={size}", f"--inodes={INODES}",
                        f"--epoch={EPOCH}", tree, image], check=True,
                       env=environment())
        shutil.rmtree(tree)

    def make(self):
        self.keygen(self.key, self.public_key)
        for version, files in contents().items():
            self.make_image(version, files)
        self.make_full(self.full("2.0"), self.image("2.0"), "2.0")
        for old, new in DELTAS:
            self.make_delta(self.delta(old, new), old, new)


def releases(folder, build):
    """The releases in this folder, made by whoever comes first."""
    result = Releases(folder, build)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            result.make()
            (folder / "done").touch()
    return result
