# SPDX-License-Identifier: Apache-2.0
"""codings - compressed streams, and patches made of them (docs/spec/payload.md, sections 5 and 9)"""

import bz2
import ctypes
import lzma
import struct

from refusal import Refused, demand

MIB = 1 << 20


def exactly(data, size):
    demand(len(data) == size, "format", f"{len(data)} bytes decoded, {size} wanted")
    return data


def one_stream(decoder, blob, size):
    try:
        data = decoder.decompress(blob, size + 1)
        if len(data) == size and not decoder.eof:
            data += decoder.decompress(b"", 1)
    except lzma.LZMAError as error:
        # the memory bound has no error class of its own
        raise Refused("limit" if "emory" in str(error) else "format", str(error)) from error
    except (OSError, ValueError, EOFError) as error:
        raise Refused("format", str(error)) from error
    demand(decoder.eof and not decoder.unused_data, "format", "stream cut or followed by bytes")
    return exactly(data, size)


def decode_xz(blob, size):  # PF-42
    demand(len(blob) >= 8 and blob[6] == 0 and blob[7] in (0, 1), "format", "xz check")
    return one_stream(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=12 * MIB), blob, size)


def check_zstd_header(blob):  # PF-43
    demand(blob[:4] == b"\x28\xb5\x2f\xfd" and len(blob) > 4, "format", "zstd magic")
    descriptor = blob[4]
    single, n_dictionary = descriptor >> 5 & 1, (0, 1, 2, 4)[descriptor & 3]
    n_size = (single, 2, 4, 8)[descriptor >> 6]
    demand(n_size and not n_dictionary, "format", "zstd without size or with dictionary")
    at = 5 + (1 - single)
    demand(len(blob) >= at + n_size, "format", "zstd header cut")
    size = int.from_bytes(blob[at : at + n_size], "little") + (256 if n_size == 2 else 0)
    window = size if single else (1 << 10 + (blob[5] >> 3)) * (8 + (blob[5] & 7)) // 8
    demand(window <= 8 * MIB, "limit", f"zstd window of {window} bytes")


def decode_zstd(blob, size):
    check_zstd_header(blob)
    return zstd_frame(blob, size)


def zstd_frame(blob, size):
    library = ctypes.CDLL("libzstd.so.1")
    for function in ("ZSTD_decompress", "ZSTD_findFrameCompressedSize"):
        getattr(library, function).restype = ctypes.c_size_t
    frame = library.ZSTD_findFrameCompressedSize(blob, ctypes.c_size_t(len(blob)))
    demand(frame == len(blob), "format", "not exactly one zstd frame")
    out = ctypes.create_string_buffer(size + 1)
    n = library.ZSTD_decompress(out, ctypes.c_size_t(size), blob, ctypes.c_size_t(len(blob)))
    demand(n <= size, "format", "zstd frame")
    return exactly(out.raw[:n], size)


def decode_brotli(blob, size):
    library = ctypes.CDLL("libbrotlidec.so.1")
    out, n = ctypes.create_string_buffer(size + 1), ctypes.c_size_t(size + 1)
    ok = library.BrotliDecoderDecompress(ctypes.c_size_t(len(blob)), blob, ctypes.byref(n), out)
    demand(ok == 1, "format", "brotli stream")
    return out.raw[: n.value]


def number_at(data, at):
    demand(len(data) >= at + 8, "format", "patch cut")
    raw = struct.unpack_from("<Q", data, at)[0]
    magnitude = raw & (1 << 63) - 1
    return -magnitude if raw >> 63 else magnitude


class PatchStream:
    """One of three; decoded whole, since this reader has memory."""

    def __init__(self, codec, data, limit):
        self.at = 0
        if not data:
            self.data = b""
        elif codec == 0:
            self.data = data
        elif codec == 1:
            decoder = bz2.BZ2Decompressor()
            try:
                self.data = decoder.decompress(data, limit + 1)
                if not decoder.eof:
                    self.data += decoder.decompress(b"", 1)
            except (OSError, ValueError, EOFError) as error:
                raise Refused("format", str(error)) from error
            demand(decoder.eof and not decoder.unused_data, "format", "bzip2 stream of a patch")
        else:
            self.data = decode_brotli(data, limit)

    def take(self, n):
        demand(n <= len(self.data) - self.at, "format", "stream of a patch too short")
        self.at += n
        return self.data[self.at - n : self.at]


