# SPDX-License-Identifier: Apache-2.0
"""tables - PA-44 to PA-46, PA-54 to PA-65: headers, symbols, relocations, unwind tables, data"""

import re

from predict.field import PLACE, Field
from predict.program import ALLOC, GNU_HASH, NOBITS, RELA, X86_64, signed

STT_SECTION = 3
LEA = re.compile(rb"(?=[\x48-\x4f]\x8d[\x05\x0d\x15\x1d\x25\x2d\x35\x3d]....)", re.DOTALL)


def pointer(program, at, kind=4):
    spot = program.spot_of_address(program.number(at, 8))
    return Field(at, 8, kind, spot, learns=True) if spot is not None else None


def file_header(program, layout):  # PA-44
    yield Field(24, 8, 4, program.spot_of_address(program.number(24, 8)), learns=True)
    yield Field(40, 8, 11, known=layout.headers_at)
    begin, n = program.number(32, 8), program.number(56, 2)
    if not program.is_module and begin <= len(program.data):
        for i in range(2 * min(n, 64)):
            at = begin + 56 * (i // 2) + (24 if i % 2 else 16)
            yield Field(at, 8, 4, program.spot_of_address(program.number(at, 8)), learns=True)


def section_headers(program, layout):  # PA-44 to PA-46
    names = program.sections[program.names].offset

    def index(number):
        return layout.index[number] if number < len(program.sections) else number

    for i, s in list(enumerate(program.sections))[1:]:
        at = program.headers_at + 64 * i
        yield Field(at, 4, 8, names + s.name_at, in_section=True, learns=True)
        yield Field(at + 16, 8, 11, known=layout.address[i])
        yield Field(at + 24, 8, 11, known=layout.offset[i])
        yield Field(at + 32, 8, 11, known=layout.size[i])
        yield Field(at + 40, 4, 11, known=index(s.link))
        if s.type == RELA:
            yield Field(at + 44, 4, 11, known=index(s.info))


def symbols(program, section):  # PA-54
    names, module = program.with_content(section.link), program.is_module
    for at in range(section.offset + 24, section.offset + section.size - 23, 24):
        name, number = program.number(at, 4), program.number(at + 6, 2)
        value, size = program.number(at + 8, 8), program.number(at + 16, 8)
        if name:
            known = names and name < names.size
            yield Field(at, 4, 8, names.offset + name if known else None, in_section=True,
                        learns=True)
        if not 0 < number < len(program.sections):
            continue
        home = program.sections[number]
        if module:
            spot = home.spot + value if home.spot is not None and value <= home.size else None
        else:
            spot = program.spot_of_address(value)
        if spot is None:
            continue
        if value:
            yield Field(at + 8, 8, 9, spot, learns=True, in_section=module)
        if size and home.type != NOBITS:
            inside = size <= home.size
            yield Field(at + 16, 8, 10, spot + size if inside else None, spot if inside else None,
                        in_section=module)


def period(program, section):  # PA-57
    """p and d, or None."""
    n = min(12, section.size // 24)
    offsets = [program.number(section.offset + 24 * i, 8) for i in range(n)]
    for p in range(1, 5):
        steps = {offsets[i + p] - offsets[i] for i in range(n - p)}
        if 2 * p < n and len(steps) == 1 and 0 < min(steps) < 256:
            return p, steps.pop()
    return None


def addend_of_module(program, at, table, written):  # PA-56
    kind, number = program.number(at + 8, 4), program.number(at + 12, 4)
    symbol, addend = table.offset + 24 * number, signed(program.number(at + 16, 8), 64)
    if 24 * (number + 1) > table.size:
        return None
    index, value = program.number(symbol + 6, 2), program.number(symbol + 8, 8)
    of_section = program.number(symbol + 4, 1) & 15 == STT_SECTION
    if not addend and not of_section or not 0 < index < len(program.sections):
        return None
    home = program.sections[index]
    if program.machine == X86_64 and kind in (2, 4) and written.role == "code":
        addend += 4
    if home.spot is None or not 0 <= value + addend <= home.size:
        return None
    base = None if of_section or value > home.size else home.spot + value
    return Field(at + 16, 8, 7, home.spot + value + addend, base, in_section=True, learns=True)


def symbols_of(program, section):
    table = program.with_content(section.link)
    return table if table and table.role == "symbols" else None


def rela(program, section):
    module = program.is_module
    if not module and not section.flags & ALLOC:
        return
    table = symbols_of(program, section)
    written = program.sections[section.info] if section.info < len(program.sections) else None
    steps = period(program, section) if module and written and written.role != "code" else None
    for at in range(section.offset, section.offset + section.size - 23, 24):
        offset, number = program.number(at, 8), program.number(at + 12, 4)
        if module:
            spot = (written.spot + offset if written and written.spot is not None
                    and offset < written.size else None)
        else:
            spot = program.spot_of_address(offset)
        if spot is not None and steps:
            yield Field(at, 8, 5, PLACE, in_section=True, factor=steps[1], scale=24 * steps[0])
        elif spot is not None:
            yield Field(at, 8, 5, spot, learns=True, in_section=module)
        if number:
            known = table and number < table.size // 24
            yield Field(at + 12, 4, 6, table.offset + 24 * number if known else None, scale=24,
                        in_section=True, learns=True)
        if module:
            found = addend_of_module(program, at, table, written) if table and written else None
        else:
            found = pointer(program, at + 16, 7) if not number else None
        if found:
            yield found


def hashes(program, section):  # PA-59
    table, end = symbols_of(program, section), section.offset + section.size
    n, places = program.number(section.offset, 4), range(section.offset + 8, end - 3, 4)
    if program.is_module:
        return
    if section.type == GNU_HASH:
        begin = section.offset + 16 + 8 * program.number(section.offset + 8, 4)
        places = [section.offset + 4] * (section.size >= 8)
        places += range(begin, min(begin + 4 * n, end) - 3, 4)
    for at in places:
        number = program.number(at, 4)
        known = table and number < table.size // 24
        if number:
            yield Field(at, 4, 6, table.offset + 24 * number if known else None, scale=24,
                        in_section=True, learns=True)


def distance(program, section, at, kind):
    """A field that leads to a section, from its own place."""
    to = program.address_of(section, at) + signed(program.number(at, 4), 32)
    spot = program.spot_of_address(to)
    return Field(at, 4, kind, spot, PLACE, learns=True) if spot is not None else None


def unwind(program, section):  # PA-60
    at, end = section.offset, section.offset + section.size
    while section.address and at + 8 <= end:
        n = program.number(at, 4)
        if n == 0 or at + 4 + n > end:
            return
        parent = program.number(at + 4, 4)
        if n >= 12 and parent:
            yield Field(at + 4, 4, 15, PLACE,
                        at + 4 - parent if at + 4 - parent >= section.offset else None)
            place = distance(program, section, at + 8, 13)
            if place:
                yield place
                n_code = program.number(at + 12, 4)
                inside = n_code < 1 << 30
                yield Field(at + 12, 4, 14, place.target + n_code if inside else None,
                            place.target if inside else None)
            data = distance(program, section, at + 17, 16)
            if place and n >= 17 and program.data[at + 16] == 4 and data:
                yield data
        at += 4 + n


def unwind_index(program, section):  # PA-62
    if not section.address or section.size < 12:
        return
    at = section.offset
    to = section.address + 4 + signed(program.number(at + 4, 4), 32)
    yield Field(at + 4, 4, 17, program.spot_of_address(to), PLACE, learns=True)
    n = min(2 * program.number(at + 8, 4), (section.size - 12) // 4)
    for place in range(at + 12, at + 12 + 4 * n, 4):
        spot = program.spot_of_address(section.address + signed(program.number(place, 4), 32))
        if spot is not None:
            yield Field(place, 4, 17, spot, section.spot, learns=True)


def pointer_of_data(program, at):
    return pointer(program, at) if program.number(at, 8) >= 4096 else None


def pointers(program, section):  # PA-64
    for at in range(section.offset, section.offset + section.size - 7, 8):
        found = pointer_of_data(program, at)
        if found:
            yield found


def table_begins(program):  # PA-65
    """Where code takes the address of something."""
    found = set()
    for s in program.with_addresses:
        if s.role != "code" or program.machine != X86_64:
            continue
        code = program.data[s.offset : s.offset + s.size]
        for match in LEA.finditer(code):
            p = match.start() + 7
            spot = program.spot_of_address(s.address + p + signed(program.number(s.offset + p - 4, 4),
                                                                  32))
            if spot is not None and spot % 4 == 0:
                found.add(spot)
    return found


def constants(program, section, begins):  # PA-65
    if program.is_module or program.is_kernel:
        return
    at, end, begin = section.offset + -section.offset % 4, section.offset + section.size, None
    while at + 4 <= end:
        if at in begins:
            begin = at
        if begin is not None and at - begin < 16384:
            to = program.address_of(section, begin) + signed(program.number(at, 4), 32)
            home = program.section_of_address(to & (1 << 64) - 1)
            if home and home.role == "code":
                yield Field(at, 4, 18, program.spot_of_address(to), begin, learns=True)
                at += 4
                continue
        begin, found = None, None
        if program.is_fixed and at % 8 == 0 and at + 8 <= end:
            found = pointer_of_data(program, at)
        if not found and program.go and program.go.is_function(program.number(at, 4)):
            found = program.go.function(at)
        if found:
            yield found
        at += 4
