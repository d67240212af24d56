# SPDX-License-Identifier: Apache-2.0
"""splits - content that was sorted into streams (docs/spec/payload.md, section 11)"""

import struct

from codings import MIB, OwnStream
from refusal import demand

TARGET_MAX, RECORDS_MAX = 16 * MIB, MIB
PLAIN, X86, RECORDS, LZ4 = range(4)
STREAMS = {PLAIN: 1, X86: 4, RECORDS: 1, LZ4: 3}
MODRM = frozenset(bytes.fromhex("030b1011232829 2b2e3338393b5859 636f7f85898b8d b6b7beff"))


def streams_of(blob, size):  # PF-101
    demand(len(blob) >= 8 and blob[:4] == b"SWS1" and blob[5:8] == b"\0\0\0"
           and 2 <= blob[4] <= 16, "format", "head of a split content")
    at, entries = 8 + 9 * blob[4], []
    demand(len(blob) >= at, "format", "head of a split content")
    for i in range(blob[4]):
        entries.append(struct.unpack_from("<BII", blob, 8 + 9 * i))
    demand(sum(e[1] for e in entries) == len(blob) - at, "format", "packed sizes")
    demand(sum(e[2] for e in entries[1:]) == size, "format", "sizes of streams")
    demand(entries[0][2] <= MIB, "limit", "list of regions")
    streams = []
    for codec, n_packed, n in entries:
        demand(codec <= 2, "format", "coding of a stream")
        stream = OwnStream(codec, blob[at : at + n_packed], n, min(n, 8 * MIB) + MIB)
        demand(len(stream.data) == n, "format", "size of a stream")
        streams.append(stream)
        at += n_packed
    return streams


def opcode_at(code, at, left):  # PF-105
    """Bytes before the operand, and the number of its stream behind the first."""
    first = code[at]
    if left >= 5 and first in (0xE8, 0xE9):
        return 1, 1 if first == 0xE8 else 2
    if left >= 6 and (first == 0x0F or first in MODRM):
        demand(at + 1 < len(code), "format", "stream too short")
        if first == 0x0F and code[at + 1] & 0xF0 == 0x80:
            return 2, 2
        if first in MODRM and code[at + 1] & 0xC7 == 0x05:
            return 2, 3
    return 0, 0


def x86(streams, n, begin):
    code, out = streams[0], bytearray()
    while len(out) < n:
        demand(code.at < len(code.data), "format", "stream too short")
        n_opcode, which = opcode_at(code.data, code.at, n - len(out))
        out += code.take(n_opcode or 1)
        if not n_opcode:
            continue
        value = struct.unpack(">I", streams[which].take(4))[0]
        if value >> 24 in (0, 0xFF):
            value = (value - (begin + len(out) + 4)) & 0x1FFFFFF
            value |= 0xFE000000 if value >> 24 else 0
        out += struct.pack("<I", value)
    return bytes(out)


def records(control, stream, n):  # PF-106
    count = control.number()
    demand(1 <= count <= 8, "format", "fields of a record")
    fields = control.take(count)
    widths = [field & 0x7F for field in fields]
    demand(all(w in (1, 2, 4, 8) for w in widths), "format", "width of a field")
    demand(n <= RECORDS_MAX, "limit", "table of records")
    demand(n % sum(widths) == 0, "format", "part of a record")
    rows = n // sum(widths)
    columns = [stream.take(rows) for _ in range(sum(widths))]
    cells, at = [], 0
    for field, width in zip(fields, widths):
        values = [int.from_bytes(raw, "little") for raw in zip(*columns[at : at + width])]
        total = 0
        for i, value in enumerate(values if field & 0x80 else ()):
            total = (total + value) % (1 << 8 * width)
            values[i] = total
        cells.append([value.to_bytes(width, "little") for value in values])
        at += width
    return b"".join(b"".join(row) for row in zip(*cells))


def lz4(streams, n):  # PF-107
    tokens, literals, offsets = streams
    out = bytearray()

    def lengthen(length):
        while True:
            demand(len(out) < n, "format", "LZ4 sequence")
            out.extend(tokens.take(1))
            length += out[-1]
            if out[-1] != 255:
                return length

    while len(out) < n:
        out += tokens.take(1)
        token = out[-1]
        n_literals = token >> 4
        if n_literals == 15:
            n_literals = lengthen(15)
        demand(n_literals <= n - len(out), "format", "LZ4 literals")
        out += literals.take(n_literals)
        if len(out) < n:
            demand(n - len(out) >= 2, "format", "LZ4 offset")
            out += offsets.take(2)
            if token & 15 == 15:
                lengthen(0)
    return bytes(out)


def unsplit(blob, size):
    demand(size <= TARGET_MAX, "limit", "split content")
    streams, out = streams_of(blob, size), bytearray()
    control = streams[0]
    while len(out) < size:  # PF-103
        kind, first, n = control.number(), control.number(), control.number()
        demand(kind in STREAMS and 1 <= first and first + STREAMS[kind] <= len(streams)
               and 1 <= n <= size - len(out), "format", "region")
        mine = streams[first : first + STREAMS[kind]]
        if kind == PLAIN:
            out += mine[0].take(n)
        elif kind == X86:
            out += x86(mine, n, len(out))
        elif kind == RECORDS:
            out += records(control, mine[0], n)
        else:
            out += lz4(mine, n)
    for stream in streams:
        demand(stream.at == len(stream.data), "format", "streams hold more than the content")
    return bytes(out)
