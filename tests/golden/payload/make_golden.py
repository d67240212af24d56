#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""make_golden.py [FOLDER] - writes the cases of good/ and bad/

Builds every payload by hand from docs/spec/payload.md, without Switchback's writer: if both have the
same mistake, it is not because one is the other. The cases are checked in, because compressors
of another version write other bytes; run this again to add one, not at every build.

A case is a folder:
  payload      the input
  old          lines NAME=IMAGE, if there are old images; they lie in images/
  key          the public keys to verify with, if any; they lie beside good/ and bad/
  expect       good: what golden-payload and refdecoder print.
               bad: "fault=" the refusal's reason, "text=" a part of Switchback's message
"""

import bz2
import pathlib
import struct
import sys
from lzma import CHECK_CRC32, CHECK_CRC64, CHECK_SHA256

from container import (BLOCK, HOLE, Op, Part, Payload, by_both, by_p256, by_rsa, chunk, diff_bytes,
                       info, noise, number, offset, patch, prose, sha, sign_p256, sign_rsa,
                       signature, varint, xz, zstd, zstd_without_size)
from deltas import (delta_part, old_and_new, simple_patch_at, swdiff_part, with_op,
                    write_bad_differences)
from opened import write_bad_lzop, write_bad_opened, write_good_opened, write_tokens
from programs import write_bad_programs, write_good_programs
from puffs import Stream, puffdiff
from splits import write_bad_splits, write_good_splits
from trees import write_bad_trees, write_good_trees

HERE = pathlib.Path(__file__).resolve().parent


class Cases:
    def __init__(self, folder):
        self.folder = folder

    def write(self, kind, name, payload, keys, expect):
        case = self.folder / kind / name
        case.mkdir(parents=True)
        (case / "payload").write_bytes(payload.encode())
        olds = [f"{part.name}={self.image(part.old)}\n" for part in payload.parts if part.old]
        if olds:
            (case / "old").write_text("".join(olds))
        if keys:
            (case / "key").write_text("".join(f"{key}.pem\n" for key in keys))
        (case / "expect").write_text(expect)

    def image(self, data):
        folder = self.folder / "images"
        folder.mkdir(exist_ok=True)
        name = sha(data).hex()[:12]
        (folder / name).write_bytes(data)
        return name

    def good(self, name, payload, keys=()):
        self.write("good", name, payload, keys, "\n".join(listing(payload)) + "\n")

    def bad(self, name, fault, text, payload, keys=()):
        self.write("bad", name, payload, keys, f"fault={fault}\ntext={text}\n")


NAMES = {0: "REPLACE", 1: "REPLACE_BZ", 4: "SOURCE_COPY", 5: "SOURCE_BSDIFF", 6: "ZERO",
         7: "DISCARD", 8: "REPLACE_XZ", 9: "PUFFDIFF", 10: "BROTLI_BSDIFF", 128: "REPLACE_ZSTD",
         129: "SWDIFF", 130: "REPLACE_SPLIT"}


def shown(extents):
    return ",".join(f"{'hole' if s == HOLE else s}+{n}" for s, n in extents)


def listing(payload):
    """What a reader must find: from what was put in, not from the bytes."""
    signed = "yes" if payload.sign[1] else "no"
    yield (f"payload bytes={len(payload.encode())} metadata={24 + len(payload.manifest())} "
           f"minor={payload.minor} signed={signed}")
    n = at = 0
    for p in payload.parts:
        old = len(p.old) if p.old is not None else "none"
        yield (f"partition {p.name} new={len(p.new)} old={old} version={p.version} "
               f"operations={len(p.ops)}")
        for op in p.ops:
            place = f"{at}+{len(op.data)}" if op.data is not None else "0+0"
            yield f"operation {n} {NAMES[op.kind]} data={place} src={shown(op.src)} " \
                  f"dst={shown(op.dst)}"
            n, at = n + 1, at + len(op.data or b"")
    for p in payload.parts:
        yield f"target {p.name} {sha(p.new).hex()}"


# ---- good cases ------------------------------------------------------------------------------

TEXT = prose("word", 3 * BLOCK)
RAW = noise("raw", BLOCK)


def full_parts():
    root = TEXT + RAW + prose("more", 2 * BLOCK)
    return [
        Part("root", root, [
            Op(8, [(0, 3)], xz(TEXT)),
            Op(0, [(3, 1)], RAW),
            Op(1, [(5, 1), (4, 1)], bz2.compress(root[5 * BLOCK :] + root[4 * BLOCK : 5 * BLOCK])),
        ]),
        Part("boot", TEXT[:BLOCK], [Op(8, [(0, 1)], xz(TEXT[:BLOCK], CHECK_CRC32))],
             version=b""),
    ]


def write_good_full(cases):
    cases.good("full", Payload(full_parts()))
    cases.good("full-signed-rsa", Payload(full_parts(), sign=by_rsa), ["rsa"])
    cases.good("full-signed-p256", Payload(full_parts(), sign=by_p256), ["p256"])
    cases.good("full-two-signatures", Payload(full_parts(), sign=by_both), ["rsa"])
    cases.good("full-two-keys", Payload(full_parts(), sign=by_rsa), ["p256", "rsa"])
    cases.good("full-old-signature-message", Payload(
        full_parts(), sign=lambda d: signature(sign_rsa(d), version=1)), ["rsa"])
    tail = full_parts()[1:]
    tail[0].new = tail[0].new[:1000]
    tail[0].ops = [Op(0, [(0, 1)], tail[0].new)]
    cases.good("full-size-not-of-blocks", Payload(tail))
    cases.good("full-unknown-fields", Payload(
        [Part("root", TEXT, [Op(8, [(0, 3)], xz(TEXT), more=number(20, 5) + chunk(100, b"abc"))],
              postinstall=number(2, 1) + chunk(3, b"sbin/postinst"), filesystem=chunk(4, b"ext4"),
              more=chunk(5, signature(b"x")) + varint(200 << 3 | 1) + b"12345678"
              + varint(201 << 3 | 5) + b"1234")],
        more_first=chunk(1, b"major 1") + number(2, 7), timestamp=number(14, 1700000000),
        more_last=chunk(18, b"2024-09-05") + chunk(15, number(2, 1))))
    parts = [Part(f"p{i}", bytes([i]) * BLOCK, [Op(1, [(0, 1)], bz2.compress(bytes([i]) * BLOCK))])
             for i in range(16)]
    cases.good("full-16-partitions", Payload(parts))
    ordered = [Part("root", TEXT[:BLOCK], [Op(0, [(0, 1)], TEXT[:BLOCK])])]
    manifest = Payload(ordered, timestamp=number(14, 2**64 - 1))  # -1
    cases.good("full-negative-timestamp", manifest)
    cases.good("full-defaults-left-out", Payload(
        [Part("root", TEXT[:BLOCK], [Op(0, [(0, 1)], TEXT[:BLOCK], offset=b"",
                                        dst=chunk(6, number(2, 1)))])],
        block_size=b"", minor=0))


def write_good_delta(cases):
    cases.good("delta-minor-2", Payload([delta_part(2)], 2))
    cases.good("delta-minor-4", Payload([delta_part(4)], 4, by_rsa), ["rsa"])
    for codecs in ((0, 1, 2), (1, 2, 0), (2, 2, 2), (2, 1, 1)):
        name = "".join(map(str, codecs))
        cases.good(f"delta-minor-9-bsdf2-{name}", Payload([delta_part(9, codecs)], 9))
    cases.good("delta-discard", Payload([with_op(delta_part(4), 2, Op(7, [(3, 1)]))], 4))
    old, new = noise("short", 2 * BLOCK), noise("short", 5000) + b"\0" * (2 * BLOCK - 5000)
    cases.good("delta-minor-3-lengths", Payload([Part("root", new, [
        Op(5, [(0, 2)], patch([(5000, 0, 0)], b"\0" * 5000, b""), [(0, 2)], old,
           src_length=number(5, 6000), dst_length=number(7, 5000))], old)], 3))
    holed = old[:BLOCK] + b"\0" * BLOCK
    cases.good("delta-holes", Payload([Part("root", holed, [
        Op(4, [(0, 1), (HOLE, 1), (1, 1)], None, [(0, 2), (HOLE, 1)], old + b"\0" * BLOCK)],
        old)], 4))
    cases.good("delta-empty-old", Payload([Part("root", TEXT, [Op(8, [(0, 3)], xz(TEXT))], b"")], 4))
    cases.good("delta-nothing-written", Payload([Part("root", b"\0" * BLOCK, [], old)], 4))
    cases.good("delta-empty-streams", Payload([Part("root", old[:BLOCK], [
        Op(10, [(0, 1)], offsets_only_patch(), [(0, 1)], old[:BLOCK])], old)], 4))
    cases.good("partial-minor-7", Payload([Part("root", TEXT, [Op(8, [(0, 3)], xz(TEXT))])], 7,
                                          more_last=number(16, 1)))


def puff_streams():
    """An old and a new stream: blocks of each kind, at every phase of a byte, with and without bits
    between them."""
    old, new = Stream(), Stream()
    text = prose("puff", 900)
    for stream, changed in ((old, b""), (new, b"changed")):
        stream.put(b"head" + changed)
        stream.fixed([*text[:100], *changed, (3, 1), (258, 100), (129, 50)])
        stream.dynamic([*text, (130, 32), *changed, (131, 700), *b"end", (257, 900)])
        stream.raw(5, 3)
        stream.stored(text[:300] + changed)
        stream.put(b"between")
        stream.fixed([])
        stream.dynamic([*noise("far", 600), *changed, (4, 1000), (200, 513)])
        stream.fixed([*b"the end", (10, 7)], last=True)
        stream.raw(0, -len(stream.bits) % 8)
        stream.put(b"tail" + changed)
        stream.stored(b"")
        stream.finish(2 * BLOCK)
    return old, new


def puff_part(**changes):
    old, new = puff_streams()
    op = Op(9, [(1, 1), (0, 1)], puffdiff(old, new, **changes), [(1, 1), (0, 1)], old.bytes())
    return Part("root", swapped(new.bytes()), [op], swapped(old.bytes()))


def swapped(data):
    return data[BLOCK:] + data[:BLOCK]


def write_good_puffs(cases):
    cases.good("delta-puffdiff", Payload([puff_part()], 5))
    cases.good("delta-puffdiff-minor-9", Payload([puff_part(codecs=None, kind=0, version=0)], 9))
    cases.good("delta-puffdiff-to-raw", Payload([raw_puff_part()], 6))


def raw_puff_part():
    """No block is known, neither in the old nor in the new stream."""
    old, new = Stream(), Stream()
    old.put(prose("raw", 50))
    new.put(prose("row", 60))
    old.finish(BLOCK)
    new.finish(BLOCK)
    op = Op(9, [(0, 1)], puffdiff(old, new), [(0, 1)], old.bytes())
    return Part("root", new.bytes(), [op], old.bytes())


def write_bad_puffs(cases):
    """The target's side is wrong, unless the name says another thing."""
    _, good = puff_streams()
    deflates, puffs, length = good.deflates, good.puffs, len(good.puffed)

    def moved(extents, i, offset, n):
        return [*extents[:i], (extents[i][0] + offset, extents[i][1] + n), *extents[i + 1 :]]

    def broken(at, byte):
        """A patch that makes another puff of the target."""
        other = puff_streams()[1]
        at += puffs[1][0] // 8
        other.puffed = other.puffed[:at] + bytes([byte]) + other.puffed[at + 1 :]
        return other

    for name, fault, payload in (
            ("magic", "format", puffed(lambda p: b"PUF2" + p[4:])),
            ("header-cut", "format", puffed(lambda p: p[:6])),
            ("header-long", "format", puffed(lambda p: p[:4] + b"\xff" * 4 + p[8:])),
            ("kind", "unsupported", Payload([puff_part(kind=1)], 5)),
            ("inner-magic", "format", puffed(lambda p: p.replace(b"BSDF2", b"BSDF3"))),
            ("no-puff", "format", Payload([puff_part(puffs=puffs[:-1])], 5)),
            ("block-moved", "format", Payload([puff_part(deflates=moved(deflates, 2, 1, -1))], 5)),
            ("block-short", "format", Payload([puff_part(deflates=moved(deflates, 4, 0, -8))], 5)),
            ("block-outside", "format", Payload(
                [puff_part(deflates=moved(deflates, len(deflates) - 1, 8 * BLOCK, 0))], 5)),
            ("block-empty", "format", Payload(
                [puff_part(deflates=moved(deflates, 0, 0, -deflates[0][1]))], 5)),
            ("blocks-swapped", "format", Payload(
                [puff_part(deflates=[deflates[1], deflates[0], *deflates[2:]])], 5)),
            ("puff-not-bytes", "format", Payload([puff_part(puffs=moved(puffs, 3, 0, 4))], 5)),
            ("puff-long", "format", Payload([puff_part(puffs=moved(puffs, 3, 0, 8))], 5)),
            ("length", "format", Payload([puff_part(length=length + 1)], 5)),
            ("token", "format", with_target(broken(400, 0xFF))),
            ("head-size", "format", with_target(broken(0, 0xFF))),
            ("head-type", "format", with_target(broken(2, 0x60))),
            ("counts", "format", with_target(broken(3, 0x1F))),
            ("no-word", "format", with_target(broken(30, 7))),
    ):
        cases.bad(f"puffdiff-{name}", fault, "operation 0: decode PUFFDIFF", payload)
    part = puff_part()
    old = bytearray(part.old)
    old[BLOCK + 30] ^= 0x10  # within a block: what the patch reads is no block any more
    part.ops[0].src_hash = sha(bytes(old[BLOCK:] + old[:BLOCK]))
    part.old = bytes(old)
    cases.bad("puffdiff-source-is-another", "format", "operation 0: decode PUFFDIFF",
              Payload([part], 5))


