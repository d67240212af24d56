# SPDX-License-Identifier: Apache-2.0
"""Interrupted installs: killed, stopped, with damaged checkpoints."""

import hashlib
import os
import random
import shutil
import signal
import time

import pytest

from conftest import make_image
from install_payload import Partition, Payload, REPLACE, full
from test_install import assert_failed, assert_ok

KILLS = 15
SENT_AGAIN_MAX = 8 << 20


def send_until(running, payload, end):
    """Hands over bytes up to offset `end`, without waiting for their work."""
    offset = running.wait_need()
    while offset + running.sent < end:
        if running.send_some(payload[offset + running.sent:end]) is None:
            break
    return offset


@pytest.mark.parametrize("kind", ["full", "delta"])
def test_killed_anywhere(device, request, delta, new_image, old_image, kind):
    """SIGKILL at random moments: it always goes on, and little is sent twice."""
    payload = request.getfixturevalue(f"{kind}_payload")
    image = new_image if kind == "full" else delta[0]
    started = time.monotonic()
    assert_ok(device.install(payload))
    duration = time.monotonic() - started
    moments = random.Random(4711)
    kills, reached, done = 0, len(payload), True
    while kills < KILLS:
        if done:  # once more from the start
            assert device.target().read_bytes() == image
            shutil.rmtree(device.state)
            os.truncate(device.target(), 0)
            os.truncate(device.target(), len(image))
            reached = 0
        running = device.start(device.arguments(payload))
        result = running.feed(payload, kill_after=moments.uniform(0, duration / 2))
        if result.messages:
            assert reached - SENT_AGAIN_MAX <= result.need <= reached
            reached = result.need + result.sent
        done = result.status == 0
        if not done:
            assert result.status == -signal.SIGKILL, result.errors
            kills += 1
    result = device.install(payload)
    assert_ok(result)
    assert result.errors == ""
    assert device.target().read_bytes() == image
    assert device.source().read_bytes() == old_image


def test_killed_at_byte(device, full_payload, new_image):
    """SIGKILL when so many bytes have arrived: not more than 8 MiB again, at each of many places."""
    step = len(full_payload) // 12
    for end in range(step, len(full_payload), step):
        running = device.start(device.arguments(full_payload))
        offset = send_until(running, full_payload, end)
        running.process.kill()
        assert end - offset <= SENT_AGAIN_MAX + step
        running.finish()
    result = device.install(full_payload)
    assert_ok(result)
    assert result.need > len(full_payload) - SENT_AGAIN_MAX - step
    assert device.target().read_bytes() == new_image


def test_terminated(device, full_payload, new_image):
    """SIGTERM keeps every whole operation."""
    running = device.start(device.arguments(full_payload))
    end = len(full_payload) // 2
    assert send_until(running, full_payload, end) == 0
    running.wait_taken()
    running.terminate()
    while running.receive(60):
        pass
    result = running.finish()
    assert_failed(result, "cancelled")
    result = device.install(full_payload)
    assert_ok(result)
    assert 0 <= end - result.need < 2 << 20
    assert device.target().read_bytes() == new_image


def test_print_offset(device, full_payload, new_image, tmp_path):
    def print_offset():
        result = device.by_hand(device.arguments(full_payload, "--print-offset"))
        assert result.returncode == 0, result.stderr
        return int(result.stdout)

    assert print_offset() == 0
    end = len(full_payload) // 2
    device.install(full_payload, full_payload[:end])
    offset = print_offset()
    assert 0 < offset <= end
    # by hand with a file, it goes there itself
    path = tmp_path / "payload"
    path.write_bytes(full_payload)
    result = device.by_hand(device.arguments(full_payload, input=path))
    assert result.returncode == 0, result.stderr
    assert f"going on at byte {offset} of".encode() in result.stdout
    assert device.target().read_bytes() == new_image
    assert print_offset() == len(full_payload)


def test_complete(device, full_payload, new_image):
    """Killed after the last byte, or done but not activated: only the read-back is repeated."""
    assert_ok(device.install(full_payload))
    result = device.install(full_payload)
    assert_ok(result)
    assert result.need == len(full_payload)
    assert {m["STAGE"] for m in result.messages if m["TYPE"] == "progress"} == {"readback"}
    # and that one is no formality
    with open(device.target(), "r+b") as file:
        file.seek(4711)
        file.write(b"\x00\x01")
    assert_failed(device.install(full_payload), "readback", "root")
    # the next attempt trusts nothing
    result = device.install(full_payload)
    assert_ok(result)
    assert result.need == 0
    assert device.target().read_bytes() == new_image


def test_zeros_are_written_after_a_failed_readback(device, private_key):
    new_image = make_image(6, 6 * 1024)
    payload = Payload([Partition("root", new_image, full(new_image, 64, [REPLACE]))], private_key).encode()
    assert_ok(device.install(payload))
    holes = os.stat(device.target()).st_blocks
    os.truncate(device.target(), 0)
    os.truncate(device.target(), len(new_image))
    assert_failed(device.install(payload), "readback")
    assert_ok(device.install(payload))
    assert os.stat(device.target()).st_blocks >= len(new_image) // 512 > holes


