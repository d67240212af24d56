# SPDX-License-Identifier: Apache-2.0
"""What stays packed in a delta is said, with the reason: by delta, its JSON manifest and explain."""

import json
import lzma
import random
import subprocess

from pack_images import MIB, mkfs, write

OPTIONS = ["-o", "x.pl", "--app-id=a", "--target-version=2", "--source-version=1", "--progress=none",
           "--effort=1"]


def lines(seed, changed, n=7_000):
    rng = random.Random(seed)
    text = [f"{i} {rng.randbytes(6).hex()} {rng.randrange(1000)}" for i in range(n)]
    if changed:
        text[::97] = [f"changed {rng.randrange(1000)}" for _ in text[::97]]
    return "\n".join(text).encode()


def xz(data, *options):
    return subprocess.run(["xz", *options], input=data, check=True, stdout=subprocess.PIPE).stdout


def gzipped(data, times):
    for _ in range(times):
        data = subprocess.run(["gzip", "-n", "-6"], input=data, check=True,
                              stdout=subprocess.PIPE).stdout
    return data


def images(tmp_path, files):
    """files: name -> how to pack the text."""
    paths = [tmp_path / "old.img", tmp_path / "new.img"]
    for path, changed in zip(paths, (False, True)):
        for i, (name, make) in enumerate(files.items()):
            write(tmp_path / path.stem, name, make(lines(i, changed)))
        mkfs(path, tmp_path / path.stem, 8 * MIB, "-b", "4096")
    return paths


def told(pack, old, new, *options):
    """Reason and text of each path, as delta tells it; the manifest and explain agree."""
    result = pack.ok("delta", *OPTIONS, *options, old, new)
    notes = [line for line in result.stderr.splitlines() if "packed" in line]
    (partition,) = json.loads((pack.folder / "x.pl.json").read_text())["partitions"]
    closed = partition.get("closed", [])
    deltas = [content["delta"] for content in closed]
    assert deltas == sorted(deltas, reverse=True)
    return {content["path"]: content for content in closed}, notes


def test_reasons(pack, tmp_path):
    """No encoder; memory to close, to open; and what opens is not told."""
    old, new = images(tmp_path, {
        "boot/blocks.xz": lambda data: xz(data, "-1", "--block-size=60000"),
        "boot/large.xz": lambda data: xz(data, "-6"),
        "boot/huge.xz": lambda data: xz(data, "-9"),
        "boot/opens.xz": lambda data: xz(data, "-1"),
        "boot/plain": lambda data: data,
    })
    closed, notes = told(pack, old, new)
    assert {path: content["reason"] for path, content in closed.items()} == {
        "/boot/blocks.xz": "no-encoder", "/boot/large.xz": "encoder-memory",
        "/boot/huge.xz": "decoder-memory"}
    assert all(content["packing"] == "xz" and content["delta"] > content["stored"] / 2
               for content in closed.values())
    assert closed["/boot/large.xz"]["memory"] > 90 * MIB
    assert sorted(notes) == [
        f"swb-pack: notice: partition 'root': /boot/{name}.xz is compared as it is packed, "
        f"{closed[f'/boot/{name}.xz']['delta']} bytes: xz: {reason}" for name, reason in (
            ("blocks", "no encoder here makes it again bit for bit"),
            ("huge", "it can't be opened within 26 MiB, all in all that needs 675 MiB (--open-memory)"),
            ("large", "no encoder makes it again within 26 MiB, the usual one needs 95 MiB (--open-memory)"))]
    shown = pack.ok("explain", "x.pl", new).stdout
    assert "/boot/large.xz is compared as it is packed: xz: no encoder makes it again within 26 MiB" in shown
    files = json.loads(pack.ok("explain", "x.pl", new, f"--old={old}", "--json").stdout)["files"]
    assert {f["path"]: f["closed"] for f in files if "closed" in f} == {
        path: content["reason"] for path, content in closed.items()}
    allowed, notes = told(pack, old, new, "--encoders=gzip")
    assert allowed["/boot/opens.xz"]["reason"] == "not-allowed" and len(allowed) == 4


def test_depth_and_number_of_lines(pack, tmp_path):
    """Three streams in each other are opened, and three more in these if they are all of a file. Five lines at most."""
    blocks = {f"boot/{i}.xz": lambda data: xz(data, "-1", "--block-size=60000") for i in range(5)}
    old, new = images(tmp_path, blocks | {
        f"boot/{n}.gz": lambda data, n=n: gzipped(data, n) for n in (4, 7)})
    closed, notes = told(pack, old, new)
    assert {path: content["reason"] for path, content in closed.items()} == {
        "/boot/7.gz": "too-deep"} | {f"/boot/{i}.xz": "no-encoder" for i in range(5)}
    assert len(notes) == 6
    assert notes[0].endswith("gzip: it is packed in more layers than are opened")
    n_bytes = sum(content["delta"] for content in closed.values())
    assert notes[5].endswith(f"6 files in all are compared as they are packed, {n_bytes} bytes")