def puffed(change):
    part = puff_part()
    part.ops[0].data = change(part.ops[0].data)
    return Payload([part], 5)


def with_target(target):
    old, new = puff_streams()
    op = Op(9, [(1, 1), (0, 1)], puffdiff(old, target), [(1, 1), (0, 1)], old.bytes())
    return Payload([Part("root", swapped(new.bytes()), [op], swapped(old.bytes()))], 5)


def offsets_only_patch():
    """An extra stream of no compressed bytes at all, as some makers write it."""
    control = bz2.compress(offset(BLOCK) + offset(0) + offset(0))
    diff = bz2.compress(b"\0" * BLOCK)
    return b"BSDF2\1\1\1" + offset(len(control)) + offset(len(diff)) + offset(BLOCK) + control + diff


def piece_fields(content, **changes):
    """What a piece says of its destination."""
    blocks = [content[i : i + BLOCK] for i in range(0, len(content), BLOCK)]
    f = {"hash": chunk(16, sha(content)), "tags": chunk(17, b"".join(sha(b)[:5] for b in blocks))}
    f.update(changes)
    return f["hash"] + f["tags"]


def pieces(content, **changes):
    """A partition of two pieces, in the order of nothing, and a block of zeros."""
    new = content[: 3 * BLOCK] + b"\0" * BLOCK
    first, last = new[:BLOCK], new[BLOCK : 3 * BLOCK]
    return [Part("root", new, [
        Op(128, [(1, 2)], zstd(last), more=piece_fields(last, **changes)),
        Op(0, [(0, 1)], first, more=piece_fields(first)),
        Op(6, [(3, 1)])])]


