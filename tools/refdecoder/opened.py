# SPDX-License-Identifier: Apache-2.0
"""opened - PF-130 to PF-133, PF-137: differences between what compressed contents open to"""

import bz2
import ctypes
import lzma
import struct
import zlib

from codings import exactly, one_stream, zstd_frame
from encoders import LZOP_BLOCK, PARAMETERS, TOKENS, encoded, library
from refusal import Refused, demand
from streams import unpacked

MIB = 1 << 20
LZ4, DEFLATE, ZLIB, XZ, ZSTD, LZ4_SIZED, EROFS_LZ4, BZIP2, LZMA, LZO, LZOP = range(1, 12)
CLUSTER = 4096
CORRECTIONS = 3 << 19  # bytes, of a recipe


# ---- packings (PF-133) -----------------------------------------------------------------------


def lz4_length(data, at, nibble):
    """A length and where it ends: the nibble, and bytes if that is 15."""
    length = nibble
    while nibble == 15:
        demand(at < len(data), "format", "LZ4 block is cut")
        length, at = length + data[at], at + 1
        if data[at - 1] != 255:
            break
    return length, at


def lz4_prefix(data, room):
    """What one block opens to, at most `room` bytes."""
    out, at = bytearray(), 0
    while at < len(data):
        token = data[at]
        n, at = lz4_length(data, at + 1, token >> 4)
        demand(n <= len(data) - at and n <= room - len(out), "format", "literals of LZ4")
        out += data[at : at + n]
        at += n
        if at == len(data):
            break
        demand(at + 2 <= len(data), "format", "LZ4 block is cut")
        distance = data[at] | data[at + 1] << 8
        n, at = lz4_length(data, at + 2, token & 15)
        n += 4
        demand(0 < distance <= len(out) and n <= room - len(out), "format", "match of LZ4")
        start = len(out) - distance
        run = bytes(out[start : start + n])
        out += (run * (n // len(run) + 1))[:n]
    return bytes(out)


def lz4_decoded(data, size):
    return exactly(lz4_prefix(data, size), size)


def inflated(data, size, window):
    decoder = zlib.decompressobj(window)
    try:
        out = decoder.decompress(data, size + 1)
    except zlib.error as error:
        raise Refused("format", str(error)) from error
    demand(decoder.eof and not decoder.unused_data, "format", "DEFLATE stream cut or followed")
    return exactly(out, size)


def clusters_decoded(data, size):
    demand(len(data) % CLUSTER == 0, "format", "clusters of erofs")
    out = b""
    for at in range(0, len(data), CLUSTER):
        block = data[at : at + CLUSTER].lstrip(b"\0")
        demand(block, "format", "empty cluster of erofs")
        out += lz4_prefix(block, size - len(out))
    return exactly(out, size)


def lzo_decoded(data, size):
    n = ctypes.c_size_t(size)
    out = ctypes.create_string_buffer(size)
    error = library("liblzo2.so.2").lzo1x_decompress_safe(data, ctypes.c_size_t(len(data)), out,
                                                          ctypes.byref(n), None)
    demand(not error, "format", "block of LZO")
    return exactly(out.raw[: n.value], size)


def lzop_decoded(data, size):
    out, at = [], 0
    while data[at : at + 4] != bytes(4):
        demand(len(data) - at > 12, "format", "blocks of lzop are cut")
        n, n_packed, checksum = struct.unpack(">3I", data[at : at + 12])
        demand(n <= LZOP_BLOCK and 0 < n_packed <= min(n, len(data) - at - 12), "format",
               "block of lzop")
        block = data[at + 12 : at + 12 + n_packed]
        block = block if n_packed == n else lzo_decoded(block, n)
        demand(zlib.adler32(block) == checksum, "format", "block of lzop")
        out.append(block)
        at += 12 + n_packed
    demand(at + 4 == len(data), "format", "bytes behind the blocks of lzop")
    return exactly(b"".join(out), size)


def decoded(packing, data, size):
    if packing == EROFS_LZ4:
        demand(size <= 8 * MIB, "limit", "clusters of erofs")
        return clusters_decoded(data, size)
    if packing in (LZ4, LZ4_SIZED):
        demand(size <= 8 * MIB, "limit", "LZ4 block")
        if packing == LZ4_SIZED:
            demand(len(data) > 4, "format", "size of an LZ4 block")
            demand(struct.unpack("<I", data[:4])[0] == len(data) - 4, "format",
                   "size of an LZ4 block")
            data = data[4:]
        return lz4_decoded(data, size)
    if packing in (DEFLATE, ZLIB):
        return inflated(data, size, -15 if packing == DEFLATE else 15)
    if packing == BZIP2:
        return one_stream(bz2.BZ2Decompressor(), data, size)
    if packing == LZMA:
        return one_stream(lzma.LZMADecompressor(lzma.FORMAT_ALONE), data, size)
    if packing == LZO:
        demand(size <= 8 * MIB, "limit", "LZO block")
        return lzo_decoded(data, size)
    if packing == LZOP:
        return lzop_decoded(data, size)
    if packing == XZ:
        return one_stream(lzma.LZMADecompressor(lzma.FORMAT_XZ), data, size)
    return zstd_frame(data, size)


# ---- recipes (PF-131, PF-132) ----------------------------------------------------------------


class Numbers:
    def __init__(self, data):
        self.data, self.at = data, 0

    def byte(self):
        demand(self.at < len(self.data), "format", "recipe is cut")
        self.at += 1
        return self.data[self.at - 1]

    def bytes(self, n):
        demand(n <= len(self.data) - self.at, "format", "recipe is cut")
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self, limit=1 << 63):
        value = 0
        for shift in range(0, 70, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                demand(value < limit, "format", "number in a recipe")
                return value
        raise Refused("format", "number in a recipe")


class Setting:
    def __init__(self, numbers, closes):
        self.packing, self.encoder = numbers.byte(), numbers.byte()
        demand(LZ4 <= self.packing <= LZOP, "unsupported", f"packing {self.packing}")
        demand(self.encoder in PARAMETERS and (self.encoder or not closes), "unsupported",
               f"encoder {self.encoder}")
        packings, ranges = PARAMETERS[self.encoder]
        demand(not packings or self.packing in packings, "format", "encoder of another packing")
        self.parameters = [numbers.number(1 << 32) for _ in ranges]
        for value, (least, most) in zip(self.parameters, ranges):
            demand(least <= value <= most, "format", "parameter of an encoder")


class Piece:
    def __init__(self, numbers, settings, counter, depth=0):
        counter.append(self)
        demand(len(counter) <= 65536, "limit", "pieces of a recipe")
        head = numbers.number()
        demand(head >> 1 <= len(settings), "format", "setting of a piece")
        self.setting = settings[(head >> 1) - 1] if head >> 1 else None
        self.opened = self.encoded = numbers.number()
        self.inner, self.corrections = [], b""
        if self.setting:
            demand(depth < 3, "limit", "pieces in each other")
            self.encoded = numbers.number()
            if self.setting.encoder == TOKENS:
                n = numbers.number()
                demand(n, "format", "no corrections")
                demand(n <= CORRECTIONS and self.opened <= 1 << 30, "limit", "corrections")
                self.corrections = numbers.bytes(n)
        demand(self.opened and self.encoded, "format", "empty piece")
        if head & 1:
            demand(self.setting, "format", "plain piece with inner ones")
            n = numbers.number()
            demand(0 < n <= 65536, "format", "inner pieces")
            self.inner = [Piece(numbers, settings, counter, depth + 1) for _ in range(n)]
            demand(sum(p.encoded for p in self.inner) == self.opened, "format", "sum of pieces")

    @property
    def n_opened(self):
        return sum(p.n_opened for p in self.inner) if self.inner else self.opened

    def open(self, data):
        if not self.setting:
            return data
        data = decoded(self.setting.packing, data, self.opened)
        return opened(self.inner, data) if self.inner else data

    def close(self, data):
        if not self.setting:
            return data
        data = closed(self.inner, data) if self.inner else data
        return exactly(encoded(self.setting, data, self.corrections), self.encoded)  # PF-137


class Recipe:
    def __init__(self, numbers, size, closes):
        settings = [Setting(numbers, closes) for _ in range(numbers.number(256))]
        n, counter = numbers.number(), []
        demand(n <= 65536, "limit", "pieces of a recipe")
        self.pieces = [Piece(numbers, settings, counter) for _ in range(n)]
        demand(sum(len(p.corrections) for p in counter) <= CORRECTIONS, "limit", "corrections")
        demand(sum(p.encoded for p in self.pieces) == size, "format", "sum of a recipe")

    @property
    def n_opened(self):
        return sum(p.n_opened for p in self.pieces)


def opened(pieces, data):
    out, at = [], 0
    for piece in pieces:
        out.append(piece.open(data[at : at + piece.encoded]))
        at += piece.encoded
    return b"".join(out)


def closed(pieces, data):
    out, at = [], 0
    for piece in pieces:
        out.append(piece.close(data[at : at + piece.n_opened]))
        at += piece.n_opened
    return b"".join(out)


def recipes_of(blob, n_source, n_target):  # PF-130
    """Both recipes, and the difference."""
    demand(len(blob) >= 16 and blob[4] <= 1 and blob[5:8] == b"\0\0\0", "format",
           "head of opened contents")
    n_packed, size = struct.unpack("<II", blob[8:16])
    demand(size <= 2 * MIB, "limit", "recipes")
    demand(n_packed <= len(blob) - 16, "format", "recipes are cut")
    numbers = Numbers(unpacked(blob[4], blob[16 : 16 + n_packed], size, 12 * MIB))
    old, new = Recipe(numbers, n_source, False), Recipe(numbers, n_target, True)
    demand(numbers.at == size, "format", "bytes behind the recipes")
    return old, new, blob[16 + n_packed :]
