# SPDX-License-Identifier: Apache-2.0
"""mixed - PF-150 to PF-157: streams whose bits are foretold by several contexts"""

from refusal import demand

RUN, NUMBER, DIFFERENCE, BYTE = range(4)
NUMBERS, DIFFERENCES, BYTES = range(3)
N_CONTEXTS = 7
U32 = 0xFFFFFFFF
STEPS = (32768, 40793, 47911, 53586, 57727, 60566, 62428, 63615, 64357, 64815, 65098, 65270, 65375,
         65438, 65476, 65500, 65514, 65523, 65528, 65531, 65533, 65534, 65535, 65535, 65535)


def squash(odds):  # PF-155
    if odds < 0:
        return 65536 - squash(-odds) if odds else 32768
    odds = min(odds, 3071)
    step, part = divmod(odds, 128)
    return (STEPS[step] * (128 - part) + STEPS[step + 1] * part) // 128


def toward_zero(number, divisor):
    return number // divisor if number >= 0 else -(-number // divisor)


def stretches():
    table, odds = [], -2047
    for i in range(4096):
        while odds < 2047 and squash(odds) < 16 * i + 8:
            odds += 1
        table.append(odds)
    return table


STRETCH = stretches()
RATES = [655360 // (10 * seen + 16) for seen in range(31)]
TRUSTS = [0] + [256 * (10 * seen + 3) // (10 * seen + 15) for seen in range(1, 31)]


def hashed(value, *numbers):  # PF-153
    for number in numbers:
        value = (value + number) * 0x9E3779B1 & U32
        value ^= value >> 15
    return value


def class_of(number):
    n = number.bit_length()
    return number if n <= 4 else 8 + 2 * n + (number >> (n - 2) & 1)


class Mix:
    """What comes next, of one stream."""

    def __init__(self, mode, slots_log):
        self.mode, self.log = mode, slots_log
        self.slots = [(32768, 0, 0)] * (1 << slots_log)
        self.guesses = [(0, 0)] * (1 << (slots_log - 3))
        self.by_place = [None] * 1024
        self.by_past = [None] * 512
        self.past, self.runs = [0] * 3, [0] * 3
        self.begin(BYTE if mode == BYTES else RUN)

    def begin(self, kind):
        self.kind, self.node, self.below, self.exponent = kind, 1, False, 0
        self.left = (5, 6, 8, 8)[kind]
        a, b, c = self.past
        s, t, u = self.runs
        r, q, p = class_of(s), class_of(t), class_of(u)
        if kind == RUN:
            place = hashed(8, a, s, b, t)
            self.contexts = [1, hashed(2, r), hashed(3, r, q), hashed(4, a, r), hashed(5, a, b),
                             hashed(6, a, r, b, q, p)]
        elif kind == NUMBER:
            place = hashed(17, a, s, b, c)
            i, j, k = class_of(a), class_of(b), class_of(c)
            self.contexts = [11, hashed(12, a, min(r, 4)), hashed(13, i, j, r),
                             hashed(14, a, b, min(r, 3)), hashed(15, i, j, k),
                             hashed(16, a, r, b, q, c, p)]
        elif kind == DIFFERENCE:
            place = hashed(27, a, s, b, c)
            self.contexts = [hashed(21, min(r, 1)), hashed(22, a, min(r, 4)), hashed(23, a, r),
                             hashed(24, a, b, r), hashed(25, a, b, c, min(r, 3)),
                             hashed(26, a, r, b, q, c, p)]
        else:
            place = hashed(37, a & U32, a >> 32 & 0xFF)
            self.contexts = [hashed(31, a & 0xFF), hashed(32, a & 0xFFFF), hashed(33, a & 0xFFFFFF),
                             hashed(34, a & U32), hashed(35, a & U32, a >> 32 & 0xFFFF),
                             hashed(36, a & 0xFFFF00)]
        self.guess = place >> (32 - (self.log - 3))
        symbol, self.sure = self.guesses[self.guess]
        self.contexts.append(hashed(7, symbol, self.sure))

    def end(self, symbol):
        last, sure = self.guesses[self.guess]
        low = symbol & U32
        self.guesses[self.guess] = ((last, min(sure + 1, 15)) if last == low
                                    else (low, int(sure > 3)))
        if self.kind == RUN:
            self.runs = [symbol, *self.runs[:2]]
            self.begin(DIFFERENCE if self.mode == DIFFERENCES else NUMBER)
        elif self.kind == BYTE:
            self.past[0] = (self.past[0] << 8 | symbol) & (1 << 64) - 1
            self.begin(BYTE)
        else:
            self.past = [symbol, *self.past[:2]]
            self.begin(RUN)

    def slot(self, value):  # PF-154
        at, check = value >> (32 - self.log), value & 0xFF
        for i in (at, at ^ 1):
            one, seen, mine = self.slots[i]
            if seen and mine == check:
                return i
        if self.slots[at ^ 1][1] < self.slots[at][1]:
            at ^= 1
        self.slots[at] = (32768, 0, check)
        return at

    def weights(self):  # PF-156
        place, past = self.node, min(class_of(self.runs[0]), 31) + 32 * min(self.sure, 7)
        if self.below:
            place = 64 + 8 * min(self.exponent, 55) + min(self.node.bit_length() - 1, 7)
        if self.kind == BYTE:
            place, past = place + 256 * min(self.sure // 4, 3), self.past[0] & 0xFF
        elif self.kind != RUN:
            place, past = place + 512, past + 256
            if self.kind == DIFFERENCE and self.runs[0]:
                place += 256
        both = []
        for table, i in ((self.by_place, place), (self.by_past, past)):
            if table[i] is None:
                table[i] = [65536 * 16 // 100] * N_CONTEXTS + [0]
            both.append(table[i])
        return both

    def predict(self):
        salt = (self.node * 128 + (self.exponent + 1 if self.below else 0)) * 0x85EBCA6B & U32
        self.at, self.inputs = [], []
        for context in self.contexts:  # a slot that one of them takes from another has spoken already
            self.at.append(self.slot(hashed(context, salt)))
            one, seen, _ = self.slots[self.at[-1]]
            self.inputs.append(toward_zero(STRETCH[one >> 4] * TRUSTS[seen], 256))
        self.inputs.append(256)
        self.both = self.weights()
        total = sum((v + w) * x for v, w, x in zip(*self.both, self.inputs))
        self.one = min(max(squash(toward_zero(total, 65536)), 1), 65535)
        return self.one

    def learn(self, bit):
        """The symbol, when that was its last bit."""
        error = ((65536 if bit else 0) - self.one) * 12
        for weights in self.both:
            for i, x in enumerate(self.inputs):
                weight = weights[i] + toward_zero(x * error, 1 << 18)
                weights[i] = min(max(weight, -(1 << 20)), 1 << 20)
        for i in self.at:
            one, seen, check = self.slots[i]
            rate = RATES[seen]
            one = one + ((65535 - one) * rate >> 16) if bit else one - (one * rate >> 16)
            self.slots[i] = (one, min(seen + 1, 30), check)
        self.node = self.node << 1 | bit
        self.left -= 1
        if self.left:
            return None
        if self.kind in (RUN, NUMBER) and not self.below:
            self.left = self.exponent = self.node - (32 if self.kind == RUN else 64)
            self.node, self.below = 1, True
            if self.left:
                return None
        symbol = {RUN: self.node - 1, NUMBER: self.node}.get(self.kind, self.node & 0xFF)
        self.end(symbol)
        return symbol


def spelled(number):  # PF-152
    out = bytearray()
    while number > 0x7F and len(out) < 4:
        out.append(number & 0x7F | 0x80)
        number = (number >> 7) - 1
    demand(number <= 0xFF, "format", "number of a mixed stream")
    out.append(number)
    return out


class Bits:  # PF-142
    def __init__(self, data):
        demand(len(data) >= 4, "format", "mixed stream is cut")
        self.data, self.at = data, 4
        self.low, self.high, self.code = 0, U32, int.from_bytes(data[:4], "big")

    def take(self, one):
        middle = self.low + ((self.high - self.low) * one >> 16)
        bit = self.code <= middle
        if bit:
            self.high = middle
        else:
            self.low = middle + 1
        while not (self.low ^ self.high) >> 24:
            demand(self.at < len(self.data), "format", "mixed stream is cut")
            self.low = self.low << 8 & U32
            self.high = self.high << 8 & U32 | 0xFF
            self.code = self.code << 8 & U32 | self.data[self.at]
            self.at += 1
        return int(bit)


def head_of(data, memory):  # PF-151
    demand(len(data) >= 1, "format", "mixed stream is cut")
    mode, slots_log = data[0] >> 5, data[0] & 0x1F
    demand(mode <= 2 and 10 <= slots_log <= 19, "format", "head of a mixed stream")
    demand((64 << 10) + (5 << slots_log) <= memory, "limit", "slots of a mixed stream")
    size = 0
    for i in range(5):
        demand(len(data) > 1 + i, "format", "mixed stream is cut")
        size |= (data[1 + i] & 0x7F) << 7 * i
        if data[1 + i] < 0x80:
            demand(size <= U32, "format", "size of a mixed stream")
            return mode, slots_log, size, data[2 + i :]
    demand(False, "format", "size of a mixed stream")


def decode_mixed(data, size, memory):
    mode, slots_log, n, rest = head_of(data, memory)
    demand(n == size, "format", "size of a mixed stream")
    out = bytearray()
    if not n:
        demand(not rest, "format", "bytes behind a mixed stream")
        return bytes(out)
    mix, bits = Mix(mode, slots_log), Bits(rest)
    while len(out) < n:
        kind, symbol = mix.kind, None
        while symbol is None:
            symbol = mix.learn(bits.take(mix.predict()))
        if kind == RUN:
            demand(symbol <= n - len(out), "format", "run of a mixed stream")
            out += bytes(symbol)
        else:
            out += spelled(symbol) if kind == NUMBER else bytes([symbol])
            del out[n:]
    demand(bits.at == len(rest), "format", "bytes behind a mixed stream")
    return bytes(out)
