# SPDX-License-Identifier: Apache-2.0
"""opened - the cases of SWO1: files that are packed, and of which a word changes

Only encoders whose output is the same in every release of their library make new contents here.
"""

import base64
import bz2
import ctypes
import lzma
import struct
import subprocess
import zlib

from container import BLOCK, chunk, noise, number, varint, xz, zstd
from programs import payload_of, plan, swd2, zigzag

LZ4, DEFLATE, ZLIB, XZ, ZSTD, LZ4_SIZED, _, BZIP2, LZMA, LZO, LZOP = range(1, 12)
BY_NONE, BY_LZ4, BY_LZ4_HC, BY_ZLIB, BY_GZIP, BY_XZ, BY_ZSTD, _, _, BY_PIGZ, BY_TOKENS, \
    BY_BZIP2, BY_LZMA, BY_LZO, BY_LZO_999 = range(15)
UNKNOWN = 100
# What swb-pack found for flushed_texts()[1].
CORRECTIONS = base64.b64decode("""
tXF/////QZdr4TT+hKWMmytL6/r4V64pRJ/wQmETZlVaLyFHXAEfx92RSF0Jy40xjQAAAr8qnwAABwmkFRgAAAAAAAAAAAAAAAAADBChLWAAAAAA
AAAFSbAzAAjbpJIEezH9DoEAAAAAAAF2rNQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAhn5eX+AkHEwDHJ2X0jiZi8lwAAAAAAAAAAAAAAAAAAAu7
W/8AAAAAAAAAHdD8eI6Ho/sYak1rEEA=
""")
# The same, as somebody chooses who counts costs.
CORRECTIONS_BY_COST = base64.b64decode("""
tXF/////QZaMqkXj9Yyh+9tKpW6HKQ7VpHcpUIciaMeXQOIFuN2pEchmDd17ezg6bOZtElGGQjl02/E1iL1zNAyW6sJ81hE0DDMt4PziCd/6wuzC
fgPX+Y+E3FewAAAAAAAANZLA1wBZvmWnaUNj/T7kC+D8cTdklo7hF1jlb7St3f2q3FImQ6vW7QIYLQP0WbX6iBlB6f9+Cq2+5fLtsc/SBsoJahkr
SaguyyjoiD1uaMopc396JcDzCUNjApGruNjW3BTVYoQj3EyF7Y8LOAEccNNiAqgRkkWd4yM0Pd2jRoe2Mjalq4zaeO2gFhJ9Q9HIzyU=
""")
ENCODERS = {BY_LZ4: b"lz4", BY_LZ4_HC: b"lz4-hc", BY_ZLIB: b"zlib", BY_GZIP: b"gzip", BY_XZ: b"xz",
            BY_BZIP2: b"bzip2", BY_LZMA: b"lzma", BY_LZO: b"lzo", BY_LZO_999: b"lzo-999"}
HEAD = b"a head of some bytes"


def lz4(data, level=0):
    lib = ctypes.CDLL("liblz4.so.1")
    out = ctypes.create_string_buffer(len(data) + 1000)
    make = lib.LZ4_compress_HC if level else lib.LZ4_compress_fast
    n = make(data, out, len(data), len(out), level or 1)
    return out.raw[:n]


def gzip(data):
    return subprocess.run(["gzip", "-n", "-9"], input=data, stdout=subprocess.PIPE, check=True).stdout[10:-8]


def deflate(data, bits=-15):
    encoder = zlib.compressobj(6, zlib.DEFLATED, bits, 8, 0)
    return encoder.compress(data) + encoder.flush()


def flushed_texts():
    """Short, with copies of all kinds."""
    words = [noise("words", 600)[i : i + 2 + i % 7].hex().encode() for i in range(0, 590, 10)]
    old = b" ".join(words[noise("order", 900)[i] % len(words)] for i in range(900))
    return old, old[:4000] + b"another word" + old[4000:]


def flushed(data, bits=-15):
    """As no encoder does it alone: blocks end in the middle, and empty ones are between."""
    encoder, out = zlib.compressobj(9, zlib.DEFLATED, bits, 8, 0), b""
    for at in range(0, len(data), 3300):
        out += encoder.compress(data[at : at + 3300]) + encoder.flush(zlib.Z_SYNC_FLUSH)
    return out + encoder.flush()


def xz_preset(data):
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 1 << 16}]
    encoder = lzma.LZMACompressor(lzma.FORMAT_XZ, lzma.CHECK_CRC32, filters=filters)
    return encoder.compress(data) + encoder.flush()


def lzma_alone(data):
    filters = [{"id": lzma.FILTER_LZMA1, "preset": 6, "dict_size": 1 << 16}]
    return lzma.compress(data, lzma.FORMAT_ALONE, filters=filters)


