# SPDX-License-Identifier: Apache-2.0
"""puffs - DEFLATE blocks and their puffs by hand, both from the same tokens

A token is a byte (a literal) or a pair (length, distance). Blocks are written to a Stream, bit by
bit; what lies between them, too. docs/spec/payload.md PF-70 to PF-75, RFC 1951.
"""

import struct

from container import chunk, number, patch, diff_bytes

LENGTHS = [(3, 0), (4, 0), (5, 0), (6, 0), (7, 0), (8, 0), (9, 0), (10, 0), (11, 1), (13, 1),
           (15, 1), (17, 1), (19, 2), (23, 2), (27, 2), (31, 2), (35, 3), (43, 3), (51, 3), (59, 3),
           (67, 4), (83, 4), (99, 4), (115, 4), (131, 5), (163, 5), (195, 5), (227, 5), (258, 0)]
DISTANCES = [(1, 0), (2, 0), (3, 0), (4, 0)] + [
    ((2 + half << bits) + 1, bits) for bits in range(1, 14) for half in (0, 1)]
FIXED = [8] * 144 + [9] * 112 + [7] * 24 + [8] * 8
ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

# A whole code of our own: 226 words of 8 bits and 60 of 9; 2 distances of 4 bits and 28 of 5.
OWN = [9] * 60 + [8] * 226
OWN_DISTANCES = [4, 4] + [5] * 28


def words(lengths):
    """symbol -> (word, bits), the word's first bit highest."""
    code, found = 0, {}
    for bits in range(1, 16):
        for symbol, length in enumerate(lengths):
            if length == bits:
                found[symbol] = (code, bits)
                code += 1
        code <<= 1
    return found


def find(table, value):
    symbol = max(i for i, (base, _) in enumerate(table) if base <= value)
    return symbol, value - table[symbol][0], table[symbol][1]