def write_bad_pieces(cases):
    for name, changes in (("no-hash", {"hash": b""}), ("no-tags", {"tags": b""}),
                          ("tags-short", {"tags": chunk(17, b"x" * 9)})):
        cases.bad(f"piece-{name}", "format", "piece of 2 blocks", Payload(pieces(TEXT, **changes), 1002))
    cases.bad("piece-hash-short", "format", "hash of 31 bytes",
              Payload(pieces(TEXT, hash=chunk(16, b"x" * 31)), 1002))
    cases.bad("piece-in-delta", "format", "a delta with minor version 1002",
              Payload(one(old=RAW), 1002))
    large = b"\0" * (1025 * BLOCK)
    cases.bad("piece-large", "limit", "piece of 1025 blocks", Payload([Part("root", large, [
        Op(128, [(0, 1025)], zstd(large), more=piece_fields(large))])], 1002))
    cases.bad("piece-hole", "format", "piece with a hole", Payload([Part("root", TEXT, [
        Op(128, [(0, 3), (2**64 - 1, 1)], zstd(TEXT + b"\0" * BLOCK),
           more=piece_fields(TEXT + b"\0" * BLOCK))])], 1002))


def write_good_own(cases):
    cases.good("own-full-zstd", Payload([Part("root", TEXT, [
        Op(128, [(0, 3)], zstd(TEXT, "-19"))])], 1000, by_p256), ["p256"])
    part = delta_part(1000, (1, 2, 1))
    part.ops[4] = Op(128, [(6, 1)], b"")
    part.new = part.new[: 6 * BLOCK] + TEXT[:BLOCK]
    part.ops[4].data = zstd(TEXT[:BLOCK])
    cases.good("own-delta", Payload([part], 1000))
    for codecs in ((0, 0, 0, 1, 1), (1, 1, 1, 1, 1), (2, 2, 2, 2, 2), (0, 1, 2, 1, 0)):
        name = "".join(map(str, codecs))
        cases.good(f"own-swdiff-{name}", Payload([swdiff_part(codecs)], 1001))
    cases.good("own-swdiff-33334", Payload([swdiff_part((3, 3, 3, 3, 4))], 1003))
    write_good_splits(cases)
    write_good_programs(cases)
    cases.good("own-pieces", Payload(pieces(TEXT), 1002, by_p256), ["p256"])
    large = b"\0" * (2048 * BLOCK)
    cases.good("own-zstd-window-8m", Payload([Part("root", large, [
        Op(128, [(0, 2048)], zstd(large, "-1"))])], 1000))


