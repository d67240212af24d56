# SPDX-License-Identifier: Apache-2.0
"""image - PA-102 to PA-104: the fields of raw kernel images of AArch64, page by page"""

import struct

from predict import arm64
from predict.distances import Distances
from predict.field import Field
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
                yield from Distances(self.program, s).fields(at, stop)
            at = stop
