# SPDX-License-Identifier: Apache-2.0
"""tokens - PF-141 to PF-143: a DEFLATE stream from its content and corrections"""

import collections
import struct
import zlib

from refusal import demand

LENGTHS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115,
           131, 163, 195, 227, 258]
LENGTH_BITS = [0] * 8 + [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4 + [5] * 4 + [0]
DISTANCES = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025,
             1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577]
DISTANCE_BITS = [0, 0] + [i // 2 for i in range(28)]
ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
CLASSES = [2, 3, 4, 5, 6, 8, 12, 16, 32, 64, 257]
REPEATS = {16: (2, 3), 17: (3, 3), 18: (7, 11)}  # bits, least
FIXED = ([8] * 144 + [9] * 112 + [7] * 24 + [8] * 8, [5] * 30)
WORD = (1 << 32) - 1


class Bits:  # PF-142
    def __init__(self, data):
        demand(len(data) >= 4, "format", "corrections are cut")
        self.data, self.at, self.low, self.high = data, 4, 0, WORD
        self.code = struct.unpack(">I", data[:4])[0]
        self.places = collections.defaultdict(lambda: [32768, 32768])

    def bit(self, p):
        middle = self.low + ((self.high - self.low) * p >> 16)
        one = self.code <= middle
        if one:
            self.high = middle
        else:
            self.low = middle + 1
        while (self.low ^ self.high) >> 24 == 0:
            demand(self.at < len(self.data), "format", "corrections are cut")
            self.low = self.low << 8 & WORD
            self.high = self.high << 8 & WORD | 255
            self.code = self.code << 8 & WORD | self.data[self.at]
            self.at += 1
        return int(one)

    def placed(self, *place):
        numbers = self.places[place]
        bit = self.bit(sum(numbers) // 2)
        for i, k in enumerate((4, 7)):
            numbers[i] += 65536 - numbers[i] >> k if bit else -(numbers[i] >> k)
        return bit

    def number(self, n, *place):
        value = 1
        for _ in range(n):
            value = value << 1 | self.placed(*place, value)
        return value - (1 << n)

    def plain(self, n):
        value = 0
        for _ in range(n):
            value = value << 1 | self.bit(32768)
        return value


class Stream:
    def __init__(self):
        self.out, self.bits, self.n = bytearray(), 0, 0

    def put(self, value, n):
        self.bits |= value << self.n
        self.n += n
        while self.n >= 8:
            self.out.append(self.bits & 255)
            self.bits, self.n = self.bits >> 8, self.n - 8

    def fill(self):
        self.put(0, -self.n % 8)

    def word(self, code, symbol):
        demand(symbol in code, "format", "symbol without a word")
        self.put(*code[symbol])


def words(lengths):
    """RFC 1951, 3.2.2, the first bit lowest."""
    demand(sum(1 << 15 - n for n in lengths if n) <= 1 << 15, "format", "code with too many words")
    code, word = {}, 0
    for n in range(1, 16):
        for symbol, length in enumerate(lengths):
            if length == n:
                code[symbol] = int(f"{word:0{n}b}"[::-1], 2), n
                word += 1
        word <<= 1
    return code


def symbol_of(bases, value):
    return max(i for i, base in enumerate(bases) if base <= value)


class Copies:  # PF-143
    def __init__(self, data, chain, enough):
        self.data, self.chain, self.enough = data, chain, enough
        self.places, self.n, self.known = collections.defaultdict(list), 0, {}

    def hash(self, x):
        return int.from_bytes(self.data[x : x + 3], "little") * 2654435761 % (1 << 32) >> 16

    def at(self, x):
        """Distances by length, those of all lengths up to the longest."""
        if x not in self.known:
            while self.n < x:
                if self.n + 3 <= len(self.data):
                    self.places[self.hash(self.n)].append(self.n)
                self.n += 1
            self.known = {n: found for n, found in self.known.items() if n == x - 1}
            self.known[x] = self.find(x)
        return self.known[x]

    def find(self, x):
        found, room = {}, min(258, len(self.data) - x)
        if room < 3:
            return found
        best, here = 2, self.data[x : x + room]
        for place in self.places[self.hash(x)][: -self.chain - 1 : -1]:
            if x - place > 32768:
                break
            n = 0
            while n < room and self.data[place + n] == here[n]:
                n += 1
            for length in range(best + 1, n + 1):
                found[length] = x - place
            best = max(best, n)
            if best >= min(self.enough, room):
                break
        return found


def class_of(length):
    return sum(end < length for end in CLASSES)


class Decoder:
    def __init__(self, data, corrections, chain, enough):
        self.data, self.at, self.after_copy = data, 0, 0
        self.bits, self.stream = Bits(corrections), Stream()
        self.copies = Copies(data, chain, enough)
        self.before = ([0] * 286, [0] * 30)

    def token(self):
        """A length, 0 for a literal, and a distance."""
        bits, x = self.bits, self.at
        here = self.copies.at(x)
        longest = max(here, default=0)
        a, b, c = class_of(longest), 0, 0
        if longest:
            c = sum(here[longest] > end for end in (256, 4096))
            if longest < 64:
                b = 1 + min(2, max(0, max(self.copies.at(x + 1), default=0) - longest))
        if not bits.placed("copy", a, b, c, self.after_copy):
            return 0, 0
        if longest and bits.placed("longest", a, b, c):
            length = longest
        else:
            length = 3 + bits.number(8, "length", a)
        if length <= longest and bits.placed("nearest", length == longest, class_of(length)):
            return length, here[length]
        symbol = bits.number(5, "distance")
        demand(symbol < 30, "format", "distance of a copy")
        return length, DISTANCES[symbol] + bits.plain(DISTANCE_BITS[symbol])

    def uses(self, n_literals, n):
        """The symbols that write down both codes' lengths, and these."""
        bits, uses, lengths = self.bits, [], []
        while len(lengths) < n:
            i, as_before = len(lengths), False
            kind = i >= n_literals
            if i:
                last = i - 1 >= n_literals
                as_before = lengths[-1] == self.before[last][i - 1 - last * n_literals]
            symbol = bits.number(5, "use", kind, self.before[kind][i - kind * n_literals], as_before)
            demand(symbol < 19 and (i or symbol != 16), "format", "length of a word")
            extra, times = 0, 1
            if symbol >= 16:
                extra = bits.number(REPEATS[symbol][0], "extra", symbol)
                times = REPEATS[symbol][1] + extra
            demand(times <= n - i, "format", "lengths of words")
            lengths += [symbol if symbol < 16 else lengths[-1] if symbol == 16 else 0] * times
            uses.append((symbol, extra))
        return uses, lengths

    def codes(self):
        bits, stream = self.bits, self.stream
        n_literals, n_distances = 257 + bits.number(5, "codes", 0), 1 + bits.number(5, "codes", 1)
        n_order = 4 + bits.number(4, "codes", 2)
        demand(n_literals <= 286 and n_distances <= 30, "format", "number of codes")
        order = [bits.number(3, "order", i) for i in range(n_order)]
        uses, lengths = self.uses(n_literals, n_literals + n_distances)
        self.before = (lengths[:n_literals] + [0] * (286 - n_literals),
                       lengths[n_literals:] + [0] * (30 - n_distances))
        for value, n in ((n_literals - 257, 5), (n_distances - 1, 5), (n_order - 4, 4)):
            stream.put(value, n)
        third = [0] * 19
        for i, length in zip(ORDER, order):
            stream.put(length, 3)
            third[i] = length
        code = words(third)
        for symbol, extra in uses:
            stream.word(code, symbol)
            stream.put(extra, REPEATS.get(symbol, (0,))[0])
        return words(lengths[:n_literals]), words(lengths[n_literals:])

    def stored(self, n):
        demand(n <= len(self.data) - self.at, "format", "stored bytes behind the end")
        self.stream.fill()
        self.stream.put(n | (n ^ 65535) << 16, 32)
        self.stream.out += self.data[self.at : self.at + n]
        self.at += n
        self.after_copy = 0 if n else self.after_copy

    def coded(self, n, literals, distances):
        for _ in range(n):
            demand(self.at < len(self.data), "format", "token behind the end")
            length, distance = self.token()
            demand(length <= len(self.data) - self.at, "format", "copy behind the end")
            self.after_copy = int(length > 0)
            if not length:
                self.stream.word(literals, self.data[self.at])
            else:
                for bases, extra, code, value, first in (
                        (LENGTHS, LENGTH_BITS, literals, length, 257),
                        (DISTANCES, DISTANCE_BITS, distances, distance, 0)):
                    symbol = symbol_of(bases, value)
                    self.stream.word(code, first + symbol)
                    self.stream.put(value - bases[symbol], extra[symbol])
            self.at += length or 1
        self.stream.word(literals, 256)

    def block(self):
        bits = self.bits
        last, kind = bits.placed("last"), bits.number(2, "type")
        demand(kind < 3, "format", "type of a block")
        self.stream.put(last | kind << 1, 3)
        codes = self.codes() if kind == 2 else [words(lengths) for lengths in FIXED]
        if kind == 0:
            high = bits.number(8, "stored", 0)
            self.stored(high << 8 | bits.number(8, "stored", 1))
        else:
            n_bits = bits.number(5, "tokens")
            n = 1 << n_bits - 1 | bits.plain(n_bits - 1) if n_bits else 0
            self.coded(n, *codes)
        return last


def encoded(packing, data, parameters, corrections):
    chain, enough, head = parameters
    decoder = Decoder(data, corrections, chain, enough)
    while not decoder.block():
        pass
    decoder.stream.fill()
    demand(decoder.at == len(data), "format", "content behind the last block")
    demand(decoder.bits.at == len(corrections), "format", "corrections behind the last block")
    if packing == 2:
        return bytes(decoder.stream.out)
    return struct.pack(">H", head) + decoder.stream.out + struct.pack(">I", zlib.adler32(data))
