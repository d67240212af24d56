# SPDX-License-Identifier: Apache-2.0
"""What the command line promises: the same bytes, limits, progress, manifest, complaints."""

import base64
import filecmp
import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

import pack_images
import paycheck
from conftest import PROGRAM, TIMEOUT
from pack_images import BLOCK, MIB, mkfs, noise, program, sprinkle, write

COMMON = ["--app-id=app", "--target-version=2"]
DELTA = [*COMMON, "--source-version=1"]


@pytest.fixture(name="pair", scope="module")
def what_is_packed(small_pair):
    return small_pair


def same(a, b):
    return filecmp.cmp(a, b, shallow=False)


def test_same_input_same_bytes(pack, pair):
    first = pack.delta(*pair, output="first", *[])
    second = pack.delta(*pair, output="second")
    assert same(first, second)
    assert same(f"{first}.json", f"{second}.json")


@pytest.mark.parametrize("verb", ["full", "delta"])
def test_threads_do_not_change_the_result(pack, pair, verb):
    images = pair if verb == "delta" else pair[1:]
    make = getattr(pack, verb)
    one = make(*images, "--jobs=1", output="one")
    four = make(*images, "--jobs=4", "--memory=2G", output="four")
    assert same(one, four)
    assert same(f"{one}.json", f"{four}.json")


def test_source_date_epoch(pack, pair):
    without = json.loads((pack.folder / pack.delta(*pair, output="a").with_suffix(".json")).read_text())
    env = {"SOURCE_DATE_EPOCH": "1700000000"}
    with_it = json.loads((pack.folder / pack.delta(*pair, output="b", env=env)
                          .with_suffix(".json")).read_text())
    assert "time" not in without
    assert with_it.pop("time") == 1700000000
    assert with_it == without
    assert "SOURCE_DATE_EPOCH" in pack.fails("delta", *pair, "--output=c", *DELTA, status=2,
                                             env={"SOURCE_DATE_EPOCH": "yesterday"})


def test_json_manifest(pack, pair, keys):
    private, public = keys("rsa2048")
    path = pack.delta(*pair, f"--key={private}", "--max-timestamp=1700000000")
    payload, old, new = paycheck.Payload(path), *[p.read_bytes() for p in pair]
    manifest = json.loads((pack.folder / "delta.pl.json").read_text())
    assert manifest["appid"] == "app"
    assert manifest["target_version"] == "2" and manifest["source_version"] == "1"
    assert manifest["is_delta"] is True
    assert manifest["size"] == path.stat().st_size
    assert manifest["metadata_size"] == len(payload.metadata)
    assert base64.b64decode(manifest["sha256_hex"]) == hashlib.sha256(path.read_bytes()).digest()
    signature, = paycheck.signatures(payload.metadata_signature)
    assert base64.b64decode(manifest["metadata_signature"]) == signature.bare
    assert base64.b64decode(manifest["public_key"]) == public.read_bytes()
    assert len(manifest["signing_keys"]) == 1
    assert manifest["minor_version"] == payload.minor == 1004
    assert manifest["max_timestamp"] == payload.max_timestamp == 1700000000
    assert manifest["block_size"] == BLOCK and manifest["profile"] == "switchback"
    assert manifest["metadata_sha256"] == payload.metadata_hash.hex()
    assert manifest["payload_sha256"] == payload.payload_hash.hex()
    part, = manifest["partitions"]
    assert part["name"] == "root"
    assert part["source"] == {"size": len(old), "sha256": hashlib.sha256(old).hexdigest()}
    assert part["target"] == {"size": len(new), "sha256": hashlib.sha256(new).hexdigest()}
    operations = payload.partitions[0].operations
    assert sum(o["count"] for o in part["operations"].values()) == len(operations)
    assert sum(o["bytes"] for o in part["operations"].values()) == sum(
        o.data_length or 0 for o in operations)
    assert sum(o["blocks"] for o in part["operations"].values()) == len(new) // BLOCK
    assert manifest["operations"] == part["operations"]


def test_json_manifest_of_an_unsigned_full_payload(pack, pair):
    pack.full(pair[1], "--manifest=elsewhere.json")
    assert not (pack.folder / "full.pl.json").exists()
    manifest = json.loads((pack.folder / "elsewhere.json").read_text())
    assert manifest["is_delta"] is False and manifest["source_version"] == ""
    assert manifest["metadata_signature"] == "" and manifest["public_key"] == ""
    assert manifest["signing_keys"] == [] and "source" not in manifest["partitions"][0]


def test_target_version_is_in_the_payload(pack, pair):
    path = pack.full(pair[1])
    assert [q.version for q in paycheck.Payload(path).partitions] == ["2"]


