#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""paycheck.py PAYLOAD [--old NAME=IMAGE] [--new NAME=IMAGE] - hold a payload against the format's rules

Written from the rules alone, in plain Python: it shares nothing with the programs that it checks.
Given the images, it also decodes every operation that Python's own library can decode (not brotli, not
zstd) and compares. Prints one line per breach; exit status 1 if there is any.
"""

import argparse
import bz2
import collections
import hashlib
import lzma
import struct
import sys

BLOCK = 4096
MAGIC = b"CrAU"
OWN_MINOR, SWDIFF_MINOR, SPLIT_MINOR = 1000, 1001, 1003
OWN_DATA_MAX = 24 << 20

REPLACE, REPLACE_BZ, SOURCE_COPY, SOURCE_BSDIFF, ZERO = 0, 1, 4, 5, 6
REPLACE_XZ, PUFFDIFF, BROTLI_BSDIFF, REPLACE_ZSTD, SWDIFF = 8, 9, 10, 128, 129
REPLACE_SPLIT = 130
NAMES = {0: "REPLACE", 1: "REPLACE_BZ", 4: "SOURCE_COPY", 5: "SOURCE_BSDIFF", 6: "ZERO",
         8: "REPLACE_XZ", 9: "PUFFDIFF", 10: "BROTLI_BSDIFF", 128: "REPLACE_ZSTD", 129: "SWDIFF",
         130: "REPLACE_SPLIT"}
COMPRESSED = {REPLACE_BZ, REPLACE_XZ, REPLACE_ZSTD, REPLACE_SPLIT}
BSDIFFS = {SOURCE_BSDIFF, BROTLI_BSDIFF}
DIFFS = BSDIFFS | {PUFFDIFF, SWDIFF}
WITH_DATA = {REPLACE} | COMPRESSED | DIFFS
WITH_SOURCE = {SOURCE_COPY} | DIFFS


class Breach(Exception):
    """The payload can't even be read."""


def allowed(minor):
    """The types that may stand in a payload of this minor version."""
    if minor == 0:
        return {REPLACE, REPLACE_BZ, REPLACE_XZ}
    types = {REPLACE, REPLACE_BZ, SOURCE_COPY, SOURCE_BSDIFF}
    if minor >= 3:
        types |= {REPLACE_XZ}
    if minor >= 4:
        types |= {ZERO, BROTLI_BSDIFF}
    if 5 <= minor < OWN_MINOR:
        types |= {PUFFDIFF}
    if minor >= OWN_MINOR:
        types |= {REPLACE_ZSTD}
    if minor >= SWDIFF_MINOR:
        types |= {SWDIFF}
    if minor >= SPLIT_MINOR:
        types |= {REPLACE_SPLIT}
    return types


# Protocol buffers: a message is a list of (field, wire type, value).

def varint(data, pos):
    value = shift = 0
    while True:
        if pos >= len(data) or shift > 63:
            raise Breach("a varint is cut or too long")
        byte = data[pos]
        value |= (byte & 127) << shift
        pos, shift = pos + 1, shift + 7
        if byte < 128:
            return value, pos


def fields(data):
    pos = 0
    while pos < len(data):
        key, pos = varint(data, pos)
        wire = key & 7
        if wire == 0:
            value, pos = varint(data, pos)
        elif wire in (1, 5):
            n = 8 if wire == 1 else 4
            value, pos = int.from_bytes(data[pos:pos + n], "little"), pos + n
        elif wire == 2:
            n, pos = varint(data, pos)
            value, pos = data[pos:pos + n], pos + n
        else:
            raise Breach(f"wire type {wire}")
        if pos > len(data):
            raise Breach("a field is cut")
        yield key >> 3, value


def message(data, single, repeated=()):
    """A dictionary: number -> value, or a list for repeated fields. Unknown numbers are breaches."""
    result = {number: [] for number in repeated}
    for number, value in fields(data):
        if number in result and number not in repeated:
            raise Breach(f"field {number} stands twice")
        if number in repeated:
            result[number].append(value)
        elif number in single:
            result[number] = value
        else:
            raise Breach(f"field {number} is not known")
    return result


