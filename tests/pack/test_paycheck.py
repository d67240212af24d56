# SPDX-License-Identifier: Apache-2.0
"""The independent checker sees each rule being broken; else its silence would mean nothing."""

import bz2
import hashlib
import lzma
import struct

import pytest

import paycheck
from pack_images import noise, text

BLOCK = 4096
OLD = text(1, 4 * BLOCK)
NEW = text(2, BLOCK) + bytes(BLOCK) + OLD[:BLOCK] + noise(3, BLOCK)
XZ_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6}]


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])


def field(number, value):
    """A field with a number or with bytes; nothing for None."""
    if value is None:
        return b""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def extents(number, items):
    return b"".join(field(number, field(1, start) + field(2, n)) for start, n in items)


def operation(kind, dst, blob=None, src=(), **change):
    """A dictionary of what an operation's message holds; `change` overrides."""
    op = {"type": kind, "dst": dst, "src": src, "blob": blob or b"", "offset": None,
          "length": len(blob) if blob else None,
          "hash": hashlib.sha256(blob).digest() if blob else None,
          "src_hash": None, "src_length": None, "dst_length": None}
    if src:
        source = b"".join(OLD[s * BLOCK:(s + n) * BLOCK] for s, n in src)
        op["src_hash"] = hashlib.sha256(source).digest()
    return op | change


def good_operations():
    return [operation(paycheck.REPLACE_XZ, [(0, 1)],
                      lzma.compress(NEW[:BLOCK], lzma.FORMAT_XZ, lzma.CHECK_NONE, filters=XZ_FILTERS)),
            operation(paycheck.ZERO, [(1, 1)]),
            operation(paycheck.SOURCE_COPY, [(2, 1)], src=[(0, 1)]),
            operation(paycheck.REPLACE, [(3, 1)], NEW[3 * BLOCK:])]


def info(data, n_bytes=None):
    return field(1, len(data) if n_bytes is None else n_bytes) + field(
        2, hashlib.sha256(data).digest())


def make(operations, *, magic=b"CrAU", major=2, minor=4, old=OLD, block_size=BLOCK, tail=b"",
         name=b"root", new_info=info(NEW), signatures=None, more=b""):
    """A payload's bytes."""
    offset, blobs, messages = 0, b"", b""
    for op in operations:
        start = offset if op["offset"] is None and op["blob"] else op["offset"]
        offset += len(op["blob"])
        blobs += op["blob"]
        messages += field(8, field(1, op["type"]) + field(2, start) + field(3, op["length"]) +
                          extents(4, op["src"]) + field(5, op["src_length"]) +
                          extents(6, op["dst"]) + field(7, op["dst_length"]) +
                          field(8, op["hash"]) + field(9, op["src_hash"]))
    partition = field(1, name) + (field(6, info(old)) if old else b"") + field(7, new_info) + messages
    signed = field(4, offset) + field(5, len(signatures)) if signatures is not None else b""
    manifest = field(3, block_size) + signed + field(12, minor) + field(13, partition) + more
    signatures = signatures or b""
    return (magic + struct.pack(">QQI", major, len(manifest), len(signatures)) + manifest +
            signatures + blobs + signatures + tail)


@pytest.fixture
def breaches(tmp_path):
    """breaches(bytes): what the checker says."""
    images = {}
    for name, data in (("old", OLD), ("new", NEW)):
        (tmp_path / name).write_bytes(data)
        images[name] = {"root": tmp_path / name}

    def check(data):
        (tmp_path / "payload").write_bytes(data)
        return paycheck.check(tmp_path / "payload", **images)
    return check


def changed(index, **change):
    """The good operations, one of them changed."""
    operations = good_operations()
    operations[index] |= change
    return operations


SIGNATURE = field(1, field(2, bytes(256)) + varint(3 << 3 | 5) + struct.pack("<I", 256))


def test_good_payloads(breaches):
    assert not breaches(make(good_operations()))
    assert not breaches(make(good_operations(), signatures=SIGNATURE))


