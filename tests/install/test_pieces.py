# SPDX-License-Identifier: Apache-2.0
"""Payloads of pieces: only what the slots lack is asked for, whatever stands in them."""

import hashlib
import os
import signal
import socket
import struct
import subprocess

import pytest

from conftest import SANITIZED, TIMEOUT, make_image
from install_payload import (BLOCK, Operation, Partition, Payload, REPLACE, REPLACE_ZSTD, ZERO,
                             full, gather, message, replace)

PIECE = 32  # blocks


class Piece(Operation):
    made = b""

    def encode(self, offset):
        tags = b"".join(hashlib.sha256(self.made[i:i + BLOCK]).digest()[:5]
                        for i in range(0, len(self.made), BLOCK))
        return super().encode(offset) + message(16, hashlib.sha256(self.made).digest()) + message(17, tags)


def pieces(image):
    out = []
    for i, start in enumerate(range(0, len(image) // BLOCK, PIECE)):
        n = min(PIECE, len(image) // BLOCK - start)
        made = gather(image, [(start, n)])
        if not any(made):
            out.append(Operation(ZERO, [(start, n)]))
            continue
        plain = replace((REPLACE_ZSTD, REPLACE)[i % 2], image, start, n)
        piece = Piece(plain.kind, plain.dst, plain.data)
        piece.made = made
        out.append(piece)
    return out


@pytest.fixture(scope="module")
def target(old_image):
    """The old image with a new part, a moved part and a changed block."""
    n = len(old_image) // BLOCK
    new = bytearray(old_image)
    new[:64 * BLOCK] = make_image(77, 64)
    new[1000 * BLOCK:1100 * BLOCK] = old_image[2001 * BLOCK:2101 * BLOCK]
    new[3000 * BLOCK + 5] ^= 1
    new[(n - 500) * BLOCK:] = make_image(78, 512)[:500 * BLOCK]
    return bytes(new)


@pytest.fixture(scope="module")
def payload(target, private_key):
    return Payload([Partition("root", target, pieces(target), version="2.0")], private_key,
                   minor=1002).encode()


def metadata_end(payload):
    return 24 + sum(struct.unpack(">QI", payload[12:24]))


class Fetch:
    """The other end of the socket, as swb-fetch is it: gives what is asked for, and counts."""

    def __init__(self, device, payload, kill_at=None, **options):
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen(device.arguments(payload, "--pieces", **options), stdin=theirs,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        theirs.close()
        self.payload, self.lines, self.ranges, self.n_bytes = payload, 0, [], 0
        self.ended = False
        lines = ours.makefile("rb")
        self.mode = lines.readline().strip().decode()
        if self.mode == "stream":
            ours.sendall(payload[:metadata_end(payload)])
        try:
            self.answer(ours, lines, kill_at)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has seen enough
        ours.close()
        self.output, self.errors = [data.decode() for data in self.process.communicate(timeout=TIMEOUT)]
        self.status = self.process.returncode

    def answer(self, ours, lines, kill_at):
        for line in lines:
            word, _, text = line.decode().strip().partition(" ")
            self.ended = word == "end"
            if self.ended:
                break
            assert word == "get"
            self.lines += 1
            if self.serve(ours, text, kill_at):
                break

    def serve(self, ours, text, kill_at):
        """True when it has killed the installer."""
        for part in text.split(","):
            first, last = map(int, part.split("-"))
            assert not self.ranges or first >= self.ranges[-1][1]
            self.ranges.append((first, last + 1))
            data = self.payload[first:last + 1]
            if kill_at is not None and self.n_bytes + len(data) > kill_at:
                ours.sendall(data[:kill_at - self.n_bytes])
                self.process.send_signal(signal.SIGTERM)
                return True
            ours.sendall(data)
            self.n_bytes += len(data)
        return False


def assert_installed(device, fetch, image):
    assert fetch.status == 0, fetch.errors
    assert fetch.ended and fetch.errors == ""
    assert device.target().read_bytes() == image


def lacked(payload_pieces, *images):
    """Bytes of the data that a device with these images has to get."""
    known = {image[i:i + BLOCK] for image in images for i in range(0, len(image), BLOCK)}
    return sum(len(op.data) for op in payload_pieces if isinstance(op, Piece) and
               any(op.made[i:i + BLOCK] not in known for i in range(0, len(op.made), BLOCK)))


def test_only_what_is_lacking(device, payload, target, old_image):
    fetch = Fetch(device, payload)
    assert_installed(device, fetch, target)
    assert fetch.mode == "stream" and fetch.lines == 1
    assert fetch.n_bytes == lacked(pieces(target), old_image) < len(payload) / 4
    # the same again: the target has it all
    os.rename(device.state, device.folder / "other-state")
    again = Fetch(device, payload)
    assert_installed(device, again, target)
    assert again.n_bytes == again.lines == 0


def test_repair_without_a_source(device, payload, target):
    """A slot of that version, damaged in three places: three pieces are got."""
    broken = bytearray(target)
    for at in (50, 1500 * BLOCK + 77, 3001 * BLOCK):
        broken[at] ^= 0xff
    device.source().unlink()
    device.target().write_bytes(broken)
    fetch = Fetch(device, payload)
    assert_installed(device, fetch, target)
    assert len(fetch.ranges) == 3 and fetch.lines == 1


def test_from_a_file(device, payload, target):
    """The ranges are read from a file; and without --pieces it is an ordinary full payload."""
    path = device.folder / "payload"
    path.write_bytes(payload)
    run = device.by_hand(device.arguments(payload, "--pieces", f"--input={path}"))
    assert run.returncode == 0, run.stderr
    assert device.target().read_bytes() == target
    device.target().write_bytes(bytes(len(target)))
    device.source().unlink()
    run = device.by_hand(device.arguments(payload, f"--input={path}", state=device.folder / "new"))
    assert run.returncode == 0, run.stderr
    assert device.target().read_bytes() == target


def test_pieces_of_both_slots(device, payload, target, old_image):
    """A piece of which a part stands in its place and a part in the source is made of both."""
    mixed = bytearray(target)
    for block in (500, 1010, 2500):  # in the source, at this place or another
        mixed[block * BLOCK:(block + 1) * BLOCK] = b"x" * BLOCK
    device.target().write_bytes(mixed)
    fetch = Fetch(device, payload)
    assert_installed(device, fetch, target)
    assert fetch.n_bytes == 0
    assert device.source().read_bytes() == old_image


@pytest.mark.parametrize("share", [0.0, 0.5, 0.95])
def test_goes_on_after_a_stop(device, payload, target, old_image, share):
    """What was fetched and applied before the stop is not fetched again, and nothing is searched for:
    the source may even be gone."""
    whole = lacked(pieces(target), old_image)
    first = Fetch(device, payload, kill_at=int(whole * share))
    assert first.status != 0
    device.source().unlink()
    second = Fetch(device, payload)
    assert_installed(device, second, target)
    assert second.mode == "pieces"
    assert first.n_bytes + second.n_bytes <= whole + 2 * PIECE * BLOCK


def test_other_mode_starts_anew(device, payload, target, old_image):
    first = Fetch(device, payload, kill_at=lacked(pieces(target), old_image) // 2)
    assert first.status != 0
    result = device.install(payload)
    assert result.status == 0 and result.need == 0
    assert "comes front to back" in result.errors
    assert device.target().read_bytes() == target


def test_damaged_notes(device, payload, target, old_image):
    first = Fetch(device, payload, kill_at=lacked(pieces(target), old_image) // 2)
    assert first.status != 0
    notes = device.state / "pieces"
    notes.write_bytes(notes.read_bytes()[:-1] + b"?")
    second = Fetch(device, payload)
    assert second.status == 0 and "starting from the beginning" in second.errors
    assert device.target().read_bytes() == target


def test_a_source_that_is_not_there(device, payload, target):
    """Without it more is fetched, that is all."""
    arguments = device.arguments(payload, "--pieces", "--input=/dev/stdin")
    arguments.append(f"--source=root={device.folder}/nowhere")
    (device.folder / "payload").write_bytes(payload)
    with open(device.folder / "payload", "rb") as file:
        run = subprocess.run(arguments, stdin=file, capture_output=True, timeout=TIMEOUT)
    assert run.returncode == 0, run.stderr
    assert device.target().read_bytes() == target


def test_wrong_bytes(device, payload, target, private_key):
    """A piece that is not what the manifest says is refused."""
    bad = bytearray(payload)
    at = metadata_end(payload) + 10
    bad[at] ^= 1
    device.source().unlink()
    fetch = Fetch(device, bytes(bad))
    assert fetch.status != 0 and "arrived damaged" in fetch.errors


def test_not_signed_by_us(device, target, other_key):
    payload = Payload([Partition("root", target, pieces(target))], other_key, minor=1002).encode()
    fetch = Fetch(device, payload)
    assert fetch.status != 0 and "signature" in fetch.errors
    assert fetch.lines == 0


def test_memory(device, payload, target):
    """As little as any other install."""
    limit = 0 if SANITIZED else "18M"
    fetch = Fetch(device, payload, memory_limit=limit)
    assert_installed(device, fetch, target)


def test_plain_payload(device, private_key, target):
    """--pieces with a payload of another minor version: front to back."""
    payload = Payload([Partition("root", target, full(target), version="2.0")], private_key).encode()
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(device.arguments(payload, "--pieces"), stdin=theirs,
                               stdout=subprocess.DEVNULL)
    theirs.close()
    assert ours.makefile("rb").readline() == b"stream\n"
    ours.sendall(payload)
    assert process.wait(TIMEOUT) == 0
    ours.close()
    assert device.target().read_bytes() == target


def test_input_must_be_a_file_or_socket(device, payload):
    run = device.by_hand(device.arguments(payload, "--pieces"), data=b"")
    assert run.returncode == 2 and b"neither a file nor a socket" in run.stderr