def test_several_partitions(pack, tmp_path, pair):
    kernels = []
    for name, data in (("kernel.old", program(7, MIB)), ("kernel.new", program(7, MIB, shift=1))):
        kernels.append(write(tmp_path, name, data))
    names = ["--partition", f"root={pair[0]}:{pair[1]}",
             "--partition", f"kernel={kernels[0]}:{kernels[1]}"]
    pack.ok("delta", *names, "--output=two.pl", *DELTA, "--progress=none")
    path = pack.folder / "two.pl"
    assert not paycheck.check(path, {"root": pair[0], "kernel": kernels[0]},
                              {"root": pair[1], "kernel": kernels[1]})
    pack.ok("apply", path, "--partition", f"root={pair[0]}:r.img", "--partition",
            f"kernel={kernels[0]}:k.img", "--progress=none")
    assert same(pair[1], tmp_path / "r.img") and same(kernels[1], tmp_path / "k.img")
    output = pack.ok("verify", path, "--partition", f"root={pair[0]}", "--partition",
                     f"kernel={kernels[0]}", "--progress=none").stdout
    assert "every target has its hash" in output
    assert "not applied" in pack.ok("verify", path, "--partition", f"root={pair[0]}").stdout
    assert "2 partitions" in pack.fails("apply", path, pair[0], "x.img", status=2)
    assert "partition 'kernel'" in pack.fails("apply", path, "--partition",
                                              f"root={pair[0]}:r.img", status=2)
    pack.ok("full", "--partition", f"root={pair[1]}", "--partition", f"kernel={kernels[1]}",
            "--output=full.pl", *COMMON, "--progress=none")
    assert not paycheck.check(pack.folder / "full.pl", None,
                              {"root": pair[1], "kernel": kernels[1]})


def test_inspect(pack, pair):
    path = pack.delta(*pair)
    payload = paycheck.Payload(path)
    shown = json.loads(pack.ok("inspect", path, "--json", "--operations").stdout)
    assert shown["minor_version"] == 1004 and shown["is_delta"] is True
    assert shown["metadata_sha256"] == payload.metadata_hash.hex()
    part, = shown["partitions"]
    assert part["target"]["sha256"] == hashlib.sha256(pair[1].read_bytes()).hexdigest()
    for seen, op in zip(part["operations"], payload.partitions[0].operations, strict=True):
        assert seen["type_number"] == op.type
        assert [tuple(e) for e in seen["target"]] == op.dst
        assert [tuple(e) for e in seen["source"]] == op.src
        assert seen.get("data_sha256", "") == (op.data_hash or b"").hex()
    text = pack.ok("inspect", path).stdout
    assert "delta, minor version 1004" in text and "SWDIFF" in text


def test_progress_forms(pack, pair):
    args = ["delta", *pair, "--output=p", *DELTA]
    result = pack.ok(*args, "--progress=json")
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert {e["event"] for e in events[:-1]} == {"progress"}
    assert {"hash", "pack", "apply", "readback"} <= {e["stage"] for e in events[:-1]}
    assert events[-1] == {"event": "done", "payload": "p", "manifest": "p.json",
                          "size": (pack.folder / "p").stat().st_size}
    assert result.stderr == ""
    result = pack.ok(*args, "--progress=auto")  # not a terminal
    assert "pack: 100 %" in result.stderr and "\r" not in result.stderr
    assert pack.ok(*args, "--progress=none").stderr == ""
    assert "--progress" in pack.fails(*args, "--progress=loud", status=2)


def test_progress_bar_on_a_terminal(pack, pair):
    parent, child = os.openpty()
    with subprocess.Popen([PROGRAM, "full", pair[1], "--output=p", *COMMON], cwd=pack.folder,
                          stderr=child, stdout=subprocess.DEVNULL) as process:
        os.close(child)
        shown = b""
        while True:
            try:
                data = os.read(parent, 65536)
            except OSError:  # the other end is closed
                break
            if not data:
                break
            shown += data
        assert process.wait(TIMEOUT) == 0
    os.close(parent)
    assert b"\rpack" in shown and b"100 %" in shown


PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def sparse(path, n_bytes):
    with path.open("wb") as file:
        file.truncate(n_bytes)
    return path


def peak_memory(pack, *args):
    """Of a run that must work: the largest resident set in bytes. A program that is started from
    here counts this process too, as it was before exec(); a small one between keeps that out."""
    command = [sys.executable, "-c", PEAK, PROGRAM, *map(str, args)]
    result = subprocess.run(command, cwd=pack.folder, capture_output=True, text=True, check=True)
    return int(result.stdout) * 1024