CASES = {
    "magic": (lambda: make(good_operations(), magic=b"CrAX"), "magic"),
    "major": (lambda: make(good_operations(), major=1), "major version"),
    "minor": (lambda: make(good_operations(), minor=1), "minor version"),
    "full-with-delta-minor": (lambda: make([operation(0, [(0, 4)], NEW)], old=None), "full payload"),
    "delta-with-minor-0": (lambda: make([operation(0, [(0, 4)], NEW)], minor=0), "a delta"),
    "block-size": (lambda: make(good_operations(), block_size=8192), "block size"),
    "name": (lambda: make(good_operations(), name=b""), "partition names"),
    "unknown-field": (lambda: make(good_operations(), more=field(99, 1)), "not known"),
    "twice": (lambda: make(good_operations(), more=field(12, 4)), "twice"),
    "new-hash": (lambda: make(good_operations(), new_info=field(1, len(NEW))), "hash of 0 bytes"),
    "new-size": (lambda: make(good_operations(), new_info=info(NEW, 5000)), "new size"),
    "tail": (lambda: make(good_operations(), tail=b"x"), "add up"),
    "type": (lambda: make(good_operations(), minor=3), "not allowed in minor version 3"),
    "own-type": (lambda: make(changed(0, type=128)), "not allowed"),
    "no-hash": (lambda: make(changed(3, hash=None)), "data_sha256_hash"),
    "wrong-hash": (lambda: make(changed(3, hash=bytes(32))), "data_sha256_hash"),
    "gap": (lambda: make(changed(3, offset=9999)), "the one before ends"),
    "overlap": (lambda: make(changed(3, offset=0)), "the one before ends"),
    "data-on-zero": (lambda: make(changed(1, blob=b"x", length=1)), "has data"),
    "hash-on-copy": (lambda: make(changed(2, hash=bytes(32))), "has data"),
    "no-data": (lambda: make(changed(3, blob=b"", length=None)), "no data"),
    "short-replace": (lambda: make(changed(3, dst=[(3, 1), (1, 1)])), "for 2 blocks"),
    "large-compressed": (lambda: make(changed(0, blob=b"BZh" + noise(1, BLOCK), type=1,
                                              length=BLOCK + 3)), "not less than"),
    "outside": (lambda: make(changed(3, dst=[(4, 1)])), "target extent 4+1 of 4"),
    "empty-extent": (lambda: make(changed(3, dst=[(3, 1), (0, 0)])), "empty target extent"),
    "no-target": (lambda: make(changed(1, dst=[])), "no target extents"),
    "source-outside": (lambda: make(changed(2, src=[(4, 1)])), "source extent 4+1 of 4"),
    "no-source": (lambda: make(changed(2, src=[])), "no source extents"),
    "copy-lengths": (lambda: make(changed(2, src=[(0, 2)])), "copies 2 blocks to 1"),
    "source-on-replace": (lambda: make(changed(3, src=[(0, 1)])), "has a source"),
    "no-source-hash": (lambda: make(changed(2, src_hash=None)), "no src_sha256_hash"),
    "wrong-source-hash": (lambda: make(changed(2, src_hash=bytes(32))), "src_sha256_hash is wrong"),
    "src-length": (lambda: make(changed(2, src_length=BLOCK)), "src_length"),
    "unwritten": (lambda: make(good_operations()[:3]), "1 blocks are never written"),
    "written-twice": (lambda: make(changed(1, dst=[(1, 1), (3, 1)])), "1 more than once"),
    "xz-check": (lambda: make(changed(0, **{k: operation(8, [(0, 1)], lzma.compress(
        NEW[:BLOCK], lzma.FORMAT_XZ, lzma.CHECK_CRC64))[k] for k in ("blob", "length", "hash")})),
        "without check"),
    "wrong-copy": (lambda: make(changed(2, src=[(1, 1)], src_hash=hashlib.sha256(
        OLD[BLOCK:2 * BLOCK]).digest())), "makes something else"),
    "signature-alone": (lambda: make(good_operations(), more=field(4, 0)), "one without the other"),
    "padding": (lambda: make(good_operations(), signatures=SIGNATURE[:-8] + b"\1" + SIGNATURE[-7:-4] +
                             struct.pack("<I", 100)), "padding"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_broken_rule_is_seen(breaches, name):
    build, complaint = CASES[name]
    found = breaches(build())
    assert any(complaint in line for line in found), found


def bsdiff40(new, magic=b"BSDIFF40", n_new=None):
    """A patch that only adds new bytes."""
    control = bz2.compress(struct.pack("<QQQ", 0, len(new), 0))
    diff, extra = bz2.compress(b""), bz2.compress(new)
    return magic + struct.pack("<QQQ", len(control), len(diff), n_new or len(new)) + control + diff + extra


def with_patch(patch, minor=3, **change):
    """Minor version 3: what ZERO did is a copy of bytes there."""
    operations = good_operations()
    operations[0] = operation(paycheck.SOURCE_BSDIFF, [(0, 1)], patch, src=[(0, 4)],
                              src_length=4 * BLOCK, dst_length=BLOCK) | change
    operations[1] = operation(paycheck.REPLACE, [(1, 1)], bytes(BLOCK))
    return make(operations, minor=minor)


def test_patches(breaches):
    good = bsdiff40(NEW[:BLOCK])
    assert not breaches(with_patch(good))
    for data, complaint in (
            (with_patch(good, src_length=None), "src_length None"),
            (with_patch(good, minor=4), "src_length or dst_length is not wanted"),
            (with_patch(bsdiff40(NEW[:BLOCK], n_new=5)), "makes 5 bytes"),
            (with_patch(bsdiff40(NEW[:BLOCK], b"BSDF2\1\1\1")), "magic"),
            (with_patch(bsdiff40(OLD[:BLOCK])), "makes something else")):
        found = breaches(data)
        assert any(complaint in line for line in found), (complaint, found)


def test_cut_payloads(breaches):
    data = make(good_operations(), signatures=SIGNATURE)
    for n in (0, 3, 23, 24, 100, len(data) - 1):
        assert breaches(data[:n]), n
