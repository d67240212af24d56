# SPDX-License-Identifier: Apache-2.0
"""go - PA-110 to PA-113: a Go program's table of its functions"""

import bisect

from predict.field import Field

# Magic -> bytes of a function's record before its lists, words from the pointer at the table to the data.
VERSIONS = {0xFFFFFFF0: (40, 38), 0xFFFFFFF1: (44, 40)}
NO_DATA = 0xFFFFFFFF


class Go:
    def __init__(self, program, section):  # PA-110
        self.program, self.section = program, section
        number, at = program.number, section.offset
        self.record_size, words = VERSIONS[number(at, 4)]
        self.end = at + section.size
        self.names, self.units, self.numbers, self.table = (
            at + min(number(at + i, 8), section.size) for i in (32, 40, 56, 64))
        self.n = min(number(at + 8, 8), (self.end - self.table) // 8)
        self.entries = [number(self.table + 8 * i, 4) for i in range(self.n)]
        self.text = self.pointer(at + 24)
        self.data = self.find_data(words)

    @classmethod
    def find(cls, program):
        if program.is_module or program.is_image:
            return None
        for s in program.sections:
            if (s.role == "go" and s.has_content and s.size >= 72
                    and program.number(s.offset, 4) in VERSIONS):
                return cls(program, s)
        return None

    def pointer(self, at):
        program = self.program
        value, place = program.number(at, 8), program.address_of(self.section, at)
        tables = [s for s in program.sections if s.role == "rela" and s.has_content and not value]
        for s in tables:
            for entry in range(s.offset, s.offset + s.size - 23, 24):
                if program.number(entry, 8) == place:
                    return program.number(entry + 16, 8)
        return value

    def find_data(self, words):
        for s in self.program.sections:
            if s.role == "pointers" and s.has_content:
                for at in range(s.offset, s.offset + s.size - 8 * words - 7, 8):
                    if self.program.number(at, 8) == self.section.address:
                        return self.program.number(at + 8 * words, 8)
        return 0

    def is_function(self, value):  # PA-113
        i = bisect.bisect_left(self.entries, value)
        return value >= 4096 and i < self.n and self.entries[i] == value

    def inside(self, at, kind, table, scale=1):
        to = table + scale * self.program.number(at, 4)
        known = to < self.end
        return Field(at, 4, kind, to if known else None, table if known else None, scale=scale,
                     in_section=True, learns=True)

    def outside(self, at, kind, base):
        spot = self.program.spot_of_address(base + self.program.number(at, 4))
        return Field(at, 4, kind, spot,
                     self.program.spot_of_address(base) if spot is not None else None, learns=True)

    def function(self, at):
        return self.outside(at, 25, self.text)

    def fields(self):  # PA-111
        at = self.section.offset + 24
        yield Field(at, 8, 4, self.program.spot_of_address(self.program.number(at, 8)), learns=True)
        for at in range(self.table, self.table + 8 * self.n, 8):
            if self.program.number(at, 4) != NO_DATA:
                yield self.outside(at, 17, self.text)
            if self.program.number(at + 4, 4) != NO_DATA:
                yield self.inside(at + 4, 17, self.table)
        for i in range(self.n):
            yield from self.record(self.table + self.program.number(self.table + 8 * i + 4, 4))

    def record(self, at):  # PA-112
        number, behind = self.program.number, at + self.record_size
        if behind > self.end:
            return
        n_numbers, n_data = number(at + 28, 4), number(behind - 1, 1)
        if 4 * (n_numbers + n_data) > self.end - behind:
            return
        yield self.outside(at, 13, self.text)
        yield self.inside(at + 4, 8, self.names)
        yield from self.some_numbers(at + 16, 3)
        yield self.inside(at + 32, 15, self.units, 4)
        yield from self.some_numbers(behind, n_numbers)
        for i in range(n_data):
            place = behind + 4 * (n_numbers + i)
            if number(place, 4) != NO_DATA:
                yield self.outside(place, 14, self.data)

    def some_numbers(self, at, n):
        for place in range(at, at + 4 * n, 4):
            if self.program.number(place, 4):
                yield self.inside(place, 16, self.numbers)
