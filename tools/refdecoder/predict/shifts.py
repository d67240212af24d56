# SPDX-License-Identifier: Apache-2.0
"""shifts - PA-30 to PA-32 and PA-40 to PA-43: the map made of copies, and the table of lessons"""

import bisect

from predict.program import NOBITS

NAMES = 1 << 31


def name(kind, number):  # PA-43
    return NAMES + (kind << 28) + (number & 0xFFFFFFF)


class Piece:
    def __init__(self, begin, end, shift):
        self.begin, self.end, self.shift, self.whole = begin, end, shift, end - begin


class Map:
    def __init__(self, program, layout, copies):
        self.program, self.layout = program, layout
        pieces = [p for copy in copies for p in self.pieces_of(*copy)]
        pieces.sort(key=lambda p: (p.begin, -p.whole, p.shift))
        self.pieces = self.apart(pieces)
        self.begins = [p.begin for p in self.pieces]

    def pieces_of(self, old, new, n):  # PA-30
        sections, shift = self.program.by_spot, new - old
        i = max(bisect.bisect_right(self.program.spots, old) - 1, 0)
        for s in sections[i:]:
            if s.spot >= old + n:
                break
            if s.type == NOBITS or self.layout.gone[s.number]:
                continue
            to = self.layout.offset[s.number]
            begin = max(old, s.spot, to - shift)
            end = min(old + n, s.end, to + self.layout.size[s.number] - shift)
            if begin < end:
                yield Piece(begin, end, shift)

    @staticmethod
    def apart(pieces):  # PA-31
        kept = []
        for p in pieces:
            last = kept[-1] if kept else None
            if last and p.begin < last.end:
                if p.whole > last.whole:
                    p.begin = max(p.begin, last.begin)
                    last.end = p.begin
                    if last.begin >= last.end:
                        kept.pop()
                else:
                    p.begin = last.end
            if p.begin < p.end:
                kept.append(p)
        return kept

    def piece_of(self, spot):
        """The number of the piece, from 1 on, or 0."""
        s = self.program.section_of_spot(spot)
        i = bisect.bisect_right(self.begins, spot)
        return i if s and s.has_content and i and self.begins[i - 1] >= s.spot else 0

    def shift(self, spot, in_section):  # PA-23, PA-32
        s, i = self.program.section_of_spot(spot), self.piece_of(spot)
        if s is None:
            return 0
        moved = self.pieces[i - 1].shift - self.layout.offset_growth(s) if i else 0
        return moved if in_section else moved + self.layout.address_growth(s)


class Table:  # PA-42
    def __init__(self, bits):
        self.bits, self.entries = bits, {}

    @classmethod
    def for_file(cls, size):
        return cls(next(b for b in range(10, 21) if (32 << b) >= size or b == 20))

    def places(self, spot):
        first = (spot * 2654435761 & 0xFFFFFFFF) >> 32 - self.bits
        return [first + i & (1 << self.bits) - 1 for i in range(8)]

    def find(self, spot):
        for place in self.places(spot):
            entry = self.entries.get(place)
            if entry is None:
                return None
            if entry[0] == spot:
                return entry[1]
        return None

    def put(self, spot, shift):
        if not -(1 << 31) <= shift < 1 << 31:
            return
        places = self.places(spot)
        for place in places:
            entry = self.entries.get(place)
            if entry is None or entry[0] == spot:
                self.entries[place] = (spot, shift)
                return
        self.entries[places[0]] = (spot, shift)


class Lessons:
    """shared: of all modules of an operation."""

    def __init__(self, program, shared):
        self.program, self.table = program, Table.for_file(len(program.data))
        self.shared = shared if program.is_module else self.table

    def table_of(self, spot):  # PA-42
        return self.shared if spot >= name(4, 0) else self.table

    def group(self, spot):
        if spot >= NAMES:
            kind, number = spot - NAMES >> 28, spot & 0xFFFFFFF
            if kind in (1, 5, 6):
                return name(2 if kind == 1 else 7, kind << 25 | number >> 6)
            return None
        return name(0, spot >> 6) if spot >= len(self.program.data) else None

    def find(self, spot, piece=0, rule=None):  # PA-40
        names, group = [spot] + self.name_of_piece(piece), self.group(spot)
        if group:
            names += [group - i for i in range(4)]
        for one in names + ([rule] if rule is not None else []):
            shift = self.table_of(one).find(one)
            if shift is not None:
                return shift
        return None

    @staticmethod
    def name_of_piece(piece):
        return [name(0, (1 << 27) + piece)] if piece else []

    def put(self, spot, shift, piece=0, rule=None):  # PA-41
        group = self.group(spot)
        names = [spot] + ([group] if group else []) + self.name_of_piece(piece)
        for one in names + ([rule] if rule is not None else []):
            self.table_of(one).put(one, shift)
