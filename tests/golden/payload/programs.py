# SPDX-License-Identifier: Apache-2.0
"""programs - the cases of SWD2: tiny programs in which 16 bytes are inserted, and every address is predicted

Corrections are all 0 here, and there are as many as fields, counted by hand from docs/design/delta.md.
"""

import struct

from container import BLOCK, Op, Part, Payload, prose, varint, xz
from mixing import BYTES, DIFFERENCES, NUMBERS, mixed

INSERTED_AT, N_INSERTED = 0x200, 16  # in the file
TEXT_AT, ADDRESS = 0x100, 0x1100  # of .text
X86_64, AARCH64 = 62, 183
NAME, HEADER, POINTER, VALUE, SIZE, CHECKSUM, RELR = 8, 11, 4, 9, 10, 24, 26


def zigzag(value):
    return varint(value * 2 if value >= 0 else -value * 2 - 1)


def moved(offset, is_new):
    """Where in .text is what was at an offset?"""
    return offset + (N_INSERTED if is_new and TEXT_AT + offset >= INSERTED_AT else 0)


def code_x86(is_new):
    """32 functions of 16 bytes; each calls another, every fourth also jumps on a condition."""
    text = bytearray(b"\x90" * (0x200 + (N_INSERTED if is_new else 0)))
    for i in range(32):
        at, to = moved(16 * i, is_new), moved(16 * (i * 7 % 32), is_new)
        text[at : at + 5] = b"\xe8" + struct.pack("<i", to - at - 5)
        if i % 4 == 0:
            text[at + 6 : at + 12] = b"\x0f\x84" + struct.pack("<i", to - at - 12)
    return bytes(text), {0: 32, 1: 8}, 4