def patch(blob, source, size):  # PF-46 to PF-49
    demand(len(blob) >= 32, "format", "patch without header")
    if blob[:8] == b"BSDIFF40":
        codecs = (1, 1, 1)
    else:
        demand(blob[:5] == b"BSDF2" and all(c <= 2 for c in blob[5:8]), "format", "patch magic")
        codecs = tuple(blob[5:8])
    n_control, n_diff, n_new = (number_at(blob, at) for at in (8, 16, 24))
    demand(min(n_control, n_diff) >= 0 and n_control + n_diff <= len(blob) - 32, "format",
           "sizes in a patch")
    demand(n_new == size, "format", "size of the patch's target")
    ends = (32 + n_control, 32 + n_control + n_diff)
    control = PatchStream(codecs[0], blob[32 : ends[0]], 48 * size + 24)
    diff = PatchStream(codecs[1], blob[ends[0] : ends[1]], size)
    extra = PatchStream(codecs[2], blob[ends[1] :], size)

    def entry():
        raw = control.take(24)
        return [number_at(raw, at) for at in (0, 8, 16)]

    out = patched(entry, diff, extra, source, size)
    demand(control.at == len(control.data), "format", "patch holds more than its target")
    return out


def patched(entry, diff, extra, source, size):
    """Carries out entries until the target is whole."""
    out, position, idle = bytearray(), 0, 0
    while len(out) < size:
        x, y, z = entry()
        demand(x >= 0 and y >= 0 and x + y <= size - len(out), "format", "patch entry")
        if x:
            demand(0 <= position and position + x <= len(source), "format", "outside the source")
            pairs = zip(diff.take(x), source[position : position + x])
            out += bytes((a + b) & 0xFF for a, b in pairs)
        out += extra.take(y)
        position += x + z
        idle += not x and not y
        demand(idle <= size, "format", "idle entries")
    for stream in (diff, extra):
        demand(stream.at == len(stream.data), "format", "patch holds more than its target")
    return bytes(out)


class OwnStream(PatchStream):
    """One of the five of SWD1."""

    def __init__(self, codec, data, limit, memory):
        self.at, self.data = 0, data
        if codec == 1 and data:
            demand(len(data) >= 8 and data[6] == 0 and data[7] in (0, 1), "format", "xz check")
            decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=memory)
            try:
                self.data = decoder.decompress(data, limit + 1)
                if not decoder.eof:
                    self.data += decoder.decompress(b"", 1)
            except (lzma.LZMAError, EOFError) as error:
                raise Refused("limit" if "emory" in str(error) else "format", str(error)) from error
            demand(decoder.eof and not decoder.unused_data, "format", "xz stream of a difference")
        elif codec == 2 and data:
            check_zstd_header(data)
            size = ctypes.CDLL("libzstd.so.1").ZSTD_getFrameContentSize
            size.restype = ctypes.c_uint64
            n = size(data, ctypes.c_size_t(len(data)))
            demand(n <= limit, "format", "zstd stream of a difference")
            self.data = decode_zstd(data, n)
        elif codec == 3 and data:
            self.data = PatchStream(1, data, limit).data
        elif codec == 4 and data:
            self.data = decode_brotli(data, limit)

    def number(self):
        value = 0
        for i in range(9):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << 7 * i
            if byte < 0x80:
                return value
        raise Refused("format", "number of more than 9 bytes")


def swd1(blob, source, size):
    demand(len(blob) >= 28 and blob[:4] == b"SWD1" and blob[9:12] == b"\0\0\0", "format",
           "head of a difference")  # PF-80
    codecs, sizes = blob[4:9], struct.unpack("<4I", blob[12:28])
    demand(all(codec <= 4 for codec in codecs), "format", "codec of a difference")
    demand(sum(sizes) <= len(blob) - 28, "format", "sizes in a difference")
    streams, at = [], 28
    for i, end in enumerate([*(28 + sum(sizes[: i + 1]) for i in range(4)), len(blob)]):
        streams.append(OwnStream(codecs[i], blob[at:end], 20 * size if i < 3 else size,
                                 (MIB * 3 // 2 if i < 3 else MIB * 15 // 4)))  # PF-83
        at = end
    lengths, new_lengths, moves, diff, extra = streams

    def entry():  # PF-82
        x, y, z = lengths.number(), new_lengths.number(), moves.number()
        return x, y, z >> 1 ^ -(z & 1)

    out = patched(entry, diff, extra, source, size)
    for stream in (lengths, new_lengths, moves):
        demand(stream.at == len(stream.data), "format", "difference holds more than its target")
    return out
