# SPDX-License-Identifier: Apache-2.0
"""--cache: what was done once is not done again, and the payload is the same, whatever happens to the folder."""

import filecmp
import json
import os
import re
import subprocess

import pytest

import pack_images
from conftest import Pack
from pack_images import MIB, mkfs, program, text, write

PROFILES = {"own": [], "own-1003": ["--minor=1003"], "own-1000": ["--minor=1000"],
            "chromeos": ["--profile=chromeos"], "chromeos-2": ["--profile=chromeos", "--minor=2"],
            "chromeos-6": ["--profile=chromeos", "--minor=6"]}
FULLS = {"full": [], "full-1000": ["--minor=1000"], "full-chromeos": ["--profile=chromeos"],
         "adaptive": ["--adaptive"]}


OWN_ENTRIES = "--profile=chromeos"  # several operations, where our own profile has one


def make_image(folder, i, n_bytes, more=()):
    """The old (0) or new (1) image: changed, new and moved files, and more of (name, content)."""
    tree = folder / f"tree{i}"
    for name, content in more:
        write(tree, name, content)
    write(tree, "usr/bin/program", program(1, 100_000, shift=64 * i))
    write(tree, f"usr/lib/{i}/libfoo.so", pack_images.edit(program(2, 60_000), 20_000) if i
          else program(2, 60_000))
    write(tree, "etc/text", text(3, 30_000))
    write(tree, f"etc/only-{i}", text(4 + i, 40_000))
    return mkfs(folder / f"{i}.ext4", tree, n_bytes)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    return [make_image(folder, i, 2 * MIB) for i in range(2)]


def make(pack, images, name, *options):
    """Payload and its manifest of a delta or, of one image, a full payload; how many were taken."""
    versions = ["--app-id=app", "--target-version=2", *(["--source-version=1"] * (len(images) - 1))]
    done = pack.ok("delta" if len(images) > 1 else "full", *images, f"--output={name}", *versions,
                   "--progress=none", *options)
    taken = re.search(r"cache: (\d+) of (\d+) taken", done.stdout)
    payload = pack.folder / name
    counts = tuple(map(int, taken.groups())) if taken else None
    return (payload.read_bytes(), (pack.folder / f"{name}.json").read_bytes()), counts, done.stderr


def check_bytes(pack, images, options):
    """Threads and cache, empty or full, do not change a byte; a full cache leaves nothing to do."""
    plain, counts, _ = make(pack, images, "plain", *options, "--jobs=1")
    assert counts is None
    assert make(pack, images, "threads", *options, "--jobs=4")[0] == plain
    filled, (taken, asked), _ = make(pack, images, "filled", *options, "--jobs=4", "--cache=cache")
    assert filled == plain and taken < asked
    for jobs in (1, 4):
        again, (taken, asked), _ = make(pack, images, "again", *options, f"--jobs={jobs}",
                                        "--cache=cache")
        assert again == plain and taken == asked > 0


@pytest.mark.parametrize("options", PROFILES.values(), ids=PROFILES.keys())
def test_deltas(pack, small, options):
    check_bytes(pack, small, options)


@pytest.mark.parametrize("options", FULLS.values(), ids=FULLS.keys())
def test_fulls(pack, small, options):
    check_bytes(pack, small[1:], options)


@pytest.fixture
def filled(pack, small):
    """A cache in use: the payload made with it, and its entries."""
    made, (taken, _), _ = make(pack, small, "first", OWN_ENTRIES, "--cache=cache")
    entries = sorted((pack.folder / "cache").iterdir())
    assert taken == 0 and len(entries) > 2 and all(e.suffix == ".swbop" for e in entries)
    return made, entries


