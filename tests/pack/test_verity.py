# SPDX-License-Identifier: Apache-2.0
"""dm-verity: trees that veritysetup agrees with."""

import random
import subprocess

import pytest

BLOCK = 4096
VERITYSETUP = "/usr/sbin/veritysetup"


def make_image(path, n_blocks, seed=1):
    """Half of it zeros."""
    source = random.Random(seed)
    content = b"".join(source.randbytes(BLOCK) if i % 2 else bytes(BLOCK) for i in range(n_blocks))
    path.write_bytes(content)
    return path


def description(path):
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


def veritysetup_verify(image, facts):
    """By the superblock, and without it as a kernel command line would have it."""
    offset = int(facts["SUPERBLOCK"]) * BLOCK
    tree = int(facts["HASH_START"]) * BLOCK
    for options in ([f"--hash-offset={offset}"],
                    ["--no-superblock", f"--hash-offset={tree}", "--hash=sha256",
                     "--data-block-size=4096", "--hash-block-size=4096",
                     f"--data-blocks={facts['DATA_BLOCKS']}", f"--salt={facts['SALT']}"]):
        done = subprocess.run([VERITYSETUP, "verify", image, image, facts["ROOT_HASH"], *options],
                              capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            return done.stderr or "failed"
    return ""


@pytest.mark.parametrize("n_blocks", [2, 128, 129, 300, 16385])
@pytest.mark.parametrize("salt", ["-", "00ff" * 16])
def test_veritysetup_agrees(pack, n_blocks, salt):
    image = make_image(pack.folder / "image", n_blocks)
    pack.ok("verity", image, "--output=out", f"--salt={salt}")
    out, facts = pack.folder / "out", description(pack.folder / "out.verity")
    assert facts["SALT"] == salt and int(facts["DATA_BLOCKS"]) == n_blocks
    assert out.stat().st_size == (n_blocks + 1 + int(facts["HASH_BLOCKS"])) * BLOCK
    assert out.read_bytes()[:n_blocks * BLOCK] == image.read_bytes()
    assert veritysetup_verify(out, facts) == ""
    data = bytearray(out.read_bytes())
    data[BLOCK + 5] ^= 1
    out.write_bytes(data)
    assert veritysetup_verify(out, facts) != ""


def test_the_same_each_time_and_as_veritysetup_makes_it(pack):
    image = make_image(pack.folder / "image", 300)
    for name in "ab":
        pack.ok("verity", image, f"--output={name}", "--salt=0102")
    assert (pack.folder / "a").read_bytes() == (pack.folder / "b").read_bytes()
    facts = description(pack.folder / "a.verity")
    tree = pack.folder / "tree"
    done = subprocess.run([VERITYSETUP, "format", "--no-superblock", "--salt=0102", image, tree],
                          capture_output=True, text=True, timeout=60, check=True)
    assert facts["ROOT_HASH"] in done.stdout
    start = int(facts["HASH_START"]) * BLOCK
    assert (pack.folder / "a").read_bytes()[start:] == tree.read_bytes()


def test_signature_of_the_description(pack, keys):
    private, public = keys("p256")
    image = make_image(pack.folder / "image", 10)
    pack.ok("verity", image, "--output=out", f"--key={private}")
    check = ["openssl", "dgst", "-sha256", "-verify", public, "-signature", "out.verity.sig",
             "out.verity"]
    assert subprocess.run(check, cwd=pack.folder, capture_output=True, check=False).returncode == 0
    pack.ok("verity", image, "--output=out", "--salt=01")  # not signed: the old one must not stay
    assert not (pack.folder / "out.verity.sig").exists()


def test_what_can_not_be(pack):
    image = make_image(pack.folder / "image", 10)
    assert "salt" in pack.fails("verity", image, "--output=out", "--salt=0", status=2)
    assert "salt" in pack.fails("verity", image, "--output=out", "--salt=" + 257 * "00", status=2)
    assert "at once" in pack.fails("verity", image, f"--output={image}", status=2)
    one = make_image(pack.folder / "one", 1)
    assert "over 1 blocks" in pack.fails("verity", one, "--output=out")
    one.write_bytes(bytes(BLOCK + 1))
    assert "multiple" in pack.fails("verity", one, "--output=out")
    assert not (pack.folder / "out").exists() and not (pack.folder / "out.verity").exists()
