# SPDX-License-Identifier: Apache-2.0
"""distances - PA-103: words among data that look like distances from their own place"""

import struct

from predict.field import PLACE, Field


class Distances:
    def __init__(self, program, section):
        self.program, self.section = program, section

    def value(self, at):
        return struct.unpack_from("<i", self.program.data, at)[0]

    def spot(self, at):
        to = self.program.address_of(self.section, at) + self.value(at)
        return self.program.spot_of_address(to)

    def leads(self, at):
        """The value at a place, if it is a distance that leads somewhere."""
        s = self.section
        if not s.offset <= at <= s.offset + s.size - 4:
            return None
        value = self.value(at)
        return value if not -4096 <= value < 4096 and self.spot(at) is not None else None

    def is_distance(self, at):
        value, n = self.leads(at), 0
        if value is None:
            return False
        for i in (4, 8, 12, 16, -4, -8, -12, -16):
            other = self.leads(at + i)
            n += other not in (None, value) and (-65536 <= other - value < 65536
                                                 or not -(1 << 20) <= value < 1 << 20)
        return n >= 2

    def fields(self, begin, end):
        for at in range(begin + -begin % 4, end - 3, 4):
            if self.is_distance(at):
                yield Field(at, 4, 21, self.spot(at), PLACE, learns=True)
