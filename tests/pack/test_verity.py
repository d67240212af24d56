# SPDX-License-Identifier: Apache-2.0
"""dm-verity: trees that veritysetup agrees with."""

import json
import os
import random
import subprocess

import pytest

import paycheck
from pack_images import MIB, mkfs, program, write
from test_keys import install

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


# ---- error correction ----

def verify_with_fec(image, facts, *more):
    """What veritysetup says of it; it mends in memory."""
    options = [f"--hash-offset={int(facts['SUPERBLOCK']) * BLOCK}", f"--fec-device={image}",
               f"--fec-offset={int(facts['FEC_START']) * BLOCK}",
               f"--fec-roots={facts['FEC_ROOTS']}"]
    return subprocess.run([VERITYSETUP, "verify", image, image, facts["ROOT_HASH"], *options, *more],
                          capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("n_blocks, roots", [(2, 2), (250, 2), (700, 2), (300, 24), (300, 3)])
def test_veritysetup_makes_the_same_fec(pack, n_blocks, roots):
    image = make_image(pack.folder / "image", n_blocks)
    pack.ok("verity", image, "--output=out", "--salt=0102", f"--fec-roots={roots}")
    out, facts = pack.folder / "out", description(pack.folder / "out.verity")
    start, n = int(facts["FEC_START"]), int(facts["FEC_BLOCKS"])
    assert out.stat().st_size == (start + n) * BLOCK
    subprocess.run([VERITYSETUP, "format", image, "tree", "--no-superblock", "--salt=0102",
                    "--fec-device=fec", f"--fec-roots={roots}"],
                   cwd=pack.folder, capture_output=True, timeout=60, check=True)
    assert out.read_bytes()[start * BLOCK:] == (pack.folder / "fec").read_bytes()
    done = verify_with_fec(out, facts)
    assert done.returncode == 0, done.stderr


def test_veritysetup_mends_with_it(pack):
    image = make_image(pack.folder / "image", 700)
    pack.ok("verity", image, "--output=out", "--fec-roots=2")
    out, facts = pack.folder / "out", description(pack.folder / "out.verity")
    good = out.read_bytes()
    for at in (0, 699, int(facts["HASH_START"]), int(facts["HASH_START"]) + 3):
        data = bytearray(good)
        data[at * BLOCK:(at + 1) * BLOCK] = b"\xa5" * BLOCK
        out.write_bytes(data)
        assert veritysetup_verify(out, facts) != ""
        done = verify_with_fec(out, facts)
        assert done.returncode == 0 and " repairable errors" in done.stderr, (at, done)
    rounds = int(facts["FEC_BLOCKS"]) // 2
    for at in (0, rounds, 2 * rounds):  # three of the same codewords are too much
        data[at * BLOCK:(at + 1) * BLOCK] = b"\xa5" * BLOCK
    out.write_bytes(data)
    assert verify_with_fec(out, facts).returncode != 0


def test_roots_that_can_not_be(pack):
    image = make_image(pack.folder / "image", 10)
    for roots in ("1", "25", "99999999999"):
        assert "2 to 24" in pack.fails("verity", image, "--output=out", f"--fec-roots={roots}",
                                       status=2)


# ---- trees that devices make ----

@pytest.fixture
def pair_with_trees(pack):
    """ext4 with a hash tree, old and new."""
    made = []
    for side, shift in (("old", 0), ("new", 5)):
        tree = pack.folder / f"{side}-tree"
        write(tree, "bin/program", program(1, MIB, shift=shift))
        write(tree, "bin/other", program(2, 100_000))
        mkfs(pack.folder / f"{side}.ext4", tree, 12 * MIB, "-b", "4096")
        pack.ok("verity", f"{side}.ext4", f"--output={side}.img", "--fec-roots=2")
        made.append(pack.folder / f"{side}.img")
    return made


def writes(path, facts, what="HASH"):
    """Do the operations write any block of the tree?"""
    first = int(facts[f"{what}_START"])
    last = first + int(facts[f"{what}_BLOCKS"])
    return any(start < last and first < start + n for q in paycheck.Payload(path).partitions
               for op in q.operations for start, n in op.dst)


@pytest.mark.parametrize("options", [[], ["--profile=chromeos", "--minor=6"]])
def test_the_tree_does_not_travel(pack, pair_with_trees, options):
    old, new = pair_with_trees
    facts = description(pack.folder / "new.img.verity")
    (pack.folder / "keys").mkdir()
    pack.ok("keygen", "--type=p256", "key.pem", "keys/key.pem")
    with_tree = pack.delta(old, new, *options, output="travels.pl")
    path = pack.delta(old, new, "--verity", "--key=key.pem", *options)
    pack.check(path, old, new)
    assert writes(with_tree, facts) and not writes(path, facts)
    assert path.stat().st_size < with_tree.stat().st_size
    assert "makes a hash tree of 25 blocks" in pack.ok("inspect", path).stdout
    told = json.loads((pack.folder / "delta.pl.json").read_text())["partitions"][0]["verity"]
    assert told["root_hash"] == facts["ROOT_HASH"] and told["made_by_device"] is True
    own = not options  # to others the superblock between data and tree would be covered, too
    assert told["fec_made_by_device"] is own and told["fec_roots"] == 2
    assert writes(path, facts, "FEC") is not own
    assert ("makes error correction of 26 blocks" in pack.ok("inspect", path).stdout) is own
    assert told["salt"] == "-" and told["data_blocks"] == 3072 and told["hash_start"] == 3073
    # in a slot that held something else
    assert install(pack.folder, path, 1, source=old) == ""
    slot = pack.folder / "slot"
    os.truncate(slot, new.stat().st_size)
    assert slot.read_bytes() == new.read_bytes()
    assert veritysetup_verify(slot, facts) == ""
    assert verify_with_fec(slot, facts).returncode == 0


def test_full_payload(pack, pair_with_trees):
    new = pair_with_trees[1]
    path = pack.full(new, "--verity")
    pack.check(path, None, new)
    pack.ok("apply", path, "made")
    assert (pack.folder / "made").read_bytes() == new.read_bytes()
    assert not writes(path, description(pack.folder / "new.img.verity"))
    # others can't: there it travels, and the manifest still has the root hash
    path = pack.full(new, "--verity", "--profile=chromeos", output="others.pl")
    told = json.loads((pack.folder / "others.pl.json").read_text())["partitions"][0]["verity"]
    assert told["made_by_device"] is False
    assert writes(path, description(pack.folder / "new.img.verity"))


def test_trees_are_not_believed(pack, pair_with_trees):
    new = pair_with_trees[1]
    text = (pack.folder / "new.img.verity").read_text()
    good = new.read_bytes()

    def fails(image=good, description_text=text):
        new.write_bytes(image)
        (pack.folder / "new.img.verity").write_text(description_text)
        return pack.fails("full", new, "--verity", "--output=p", "--app-id=a",
                          "--target-version=2")

    def changed(at):
        return good[:at] + bytes([good[at] ^ 1]) + good[at + 1:]

    assert "another hash tree" in fails(changed(5000))  # data
    assert "another hash tree" in fails(changed(3074 * BLOCK))
    assert "another superblock" in fails(changed(3072 * BLOCK + 20))
    root = description(new.with_name("new.img.verity"))["ROOT_HASH"]
    assert "another root hash" in fails(description_text=text.replace(root, root[::-1]))
    assert "not what swb-pack verity writes" in fails(
        description_text=text.replace("sha256", "sha1"))
    assert "another error correction" in fails(good[:-1] + bytes([good[-1] ^ 1]))
    assert "not what swb-pack verity writes" in fails(
        description_text=text.replace("FEC_ROOTS=2", "FEC_ROOTS=3"))
    assert "another size" in fails(good[:-BLOCK])
    (pack.folder / "new.img.verity").unlink()
    new.write_bytes(good)
    assert "new.img.verity" in pack.fails("full", new, "--verity", "--output=p", "--app-id=a",
                                          "--target-version=2")
