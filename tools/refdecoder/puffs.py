# SPDX-License-Identifier: Apache-2.0
"""puffs - PF-70 to PF-75: DEFLATE blocks without their prefix codes, and with them again

Used by refdecoder.py. Everything is done in memory and slowly, a bit at a time.
"""

import struct

LENGTH_BASES = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99,
                115, 131, 163, 195, 227, 258]
LENGTH_BITS = [0] * 8 + [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4 + [5] * 4 + [0]
DISTANCE_BASES = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025,
                  1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577]
DISTANCE_BITS = [0, 0] + [i // 2 for i in range(28)]
ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
REPEATS = {16: (2, 3, 16), 17: (3, 3, 20), 18: (7, 11, 28)}  # extra bits, least, first in the puff
END = b"\xff\x81"


class Bad(Exception):
    """Not a block, or not a puff."""


def demand(condition, text):
    if not condition:
        raise Bad(text)


def code_of(lengths):
    """symbol -> its word as text of 0 and 1."""
    demand(sum(2.0 ** -n for n in lengths if n) <= 1, "more words than there are")
    code, word = {}, 0
    for n in range(1, 16):
        for symbol, length in enumerate(lengths):
            if length == n:
                code[symbol] = f"{word:0{n}b}"
                word += 1
        word <<= 1
    return code


FIXED = code_of([8] * 144 + [9] * 112 + [7] * 24 + [8] * 8), code_of([5] * 30)


def as_bits(data):
    return "".join(f"{byte:08b}"[::-1] for byte in data)


def as_bytes(bits):
    return bytes(int(bits[at : at + 8][::-1], 2) for at in range(0, len(bits), 8))


class Reader:
    """The bits of one extent."""

    def __init__(self, bits, start, end):
        self.bits, self.at, self.end = bits, start, end

    def take(self, n):
        demand(self.at + n <= self.end, "the block is cut")
        self.at += n
        return int(self.bits[self.at - n : self.at][::-1] or "0", 2)

    def symbol(self, decoder):
        for n in range(1, 16):
            word = self.bits[self.at : self.at + n]
            if word in decoder:
                demand(self.at + n <= self.end, "the block is cut")
                self.at += n
                return decoder[word]
        raise Bad("no such word")


def inverse(code):
    return {word: symbol for symbol, word in code.items()}


class Literals:
    """Gathers runs of literals."""

    def __init__(self):
        self.out, self.run = b"", b""

    def flush(self):
        if self.run:
            n = len(self.run)
            head = bytes([n - 1]) if n <= 127 else b"\x7f" + struct.pack(">H", n - 128)
            self.out, self.run = self.out + head + self.run, b""

    def literal(self, byte):
        self.run += bytes([byte])
        if len(self.run) == 127 + 65536:
            self.flush()

    def copy(self, length, distance):
        self.flush()
        self.out += bytes([0x80 | length - 3] if length < 130 else [0xFF, length - 130])
        self.out += struct.pack(">H", distance - 1)

    def end(self):
        self.flush()
        return self.out + END


def with_size(head):
    return struct.pack(">H", len(head) - 1) + head


def read_codes(reader):
    """The head's bytes, and the two codes."""
    counts = [reader.take(n) for n in (5, 5, 4)]
    n_literals, n_distances, n_codes = counts[0] + 257, counts[1] + 1, counts[2] + 4
    demand(n_literals <= 286 and n_distances <= 30, "counts")
    lengths = [reader.take(3) for _ in range(n_codes)]
    pairs = lengths + [0] * (n_codes % 2)
    head = bytes(counts) + bytes(a << 4 | b for a, b in zip(pairs[::2], pairs[1::2]))
    code = inverse(code_of([dict(zip(ORDER, lengths)).get(i, 0) for i in range(19)]))
    found = []
    while len(found) < n_literals + n_distances:
        symbol = reader.symbol(code)
        if symbol < 16:
            found.append(symbol)
            head += bytes([symbol])
            continue
        n_bits, least, first = REPEATS[symbol]
        extra = reader.take(n_bits)
        head += bytes([first + extra])
        demand(symbol != 16 or found, "repeats nothing")
        found += [found[-1] if symbol == 16 else 0] * (least + extra)
    demand(len(found) == n_literals + n_distances, "repeats too often")
    return head, (code_of(found[:n_literals]), code_of(found[n_literals:]))


def puff_block(reader):
    last, kind, tokens = reader.take(1), reader.take(2), Literals()
    demand(kind < 3, "kind of block")
    if kind == 0:
        padding = reader.take(-reader.at % 8)
        n, complement = reader.take(16), reader.take(16)
        demand(n ^ complement == 0xFFFF and padding < 32, "stored block")
        for _ in range(n):
            tokens.literal(reader.take(8))
        return with_size(bytes([last << 7 | padding])) + tokens.end()
    more, codes = read_codes(reader) if kind == 2 else (b"", FIXED)
    literals, distances = map(inverse, codes)
    while True:
        symbol = reader.symbol(literals)
        if symbol == 256:
            return with_size(bytes([last << 7 | kind << 5]) + more) + tokens.end()
        if symbol < 256:
            tokens.literal(symbol)
            continue
        demand(symbol <= 285, "length")
        length = LENGTH_BASES[symbol - 257] + reader.take(LENGTH_BITS[symbol - 257])
        symbol = reader.symbol(distances)
        tokens.copy(length, DISTANCE_BASES[symbol] + reader.take(DISTANCE_BITS[symbol]))


def gap_bytes(bits, start, end):
    out = b""
    while start < end:
        upto = min(end, (start // 8 + 1) * 8)
        out += bytes([int(bits[start:upto][::-1], 2)])
        start = upto
    return out


def puffed(data, extents, size):
    """The puffed stream; extents are of bits."""
    bits, out, at = as_bits(data), b"", 0
    for start, end in extents:
        out += gap_bytes(bits, at, start)
        reader = Reader(bits, start, end)
        while reader.at < end:
            out += puff_block(reader)
        at = end
    out += gap_bytes(bits, at, len(bits))
    demand(len(out) == size, "size of the puffed source")
    return out


class Writer:
    """Bits from a puffed stream."""

    def __init__(self, data):
        self.data, self.at, self.out = data, 0, []
        self.n = 0

    def take(self, n):
        demand(self.at + n <= len(self.data), "the puff is cut")
        self.at += n
        return self.data[self.at - n : self.at]

    def bits(self, value, n):
        demand(value >> n == 0, "more bits than there is room for")
        self.out.append(f"{value:0{n}b}"[::-1] if n else "")
        self.n += n

    def word(self, code, symbol):
        demand(symbol in code, "a symbol without a word")
        self.out.append(code[symbol])
        self.n += len(code[symbol])


def write_codes(writer, head):
    demand(len(head) >= 3 and head[0] + 257 <= 286 and head[1] < 30 and head[2] + 4 <= 19, "counts")
    n_codes, n = head[2] + 4, head[0] + 257 + head[1] + 1
    used = 3 + (n_codes + 1) // 2
    nibbles = [x for pair in head[3:used] for x in (pair >> 4, pair & 15)]
    demand(len(nibbles) >= n_codes and not any(nibbles[n_codes:]), "lengths")
    for value, bits in zip(head, (5, 5, 4)):
        writer.bits(value, bits)
    for length in nibbles[:n_codes]:
        writer.bits(length, 3)
    code = code_of([dict(zip(ORDER, nibbles[:n_codes])).get(i, 0) for i in range(19)])
    found = []
    for byte in head[used:]:
        demand(byte <= 155 and len(found) < n, "lengths")
        symbol = byte if byte < 16 else 16 if byte < 20 else 17 if byte < 28 else 18
        writer.word(code, symbol)
        if symbol < 16:
            found.append(symbol)
            continue
        n_bits, least, first = REPEATS[symbol]
        writer.bits(byte - first, n_bits)
        demand(symbol != 16 or found, "repeats nothing")
        found += [found[-1] if symbol == 16 else 0] * (least + byte - first)
    demand(len(found) == n, "lengths")
    return code_of(found[: head[0] + 257]), code_of(found[head[0] + 257 :])


def take_run(writer, first):
    n = first + 1 if first < 127 else struct.unpack(">H", writer.take(2))[0] + 128
    return writer.take(n)


def write_stored(writer, padding):
    writer.bits(padding, -writer.n % 8)
    first, run = writer.take(1)[0], b""
    if first < 0x80:
        run, first = take_run(writer, first), writer.take(1)[0]
    demand(bytes([first]) + writer.take(1) == END and len(run) < 65536, "stored block")
    writer.bits(len(run), 16)
    writer.bits(len(run) ^ 0xFFFF, 16)
    for byte in run:
        writer.bits(byte, 8)


def write_value(writer, code, base, bases, n_bits, value):
    i = max(i for i, least in enumerate(bases) if least <= value)
    writer.word(code, base + i)
    writer.bits(value - bases[i], n_bits[i])


def huff_block(writer):
    head = writer.take(struct.unpack(">H", writer.take(2))[0] + 1)
    last, kind, padding = head[0] >> 7, head[0] >> 5 & 3, head[0] & 31
    demand(kind < 3 and (kind == 2 or len(head) == 1) and not (kind and padding), "head")
    writer.bits(last | kind << 1, 3)
    if kind == 0:
        write_stored(writer, padding)
        return
    literals, distances = write_codes(writer, head[1:]) if kind == 2 else FIXED
    while True:
        first = writer.take(1)[0]
        if first < 0x80:
            for byte in take_run(writer, first):
                writer.word(literals, byte)
            continue
        length = (first & 0x7F) + 3 if first < 0xFF else writer.take(1)[0] + 130
        if length == 259:
            writer.word(literals, 256)
            return
        distance = struct.unpack(">H", writer.take(2))[0] + 1
        demand(length <= 258 and distance <= 32768, "copy")
        write_value(writer, literals, 257, LENGTH_BASES, LENGTH_BITS, length)
        write_value(writer, distances, 0, DISTANCE_BASES, DISTANCE_BITS, distance)


def write_gap(writer, end):
    while writer.n < end:
        writer.bits(writer.take(1)[0], min(end - writer.n, 8 - writer.n % 8))


def huffed(data, extents, puffs, size):
    """The stream of `size` bytes that this is the puffed one of."""
    writer = Writer(data)
    for (start, end), (puff_start, puff_end) in zip(extents, puffs):
        write_gap(writer, start)
        demand(writer.at == puff_start and writer.n == start, "place of a puff")
        while writer.at < puff_end:
            huff_block(writer)
        demand(writer.at == puff_end and writer.n == end, "size of a block")
    write_gap(writer, size * 8)
    demand(writer.at == len(data) and writer.n == size * 8, "size of the target")
    return as_bytes("".join(writer.out))
