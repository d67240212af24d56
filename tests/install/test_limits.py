# SPDX-License-Identifier: Apache-2.0
"""Bounded memory, whatever the payload."""

import lzma
import os
import random

from conftest import SANITIZED
from install_payload import BLOCK, BROTLI_BSDIFF, Operation, Partition, Payload, REPLACE
from install_payload import REPLACE_BZ, REPLACE_XZ, REPLACE_ZSTD, SOURCE_BSDIFF, copy, patch
from install_payload import replace, sha256
from test_install import assert_failed, assert_ok

CHUNK = 4096  # blocks: 16 MiB an operation
N_CHUNKS = 19  # 304 MiB


def make_big(seed):
    """Chunks of different content that compress well and fast."""
    source = random.Random(seed)
    return b"".join(source.randbytes(BLOCK * 8) * (CHUNK // 8) for _ in range(N_CHUNKS))


def test_big_operations(device, private_key):
    """304 MiB in operations of 16 MiB, 20 MiB raw ones among them, under the limit of 64 MiB of
    address space that the program sets itself (not with address sanitizer, which needs it all)."""
    raw = random.Random(5).randbytes(5120 * BLOCK)
    old = make_big(1)
    new = raw + make_big(2)[len(raw):-8 * BLOCK] + old[:8 * BLOCK]
    operations = [replace(REPLACE, new, 0, 5120)]
    kinds = (REPLACE_XZ, REPLACE_ZSTD, REPLACE_BZ)
    n_blocks = len(new) // BLOCK
    for i, start in enumerate(range(5120, n_blocks, CHUNK)):
        operations.append(replace(kinds[i % 3], new, start, min(CHUNK, n_blocks - start)))
    # a dictionary of 8 MiB, and patches with a source of 8 MiB
    operations[1].data = lzma.compress(new[5120 * BLOCK:(5120 + CHUNK) * BLOCK],
                                       check=lzma.CHECK_CRC32, preset=6)
    for i, kind in enumerate((SOURCE_BSDIFF, BROTLI_BSDIFF)):
        start = n_blocks - 4096 + i * 2048
        operations.append(patch(kind, old, new, [(start, 2048)], [(start, 2048)]))
    # every second block: the most extents
    source = [(i, 1) for i in range(0, 40000, 2)]
    operations.append(copy(old, source, [(5120, len(source))]))
    new = new[:5120 * BLOCK] + b"".join(old[s * BLOCK:(s + 1) * BLOCK] for s, _ in source) + \
        new[(5120 + len(source)) * BLOCK:]
    payload = Payload([Partition("root", new, operations, old)], private_key).encode()
    device.source().write_bytes(old)
    os.truncate(device.target(), len(new))
    assert_ok(device.install(payload))
    assert device.target_digest() == sha256(new)


def test_dictionary_too_large(device, private_key):
    """Data that want more memory to decode than there may be are refused, not tried."""
    image = bytes(range(256)) * 16 * 256
    data = lzma.compress(image, check=lzma.CHECK_CRC32,
                         filters=[{"id": lzma.FILTER_LZMA2, "preset": 1, "dict_size": 64 << 20}])
    operation = Operation(REPLACE_XZ, [(0, len(image) // BLOCK)], data)
    payload = Payload([Partition("root", image, [operation])], private_key).encode()
    assert_failed(device.install(payload), "limit", "operation 0 (REPLACE_XZ", "20 MiB")


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
