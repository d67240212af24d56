# SPDX-License-Identifier: Apache-2.0
"""kernel - PA-70 to PA-74: the relocations behind a kernel, its tables of distances; checksums"""

import bisect

from predict.distances import Distances
from predict.field import PLACE, Field
from predict.kallsyms import SymbolList
from predict.program import MASK64, RELA, signed
from predict.shifts import name
from predict.tables import symbols_of

HIGH = 0xFFFFFFFF00000000
RECORDS = {b"__ksymtab": (3, 12), b"__ksymtab_gpl": (3, 12), b"__ex_table": (2, 12),
           b"__bug_table": (2, 12)}  # others: 1 in 4


def text_hash(text):  # PA-15
    value = 2166136261
    for byte in text.split(b"\0")[0]:
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value ^ value >> 15


def checksum(program, at, text_at):
    text = program.data[text_at : text_at + 64] if text_at is not None else b""
    return Field(at, 4, 24, name(4, text_hash(text)), learns=True)


def versions(program, section):  # PA-74
    for at in range(section.offset, section.offset + section.size - 63, 64):
        yield checksum(program, at, at + 8)


def checksums(program, s):  # PA-74
    """Of what the file itself offers."""
    wanted = b"__ksymtab_gpl" if s.name == b"__kcrctab_gpl" else b"__ksymtab"
    names = [n for n in program.sections if n.name == wanted and n.number]
    relocations = [r for r in program.sections
                   if names and r.type == RELA and r.info == names[-1].number]
    for i in range(s.size // 4):
        spot = None
        if program.is_module:
            if relocations and i < relocations[-1].size // 72:
                spot = relocated_spot(program, relocations[-1], 3 * i + 1)
        elif names:
            at = names[-1].offset + 12 * i + 4
            spot = program.spot_of_address(program.address_of(names[-1], at) +
                                           signed(program.number(at, 4), 32))
        yield checksum(program, s.offset + 4 * i, spot)


def relocated_spot(program, rela, i):
    """What the symbol and the addend of entry i stand for."""
    table, at = symbols_of(program, rela), rela.offset + 24 * i
    number = program.number(at + 12, 4)
    if not table or number >= table.size // 24:
        return None
    symbol = table.offset + 24 * number
    home, value = program.number(symbol + 6, 2), program.number(symbol + 8, 8)
    home = program.sections[home] if 0 < home < len(program.sections) else None
    value = value + program.number(at + 16, 8) & MASK64
    return home.spot + value if home and home.spot is not None and value <= home.size else None


class Places:
    """The places of a section that the lists name: position -> width."""

    def __init__(self, program, lists, section):
        self.program, self.section, self.widths = program, section, {}
        for width, one in ((4, lists[0]), (8, lists[2])):
            i = bisect.bisect_left(one, section.address)
            while i < len(one) and one[i] - section.address < section.size:
                self.widths[section.offset + one[i] - section.address] = width
                i += 1
        self.order = sorted(self.widths)

    def next(self, at):
        """The first place at or behind a position, or None."""
        i = bisect.bisect_left(self.order, at)
        return self.order[i] if i < len(self.order) else None

    def field(self, at):
        wide = self.widths[at] == 8
        value = self.program.number(at, self.widths[at])
        spot = self.program.spot_of_address(value if wide else signed(value, 32))
        return (Field(at, self.widths[at], 4 if wide else 3, spot, learns=True)
                if spot is not None else None)

    def fields(self, begin, end):
        """What the lists name, and among constants between that what looks like a distance."""
        constants = self.section.role == "constants"
        for at in self.order[bisect.bisect_left(self.order, begin):]:
            behind = at + self.widths[at]
            if behind > end:
                break
            if constants:
                yield from Distances(self.program, self.section).fields(begin, at)
            begin = max(begin, behind)
            found = self.field(at)
            if found:
                yield found
        if constants:
            yield from Distances(self.program, self.section).fields(begin, end)


class Kernel:
    def __init__(self, program):
        self.program = program
        self.words, self.lists = [], []
        self.read_lists()
        self.symbols = SymbolList.search(
            program, [s for s in program.sections if s.role == "constants" and s.address])

    def read_lists(self):  # PA-70: 32-bit places, inverse places, 64-bit places
        program = self.program
        stop, at = program.headers_at + 64 * len(program.sections), len(program.data) & ~3
        for _ in range(3):
            end = at
            while at >= stop + 4 and program.number(at - 4, 4):
                at -= 4
            words = range(at, end, 4)
            self.lists.append([HIGH | program.number(word, 4) for word in words])
            self.words[:0] = words
            at -= 4

    def relocations(self):  # PA-71
        for at in self.words:
            spot = self.program.spot_of_address(HIGH | self.program.number(at, 4))
            if spot is not None:
                yield Field(at, 4, 20, spot)

    def places(self, section):
        return Places(self.program, self.lists, section)

    def data(self, s):
        if not s.address:
            return
        places, begin, found = self.places(s), s.offset, self.symbols
        if found and found.section is s:
            yield from places.fields(begin, found.first)
            yield from found.fields()
            begin = found.end
        yield from places.fields(begin, s.offset + s.size)

    def record_of(self, s):  # PA-72
        """The size of the records of .altinstructions, or None."""
        def is_code(at):
            to = self.program.address_of(s, at) + signed(self.program.number(at, 4), 32)
            found = self.program.section_of_address(to & MASK64)
            return found is not None and found.role == "code"

        for size in (12, 13, 14):
            first = range(s.offset, s.offset + min(4 * size, s.size), size)
            if s.size % size == 0 and all(map(is_code, first)):
                return size
        return None

    def distances(self, s):  # PA-72, PA-73
        n, size = RECORDS.get(s.name, (1, 4))
        if s.name == b".altinstructions":
            n, size = 2, self.record_of(s)
            if not size:
                return
        for record in range(s.offset, s.offset + s.size - size + 1, size):
            for at in range(record, record + 4 * n, 4):
                value = signed(self.program.number(at, 4), 32)
                spot = self.program.spot_of_address(self.program.address_of(s, at) + value)
                if value and spot is not None:
                    yield Field(at, 4, 19 if s.role == "orc" else 21, spot, PLACE,
                                learns=s.role != "orc")

    def fields(self, s):
        if s.role in ("constants", "other"):
            return self.data(s)
        return self.distances(s)
