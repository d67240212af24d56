# SPDX-License-Identifier: Apache-2.0
"""kernel_elf - a small x86-64 kernel, as its bzImage holds it: what a predictor finds by its sections' names"""

import random
import struct

from kernel_image import N_SYMBOLS, pad, texts

BASE, N_FUNCTIONS = 0xFFFFFFFF81000000, 300
NAMES = b"".join(b"symbol_%d\0" % i for i in range(40))
ALLOC, WRITE, EXEC = 2, 1, 4


def functions(is_new):
    places, at = [], 0
    for i in range(N_FUNCTIONS):
        places.append(at)
        at += 32 + 8 * (i * i % 13) + (16 if is_new and i % 12 == 5 else 0)
    return places, at


class Kernel:
    """Sections one after the other in the file, each at an address as far behind BASE."""

    def __init__(self, is_new):
        self.places, self.n_code = functions(is_new)
        self.is_new, self.places_32, self.places_64 = is_new, [], []
        self.sections, self.data = [], bytearray(4096)
        self.order = random.Random(1).sample(range(N_FUNCTIONS), N_FUNCTIONS)

    def add(self, name, flags, content, alignment=64):
        """content: bytes, or a function of the address at which they will lie."""
        self.data += bytes(-len(self.data) % alignment)
        at = len(self.data)
        made = content if isinstance(content, bytes) else content(BASE + at)
        self.sections.append((name, flags, at, len(made)))
        self.data += made
        return BASE + at

    def function(self, i):
        return self.text + self.places[self.order[i % N_FUNCTIONS]]

    def code(self, address):
        """A call, an address as operand, a distance to data, a jump."""
        made = bytearray()
        for i, place in enumerate(self.places):
            end = self.places[i + 1] if i + 1 < N_FUNCTIONS else self.n_code
            to = self.places[self.order[i]]
            made += b"\xe8" + struct.pack("<i", to - place - 5)
            self.places_32.append(address + place + 8)
            made += b"\x48\xc7\xc7" + struct.pack("<I", address + to & 0xFFFFFFFF)
            made += b"\x0f\x84" + struct.pack("<i", end - place - 19) + b"\x68"
            made += struct.pack("<I", i * 2657) + bytes([0x90] * (end - place - 23))
        return bytes(made)

    def constants(self, address):
        """Addresses, static branches (code, target, key), and the list of symbols."""
        made = b"".join(struct.pack("<Q", self.function(i * 3)) for i in range(64))
        self.places_64 += [address + 8 * i for i in range(64)]
        for i in range(100):
            at = address + len(made)
            made += struct.pack("<iiq", self.function(i) - at, self.function(i) + 8 - at - 4,
                                address + 0x8000 + 16 * i - at - 8)
        offsets = sorted((self.places * 4)[:N_SYMBOLS])
        made += pad(struct.pack(f"<{N_SYMBOLS}i", *(-1 - o for o in offsets)), 8)
        self.places_64.append(address + len(made))
        return made + struct.pack("<QQ", self.text, N_SYMBOLS) + texts()

    def records(self, n, layout, *fields):
        """n records of distances (functions of a number) and numbers."""
        def made(address):
            out = b""
            for i in range(n):
                at, values = address + len(out), []
                for k, field in enumerate(fields):
                    offset = struct.calcsize("<" + layout[:k])
                    values.append(field(i) - at - offset if callable(field) else field)
                out += struct.pack("<" + layout, *values)
            return out
        return made

    def make(self):
        self.text = BASE + 4096
        self.add(".text", ALLOC | EXEC, self.code)
        self.add(".rodata", ALLOC, self.constants)
        strings = self.add("__ksymtab_strings", ALLOC, NAMES)
        self.add("__ksymtab", ALLOC, self.records(
            40, "iii", self.function, lambda i: strings + 10 * i, lambda i: strings + 9))
        self.add("__kcrctab", ALLOC, b"".join(
            struct.pack("<I", 77777 * i + (i < 9 and self.is_new)) for i in range(40)))
        self.add("__ex_table", ALLOC, self.records(
            30, "iii", self.function, lambda i: self.function(i + 1), 3))
        self.add(".altinstructions", ALLOC, self.records(
            50, "iiHBB", self.function, lambda i: self.function(i + 2), 5, 4, 4))
        self.add(".call_sites", ALLOC, self.records(150, "i", lambda i: self.function(i * 7)), 4)
        self.add(".ibt_endbr_seal", ALLOC, self.records(150, "i", self.function), 4)
        self.add(".pci_fixup", ALLOC, self.records(
            60, "HHIIi", 0x8086, 1234, 7, 0, lambda i: self.function(i + 3)))
        self.add(".orc_unwind_ip", ALLOC, self.records(200, "i", self.function), 4)
        self.add(".data", ALLOC | WRITE, random.Random(2).randbytes(0x6000))
        lists = self.lists()
        return self.with_headers(len(lists)) + lists

    def with_headers(self, n_behind):
        """What is behind ends with a block: there it is looked for."""
        texts_of = b"\0" + b"".join(s[0].encode() + b"\0" for s in self.sections) + b".shstrtab\0"
        names_at = len(self.data)
        data = bytes(self.data) + texts_of
        data += bytes(-(len(data) + 64 * (len(self.sections) + 2) + n_behind) % 4096)
        head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 2, 62, 1, self.text, 0, len(data),
                           0, 64, 56, 0, 64, len(self.sections) + 2, len(self.sections) + 1)
        headers = bytes(64)
        for name, flags, at, n in self.sections:
            headers += struct.pack("<IIQQQQIIQQ", texts_of.index(name.encode() + b"\0"), 1, flags,
                                   BASE + at, at, n, 0, 0, 4, 0)
        headers += struct.pack("<IIQQQQIIQQ", texts_of.index(b".shstrtab"), 3, 0, 0, names_at,
                               len(texts_of), 0, 0, 1, 0)
        return head + data[64:] + headers

    def lists(self):
        """64-bit places, inverse ones (none), 32-bit ones, as arch/x86/tools/relocs lays them out."""
        low = [[a & 0xFFFFFFFF for a in sorted(places)] for places in (self.places_64, self.places_32)]
        words = [0, *low[0], 0, 0, *low[1]]
        return struct.pack(f"<{len(words)}I", *words)


def kernel_elf(is_new):
    return Kernel(is_new).make()
