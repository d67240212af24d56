# SPDX-License-Identifier: Apache-2.0
"""predictor - model 1 as a whole: which bytes are fields, what they become (docs/design/delta.md)"""

import bisect

from refusal import demand

from predict import arm64, tables, x86
from predict.arm64 import Instruction
from predict.field import PLACE
from predict.go import Go
from predict.kernel import Kernel, checksums, versions
from predict.image import Image
from predict.layout import Layout
from predict.program import MASK64, X86_64, Program, is_program, signed
from predict.relr import RELR, Relr
from predict.shifts import Lessons, Map
from predict.types import Types


SEQUENCE = 12


def reverse_3(value):
    return int.from_bytes((value & 0xFFFFFF).to_bytes(3, "little"), "big")


class NoProgram:
    """PA-3: no fields."""

    def __init__(self, hints):
        demand(not hints, "format", "hints for a file that is no program")

    def fields_in(self, begin, end):
        return []


def predictor_for(data, copies, hints, shared):
    if not is_program(data):
        return NoProgram(hints)
    return Predictor(data, copies, hints, shared)


class Predictor:
    def __init__(self, data, copies, hints, shared):
        self.program = Program(data)
        self.layout = Layout(self.program.sections, self.program.headers_at, hints)
        self.map = Map(self.program, self.layout, copies)
        self.lessons = Lessons(self.program, shared)
        self.kernel = Kernel(self.program) if self.program.is_kernel else None
        self.relr = Relr(self.program, self.map, self.layout)
        self.image = Image(self.program, self.relr) if self.program.is_image else None
        self.types = Types(self.program, self.layout)
        self.program.go = Go.find(self.program)
        self.begins = tables.table_begins(self.program)
        self.fields = []
        for field in self.all_fields():
            if not self.fields or field.at >= self.fields[-1].at + self.fields[-1].width:
                self.fields.append(field)
        self.places = [f.at for f in self.fields]

    def all_fields(self):  # PA-20
        program = self.program
        headers = None if self.image else program.headers_at
        if not self.image:
            yield from tables.file_header(program, self.layout)
        for s in program.by_spot:
            if headers is not None and s.spot >= headers:
                yield from tables.section_headers(program, self.layout)
                headers = None
            if s.has_content:
                yield from self.fields_of(s)
        if headers is not None:
            yield from tables.section_headers(program, self.layout)
        if self.kernel:
            yield from self.kernel.relocations()

    def fields_of(self, s):
        program, role = self.program, s.role
        if role == "code":
            if program.machine != X86_64:
                return arm64.Code(program, s).fields()
            return x86.Code(program, s, self.kernel.places(s) if self.kernel else None).fields()
        if role == "image":
            return self.image.fields(s)
        if role == "relr":
            return self.relr.fields(s)
        if role == "other" and not self.kernel:
            return self.relr.words(s)
        if role == "types":
            return self.types.fields(s)
        if role == "go":
            return program.go.fields() if program.go and program.go.section is s else []
        if role in ("versions", "checksums"):
            return (versions if role == "versions" else checksums)(program, s)
        if self.kernel and role in ("constants", "other", "distances", "orc"):
            return self.kernel.fields(s)
        if role == "constants":
            return tables.constants(program, s, self.begins)
        made = {"symbols": tables.symbols, "rela": tables.rela, "hash": tables.hashes,
                "unwind": tables.unwind, "unwind-index": tables.unwind_index,
                "pointers": tables.pointers}.get(role)
        return made(program, s) if made else []

    def fields_in(self, begin, end):  # PA-2
        i = bisect.bisect_left(self.places, begin)
        while i < len(self.fields) and self.places[i] < end:
            if self.places[i] + self.fields[i].width <= end:
                yield self.fields[i]
            i += 1

    def place_shift(self, field, new):  # PA-22
        s = self.program.section_of_spot(field.at)
        if s is None:
            return new - field.at
        moved = new - field.at - self.layout.offset_growth(s)
        return moved if field.in_section else moved + self.layout.address_growth(s)

    def shift(self, field, spot, new):
        if spot is None:
            return 0
        if spot == PLACE:
            return self.place_shift(field, new)
        return self.map.shift(spot, field.in_section)

    def target_shift(self, field, new):  # PA-40
        found = None
        if field.learns and field.target is not None:
            found = self.lessons.find(field.target, self.piece(field), field.rule)
        return self.shift(field, field.target, new) if found is None else found

    def piece(self, field):
        return self.map.piece_of(field.record) if field.record is not None else 0

    def learned_or_map(self, field, spot, new):
        found = self.lessons.table_of(spot).find(spot) if spot is not None else None
        return self.shift(field, spot, new) if found is None else found

    def shifts(self, field, new):
        """S of target, base and origin."""
        base = self.learned_or_map if field.base_learned else self.shift
        return (self.target_shift(field, new), base(field, field.base, new),
                self.learned_or_map(field, field.origin, new))

    def predict(self, field, new, value):  # PA-21, PA-24
        told = field.known
        if field.kind == RELR:
            told = self.relr.predict(field, new)
        if told is not None:
            return told
        target, base, origin = self.shifts(field, new)
        if field.instruction:
            one, here, to = field.instruction
            return one.lead(here + base & MASK64, to + target & MASK64)
        moved = signed((target - base - origin) * field.factor, 64)
        moved = abs(moved) // field.scale * (1 if moved >= 0 else -1)
        if field.kind == SEQUENCE:  # PA-78
            return reverse_3(reverse_3(value) + moved)
        return value + field.bias + moved

    def learn(self, field, new, value, new_value, predicted):  # PA-41, PA-93
        told = field.kind == RELR and self.relr.predict(field, new) is not None
        if field.kind == RELR:
            self.relr.learn(field, new, new_value)
        if told or field.known is not None or not (field.learns or field.base_learned):
            return
        target, base, origin = self.shifts(field, new)
        if field.instruction:
            was, now = Instruction(predicted), Instruction(new_value)
            if was.form == now.form:
                self.lessons.put(field.target, target + now.number - was.number)
            return
        moved = signed(new_value - value - field.bias, 8 * field.width)
        moved *= (-1 if field.factor < 0 else 1) * field.scale
        if field.base_learned:
            self.lessons.table_of(field.base).put(field.base, target - origin - moved)
        elif field.target is not None:
            self.lessons.put(field.target, moved + base, self.piece(field), field.rule)
