# SPDX-License-Identifier: Apache-2.0
"""kallsyms - PA-75 to PA-78: the kernel's list of its own symbols"""

from predict.field import Field
from predict.program import signed
from predict.shifts import name


def up(at, step=8):
    return at + -at % step


class SymbolList:
    budget = 1 << 22

    def __init__(self, program, section, base, n):
        self.program, self.n = program, n
        self.begin, self.base, self.names = base - up(4 * n), base, base + 16
        self.end, self.names_end, self.order = base + 16, None, None
        self.find_texts(section.offset + section.size)

    @classmethod
    def search(cls, program, section, places):
        budget = [cls.budget]
        for at in places.order:
            n = program.number(at + 8, 8)
            if (places.widths[at] == 8 and 1000 <= n <= 1 << 20
                    and up(4 * n) <= at - section.offset
                    and cls.in_order(program, at - up(4 * n), n, budget)):
                return cls(program, section, at, n)
        return None

    @staticmethod
    def in_order(program, begin, n, budget):
        last = 0
        for at in range(begin, begin + 4 * n, 4):
            value = signed(program.number(at, 4), 32)
            if not budget[0]:
                return False
            budget[0] -= 1
            if 0 <= value < last or last < 0 and value > last:
                return False
            last = value
        return last < 0

    def length(self, at):
        """Bytes of a name's length, and of its tokens."""
        first, second = self.program.number(at, 1), self.program.number(at + 1, 1)
        return (2, first & 0x7F | second << 7) if first & 0x80 else (1, first)

    def are_tokens(self, at):
        """The end of 256 texts, if behind them stands where each begins."""
        begins, end = [], at
        for _ in range(256):
            begins.append(end - at)
            while end - at < 65535 and self.program.number(end, 1):
                end += 1
            end += 1
        told = [self.program.number(up(end) + 2 * i, 2) for i in range(256)]
        whole = up(end) + 512 <= len(self.program.data)
        return end if whole and told == [b & 0xFFFF for b in begins] else None

    def find_texts(self, end):  # PA-76
        at = self.names
        for _ in range(self.n):
            if at >= end:
                return
            at += sum(self.length(at))
        order = up(up(at) + 4 * -(-self.n // 256))
        if at >= end or order + 3 * self.n >= end:
            return
        for n_order in (0, 3 * self.n):
            tokens_end = self.are_tokens(up(order + n_order))
            if tokens_end is not None:
                self.names_end, self.end = at, tokens_end
                self.order = range(order, order + n_order, 3)
                return

    def words(self):  # PA-75
        program = self.program
        base = program.number(self.base, 8)
        for at in range(self.begin, self.base - 3, 4):
            value = signed(program.number(at, 4), 32)
            if value < 0:
                yield Field(at, 4, 25, program.spot_of_address(base - 1 - value),
                            program.spot_of_address(base), factor=-1, learns=True)

    def texts(self):  # PA-77, PA-78
        if self.names_end is None:
            return
        at = self.names
        while at < self.names_end:
            n_length, n = self.length(at)
            at += n_length
            for one in range(at, at + n):
                token = self.program.number(one, 1)
                yield Field(one, 1, 31, name(2, (1 << 27) + token), in_section=True, learns=True)
            at += n
        for one in self.order:
            number = int.from_bytes(self.program.data[one : one + 3], "big")
            if number < self.n:
                yield Field(one, 3, 12, self.begin + 4 * number, self.begin, scale=4,
                            in_section=True)
            else:
                yield Field(one, 3, 12)