# ---- bad cases -------------------------------------------------------------------------------


def one(op=None, old=None, **changes):
    """The only partition, of one operation; one of the two is spoilt."""
    return [Part("root", TEXT, [op or Op(8, [(0, 3)], xz(TEXT))], old, **changes)]


def header_field(form, at, value):
    def change(header):
        raw = bytearray(header)
        struct.pack_into(form, raw, at, value)
        return bytes(raw)

    return change


def write_bad_container(cases):
    for name, fault, text, change in (
            ("magic", "format", "does not begin with CrAU", header_field(">I", 0, 0x43724155 ^ 1)),
            ("major-1", "unsupported", "major version 1", header_field(">Q", 4, 1)),
            ("major-3", "unsupported", "major version 3", header_field(">Q", 4, 3)),
            ("manifest-size-0", "format", "manifest is empty", header_field(">Q", 12, 0)),
            ("manifest-size-16m", "limit", "manifest of 16777217",
             header_field(">Q", 12, (16 << 20) + 1)),
            ("manifest-size-huge", "limit", "manifest of 18446744073709551615",
             header_field(">Q", 12, 2**64 - 1)),
            ("metadata-signature-size", "limit", "metadata signature of 65537",
             header_field(">I", 20, 65537)),
            ("manifest-size-short", "format", "damaged or cut", header_field(">Q", 12, 40)),
    ):
        cases.bad(f"header-{name}", fault, text, Payload(one(), header=change))
    cases.bad("empty", "format", "cut at byte 0", Payload(one(), end=10**6))
    whole = len(Payload(one()).encode())
    for name, left in (("header", 10), ("manifest", 60), ("blob", whole - 1)):
        cases.bad(f"cut-in-{name}", "format", f"cut at byte {left}", Payload(one(), end=whole - left))
    cases.bad("cut-in-signature", "format", "cut at byte", Payload(one(), sign=by_rsa, end=1))
    cases.bad("trailing-byte", "format", "more bytes follow", Payload(one(), end=b"x"))
    cases.bad("trailing-byte-signed", "format", "more bytes follow",
              Payload(one(), sign=by_rsa, end=b"x"), ["rsa"])


