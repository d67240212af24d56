# SPDX-License-Identifier: Apache-2.0
"""relr - PA-58, PA-66, PA-67: relocated words that a table of bits names, and what the table becomes"""

import bisect

from predict.field import Field

RELR = 26
MASK64 = (1 << 64) - 1


def places(data, begin, end):  # PA-58
    """The addresses that the table names, in its order."""
    where = 0
    for at in range(begin, end - 7, 8):
        word = int.from_bytes(data[at : at + 8], "little")
        if word & 1:
            for i in range(63):
                if word >> i + 1 & 1:
                    yield where + 8 * i & MASK64
            where += 504
        else:
            yield word
            where = word + 8


class Relr:
    """The program's table, and as far as it was gone through to find the words that it names."""

    def __init__(self, program, shift_map, layout):
        self.program = program
        self.table = next((s for s in program.sections if s.role == "relr"), None)
        if program.is_module:
            self.table = None
        self.ahead = self.all_places()
        self.place = next(self.ahead, None)
        self.next_at, self.where = None, None
        if self.table:
            self.expect(shift_map, layout)

    def all_places(self):
        s = self.table
        return places(self.program.data, s.offset, s.offset + s.size) if s else iter(())

    def place_between(self, section, begin, end):
        """The position of the first word that is named between two positions of a section."""
        address = self.program.address_of(section, begin)
        while self.place is not None and self.place < address:
            self.place = next(self.ahead, None)
        if self.place is None or self.place - address + 8 > end - begin:
            return None
        return begin + self.place - address

    def word(self, at):
        spot = self.program.spot_of_address(self.program.number(at, 8))
        return Field(at, 8, 4, spot, learns=True) if spot is not None else None

    def words(self, section):  # PA-66
        at, end = section.offset, section.offset + section.size
        while section.address:
            at = self.place_between(section, at, end)
            if at is None:
                return
            found = self.word(at)
            if found:
                yield found
            at += 8

    def fields(self, section):  # PA-58
        if section is not self.table:
            return
        for at in range(section.offset, section.offset + section.size - 7, 8):
            value = self.program.number(at, 8)
            spot = None if value & 1 else self.program.spot_of_address(value)
            yield Field(at, 8, RELR, spot, learns=True)

    def expect(self, shift_map, layout):  # PA-67
        program, self.expected = self.program, []
        if not program.with_addresses:
            self.table, self.place = None, None
            return
        self.origin = layout.address[program.with_addresses[0].number]
        for place in self.all_places():
            spot = program.spot_of_address(place)
            if spot is not None:
                to = place - self.origin + shift_map.shift(spot, False) & MASK64
                if to < 1 << 32:
                    self.expected.append(to)
        self.expected.sort()

    def where_of(self, field, new):
        if field.at == self.table.offset:
            return self.origin
        return self.where if new == self.next_at else None

    def predict(self, field, new):
        """The word, or None where nothing tells."""
        where = self.where_of(field, new)
        if where is None:
            return None
        where, bits = where - self.origin & MASK64, 0
        first = bisect.bisect_left(self.expected, where)
        if field.at != self.table.offset:
            for to in self.expected[first : bisect.bisect_left(self.expected, where + 504)]:
                if (to - where) % 8 == 0:
                    bits |= 1 << (to - where) // 8
        if not bits and first < len(self.expected):
            return self.origin + self.expected[first] & MASK64
        return bits << 1 | 1

    def learn(self, field, new, value):
        where = self.where_of(field, new)
        self.where = where + 504 & MASK64 if where is not None else None
        if value % 2 == 0:
            self.where = value + 8 & MASK64
        self.next_at = new + 8
