# SPDX-License-Identifier: Apache-2.0
"""kernel_image - a small raw kernel image of AArch64 with all that a predictor looks for in one"""

import random
import struct

BASE = 0xFFFF800008000000
CODE_AT, N_FUNCTIONS, N_SYMBOLS = 0x1000, 400, 1100
NOP, NUMBER, STORE, LOAD, RETURN = 0xD503201F, 0xD2800001, 0xA9BF7BFD, 0xA8C17BFD, 0xD65F03C0


def pad(data, step):
    return data + bytes(-len(data) % step)


def layout(is_new):
    """Where each function begins, counted from the image's begin; some have grown."""
    places, at = [], CODE_AT
    for i in range(N_FUNCTIONS):
        places.append(at)
        at += 48 + (16 if is_new and i % 90 == 40 else 0)
    return places, at


def relative(number):
    """The number of adr and adrp: its lowest two bits stand above all others."""
    return (number & 3) << 29 | (number >> 2 & 0x7FFFF) << 5


def function(places, end, i, target):
    """Saves registers, calls another one, takes addresses behind and before it, branches, returns."""
    at, to = places[i], places[i * 7 % N_FUNCTIONS]
    n = ((places[i + 1] if i + 1 < N_FUNCTIONS else end) - at) // 4
    words = [STORE, 0x94000000 | (to - at - 4) // 4 & 0x3FFFFFF,
             0x90000000 | relative((target >> 12) - (at + 8 >> 12)),
             0x91000000 | (target & 0xFFF) << 10, 0xB4000000 | 3 << 5, NUMBER | (i * 2657 & 0xFFFF) << 5, NUMBER | i << 5,
             0x90000002 | relative((to >> 12) - (at + 28 >> 12)), 0x10000003 | relative(to + i % 4 - at - 32)]
    words += [NOP] * (n - len(words) - 2) + [LOAD, RETURN]
    return struct.pack(f"<{n}I", *words)


def symbols(places):
    """The kernel's list of symbols, as scripts/kallsyms lays it out; counted from the code on."""
    offsets = sorted((places * 3)[:N_SYMBOLS])
    data = pad(struct.pack(f"<{N_SYMBOLS}I", *(o - CODE_AT for o in offsets)), 8)
    return data + bytes(8) + struct.pack("<Q", N_SYMBOLS) + texts(), len(data)


def symbols_since_6_10(places):
    """The same in another order: the offsets behind the texts."""
    offsets = sorted((places * 3)[:N_SYMBOLS])
    data = struct.pack("<Q", N_SYMBOLS) + texts(b"")
    data += pad(struct.pack(f"<{N_SYMBOLS}I", *(o - CODE_AT for o in offsets)), 8)
    return pad(data + struct.pack("<Q", BASE + CODE_AT) + by_name(), 8), len(data)


def by_name():
    order = sorted(range(N_SYMBOLS), key=lambda i: i * 577 % N_SYMBOLS)
    return b"".join(i.to_bytes(3, "big") for i in order)


def texts(sequence=by_name()):
    """The symbols' names, the order of these, the tokens of which they are made."""
    names = b"".join(bytes([3, ord("t"), 1 + i % 200, i % 251]) for i in range(N_SYMBOLS))
    data = pad(names, 8)
    data += pad(struct.pack("<5I", *(i * 1024 for i in range(5))), 8) + pad(sequence, 8)
    tokens, begins = b"", []
    for i in range(256):
        begins.append(len(tokens))
        tokens += f"token{i}\0".encode()
    return data + pad(tokens, 8) + pad(struct.pack("<256H", *begins), 8)


def types(is_new):
    strings = b"\0int\0long\0" + (b"more\0" if is_new else b"") + b"last\0"
    last = strings.index(b"last")
    body = struct.pack("<IIII", 1, 1 << 24, 4, 32) + struct.pack("<III", last, 8 << 24, 1)
    head = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(body), len(body), len(strings))
    return head + body + strings


def bits(places):
    """Relative relocations of these ascending addresses, as linkers pack them (SHT_RELR)."""
    words, left = [], list(places)
    while left:
        where = left.pop(0) + 8
        words.append(where - 8)
        while left and left[0] < where + 63 * 8:
            word = 0
            while left and left[0] < where + 63 * 8:
                word |= 1 << (left.pop(0) - where) // 8
            words.append(word << 1 | 1)
            where += 63 * 8
    return struct.pack(f"<{len(words)}Q", *words)


def words_of(places, is_new):
    """Data that begins with addresses; where those are that both versions have; where all are."""
    data, both, every = b"", [], []
    for i in range(1199):
        if is_new and i in (60, 300, 302, 900):
            every.append(len(data) + 8)
            data += struct.pack("<QQ", i, BASE + places[i % N_FUNCTIONS])
        both.append(len(data))
        every.append(len(data))
        data += struct.pack("<Q", BASE + places[i * 11 % N_FUNCTIONS])
    return data + random.Random(1).randbytes(16384), both, every


def kernel_image(is_new, packed=False):
    """packed: as newer kernels are, with addresses in place and relocations as bits."""
    places, code_end = layout(is_new)
    symbols_at = code_end + -code_end % 4096
    listed, base_at = (symbols_since_6_10 if packed else symbols)(places)
    table_at = symbols_at + len(listed)
    n_table = 300 * 12
    types_at = table_at + n_table
    typed = pad(types(is_new), 8)
    data_at = types_at + len(typed) + 1200 * 24
    data_at += -data_at % 4096
    data, targets = random.Random(1).randbytes(16384), [8 * i for i in range(1199)]
    if packed:
        data, targets, relocated = words_of(places, is_new)
    code = b"".join(function(places, code_end, i, data_at + targets[i]) for i in range(N_FUNCTIONS))
    table = b"".join(
        struct.pack("<iiI", places[i] - table_at - 12 * i, places[i] + 8 - table_at - 12 * i - 4, i)
        for i in range(300))
    rela = struct.pack("<QQQ", BASE + symbols_at + base_at, 0x403, BASE + CODE_AT)
    rela += b"".join(struct.pack("<QQQ", BASE + data_at + 8 * i, 0x403,
                                 BASE + places[i * 11 % N_FUNCTIONS]) for i in range(1199))
    if packed:
        rela = bits([BASE + symbols_at + base_at, *(BASE + data_at + at for at in relocated)])
    head = struct.pack("<IIQQQ", 0x14000000 | CODE_AT // 4, 0, 0, data_at + 0x8000, 10)
    image = head.ljust(56, b"\0") + b"ARM\x64"
    image = image.ljust(CODE_AT, b"\0") + code
    image = image.ljust(symbols_at, b"\0") + listed + table + typed + rela
    return image.ljust(data_at, b"\0") + data