def code_arm64(is_new):
    """32 functions of 4 instructions: bl, cbz, and adrp and add for a function's address."""
    words = [0xD503201F] * (0x80 + (N_INSERTED // 4 if is_new else 0))
    for i in range(32):
        at, to = moved(16 * i, is_new), moved(16 * (i * 7 % 32), is_new)
        words[at // 4] = 0x94000000 | (to - at) // 4 & 0x3FFFFFF
        words[at // 4 + 1] = 0xB4000000 | ((to - at - 4) // 4 & 0x7FFFF) << 5
        words[at // 4 + 2] = 0x90000000
        words[at // 4 + 3] = 0x91000000 | (ADDRESS + to & 0xFFF) << 10
    return struct.pack(f"<{len(words)}I", *words), {27: 32, 28: 32, 29: 32, 30: 32}, 4


def program(machine, code, is_new):
    """A shared object: .text, .symtab, .strtab, .shstrtab."""
    half = 0x100  # in .text; the function there has moved
    strings, names = b"\0first\0half\0", b"\0.text\0.symtab\0.strtab\0.shstrtab\0"
    symbols = bytes(24) + struct.pack("<IBBHQQ", 1, 18, 0, 1, ADDRESS, 16) + struct.pack(
        "<IBBHQQ", 7, 18, 0, 1, ADDRESS + moved(half, is_new), 16)
    contents = [(1, 1, 6, ADDRESS, code, 0, 0, 0), (7, 2, 0, 0, symbols, 3, 1, 24),
                (15, 3, 0, 0, strings, 0, 0, 0), (23, 3, 0, 0, names, 0, 0, 0)]
    body, headers = b"", bytes(64)
    for name, kind, flags, address, content, link, info, entry in contents:
        headers += struct.pack("<IIQQQQIIQQ", name, kind, flags, address, TEXT_AT + len(body),
                               len(content), link, info, 4, entry)
        body += content + bytes(-len(content) % 8)
    entry = ADDRESS + moved(half, is_new)
    head = b"\x7fELF\2\1\1" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 3, machine, 1, entry, 0, TEXT_AT + len(body), 0, 64, 56, 0, 64, 5, 4)
    return head.ljust(TEXT_AT, b"\0") + body + headers


# Position of the headers; .text is larger by what was inserted; the others follow it.
HINTS = zigzag(N_INSERTED) + b"\4" + zigzag(N_INSERTED) + bytes(3)
# Header: entry, position of the headers. 4 headers of sections. 2 symbols.
FIELDS = {POINTER: (1, 8), NAME: (4 + 2, 4), VALUE: (2, 8), SIZE: (2, 8)}
N_HEADER = 1 + 4 * 4
HEADER_BYTES = 8 + 4 * (3 * 8 + 4)
HEADER_BYTES_OF_MODULE = 8 + 2 * (3 * 8 + 4)


def swd2(streams, codecs=None, sizes=None, magic=b"SWD2", n=None, window=48, needs=128, coded=None):
    """A difference; codecs, sizes: of some streams, by number, other ones than they have; window, needs:
    of memory, in 64 KiB; coded: of some streams, other packed bytes."""
    last = max(streams) + 1
    pack = {0: bytes, 1: lambda d: xz(d, dictionary=1 << 16)}
    modes = {4: DIFFERENCES, 5: BYTES}
    table, packed = b"", b""
    for i in range(max(last, 6)):
        data = streams.get(i, b"")
        codec = (codecs or {}).get(i, 0)
        if codec >= 5:
            done = mixed(modes.get(i, NUMBERS), 10, data)
        else:
            done = pack[codec](data) if data else b""
        done = (coded or {}).get(i, done)
        table += struct.pack("<BII", codec, len(done), (sizes or {}).get(i, len(data)))
        packed += done
    head = struct.pack("<BBH", max(last, 6) if n is None else n, window, needs)
    return magic + head + table + packed


def plan(*numbers, hints=None):
    raw = b"".join(map(varint, numbers))
    return raw if hints is None else raw + varint(len(hints)) + hints


def predicted(machine, code, hints=HINTS):
    """The old content, the new, and the streams of a difference of two parts: a program, a text."""
    old_code, counts, width = code(False)
    old, new = program(machine, old_code, False), program(machine, code(True)[0], True)
    text = prose("behind the program", 3 * BLOCK - len(new))
    fields = {**FIELDS, **{kind: (n, width) for kind, n in counts.items()}}
    n_fields = sum(n * size for n, size in fields.values()) + HEADER_BYTES
    streams = {0: plan(0, len(old), len(new), 2, 1, hints=hints) + plan(0, 0, len(text), 1, 0),
               1: varint(INSERTED_AT) + varint(len(old) - INSERTED_AT) + varint(0),
               2: varint(N_INSERTED) + varint(0) + varint(len(text)), 3: bytes(3),
               4: bytes(len(old) - n_fields), 6 + HEADER: bytes(N_HEADER)}
    streams[5] = new[INSERTED_AT : INSERTED_AT + N_INSERTED] + text
    streams |= {6 + kind: bytes(n) for kind, (n, _) in fields.items()}
    return old.ljust(3 * BLOCK, b"\0"), new + text, streams


def kernel_image(is_new):
    """A raw kernel of AArch64: a page with 64 functions as above, and nothing else; every other one has adr,
    forward or back, in place of cbz."""
    words = [0] * 1024

    def place(i):
        return 16 * i + (N_INSERTED if is_new and i >= 32 else 0)

    for i in range(64):
        at, to = place(i), place(i * 7 % 64)
        near, low = (0x10000000, i // 2 % 4) if i % 2 else (0xB4000000, 0)
        words[at // 4 : at // 4 + 4] = [
            0x94000000 | (to - at) // 4 & 0x3FFFFFF,
            near | low << 29 | ((to - at - 4) // 4 & 0x7FFFF) << 5, 0x90000000, 0x91000000 | to << 10]
    image = bytes(56) + b"ARM\x64" + bytes(BLOCK - 60) + struct.pack("<1024I", *words)
    return image.ljust(16 * BLOCK + (N_INSERTED if is_new else 0), b"\0")


def predicted_image():
    """The same of an image: its middle section, which is all of it, grows."""
    old, new = kernel_image(False), kernel_image(True)
    inserted_at, text = BLOCK + 16 * 32, prose("behind the image", BLOCK - N_INSERTED)
    hints = zigzag(0) + b"\0\0\4" + zigzag(N_INSERTED) + bytes(3)
    streams = {0: plan(0, len(old), len(new), 2, 1, hints=hints) + plan(0, 0, len(text), 1, 0),
               1: varint(inserted_at) + varint(len(old) - inserted_at) + varint(0),
               2: varint(N_INSERTED) + varint(0) + varint(len(text)), 3: bytes(3),
               4: bytes(len(old) - 4 * 64 * 4),
               5: new[inserted_at : inserted_at + N_INSERTED] + text}
    return old, new + text, streams | {6 + kind: bytes(64) for kind in (27, 28, 29, 30)}


TABLE_AT, N_WORDS, WORD = 0x200, 100, 40  # words before the one in front of which it grows


def relocated(is_new):
    """A library with a table of 100 words that lead to other ones of it, named by 3 words of bits."""
    def place(i):
        return 8 * i + (N_INSERTED if is_new and i >= WORD else 0)

    table = bytearray(8 * N_WORDS + (N_INSERTED if is_new else 0))
    named = 0
    for i in range(N_WORDS):
        struct.pack_into("<Q", table, place(i), ADDRESS + place(i * 7 % N_WORDS))
        named |= 1 << place(i) // 8
    bits = struct.pack("<QQQ", ADDRESS, (named >> 1 & (1 << 63) - 1) << 1 | 1, named >> 64 << 1 | 1)
    names = b"\0.relr.dyn\0tables\0.shstrtab\0"
    at = TABLE_AT + len(table)
    headers = bytes(64) + b"".join(struct.pack("<IIQQQQIIQQ", *header) for header in (
        (1, 19, 2, ADDRESS - 0x100, TEXT_AT, len(bits), 0, 0, 8, 8),
        (11, 1, 3, ADDRESS, TABLE_AT, len(table), 0, 0, 8, 0),
        (18, 3, 0, 0, at, len(names), 0, 0, 1, 0)))
    at += len(names) + -len(names) % 8
    head = b"\x7fELF\2\1\1" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 3, AARCH64, 1, 0, 0, at, 0, 64, 56, 0, 64, 4, 3)
    body = (head.ljust(TEXT_AT, b"\0") + bits).ljust(TABLE_AT, b"\0") + table + names
    return body.ljust(at, b"\0") + headers


def predicted_table():
    old, new, at = relocated(False), relocated(True), TABLE_AT + 8 * WORD
    text = prose("behind the library", BLOCK - len(new))
    n_fields = {POINTER: 1 + N_WORDS, NAME: 3, HEADER: 1 + 4 * 3, RELR: 3}
    n_bytes = 8 * (n_fields[POINTER] + n_fields[RELR] + 1) + 3 * (4 + 3 * 8 + 4)
    hints = zigzag(N_INSERTED) + b"\0\4" + zigzag(N_INSERTED) + b"\0"
    streams = {0: plan(0, len(old), len(new), 2, 1, hints=hints) + plan(0, 0, len(text), 1, 0),
               1: varint(at) + varint(len(old) - at) + varint(0),
               2: varint(N_INSERTED) + varint(0) + varint(len(text)), 3: bytes(3),
               4: bytes(len(old) - n_bytes), 5: new[at : at + N_INSERTED] + text}
    streams |= {6 + kind: bytes(n) for kind, n in n_fields.items()}
    return old.ljust(BLOCK, b"\0"), new + text, streams


def module(checksums):
    """A kernel module that uses functions of these names: __versions, .shstrtab; a block."""
    names = b"\0__versions\0.shstrtab\0"
    versions = b"".join(struct.pack("<Q56s", number, name) for name, number in checksums.items())
    at = 64 + len(versions) + len(names)
    headers = bytes(64) + struct.pack("<IIQQQQIIQQ", 1, 1, 2, 0, 64, len(versions), 0, 0, 8, 0)
    headers += struct.pack("<IIQQQQIIQQ", 12, 3, 0, 0, 64 + len(versions), len(names), 0, 0, 1, 0)
    head = b"\x7fELF\2\1\1" + bytes(9) + struct.pack(
        "<HHIQQQIHHHHHH", 1, X86_64, 1, 0, 0, at, 0, 64, 0, 0, 64, 3, 2)
    return (head + versions + names + headers).ljust(BLOCK, b"\0")


def modules():
    """Two modules; what was learned of a checksum in the first one counts in the second. Old, new, streams."""
    old = (module({b"printk": 0x11111111, b"kfree": 0x40000001})
           + module({b"kfree": 0x40000001, b"memcpy": 5, b"printk": 0x11111111}))
    new = (module({b"printk": 0x33333333, b"kfree": 2})
           + module({b"kfree": 2, b"memcpy": 4, b"printk": 0x33333333}))
    corrections = zigzag(0x22222222) + zigzag(-0x3FFFFFFF) + b"\0" + zigzag(-1) + b"\0"
    # In each module: the entry, the position of the headers, 2 headers of sections.
    n_fields = 2 * (8 + 2 * 4 + HEADER_BYTES_OF_MODULE) + 5 * 4
    return old, new, {0: 2 * plan(0, BLOCK, BLOCK, 1, 1, hints=b""), 1: 2 * varint(BLOCK), 2: bytes(2),
                      3: bytes(2), 4: bytes(2 * BLOCK - n_fields), 6 + POINTER: bytes(2),
                      6 + NAME: bytes(4), 6 + HEADER: bytes(2 * (1 + 2 * 4)), 6 + CHECKSUM: corrections}


def mixed_streams():
    """Bytes without a program: what is alike in many short copies, with bytes that differ, and new ones between."""
    old = prose("as it was", BLOCK)
    new, lengths, news, moves, differences, extra = b"", b"", b"", b"", b"", b""
    at, n_left = 0, BLOCK
    for i in range(60):
        n, step = 30 + i * 7 % 23, (i * 37 % 300 - 150 if i % 3 else 64 + 300 * i)
        n_extra = 200 if i == 20 else i % 4 * 2
        changed = bytes((i + k) % 256 if k % 11 == 3 or i == 30 else 0 for k in range(n))
        piece = bytes((a + b) & 0xFF for a, b in zip(old[at : at + n], changed))
        what = prose(f"new {i}", n_extra)
        to = min(max(at + n + step, 0), BLOCK - 100)
        new, differences, extra = new + piece + what, differences + changed, extra + what
        lengths, news = lengths + varint(n), news + varint(n_extra)
        moves += zigzag(to - at - n)
        at, n_left = to, n_left - n - n_extra
    end = prose("the end", n_left)
    streams = {0: plan(0, BLOCK, BLOCK, 61, 0), 1: lengths + varint(0), 2: news + varint(n_left),
               3: moves + b"\0", 4: differences, 5: extra + end}
    return old, new + end, streams


ALL_MIXED = {0: 5, 1: 5, 2: 5, 3: 5, 4: 5, 5: 6}


def payload_of(old, new, blob, minor=1004):
    extent = [(0, len(new) // BLOCK)]
    return Payload([Part("root", new, [Op(129, extent, blob, [(0, len(old) // BLOCK)], old)], old)],
                   minor)


def write_good_programs(cases):
    for name, machine, code in (("x86-64", X86_64, code_x86), ("aarch64", AARCH64, code_arm64)):
        old, new, streams = predicted(machine, code)
        cases.good(f"own-swd2-{name}", payload_of(old, new, swd2(streams, {5: 1, 4: 1})))
    old, new, streams = predicted_image()
    cases.good("own-swd2-image", payload_of(old, new, swd2(streams, {5: 1, 4: 1})))
    old, new, streams = predicted_table()
    cases.good("own-swd2-relr", payload_of(old, new, swd2(streams, {5: 1, 4: 1})))
    old, new, streams = modules()
    cases.good("own-swd2-modules", payload_of(old, new, swd2(streams, {4: 1})))


    old, new, streams = mixed_streams()
    cases.good("own-swd2-mixed", payload_of(old, new, swd2(streams, ALL_MIXED)))


def write_bad_mixed(cases):
    old, new, streams = mixed_streams()
    good = mixed(DIFFERENCES, 10, streams[4])

    def bad(name, coded, fault="format", **options):
        cases.bad(f"swd2-mixed-{name}", fault, "decode SWDIFF",
                  payload_of(old, new, swd2(streams, ALL_MIXED, coded={4: coded}, **options)))

    bad("cut", good[:-1])
    bad("trailing", good + b"\0")
    bad("mode", b"\x6a" + good[1:])
    bad("few-slots", b"\x29" + good[1:])
    bad("many-slots", b"\x34" + good[1:])
    bad("slots-above-memory", b"\x33" + good[1:], "limit")
    bad("size", good[:1] + varint(len(streams[4]) + 1) + good[3:])
    bad("size-long", good[:1] + b"\x80" * 5 + good[3:])
    bad("run-long", good[:3] + bytes(4) + good[7:])


def write_bad_programs(cases):
    write_bad_mixed(cases)
    old, new, good = predicted(X86_64, code_x86)

    def bad(name, fault="format", **options):
        changes = {i: options.pop(f"s{i}") for i in range(40) if f"s{i}" in options}
        tail = options.pop("tail", b"")
        cases.bad(f"swd2-{name}", fault, "decode SWDIFF",
                  payload_of(old, new, swd2(good | changes, **options) + tail))

    n_old = struct.unpack("<Q", old[40:48])[0] + 5 * 64
    n_new = n_old + N_INSERTED
    rest = plan(0, 0, 3 * BLOCK - n_new, 1, 0)
    bad("window", "limit", window=57)
    bad("needs-much", "limit", needs=736)
    bad("needs-nothing", "limit", needs=47)
    bad("needs-little-for-decoders", "limit", needs=49, codecs={5: 1, 4: 1})
    bad("needs-little-for-entries", "limit", needs=49,
        s0=plan(0, n_old, n_new, 2731, 1, hints=HINTS) + rest)
    bad("few-streams", n=5)
    bad("many-streams", n=39)
    bad("sizes", sizes={3: 4})
    bad("packed-size", codecs={4: 1}, sizes={4: len(good[4]) + 1})
    bad("trailing", tail=b"x")
    bad("correction-left", s6=good[6] + b"\0")
    bad("correction-lacks", s6=good[6][1:])
    bad("difference-left", s4=good[4] + b"\0")
    bad("no-entries", s0=plan(0, n_old, n_new, 0, 1, hints=HINTS) + rest)
    bad("makes-nothing", s0=plan(0, 0, 0, 1, 0) + good[0])
    bad("behind-source", s0=plan(3 * BLOCK, n_old, n_new, 2, 1, hints=HINTS) + rest)
    bad("behind-target", s0=plan(0, n_old, 3 * BLOCK + 1, 2, 1, hints=HINTS))
    bad("plan-left", s0=good[0] + b"\0")
    bad("model", "unsupported", s0=plan(0, n_old, n_new, 2, 2, hints=HINTS) + rest)
    bad("entries-many", "limit", s0=plan(0, n_old, n_new, 262145, 1, hints=HINTS) + rest)
    bad("hints-many", "limit", s0=plan(0, n_old, n_new, 2, 1, hints=bytes(65537)) + rest, codecs={0: 1, 5: 1})
    bad("hints-cut", s0=plan(0, n_old, n_new, 2, 1, hints=HINTS[:-1]) + rest)
    bad("hints-left", s0=plan(0, n_old, n_new, 2, 1, hints=HINTS + b"\0") + rest)
    bad("hints-flags", s0=plan(0, n_old, n_new, 2, 1, hints=HINTS[:-1] + b"\x20") + rest)
    bad("hints-of-no-program", s0=good[0][:-len(rest)] + plan(0, 0, 3 * BLOCK - n_new, 1, 1, hints=b"\0"))
    bad("copy-outside", s1=varint(INSERTED_AT) + varint(n_old - INSERTED_AT + 1) + varint(0))
    bad("move-outside", s3=varint(2 * n_old) + bytes(2))
    bad("number-long", s6=b"\xff" * 10 + good[6][1:])