def test_memory_stays_below_the_limit(pack, tmp_path):
    data = noise(1, 40 * MIB)
    old, new = write(tmp_path, "old", data), write(tmp_path, "new", sprinkle(data, 1000))
    peak = peak_memory(pack, "delta", old, new, "--output=p", *DELTA, "--memory=256M", "--jobs=8",
                       "--progress=none")
    sanitized = (pack.folder / "p").exists() and is_sanitized()
    assert peak < (3 if sanitized else 1) * 280 * MIB


def is_sanitized():
    """Address sanitizer keeps freed memory and red zones: the peak is its own."""
    options = json.loads((PROGRAM.parents[3] / "meson-info" /
                          "intro-buildoptions.json").read_text())
    return any(o["name"] == "b_sanitize" and o["value"] != "none" for o in options)


def test_killed_in_the_middle_leaves_nothing(pack, tmp_path):
    data = noise(1, 12 * MIB)
    old, new = write(tmp_path, "old", data), write(tmp_path, "new", sprinkle(data, 100))
    before = set(os.listdir(tmp_path))
    for delay in (0.0, 0.1, 0.3, 0.6):
        with subprocess.Popen([PROGRAM, "delta", old, new, "--output=p", *DELTA],
                              cwd=pack.folder, stderr=subprocess.DEVNULL) as process:
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
            killed = process.wait(TIMEOUT) == -signal.SIGKILL
        if killed:
            assert set(os.listdir(tmp_path)) == before


def test_an_older_payload_stays_whole_until_the_new_one_is(pack, pair):
    path = pack.delta(*pair)
    content, manifest = path.read_bytes(), (pack.folder / "delta.pl.json").read_bytes()
    pack.fails("delta", pair[0], "/nonexistent", "--output=delta.pl", *DELTA)
    assert path.read_bytes() == content
    assert (pack.folder / "delta.pl.json").read_bytes() == manifest
    assert not [n for n in os.listdir(pack.folder) if n.startswith(".")]


def test_old_and_new_image_are_not_touched(pack, pair):
    before = [p.read_bytes() for p in pair]
    payload = pack.delta(*pair)
    pack.ok("apply", payload, pair[0], "made.img")
    assert [p.read_bytes() for p in pair] == before


