# SPDX-License-Identifier: Apache-2.0
"""Bounded memory, whatever the payload."""

import lzma
import os
import random

from conftest import SANITIZED
from install_payload import BLOCK, BROTLI_BSDIFF, Operation, Partition, Payload, REPLACE
from install_payload import REPLACE_BZ, REPLACE_XZ, REPLACE_ZSTD, SOURCE_BSDIFF
from install_payload import copy, gather, patch, replace, sha256
from test_install import assert_failed, assert_ok

CHUNK = 4096  # blocks: 16 MiB an operation
RAW = 5120  # 20 MiB
PATCHED = 2048
COPIED = 20000
KINDS = (REPLACE_XZ, REPLACE_BZ) + 4 * (REPLACE_ZSTD,)


def make_big(seed, n_blocks):
    """Stretches of different content that compress well and fast."""
    source = random.Random(seed)
    chunks = (source.randbytes(BLOCK * 8) * (CHUNK // 8) for _ in range(0, n_blocks, CHUNK))
    return b"".join(chunks)[:n_blocks * BLOCK]


def test_big_operations(device, private_key):
    """210 MiB in operations of up to 78 MiB, under the limit of 64 MiB of address space that the
    program sets itself (not with address sanitizer, which needs it all)."""
    at = RAW + len(KINDS) * CHUNK
    old = make_big(1, at + 2 * PATCHED + COPIED)
    copied = [(i, 1) for i in range(0, 2 * COPIED, 2)]  # every second block: the most extents
    patched = bytearray(old[at * BLOCK:(at + 2 * PATCHED) * BLOCK])
    patched[::10007] = bytes(len(patched[::10007]))
    new = (random.Random(5).randbytes(RAW * BLOCK) + make_big(2, len(KINDS) * CHUNK) + patched +
           gather(old, copied))
    operations = [replace(REPLACE, new, 0, RAW)]
    for i, kind in enumerate(KINDS):
        operations.append(replace(kind, new, RAW + i * CHUNK, CHUNK))
    # the largest dictionary there is room for: 8 MiB
    operations[1].data = lzma.compress(new[RAW * BLOCK:(RAW + CHUNK) * BLOCK],
                                       check=lzma.CHECK_CRC32, preset=6)
    for kind in (SOURCE_BSDIFF, BROTLI_BSDIFF):
        operations.append(patch(kind, old, new, [(at, PATCHED)], [(at, PATCHED)]))
        at += PATCHED
    operations.append(copy(old, copied, [(at, COPIED)]))
    payload = Payload([Partition("root", new, operations, old)], private_key).encode()
    device.source().write_bytes(old)
    os.truncate(device.target(), len(new))
    assert_ok(device.install(payload, cores=2))  # takes more than with one
    assert device.target_digest() == sha256(new)


def test_dictionary_too_large(device, private_key):
    """Data that want more memory to decode than there may be are refused, not tried."""
    image = bytes(range(256)) * 16 * 256
    data = lzma.compress(image, check=lzma.CHECK_CRC32,
                         filters=[{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 64 << 20}])
    operation = Operation(REPLACE_XZ, [(0, len(image) // BLOCK)], data)
    payload = Payload([Partition("root", image, [operation])], private_key).encode()
    assert_failed(device.install(payload), "limit", "operation 0 (REPLACE_XZ", "12 MiB")


def test_limit_is_set(device, full_payload):
    """As the kernel sees it: what was asked for, and by default 64 MiB."""
    limits = {"64T": 64 << 40} if SANITIZED else {"1G": 1 << 30, None: 64 << 20}
    for option, n_bytes in limits.items():
        running = device.start(device.arguments(full_payload, memory_limit=option))
        assert running.wait_need() == 0
        with open(f"/proc/{running.process.pid}/limits", encoding="ascii") as file:
            lines = dict(line.rsplit(None, 3)[0:2] for line in file if "address space" in line)
        assert lines == {"Max address space": str(n_bytes)}
        running.process.kill()
        running.finish()
