# SPDX-License-Identifier: Apache-2.0
"""Good installs, what is told about them, and what is refused."""

import hashlib
import os
import re
import resource
import shutil
import subprocess

import pytest

from conftest import PROGRAM, make_image, parse_message
from install_payload import BLOCK, Operation, Partition, Payload, SOURCE_COPY, ZERO
from install_payload import copy, full, make_key


def assert_ok(result):
    assert result.status == 0, result.errors
    assert result.outcome["TYPE"] == "outcome" and result.outcome["RESULT"] == "ok"


def assert_failed(result, fault, *words):
    """Refused for this reason, and told so to the engine and on standard error."""
    assert result.status == 1, result.errors
    assert result.outcome["TYPE"] == "outcome" and result.outcome["RESULT"] == "failed"
    assert result.outcome["FAULT"] == fault, result.outcome
    assert int(result.outcome["CODE"]) < 0
    for word in words:
        assert str(word) in result.outcome["TEXT"], result.outcome["TEXT"]
        assert str(word) in result.errors


# ---- good ----

def test_full(device, full_payload, new_image):
    result = device.install(full_payload, expect_version="2.0", min_timestamp=1000,
                            foreground=False)
    assert_ok(result)
    assert result.errors == ""
    assert result.outcome["VERSION"] == "2.0"
    assert device.target().read_bytes() == new_image


def test_delta(device, delta_payload, delta, old_image):
    result = device.install(delta_payload)
    assert_ok(result)
    assert device.target().read_bytes() == delta[0]
    assert device.source().read_bytes() == old_image


def test_ecdsa(tmp_path, device, small_image):
    key = make_key(tmp_path / "ec", "ec")
    shutil.copy(key.parent / "keys" / "public.pem", device.keys / "second.pem")
    payload = Payload([Partition("root", small_image, full(small_image))], key).encode()
    assert_ok(device.install(payload))
    assert device.target().read_bytes()[:len(small_image)] == small_image


def test_two_partitions_into_larger_slots(device, small_image, private_key):
    boot = make_image(7, 256)
    device.add("boot", None, len(boot) + BLOCK)
    payload = Payload([Partition("boot", boot, full(boot)),
                       Partition("root", small_image, full(small_image), version="9")],
                      private_key).encode()
    result = device.install(payload)
    assert_ok(result)
    assert result.outcome["VERSION"] == "9"
    assert device.target("root").read_bytes()[:len(small_image)] == small_image
    assert device.target("boot").read_bytes() == boot + bytes(BLOCK)


def test_messages(device, full_payload, new_image):
    """As docs/ARCHITECTURE.md says: one need, progress that never goes back, one outcome."""
    result = device.install(full_payload)
    assert_ok(result)
    assert [m["TYPE"] for m in result.messages].count("need") == 1
    assert result.messages[0] == {"TYPE": "need", "OFFSET": "0"}
    assert [m["TYPE"] for m in result.messages].count("outcome") == 1
    progress = [m for m in result.messages if m["TYPE"] == "progress"]
    assert len(result.messages) == len(progress) + 2
    stages = [m["STAGE"] for m in progress]
    assert stages == sorted(stages, key=["metadata", "apply", "readback"].index)
    assert {"apply", "readback"} <= set(stages)
    for key in ("PERCENT", "OPERATIONS_DONE"):
        values = [int(m[key]) for m in progress]
        assert values == sorted(values)
    assert all(0 <= int(m["PERCENT"]) <= 100 for m in progress)
    for stage, total in (("apply", len(full_payload)), ("readback", len(new_image))):
        values = [int(m["BYTES_DONE"]) for m in progress if m["STAGE"] == stage]
        assert values == sorted(values) and values[-1] <= total
        assert {int(m["BYTES_TOTAL"]) for m in progress if m["STAGE"] == stage} == {total}
    assert {int(m["OPERATIONS_TOTAL"]) for m in progress} == {24}
    assert set(progress[0]) == {"TYPE", "STAGE", "PERCENT", "BYTES_DONE", "BYTES_TOTAL",
                                "OPERATIONS_DONE", "OPERATIONS_TOTAL"}


def test_by_hand(device, full_payload, new_image, tmp_path):
    """Lines for a person, from a file or a pipe, without hash, size or state."""
    path = tmp_path / "payload"
    path.write_bytes(full_payload)
    result = device.by_hand(device.arguments(state=None, input=path))
    assert result.returncode == 0, result.stderr
    assert b"installed version 2.0" in result.stdout
    assert device.target().read_bytes() == new_image
    os.truncate(device.target(), 0)
    os.truncate(device.target(), len(new_image))
    result = device.by_hand(device.arguments(state=None), full_payload)
    assert result.returncode == 0, result.stderr
    assert device.target().read_bytes() == new_image
    assert not device.state.exists()


