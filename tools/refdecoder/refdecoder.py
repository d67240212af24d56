#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""refdecoder - a second reader of payloads, laid out as docs/spec/payload.md is

    refdecoder.py [--key PUBLIC.pem]... PAYLOAD [NAME=OLD]... [NAME>NEW]...

Lists the payload and makes the new partitions in memory, from the old ones in the files NAME=OLD;
NAME>NEW writes one out. Prints the same lines as tests/golden's program does with Switchback's own
reader. It shares no code with that one, is slow, and trusts nothing either. A refusal is one line
"refused FAULT: why" and status 1.

Standard library only. Some blobs need libzstd.so.1, libbrotlidec.so.1, liblz4.so.1, liblzma.so.5, liblzo2.so.2 or
gzip(1) on the machine: an encoder that closes opened content is its implementation.
"""

import argparse
import bz2
import hashlib
import pathlib
import struct
import sys

import puffs as puff_format
from codings import decode_xz, decode_zstd, one_stream, patch
from keys import load_key
from refusal import Refused, demand
from splits import unsplit
from swdiff import swdiff

BLOCK = 4096
HOLE = 2**64 - 1
MIB = 1 << 20


# ---- 1. Container ----------------------------------------------------------------------------


def split(data):
    """The parts of PF-1: metadata, manifest, metadata signature, what follows."""
    demand(len(data) >= 24, "format", "shorter than a header")
    magic, major, n_manifest, n_signature = struct.unpack(">4sQQI", data[:24])
    demand(magic == b"CrAU", "format", "another magic")  # PF-3
    demand(major == 2, "unsupported", f"major version {major}")  # PF-4
    demand(n_manifest > 0, "format", "empty manifest")  # PF-5
    demand(n_manifest <= 16 * MIB, "limit", "large manifest")
    demand(n_signature <= 64 << 10, "limit", "large metadata signature")  # PF-6
    blobs_at = 24 + n_manifest + n_signature
    demand(len(data) >= blobs_at, "format", "cut in the metadata")
    metadata = data[: 24 + n_manifest]
    return metadata, metadata[24:], data[24 + n_manifest : blobs_at], data[blobs_at:]


# ---- 2. Messages -----------------------------------------------------------------------------

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def varint(data, at):
    value = shift = 0
    while True:
        demand(at < len(data) and shift < 70, "format", "damaged varint")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at


def fields(data, known):
    """Yields (number, value) of the known fields: {number: (wire type, repeated)}."""
    at, seen = 0, set()
    while at < len(data):
        tag, at = varint(data, at)
        number, kind = tag >> 3, tag & 7
        demand(0 < number < 1 << 29, "format", "field number")  # PF-11
        if kind == VARINT:
            value, at = varint(data, at)
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
            value, at = int.from_bytes(data[at : at + size], "little"), at + size
        elif kind == BYTES:
            size, at = varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            raise Refused("format", "group or unknown wire type")
        demand(at <= len(data), "format", "cut field")
        if number not in known:
            continue  # PF-10
        wanted, repeated = known[number]
        demand(kind == wanted, "format", f"wire type of field {number}")  # PF-12
        demand(repeated or number not in seen, "format", f"field {number} twice")  # PF-13
        seen.add(number)
        yield number, value


def text(value, limit):  # PF-14
    demand(len(value) <= limit, "limit", "long text")
    demand(all(0x20 <= c <= 0x7E for c in value), "format", "text not printable")
    return value.decode()


def hash32(value):
    demand(len(value) == 32, "format", "size of a hash")
    return value


def uint32(value):
    demand(value < 1 << 32, "format", "more than 32 bits")
    return value


class Manifest:
    def __init__(self, data):
        self.minor, self.partial, self.signatures, self.partitions = 0, False, [0, 0], []
        self.needs = {1: "", 2: 0, 3: 0}
        known = {3: (VARINT, False), 4: (VARINT, False), 5: (VARINT, False), 12: (VARINT, False),
                 13: (BYTES, True), 14: (VARINT, False), 16: (VARINT, False), 40: (BYTES, False)}
        for number, value in fields(data, known):
            if number == 3:
                demand(uint32(value) == BLOCK, "unsupported", f"block size {value}")  # PF-16
            elif number in (4, 5):
                self.signatures[number - 4] = value
            elif number == 12:
                self.minor = uint32(value)  # PF-17
                demand(value == 0 or 2 <= value <= 9 or 1000 <= value <= 1004, "unsupported",
                       f"minor version {value}")
            elif number == 13:
                demand(len(self.partitions) < 16, "limit", "partitions")  # PF-20
                self.partitions.append(Partition(value))
                names = [p.name for p in self.partitions]
                demand(len(set(names)) == len(names), "format", "name twice")  # PF-21
            elif number == 16:
                self.partial = value != 0
            elif number == 40 and self.minor >= 1004:  # PF-138
                for part, text_of in fields(value, {1: (BYTES, False), 2: (VARINT, False), 3: (VARINT, False)}):
                    self.needs[part] = text(text_of, 127) if part == 1 else text_of
        self.check()

    def check(self):
        demand(self.partitions, "format", "no partitions")  # PF-20
        with_old = [p.old is not None for p in self.partitions]
        demand(all(with_old) or not any(with_old), "format", "old infos")  # PF-24
        demand(self.minor != 1002 or not with_old[0], "format", "delta of pieces")  # PF-90
        if self.minor < 1000:
            demand((with_old[0] or self.partial) == (self.minor != 0), "format", "delta or full")
            demand(not self.partial or self.minor >= 7, "format", "partial_update")


# ---- 3. Partitions ---------------------------------------------------------------------------


class Info:
    def __init__(self, data):
        got = dict(fields(data, {1: (VARINT, False), 2: (BYTES, False)}))
        demand(1 in got and 2 in got, "format", "PartitionInfo without size or hash")
        self.size, self.hash = got[1], hash32(got[2])
        demand(self.size <= 1 << 44, "limit", "size of a partition")  # PF-22

    @property
    def blocks(self):
        return -(-self.size // BLOCK)


def levels_over(n):
    """Blocks of each level of a hash tree, that of the data's hashes first."""
    found = []
    while n > 1:
        n = -(-n // (BLOCK // 32))
        found.append(n)
    return found


def span(extent):
    return extent[0], sum(extent)


class Tree:  # PF-27
    def __init__(self, got, n_blocks):
        demand(len(got.get(13, b"")) <= 256, "limit", "salt of a hash tree")
        self.algorithm, self.salt = text(got.get(12, b""), 31), got.get(13, b"")
        extents = []
        for number in (10, 11):
            e = dict(fields(got.get(number, b""), {1: (VARINT, False), 2: (VARINT, False)}))
            extents.append((e.get(1, 0), e.get(2, 0)))
            demand(e.get(2, 0) and e.get(1, 0) + e[2] <= n_blocks, "format", "place of a hash tree")
        self.data, self.tree = extents
        apart = sum(self.data) <= self.tree[0] or sum(self.tree) <= self.data[0]
        demand(apart, "format", "a hash tree within its data")
        if self.algorithm == "sha256":
            demand(sum(levels_over(self.data[1])) == self.tree[1], "format", "size of a hash tree")

    def write(self, target):
        at, source = sum(self.tree), self.data
        for n in levels_over(self.data[1]):
            at -= n
            hashes = b"".join(hashlib.sha256(self.salt + target[i * BLOCK : (i + 1) * BLOCK]).digest()
                              for i in range(source[0], sum(source)))
            target[at * BLOCK : (at + n) * BLOCK] = hashes.ljust(n * BLOCK, b"\0")
            source = (at, n)


def gf_multiples(factor):
    """What each byte is when multiplied by the factor: 2^8 elements, polynomial 0x11d."""
    found = []
    for byte in range(256):
        product, shifted = 0, byte
        for bit in range(8):
            product ^= shifted if factor >> bit & 1 else 0
            shifted = shifted << 1 ^ (0x11D if shifted & 0x80 else 0)
        found.append(product)
    return found


class Fec:  # PF-28
    def __init__(self, got, tree, n_blocks):
        extents = []
        for number in (14, 15):
            e = dict(fields(got.get(number, b""), {1: (VARINT, False), 2: (VARINT, False)}))
            extents.append((e.get(1, 0), e.get(2, 0)))
        (self.covered, self.fec), self.roots = extents, got.get(16, 2)
        demand(self.roots < 1 << 32, "format", "roots of error correction")
        demand(tree and tree.data[0] <= tree.tree[0] and
               self.covered == (tree.data[0], sum(tree.tree) - tree.data[0]),
               "format", "what error correction covers")
        demand(self.fec[1] and self.fec[0] >= sum(tree.tree) and sum(self.fec) <= n_blocks,
               "format", "place of error correction")
        self.blocks = [*range(*span(tree.data)), *range(*span(tree.tree))]
        demand(2 <= self.roots <= 24, "format", "roots of error correction")
        self.rounds = -(-len(self.blocks) // (255 - self.roots))
        demand(self.rounds * self.roots == self.fec[1], "format", "size of error correction")

    def write(self, target):
        """All codewords side by side: byte i of each is in one run of blocks."""
        generator, root = [1], 1
        for _ in range(self.roots):
            times = gf_multiples(root)
            generator = [a ^ times[b] for a, b in zip([0, *generator], [*generator, 0])]
            root = gf_multiples(2)[root]
        tables = [bytes(gf_multiples(g)) for g in reversed(generator[:-1])]
        size = self.rounds * BLOCK
        parity = [0] * self.roots  # a column each, as one long number
        for at in range(0, (255 - self.roots) * self.rounds, self.rounds):
            run = b"".join(target[b * BLOCK : (b + 1) * BLOCK]
                           for b in self.blocks[at : at + self.rounds]).ljust(size, b"\0")
            out = (int.from_bytes(run, "big") ^ parity[0]).to_bytes(size, "big")
            adds = [int.from_bytes(out.translate(table), "big") for table in tables]
            parity = [a ^ b for a, b in zip([*parity[1:], 0], adds)]
        columns = zip(*(column.to_bytes(size, "big") for column in parity))
        target[self.fec[0] * BLOCK : sum(self.fec) * BLOCK] = bytes(b for c in columns for b in c)


class Partition:
    LIMITS = {1: 36, 3: 255, 4: 15, 17: 63}
    NAME = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")

    def __init__(self, data):
        known = {n: (BYTES, False) for n in (1, 3, 4, 6, 7, 10, 11, 12, 13, 14, 15, 17)}
        known.update({2: (VARINT, False), 9: (VARINT, False), 16: (VARINT, False),
                      8: (BYTES, True)})
        self.old = self.new = None
        self.texts, self.raw_operations, tree = {}, [], {}
        for number, value in fields(data, known):
            if number in self.LIMITS:
                self.texts[number] = text(value, self.LIMITS[number])
            elif number == 6:
                self.old = Info(value)
            elif number == 7:
                self.new = Info(value)
            elif number == 8:
                self.raw_operations.append(value)
            elif 10 <= number <= 16:
                tree[number] = value
        self.name = self.texts.get(1, "")
        self.version = self.texts.get(17, "")
        demand(self.name and set(self.name) <= self.NAME, "format", "partition name")  # PF-21
        demand(self.new, "format", "no new_partition_info")  # PF-22
        demand(self.new.size > 0, "format", "new size 0")
        n_blocks = self.new.size // BLOCK
        self.tree = Tree(tree, n_blocks) if 11 in tree else None
        self.fec = Fec(tree, self.tree, n_blocks) if 15 in tree else None


# ---- 4. Operations ---------------------------------------------------------------------------


MINORS = (0, 2, 3, 4, 5, 6, 7, 8, 9, 1000, 1001, 1002, 1003, 1004)


class Type:
    """One row of PF-30's table."""

    def __init__(self, name, columns, data=False, source=False, applies=True):
        self.name, self.data, self.source, self.applies = name, data, source, applies
        self.minors = {m for m, mark in zip(MINORS, columns) if mark == "+"}


TYPES = {
    0: Type("REPLACE", "++++++++++++++", data=True),
    1: Type("REPLACE_BZ", "++++++++++++++", data=True),
    4: Type("SOURCE_COPY", ".+++++++++++++", source=True),
    5: Type("SOURCE_BSDIFF", ".+++++++++++++", data=True, source=True),
    6: Type("ZERO", "...+++++++++++"),
    7: Type("DISCARD", "...++++++....."),
    8: Type("REPLACE_XZ", "+.++++++++++++", data=True),
    9: Type("PUFFDIFF", "....+++++.....", data=True, source=True),
    10: Type("BROTLI_BSDIFF", "...+++++++++++", data=True, source=True),
    11: Type("ZUCCHINI", ".......++.....", data=True, source=True, applies=False),
    12: Type("LZ4DIFF_BSDIFF", "........+.....", data=True, source=True, applies=False),
    13: Type("LZ4DIFF_PUFFDIFF", "........+.....", data=True, source=True, applies=False),
    128: Type("REPLACE_ZSTD", ".........+++++", data=True),
    129: Type("SWDIFF", "..........++++", data=True, source=True),
    130: Type("REPLACE_SPLIT", "............++", data=True),
}


def fills(n_bytes, n_blocks):
    return -(-n_bytes // BLOCK) == n_blocks


class Operation:
    def __init__(self, data, partition):
        known = {n: (VARINT, False) for n in (1, 2, 3, 5, 7)}
        known.update({4: (BYTES, True), 6: (BYTES, True)})
        known.update({n: (BYTES, False) for n in (8, 9, 16, 17)})
        self.partition, self.src, self.dst, got = partition, [], [], {}
        for number, value in fields(data, known):
            if number in (4, 6):
                extent = dict(fields(value, {1: (VARINT, False), 2: (VARINT, False)}))
                side = self.src if number == 4 else self.dst
                demand(len(side) < 262144, "limit", "extents")  # PF-31
                side.append((extent.get(1, 0), extent.get(2, 0)))
            else:
                got[number] = hash32(value) if number in (8, 9, 16) else value
        demand(1 in got, "format", "no type")
        self.number = uint32(got[1])
        self.offset, self.length = got.get(2, 0), got.get(3, 0)
        self.src_length, self.dst_length = got.get(5, 0), got.get(7, 0)
        self.data_hash, self.src_hash = got.get(8), got.get(9)
        self.dst_hash, self.tags = got.get(16), got.get(17, b"")

    def check(self, minor, next_offset):
        kind = TYPES.get(self.number)  # PF-30
        demand(kind and minor in kind.minors, "unsupported", f"type {self.number}")
        demand(kind.applies, "unsupported", f"type {kind.name}")
        self.kind = kind
        demand(self.dst, "format", "no destination")
        self.check_extents(self.dst, self.partition.new.blocks)
        if kind.source:  # PF-32
            demand(self.partition.old and self.src, "format", "no source")
            self.check_extents(self.src, self.partition.old.blocks)
        else:
            demand(not self.src and self.src_hash is None, "format", "needless source")
        self.check_data(next_offset)
        self.check_sizes(minor)
        if minor == 1002 and kind.data:
            self.check_piece()

    def check_piece(self):  # PF-90, PF-91
        demand(self.dst_blocks <= 1024, "limit", "size of a piece")
        demand(all(start != HOLE for start, _ in self.dst), "format", "piece with a hole")
        whole = self.dst_hash is not None and len(self.tags) == 5 * self.dst_blocks
        demand(whole, "format", "piece without hash or tags")

    @staticmethod
    def check_extents(extents, n_blocks):  # PF-31
        for start, count in extents:
            demand(count > 0, "format", "empty extent")
            inside = count <= n_blocks if start == HOLE else start + count <= n_blocks
            demand(inside, "format", "extent outside")

    def check_data(self, next_offset):  # PF-33
        if not self.kind.data:
            demand(not self.offset and not self.length and self.data_hash is None, "format",
                   "needless data")
            return
        demand(self.length > 0, "format", "no data")
        demand(self.length <= 24 * MIB, "limit", "data")
        demand(self.data_hash is not None, "format", "no hash")
        demand(self.offset == next_offset, "format", "blob not behind the one before")

    def check_sizes(self, minor):
        if self.number == 4:  # PF-34
            demand(self.src_blocks == self.dst_blocks, "format", "copy of another size")
        elif self.number == 0:
            demand(fills(self.length, self.dst_blocks), "format", "size of REPLACE")
        elif self.kind.data:
            demand(self.length < self.dst_blocks * BLOCK, "format", "blob not smaller")
        if self.src_length or self.dst_length:  # PF-35
            demand(self.number == 5 and minor in (2, 3), "format", "lengths")
            demand(not self.src_length or fills(self.src_length, self.src_blocks), "format",
                   "src_length")
            demand(not self.dst_length or fills(self.dst_length, self.dst_blocks), "format",
                   "dst_length")

    @property
    def src_blocks(self):
        return sum(count for _, count in self.src)

    @property
    def dst_blocks(self):
        return sum(count for _, count in self.dst)


def check_work(partition, operations):  # PF-38
    old, new = partition.old.blocks if partition.old else 0, partition.new.blocks
    dropped = sum(count for op in operations for start, count in op.dst if start == HOLE)
    demand(dropped <= new, "limit", "blocks written to holes")
    read = sum(count for op in operations for _, count in op.src)
    demand(read <= 64 * (old + new), "limit", "blocks of source")


def check_coverage(partition, operations):  # PF-36
    written = sum(count for op in operations for start, count in op.dst if start != HOLE)
    blocks = partition.new.blocks - (partition.tree.tree[1] if partition.tree else 0)
    blocks -= partition.fec.fec[1] if partition.fec else 0
    demand(written <= blocks, "format", "blocks written twice")
    demand(partition.old or written == blocks, "format", "blocks left out")


def all_operations(manifest):
    """Parses and checks them; also PF-27 and the places of PF-33 and PF-37."""
    operations, offset = [], 0
    for tree in (p.tree for p in manifest.partitions if p.tree):
        demand(tree.algorithm == "sha256", "unsupported", "algorithm of a hash tree")
    for partition in manifest.partitions:
        mine = []
        for raw in partition.raw_operations:
            op = Operation(raw, partition)
            op.check(manifest.minor, offset)
            offset += op.length
            mine.append(op)
        operations.append(mine)
    for partition, mine in zip(manifest.partitions, operations):
        check_work(partition, mine)
        check_coverage(partition, mine)
    if any(manifest.signatures):
        at, size = manifest.signatures
        demand(size > 0 and at == offset, "format", "place of the signatures")
        demand(size <= 64 << 10, "limit", "size of the signatures")
    return operations, offset


# ---- 5. What the operations do ---------------------------------------------------------------


def stream_info(data, size):  # PF-71
    """Extents of bits, those of their puffs in bytes, and the puffed stream's size."""
    lists, length = ([], []), 0
    for number, value in fields(data, {1: (BYTES, True), 2: (BYTES, True), 3: (VARINT, False)}):
        if number == 3:
            length = value
            continue
        got = dict(fields(value, {1: (VARINT, False), 2: (VARINT, False)}))
        start, n = got.get(1, 0), got.get(2, 0)
        demand(n > 0 and start + n <= 1 << 48, "format", "extent of a puff")
        lists[number - 1].append((start, start + n))
    deflates, puffs = lists
    demand(len(deflates) == len(puffs), "format", "as many puffs as blocks")
    demand(len(puffs) <= 65536, "limit", "extents of blocks")
    demand(not any(bit % 8 for puff in puffs for bit in puff), "format", "puff not of bytes")
    puffs = [(start // 8, end // 8) for start, end in puffs]
    bit = byte = 0
    for (start, end), (puff, puff_end) in zip([*deflates, (size * 8, 0)], [*puffs, (length, 0)]):
        gap = 0 if start == bit else -(-start // 8) - bit // 8
        demand(start >= bit and puff == byte + gap, "format", "place of a puff")
        bit, byte = end, puff_end
    return deflates, puffs, length


def puffdiff(blob, source, size):
    demand(len(blob) >= 8 and blob[:4] == b"PUF1", "format", "magic of a puff patch")  # PF-70
    n = struct.unpack(">I", blob[4:8])[0]
    demand(n <= len(blob) - 8, "format", "header of a puff patch")
    known = {1: (VARINT, False), 2: (BYTES, False), 3: (BYTES, False), 4: (VARINT, False)}
    got = dict(fields(blob[8 : 8 + n], known))
    demand(got.get(4, 0) == 0, "unsupported", "kind of patch within a puff patch")
    deflates, puffs, length = stream_info(got.get(2, b""), len(source))
    demand(all(end - start <= 2 * MIB for start, end in puffs), "limit", "large puff")  # PF-75
    to_deflates, to_puffs, to_length = stream_info(got.get(3, b""), size)
    demand(to_length <= 64 * MIB and length <= 64 * MIB, "limit", "too much for this reader")
    try:
        old = puff_format.puffed(source, deflates, length)
        return puff_format.huffed(patch(blob[8 + n :], old, to_length), to_deflates, to_puffs, size)
    except puff_format.Bad as error:
        raise Refused("format", str(error)) from error


def gather(image, extents):
    return b"".join(b"\0" * (count * BLOCK) if start == HOLE
                    else bytes(image[start * BLOCK : (start + count) * BLOCK])
                    for start, count in extents)


def scatter(image, extents, data):
    for start, count in extents:
        piece, data = data[: count * BLOCK], data[count * BLOCK :]
        if start != HOLE:
            image[start * BLOCK : (start + count) * BLOCK] = piece


def result_of(op, blob, old):
    size = op.dst_blocks * BLOCK
    if op.kind.data:
        demand(hashlib.sha256(blob).digest() == op.data_hash, "hash", "blob")  # PF-8
    source = gather(old, op.src) if op.kind.source else b""
    if op.src_hash is not None:  # PF-39
        demand(hashlib.sha256(source).digest() == op.src_hash, "source", "source hash")
    if op.number == 0:
        return blob.ljust(size, b"\0")
    if op.number == 1:
        return one_stream(bz2.BZ2Decompressor(), blob, size)
    if op.number == 8:
        return decode_xz(blob, size)
    if op.number == 128:
        return decode_zstd(blob, size)
    if op.number in (6, 7):
        return b"\0" * size
    if op.number == 4:
        return source
    if op.number == 9:
        return puffdiff(blob, source, size)
    if op.number == 130:
        return unsplit(blob, size)
    if op.number == 129:
        return swdiff(blob, source, size)
    source = source[: op.src_length] if op.src_length else source
    return patch(blob, source, op.dst_length or size).ljust(size, b"\0")


# ---- 6. Signatures ---------------------------------------------------------------------------


def signatures_in(message):
    found = []
    for _, raw in fields(message, {1: (BYTES, True)}):
        got = dict(fields(raw, {2: (BYTES, False), 3: (FIXED32, False)}))
        demand(2 in got, "format", "signature without data")
        size = got.get(3, len(got[2]))
        demand(size <= len(got[2]), "format", "unpadded size")  # PF-52
        found.append(got[2][:size])
    return found


def check_signed(message, digest, keys, what):  # PF-53
    good = any(key.verifies(s, digest) for s in signatures_in(message)[:16] for key in keys)
    demand(good, "signature", what)


# ---- the whole -------------------------------------------------------------------------------


def extents_text(extents):
    return ",".join(f"{'hole' if s == HOLE else s}+{n}" for s, n in extents)


class Payload:
    def __init__(self, data, keys):
        self.data = data
        self.metadata, manifest, metadata_signature, self.rest = split(data)
        if keys:  # PF-8: before the manifest is looked at
            check_signed(metadata_signature, hashlib.sha256(self.metadata).digest(), keys,
                         "metadata")
        self.manifest = Manifest(manifest)
        self.operations, self.n_blobs = all_operations(self.manifest)
        n_signatures = self.manifest.signatures[1]
        demand(bool(n_signatures) == bool(metadata_signature), "format", "signed in part")  # PF-37
        self.keys = keys

    def check_end(self):
        n_signatures = self.manifest.signatures[1]
        demand(len(self.rest) == self.n_blobs + n_signatures, "format", "cut, or bytes follow")
        signatures_in(self.rest[self.n_blobs :])
        if self.keys:
            digest = hashlib.sha256(self.metadata + self.rest[: self.n_blobs]).digest()
            check_signed(self.rest[self.n_blobs :], digest, self.keys, "payload")

    def lines(self):
        m = self.manifest
        yield (f"payload bytes={len(self.data)} metadata={len(self.metadata)} minor={m.minor} "
               f"signed={'yes' if m.signatures[1] else 'no'}")
        number = 0
        for partition, operations in zip(m.partitions, self.operations):
            old = partition.old.size if partition.old else "none"
            yield (f"partition {partition.name} new={partition.new.size} old={old} "
                   f"version={partition.version} operations={len(operations)}")
            for op in operations:
                yield (f"operation {number} {op.kind.name} data={op.offset}+{op.length} "
                       f"src={extents_text(op.src)} dst={extents_text(op.dst)}")
                number += 1

    def apply(self, olds):
        targets = {}
        for partition, operations in zip(self.manifest.partitions, self.operations):
            target = bytearray(partition.new.blocks * BLOCK)
            for op in operations:
                blob = self.rest[op.offset : op.offset + op.length]
                demand(len(blob) == op.length, "format", "cut in the blobs")
                scatter(target, op.dst, result_of(op, blob, olds.get(partition.name, b"")))
            if partition.tree:
                partition.tree.write(target)
            if partition.fec:
                partition.fec.write(target)
            targets[partition.name] = bytes(target[: partition.new.size])
        return targets


def run(arguments):
    keys = [load_key(path) for path in arguments.key]
    olds = dict(o.split("=", 1) for o in arguments.images if "=" in o)
    outs = dict(o.split(">", 1) for o in arguments.images if ">" in o and "=" not in o)
    payload = Payload(arguments.payload.read_bytes(), keys)
    lines = list(payload.lines())
    padded = {}
    for name, path in olds.items():
        image = pathlib.Path(path).read_bytes()
        padded[name] = image + b"\0" * (-len(image) % BLOCK)
    targets = payload.apply(padded)
    payload.check_end()
    for partition in payload.manifest.partitions:
        digest = hashlib.sha256(targets[partition.name])
        demand(digest.digest() == partition.new.hash, "hash", f"target {partition.name}")
        lines.append(f"target {partition.name} {digest.hexdigest()}")
    for name, path in outs.items():
        pathlib.Path(path).write_bytes(targets[name])
    return lines


def main():
    parser = argparse.ArgumentParser(description="A second reader of payloads.")
    parser.add_argument("--key", action="append", type=pathlib.Path, default=[])
    parser.add_argument("payload", type=pathlib.Path)
    parser.add_argument("images", nargs="*", metavar="NAME=OLD or NAME>NEW")
    try:
        print("\n".join(run(parser.parse_args())))
    except Refused as refusal:
        print(f"refused {refusal.fault}: {refusal}")
        sys.exit(1)


if __name__ == "__main__":
    main()
