# SPDX-License-Identifier: Apache-2.0
"""A device without a boot loader: slots, keys and a state folder, and swb-install to run on them."""

import array
import dataclasses
import fcntl
import hashlib
import json
import os
import pathlib
import random
import select
import shutil
import signal
import socket
import subprocess
import termios
import time

import pytest

from install_payload import BLOCK, Partition, Payload, copy, full, make_key, patch, replace
from install_payload import (BROTLI_BSDIFF, Operation, REPLACE_XZ, REPLACE_ZSTD, SOURCE_BSDIFF,
                             ZERO)

BUILD = pathlib.Path(os.environ["SWB_BUILD"])
PROGRAM = BUILD / "src" / "bin" / "swb-install" / "swb-install"
TIMEOUT = 120


def is_sanitized():
    """Address sanitizer reserves terabytes of address space: no limit can be set then."""
    options = json.loads((BUILD / "meson-info" / "intro-buildoptions.json").read_text())
    return any(o["name"] == "b_sanitize" and o["value"] != "none" for o in options)


SANITIZED = is_sanitized()


def make_image(seed, n_blocks):
    """Half of it compressible, a tenth zeros."""
    source = random.Random(seed)
    chunks = []
    for _ in range(n_blocks // 64):
        kind = source.randrange(10)
        if kind == 0:
            chunks.append(bytes(64 * BLOCK))
        elif kind < 6:
            chunks.append(source.randbytes(64 * BLOCK))
        else:
            chunks.append(source.randbytes(BLOCK) * 64)
    return b"".join(chunks)


@dataclasses.dataclass
class Result:
    status: int
    errors: str
    messages: list
    sent: int = 0  # bytes of the payload that were handed over

    @property
    def outcome(self):
        return self.messages[-1] if self.messages else {}

    @property
    def need(self):
        return int(self.messages[0]["OFFSET"])


def parse_message(data):
    return dict(line.split("=", 1) for line in data.decode().splitlines())


class Device:
    """Slots named root and boot: a (old) and b (target)."""

    def __init__(self, folder, keys):
        self.folder = folder
        self.keys = keys
        self.state = folder / "state"
        self.partitions = []

    def add(self, name, old, target_bytes):
        """old None: there is no source."""
        self.partitions.append(name)
        if old is not None:
            self.source(name).write_bytes(old)
        with open(self.target(name), "wb") as file:
            file.truncate(target_bytes)

    def source(self, name="root"):
        return self.folder / f"{name}-a"

    def target(self, name="root"):
        return self.folder / f"{name}-b"

    def target_digest(self, name="root", n=None):
        digest = hashlib.sha256()
        digest.update(self.target(name).read_bytes()[:n])
        return digest.digest()

    def arguments(self, payload=None, *options, foreground=True, **replaced):
        """At normal priority, for other tests may run at the same time."""
        values = {"keys": self.keys, "state": self.state}
        if payload is not None:
            values["payload-hash"] = hashlib.sha256(payload).hexdigest()
            values["payload-size"] = len(payload)
        if SANITIZED:
            values["memory-limit"] = 0
        values.update({key.replace("_", "-"): value for key, value in replaced.items()})
        result = [PROGRAM]
        for name in self.partitions:
            result.append(f"--slot={name}={self.target(name)}")
            if self.source(name).exists():
                result.append(f"--source={name}={self.source(name)}")
        result += [f"--{key}={value}" for key, value in values.items() if value is not None]
        return result + ["--foreground"] * foreground + list(options)

    def by_hand(self, arguments, data=None, **options):
        return subprocess.run(arguments, input=data, capture_output=True, timeout=TIMEOUT,
                              check=False, **options)

    def start(self, arguments, **options):
        return Running(arguments, **options)

    def install(self, payload, data=None, preexec=None, **replaced):
        """As swbd does it: messages on a socket, bytes on a pipe. `data`: what is really sent."""
        running = self.start(self.arguments(payload, **replaced), preexec_fn=preexec)
        return running.feed(payload if data is None else data)


class Running:
    """One swb-install with both ends in our hands."""

    def __init__(self, arguments, preexec_fn=None):
        self.ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.process = subprocess.Popen(
            [*arguments, f"--control={theirs.fileno()}"], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, pass_fds=[theirs.fileno()],
            bufsize=0, preexec_fn=preexec_fn)
        theirs.close()
        self.messages = []
        self.sent = 0
        os.set_blocking(self.process.stdin.fileno(), False)

    def receive(self, timeout):
        """One more message; False at the end."""
        self.ours.settimeout(timeout)
        data = self.ours.recv(65536)
        if data:
            self.messages.append(parse_message(data))
        return bool(data)

    def wait_need(self):
        """Offset, or None when it ended before it needed anything."""
        while self.receive(TIMEOUT):
            if self.messages[-1]["TYPE"] != "progress":
                break
        if self.messages and self.messages[-1]["TYPE"] == "need":
            return int(self.messages[-1]["OFFSET"])
        return None

    def send_some(self, data):
        """True while there is somebody who takes bytes."""
        try:
            n = os.write(self.process.stdin.fileno(), data[:256 << 10])
            self.sent += n
            return n
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            return None

    def wait_taken(self):
        """Until it has taken all bytes out of the pipe."""
        deadline = time.monotonic() + TIMEOUT
        count = array.array("i", [1])
        while count[0] > 0:
            assert time.monotonic() < deadline, "takes too long"
            time.sleep(0.02)
            fcntl.ioctl(self.process.stdin, termios.FIONREAD, count)

    def feed(self, payload, stop_at=None, kill_after=None):
        """Sends from the needed offset, reads all messages. Kills after so many seconds."""
        offset = self.wait_need()
        deadline = time.monotonic() + TIMEOUT
        kill_time = time.monotonic() + kill_after if kill_after is not None else None
        end = len(payload) if stop_at is None else min(stop_at, len(payload))
        open_pipe = offset is not None
        while True:
            assert time.monotonic() < deadline, "takes too long"
            if kill_time is not None and time.monotonic() >= kill_time:
                self.process.kill()
                kill_time = None
            if open_pipe and offset + self.sent >= end:
                self.process.stdin.close()
                open_pipe = False
            writers = [self.process.stdin] if open_pipe else []
            readable, writable, _ = select.select([self.ours], writers, [], 0.01)
            if readable and not self.receive(TIMEOUT):
                break
            if writable and self.send_some(payload[offset + self.sent:end]) is None:
                self.process.stdin.close()
                open_pipe = False
        return self.finish()

    def finish(self):
        if not self.process.stdin.closed:
            self.process.stdin.close()
        errors = self.process.stderr.read().decode()
        status = self.process.wait(TIMEOUT)
        self.process.stderr.close()
        self.ours.close()
        return Result(status, errors, self.messages, self.sent)

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)


