# SPDX-License-Identifier: Apache-2.0
"""deltas - a small delta whose operations the cases replace, and the cases of SWDIFF"""

import bz2
import struct

from container import (BLOCK, Op, Part, Payload, diff_bytes, noise, patch, prose, swd1, varint, xz)


def old_and_new():
    old = noise("old", 6 * BLOCK)
    new = bytearray(old[BLOCK : 3 * BLOCK] + old[:BLOCK] + b"\0" * BLOCK + old[3 * BLOCK :])
    for i in range(0, 2 * BLOCK, 64):
        new[i] = new[i] + 4 & 0xFF
    new[BLOCK : BLOCK + 100] = prose("changed", 100)
    return old, bytes(new)


def delta_part(minor, codecs=None):
    """2 blocks patched, 1 copied, 1 zero, 2 copied and 1 replaced."""
    old, new = old_and_new()
    source = old[BLOCK : 3 * BLOCK]
    zero = Op(6, [(3, 1)]) if minor >= 4 else Op(1, [(3, 1)], bz2.compress(b"\0" * BLOCK))
    return Part("root", new, [
        Op(10 if codecs else 5, [(0, 2)], simple_patch_at(source, new[: 2 * BLOCK], codecs),
           [(1, 2)], source),
        Op(4, [(2, 1)], None, [(0, 1)], old[:BLOCK]),
        zero,
        Op(4, [(5, 1), (4, 1)], None, [(4, 1), (3, 1)], old[4 * BLOCK : 5 * BLOCK]
           + old[3 * BLOCK : 4 * BLOCK]),
        Op(0, [(6, 1)], new[6 * BLOCK :]),
    ], old)


def simple_patch_at(old, new, codecs):
    """Aligned but for 100 bytes in the middle."""
    at = BLOCK
    entries = [(at, 100, 100), (len(new) - at - 100, 0, -7)]
    diff = diff_bytes(new[:at], old) + diff_bytes(new[at + 100 :], old[at + 100 :])
    return patch(entries, diff, new[at : at + 100], codecs)


def with_op(part, i, op):
    part.ops[i] = op
    return part


def swdiff_part(codecs):
    """Two files in one operation: the sources' order is not the targets', and one is all new."""
    old, new = old_and_new()
    part = delta_part(1001)
    diff = diff_bytes(new[:BLOCK], old[BLOCK:]) + diff_bytes(
        new[BLOCK + 100 : 2 * BLOCK], old[2 * BLOCK + 100 :])
    text = prose("another file", BLOCK)
    part.new = new[: 6 * BLOCK] + text
    source = old[2 * BLOCK : 3 * BLOCK] + old[BLOCK : 2 * BLOCK]
    entries = [(0, 0, BLOCK), (BLOCK, 100, 100 - 2 * BLOCK), (BLOCK - 100, BLOCK, 0)]
    part.ops[0] = Op(129, [(0, 2), (6, 1)], swd1(entries, diff, new[BLOCK : BLOCK + 100] + text,
                                                 codecs), [(2, 1), (1, 1)], source)
    del part.ops[4]
    return part


def write_bad_differences(cases):
    old, new = old_and_new()
    source, new = old[BLOCK : 3 * BLOCK], new[: 2 * BLOCK]
    size, whole = len(new), diff_bytes(new, source)
    good = swd1([(size, 0, 0)], whole, b"")

    def payload(raw, minor=1001, kind=129):
        op = Op(kind, [(0, 2)], raw, [(1, 2)], source)
        return Payload([with_op(delta_part(1001), 0, op)], minor)

    cases.bad("swdiff-in-1000", "unsupported", "SWDIFF) is not one of minor version 1000",
              payload(good, 1000))
    cases.bad("swdiff-in-6", "unsupported", "SWDIFF) is not one of minor version 6",
              payload(good, 6))
    cases.bad("swdiff-as-bsdiff", "format", "decode BROTLI_BSDIFF", payload(good, kind=10))
    cases.bad("swdiff-dictionary", "limit", "decode SWDIFF",
              payload(good[:12] + struct.pack("<I", len(xz(varint(size), dictionary=1 << 23)))
                      + good[16:28] + xz(varint(size), dictionary=1 << 23)
                      + good[28 + struct.unpack("<I", good[12:16])[0] :]))
    for name, raw in (
            ("magic", b"SWD2" + good[4:]),
            ("codec", good[:4] + b"\5" + good[5:]),
            ("zeros", good[:11] + b"\1" + good[12:]),
            ("header-cut", good[:27]),
            ("sizes", good[:12] + b"\xff\xff\xff\xff" + good[16:]),
            ("is-bsdiff", patch([(size, 0, 0)], whole, b"")),
            ("no-entries", swd1([], b"", b"")),
            ("number-long", swd1([(b"\xff" * 9 + b"\1", 0, 0)], whole, b"", (0, 0, 0, 1, 1))),
            ("number-cut", swd1([(b"\x80", 0, 0)], whole, b"", (0, 0, 0, 1, 1))),
            ("before-source", swd1([(0, 1, -1), (size - 1, 0, 0)], whole[1:], b"x")),
            ("behind-source", swd1([(0, 1, 2), (size - 1, 0, 0)], whole[1:], b"x")),
            ("too-long", swd1([(size, 1, 0)], whole, b"x")),
            ("diff-short", swd1([(size, 0, 0)], whole[:-1], b"")),
            ("diff-left-over", swd1([(size, 0, 0)], whole + b"x", b"")),
            ("extra-left-over", swd1([(size, 0, 0)], whole, b"x")),
            ("entries-left-over", swd1([(size, 0, 0), (0, 0, 0)], whole, b"")),
            ("moves-left-over", swd1([(size, 0, b"\0\0")], whole, b"")),
            ("idle-entries", swd1([(0, 0, 0)] * (size + 1) + [(size, 0, 0)], whole, b"")),
            ("trailing", good + b"x"),
    ):
        cases.bad(f"swdiff-{name}", "format", "decode SWDIFF", payload(raw))
