# SPDX-License-Identifier: Apache-2.0
"""image_parts - PA-100 and PA-101: what a raw kernel image is, and the sections that are found in it"""

import itertools
import struct

from predict.relr import places

ALLOC, PROGBITS, RELA, NOBITS, RELR = 2, 1, 4, 8, 19
ROLES = [None, "image", "types", "image", None, "image", "other"]
RELOCATIONS = 4  # number of their section


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


def end_of_words(data, at):
    """The end of what may be a table of bits, and how many words these name."""
    first, n = number(data, at, 8), 0
    where = first + 8
    for at in range(at + 8, len(data) - 7, 8):
        word = number(data, at, 8)
        if word & 1:
            n += bin(word).count("1") - 1
            where += 504
        elif where <= word < first + (1 << 30):
            where = word + 8
        else:
            return at, n
    return max(at + 8, len(data) - len(data) % 8), n


def base_of(data, begin, end, memory):
    """Where the image was linked to, if it shows."""
    first, most, found = number(data, begin, 8), 47, None
    named = list(itertools.islice(places(data, begin, end), 64))
    base = first & -1 << 21
    while first - base < len(data):
        n = sum(0 <= p - base <= len(data) - 8
                and 0 <= number(data, p - base, 8) - base < memory for p in named)
        if n > most:
            most, found = n, base
        base -= 1 << 21
    return found


def find_words(data, at, memory):
    tries = 16
    while at + 8 <= len(data) and tries:
        word = number(data, at, 8)
        if word >> 48 != 0xFFFF or word % 8:
            at += 8
            continue
        begin = at
        at, n = end_of_words(data, begin)
        if n >= 1024:
            tries -= 1
            base = base_of(data, begin, at, memory)
            if base is not None:
                return (begin, at), base
    return None


def headers(data):
    """What the section headers of an ELF file would say."""
    types = find_types(data)
    rela = find_relocations(data, types[1] + -types[1] % 8)
    base = min((number(data, at + 16, 8) for at in range(*rela, 24)), default=0xFFFF800008000000)
    base &= -1 << 21
    n, memory, kind = len(data), number(data, 16, 8), RELA
    memory = min(max(memory, n), n + (1 << 30))
    if rela[0] == rela[1]:
        kind = RELR
        rela, base = find_words(data, types[1] + -types[1] % 8, memory) or (rela, base)
    places = [(0, types[0]), types, (types[1], rela[0]), rela, (rela[1], n), (n, memory)]
    kinds = [PROGBITS, PROGBITS, PROGBITS, kind, PROGBITS, NOBITS]
    return [struct.pack("<IIQQQQIIQQ", 0, kind, ALLOC, base + begin & (1 << 64) - 1, begin,
                        end - begin, 0, 0, 0, 0) for kind, (begin, end) in zip(kinds, places)]