# ---- fixtures ----

@pytest.fixture(scope="session")
def private_key(tmp_path_factory):
    return make_key(tmp_path_factory.mktemp("key") / "rsa")


@pytest.fixture(scope="session")
def other_key(tmp_path_factory):
    return make_key(tmp_path_factory.mktemp("key") / "other")


@pytest.fixture(scope="session")
def old_image():
    return make_image(1, 6 * 1024)


@pytest.fixture(scope="session")
def new_image():
    return make_image(2, 6 * 1024)


@pytest.fixture(scope="session")
def small_image():
    return make_image(4, 1024)


def make_delta(old):
    """A new image that resembles the old one, and the operations that make it."""
    new = bytearray(old)
    n_blocks = len(old) // BLOCK
    new[0:256 * BLOCK] = old[512 * BLOCK:768 * BLOCK]
    new[256 * BLOCK:320 * BLOCK] = bytes(64 * BLOCK)
    for at in range(320 * BLOCK, 448 * BLOCK, 1111):
        new[at] ^= 0x55
    new[n_blocks // 2 * BLOCK:] = make_image(3, n_blocks - n_blocks // 2)
    new = bytes(new)
    operations = [
        copy(old, [(512, 256)], [(0, 256)]),
        Operation(ZERO, [(256, 64)]),
        patch(SOURCE_BSDIFF, old, new, [(320, 64)], [(320, 32), (352, 32)]),
        patch(BROTLI_BSDIFF, old, new, [(384, 32), (416, 32)], [(384, 64)]),
        copy(old, [(448, n_blocks // 2 - 448)], [(448, n_blocks // 2 - 448)]),
    ]
    for start in range(n_blocks // 2, n_blocks, 256):
        kind = REPLACE_XZ if start % 512 else REPLACE_ZSTD
        operations.append(replace(kind, new, start, min(256, n_blocks - start)))
    return new, operations


@pytest.fixture(scope="session")
def delta(old_image):
    return make_delta(old_image)


@pytest.fixture(scope="session")
def full_payload(new_image, private_key):
    return Payload([Partition("root", new_image, full(new_image), version="2.0")], private_key,
                   timestamp=1000).encode()


@pytest.fixture(scope="session")
def delta_payload(old_image, delta, private_key):
    new, operations = delta
    return Payload([Partition("root", new, operations, old_image, "2.0")], private_key,
                   timestamp=1000).encode()


@pytest.fixture
def device(tmp_path, private_key, old_image):
    """Its keys are a copy, so that a test may change them."""
    shutil.copytree(private_key.parent / "keys", tmp_path / "keys")
    result = Device(tmp_path, tmp_path / "keys")
    result.add("root", old_image, len(old_image))
    return result
