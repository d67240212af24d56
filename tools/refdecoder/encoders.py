# SPDX-License-Identifier: Apache-2.0
"""encoders - PF-134: what makes a piece's exact bytes again

The libraries themselves, and gzip(1): an encoder is its implementation.
"""

import bz2
import ctypes
import lzma
import shutil
import struct
import subprocess
import zlib

import tokens
from refusal import Refused, demand

ANY = (0, (1 << 32) - 1)
NONE, FAST_LZ4, LZ4_HC, DEFLATE, GZIP, LZMA, ZSTD, EROFS_LZ4, EROFS_LZ4_HC, PIGZ, TOKENS, \
    BZIP2, LZMA_ALONE, LZO, LZO_999 = range(15)
CLUSTER = 4096
LZOP_BLOCK = 256 << 10
# For which packings, and in which ranges the parameters are.
PARAMETERS = {
    NONE: ((), []),
    FAST_LZ4: ((1, 6), [(1, 65537)]),
    LZ4_HC: ((1, 6), [(1, 12)]),
    DEFLATE: ((2, 3), [(0, 9), (9, 15), (1, 9), (0, 4)]),
    GZIP: ((2,), [(1, 9)]),
    LZMA: ((4,), [(0, 31), (4096, 1 << 30), (0, 15), (0, 15), ANY]),
    ZSTD: ((5,), [ANY, (1, 22), (0, 15), (0, 31)]),
    EROFS_LZ4: ((7,), [(0, 1)]),
    EROFS_LZ4_HC: ((7,), [(3, 12)]),
    PIGZ: ((2,), [(1, 9), (1, 1 << 20), (0, 1)]),
    TOKENS: ((2, 3), [(1, 4096), (3, 258), (0, 65535), (0, 1)]),
    BZIP2: ((8,), [(1, 9)]),
    LZMA_ALONE: ((9,), [(0, 31), (4096, 1 << 30)]),
    LZO: ((10, 11), [(0, 3)]),
    LZO_999: ((10, 11), [(1, 9)]),
}
LZMA2 = 0x21
# As xz(1) calls them.
CHECKS = {0: "none", 1: "crc32", 4: "crc64", 10: "sha256"}
BRANCHES = {0: [], 4: ["--x86"], 5: ["--powerpc"], 6: ["--ia64"], 7: ["--arm"], 8: ["--armthumb"],
            9: ["--sparc"], 10: ["--arm64"]}
LEVEL, WINDOW, WITH_SIZE, WITH_CHECKSUM, WORKERS = 100, 101, 200, 201, 400  # of libzstd


def library(name):
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise Refused("unsupported", str(error)) from error


def size_t(value):
    return ctypes.c_size_t(value)


def lz4(packing, encoder, data, parameter):
    lib = library("liblz4.so.1")
    room = len(data) + len(data) // 255 + 16
    out = ctypes.create_string_buffer(room)
    make = lib.LZ4_compress_HC if encoder == LZ4_HC else lib.LZ4_compress_fast
    n = make(data, out, len(data), room, parameter)
    demand(n > 0, "format", "LZ4 could not encode")
    return (struct.pack("<I", n) if packing == 6 else b"") + out.raw[:n]


def clusters(encoder, data, parameter):
    """Blocks that each hold as much as fits, behind zeros."""
    lib = library("liblz4.so.1")
    state = ctypes.create_string_buffer(lib.LZ4_sizeofStateHC())
    room, blocks, done = ctypes.create_string_buffer(CLUSTER), [], 0
    far = bytes(65536 if encoder == EROFS_LZ4 and parameter else 0)
    while done < len(data):
        rest = data[done:] + far
        taken = ctypes.c_int(len(rest))
        if encoder == EROFS_LZ4:
            n = lib.LZ4_compress_destSize(rest, room, ctypes.byref(taken), CLUSTER)
        else:
            n = lib.LZ4_compress_HC_destSize(state, rest, room, ctypes.byref(taken), CLUSTER,
                                             parameter)
        demand(n > 0 and 0 < taken.value <= len(data) - done, "format", "LZ4 could not encode")
        blocks.append(room.raw[:n].rjust(CLUSTER, b"\0"))
        done += taken.value
    return b"".join(blocks)


def deflate(packing, data, parameters):
    level, window, memory, strategy = parameters
    encoder = zlib.compressobj(level, zlib.DEFLATED, -window if packing == 2 else window, memory,
                               strategy)
    return encoder.compress(data) + encoder.flush()


def gzip(data, level):
    demand(shutil.which("gzip"), "unsupported", "no gzip here")
    done = subprocess.run(["gzip", "-n", f"-{level}", "-c"], input=data, stdout=subprocess.PIPE,
                          check=True)
    return done.stdout[10:-8]


