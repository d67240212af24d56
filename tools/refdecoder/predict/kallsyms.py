# SPDX-License-Identifier: Apache-2.0
"""kallsyms - PA-75 to PA-78: the kernel's list of its own symbols"""

from predict.field import Field
from predict.program import RELA, signed
from predict.shifts import name


def up(at, step=8):
    return at + -at % step


class Budget:
    """So many names and offsets are looked at."""

    def __init__(self):
        self.left = 1 << 22

    def take(self):
        self.left -= 1
        return self.left >= 0


class SymbolList:
    @classmethod
    def search(cls, program, sections):  # PA-75
        budget = Budget()
        for s in sections:
            for at in range(up(s.offset), s.offset + s.size - 7, 8):
                n = program.number(at, 8)
                if 1000 <= n <= 1 << 20:
                    found = cls(program, s, at, n, budget)
                    if found.order:
                        return found
        return None

    def __init__(self, program, section, number_at, n, budget):
        self.program, self.n, self.section, self.order = program, n, section, 0
        self.stop, self.budget = section.offset + section.size, budget
        if self.find_texts(number_at + 8):
            if not self.find_before(number_at):
                self.find_behind()

    def length(self, at):
        """Bytes of a name's length, and of its tokens."""
        first, second = self.program.number(at, 1), self.program.number(at + 1, 1)
        return (2, first & 0x7F | second << 7) if first & 0x80 else (1, first)

    def end_of_names(self, at):
        for _ in range(self.n):
            if at >= self.stop or not self.budget.take():
                return None
            n_length, n = self.length(at)
            if not n:
                return None
            at += n_length + n
        return at if at < self.stop else None

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

    def find_texts(self, at):  # PA-76
        self.names, self.names_end = at, self.end_of_names(at)
        if self.names_end is None:
            return False
        sequence = up(up(self.names_end) + 4 * -(-self.n // 256))
        if sequence + 3 * self.n >= self.stop:
            return False
        for n_sequence in (0, 3 * self.n):
            self.end = self.are_tokens(up(sequence + n_sequence))
            if self.end is not None:
                self.sequence = range(sequence, sequence + n_sequence, 3)
                return True
        return False

    def find_before(self, number_at):
        self.base = number_at - 8
        self.begin = self.first = self.base - up(4 * self.n)
        self.order = self.order_of(self.begin) if self.begin >= self.section.offset else 0
        return self.order

    def find_behind(self):
        if self.sequence:
            return
        begin = up(self.end) + 512
        base = begin + up(4 * self.n)
        end = base + 8 + 3 * self.n
        if end <= self.stop:
            self.begin, self.base, self.first, self.end = begin, base, self.names, end
            self.sequence = range(base + 8, end, 3)
            self.order = self.order_of(begin)

    def order_of(self, begin):
        """1: the words go up; -1: some do, the others down from -1; 0: neither."""
        is_up, is_down, last = True, True, 0
        for at in range(begin, begin + 4 * self.n, 4):
            if not (is_up or is_down):
                return 0
            if not self.budget.take():
                return 0
            value = self.program.number(at, 4)
            now, before = signed(value, 32), signed(last, 32)
            is_up = is_up and value >= last
            is_down = is_down and (now < 0 or now >= before if before >= 0 else now <= before)
            last = value
        if is_down and signed(last, 32) < 0:
            return -1
        return int(is_up and last > 0)

    def address(self):
        """From which the words count: that at the base, or what a relocation puts there."""
        program = self.program
        if program.is_image and program.relocations.type == RELA:
            rela, place = program.relocations, program.address_of(self.section, self.base)
            for at in range(rela.offset, rela.offset + rela.size, 24):
                if program.number(at, 8) == place:
                    return program.number(at + 16, 8)
        return program.number(self.base, 8)

    def words(self):
        program, base = self.program, self.address()
        for at in range(self.begin, self.begin + 4 * self.n, 4):
            value = program.number(at, 4)
            if self.order < 0:
                value = -1 - signed(value, 32)
            if value >= 0:
                yield Field(at, 4, 25, program.spot_of_address(base + value),
                            program.spot_of_address(base), factor=self.order, learns=True)
        spot = program.spot_of_address(program.number(self.base, 8))
        if spot is not None:
            yield Field(self.base, 8, 4, spot, learns=True)

    def fields(self):
        if self.begin == self.first:
            yield from self.words()
        yield from self.tokens()
        if self.begin != self.first:
            yield from self.words()
        yield from self.by_name()

    def tokens(self):  # PA-77
        at = self.names
        while at < self.names_end:
            n_length, n = self.length(at)
            at += n_length
            for one in range(at, at + n):
                token = self.program.number(one, 1)
                yield Field(one, 1, 31, name(2, (1 << 27) + token), in_section=True, learns=True)
            at += n

    def by_name(self):  # PA-78
        for one in self.sequence:
            number = int.from_bytes(self.program.data[one : one + 3], "big")
            if number < self.n:
                yield Field(one, 3, 12, self.begin + 4 * number, self.begin, scale=4,
                            in_section=True)
            else:
                yield Field(one, 3, 12)
