# SPDX-License-Identifier: Apache-2.0
"""Payloads made by hand: the container as docs/spec/payload.md has it, without our own writer.

Everything can be made wrong on purpose: hashes, signatures, data.
"""

import bz2
import ctypes
import ctypes.util
import dataclasses
import hashlib
import lzma
import pathlib
import struct
import subprocess

BLOCK = 4096
REPLACE, REPLACE_BZ, SOURCE_COPY, SOURCE_BSDIFF = 0, 1, 4, 5
ZERO, DISCARD, REPLACE_XZ, BROTLI_BSDIFF, REPLACE_ZSTD = 6, 7, 8, 10, 128


def sha256(data):
    return hashlib.sha256(data).digest()


# ---- protocol buffers ----

def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def message(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


# ---- operations ----

@dataclasses.dataclass
class Operation:
    kind: int
    dst: list  # of (start block, blocks)
    data: bytes = b""
    src: list = dataclasses.field(default_factory=list)
    data_hash: bytes | None = None  # None: the right one; b"": none
    src_hash: bytes | None = None  # None or b"": none

    def encode(self, offset):
        out = number(1, self.kind)
        if self.data:
            out += number(2, offset) + number(3, len(self.data))
        for start, n in self.src:
            out += message(4, number(1, start) + number(2, n))
        for start, n in self.dst:
            out += message(6, number(1, start) + number(2, n))
        digest = sha256(self.data) if self.data_hash is None else self.data_hash
        if self.data and digest:
            out += message(8, digest)
        if self.src_hash:
            out += message(9, self.src_hash)
        return out


def gather(image, extents):
    return b"".join(image[start * BLOCK:(start + n) * BLOCK] for start, n in extents)


_zstd = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
_zstd.ZSTD_compressBound.restype = ctypes.c_size_t
_zstd.ZSTD_compressBound.argtypes = [ctypes.c_size_t]
_zstd.ZSTD_compress.restype = ctypes.c_size_t
_zstd.ZSTD_compress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t,
                                ctypes.c_int]


def zstd(data):
    room = _zstd.ZSTD_compressBound(len(data))
    out = ctypes.create_string_buffer(room)
    n = _zstd.ZSTD_compress(out, room, data, len(data), 1)
    return out.raw[:n]


def xz(data):
    return lzma.compress(data, check=lzma.CHECK_CRC32, preset=1)


ENCODERS = {REPLACE: bytes, REPLACE_BZ: lambda data: bz2.compress(data, 1), REPLACE_XZ: xz,
            REPLACE_ZSTD: zstd}


def replace(kind, image, start, n):
    """Raw where compression does not pay, as the format demands."""
    raw = image[start * BLOCK:(start + n) * BLOCK]
    data = ENCODERS[kind](raw)
    if len(data) >= len(raw):
        kind, data = REPLACE, raw
    return Operation(kind, [(start, n)], data)


def bsdiff(old, new, brotli):
    """A patch of the simplest kind: one stretch of differences, the rest as extra bytes."""
    def offset(value):
        return struct.pack("<Q", value)

    n = min(len(old), len(new))
    control = offset(n) + offset(len(new) - n) + offset(0)
    difference = bytes((b - a) & 0xFF for a, b in zip(old[:n], new[:n]))
    streams = [bz2.compress(stream) for stream in (control, difference, new[n:])]
    magic = b"BSDF2\x01\x01\x01" if brotli else b"BSDIFF40"
    return (magic + offset(len(streams[0])) + offset(len(streams[1])) + offset(len(new)) +
            b"".join(streams))


def patch(kind, old, new, src, dst):
    source = gather(old, src)
    return Operation(kind, dst, bsdiff(source, gather(new, dst), kind == BROTLI_BSDIFF), src,
                     src_hash=sha256(source))


def copy(old, src, dst):
    return Operation(SOURCE_COPY, dst, b"", src, src_hash=sha256(gather(old, src)))


def hash_tree(data):
    """As dm-verity has it, without salt; its top first."""
    tree = b""
    while len(data) > BLOCK:
        hashes = b"".join(sha256(data[at:at + BLOCK]) for at in range(0, len(data), BLOCK))
        data = hashes + bytes(-len(hashes) % BLOCK)
        tree = data + tree
    return tree