Extent = collections.namedtuple("Extent", "start n")
Signature = collections.namedtuple("Signature", "data bare")


class Operation:
    def __init__(self, data):
        m = message(data, (1, 2, 3, 5, 7, 8, 9), (4, 6))
        self.type = m.get(1)
        self.data_offset, self.data_length = m.get(2), m.get(3)
        self.src = [self.extent(e) for e in m[4]]
        self.dst = [self.extent(e) for e in m[6]]
        self.src_length, self.dst_length = m.get(5), m.get(7)
        self.data_hash, self.src_hash = m.get(8), m.get(9)

    @staticmethod
    def extent(data):
        m = message(data, (1, 2))
        return Extent(m.get(1, 0), m.get(2, 0))

    @property
    def n_src(self):
        return sum(e.n for e in self.src)

    @property
    def n_dst(self):
        return sum(e.n for e in self.dst)


class Partition:
    def __init__(self, data):
        m = message(data, (1, 2, 3, 4, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17), (8,))
        self.name = m.get(1, b"").decode()
        self.version = m.get(17, b"").decode()
        self.old = message(m[6], (1, 2)) if 6 in m else None
        self.new = message(m[7], (1, 2)) if 7 in m else None
        self.tree = Operation.extent(m[11]) if 11 in m else None  # made by the device
        self.tree_of = Operation.extent(m[10]) if 10 in m else None
        self.tree_algorithm = m.get(12, b"")
        self.fec = Operation.extent(m[15]) if 15 in m else None  # too
        self.fec_of = Operation.extent(m[14]) if 14 in m else None
        self.fec_roots = m.get(16, 2)
        self.operations = [Operation(o) for o in m[8]]


def signatures(data):
    result = []
    for entry in message(data, (), (1,))[1]:
        m = message(entry, (2, 3))
        padded = m.get(2, b"")
        bare = m.get(3, len(padded))
        if bare > len(padded):
            raise Breach("unpadded_signature_size is above the signature's size")
        if any(padded[bare:]):
            raise Breach("a signature's padding is not zero")
        result.append(Signature(padded, padded[:bare]))
    return result


