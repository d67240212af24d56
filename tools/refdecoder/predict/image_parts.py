# SPDX-License-Identifier: Apache-2.0
"""image_parts - PA-100 and PA-101: what a raw kernel image is, and the sections that are found in it"""

import struct

ALLOC, PROGBITS, RELA, NOBITS = 2, 1, 4, 8
ROLES = [None, "image", "types", "image", "rela", "image", "other"]


def is_image(data):  # PA-100
    return 65536 <= len(data) <= 1 << 30 and data[56:60] == b"ARM\x64"


def number(data, at, n=4):
    return int.from_bytes(data[at : at + n], "little")


def find_types(data):
    """Begin and end."""
    at = data.find(b"\x9f\xeb\1\0\x18\0\0\0\0\0\0\0")
    while at >= 0:
        n_types, strings, n_strings = (number(data, at + i) for i in (12, 16, 20))
        end = at + 24 + strings + n_strings
        if at % 4 == 0 and at + 24 <= len(data) and strings >= n_types and end <= len(data):
            return at, end
        at = data.find(b"\x9f\xeb\1\0\x18\0\0\0\0\0\0\0", at + 1)
    return 0, 0


def find_relocations(data, at):
    begin = at
    while at + 24 <= len(data):
        if number(data, at + 8, 8) == 0x403:
            at += 24
        elif at - begin >= 24 * 1024:
            break
        else:
            begin = at = at + 8
    return (begin, at) if at - begin >= 24 * 1024 else (len(data), len(data))


def headers(data):
    """What the section headers of an ELF file would say."""
    types = find_types(data)
    rela = find_relocations(data, types[1] + -types[1] % 8)
    base = min((number(data, at + 16, 8) for at in range(*rela, 24)), default=0xFFFF800008000000)
    base &= -1 << 21
    n, memory = len(data), number(data, 16, 8)
    memory = min(max(memory, n), n + (1 << 30))
    places = [(0, types[0]), types, (types[1], rela[0]), rela, (rela[1], n), (n, memory)]
    kinds = [PROGBITS, PROGBITS, PROGBITS, RELA, PROGBITS, NOBITS]
    return [struct.pack("<IIQQQQIIQQ", 0, kind, ALLOC, base + begin & (1 << 64) - 1, begin,
                        end - begin, 0, 0, 0, 0) for kind, (begin, end) in zip(kinds, places)]
