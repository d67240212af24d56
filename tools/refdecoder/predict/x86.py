# SPDX-License-Identifier: Apache-2.0
"""x86 - PA-50 to PA-52: addresses in code of x86-64"""

import re

from predict.field import PLACE, Field
from predict.program import signed

CANDIDATE = re.compile(rb"[\xe8\xe9\x0f\x05\x0d\x15\x1d\x25\x2d\x35\x3d]")
CANDIDATE_FIXED = re.compile(rb"[\xe8\xe9\x0f\x04\x05\x0c\x0d\x14\x15\x1c\x1d\x24\x25\x2c\x2d\x34"
                             rb"\x35\x3c\x3d\x68\x80-\xc7\xf8-\xff]")
ABSOLUTE = {*(b for b in range(0x40) if b & 6 == 4), 0x68, *range(0x80, 0xC8), *range(0xF8, 0x100)}
WITH_BYTE_0F = {0x70, 0x71, 0x72, 0x73, 0xA4, 0xAC, 0xBA, 0xC2, 0xC4, 0xC5, 0xC6}
WITHOUT = {0x01, 0x03, 0x09, 0x0B, 0x21, 0x23, 0x29, 0x2B, 0x31, 0x33, 0x38, 0x39, 0x3A, 0x3B, 0x63,
           *range(0x84, 0x8C), 0x8D, 0x8F, 0xD1, 0xD3, *range(0xD8, 0xE0), 0xFE}
WITH_BYTE = {0x6B, 0x80, 0x83, 0xC0, 0xC1}


def immediate(data, p):  # PA-51
    """Bytes of the immediate operand, None if no opcode stands before the ModRM byte at p."""
    b1, b2, b3, b4 = (data[p - i] for i in (1, 2, 3, 4))
    reg = data[p] >> 3 & 7
    if b2 == 0x0F:
        return None if 0x80 <= b1 <= 0x8F else int(b1 in WITH_BYTE_0F)
    if b3 == 0x0F and b2 in (0x38, 0x3A):
        return int(b2 == 0x3A)
    if b3 == 0xC5 or b4 == 0xC4 or b1 in WITHOUT:
        return 0
    word = 2 if b2 == 0x66 or (0x40 <= b2 <= 0x4F and b3 == 0x66) else 4
    if b1 in WITH_BYTE or (b1 == 0xC6 and reg == 0):
        return 1
    if b1 in (0x69, 0x81) or (b1 == 0xC7 and reg == 0):
        return word
    if b1 in (0xF6, 0xF7):
        return 0 if reg >= 2 else 1 if b1 == 0xF6 else word
    return 0 if b1 == 0xFF and reg < 7 else None


class Code:
    def __init__(self, program, section, places):
        self.program, self.section, self.places = program, section, places
        self.with_absolutes = program.is_fixed and not program.go
        self.bytes = program.data[section.offset : section.offset + section.size]

    def distance(self, p):
        return signed(int.from_bytes(self.bytes[p : p + 4], "little"), 32)

    def branch(self, p, kind):
        """The distance at p leads into code."""
        if p + 4 > len(self.bytes):
            return None
        to, s = p + 4 + self.distance(p), self.section
        if self.program.is_module:
            if self.distance(p) == 0 or not 0 <= to < s.size:
                return None
            spot = s.spot + to
        else:
            spot = self.program.spot_of_address(s.address + to)
            at = self.program.section_of_address(s.address + to & (1 << 64) - 1)
            if spot is None or at.role != "code":
                return None
        return Field(s.offset + p, 4, kind, spot, PLACE, learns=True)

    def reference(self, p):
        n = immediate(self.program.data, self.section.offset + p)
        if n is None or self.program.is_module:
            return None
        spot = self.program.spot_of_address(self.section.address + p + 5 + n + self.distance(p + 1))
        return (Field(self.section.offset + p + 1, 4, 2, spot, PLACE, learns=True)
                if spot is not None else None)

    def absolute(self, p):
        if self.program.spot_of_address(self.distance(p) & 0xFFFFFFFF) is None:
            return None
        spot = self.program.spot_of_address(self.distance(p))
        return Field(self.section.offset + p, 4, 3, spot, learns=True)

    def field(self, p):
        b, found = self.bytes[p], None
        if b in (0xE8, 0xE9):
            found = self.branch(p + 1, 0)
        elif b == 0x0F and 0x80 <= self.bytes[p + 1] <= 0x8F:
            found = self.branch(p + 2, 1)
        elif b & 0xC7 == 5:
            found = self.reference(p)
        if not found and self.with_absolutes and b in ABSOLUTE:
            found = self.absolute(p + 1)
        return found

    def fields(self):
        """Listed places (kernels) come first, and nothing reaches into one."""
        p, end, s = 0, len(self.bytes) - 5, self.section
        pattern = CANDIDATE_FIXED if self.with_absolutes else CANDIDATE
        while p <= end:
            match = pattern.search(self.bytes, p)
            at = match.start() if match else end + 1
            place = self.places.next(s.offset + p) if self.places else None
            listed = place is not None and place - s.offset <= at
            at = place - s.offset if listed else at
            if at > end:
                return
            found = self.places.field(place) if listed else self.field(at)
            if found and not listed and place is not None and found.at + found.width > place:
                found = None
            if found:
                yield found
            p = found.at + found.width - s.offset if found else at + 1
