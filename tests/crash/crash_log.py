# SPDX-License-Identifier: Apache-2.0
"""What points.c wrote down: the points of an update, in the order in which they happened."""

import dataclasses
import struct

HEADER_BYTES, LOG_BYTES = 4096, 1 << 28
USED_AT = 8
RECORD = struct.Struct("<I16sII4xQQQQ")
CREATE, MKDIR, WRITE, TRUNCATE, PUNCH, SYNC, RENAME, UNLINK, MESSAGE = range(1, 10)


@dataclasses.dataclass(frozen=True)
class Point:
    """One call. `number`: among those of its program, from 1."""
    kind: int
    program: str
    number: int
    path: str
    other: str
    inode: int
    offset: int
    length: int
    data: bytes


def make_log(path):
    """For SWB_CRASH_LOG. A hole until it is written to."""
    with path.open("wb") as file:
        file.truncate(LOG_BYTES)


def was_killed(path):
    with path.open("rb") as file:
        return struct.unpack_from("<II", file.read(8))[1] != 0


def read_log(path):
    with path.open("rb") as file:
        used, = struct.unpack_from("<Q", file.read(HEADER_BYTES), USED_AT)
        text = file.read(used)
    points, numbers, at = [], {}, 0
    while at < used:
        kind, program, n_path, n_other, inode, offset, length, n_data = RECORD.unpack_from(text, at)
        at += RECORD.size
        parts = []
        for n in (n_path, n_other, n_data):
            parts.append(text[at:at + n])
            at += n
        program = program.rstrip(b"\0").decode()
        numbers[program] = numbers.get(program, 0) + 1
        points.append(Point(kind, program, numbers[program], parts[0].decode(), parts[1].decode(),
                            inode, offset, length, parts[2]))
    return points