def lzo(data):
    lib, n = ctypes.CDLL("liblzo2.so.2"), ctypes.c_size_t()
    out, work = ctypes.create_string_buffer(2 * len(data)), ctypes.create_string_buffer(1 << 18)
    lib.lzo1x_1_compress(data, ctypes.c_size_t(len(data)), out, ctypes.byref(n), work)
    return out.raw[: n.value]


def lzop_blocks(data, level=9):
    """Behind the head, which has no name as the input is a pipe."""
    return subprocess.run(["lzop", f"-{level}"], input=data, stdout=subprocess.PIPE, check=True).stdout[38:]


def xz_blocks(data):
    """Several, with their sizes in their heads."""
    command = ["xz", "-T2", "--block-size=9000", "--check=crc32", "--lzma2=preset=6,dict=64KiB"]
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


# What packs, and the setting of a recipe that says so: packing, encoder, parameters.
WAYS = {
    "lz4": (lz4, (LZ4, BY_LZ4, 1)),
    "lz4-hc": (lambda d: lz4(d, 9), (LZ4, BY_LZ4_HC, 9)),
    "lz4-sized": (lambda d: struct.pack("<I", len(lz4(d))) + lz4(d), (LZ4_SIZED, BY_LZ4, 1)),
    "gzip": (gzip, (DEFLATE, BY_GZIP, 9)),
    "deflate": (deflate, (DEFLATE, BY_ZLIB, 6, 15, 8, 0)),
    "zlib": (lambda d: deflate(d, 15), (ZLIB, BY_ZLIB, 6, 15, 8, 0)),
    "xz": (xz_preset, (XZ, BY_XZ, 6, 1 << 16, 1, 0, 0)),
    "xz-blocks": (xz_blocks, (XZ, BY_XZ, 6, 1 << 16, 1, 0, 9000)),
    "bzip2": (lambda d: bz2.compress(d, 9), (BZIP2, BY_BZIP2, 9)),
    "lzma": (lzma_alone, (LZMA, BY_LZMA, 6, 1 << 16)),
    "lzo": (lzo, (LZO, BY_LZO, 0)),
    "lzop": (lzop_blocks, (LZOP, BY_LZO_999, 9)),
}


def setting(packing, encoder, *parameters):
    return bytes([packing, encoder]) + b"".join(map(varint, parameters))


def piece(which, opened, encoded=None, inner=()):
    """which: of the settings, from 1; 0: plain."""
    out = varint(2 * which + bool(inner)) + varint(opened)
    if which:
        out += varint(encoded)
    return out + (varint(len(inner)) + b"".join(inner) if inner else b"")


def recipe(settings, pieces):
    return varint(len(settings)) + b"".join(setting(*s) for s in settings) + varint(len(pieces)) + b"".join(pieces)


def swo1(recipes, inner, codec=0, zeros=b"\0\0\0", n_packed=None, size=None):
    packed = {0: bytes, 1: xz}.get(codec, bytes)(recipes)
    return (b"SWO1" + bytes([codec]) + zeros + struct.pack(
        "<II", len(packed) if n_packed is None else n_packed, len(recipes) if size is None else size) + packed + inner)


def difference(old, new):
    """SWD2 without a model: the beginning and the end that both have, and what is new between."""
    least = min(len(old), len(new))
    first = next((i for i in range(least) if old[i] != new[i]), least)
    last = next((i for i in range(least - first) if old[-1 - i] != new[-1 - i]), least - first)
    new_bytes = new[first : len(new) - last]
    back = len(old) - last - first
    return swd2({0: plan(0, len(old), len(new), 2, 0), 1: varint(first) + varint(last),
                 2: varint(len(new_bytes)) + b"\0", 3: zigzag(back) + b"\0", 4: bytes(first + last), 5: new_bytes},
                {4: 1, 5: 1})


class Side:
    """A head, one packed text, zeros up to a block's end."""

    def __init__(self, text, pack, way):
        self.text, self.way = text, way
        self.packed = pack(text)
        used = len(HEAD) + len(self.packed)
        self.tail = bytes(-used % BLOCK or BLOCK)
        self.content = HEAD + self.packed + self.tail
        self.opened = HEAD + text + self.tail

    def recipe(self, way=None, n_settings=1, pieces=None, middle=None):
        if pieces is None:
            pieces = [piece(0, len(HEAD)), middle or piece(1, len(self.text), len(self.packed)), piece(0, len(self.tail))]
        return recipe([way or self.way] * n_settings, pieces)


def texts():
    old = noise("opened", 12_000).hex().encode()
    return old, old[:9000] + b"another word" + old[9000:]


def sides(name="gzip"):
    pack, way = WAYS[name]
    old, new = texts()
    return Side(old, pack, (way[0], BY_NONE)), Side(new, pack, way)


