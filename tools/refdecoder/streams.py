# SPDX-License-Identifier: Apache-2.0
"""streams - PF-80, PF-110: a packed stream whose size is known"""

import bz2
import lzma

from codings import decode_brotli, decode_zstd, exactly, one_stream
from mixed import decode_mixed
from refusal import demand


def unpacked(codec, data, size, memory):
    if codec == 0:
        return exactly(data, size)
    if codec == 1:
        demand(len(data) >= 8 and data[6] == 0 and data[7] in (0, 1), "format", "xz check")
        return one_stream(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=memory), data, size)
    if codec == 2:
        return decode_zstd(data, size)
    if codec == 3:
        return one_stream(bz2.BZ2Decompressor(), data, size)
    if codec >= 5:
        return decode_mixed(data, size, memory)
    return exactly(decode_brotli(data, size), size)