def test_not_signed_bytes_of_the_slot_stay(device, new_image, private_key):
    """Only what the operations name is written: a slot may be larger than its partition."""
    small = new_image[:64 * BLOCK]
    tail = os.urandom(BLOCK)
    with open(device.target(), "r+b") as file:
        file.seek(len(small))
        file.write(tail)
    assert_ok(device.install(Payload([Partition("root", small, full(small))],
                                     private_key).encode()))
    assert device.target().read_bytes()[:len(small) + BLOCK] == small + tail


# ---- refused before anything is written ----

def untouched(device):
    return not any(device.target().read_bytes())


def test_wrong_key(device, full_payload, other_key):
    shutil.rmtree(device.keys)
    shutil.copytree(other_key.parent / "keys", device.keys)
    assert_failed(device.install(full_payload), "signature", "metadata")
    assert untouched(device)


def test_bad_metadata_signature(device, small_image, private_key):
    payload = Payload([Partition("root", small_image, full(small_image))], private_key,
                      bad_metadata_signature=True).encode()
    assert_failed(device.install(payload), "signature", "metadata")
    assert untouched(device)


def test_changed_manifest(device, full_payload):
    changed = bytearray(full_payload)
    changed[100] ^= 1
    assert_failed(device.install(bytes(changed)), "signature", "metadata")
    assert untouched(device)


def test_not_signed(device, small_image):
    payload = Payload([Partition("root", small_image, full(small_image))]).encode()
    assert_failed(device.install(payload), "signature")
    assert untouched(device)


def test_no_operation_hash(device, small_image, private_key):
    operations = full(small_image)
    operations[-1].data_hash = b""
    payload = Payload([Partition("root", small_image, operations)], private_key).encode()
    assert_failed(device.install(payload), "format", "operation 3", "root")
    assert untouched(device)


@pytest.mark.parametrize("options, fault, words", [
    ({"expect_version": "3.0"}, "downgrade", ["2.0", "3.0", "root"]),
    ({"min_timestamp": 1001}, "downgrade", [1000, 1001]),
    ({"payload_size": 77}, "format", [77]),
])
def test_not_what_was_promised(device, full_payload, options, fault, words):
    assert_failed(device.install(full_payload, **options), fault, *words)
    assert untouched(device)


@pytest.mark.parametrize("needs, options, words", [
    (("lz4 zstd-9.9.9", 0, 0), {}, "needs the encoder 'zstd-9.9.9', this device has '"),
    (("lz4", 27 << 20, 0), {}, "28311552 bytes of memory"),
    (("lz4", (300 << 20) + 1, 0), {"open_memory": "300M"}, "[update] open-memory = 301M in device.conf"),
    (("lz4", 9 << 20, 0), {"open_memory": "8M"}, "this device gives 8388608"),
    (("lz4", 1 << 20, 9 << 20), {"open_scratch": "8M"}, "9437184 of scratch space"),
    (("lz4", 1 << 20, 9 << 20), {"open_scratch": "8M"}, "[update] open-scratch = 9M in device.conf"),
    (("lz4", 4096, 0), {"open_memory": "0"}, "needs 4096 bytes of memory"),
])
def test_needs_are_refused_before_the_first_write(device, small_image, private_key, needs, options, words):
    payload = Payload([Partition("root", small_image, full(small_image))], private_key, minor=1004,
                      needs=needs).encode()
    before = device.target_digest()
    assert_failed(device.install(payload, **options), "unsupported", "metadata", words)
    assert device.target_digest() == before


@pytest.mark.parametrize("minor, needs", [(1004, ("gzip lz4", 8 << 20, 8 << 20)), (1003, ("none such", 1 << 50, 0))])
def test_needs_that_are_met_or_mean_nothing(device, small_image, private_key, minor, needs):
    payload = Payload([Partition("root", small_image, full(small_image))], private_key, minor=minor,
                      needs=needs).encode()
    assert_ok(device.install(payload, open_memory="8M", open_scratch="8M"))


def test_needs_above_the_default(device, small_image, private_key):
    payload = Payload([Partition("root", small_image, full(small_image))], private_key, minor=1004,
                      needs=("lz4", 300 << 20, 0)).encode()
    assert_ok(device.install(payload, open_memory="300M"))


