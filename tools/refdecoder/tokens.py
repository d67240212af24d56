# SPDX-License-Identifier: Apache-2.0
"""tokens - PF-141 to PF-145: a DEFLATE stream from its content and corrections"""

import collections
import struct
import zlib

from code_lengths import WAYS
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
CODES_AFTER = 1 << 16  # tokens
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


def logarithm(value):
    """16 log2, cut, by squares."""
    log = value.bit_length() - 1
    power = value << 15 >> log
    for _ in range(4):
        power = power * power >> 15
        log = 2 * log + (power >> 16)
        power >>= power >> 16
    return log


class Costs:  # PF-145
    def __init__(self, data, copies):
        self.data, self.copies = data, copies
        self.near, self.far = [1] * 286, [1] * 30
        self.begin = self.end = 0
        self.steps, self.costs = {}, {}

    def price(self):
        all_near, all_far = sum(self.near), sum(self.far)
        self.literals, self.distances = (
            [min(208, logarithm(16 * n + 16) - logarithm(16 * seen + 5)) for seen in counts]
            for counts, n in ((self.near, all_near), (self.far, all_far)))
        self.lengths = {n: self.literals[257 + symbol] + 16 * LENGTH_BITS[symbol]
                        for n in range(3, 259) for symbol in [symbol_of(LENGTHS, n)]}
        self.distances = [cost + 16 * bits for cost, bits in zip(self.distances, DISTANCE_BITS)]
        if all_near > 10000:
            self.near, self.far = ([n - n // 4 for n in counts] for counts in (self.near, self.far))

    def steps_at(self, x):
        """Lengths up to which a distance goes; the last of eight goes to the longest."""
        steps = []
        for length, distance in sorted(self.copies.at(x).items()):
            if steps and (steps[-1][1] == distance or len(steps) == 8):
                steps[-1] = length, distance
            elif not steps or steps[-1][1] != distance:
                steps.append((length, distance))
        return steps

    def copies_at(self, x):
        """The cost of all from x on, length and distance, for each length that can be copied."""
        length = 3
        for longest, distance in self.steps[x]:
            cost = self.distances[symbol_of(DISTANCES, distance)]
            for length in range(length, longest + 1):
                yield cost + self.lengths[length] + self.costs[min(x + length, self.end)], length, distance
            length = longest + 1

    def literal(self, x):
        return self.literals[self.data[x]] + self.costs[x + 1]

    def part(self, x):
        self.price()
        end = min(len(self.data), x + 1024)
        self.steps = {y: steps for y, steps in self.steps.items() if y >= x}
        for y in range(max(x, self.end), end):
            self.steps[y] = self.steps_at(y)
        self.begin, self.end = x, end
        self.costs = {end: 0}
        for y in range(end - 1, x - 1, -1):
            self.costs[y] = min([self.literal(y)] + [cost for cost, _, _ in self.copies_at(y)])

    def at(self, x):
        if not self.end or x >= self.begin + 512:
            self.part(x)
        return list(self.copies_at(x)), self.literal(x)

    def count(self, symbol, far):
        self.near[symbol] += 1
        if far is not None:
            self.far[far] += 1


def cost_class(cost, other):
    return sum(other - cost > end for end in (-96, -48, -24, -15, -7, -1, 0, 1, 7, 15, 24, 48, 96))


class Decoder:
    def __init__(self, data, corrections, chain, enough, by_cost):
        self.data, self.at, self.after_copy = data, 0, 0
        self.bits, self.stream = Bits(corrections), Stream()
        self.copies = Copies(data, chain, enough)
        self.costs = Costs(data, self.copies) if by_cost else None
        self.missed = [0, 0, 0]

    def by_look(self):
        """A length, 0 for a literal, and the distances that are likely."""
        bits, x = self.bits, self.at
        here = self.copies.at(x)
        longest = max(here, default=0)
        a, b, c = class_of(longest), 0, 0
        if longest:
            c = sum(here[longest] > end for end in (256, 4096))
            if longest < 64:
                b = 1 + min(2, max(0, max(self.copies.at(x + 1), default=0) - longest))
        if not bits.placed("copy", a, b, c, self.after_copy):
            return 0, here
        if longest and bits.placed("longest", a, b, c):
            return longest, here
        return 3 + bits.number(8, "length", a), here

    def by_cost(self):
        bits = self.bits
        copies, literal = self.costs.at(self.at)
        here = {length: distance for _, length, distance in copies}
        longest = max(here, default=0)
        best = sorted(copies)[:5]
        a, b, c = 14, 0, 0
        if best:
            cost, length, distance = best[0]
            a = cost_class(cost, literal)
            b = 1 if length == longest else 2 if longest < 8 else 3
            c = sum(distance > end for end in (256, 4096))
        if not bits.placed("cheaper", a, self.after_copy, b, c):
            return 0, here
        for i, (cost, length, _) in enumerate(best[:4]):
            k = cost_class(cost, best[i + 1][0]) if i + 1 < len(best) else 14
            if bits.placed("rank", i, k, length == longest):
                return length, here
        return 3 + bits.number(8, "length", class_of(longest)), here

    def token(self):
        """A length, 0 for a literal, and a distance."""
        bits = self.bits
        length, here = self.by_cost() if self.costs else self.by_look()
        if not length:
            return 0, 0
        longest = max(here, default=0)
        if length <= longest and bits.placed("nearest", length == longest, class_of(length)):
            return length, here[length]
        symbol = bits.number(5, "distance")
        demand(symbol < 30, "format", "distance of a copy")
        return length, DISTANCES[symbol] + bits.plain(DISTANCE_BITS[symbol])

    def lengths(self, code, counts, least, order=None):  # PF-144
        """As many as the stream has, in its order."""
        bits = self.bits
        way, limit = bits.number(2, "way", code), bits.number(4, "limit", code)
        demand(way < len(WAYS) and limit, "format", "way of a code")
        made = WAYS[way](counts, limit)
        made = [made[i] for i in order or range(len(counts))]
        n = max([least] + [i + 1 for i, length in enumerate(made) if length])
        if not bits.placed("made codes", code):
            n = least + bits.number(5, "codes", code)
        demand(n <= len(counts), "format", "number of codes")
        lengths = []
        for length in made[:n]:
            as_made = bits.placed("made", code, self.missed[code], length > 0)
            self.missed[code] = self.missed[code] << 1 & 3 | (not as_made)
            lengths.append(length if as_made else bits.number(4, "other", code, length))
        return lengths

    def repeats(self, symbol, run, here):
        n_bits, least = REPEATS[symbol]
        most = least + (1 << n_bits) - 1
        run, here = min(run, most), min(here, most)
        if here >= least and self.bits.placed("whole", symbol, 0):
            return here
        if here < run and self.bits.placed("whole", symbol, 1):
            return run
        return least + self.bits.number(n_bits, "extra", symbol)

    def uses(self, n_literals, lengths):
        """The symbols that write both codes' lengths down, and what follows each."""
        uses, i = [], 0
        while i < len(lengths):
            run = next((n for n, length in enumerate(lengths[i:]) if length != lengths[i]), len(lengths) - i)
            here = min(run, n_literals - i) if i < n_literals else run
            is_zero, again = lengths[i] == 0, i > 0 and lengths[i - 1] == lengths[i]
            kind = 0
            if run >= 3 and (is_zero or again):
                size = sum(here > end for end in (2, 3, 4, 5, 6, 10, 138))
                kind = self.bits.number(2, "use", is_zero, again, size)
            if not kind:
                uses.append((lengths[i], 0))
                i += 1
                continue
            symbol = 15 + kind
            demand(run >= REPEATS[symbol][1] and (again if kind == 1 else is_zero), "format", "length of a word")
            n = self.repeats(symbol, run, here)
            demand(n <= run, "format", "lengths of words")
            uses.append((symbol, n - REPEATS[symbol][1]))
            i += n
        return uses

    def codes(self, tokens):
        stream = self.stream
        counts, far_counts = [0] * 286, [0] * 30
        for symbol, _, far, _ in tokens + [(256, 0, None, 0)]:
            counts[symbol] += 1
            if far is not None:
                far_counts[far] += 1
        literals, distances = self.lengths(0, counts, 257), self.lengths(1, far_counts, 1)
        uses = self.uses(len(literals), literals + distances)
        use_counts = [0] * 19
        for symbol, _ in uses:
            use_counts[symbol] += 1
        order = self.lengths(2, use_counts, 4, ORDER)
        third = [0] * 19
        for value, n in ((len(literals) - 257, 5), (len(distances) - 1, 5), (len(order) - 4, 4)):
            stream.put(value, n)
        for i, length in zip(ORDER, order):
            demand(length < 8, "format", "length of a word")
            stream.put(length, 3)
            third[i] = length
        code = words(third)
        for symbol, extra in uses:
            stream.word(code, symbol)
            stream.put(extra, REPEATS.get(symbol, (0,))[0])
        return words(literals), words(distances)

    def stored(self, n):
        demand(n <= len(self.data) - self.at, "format", "stored bytes behind the end")
        self.stream.fill()
        self.stream.put(n | (n ^ 65535) << 16, 32)
        self.stream.out += self.data[self.at : self.at + n]
        self.at += n
        self.after_copy = 0 if n else self.after_copy

    def next(self):
        """Its symbol and the bits behind it as one number, and those of its distance."""
        demand(self.at < len(self.data), "format", "token behind the end")
        length, distance = self.token()
        near, far = 0, None
        if length:
            near, far = symbol_of(LENGTHS, length), symbol_of(DISTANCES, distance)
        if self.costs:
            self.costs.count(257 + near if length else self.data[self.at], far)
        demand(length <= len(self.data) - self.at, "format", "copy behind the end")
        self.after_copy = int(length > 0)
        self.at += length or 1
        if not length:
            return self.data[self.at - 1], 0, None, 0
        return 257 + near, length - LENGTHS[near], far, distance - DISTANCES[far]

    def put(self, tokens, literals, distances):
        for symbol, rest, far, far_rest in tokens:
            self.stream.word(literals, symbol)
            if far is not None:
                self.stream.put(rest, LENGTH_BITS[symbol - 257])
                self.stream.word(distances, far)
                self.stream.put(far_rest, DISTANCE_BITS[far])

    def coded(self, n, kind):
        codes = [words(lengths) for lengths in FIXED]
        tokens = [self.next() for _ in range(min(n, CODES_AFTER))]
        if kind == 2:
            codes = self.codes(tokens)
        self.put(tokens, *codes)
        for _ in range(n - len(tokens)):
            self.put([self.next()], *codes)
        self.stream.word(codes[0], 256)

    def block(self):
        bits = self.bits
        last, kind = bits.placed("last"), bits.number(2, "type")
        demand(kind < 3, "format", "type of a block")
        self.stream.put(last | kind << 1, 3)
        if kind == 0:
            high = bits.number(8, "stored", 0)
            self.stored(high << 8 | bits.number(8, "stored", 1))
        else:
            n_bits = bits.number(5, "tokens")
            n = 1 << n_bits - 1 | bits.plain(n_bits - 1) if n_bits else 0
            self.coded(n, kind)
        return last


def encoded(packing, data, parameters, corrections):
    chain, enough, head, by_cost = parameters
    decoder = Decoder(data, corrections, chain, enough, by_cost)
    while not decoder.block():
        pass
    decoder.stream.fill()
    demand(decoder.at == len(data), "format", "content behind the last block")
    demand(decoder.bits.at == len(corrections), "format", "corrections behind the last block")
    if packing == 2:
        return bytes(decoder.stream.out)
    return struct.pack(">H", head) + decoder.stream.out + struct.pack(">I", zlib.adler32(data))