class Payload:
    """The parts of a payload file."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.bytes = file.read()
        if len(self.bytes) < 24 or self.bytes[:4] != MAGIC:
            raise Breach("no magic number at the start")
        self.major, n_manifest, self.n_signature = struct.unpack(">QQI", self.bytes[4:24])
        self.metadata = self.bytes[:24 + n_manifest]
        self.metadata_signature = self.bytes[24 + n_manifest:24 + n_manifest + self.n_signature]
        self.blobs_start = 24 + n_manifest + self.n_signature
        if self.blobs_start > len(self.bytes):
            raise Breach("the manifest is longer than the file")
        m = message(self.metadata[24:], (3, 4, 5, 12, 14, 16, 40), (13,))
        self.block_size = m.get(3, BLOCK)
        self.signatures_offset, self.signatures_size = m.get(4), m.get(5)
        self.minor = m.get(12, 0)
        self.max_timestamp = m.get(14)
        self.needs = message(m[40], (1, 2, 3)) if 40 in m else None
        self.partitions = [Partition(p) for p in m[13]]
        self.is_delta = any(p.old for p in self.partitions)

    def blob(self, op):
        start = self.blobs_start + op.data_offset
        return self.bytes[start:start + op.data_length]

    @property
    def payload_signature(self):
        if self.signatures_offset is None:
            return b""
        start = self.blobs_start + self.signatures_offset
        return self.bytes[start:start + self.signatures_size]

    @property
    def metadata_hash(self):
        return hashlib.sha256(self.metadata).digest()

    @property
    def payload_hash(self):
        """What the payload signatures sign: everything but the signatures."""
        end = self.blobs_start + self.signatures_offset
        return hashlib.sha256(self.metadata + self.bytes[self.blobs_start:end]).digest()


def check_file(p):
    if p.major != 2:
        yield f"major version {p.major}"
    if p.block_size != BLOCK:
        yield f"block size {p.block_size}"
    if p.minor not in (0, 2, 3, 4, 5, 6, OWN_MINOR, SWDIFF_MINOR, SPLIT_MINOR, 1004):
        yield f"minor version {p.minor}"
    opened = any(p.blob(op)[:4] == b"SWO1" for q in p.partitions for op in q.operations
                 if op.type == SWDIFF and op.data_length)
    if opened != (p.needs is not None) or opened and p.minor < 1004:
        yield f"needs {p.needs}, contents are {'' if opened else 'not '}opened"
    if p.is_delta and p.minor == 0:
        yield "a delta with minor version 0"
    if not p.is_delta and p.minor not in (0, OWN_MINOR, SPLIT_MINOR):
        yield f"a full payload with minor version {p.minor}"
    if not p.partitions:
        yield "no partition"
    names = [q.name for q in p.partitions]
    if len(set(names)) != len(names) or "" in names:
        yield f"partition names {names}"
    if len({q.old is None for q in p.partitions}) > 1:
        yield "old_partition_info for some partitions only"


def check_signatures(p):
    end = sum(o.data_length or 0 for q in p.partitions for o in q.operations)
    if (p.signatures_offset is None) != (p.signatures_size is None):
        yield "signatures_offset and signatures_size: one without the other"
        return
    if p.n_signature != (p.signatures_size or 0):
        yield f"metadata signature of {p.n_signature} bytes, payload's of {p.signatures_size}"
    if p.signatures_offset not in (None, end):
        yield f"signatures at {p.signatures_offset}, data ends at {end}"
    if p.blobs_start + end + (p.signatures_size or 0) != len(p.bytes):
        yield f"file of {len(p.bytes)} bytes, its parts add up to something else"
    if p.n_signature:
        sizes = [[len(s.data) for s in signatures(m)]
                 for m in (p.metadata_signature, p.payload_signature)]
        if sizes[0] != sizes[1] or not sizes[0]:
            yield f"sizes of signatures {sizes}"


def check_info(info, what):
    if info is None:
        return
    if info.get(1, 0) <= 0 or info[1] % BLOCK:
        yield f"{what} size {info.get(1)}"
    if len(info.get(2, b"")) != 32:
        yield f"{what} hash of {len(info.get(2, b''))} bytes"


def check_extents(extents, n_blocks, what):
    if not extents:
        yield f"no {what} extents"
    for e in extents:
        if e.n == 0:
            yield f"empty {what} extent at {e.start}"
        if e.start + e.n > n_blocks:
            yield f"{what} extent {e.start}+{e.n} of {n_blocks} blocks"


def check_data(p, op, offset):
    """The rules of the bytes that an operation brings; offset: where they must begin."""
    if op.type not in WITH_DATA:
        if op.data_offset or op.data_length or op.data_hash:
            yield "has data"
        return
    if op.data_offset is None or not op.data_length:
        yield "has no data"
        return
    if op.data_offset != offset:
        yield f"data at {op.data_offset}, the one before ends at {offset}"
    if p.minor < 6 and op.data_offset + op.data_length > 0xffffffff:
        yield "data beyond 32 bits"
    if p.minor >= OWN_MINOR and op.data_length > OWN_DATA_MAX:
        yield f"data of {op.data_length} bytes"
    if hashlib.sha256(p.blob(op)).digest() != op.data_hash:
        yield "data_sha256_hash is wrong"
    if op.type == REPLACE and not (op.n_dst - 1) * BLOCK < op.data_length <= op.n_dst * BLOCK:
        yield f"{op.data_length} bytes for {op.n_dst} blocks"
    if op.type in COMPRESSED | DIFFS and op.data_length >= op.n_dst * BLOCK:
        yield f"{op.data_length} bytes are not less than {op.n_dst} blocks"


def check_source(p, q, op):
    if op.type not in WITH_SOURCE:
        if op.src or op.src_hash or op.src_length:
            yield "has a source"
        return
    if q.old is None:
        yield "has a source, the partition has none"
        return
    yield from check_extents(op.src, q.old[1] // BLOCK, "source")
    if op.type == SOURCE_COPY and op.n_src != op.n_dst:
        yield f"copies {op.n_src} blocks to {op.n_dst}"
    if p.minor >= 3 and len(op.src_hash or b"") != 32:
        yield "has no src_sha256_hash"


def check_lengths(p, op):
    if op.type == SOURCE_BSDIFF and p.minor <= 3:
        if (op.src_length, op.dst_length) != (op.n_src * BLOCK, op.n_dst * BLOCK):
            yield f"src_length {op.src_length}, dst_length {op.dst_length}"
    elif op.src_length is not None or op.dst_length is not None:
        yield "src_length or dst_length is not wanted"


def check_xz(blob):
    """No check or CRC32, LZMA2 alone: what the small decoders of other clients can do."""
    if blob[:6] != b"\xfd7zXZ\0" or blob[6:8] not in (b"\0\0", b"\0\1"):
        yield "no .xz stream without check or with CRC32"
        return
    flags, pos = blob[13], 14
    for present in (flags & 0x40, flags & 0x80):  # the block's sizes
        if present:
            _, pos = varint(blob, pos)
    if flags & 3 or blob[pos] != 0x21:
        yield ".xz stream with other filters than LZMA2"


def check_swdiff(blob):
    for _ in range(2):  # between opened contents: one head or two, then the difference
        if blob[:4] != b"SWO1":
            break
        if blob[4] > 1 or blob[5:8] != b"\0\0\0":
            yield f"head {blob[:8]}"
        blob = blob[16 + struct.unpack("<I", blob[8:12])[0]:]
    if blob[:4] in (b"SWD2", b"SWDN"):
        return
    if blob[:4] != b"SWD1" or set(blob[4:9]) - {0, 1, 2, 3, 4} or blob[9:12] != b"\0\0\0":
        yield f"head {blob[:12]}"
    if 28 + sum(struct.unpack("<4I", blob[12:28])) > len(blob):
        yield "streams are longer than the difference"


def check_bsdiff(op, blob):
    magic = blob[:8]
    if op.type == SOURCE_BSDIFF and magic != b"BSDIFF40":
        yield f"magic {magic}"
    if op.type == BROTLI_BSDIFF and (magic[:5] != b"BSDF2" or set(magic[5:]) - {0, 1, 2}):
        yield f"magic {magic}"
    control, diff, new = struct.unpack("<QQQ", blob[8:32])
    if new != op.n_dst * BLOCK:
        yield f"makes {new} bytes for {op.n_dst} blocks"
    if 32 + control + diff > len(blob):
        yield "streams are longer than the patch"


def check_coding(p, op):
    blob = p.blob(op)
    if op.type == REPLACE_XZ:
        yield from check_xz(blob)
    if op.type == REPLACE_BZ and blob[:3] != b"BZh":
        yield "no bzip2 stream"
    if op.type == REPLACE_ZSTD and blob[:4] != b"\x28\xb5\x2f\xfd":
        yield "no zstd frame"
    if op.type == SWDIFF:
        yield from check_swdiff(blob)
    if op.type in BSDIFFS:
        yield from check_bsdiff(op, blob)
    if op.type == PUFFDIFF and blob[:4] != b"PUF1":
        yield "no puff patch"


def check_tree(p, q, n_blocks):
    if p.minor < 6:
        yield f"hash tree in minor version {p.minor}"
    if q.tree_of is None or q.tree_algorithm != b"sha256":
        yield "hash tree without its data, or of another algorithm"
        return
    n, size = q.tree_of.n, 0
    while n > 1:
        n = (n + 127) // 128
        size += n
    if size != q.tree.n or q.tree.start + q.tree.n > n_blocks:
        yield "size or place of the hash tree"
    if q.tree_of.start + q.tree_of.n > q.tree.start:
        yield "hash tree within its data"


def check_fec(p, q, n_blocks):
    if p.minor < 1000:
        yield f"error correction in minor version {p.minor}"
    if not q.tree or not q.fec_of or q.fec_of.start != q.tree_of.start:
        yield "error correction of something else than a hash tree and its data"
        return
    end = q.tree.start + q.tree.n
    if q.fec_of.start + q.fec_of.n != end or q.fec.start < end:
        yield "place of the error correction"
    rounds = -(-(q.tree_of.n + q.tree.n) // (255 - q.fec_roots))
    if q.fec.n != rounds * q.fec_roots or q.fec.start + q.fec.n > n_blocks:
        yield "size of the error correction"


def check_partition(p, q, offset):
    yield from check_info(q.old, "old")
    yield from check_info(q.new, "new")
    if q.new is None:
        yield "no new_partition_info"
        return
    n_blocks = q.new[1] // BLOCK
    written = bytearray(n_blocks)
    if q.tree:
        yield from check_tree(p, q, n_blocks)
        for block in range(q.tree.start, min(q.tree.start + q.tree.n, n_blocks)):
            written[block] = 1
    if q.fec:
        yield from check_fec(p, q, n_blocks)
        for block in range(q.fec.start, min(q.fec.start + q.fec.n, n_blocks)):
            written[block] = 1
    for number, op in enumerate(q.operations):
        where = f"operation {number} ({NAMES.get(op.type, op.type)}): "
        if op.type not in allowed(p.minor):
            yield where + f"not allowed in minor version {p.minor}"
            continue
        extents = list(check_extents(op.dst, n_blocks, "target"))
        data = list(check_data(p, op, offset))
        yield from (where + b for b in extents + data)
        yield from (where + b for b in check_source(p, q, op))
        yield from (where + b for b in check_lengths(p, op))
        if op.data_length and not data:
            yield from (where + b for b in check_coding(p, op))
        offset += op.data_length or 0
        for e in op.dst if not extents else ():
            for block in range(e.start, e.start + e.n):
                written[block] = min(written[block] + 1, 2)
    if written.count(1) != n_blocks:
        yield (f"{written.count(0)} blocks are never written, "
               f"{n_blocks - written.count(1) - written.count(0)} more than once")


# Decoding, as far as Python's library goes.

def gather(image, extents):
    return b"".join(image[e.start * BLOCK:(e.start + e.n) * BLOCK] for e in extents)


def bspatch(patch, old):
    """Applies a BSDIFF40 or BSDF2 patch; None if one of its streams is brotli."""
    codecs = b"\1\1\1" if patch[:8] == b"BSDIFF40" else patch[5:8]
    if 2 in codecs:
        return None
    n_control, n_diff, n_new = struct.unpack("<QQQ", patch[8:32])
    ends = [32, 32 + n_control, 32 + n_control + n_diff, len(patch)]
    control, diff, extra = [bz2.decompress(patch[a:b]) if codec else patch[a:b]
                            for a, b, codec in zip(ends, ends[1:], codecs)]
    new, pos = bytearray(), 0
    d = e = 0
    for i in range(0, len(control), 24):
        n_add, n_insert, seek = [v if v < 1 << 63 else (1 << 63) - v
                                 for v in struct.unpack("<QQQ", control[i:i + 24])]
        new += bytes((x + (old[pos + k] if 0 <= pos + k < len(old) else 0)) & 255
                     for k, x in enumerate(diff[d:d + n_add]))
        new += extra[e:e + n_insert]
        d, e, pos = d + n_add, e + n_insert, pos + n_add + seek
    if len(new) != n_new:
        raise Breach(f"patch makes {len(new)} bytes, its header says {n_new}")
    return bytes(new)


def numbers(data):
    pos, values = 0, []
    while pos < len(data):
        value, pos = varint(data, pos)
        values.append(value)
    return values


def swpatch(patch, old):
    """Applies a difference in the format SWD1; None if one of its streams is zstd or brotli,
    or if it is between opened contents."""
    if patch[:4] in (b"SWO1", b"SWD2"):
        return None
    codecs, sizes = patch[4:9], struct.unpack("<4I", patch[12:28])
    if {2, 4} & set(codecs):
        return None
    unpack = {0: bytes, 1: lambda d: lzma.decompress(d, lzma.FORMAT_XZ), 3: bz2.decompress}
    ends = [28 + sum(sizes[:i]) for i in range(5)] + [len(patch)]
    streams = [unpack[codec](patch[a:b]) if b > a else b""
               for a, b, codec in zip(ends, ends[1:], codecs)]
    diff, extra = streams[3:]
    new, pos, d, e = bytearray(), 0, 0, 0
    for n_add, n_insert, move in zip(*map(numbers, streams[:3]), strict=True):
        new += bytes((x + y) & 255 for x, y in
                     zip(diff[d:d + n_add], old[pos:pos + n_add], strict=True))
        new += extra[e:e + n_insert]
        d, e, pos = d + n_add, e + n_insert, pos + n_add + (move >> 1 ^ -(move & 1))
    return bytes(new)


def decode(p, op, old):
    """What the operation writes; None if this library can't tell."""
    blob = p.blob(op) if op.data_length else b""
    if op.type == REPLACE:
        return blob.ljust(op.n_dst * BLOCK, b"\0")
    if op.type == REPLACE_BZ:
        return bz2.decompress(blob)
    if op.type == REPLACE_XZ:
        return lzma.decompress(blob, lzma.FORMAT_XZ)
    if op.type == ZERO:
        return bytes(op.n_dst * BLOCK)
    if op.type == SOURCE_COPY and old:
        return gather(old, op.src)
    if op.type == SWDIFF and old:
        return swpatch(blob, gather(old, op.src))
    if op.type in BSDIFFS and old:
        return bspatch(blob, gather(old, op.src))
    return None