DAMAGES = {
    "changed": lambda data: data[:len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) +
    data[len(data) // 2 + 1:],
    "cut": lambda data: data[:-1],
    "longer": lambda data: data + b"x",
    "empty": lambda data: b"",
    "zeros": lambda data: bytes(len(data)),
    "many operations": lambda data: data[:40] + b"\xff" * 4 + data[44:],
    "large blob": lambda data: data[:56] + b"\xff" * 8 + data[64:],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_entries(pack, small, filled, damage):
    made, entries = filled
    good = {entry: entry.read_bytes() for entry in entries}
    for entry, data in good.items():
        entry.write_bytes(damage(data))
    again, (taken, _), log = make(pack, small, "again", OWN_ENTRIES, "--cache=cache")
    assert again == made and taken == 0
    assert f"{len(entries)} damaged entries were dropped and made anew" in log
    assert {entry: entry.read_bytes() for entry in entries} == good
    assert make(pack, small, "third", OWN_ENTRIES, "--cache=cache")[1] == (len(entries), len(entries))


def test_an_entry_under_anothers_name(pack, small, filled):
    made, entries = filled
    first, second = entries[:2]
    first.write_bytes(second.read_bytes())
    again, _, log = make(pack, small, "again", OWN_ENTRIES, "--cache=cache")
    assert again == made and "1 damaged" in log


def test_unusable_folder(pack, small):
    def complaint(folder):
        return pack.fails("full", small[1], "--output=x", "--app-id=app", "--target-version=2",
                          f"--cache={folder}")

    (pack.folder / "file").write_bytes(b"")
    assert "cache folder 'file'" in complaint("file")
    assert "cache folder '/proc/no-such'" in complaint("/proc/no-such")
    assert "make a file in the cache folder '/proc/self'" in complaint("/proc/self")
    assert not (pack.folder / "x").exists()


def test_size(pack, small, filled):
    """What is too much goes, the payload stays the same."""
    made, entries = filled
    keep = pack.folder / "cache/somebody-elses"
    keep.write_bytes(b"x" * 100_000)
    again, (taken, asked), log = make(pack, small, "again", OWN_ENTRIES, "--cache=cache", "--cache-size=8K")
    assert again == made and taken < asked and log == ""
    left = [e for e in (pack.folder / "cache").iterdir() if e != keep]
    assert len(left) < len(entries)
    assert sum(-(-e.stat().st_size // 4096) * 4096 for e in left) <= 8192
    assert keep.exists()


def test_another_pair_with_the_same_file(pack, tmp_path):
    """The same bytes at other places, in images of another size, with more beside them."""
    pairs = []
    for n_bytes, more in ((3, 0), (4, 90_000)):
        folder = tmp_path / str(more)
        pairs.append([make_image(folder, i, n_bytes * MIB, [
            ("usr/bin/large", program(6, 600_000, shift=64 * i)), ("aaa/first", text(50 + i, more))])
            for i in range(2)])
    make(pack, pairs[0], "first", OWN_ENTRIES, "--cache=cache")
    made, (taken, asked), _ = make(pack, pairs[1], "second", OWN_ENTRIES, "--cache=cache")
    assert 0 < taken < asked
    assert made == make(pack, pairs[1], "plain", OWN_ENTRIES)[0]


def entries_of(folder):
    return [e for e in folder.iterdir() if e.suffix == ".swbop"] if folder.exists() else []


def test_a_killed_run_goes_on_where_it_was(pack, small):
    """All that was finished before is taken; what was on its way harms nobody."""
    command = ["delta", *map(str, small), "--output=out", "--app-id=app", "--target-version=2",
               "--source-version=1", "--progress=none", "--jobs=1", "--cache=cache", OWN_ENTRIES]
    with subprocess.Popen([os.environ["SWB_BUILD"] + "/src/bin/swb-pack/swb-pack", *command],
                          cwd=pack.folder, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL) as run:
        while run.poll() is None and not entries_of(pack.folder / "cache"):
            pass
        run.kill()
    n_finished = len(entries_of(pack.folder / "cache"))
    assert n_finished > 0
    made, (taken, asked), _ = make(pack, small, "again", OWN_ENTRIES, "--cache=cache")
    assert n_finished <= taken <= asked
    assert made == make(pack, small, "plain", OWN_ENTRIES)[0]


def test_two_runs_at_a_time(pack, small):
    folders = [pack.folder / "one", pack.folder / "two"]
    for folder in folders:
        folder.mkdir()
    command = ["delta", *map(str, small), "--output=out", "--app-id=app", "--target-version=2",
               "--source-version=1", "--progress=json", "--cache=../cache"]
    runs = [subprocess.Popen([os.environ["SWB_BUILD"] + "/src/bin/swb-pack/swb-pack", *command],
                             cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            for folder in folders]
    done = [json.loads(run.communicate(timeout=300)[0].splitlines()[-1]) for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert all(d["event"] == "done" and d["cache_taken"] <= d["cache_asked"] for d in done)
    assert filecmp.cmp(folders[0] / "out", folders[1] / "out", shallow=False)
    assert not [e for e in (pack.folder / "cache").iterdir() if e.suffix != ".swbop"]
    taken, asked = make(Pack(folders[0]), small, "again", "--cache=../cache")[1]
    assert taken == asked
