# SPDX-License-Identifier: Apache-2.0
"""types - PA-80 to PA-83: types for BPF (.BTF)"""

from predict.field import Field
from predict.program import NULL
from predict.shifts import name

INT, ARRAY, STRUCT, UNION, ENUM, FUNCTION, PROTOTYPE = 1, 3, 4, 5, 6, 12, 13
VARIABLE, SECTION, DECLARATION_TAG, ENUM64 = 14, 15, 17, 19
REFER = {2, 8, 9, 10, 11, 12, 13, 14, 17, 18}  # their last word is a type
# What follows: bytes of a record, where it has names and types; one record, or as many as told.
FOLLOW_ONE = {INT: (4, [], []), VARIABLE: (4, [], []), DECLARATION_TAG: (4, [], []),
              ARRAY: (12, [], [0, 4])}
FOLLOW = {STRUCT: (12, [0], [4]), UNION: (12, [0], [4]), ENUM: (8, [0], []),
          PROTOTYPE: (8, [0], [4]), SECTION: (12, [], [0]), ENUM64: (12, [0], [])}


class Type:
    def __init__(self, program, at, end):
        self.at, info = at, program.number(at + 4, 4)
        self.kind, n = info >> 24 & 31, info & 0xFFFF
        size, names, types = FOLLOW_ONE.get(self.kind) or FOLLOW.get(self.kind, (0, [], []))
        n = 1 if self.kind in FOLLOW_ONE else n
        self.end = at + 12 + n * size
        self.refers_to = program.number(at + 8, 4) if self.kind in REFER else 0
        self.is_whole = at + 12 <= end and self.end <= end
        if not self.is_whole:
            return
        records = range(at + 12, self.end, size) if size else []
        self.places = [(at, 22)] + ([(at + 8, 23)] if self.kind in REFER else [])
        for record in records:
            self.places += [(record + i, 22) for i in names] + [(record + i, 23) for i in types]


class Types:
    def __init__(self, program, layout):
        self.program, self.layout, self.section = program, layout, None
        for s in program.sections:
            if s.role == "types" and self.has_tables(s):
                self.section = s
                break
        if self.section and program.is_module:
            self.find_base()
        self.records = [t.at for t in self.all()] if self.section else []

    def has_tables(self, s):  # PA-80
        def word(at):
            return self.program.number(s.offset + at, 4)

        n_header = word(4)
        types, strings = n_header + word(8), n_header + word(16)
        if (s.type == NULL or s.size < 24 or word(0) != 0x0001EB9F or n_header < 24
                or types + word(12) > s.size or strings + word(20) > s.size):
            return False
        self.begin, self.end = s.offset + types, s.offset + types + word(12)
        self.strings, self.strings_end = s.offset + strings, s.offset + strings + word(20)
        self.first_type, self.first_string = 1, 0
        return True

    def all(self):
        at = self.begin
        while True:
            one = Type(self.program, at, self.end)
            if not one.is_whole:
                return
            yield one
            at = one.end

    def last_string(self):
        at = self.strings_end - 2
        while at > self.strings:
            if self.program.data[at] == 0:
                return at + 1 - self.strings
            at -= 1
        return 0

    def find_base(self):  # PA-82
        types = list(self.all())
        kinds = [t.kind for t in types]
        names = [self.program.number(at, 4) for t in types for at, kind in t.places if kind == 22]
        greatest = max([t.refers_to for t in types], default=0)
        functions = [t.refers_to for t in types if t.kind == FUNCTION][-256:]
        greatest_name = max(names, default=0)
        self.first_string = max(greatest_name - self.last_string(), 0)
        first = greatest + 1 - min(len(types), greatest)

        def fits(first):
            return all(f < first or f - first < len(kinds) and kinds[f - first] == PROTOTYPE
                       for f in functions)

        self.first_type = next((first + i for i in range(len(types)) if fits(first + i)), first)

    def name_field(self, at, value):  # PA-83
        if value < self.first_string:
            return Field(at, 4, 22, name(6, value), in_section=True, learns=True)
        own = self.strings + value - self.first_string
        if own >= self.strings_end:
            return Field(at, 4, 22)
        learned = self.first_string > 0
        return Field(at, 4, 22, own, name(7, 2) if learned else None, origin=self.strings,
                     in_section=True, base_learned=learned)

    def type_field(self, at, value):
        own = value - self.first_type
        record = self.records[own] if 0 <= own < len(self.records) else None
        if self.first_type == 1 or own < 0:
            return Field(at, 4, 23, name(5, value), in_section=True, learns=True, record=record)
        return Field(at, 4, 23, name(1, own), in_section=True, learns=True, record=record,
                     rule=name(7, 1))

    def fields(self, section):
        if section is not self.section:
            return
        for at in (section.offset + 12, section.offset + 16):
            yield Field(at, 4, 11, self.strings, in_section=True, learns=True)
        yield Field(section.offset + 20, 4, 11, None, self.strings, in_section=True,
                    base_learned=True, bias=self.layout.size[section.number] - section.size)
        for one in self.all():
            for at, kind in one.places:
                value = self.program.number(at, 4)
                if value:
                    yield (self.name_field if kind == 22 else self.type_field)(at, value)