def interrupt(device, payload):
    """A checkpoint at about half of it."""
    result = device.install(payload, payload[:len(payload) // 2])
    assert_failed(result, "format")
    assert (device.state / "checkpoint").exists()


def damage_bit(path, at):
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 0x10
    path.write_bytes(data)


@pytest.mark.parametrize("name", ["checkpoint", "metadata"])
@pytest.mark.parametrize("how", ["bit", "cut", "empty", "gone", "long"])
def test_damaged_checkpoint(device, full_payload, new_image, name, how):
    """Never used, told, and never in the way."""
    interrupt(device, full_payload)
    path = device.state / name
    if how == "bit":
        damage_bit(path, 100)
    elif how == "cut":
        os.truncate(path, path.stat().st_size - 10)
    elif how == "empty":
        os.truncate(path, 0)
    elif how == "long":
        path.write_bytes(path.read_bytes() + b"x" * 100000)
    else:
        path.unlink()
    result = device.install(full_payload)
    assert_ok(result)
    assert result.need == 0
    if (name, how) != ("checkpoint", "gone"):
        assert "starting from the beginning" in result.errors
    assert device.target().read_bytes() == new_image


def test_any_damaged_bit(device, full_payload):
    """Many bits of both files: --print-offset says 0 or, undamaged, the right offset."""
    interrupt(device, full_payload)
    saved = device.folder / "saved"
    shutil.copytree(device.state, saved)
    places = random.Random(1)
    for name in ("checkpoint", "metadata"):
        for _ in range(15):
            damage_bit(device.state / name, places.randrange(1 << 30))
            result = device.by_hand(device.arguments(full_payload, "--print-offset"))
            assert (result.returncode, result.stdout) == (0, b"0\n")
            shutil.rmtree(device.state)
            shutil.copytree(saved, device.state)
    result = device.by_hand(device.arguments(full_payload, "--print-offset"))
    assert int(result.stdout) > 0


def rewrite_checkpoint(device, **values):
    """A whole checkpoint with other values."""
    path = device.state / "checkpoint"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("CHECK=")]
    lines = [f"{key}={values.get(key, value)}" for key, value in
             (line.split("=", 1) for line in lines)]
    text = "".join(line + "\n" for line in lines)
    path.write_text(f"{text}CHECK={hashlib.sha256(text.encode()).hexdigest()}\n")


@pytest.mark.parametrize("values", [
    {"FORMAT": 0}, {"FORMAT": 2}, {"OFFSET": 1}, {"OPERATION": 1}, {"OPERATION": 2 ** 63},
    {"OPERATION": 10 ** 6}, {"FILE_STATE": "00"}, {"FILE_STATE": "ff" * 105}, {"COMPLETE": 1},
    {"COMPLETE": 2}, {"METADATA_BYTES": 3}, {"OPERATION": "x"},
])
def test_impossible_checkpoint(device, full_payload, new_image, values):
    interrupt(device, full_payload)
    rewrite_checkpoint(device, **values)
    result = device.install(full_payload)
    assert_ok(result)
    assert result.need == 0
    assert "starting from the beginning" in result.errors
    assert device.target().read_bytes() == new_image


def test_lying_checkpoint(device, full_payload, new_image):
    """It is consistent, but the target never got the bytes: the read-back finds out."""
    interrupt(device, full_payload)
    os.truncate(device.target(), 0)
    os.truncate(device.target(), len(new_image))
    assert_failed(device.install(full_payload), "readback")
    assert_ok(device.install(full_payload))
    assert device.target().read_bytes() == new_image


def test_other_payload(device, full_payload, delta_payload, delta):
    """The checkpoint of another payload is replaced without a word."""
    interrupt(device, full_payload)
    result = device.install(delta_payload)
    assert_ok(result)
    assert result.need == 0 and result.errors == ""
    assert device.target().read_bytes() == delta[0]
    assert device.install(full_payload).need == 0


def test_other_target(device, full_payload, new_image):
    """The half-written slot is another one."""
    interrupt(device, full_payload)
    shutil.move(device.target(), device.folder / "elsewhere")
    device.target = lambda name="root": device.folder / f"{name}-c"
    with open(device.target(), "wb") as file:
        file.truncate(len(new_image))
    result = device.install(full_payload)
    assert_ok(result)
    assert result.need == 0
    assert device.target().read_bytes() == new_image


def test_key_withdrawn(device, full_payload, other_key):
    """The cached metadata is verified again, with the keys of now."""
    interrupt(device, full_payload)
    shutil.rmtree(device.keys)
    shutil.copytree(other_key.parent / "keys", device.keys)
    result = device.install(full_payload)
    assert_failed(result, "signature")
    assert result.need == 0


def test_rules_hold_on_resume(device, full_payload):
    interrupt(device, full_payload)
    result = device.install(full_payload, expect_version="3.0")
    assert_failed(result, "downgrade")
    assert result.need == 0


def test_without_hash_nothing_is_kept(device, full_payload, new_image):
    """A payload without a name: an older checkpoint is not true any more, no new one is made."""
    interrupt(device, full_payload)
    result = device.install(full_payload, payload_hash=None)
    assert_ok(result)
    assert result.need == 0
    assert not (device.state / "checkpoint").exists()


def test_state_cannot_be_written(device, full_payload, new_image):
    """No checkpoints, but an update."""
    (device.state / "checkpoint.tmp" / "x").mkdir(parents=True)
    result = device.install(full_payload)
    assert_ok(result)
    assert "checkpoint not stored" in result.errors
    assert device.target().read_bytes() == new_image


def test_checkpoint_is_durable_before_it_is_made(device, new_image, private_key, tmp_path):
    """What a checkpoint counts as applied is in the target when the process is gone."""
    payload = Payload([Partition("root", new_image, full(new_image, 64, [REPLACE]))],
                      private_key).encode()
    running = device.start(device.arguments(payload))
    send_until(running, payload, len(payload) * 3 // 4)
    running.process.kill()
    running.finish()
    lines = dict(line.split("=", 1)
                 for line in (device.state / "checkpoint").read_text().splitlines())
    n = int(lines["OPERATION"]) * 64 * 4096
    assert n > 0
    assert device.target().read_bytes()[:n] == new_image[:n]