def needs(encoders, memory=1 << 20, scratch=0):
    return chunk(40, chunk(1, encoders) + number(2, memory) + number(3, scratch))


def payload(old, new, blob, more_last=b"", minor=1004):
    made = payload_of(old, new, blob, minor)
    made.changes["more_last"] = more_last
    return made


def write_good_opened(cases):
    for name in WAYS:
        old, new = sides(name)
        blob = swo1(old.recipe() + new.recipe(), difference(old.opened, new.opened), codec=name == "xz")
        cases.good(f"own-swo1-{name}", payload(old.content, new.content, blob, needs(ENCODERS[WAYS[name][1][1]])))
    # Of the old content zstd, and the old content's encoder may stand there.
    old = Side(texts()[0], lambda d: zstd(d, "-19"), (ZSTD, BY_NONE))
    new = sides()[1]
    cases.good("own-swo1-from-zstd", payload(old.content, new.content, swo1(
        old.recipe() + new.recipe(), difference(old.opened, new.opened))))
    cases.good("own-swo1-old-encoder", payload(*same_encoder()))
    cases.good("own-swo1-nested", payload(*nested()))
    old, new = sides()
    cases.good("own-needs-mean-nothing", payload(old.content, new.content, swd1_of(new), chunk(40, chunk(1, b"\n")),
                                                 1003))


def swd1_of(side):
    """A difference that minor version 1003 knows."""
    streams = [varint(0), varint(len(side.content)), b"\0", b"", xz(side.content)]
    return b"SWD1" + bytes(4) + b"\1" + bytes(3) + struct.pack("<4I", *map(len, streams[:4])) + b"".join(streams)


def same_encoder():
    old, new = sides()
    return old.content, new.content, swo1(old.recipe(WAYS["gzip"][1]) + new.recipe(),
                                          difference(old.opened, new.opened))


def nested():
    """zlib of a text before which LZ4 stands."""
    inner = texts()
    made = []
    for text in inner:
        packed = lz4(text)
        made.append((packed, Side(b"lz4:" + packed + text, WAYS["zlib"][0], WAYS["zlib"][1])))
    recipes, opens = b"", []
    for (packed, side), text in zip(made, inner):
        parts = [piece(0, 4), piece(2, len(text), len(packed)), piece(0, len(text))]
        pieces = [piece(0, len(HEAD)), piece(1, len(side.text), len(side.packed), parts), piece(0, len(side.tail))]
        recipes += recipe([WAYS["zlib"][1], WAYS["lz4"][1]], pieces)
        opens.append(HEAD + b"lz4:" + text + text + side.tail)
    return made[0][1].content, made[1][1].content, swo1(recipes, difference(*opens))


def tokens_sides(packing=DEFLATE, by_cost=0):
    bits, head = (-15, 0) if packing == DEFLATE else (15, 0x78DA)
    old, new = flushed_texts()
    return (Side(old, lambda d: flushed(d, bits), (packing, BY_NONE)),
            Side(new, lambda d: flushed(d, bits), (packing, BY_TOKENS, 64, 258, head, by_cost)))


def tokens_blob(old, new, corrections, n=None, opened=None):
    """n: what the recipe says of the corrections' size."""
    of = piece(1, opened or len(new.text), len(new.packed)) + varint(len(corrections) if n is None else n) + corrections
    return swo1(old.recipe() + new.recipe(middle=of), difference(
        old.opened, new.opened if opened is None else HEAD + new.text[:opened] + new.tail))


def write_bad_lzop(cases):
    """An old content whose blocks of lzop(1) are not what they should be."""
    old, new = sides("lzop")
    begin, size = len(HEAD), len(old.packed)
    inner = difference(old.opened, new.opened)

    def bad(name, at, value):
        content = bytearray(old.content)
        content[begin + at : begin + at + len(value)] = value
        cases.bad(f"swo1-lzop-{name}", "format", "decode SWDIFF", payload(
            bytes(content), new.content, swo1(old.recipe() + new.recipe(), inner)))

    bad("block-large", 0, struct.pack(">I", (256 << 10) + 1))
    bad("block-grows", 4, struct.pack(">I", len(old.text) + 1))
    bad("block-empty", 4, bytes(4))
    bad("checksum", 8, bytes(4))
    bad("no-end", size - 4, struct.pack(">I", 1))