class TestComplaints:
    """Each names what is wrong and what to do."""

    def test_images(self, pack, tmp_path, pair):
        odd = write(tmp_path, "odd.img", bytes(5000))
        empty = write(tmp_path, "empty.img", b"")
        good = ["--output=p", *COMMON]
        assert "no multiple of 4096" in pack.fails("full", odd, *good)
        assert "truncate" in pack.fails("delta", odd, pair[1], "--output=p", *DELTA)
        assert "is empty" in pack.fails("full", empty, *good)
        assert "not an image" in pack.fails("full", tmp_path, *good)
        assert "not an image" in pack.fails("full", "/dev/null", *good)
        assert "No such file" in pack.fails("full", "/nonexistent", *good)
        assert not (tmp_path / "p").exists()

    def test_partitions(self, pack, pair):
        good = ["--output=p", *DELTA]
        twice = [f"--partition=root={pair[0]}:{pair[1]}"] * 2
        assert "named twice" in pack.fails("delta", *twice, *good, status=2)
        assert "not both" in pack.fails("delta", *pair, twice[0], *good, status=2)
        assert "NAME=OLD:NEW" in pack.fails("delta", f"--partition=root={pair[0]}", *good, status=2)
        assert "NAME=NEW" in pack.fails("full", "--partition=x", "--output=p", *COMMON, status=2)
        assert "partition name" in pack.fails("full", f"--partition=a b={pair[0]}", "--output=p",
                                              *COMMON, status=2)
        assert "partition name" in pack.fails("full", f"--partition={'n' * 37}={pair[0]}",
                                              "--output=p", *COMMON, status=2)
        assert "no image" in pack.fails("full", "--output=p", *COMMON, status=2)
        assert "new image is missing" in pack.fails("delta", pair[0], *good, status=2)

    def test_settings(self, pack, pair):
        full, delta = ["full", pair[1], "--output=p"], ["delta", *pair, "--output=p"]
        assert "--app-id" in pack.fails(*full, "--target-version=2", status=2)
        assert "--source-version" in pack.fails(*delta, *COMMON, status=2)
        assert "target version" in pack.fails(*full, "--app-id=a", "--target-version=", status=2)
        assert "minor version 1" in pack.fails(*delta, *DELTA, "--minor=1", status=2)
        assert "minor version 1000" in pack.fails(*delta, *DELTA, "--minor=1000",
                                                  "--profile=chromeos", status=2)
        assert "minor version 4" in pack.fails(*full, *COMMON, "--minor=4", status=2)
        assert "--profile" in pack.fails(*full, *COMMON, "--profile=android", status=2)
        assert "at least 256M" in pack.fails(*full, *COMMON, "--memory=100M", status=2)
        assert "--jobs" in pack.fails(*full, *COMMON, "--jobs=1000", status=2)
        assert "--hash-only" in pack.fails(*full, *COMMON, "--hash-only", status=2)
        assert "--hash-only" in pack.fails(*full, *COMMON, "--signature-size=256", status=2)

    def test_memory_for_images_of_that_size(self, pack, tmp_path):
        """What is known of each block counts, too; said before anything is read."""
        old, new = (sparse(tmp_path / name, 16 << 30) for name in ("old", "new"))
        said = pack.fails("delta", old, new, "--output=p", *DELTA, "--memory=256M", status=2)
        assert "at least 353M" in said

    def test_output(self, pack, pair):
        assert "No such file" in pack.fails("full", pair[1], "--output=no/folder/p", *COMMON)
        assert "not a file's name" in pack.fails("full", pair[1], "--output=folder/", *COMMON,
                                                 status=2)
        assert "not a regular file" in pack.fails("full", pair[1], "--output=/dev/null", *COMMON,
                                                  status=2)

    def test_output_is_no_input(self, pack, pair, tmp_path):
        new = write(tmp_path, "new.img", pair[1].read_bytes())
        assert "also an image" in pack.fails("delta", pair[0], new, "--output=new.img", *DELTA,
                                             status=2)
        assert "also an image" in pack.fails("full", new, "--output=p", "--manifest=new.img",
                                             *COMMON, status=2)
        assert "can't both be" in pack.fails("full", new, "--output=p", "--manifest=p", *COMMON,
                                             status=2)
        payload = pack.delta(pair[0], new)
        old = write(tmp_path, "old.img", pair[0].read_bytes())
        assert "both the old and the new" in pack.fails("apply", payload, old, old, status=2)
        assert same(new, pair[1]) and same(old, pair[0])

    def test_no_space(self, pack, tmp_path):
        """A file size limit stands for a full disk: the same call fails, with another number."""
        new = write(tmp_path, "new", noise(1, 8 * MIB))
        result = subprocess.run(["/bin/sh", "-c", 'ulimit -f 4096; trap "" XFSZ; exec "$@"', "sh",
                                 PROGRAM, "full", new, "--output=p", *COMMON], cwd=pack.folder,
                                capture_output=True, text=True, timeout=TIMEOUT, check=False)
        assert result.returncode == 1
        assert "File too large" in result.stderr
        assert not (tmp_path / "p").exists()

    def test_wrong_old_image(self, pack, pair, tmp_path):
        payload = pack.delta(*pair)
        assert "old and new swapped" in pack.fails("apply", payload, pair[1], "made.img")
        other = write(tmp_path, "other.img", bytes(pair[0].stat().st_size))
        assert "not the old image" in pack.fails("apply", payload, other, "made.img")
        small = write(tmp_path, "small.img", bytes(MIB))
        assert "made for one of" in pack.fails("apply", payload, small, "made.img")
        assert "not the old image" in pack.fails("verify", payload, "--partition", f"root={other}")
        assert "old image" in pack.fails("apply", payload, "made.img", status=2)
        assert "no partition 'boot'" in pack.fails("verify", payload, "--partition",
                                                   f"boot={pair[0]}", status=2)
        assert not (tmp_path / "made.img").exists()

    def test_damaged_payload(self, pack, pair, tmp_path):
        payload = pack.delta(*pair)
        data = bytearray(payload.read_bytes())
        damaged = tmp_path / "damaged.pl"
        for content, complaint in ((data[:-1], "ends too early"), (data + b"x", "behind its end"),
                                   (b"x" + data, "not a payload"), (b"", "too early")):
            damaged.write_bytes(content)
            assert complaint in pack.fails("verify", damaged)
        data[-1] ^= 1
        damaged.write_bytes(data)
        assert "differs from its hash" in pack.fails("verify", damaged)
        pack.fails("apply", damaged, pair[0], "made.img")
        assert not (tmp_path / "made.img").exists()


def test_file_system_of_another_block_size_on_each_side(pack, tmp_path):
    old_tree, new_tree = pack_images.make_trees(tmp_path)
    old = mkfs(tmp_path / "old.img", old_tree, 16 * MIB, "-b", "1024")
    new = mkfs(tmp_path / "new.img", new_tree, 16 * MIB, "-b", "4096")
    payload = pack.delta(old, new)
    pack.check(payload, old, new)
    assert payload.stat().st_size < 200_000