def write_bad_messages(cases):
    def last(raw):
        return Payload(one(), more_last=raw)

    cases.bad("message-group", "format", "damaged or cut", last(b"\xa3\x06\xa4\x06"))
    cases.bad("message-field-0", "format", "damaged or cut", last(b"\x00\x00"))
    cases.bad("message-varint-endless", "format", "damaged or cut", last(b"\xa0\x06" + b"\xff" * 11))
    cases.bad("message-bytes-too-long", "format", "damaged or cut", last(b"\xa2\x06\x7fab"))
    cases.bad("message-wire-type", "format", "wire type 2 instead of 0",
              Payload(one(), minor=0, timestamp=chunk(14, b"")))
    cases.bad("message-field-twice", "format", "field 3 given twice", last(number(3, BLOCK)))
    cases.bad("operation-type-twice", "format", "field 1 given twice",
              Payload(one(Op(8, [(0, 3)], xz(TEXT), more=number(1, 8)))))
    cases.bad("operation-type-64-bit", "format", "larger than 32 bits",
              Payload(one(Op(8, [(0, 3)], xz(TEXT), type=number(1, 2**64 - 1)))))
    cases.bad("operation-hash-short", "format", "hash of 31 bytes",
              Payload(one(Op(8, [(0, 3)], xz(TEXT), hash=chunk(8, b"x" * 31)))))
    cases.bad("operation-no-type", "format", "type is missing",
              Payload(one(Op(8, [(0, 3)], xz(TEXT), type=b""))))


def write_bad_manifest(cases):
    cases.bad("minor-1", "unsupported", "minor version 1, known are", Payload(one(), 1))
    cases.bad("minor-10", "unsupported", "minor version 10", Payload(one(), 10))
    cases.bad("minor-1005", "unsupported", "minor version 1005", Payload(one(), 1005))
    cases.bad("block-size-512", "unsupported", "blocks of 512",
              Payload(one(), block_size=number(3, 512)))
    cases.bad("no-partitions", "format", "any partition is missing",
              Payload([], timestamp=number(14, 5)))
    many = [Part(f"p{i}", RAW, [Op(1, [(0, 1)], bz2.compress(b"\0" * BLOCK))]) for i in range(17)]
    cases.bad("partitions-17", "limit", "more than 16 partitions", Payload(many))
    cases.bad("full-in-delta-minor", "format", "full payload with minor version 4",
              Payload(one(), 4))
    cases.bad("delta-in-full-minor", "format", "delta or partial payload with minor version 0",
              Payload(one(old=RAW), 0))
    cases.bad("partial-minor-6", "format", "partial_update in minor version 6",
              Payload(one(), 6, more_last=number(16, 1)))
    mixed = one(old=RAW) + [Part("boot", TEXT, [Op(8, [(0, 3)], xz(TEXT))])]
    cases.bad("old-info-mixed", "format", "'root' has an old_partition_info and 'boot' has none",
              Payload(mixed, 4))
    for name, fault, text, part in (
            ("name-missing", "format", "partition_name is missing", one(name=b"")),
            ("name-empty", "format", "partition name ''", one(name=chunk(1, b""))),
            ("name-path", "format", "partition name '../x'", one(name=chunk(1, b"../x"))),
            ("name-binary", "format", "not printable", one(name=chunk(1, b"a\0b"))),
            ("name-long", "limit", "text of 37 bytes", one(name=chunk(1, b"n" * 37))),
            ("name-twice", "format", "'root' stands twice", one() + one()),
            ("version-long", "limit", "text of 64 bytes", one(version=chunk(17, b"1" * 64))),
            ("no-new-info", "format", "new_partition_info is missing", one(new_info=b"")),
            ("new-info-no-hash", "format", "hash is missing", one(new_info=chunk(7, number(1, 12288)))),
            ("new-info-no-size", "format", "size is missing",
             one(new_info=chunk(7, chunk(2, sha(TEXT))))),
            ("new-size-0", "format", "new size is 0", one(new_info=chunk(7, info(b"")))),
            ("new-size-huge", "limit", "partition of 17592186044417 bytes",
             one(new_info=chunk(7, info(TEXT, (1 << 44) + 1)))),
            ("fec", "format", "error correction", one(verity=chunk(15, number(2, 1)))),
    ):
        cases.bad(f"partition-{name}", fault, text, Payload(part))