def test_abilities(device):
    def told(*options):
        done = device.by_hand([PROGRAM, "--abilities", *options])
        assert done.returncode == 0 and done.stderr == b""
        return done.stdout.decode()

    assert re.fullmatch(r"1004 26 1024( [a-z0-9.-]+)+\n", told())
    assert "gzip" in told().split() and " zstd-" in told()
    assert told("--open-memory=5M", "--open-scratch=3M").startswith("1004 5 3 ")
    assert told("--open-memory=300M").startswith("1004 300 1024 ")


def test_target_too_small(device, full_payload, new_image):
    os.truncate(device.target(), len(new_image) - 1)
    assert_failed(device.install(full_payload), "no-space", len(new_image), len(new_image) - 1)
    assert untouched(device)


def test_partitions_and_slots_differ(device, new_image, private_key, full_payload):
    device.add("boot", None, BLOCK)
    assert_failed(device.install(full_payload), "not-found", "2 slots", "1 partitions")
    partial = Payload([Partition("root", new_image, full(new_image))], private_key,
                      partial=True).encode()
    assert_ok(device.install(partial))
    device.partitions.remove("root")
    assert_failed(device.install(full_payload), "not-found", "'root'")


def test_delta_without_source(device, delta_payload):
    device.source().unlink()
    assert_failed(device.install(delta_payload), "source", "root")
    assert untouched(device)


def test_source_too_small(device, delta_payload, old_image):
    os.truncate(device.source(), len(old_image) - BLOCK)
    assert_failed(device.install(delta_payload), "source", "root", len(old_image))
    assert untouched(device)


@pytest.mark.parametrize("how", ["same", "symlink", "hardlink"])
def test_target_is_source(device, full_payload, old_image, how):
    device.target().unlink()
    if how == "symlink":
        device.target().symlink_to(device.source())
    elif how == "hardlink":
        os.link(device.source(), device.target())
    else:
        device.target = device.source
    assert_failed(device.install(full_payload), "config", device.source().parent)
    assert device.source().read_bytes() == old_image


def test_two_at_once(device, full_payload, new_image):
    first = device.start(device.arguments(full_payload))
    assert first.wait_need() == 0
    assert_failed(device.install(full_payload, state=device.folder / "other"), "busy",
                  device.target())
    first.messages.clear()
    first.process.stdin.close()
    while first.receive(60):
        pass
    assert first.finish().outcome["FAULT"] == "format"


@pytest.mark.parametrize("options", [
    ["--slot=root"], ["--slot==x"], ["--slot=root="], ["--slot=" + "x" * 37 + "=y"],
    ["--source=other=/x"], ["--payload-hash=12"], ["--control=0"], ["--control=x"],
    ["--min-timestamp=99999999999999999999"], ["--open-memory=1025M"], ["argument"],
])
def test_usage(device, options):
    result = device.by_hand(device.arguments(None, *options), b"")
    assert result.returncode == 2
    assert b"swb-install: " in result.stderr


def test_keys_missing(device, full_payload):
    (device.keys / "public.pem").unlink()
    assert_failed(device.install(full_payload), "config", device.keys)


# ---- refused on the way ----

def test_bad_payload_signature(device, small_image, private_key):
    payload = Payload([Partition("root", small_image, full(small_image))], private_key,
                      bad_payload_signature=True).encode()
    assert_failed(device.install(payload), "signature", "payload")
    assert not (device.state / "checkpoint").exists()


def test_wrong_payload_hash(device, full_payload):
    assert_failed(device.install(full_payload, payload_hash=hashlib.sha256(b"").hexdigest()),
                  "hash", "payload as a whole")
    assert not (device.state / "checkpoint").exists()


