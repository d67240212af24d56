# SPDX-License-Identifier: Apache-2.0
"""go_program - a small program as Go's linker lays it out: a table of its functions, methods, and what it knows of itself"""

import random
import struct

BASE, N_FUNCTIONS = 0x400000, 300
ALLOC, WRITE, EXEC = 2, 1, 4
DATA_WORDS = {0xFFFFFFF0: 38, 0xFFFFFFF1: 40}


def pad(data, step=32):
    return data + bytes(-len(data) % step)


class GoProgram:
    def __init__(self, magic, is_new):
        self.magic, self.is_new, self.sections, self.data = magic, is_new, [], bytearray(4096)
        self.seed = random.Random(3)
        self.places, at = [], 0
        for i in range(N_FUNCTIONS):
            self.places.append(at)
            at += 64 + 32 * (i * i % 5) + (32 if is_new and i % 6 == 4 else 0)
        self.n_code = at

    def add(self, name, flags, content):
        self.data = bytearray(pad(bytes(self.data)))
        self.sections.append((name, flags, len(self.data), len(content)))
        self.data += content
        return BASE + len(self.data) - len(content)

    def code(self):
        seed, made = random.Random(4), b""
        for i, place in enumerate(self.places):
            end = (self.places + [self.n_code])[i + 1]
            to = self.places[seed.randrange(N_FUNCTIONS)]
            made += b"\xe8" + struct.pack("<i", to - place - 5) + seed.randbytes(40)
            made += bytes([0xCC] * (end - len(made)))
        return made

    def functions(self):
        """The table: names, units, files, numbers, then entries and records."""
        names, name_at = b"\0", []
        for i in range(N_FUNCTIONS):
            name_at.append(len(names))
            names += b"main.function%d%s\0" % (i, b"Grown" if self.is_new and i % 23 == 2 else b"")
        names, units = pad(names, 4), struct.pack("<50I", *range(50))
        numbers = random.Random(5).randbytes(3000)
        numbers = numbers[:1500] + bytes(8 * self.is_new) + numbers[1500:]
        records, entries, first = b"", b"", 8 * N_FUNCTIONS + 4
        for i, place in enumerate(self.places):
            entries += struct.pack("<II", place, first + len(records))
            at = self.seed.randrange(20, 2900)
            at += 8 * (self.is_new and at > 1500)
            records += struct.pack("<IIiIIIIII", place, name_at[i], 16, 0, at, at + 3, at + 9,
                                   2, i % 50)
            records += struct.pack("<i", i * 77) if self.magic & 1 else b""
            records += bytes([0, 0, 0, 2])
            records += struct.pack("<IIII", at + 11, 0, 16 * (i % 40), 0xFFFFFFFF)
        entries += struct.pack("<I", self.n_code)
        parts, offset, at = (names, units, b"main.go\0", numbers, entries + records), 72, []
        for part in parts:
            at.append(offset)
            offset += len(part)
        return struct.pack("<IBBBBQQQ5Q", self.magic, 0, 0, 1, 8, N_FUNCTIONS, 1, self.text,
                           *at) + b"".join(parts)

    def make(self):
        self.text = BASE + 4096
        self.add(".text", ALLOC | EXEC, self.code())
        methods = [self.places[self.seed.randrange(64, N_FUNCTIONS)] for _ in range(80)]
        constants = b"".join(struct.pack("<IIII", i, i + 7, m, m) for i, m in enumerate(methods))
        pieces = self.add(".rodata", ALLOC, constants + self.seed.randbytes(700))
        table = self.add(".gopclntab", ALLOC, self.functions())
        known = [table, *([0] * (DATA_WORDS[self.magic] - 1)), pieces + len(constants)]
        self.add(".data", ALLOC | WRITE, struct.pack(f"<{len(known)}Q", *known))
        names = b"\0" + b"".join(s[0].encode() + b"\0" for s in self.sections) + b".shstrtab\0"
        at, data = len(self.data), pad(bytes(self.data) + names)
        head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, self.text, 0, len(data),
                           0, 64, 56, 0, 64, len(self.sections) + 2, len(self.sections) + 1)
        headers = bytes(64)
        for name, flags, offset, n in self.sections:
            headers += struct.pack("<IIQQQQIIQQ", names.index(name.encode() + b"\0"), 1, flags,
                                   BASE + offset, offset, n, 0, 0, 32, 0)
        headers += struct.pack("<IIQQQQIIQQ", names.index(b".shstrtab"), 3, 0, 0, at, len(names),
                               0, 0, 1, 0)
        return head + data[64:] + headers


def go_program(magic, is_new):
    return GoProgram(magic, is_new).make()
