# SPDX-License-Identifier: Apache-2.0
"""splits - contents sorted into streams, and the cases of REPLACE_SPLIT"""

import struct

from container import BLOCK, Op, Part, Payload, prose, varint, xz, zstd

PLAIN, X86, RECORDS, LZ4 = range(4)
CODE = bytes.fromhex("554889e5e8000000000f84100000008b0534120000488d3d00100000e9fbffffff"
                     "e8ffffff7f8b050000000150c3")


def sws1(regions, streams, codecs=None, control_codec=0, **changes):
    """regions: ready-made bytes, or (kind, first stream, length, more bytes)."""
    control = b"".join(r if isinstance(r, bytes)
                       else b"".join(map(varint, r[:3])) + b"".join(r[3:]) for r in regions)
    pack = {0: lambda d: d, 1: xz, 2: lambda d: zstd(d, "-19")}
    codecs = [control_codec, *(codecs or [0] * len(streams))]
    streams = [control, *streams]
    packed = [pack[c](s) if s else b"" for c, s in zip(codecs, streams)]
    head = b"".join(struct.pack("<BII", c if s else 0, len(p), len(s))
                    for c, p, s in zip(codecs, packed, streams))
    return (changes.get("magic", b"SWS1") + bytes([changes.get("n", len(streams))])
            + changes.get("zeros", b"\0\0\0") + changes.get("head", head) + b"".join(packed))


def sort_code(code, begin):
    """By the rules of PF-105, for instructions as CODE has them."""
    modrm = bytes.fromhex("030b1011232829 2b2e3338393b5859 636f7f85898b8d b6b7beff")
    streams, i = [bytearray() for _ in range(4)], 0
    while i < len(code):
        left, which, n = len(code) - i, 0, 1
        if left >= 5 and code[i] in (0xE8, 0xE9):
            which = code[i] - 0xE7
        elif left >= 6 and code[i] == 0x0F and code[i + 1] & 0xF0 == 0x80:
            which, n = 2, 2
        elif left >= 6 and code[i] in modrm and code[i + 1] & 0xC7 == 5:
            which, n = 3, 2
        streams[0] += code[i : i + n]
        i += n
        if which:
            value = struct.unpack_from("<I", code, i)[0]
            i += 4
            if value >> 24 in (0, 0xFF):
                value = (value + begin + i) & 0x1FFFFFF
                value |= 0xFE000000 if value >> 24 else 0
            streams[which] += struct.pack(">I", value)
    return [bytes(s) for s in streams]


def table(rows):
    """Records of 4, 1, 1, 2 and 8 bytes: as they are, and their columns with the first and last as differences."""
    raw, values = b"", [(1000 * i, i % 3, 7, 0xFF00 + i, (1 << 63) - i) for i in range(rows)]
    columns = b""
    for row in values:
        raw += struct.pack("<IBBHQ", *row)
    for field, (width, delta) in enumerate(zip((4, 1, 1, 2, 8), (1, 0, 0, 0, 1))):
        last, cells = 0, []
        for row in values:
            cell = (row[field] - last) % (1 << 8 * width) if delta else row[field]
            cells.append(cell.to_bytes(width, "little"))
            last = row[field]
        columns += b"".join(bytes(c[k] for c in cells) for k in range(width))
    return raw, varint(5) + bytes([4 | 0x80, 1, 1, 2, 8 | 0x80]), columns