def test_corrupted_data(device, full_payload, new_image):
    """Found before it is decoded; the right bytes then finish the same install."""
    corrupted = bytearray(full_payload)
    corrupted[len(full_payload) // 2] ^= 1
    result = device.install(full_payload, bytes(corrupted))
    assert_failed(result, "hash", "operation ", "partition 'root'")
    result = device.install(full_payload)
    assert_ok(result)
    assert result.need > 0
    assert device.target().read_bytes() == new_image


def test_truncated(device, full_payload, new_image):
    """Also in the header, and with no byte at all."""
    for n in (0, 10, 100):
        assert_failed(device.install(full_payload, full_payload[:n]), "format", f"byte {n} of")
    n = len(full_payload) - 100
    assert_failed(device.install(full_payload, full_payload[:n]), "format",
                  f"byte {n} of {len(full_payload)}")
    result = device.install(full_payload)
    assert_ok(result)
    assert 0 < n - result.need < 1 << 20  # all whole operations are kept
    assert device.target().read_bytes() == new_image


def test_more_bytes(device, full_payload):
    assert_failed(device.install(full_payload, full_payload + b"x"), "format", "follow")


def test_wrong_source(device, delta_payload):
    """An operation's own hash finds it."""
    with open(device.source(), "r+b") as file:
        file.seek(600 * BLOCK)
        file.write(b"changed by somebody")
    before = device.source().read_bytes()
    assert_failed(device.install(delta_payload), "source", "operation 0 (SOURCE_COPY",
                  "partition 'root'", device.source())
    assert device.source().read_bytes() == before


def test_wrong_source_without_operation_hash(device, old_image, private_key):
    """Then the whole source is compared, before the first operation that reads it."""
    n = len(old_image) // BLOCK
    operation = Operation(SOURCE_COPY, [(0, n)], b"", [(0, n)])
    payload = Payload([Partition("root", old_image, [operation], old_image)],
                      private_key).encode()
    assert_ok(device.install(payload))
    shutil.rmtree(device.state)
    with open(device.source(), "r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\x77")
    assert_failed(device.install(payload), "source", "partition 'root'", device.source())


def test_wrong_result(device, small_image, private_key):
    """Every operation is right, the image they make is not: only the read-back sees it."""
    payload = Payload([Partition("root", small_image, full(small_image), new_hash=bytes(32))],
                      private_key).encode()
    assert_failed(device.install(payload), "readback", "root", device.target(), "00" * 32)


def test_blob_decodes_wrong(device, small_image, private_key):
    operations = full(small_image)
    operations[2].data = operations[2].data[:-8]
    payload = Payload([Partition("root", small_image, operations)], private_key).encode()
    assert_failed(device.install(payload), "format", "operation 2 (REPLACE_XZ, partition 'root')")


def test_full_disk(device, full_payload, new_image):
    """A slot in a file: the file system takes no more at half of it."""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(new_image) // 2, len(new_image) // 2))

    result = device.install(full_payload, preexec=limit)
    assert_failed(result, "no-space", "operation ", device.target())
    assert_ok(device.install(full_payload))
    assert device.target().read_bytes() == new_image


def test_engine_goes_away(device, full_payload):
    """Nobody left to report to: it stops, with a checkpoint."""
    running = device.start(device.arguments(full_payload))
    assert running.wait_need() == 0
    sent = 0
    while sent < 6 << 20:
        n = running.send_some(full_payload[sent:6 << 20])
        sent += n or 0
    running.ours.close()
    assert running.process.wait(60) == 1
    assert b"stopped" in running.process.stderr.read()
    assert (device.state / "checkpoint").exists()


def test_zero_only(device, private_key):
    """A payload without a single blob."""
    image = bytes(1024 * BLOCK)
    device.target().write_bytes(os.urandom(1024 * BLOCK) + bytes(5 * 1024 * BLOCK))
    payload = Payload([Partition("root", image, [Operation(ZERO, [(0, 1024)])])],
                      private_key).encode()
    assert_ok(device.install(payload))
    assert not any(device.target().read_bytes())


def test_nothing_is_decoded_unverified(device, small_image, private_key):
    """A blob that would decode, with another hash: refused for the hash."""
    operations = full(small_image)
    operations[0].data_hash = hashlib.sha256(b"other").digest()
    payload = Payload([Partition("root", small_image, operations)], private_key).encode()
    assert_failed(device.install(payload), "hash", "operation 0")
    assert untouched(device)


def test_closed_streams(device, full_payload, new_image, tmp_path):
    """No slot gets the number of a closed stream, into which progress would be printed."""
    path = tmp_path / "payload"
    path.write_bytes(full_payload)
    arguments = device.arguments(full_payload, input=path)
    process = subprocess.Popen(["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *arguments])
    assert process.wait(60) == 0
    assert device.target().read_bytes() == new_image


def test_parse_message():
    assert parse_message(b"A=b=c\nD=\n") == {"A": "b=c", "D": ""}


def test_copy_overlap(device, old_image, private_key):
    """Blocks that change places: sources are read from the old slot only."""
    new = old_image[BLOCK:2 * BLOCK] + old_image[:BLOCK] + old_image[2 * BLOCK:]
    n = len(old_image) // BLOCK
    operations = [copy(old_image, [(1, 1), (0, 1)], [(0, 2)]),
                  copy(old_image, [(2, n - 2)], [(2, n - 2)])]
    payload = Payload([Partition("root", new, operations, old_image)], private_key).encode()
    assert_ok(device.install(payload))
    assert device.target().read_bytes() == new
