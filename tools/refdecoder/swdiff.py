# SPDX-License-Identifier: Apache-2.0
"""swdiff - the formats of SWDIFF's blobs: SWD1, SWD2, and either between opened contents"""

import struct

from codings import swd1
from opened import closed, opened, recipes_of
from refusal import demand
from swd2 import swd2


def difference(blob, source, size):
    return (swd2 if blob[:4] == b"SWD2" else swd1)(blob, source, size)


def segments(blob, source, size):  # PF-140
    demand(len(blob) >= 8, "format", "list of differences is cut")
    n = struct.unpack("<I", blob[4:8])[0]
    demand(n <= 4096, "limit", "differences in a list")
    demand(len(blob) >= 8 + 12 * n, "format", "list of differences is cut")
    entries = [struct.unpack_from("<QI", blob, 8 + 12 * i) for i in range(n)]
    demand(all(made for made, _ in entries) and sum(made for made, _ in entries) == size
           and sum(packed for _, packed in entries) == len(blob) - 8 - 12 * n, "format",
           "sums of a list of differences")
    out, at = [], 8 + 12 * n
    for made, packed in entries:
        out.append(difference(blob[at : at + packed], source, made))
        at += packed
    return b"".join(out)


def swdiff(blob, source, size, layers=2):
    if blob[:4] == b"SWDN" and layers < 2:
        return segments(blob, source, size)
    if blob[:4] != b"SWO1":
        return difference(blob, source, size)
    demand(layers > 0, "format", "layers of opened contents")  # PF-130
    old, new, rest = recipes_of(blob, len(source), size)
    return closed(new.pieces, swdiff(rest, opened(old.pieces, source), new.n_opened, layers - 1))