def lz4_block(rows):
    """Sequences with short and long lengths, the last one of literals only."""
    streams, raw = [bytearray() for _ in range(3)], bytearray()
    for i in range(rows):
        n, match = (i * 37) % 600, (i * 53) % 560
        token = bytes([min(n, 15) << 4 | min(match, 15)])
        head = token + (b"" if n < 15 else b"\xff" * ((n - 15) // 255) + bytes([(n - 15) % 255]))
        tail = b"" if match < 15 else b"\xff" * ((match - 15) // 255) + bytes([(match - 15) % 255])
        text, offset = prose(f"sequence {i}", n), struct.pack("<H", 1 + i * 101)
        raw += head + text + offset + tail
        for stream, part in zip(streams, (head + tail, text, offset)):
            stream += part
    raw += b"\x30end"
    streams[0] += b"\x30"
    streams[1] += b"end"
    return bytes(raw), [bytes(s) for s in streams]


def good_split(codecs=None, control_codec=0):
    """A block aligned content with a region of each kind, and its blob."""
    text = prose("split", 700)
    rows, fields, columns = table(50)
    block, parts = lz4_block(20)
    size = -(-(len(text) + 3 * len(CODE) + len(rows) + len(block)) // BLOCK) * BLOCK
    code_at = len(text)
    rest = prose("rest", size - len(text) - 3 * len(CODE) - len(rows) - len(block))
    content = text + CODE * 3 + rows + block + rest
    code = sort_code(CODE * 3, code_at)
    blob = sws1([(PLAIN, 1, len(text)), (X86, 2, 3 * len(CODE)), (RECORDS, 6, len(rows), fields),
                 (LZ4, 7, len(block)), (PLAIN, 1, len(rest))],
                [text + rest, *code, columns, *parts], codecs, control_codec)
    return content, blob


def payload(content, blob, minor=1003):
    return Payload([Part("root", content, [Op(130, [(0, len(content) // BLOCK)], blob)])], minor)


def write_good_splits(cases):
    for name, codecs, control in (("mixed", [2] + [0] * 8, 0), ("xz", [1] * 9, 1), ("zstd", [2] * 9, 2)):
        cases.good(f"own-split-{name}", payload(*good_split(codecs, control)))


def write_bad_splits(cases):
    content, good = good_split([2] + [0] * 8)
    text = prose("block", BLOCK)
    whole = [(PLAIN, 1, BLOCK)]

    def bad(name, blob, fault="format", data=text):
        cases.bad(f"split-{name}", fault, "decode REPLACE_SPLIT", payload(data, blob))

    cases.bad("split-in-1001", "unsupported", "REPLACE_SPLIT) is not one of minor version 1001",
              payload(content, good, 1001))
    packed = zstd(text, "-19")

    def one(regions, **changes):
        return sws1(regions, [text], [2], **changes)

    def head(codec=2, n_packed=len(packed), n=BLOCK, n_control=4):
        return struct.pack("<BIIBII", 0, 4, n_control, codec, n_packed, n)

    for name, blob in (
            ("magic", one(whole, magic=b"SWS2")),
            ("zeros", one(whole, zeros=b"\0\1\0")),
            ("one-stream", one(whole, n=1)),
            ("many-streams", one(whole, n=17)),
            ("head-cut", one(whole)[:20]),
            ("codec", one(whole, head=head(codec=3))),
            ("packed-size", one(whole, head=head(n_packed=len(packed) + 1))),
            ("size", one(whole, head=head(n=BLOCK - 1))),
            ("trailing", one(whole) + b"x"),
            ("control-short", one([b""])),
            ("control-left-over", one(whole + [b"\0"])),
            ("kind", one([(4, 1, BLOCK)])),
            ("stream-0", one([(PLAIN, 0, BLOCK)])),
            ("stream-behind", one([(PLAIN, 2, BLOCK)])),
            ("x86-streams-behind", one([(X86, 1, BLOCK)])),
            ("region-empty", one([(PLAIN, 1, 0)] + whole)),
            ("region-long", one([(PLAIN, 1, BLOCK + 1)])),
            ("number-long", one([b"\0\1\xff\xff\xff\xff\xff\1"])),
            ("no-fields", one([(RECORDS, 1, BLOCK, b"\0")])),
            ("nine-fields", one([(RECORDS, 1, BLOCK, b"\x09" + b"\4" * 9)])),
            ("field-width", one([(RECORDS, 1, BLOCK, b"\1\3")])),
            ("record-cut", one([(RECORDS, 1, BLOCK, b"\2\4\1")])),
    ):
        bad(name, blob)
    bad("stream-short", sws1([(PLAIN, 1, BLOCK)], [text[:-8], text[-8:]], [2, 0]))
    bad("operands-short", sws1([(X86, 1, BLOCK)], [b"\xe8" * (BLOCK - 4), b"", b"\0" * 4, b""],
                               [2, 0, 0, 0]))
    bad("lz4-literals", sws1([(LZ4, 1, BLOCK)], [b"\xf0" * 4, b"\0" * (BLOCK - 6), b"\0\0"],
                             [0, 2, 0]))
    bad("lz4-length-cut", sws1([(LZ4, 1, BLOCK)], [b"\xf0" + b"\xff" * (BLOCK - 2), b"x", b""],
                               [2, 0, 0]))
    large = b"\0" * (4097 * BLOCK)
    bad("large", sws1([(PLAIN, 1, len(large))], [large], [2]), "limit", large)
    records = b"\0" * (257 * BLOCK)
    bad("records-large", sws1([(RECORDS, 1, len(records), b"\1\4")], [records], [2]), "limit",
        records)
