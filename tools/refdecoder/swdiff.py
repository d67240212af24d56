# SPDX-License-Identifier: Apache-2.0
"""swdiff - the formats of SWDIFF's blobs: SWD1, SWD2, and either between opened contents"""

from codings import swd1
from opened import closed, opened, recipes_of
from swd2 import swd2


def difference(blob, source, size):
    return (swd2 if blob[:4] == b"SWD2" else swd1)(blob, source, size)


def swdiff(blob, source, size):
    if blob[:4] != b"SWO1":
        return difference(blob, source, size)
    old, new, rest = recipes_of(blob, len(source), size)
    return closed(new.pieces, difference(rest, opened(old.pieces, source), new.n_opened))