class ZStream(ctypes.Structure):
    """zlib's."""

    _fields_ = [("next_in", ctypes.c_char_p), ("n_in", ctypes.c_uint), ("total_in", ctypes.c_ulong),
                ("next_out", ctypes.c_void_p), ("n_out", ctypes.c_uint),
                ("total_out", ctypes.c_ulong), ("message", ctypes.c_char_p),
                ("private", ctypes.c_void_p * 4),
                ("data_type", ctypes.c_int), ("adler", ctypes.c_ulong), ("more", ctypes.c_ulong)]


def pigz_block(lib, data, window, parameters, is_last):
    level, _, independent = parameters
    stream, bits = ZStream(), ctypes.c_int()
    room = ctypes.create_string_buffer(len(data) + len(data) // 100 + 1024)
    pointer = ctypes.byref(stream)
    demand(not lib.deflateInit2_(pointer, level, 8, -15, 8, 0, b"1.2.11", ctypes.sizeof(stream)),
           "format", "zlib refuses")
    if window and not independent:
        lib.deflateSetDictionary(pointer, window, len(window))
    stream.next_in, stream.n_in = data, len(data)
    stream.next_out, stream.n_out = ctypes.addressof(room), len(room)
    lib.deflate(pointer, zlib.Z_FINISH if is_last else zlib.Z_BLOCK)
    lib.deflatePending(pointer, None, ctypes.byref(bits))
    if is_last:
        pass
    elif independent or bits.value & 1:
        lib.deflate(pointer, zlib.Z_SYNC_FLUSH)
        if independent:
            lib.deflate(pointer, zlib.Z_FULL_FLUSH)
    elif bits.value & 7:
        while bits.value & 7:
            lib.deflatePrime(pointer, 10, 2)
            lib.deflatePending(pointer, None, ctypes.byref(bits))
        lib.deflate(pointer, zlib.Z_BLOCK)
    lib.deflateEnd(pointer)
    return room.raw[: stream.total_out]


def pigz(data, parameters):
    lib, size = library("libz.so.1"), parameters[1] << 10
    return b"".join(pigz_block(lib, data[at : at + size], data[max(0, at - 32768) : at], parameters,
                               at + size >= len(data)) for at in range(0, len(data), size))


def xz_at_once(data, preset, dictionary, check, branch):
    class Filter(ctypes.Structure):
        _fields_ = [("id", ctypes.c_uint64), ("options", ctypes.c_void_p)]

    lib = library("liblzma.so.5")
    options = ctypes.create_string_buffer(256)  # begins with dict_size, 4 bytes
    demand(not lib.lzma_lzma_preset(options, ctypes.c_uint32(preset)), "format", "preset")
    options[0:4] = struct.pack("<I", dictionary)
    chain = [Filter(branch, None)] if branch else []
    chain += [Filter(LZMA2, ctypes.addressof(options)), Filter((1 << 64) - 1, None)]
    room, at = len(data) + len(data) // 3 + 1024, ctypes.c_size_t(0)
    out = ctypes.create_string_buffer(room)
    error = lib.lzma_stream_buffer_encode((Filter * len(chain))(*chain), check, None, data,
                                          size_t(len(data)), out, ctypes.byref(at), size_t(room))
    demand(error == 0, "format", "xz could not encode")
    return out.raw[: at.value]


def xz_in_blocks(data, parameters):
    preset, dictionary, check, branch, size = parameters
    demand(shutil.which("xz"), "unsupported", "no xz here")
    demand(preset & 15 <= 9 and branch in BRANCHES and check in CHECKS, "format", "setting of xz")
    lzma2 = f"--lzma2=preset={preset & 15}{'e' if preset & 16 else ''},dict={dictionary}"
    done = subprocess.run(["xz", "-c", "-T2", f"--block-size={size}", f"--check={CHECKS[check]}",
                           *BRANCHES[branch], lzma2], input=data, stdout=subprocess.PIPE, check=True)
    return done.stdout


def xz(data, parameters):
    preset, dictionary, check, branch, at_once = parameters
    demand(at_once <= 1 or at_once >= 4096, "format", "way of xz")
    if at_once > 1:
        return xz_in_blocks(data, parameters)
    preset = preset & 15 | (lzma.PRESET_EXTREME if preset & 16 else 0)
    if at_once:
        return xz_at_once(data, preset, dictionary, check, branch)
    filters = [{"id": branch}] if branch else []
    filters.append({"id": LZMA2, "preset": preset, "dict_size": dictionary})
    try:
        encoder = lzma.LZMACompressor(lzma.FORMAT_XZ, check, filters=filters)
        return encoder.compress(data) + encoder.flush()
    except (lzma.LZMAError, ValueError) as error:
        raise Refused("format", str(error)) from error


def alone(data, parameters):
    preset, dictionary = parameters
    preset = preset & 15 | (lzma.PRESET_EXTREME if preset & 16 else 0)
    filters = [{"id": lzma.FILTER_LZMA1, "preset": preset, "dict_size": dictionary}]
    try:
        return lzma.compress(data, lzma.FORMAT_ALONE, filters=filters)
    except (lzma.LZMAError, ValueError) as error:
        raise Refused("format", str(error)) from error


def lzo_block(encoder, data, parameter):
    lib, n, size = library("liblzo2.so.2"), ctypes.c_size_t(), size_t(len(data))
    out = ctypes.create_string_buffer(len(data) + len(data) // 16 + 67)
    work = ctypes.create_string_buffer(1 << 20)
    if encoder == LZO:
        make = getattr(lib, ("lzo1x_1_compress", "lzo1x_1_11_compress", "lzo1x_1_12_compress",
                             "lzo1x_1_15_compress")[parameter])
        make(data, size, out, ctypes.byref(n), work)
        return out.raw[: n.value]
    lib.lzo1x_999_compress_level(data, size, out, ctypes.byref(n), work, None, size_t(0), None,
                                 parameter)
    if n.value < len(data):
        lib.lzo1x_optimize(out, n, ctypes.create_string_buffer(len(data)), ctypes.byref(size), None)
    return out.raw[: n.value]


def lzo(packing, encoder, data, parameter):
    if packing == 10:
        return lzo_block(encoder, data, parameter)
    blocks = []
    for at in range(0, len(data), LZOP_BLOCK):
        block = data[at : at + LZOP_BLOCK]
        packed = lzo_block(encoder, block, parameter)
        if len(packed) >= len(block):
            packed = block
        blocks.append(struct.pack(">3I", len(block), len(packed), zlib.adler32(block)) + packed)
    return b"".join(blocks) + bytes(4)


class Buffer(ctypes.Structure):
    """libzstd's for both directions."""

    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("at", ctypes.c_size_t)]


def zstd(data, parameters):
    version, level, flags, window = parameters
    lib = library("libzstd.so.1")
    demand(lib.ZSTD_versionNumber() == version, "unsupported", f"zstd-{version}")
    for name in ("ZSTD_compressBound", "ZSTD_compress2", "ZSTD_compressStream2"):
        getattr(lib, name).restype = ctypes.c_size_t
    lib.ZSTD_createCCtx.restype = ctypes.c_void_p
    context = ctypes.c_void_p(lib.ZSTD_createCCtx())
    try:
        for key, value in ((LEVEL, level), (WINDOW, window), (WITH_CHECKSUM, flags & 1),
                           (WITH_SIZE, flags >> 1 & 1), (WORKERS, flags >> 3)):
            lib.ZSTD_CCtx_setParameter(context, key, value)
        room = lib.ZSTD_compressBound(size_t(len(data)))
        out = ctypes.create_string_buffer(room)
        if not flags & 4:
            n = lib.ZSTD_compress2(context, out, size_t(room), data, size_t(len(data)))
            demand(n <= room, "format", "zstd could not encode")
            return out.raw[:n]
        return zstd_stream(lib, context, data, out, flags)
    finally:
        lib.ZSTD_freeCCtx(context)


def zstd_stream(lib, context, data, out, flags):
    if flags & 2:
        lib.ZSTD_CCtx_setPledgedSrcSize(context, ctypes.c_uint64(len(data)))
    source = Buffer(ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p), len(data), 0)
    target = Buffer(ctypes.addressof(out), len(out), 0)
    for end in (0, 2):  # go on; the end
        left = 1
        while left and (end or source.at < source.size):
            left = lib.ZSTD_compressStream2(context, ctypes.byref(target), ctypes.byref(source),
                                            end)
            demand(left < 1 << 60, "format", "zstd could not encode")
    return out.raw[: target.at]


def encoded(setting, data, corrections):
    encoder, parameters = setting.encoder, setting.parameters
    if encoder in (FAST_LZ4, LZ4_HC):
        return lz4(setting.packing, encoder, data, parameters[0])
    if encoder in (EROFS_LZ4, EROFS_LZ4_HC):
        return clusters(encoder, data, parameters[0])
    if encoder == DEFLATE:
        return deflate(setting.packing, data, parameters)
    if encoder == GZIP:
        return gzip(data, parameters[0])
    if encoder == TOKENS:
        return tokens.encoded(setting.packing, data, parameters, corrections)
    if encoder == PIGZ:
        return pigz(data, parameters)
    if encoder == BZIP2:
        return bz2.compress(data, parameters[0])
    if encoder == LZMA_ALONE:
        return alone(data, parameters)
    if encoder in (LZO, LZO_999):
        return lzo(setting.packing, encoder, data, parameters[0])
    return xz(data, parameters) if encoder == LZMA else zstd(data, parameters)