def write_bad_operations(cases):
    data = xz(TEXT)
    for name, fault, text, op in (
            ("type-unknown", "unsupported", "type 14 (unknown)", Op(14, [(0, 3)], data)),
            ("type-not-in-minor", "unsupported", "type 6 (ZERO)", Op(6, [(0, 3)])),
            ("type-zstd-in-minor-0", "unsupported", "type 128 (REPLACE_ZSTD)",
             Op(128, [(0, 3)], zstd(TEXT))),
            ("no-destination", "format", "no destination extents", Op(8, [], data)),
            ("extent-empty", "format", "destination extent 1 is empty",
             Op(8, [(0, 3), (1, 0)], data)),
            ("extent-outside", "format", "(3 blocks at 1) lies outside", Op(8, [(1, 3)], data)),
            ("extent-overflow", "format", "lies outside", Op(8, [(2**64 - 2, 3)], data)),
            ("extent-hole-long", "format", "lies outside", Op(8, [(HOLE, 4)], data)),
            ("source-on-replace", "format", "REPLACE_XZ with source extents",
             Op(8, [(0, 3)], data, [(0, 1)])),
            ("no-data", "format", "REPLACE_XZ without data",
             Op(8, [(0, 3)], b"", hash=chunk(8, sha(b"")))),
            ("data-huge", "limit", "bytes of data", Op(8, [(0, 3)], data, length=number(3, 25 << 20))),
            ("no-data-hash", "format", "data_sha256_hash is missing",
             Op(8, [(0, 3)], data, hash=b"")),
            ("data-offset", "format", "data at offset 7", Op(8, [(0, 3)], data, offset=number(2, 7))),
            ("replace-too-short", "format", "bytes of data for 3 blocks",
             Op(0, [(0, 3)], TEXT[: 2 * BLOCK])),
            ("replace-too-long", "format", "bytes of data for 3 blocks",
             Op(0, [(0, 3)], TEXT + b"x")),
            ("not-smaller", "format", "not smaller than REPLACE", Op(1, [(0, 3)], TEXT)),
            ("length-on-replace", "format", "src_length or dst_length",
             Op(8, [(0, 3)], data, dst_length=number(7, 3 * BLOCK))),
            ("block-left-out", "format", "2 blocks are written, it has 3",
             Op(8, [(0, 2)], data)),
            ("block-twice", "format", "4 blocks are written, it has 3",
             Op(8, [(0, 3), (0, 1)], data)),
    ):
        cases.bad(f"operation-{name}", fault, text, Payload(one(op)))
    parts = full_parts()
    parts[0].ops[1].changes = {"offset": number(2, 0)}
    cases.bad("operation-blob-shared", "format", "data at offset 0", Payload(parts))
    many = Op(8, [(0, 3)], data, more=chunk(6, b"") * 262145)
    cases.bad("operation-extents", "limit", "more than 262144 extents", Payload(one(many)))


def write_bad_delta(cases):
    old, new = old_and_new()
    source = old[BLOCK : 3 * BLOCK]
    good = simple_patch_at(source, new[: 2 * BLOCK], None)

    def delta(i, op, minor=4):
        return Payload([with_op(delta_part(minor), i, op)], minor)

    for name, fault, text, payload in (
            ("copy-without-source", "format", "without source extents", delta(1, Op(4, [(2, 1)]))),
            ("copy-other-size", "format", "copies 2 blocks to 1",
             delta(1, Op(4, [(2, 1)], None, [(0, 2)]))),
            ("copy-with-data", "format", "SOURCE_COPY with data",
             delta(1, Op(4, [(2, 1)], b"x", [(0, 1)]))),
            ("zero-with-source", "format", "ZERO with source",
             delta(2, Op(6, [(3, 1)], None, [(0, 1)]))),
            ("zero-with-hash", "format", "ZERO with data",
             delta(2, Op(6, [(3, 1)], hash=chunk(8, sha(b""))))),
            ("source-outside", "format", "source extent 0 (1 blocks at 6)",
             delta(1, Op(4, [(2, 1)], None, [(6, 1)]))),
            ("source-hash", "source", "source has another hash",
             delta(1, Op(4, [(2, 1)], None, [(0, 1)], b"another"))),
            ("lengths-minor-4", "format", "in minor version 4",
             delta(0, Op(5, [(0, 2)], good, [(1, 2)], source, src_length=number(5, 2 * BLOCK)))),
            ("lengths-wrong", "format", "does not fit its extents",
             delta(0, Op(5, [(0, 2)], good, [(1, 2)], source, dst_length=number(7, BLOCK)), 3)),
            ("xz-minor-2", "unsupported", "REPLACE_XZ) is not one of minor version 2",
             delta(4, Op(8, [(6, 1)], xz(TEXT[:BLOCK])), 2)),
            ("zucchini", "unsupported", "ZUCCHINI) can't be applied",
             delta(0, Op(11, [(0, 2)], good, [(1, 2)], source), 8)),
            ("lz4diff", "unsupported", "LZ4DIFF_BSDIFF) can't be applied",
             delta(0, Op(12, [(0, 2)], good, [(1, 2)], source), 9)),
            ("puffdiff-in-own", "unsupported", "PUFFDIFF) is not one of minor version 1000",
             delta(0, Op(9, [(0, 2)], good, [(1, 2)], source), 1000)),
            ("discard-in-own", "unsupported", "DISCARD) is not one of minor version 1000",
             delta(2, Op(7, [(3, 1)]), 1000)),
            ("holes-endless", "limit", "more than 7 blocks, the whole partition, into holes",
             delta(1, Op(4, [(2, 1), (HOLE, 7), (HOLE, 1)], None, [(0, 1), (0, 6), (0, 2)]))),
            ("source-endless", "limit", "more than 832 blocks of source",
             delta(0, Op(5, [(0, 2)], good, [(0, 6)] * 139, source))),
            ("copy-in-full", "format", "without an old_partition_info", Payload(
                [Part("root", TEXT, [Op(4, [(0, 3)], None, [(0, 3)])])], 1000)),
    ):
        cases.bad(f"delta-{name}", fault, text, payload)
    write_bad_patches(cases, source, new[: 2 * BLOCK])