class Stream:
    """Bits, and where blocks and puffs lie in them."""

    def __init__(self):
        self.bits, self.gap_from = [], 0
        self.puffed, self.deflates, self.puffs = b"", [], []

    def raw(self, value, n):
        self.bits += [value >> i & 1 for i in range(n)]

    def put(self, data):
        for byte in data:
            self.raw(byte, 8)

    def end_gap(self):
        """The bits since the last block, as the puffed stream has them."""
        at, end = self.gap_from, len(self.bits)
        while at < end:
            upto = min(end, (at // 8 + 1) * 8)
            self.puffed += bytes([sum(bit << i for i, bit in enumerate(self.bits[at:upto]))])
            at = upto

    def word(self, word):
        code, n = word
        self.bits += [code >> n - 1 - i & 1 for i in range(n)]

    def add(self, start, puff):
        self.deflates.append((start, len(self.bits) - start))
        self.puffs.append((len(self.puffed) * 8, len(puff) * 8))
        self.puffed += puff
        self.gap_from = len(self.bits)

    def stored(self, data, last=False, padding=0):
        self.end_gap()
        start = len(self.bits)
        self.raw(last, 3)
        self.raw(padding, -len(self.bits) % 8)
        self.put(struct.pack("<HH", len(data), len(data) ^ 0xFFFF) + data)
        self.add(start, head(bytes([last << 7 | padding])) + puffed_tokens(data))

    def coded(self, kind, first, tokens, literals, distances):
        self.raw(first >> 7 | kind << 1, 3)
        if kind == 2:
            write_codes(self)
        literals, distances = words(literals), words(distances)
        for token in tokens:
            if isinstance(token, int):
                self.word(literals[token])
                continue
            for table, code, value, base in ((LENGTHS, literals, token[0], 257),
                                             (DISTANCES, distances, token[1], 0)):
                symbol, extra, n = find(table, value)
                self.word(code[base + symbol])
                self.raw(extra, n)
        self.word(literals[256])

    def fixed(self, tokens, last=False):
        self.end_gap()
        start, first = len(self.bits), last << 7 | 1 << 5
        self.coded(1, first, tokens, FIXED, [5] * 30)
        self.add(start, head(bytes([first])) + puffed_tokens(tokens))

    def dynamic(self, tokens, last=False):
        self.end_gap()
        start, first = len(self.bits), last << 7 | 2 << 5
        self.coded(2, first, tokens, OWN, OWN_DISTANCES)
        self.add(start, head(bytes([first]) + codes_head()) + puffed_tokens(tokens))

    def bytes(self):
        assert len(self.bits) % 8 == 0
        return bytes(sum(bit << i for i, bit in enumerate(self.bits[at : at + 8]))
                     for at in range(0, len(self.bits), 8))

    def finish(self, size):
        """Zeros up to a size; the stream's bytes."""
        self.raw(0, size * 8 - len(self.bits))
        self.end_gap()
        self.gap_from = len(self.bits)
        return self.bytes()

    def info(self, **changes):
        parts = dict(deflates=self.deflates, puffs=self.puffs, length=len(self.puffed)) | changes
        extents = b"".join(chunk(field, number(1, offset) * bool(offset) + number(2, n) * bool(n))
                           for field, key in ((1, "deflates"), (2, "puffs"))
                           for offset, n in parts[key])
        return extents + number(3, parts["length"])


# The code lengths of OWN and OWN_DISTANCES, written with words of 2 bits for 4, 5, 8 and 9, and
# one of 3 bits for "as before" in place of 9's second half.
META = {4: 2, 5: 2, 8: 2, 9: 3, 16: 3}


def length_symbols():
    """9, 59 more of them in sixes and ones; 226 times 8; the distances."""
    def run(value, n):
        out, n = [value], n - 1
        while n >= 3:
            out.append(16 + min(n, 6) - 3)
            n -= min(n, 6)
        return out + [value] * n
    return run(9, 60) + run(8, 226) + run(4, 2) + run(5, 28)


def codes_head():
    n = max(i for i, symbol in enumerate(ORDER) if symbol in META) + 1
    lengths = [META.get(symbol, 0) for symbol in ORDER[:n]] + [0]
    pairs = bytes(a << 4 | b for a, b in zip(lengths[0 : n + n % 2 : 2], lengths[1::2]))
    return bytes([286 - 257, 30 - 1, n - 4]) + pairs + bytes(length_symbols())


def write_codes(stream):
    n = max(i for i, symbol in enumerate(ORDER) if symbol in META) + 1
    stream.raw(286 - 257, 5)
    stream.raw(30 - 1, 5)
    stream.raw(n - 4, 4)
    for symbol in ORDER[:n]:
        stream.raw(META.get(symbol, 0), 3)
    code = words([META.get(symbol, 0) for symbol in range(19)])
    for symbol in length_symbols():
        stream.word(code[min(symbol, 16)])
        if symbol >= 16:
            stream.raw(symbol - 16, 2)


def head(data):
    return struct.pack(">H", len(data) - 1) + data


def puffed_tokens(tokens):
    """Runs of literals, copies, the end."""
    out, run = b"", b""

    def flushed():
        if not run:
            return b""
        short = len(run) <= 127
        return (bytes([len(run) - 1]) if short else
                b"\x7f" + struct.pack(">H", len(run) - 128)) + run
    for token in tokens:
        if isinstance(token, int):
            run += bytes([token])
            continue
        length, distance = token
        out, run = out + flushed(), b""
        out += bytes([0x80 | length - 3] if length < 130 else [0xFF, length - 130])
        out += struct.pack(">H", distance - 1)
    return out + flushed() + b"\xff\x81"


def puffdiff(source, target, codecs=(1, 1, 2), inner=None, kind=None, version=1, **changes):
    """From one Stream to another: as much of both as is alike at their fronts, the rest as it is."""
    old, new = source.puffed, target.puffed
    n = min(len(old), len(new))
    same = patch([(n, len(new) - n, 0)], diff_bytes(new[:n], old), new[n:], codecs)
    message = (number(1, version) + chunk(2, source.info()) + chunk(3, target.info(**changes)) +
               (b"" if kind is None else number(4, kind)))
    return b"PUF1" + struct.pack(">I", len(message)) + message + (inner or same)
