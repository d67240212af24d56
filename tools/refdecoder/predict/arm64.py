# SPDX-License-Identifier: Apache-2.0
"""arm64 - PA-90 to PA-93: addresses in code of AArch64; a field is a whole instruction"""

from predict.field import PLACE, Field
from predict.program import MASK64, signed


class Instruction:
    """One that holds part of an address: its kind, and how the number lies in it."""

    def __init__(self, word):
        self.word, self.kind, self.mask, self.low, self.unit = word, None, 0, 0, 4
        if word & 0x7C000000 == 0x14000000:  # b, bl
            self.kind, self.mask = 27, (1 << 26) - 1
        elif (word & 0xFF000010 == 0x54000000 or word & 0x7E000000 == 0x34000000
              or word & 0x3B000000 == 0x18000000):  # b.cond, cbz, cbnz, ldr literal
            self.kind, self.mask, self.low = 30, ((1 << 19) - 1) << 5, 5
        elif word & 0x7E000000 == 0x36000000:  # tbz, tbnz
            self.kind, self.mask, self.low = 30, ((1 << 14) - 1) << 5, 5
        elif word & 0x1F000000 == 0x10000000:  # adr, adrp
            self.kind, self.mask = 28 if word >> 31 else 30, 0x60FFFFE0
            self.unit = 4096 if word >> 31 else 1
        elif word & 0xFFC00000 == 0x91000000:  # add
            self.kind, self.mask, self.low, self.unit = 29, 0x3FFC00, 10, 1
        elif word & 0x3B000000 == 0x39000000:  # ldr, str
            self.kind, self.mask, self.low = 29, 0x3FFC00, 10
            wide = word & 0xC4800000 == 0x04800000
            self.unit = 1 << (4 if wide else word >> 30)

    @property
    def number(self):
        """As bytes; of kind 29 unsigned."""
        if self.kind is None:
            return 0
        if self.mask == 0x60FFFFE0:
            return signed((self.word >> 5 & 0x7FFFF) << 2 | self.word >> 29 & 3, 21) * self.unit
        bits = (self.word & self.mask) >> self.low
        return (bits if self.kind == 29 else signed(bits, (self.mask >> self.low).bit_length())
                ) * self.unit

    def with_number(self, value):
        value //= self.unit
        if self.mask == 0x60FFFFE0:
            return self.word & ~self.mask | (value >> 2 & 0x7FFFF) << 5 | (value & 3) << 29
        return self.word & ~self.mask | value << self.low & self.mask

    @property
    def form(self):
        return self.mask, self.kind

    @property
    def register(self):
        """Written by adrp."""
        return self.word & 31

    @property
    def base_register(self):
        return self.word >> 5 & 31

    def lead(self, here, to):  # PA-92
        if self.kind == 28:
            return self.with_number((to & ~0xFFF) - (here & ~0xFFF))
        if self.kind == 29:
            return self.with_number(to & 0xFFF)
        return self.with_number(to - here)


class Code:
    def __init__(self, program, section):
        self.program, self.section = program, section

    def at(self, position):
        s = self.section
        inside = s.offset <= position and position + 4 <= s.offset + s.size
        return Instruction(self.program.number(position, 4) if inside else 0)

    def page(self, position, one):
        return (self.program.address_of(self.section, position) & ~0xFFF) + one.number & MASK64

    def target(self, position, one):
        """The address where it leads."""
        if one.kind == 28:
            for i in range(1, 9):
                other = self.at(position + 4 * i)
                if other.kind == 29 and other.base_register == one.register:
                    return self.page(position, one) + other.number
            return self.page(position, one)
        if one.kind == 29:
            for i in range(1, 9):
                other = self.at(position - 4 * i)
                if other.kind == 28 and other.register == one.base_register:
                    return self.page(position - 4 * i, other) + one.number
            return None
        return self.program.address_of(self.section, position) + one.number & MASK64

    def field(self, position):
        one, s = self.at(position), self.section
        if one.kind is None:
            return None
        if self.program.is_module:
            to = position + one.number
            if one.kind in (28, 29) or not one.number or not s.offset <= to < s.offset + s.size:
                return None
            return Field(position, 4, one.kind, to, PLACE, learns=True,
                         instruction=(one, position, to))
        to = self.target(position, one)
        spot = self.program.spot_of_address(to) if to is not None else None
        if spot is None:
            return None
        return Field(position, 4, one.kind, spot, PLACE, learns=True,
                     instruction=(one, self.program.address_of(s, position), to))

    def fields(self):
        s = self.section
        if not self.program.is_module and s not in self.program.with_addresses:
            return
        yield from self.fields_between(s.offset, s.offset + s.size)

    def fields_between(self, begin, end):
        for position in range(begin, end - 3, 4):
            found = self.field(position)
            if found:
                yield found