def write_bad_patches(cases, source, new):
    size = len(new)
    whole = diff_bytes(new, source)
    for name, raw in (
            ("magic", b"BSDIFF41" + patch([(size, 0, 0)], whole, b"")[8:]),
            ("codec", patch([(size, 0, 0)], whole, b"", (1, 1, 1)).replace(b"BSDF2\1", b"BSDF2\3", 1)),
            ("header-cut", b"BSDIFF40" + b"\0" * 20),
            ("size", patch([(size - 1, 0, 0)], whole[:-1], b"")),
            ("size-negative", patch([(size, 0, 0)], whole, b"", size=-size)),
            ("control-beyond", b"BSDIFF40" + offset(10**6) + offset(0) + offset(size)),
            ("control-empty", patch([], b"", b"", size=size)),
            ("negative-diff", patch([(-1, 0, 0), (size, 0, 0)], whole, b"", size=size)),
            ("negative-extra", patch([(0, -1, 0), (size, 0, 0)], whole, b"", size=size)),
            ("before-source", patch([(0, 1, -1), (size - 1, 0, 0)], whole[1:], b"x")),
            ("behind-source", patch([(0, 1, 2), (size - 1, 0, 0)], whole[1:], b"x")),
            ("too-long", patch([(size, 1, 0)], whole, b"x", size=size)),
            ("diff-short", patch([(size, 0, 0)], whole[:-1], b"")),
            ("diff-left-over", patch([(size, 0, 0)], whole + b"x", b"")),
            ("extra-left-over", patch([(size, 0, 0)], whole, b"x")),
            ("control-left-over", patch([(size, 0, 0), (0, 0, 0)], whole, b"", size=size)),
            ("idle-entries", patch([(0, 0, 0)] * (size + 1) + [(size, 0, 0)], whole, b"")),
            ("damaged-bz2", patch([(size, 0, 0)], whole, b"")[:-4] + b"abcd"),
            ("trailing", patch([(size, 0, 0)], whole, b"") + b"x"),
    ):
        part = with_op(delta_part(4), 0, Op(10, [(0, 2)], raw, [(1, 2)], source))
        cases.bad(f"patch-{name}", "format", "decode BROTLI_BSDIFF", Payload([part], 4))