# ---- signatures ----

def make_key(folder, kind="rsa"):
    """A key pair: folder/private.pem and folder/keys/public.pem."""
    folder = pathlib.Path(folder)
    (folder / "keys").mkdir(parents=True)
    private = folder / "private.pem"
    options = (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"] if kind == "rsa" else
               ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"])
    subprocess.run(["openssl", "genpkey", *options, "-out", private], check=True,
                   capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out",
                    folder / "keys" / "public.pem"], check=True, capture_output=True)
    return private


def sign(private, digest):
    return subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", private, "-pkeyopt",
                           "digest:sha256"], input=digest, check=True, capture_output=True).stdout


def signatures(*signed, size=256):
    """The message, each signature padded with zeros."""
    return b"".join(message(1, message(2, one.ljust(size, b"\0")) + varint(3 << 3 | 5) +
                            struct.pack("<I", len(one))) for one in signed)


# ---- the file ----

@dataclasses.dataclass
class Partition:
    name: str
    new: bytes
    operations: list
    old: bytes | None = None
    version: str = ""
    new_hash: bytes | None = None  # None: the right one
    tree: tuple | None = None  # data's blocks from 0 on, tree's start and blocks; sha256, no salt

    def encode(self, offset):
        out = message(1, self.name.encode())
        if self.old is not None:
            out += message(6, number(1, len(self.old)) + message(2, sha256(self.old)))
        out += message(7, number(1, len(self.new)) + message(2, self.new_hash or sha256(self.new)))
        for operation in self.operations:
            out += message(8, operation.encode(offset))
            offset += len(operation.data)
        if self.tree:
            out += message(10, number(2, self.tree[0]))
            out += message(11, number(1, self.tree[1]) + number(2, self.tree[2]))
            out += message(12, b"sha256")
        if self.version:
            out += message(17, self.version.encode())
        return out, offset


@dataclasses.dataclass
class Payload:
    partitions: list
    private: pathlib.Path | None = None  # None: not signed
    minor: int = 1000
    timestamp: int = 0
    partial: bool = False
    bad_metadata_signature: bool = False
    bad_payload_signature: bool = False
    needs: tuple = ()  # encoders, bytes of memory, of scratch space (PF-138)

    def blobs(self):
        return b"".join(operation.data for partition in self.partitions
                        for operation in partition.operations)

    def manifest(self, n_blobs, n_signature):
        out = number(3, BLOCK)
        if n_signature:
            out += number(4, n_blobs) + number(5, n_signature)
        out += number(12, self.minor)
        offset = 0
        for partition in self.partitions:
            encoded, offset = partition.encode(offset)
            out += message(13, encoded)
        if self.timestamp:
            out += number(14, self.timestamp)
        if self.partial:
            out += number(16, 1)
        if self.needs:
            out += message(40, message(1, self.needs[0].encode()) + number(2, self.needs[1]) +
                           number(3, self.needs[2]))
        return out

    def encode(self):
        blobs = self.blobs()
        n_signature = len(signatures(b"")) if self.private else 0
        manifest = self.manifest(len(blobs), n_signature)
        head = b"CrAU" + struct.pack(">QQI", 2, len(manifest), n_signature) + manifest
        if not self.private:
            return head + blobs
        first, last = sha256(head), sha256(head + blobs)
        if self.bad_metadata_signature:
            first = sha256(first)
        if self.bad_payload_signature:
            last = sha256(last)
        return (head + signatures(sign(self.private, first)) + blobs +
                signatures(sign(self.private, last)))


def full(image, chunk_blocks=256, kinds=(REPLACE_ZSTD, REPLACE, REPLACE_XZ, REPLACE_BZ)):
    """Operations for a whole image; chunks of zeros become ZERO."""
    operations = []
    n_blocks = len(image) // BLOCK
    for i, start in enumerate(range(0, n_blocks, chunk_blocks)):
        n = min(chunk_blocks, n_blocks - start)
        if not any(image[start * BLOCK:(start + n) * BLOCK]):
            operations.append(Operation(ZERO, [(start, n)]))
        else:
            operations.append(replace(kinds[i % len(kinds)], image, start, n))
    return operations