def write_tokens(cases):
    for name, packing, by_cost, corrections in (
            ("tokens", DEFLATE, 0, CORRECTIONS), ("tokens-zlib", ZLIB, 0, CORRECTIONS),
            ("tokens-cost", DEFLATE, 1, CORRECTIONS_BY_COST)):
        old, new = tokens_sides(packing, by_cost)
        cases.good(f"own-swo1-{name}", payload(old.content, new.content, tokens_blob(old, new, corrections),
                                               needs(b"tokens")))
    old, new = tokens_sides()
    size = len(CORRECTIONS)
    for name, fault, args in (
            ("none", "format", (b"",)), ("missing", "format", (CORRECTIONS, 1 << 20)),
            ("many", "limit", (CORRECTIONS, (3 << 19) + 1)), ("cut", "format", (CORRECTIONS[:-1],)),
            ("left", "format", (CORRECTIONS + b"x",)), ("behind-the-end", "format", (CORRECTIONS, None, 100)),
            ("noise", "format", (noise("bits", size),))):
        cases.bad(f"swo1-tokens-{name}", fault, "decode SWDIFF",
                  payload(old.content, new.content, tokens_blob(old, new, *args)))


def write_bad_opened(cases):
    old, new = sides()
    inner = difference(old.opened, new.opened)
    good = old.recipe(), new.recipe()

    def bad(name, fault="format", first=good[0], second=good[1], rest=inner, **options):
        cases.bad(f"swo1-{name}", fault, "decode SWDIFF",
                  payload(old.content, new.content, swo1(first + second, rest, **options)))

    def middle(of, *args, **options):
        return of.recipe(middle=piece(*args), **options)

    n, m = len(new.text), len(new.packed)
    bad("codec", codec=2)
    bad("zeros", zeros=b"\0\1\0")
    bad("recipes-cut", n_packed=1 << 20)
    bad("recipes-large", "limit", size=(2 << 20) + 1)
    bad("recipes-trailing", second=good[1] + b"x")
    bad("recipe-cut", second=good[1][:-1])
    bad("packing", "unsupported", second=new.recipe((UNKNOWN, BY_GZIP, 9)))
    bad("encoder", "unsupported", second=new.recipe((DEFLATE, UNKNOWN, 9)))
    bad("no-encoder", "unsupported", second=new.recipe((DEFLATE, BY_NONE)))
    bad("encoder-of-another-packing", second=new.recipe((LZ4, BY_GZIP, 9)))
    bad("zstd-of-another-version", "unsupported", second=new.recipe((ZSTD, BY_ZSTD, 10000, 3, 0, 0)))
    bad("parameter", second=new.recipe((DEFLATE, BY_GZIP, 10)))
    bad("parameter-large", second=new.recipe((DEFLATE, BY_GZIP, 1 << 32)))
    bad("xz-way", second=new.recipe((XZ, BY_XZ, 6, 1 << 16, 1, 0, 2)))
    bad("setting-unknown", second=middle(new, 2, n, m))
    bad("piece-empty", second=middle(new, 1, 0, m))
    bad("piece-not-encoded", second=middle(new, 1, n, 0))
    bad("plain-with-inner", second=middle(new, 0, m, None, [piece(0, m)]))
    bad("inner-sum", second=middle(new, 1, n, m, [piece(0, n - 1)]))
    bad("old-sum", first=middle(old, 1, len(old.text), len(old.packed) + 1))
    bad("new-sum", second=middle(new, 1, n, m + 1))
    deep = piece(1, n, n)
    for _ in range(3):
        deep = piece(1, n, n, [deep])
    bad("deep", "limit", second=new.recipe(pieces=[deep]))
    bad("pieces-many", "limit", second=new.recipe(pieces=[piece(0, 1)] * 65537), codec=1)
    bad("old-longer", first=middle(old, 1, len(old.text) + 1, len(old.packed)),
        rest=difference(old.opened + b"\0", new.opened))
    bad("old-shorter", first=middle(old, 1, len(old.text) - 1, len(old.packed)),
        rest=difference(old.opened[:-1], new.opened))
    bad("old-is-another", first=old.recipe((ZLIB, BY_NONE)))
    bad("made-longer", second=new.recipe(pieces=[piece(0, len(HEAD)), piece(1, n, m - 1), piece(0, len(new.tail) + 1)]),
        rest=difference(old.opened, new.opened + b"\0"))
    bad("made-shorter", second=new.recipe(pieces=[piece(0, len(HEAD)), piece(1, n, m + 1), piece(0, len(new.tail) - 1)]),
        rest=difference(old.opened, new.opened[:-1]))
    bad("inner-magic", rest=b"SWD3" + inner[4:])
    bad("inner-cut", rest=inner[:-1])
    blob = swo1(good[0] + good[1], inner)
    for name, fault, text, more in (
            ("binary", "format", "byte 0x0a", needs(b"gzip\n")),
            ("long", "limit", "OpenedNeeds: field 1", needs(b"x" * 128)),
            ("twice", "format", "", needs(b"gzip") * 2),
            ("wire-type", "format", "", number(40, 1)),
            ("memory-twice", "format", "", chunk(40, number(2, 1) * 2))):
        cases.bad(f"needs-{name}", fault, text, payload(old.content, new.content, blob, more))
