# SPDX-License-Identifier: Apache-2.0
"""program - PA-3, PA-10 to PA-15: an ELF file's sections, what can be pointed at, who holds what"""

import bisect
import struct

from predict.image_parts import RELOCATIONS, ROLES, headers, is_image

MASK64 = (1 << 64) - 1
NULL, PROGBITS, SYMTAB, STRTAB, RELA, DYNAMIC, NOBITS, DYNSYM = 0, 1, 2, 3, 4, 6, 8, 11
INIT_ARRAY, FINI_ARRAY, RELR, X86_64_UNWIND = 14, 15, 19, 0x70000001
HASH, GNU_HASH = 5, 0x6FFFFFF6
ALLOC, EXECINSTR, TLS = 2, 4, 0x400
ET_REL, ET_EXEC, ET_DYN = 1, 2, 3
X86_64, AARCH64 = 62, 183
KERNEL_ROLES = {b"__ksymtab": "distances", b"__ksymtab_gpl": "distances",
                b"__ex_table": "distances", b"__bug_table": "distances",
                b".altinstructions": "distances", b".retpoline_sites": "distances",
                b".return_sites": "distances", b".call_sites": "distances",
                b".ibt_endbr_seal": "distances", b".smp_locks": "distances",
                b".orc_unwind_ip": "orc", b".pci_fixup": "constants"}
NAMED_ROLES = {b".eh_frame": "unwind", b".eh_frame_hdr": "unwind-index", b".rodata": "constants",
               b".BTF": "types", b"__versions": "versions", b".gopclntab": "go",
               b".data.rel.ro.gopclntab": "go", b"__kcrctab": "checksums", b"__kcrctab_gpl": "checksums"}


def signed(value, bits):
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


class Section:
    def __init__(self, number, raw):
        (self.name_at, self.type, self.flags, self.address, self.offset, self.size, self.link,
         self.info, _, _) = struct.unpack("<IIQQQQIIQQ", raw)
        self.number, self.name, self.spot, self.role = number, b"", None, None
        self.has_content = False

    def is_nothing(self):
        self.offset = self.size = 0

    @property
    def end(self):
        return self.spot + self.size


def is_program(data):  # PA-3
    return is_image(data) or is_elf(data)


def is_elf(data):
    if len(data) < 64 or len(data) > 1 << 30 or data[:7] != b"\x7fELF\2\1\1":
        return False
    kind, machine = struct.unpack_from("<HH", data, 16)
    at, = struct.unpack_from("<Q", data, 40)
    size, n, names = struct.unpack_from("<HHH", data, 58)
    return (kind in (ET_EXEC, ET_DYN, ET_REL) and machine in (X86_64, AARCH64) and size == 64 and 2 <= n <= 4096 and at + 64 * n <= len(data) and names < n)


class Program:
    def __init__(self, data):
        self.data, self.is_image = data, is_image(data)
        self.read_image() if self.is_image else self.read_headers()
        self.place_sections()
        for section in self.sections:
            section.name = self.text(self.sections[self.names].offset + section.name_at)
        self.is_module = self.type == ET_REL
        first = next((s.address for s in self.sections if s.flags & ALLOC and s.address), 0)
        self.is_kernel = not self.is_image and first >= 0xFFFFFFFF80000000
        self.is_fixed = self.type == ET_EXEC and 0 < first < 0x80000000
        self.with_addresses = sorted((s for s in self.sections if self.has_addresses(s)),
                                     key=lambda s: (s.address, s.number))
        self.addresses = [s.address for s in self.with_addresses]
        for section in self.sections:
            section.role = self.role_of(section)

    def read_headers(self):
        data = self.data
        self.type, self.machine = struct.unpack_from("<HH", data, 16)
        self.headers_at, = struct.unpack_from("<Q", data, 40)
        n, self.names = struct.unpack_from("<HH", data, 60)
        self.sections = [Section(0, bytes(64))]
        for i in range(1, n):
            at = self.headers_at + 64 * i
            self.sections.append(Section(i, data[at : at + 64]))

    def read_image(self):  # PA-101
        self.type, self.machine, self.headers_at, self.names = ET_DYN, AARCH64, 0, 0
        self.sections = [Section(i, raw) for i, raw in enumerate([bytes(64), *headers(self.data)])]
        self.relocations = self.sections[RELOCATIONS]

    def place_sections(self):  # PA-10, PA-11
        next_spot = len(self.data) + 16
        for s in self.sections:
            if s.type == NOBITS:
                s.size, s.offset = min(s.size, 1 << 30), min(s.offset, len(self.data))
                if next_spot + s.size + 16 <= 1 << 31:
                    s.spot, next_spot = next_spot, next_spot + s.size + 16
                else:
                    s.size = 0
            elif s.type != NULL and s.offset + s.size <= len(self.data):
                s.spot, s.has_content = s.offset, True
            else:
                s.is_nothing()
        self.by_spot, end = [], 0
        for s in sorted((s for s in self.sections if s.spot is not None and s.size),
                        key=lambda s: (s.spot, s.number)):
            if s.spot >= end:
                self.by_spot.append(s)
                end = s.end
        self.spots = [s.spot for s in self.by_spot]

    def has_addresses(self, s):  # PA-12
        return (not self.is_module and s.spot is not None and s.size and s.flags & ALLOC
                and not (s.flags & TLS and s.type == NOBITS)
                and (s.address or s.name == b".data..percpu"))

    def role_of(self, s):  # PA-14
        if self.is_image and s is not self.relocations:
            return ROLES[s.number]
        if s.type in (SYMTAB, DYNSYM):
            return "symbols"
        if s.type in (RELA, RELR):
            return "rela" if s.type == RELA else "relr"
        if s.type in (HASH, GNU_HASH):
            return "hash"
        if s.type in (PROGBITS, DYNAMIC, INIT_ARRAY, FINI_ARRAY, X86_64_UNWIND):
            if s.name in NAMED_ROLES:
                return NAMED_ROLES[s.name]
            if self.is_kernel and s.name in KERNEL_ROLES:
                return KERNEL_ROLES[s.name]
            if s.flags & EXECINSTR:
                return "code"
            if not self.is_module and not self.is_kernel and s.flags & ALLOC and (
                    self.is_fixed or s.type in (DYNAMIC, INIT_ARRAY, FINI_ARRAY)
                    or s.name.startswith((b".got", b".data"))):
                return "pointers"
        return "other"

    def text(self, at):
        end = self.data.find(b"\0", at)
        return self.data[at : end if end >= 0 else len(self.data)]

    def number(self, at, n):
        """Little-endian; what lies behind the end is 0."""
        return int.from_bytes(self.data[at : at + n], "little") if at >= 0 else 0

    def section_of_spot(self, spot):
        i = bisect.bisect_right(self.spots, spot) - 1
        return self.by_spot[i] if i >= 0 and spot < self.by_spot[i].end else None

    def section_of_address(self, address):
        i = bisect.bisect_right(self.addresses, address) - 1
        s = self.with_addresses[i] if i >= 0 else None
        return s if s and address - s.address < s.size else None

    def spot_of_address(self, address):
        s = self.section_of_address(address & MASK64)
        return s.spot + (address & MASK64) - s.address if s else None

    def address_of(self, section, position):
        return section.address + position - section.offset

    def with_content(self, number):
        return (self.sections[number] if number < len(self.sections)
                and self.sections[number].has_content else None)
