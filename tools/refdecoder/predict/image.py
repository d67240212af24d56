# SPDX-License-Identifier: Apache-2.0
"""image - PA-102 to PA-104: the fields of raw kernel images of AArch64, page by page"""

import struct

from predict import arm64
from predict.distances import Distances
from predict.kallsyms import SymbolList, up

COMMON = {0x91, 0xA8, 0xA9, 0xAA, 0xB9, 0xD1, 0xD2, 0xD5, 0xD6, 0xF2, 0xF9}


class Image:
    """The fields of sections in which code and data mix."""

    def __init__(self, program, relr):
        self.program, self.relr = program, relr
        self.symbols = SymbolList.search(program, [s for s in program.sections if s.role == "image"])

    def is_code(self, page):  # PA-102
        words = struct.unpack_from(f"<{min(4096, len(self.program.data) - page) // 4}I",
                                   self.program.data, page)
        return sum(w >> 24 in COMMON or w & 0xFC000000 == 0x94000000 or w & 0x9F000000 == 0x90000000
                   for w in words) >= 144

    def fields(self, s):
        at, end, found = up(s.offset, 4), s.offset + s.size, self.symbols
        while at < end:
            stop = min(at - at % 4096 + 4096, end)
            if found and at == found.first:
                yield from found.fields()
                at = up(found.end, 4)
                continue
            if found and at < found.first < stop:
                stop = found.first
            yield from self.in_page(s, at, stop)
            at = stop

    def in_page(self, s, at, stop):
        """Between what relocations name code, or data with distances."""
        plain = Distances(self.program, s).fields
        if self.is_code(at - at % 4096):
            plain = arm64.Code(self.program, s).fields_between
        while True:
            place = self.relr.place_between(s, at, stop)
            if place is None:
                yield from plain(at, stop)
                return
            yield from plain(at, place)
            found = self.relr.word(place)
            if found:
                yield found
            at = up(place + 8, 4)