def write_bad_blobs(cases):
    xz_raw, zstd_raw = xz(TEXT), zstd(TEXT, "-19")
    window = zstd(b"\0" * (9 << 20), "--long=24")
    for name, fault, minor, op in (
            ("bz2-cut", "format", 0, Op(1, [(0, 3)], bz2.compress(TEXT)[:-1])),
            ("bz2-trailing", "format", 0, Op(1, [(0, 3)], bz2.compress(TEXT) + b"x")),
            ("bz2-two-streams", "format", 0, Op(1, [(0, 3)], bz2.compress(TEXT[:BLOCK])
                                                + bz2.compress(TEXT[BLOCK:]))),
            ("bz2-short", "format", 0, Op(1, [(0, 3)], bz2.compress(TEXT[:-1]))),
            ("bz2-long", "format", 0, Op(1, [(0, 3)], bz2.compress(TEXT + b"x"))),
            ("bz2-is-xz", "format", 0, Op(1, [(0, 3)], xz_raw)),
            ("xz-cut", "format", 0, Op(8, [(0, 3)], xz_raw[:-1])),
            ("xz-trailing", "format", 0, Op(8, [(0, 3)], xz_raw + b"\0\0\0\0")),
            ("xz-crc64", "format", 0, Op(8, [(0, 3)], xz(TEXT, CHECK_CRC64))),
            ("xz-sha256", "format", 0, Op(8, [(0, 3)], xz(TEXT, CHECK_SHA256))),
            ("xz-dictionary-64m", "limit", 0, Op(8, [(0, 3)], xz(TEXT, dictionary=64 << 20))),
            ("xz-short", "format", 0, Op(8, [(0, 3)], xz(TEXT[:-1]))),
            ("zstd-cut", "format", 1000, Op(128, [(0, 3)], zstd_raw[:-1])),
            ("zstd-trailing", "format", 1000, Op(128, [(0, 3)], zstd_raw + b"x")),
            ("zstd-two-frames", "format", 1000, Op(128, [(0, 3)], zstd(TEXT[:BLOCK])
                                                   + zstd(TEXT[BLOCK:]))),
            ("zstd-skippable", "format", 1000, Op(128, [(0, 3)], bytes.fromhex("502a4d1801000000")
                                                  + b"x" + zstd_raw)),
            ("zstd-no-size", "format", 1000, Op(128, [(0, 3)], zstd_without_size(TEXT))),
            ("zstd-window-16m", "limit", 1000, Op(128, [(0, 3)], window)),
            ("zstd-long", "format", 1000, Op(128, [(0, 3)], zstd(TEXT + b"x"))),
            ("zstd-short", "format", 1000, Op(128, [(0, 3)], zstd(TEXT[:-1]))),
    ):
        cases.bad(f"blob-{name}", fault, "operation 0: decode", Payload(one(op), minor))
    cases.bad("blob-hash", "hash", "blob has another hash",
              Payload(one(), spoil_blob=lambda b: b[:-20] + bytes([b[-20] ^ 1]) + b[-19:]))
    cases.bad("target-hash", "hash", "root has another hash",
              Payload(one(new_info=chunk(7, info(TEXT, None, sha(b""))))))


def flipped(sign):
    def wrong(digest):
        return sign(bytes([digest[0] ^ 1]) + digest[1:])

    return wrong


def write_bad_signatures(cases):
    cases.bad("signature-metadata", "signature", "metadata: no signature verifies",
              Payload(one(), sign=(flipped(by_rsa), by_rsa)), ["rsa"])
    cases.bad("signature-payload", "signature", "payload: no signature verifies",
              Payload(one(), sign=(by_rsa, flipped(by_rsa))), ["rsa"])
    cases.bad("signature-other-key", "signature", "metadata: no signature verifies",
              Payload(one(), sign=by_p256), ["rsa"])
    cases.bad("signature-none", "signature", "metadata: no signature verifies",
              Payload(one()), ["rsa"])
    cases.bad("signature-empty-message", "signature", "metadata: no signature verifies",
              Payload(one(), sign=lambda d: number(9, 1)), ["rsa"])
    cases.bad("signature-before-manifest", "signature", "metadata: no signature verifies",
              Payload(one(), 77, sign=flipped(by_rsa)), ["rsa"])
    cases.bad("signature-padded-size", "format", "unpadded size 257",
              Payload(one(), sign=lambda d: signature(sign_rsa(d), 257)), ["rsa"])
    cases.bad("signature-no-data", "format", "data is missing",
              Payload(one(), sign=lambda d: chunk(1, b"")), ["rsa"])
    cases.bad("signature-p256-padding-kept", "signature", "metadata: no signature verifies",
              Payload(one(), sign=lambda d: signature(sign_p256(d).ljust(73, b"\0"))), ["p256"])
    cases.bad("signed-metadata-only", "format", "payload signed and metadata not",
              Payload(one(), sign=(by_rsa, None)))
    cases.bad("signed-payload-only", "format", "payload signed and metadata not",
              Payload(one(), sign=(None, by_rsa)))
    n = len(by_rsa(b"\0" * 32))
    blob = len(xz(TEXT))
    cases.bad("signatures-offset", "format", "the last blob ends at",
              Payload(one(), sign=by_rsa, signatures=number(4, blob + 1) + number(5, n)))
    cases.bad("signatures-size-0", "format", "0 bytes of signatures",
              Payload(one(), sign=by_rsa, signatures=number(4, blob)))
    cases.bad("signatures-size-large", "limit", "bytes of signatures, at most",
              Payload(one(), sign=by_rsa, signatures=number(4, blob) + number(5, 65537)))


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE
    cases = Cases(folder)
    for write in (write_good_full, write_good_delta, write_good_own, write_good_puffs,
                  write_good_trees, write_bad_container, write_bad_messages, write_bad_manifest,
                  write_bad_operations, write_bad_delta, write_bad_differences, write_bad_puffs,
                  write_bad_trees, write_bad_pieces, write_bad_splits,
                  write_bad_programs, write_good_opened, write_tokens, write_bad_opened, write_bad_lzop, write_bad_blobs, write_bad_signatures):
        write(cases)


if __name__ == "__main__":
    main()
