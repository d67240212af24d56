# SPDX-License-Identifier: Apache-2.0
"""image - PA-102 to PA-104: the fields of raw kernel images of AArch64, page by page"""

import struct

from predict import arm64
from predict.field import PLACE, Field
from predict.kallsyms import SymbolList, up

RELOCATIONS = 4  # number of the section
COMMON = {0x91, 0xA8, 0xA9, 0xAA, 0xB9, 0xD1, 0xD2, 0xD5, 0xD6, 0xF2, 0xF9}


class ImageSymbols(SymbolList):  # PA-104
    @classmethod
    def search_all(cls, program):
        budget = [cls.budget]
        for s in program.sections:
            if s.role != "image":
                continue
            for at in range(up(s.offset), s.offset + s.size - 15, 8):
                n = program.number(at + 8, 8)
                if (1000 <= n <= 1 << 20 and up(4 * n) <= at - s.offset
                        and cls.ascend(program, at - up(4 * n), n, budget)):
                    found = cls(program, s, at, n)
                    if found.names_end is not None:
                        return found
        return None

    @staticmethod
    def ascend(program, begin, n, budget):
        last = 0
        for at in range(begin, begin + 4 * n, 4):
            value = program.number(at, 4)
            if not budget[0] or value < last:
                return False
            budget[0] -= 1
            last = value
        return last > 0

    def words(self):
        program, rela = self.program, self.program.sections[RELOCATIONS]
        home = program.section_of_spot(self.base)
        place, base = program.address_of(home, self.base), program.number(self.base, 8)
        for at in range(rela.offset, rela.offset + rela.size, 24):
            if program.number(at, 8) == place:
                base = program.number(at + 16, 8)
                break
        for at in range(self.begin, self.base - 3, 4):
            yield Field(at, 4, 25, program.spot_of_address(base + program.number(at, 4)),
                        program.spot_of_address(base), learns=True)


class Image:
    """The fields of sections in which code and data mix."""

    def __init__(self, program):
        self.program, self.symbols = program, ImageSymbols.search_all(program)

    def is_code(self, page):  # PA-102
        words = struct.unpack_from(f"<{min(4096, len(self.program.data) - page) // 4}I",
                                   self.program.data, page)
        return sum(w >> 24 in COMMON or w & 0xFC000000 == 0x94000000 or w & 0x9F000000 == 0x90000000
                   for w in words) >= 144

    def leads(self, s, at):
        """The value at a place, if it is a distance that leads somewhere."""
        if not s.offset <= at <= s.offset + s.size - 4:
            return None
        value = struct.unpack_from("<i", self.program.data, at)[0]
        spot = self.program.spot_of_address(self.program.address_of(s, at) + value)
        return value if not -4096 <= value < 4096 and spot is not None else None

    def is_distance(self, s, at):  # PA-103
        value = self.leads(s, at)
        if value is None:
            return False
        for i in (4, 8, 12, 16, -4, -8, -12, -16):
            other = self.leads(s, at + i)
            if other not in (None, value) and (-65536 <= other - value < 65536
                                               or not -(1 << 20) <= value < 1 << 20):
                return True
        return False

    def distances(self, s, begin, end):
        for at in range(begin, end - 3, 4):
            if self.is_distance(s, at):
                value = struct.unpack_from("<i", self.program.data, at)[0]
                to = self.program.address_of(s, at) + value
                yield Field(at, 4, 21, self.program.spot_of_address(to), PLACE, learns=True)

    def fields(self, s):
        at, end, found = up(s.offset, 4), s.offset + s.size, self.symbols
        code = arm64.Code(self.program, s)
        while at < end:
            stop = min(at - at % 4096 + 4096, end)
            if found and at == found.begin:
                yield from found.words()
                yield from found.texts()
                at = up(found.end, 4)
                continue
            if found and at < found.begin < stop:
                stop = found.begin
            if self.is_code(at - at % 4096):
                yield from code.fields_between(at, stop)
            else:
                yield from self.distances(s, at, stop)
            at = stop