def check_result(p, q, old, new):
    """Against the images, where they are given."""
    for image, info, what in ((old, q.old, "old"), (new, q.new, "new")):
        if image is not None and info is not None:
            if len(image) != info[1] or hashlib.sha256(image).digest() != info[2]:
                yield f"size or hash of the {what} image"
                return
    for number, op in enumerate(q.operations):
        if old and op.src_hash and hashlib.sha256(gather(old, op.src)).digest() != op.src_hash:
            yield f"operation {number}: src_sha256_hash is wrong"
        content = decode(p, op, old)
        if content is not None and new and content != gather(new, op.dst):
            yield f"operation {number}: makes something else"


def check(path, old=None, new=None):
    """All breaches, as lines. old, new: partition name -> path of its image."""
    images = {}
    for kind, paths in (("old", old or {}), ("new", new or {})):
        for name, image in paths.items():
            with open(image, "rb") as file:
                images[kind, name] = file.read()
    try:
        p = Payload(path)
        found = [*check_file(p), *check_signatures(p)]
        offset = 0
        for q in p.partitions:
            breaches = list(check_partition(p, q, offset))
            if not breaches:
                breaches = list(check_result(p, q, images.get(("old", q.name)),
                                             images.get(("new", q.name))))
            found += [f"partition {q.name}: {b}" for b in breaches]
            offset += sum(o.data_length or 0 for o in q.operations)
        return found
    except (Breach, UnicodeDecodeError, lzma.LZMAError, OSError, ValueError, struct.error) as e:
        return [str(e) or repr(e)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("payload")
    parser.add_argument("--old", action="append", default=[], metavar="NAME=IMAGE")
    parser.add_argument("--new", action="append", default=[], metavar="NAME=IMAGE")
    args = parser.parse_args()
    found = check(args.payload, dict(a.split("=", 1) for a in args.old),
                  dict(a.split("=", 1) for a in args.new))
    print("\n".join(found) or "every rule holds")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
