# SPDX-License-Identifier: Apache-2.0
"""layout - PA-17 to PA-19: where the sections of the new file lie, as the hints tell it"""

from refusal import Refused, demand

from predict.program import MASK64, NOBITS

GONE, INDEX, SIZE, OFFSET, ADDRESS = 1, 2, 4, 8, 16


class Hints:
    def __init__(self, data):
        self.data, self.at = data, 0

    def byte(self):
        demand(self.at < len(self.data), "format", "hints are cut")
        self.at += 1
        return self.data[self.at - 1]

    def number(self):
        value = 0
        for shift in range(0, 70, 7):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                demand(value < 1 << 64, "format", "number in hints")
                return value >> 1 ^ -(value & 1)
        raise Refused("format", "number in hints")


class Layout:
    """For each section of the old file: gone, index, size, offset, address in the new one."""

    def __init__(self, sections, headers_at, hints):
        self.gone, self.index = [False] * len(sections), list(range(len(sections)))
        self.size, self.offset = [s.size for s in sections], [s.offset for s in sections]
        self.address, self.headers_at = [s.address for s in sections], headers_at
        self.sections = sections
        if hints:
            self.read(Hints(hints))

    def read(self, hints):
        self.headers_at = self.headers_at + hints.number() & 0xFFFFFFFF
        index, moved, grown = 0, 0, 0
        for i, s in list(enumerate(self.sections))[1:]:
            flags = hints.byte()
            demand(flags < 32, "format", "flags in hints")
            if flags & GONE:
                self.gone[i], self.index[i] = True, index + 1
                continue

            told = {flag: hints.number() for flag in (INDEX, SIZE, OFFSET, ADDRESS) if flags & flag}
            index = index + 1 + told.get(INDEX, 0) & 0xFFFFFFFF
            self.index[i] = index
            self.size[i] = self.size[i] + told.get(SIZE, 0) & 0xFFFFFFFF
            self.offset[i] = self.offset[i] + moved + told.get(OFFSET, 0) & 0xFFFFFFFF
            if s.address:
                self.address[i] = self.offset[i] + s.address - s.offset + grown
            self.address[i] = self.address[i] + told.get(ADDRESS, 0) & MASK64
            moved = self.offset[i] - s.offset
            moved += self.size[i] - s.size if s.type != NOBITS else 0
            if s.address:
                grown = (self.address[i] - self.offset[i]) - (s.address - s.offset)
        demand(hints.at == len(hints.data), "format", "bytes behind the hints")

    def offset_growth(self, section):
        return self.offset[section.number] - section.offset

    def address_growth(self, section):
        return self.address[section.number] - section.address
