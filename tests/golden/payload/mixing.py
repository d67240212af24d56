# SPDX-License-Identifier: Apache-2.0
"""mixing - makes mixed streams, with the model of tools/refdecoder, which shares nothing with Switchback's"""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[3] / "tools" / "refdecoder"))

from container import varint  # noqa: E402
from mixed import BYTES, DIFFERENCES, NUMBERS, Mix  # noqa: E402

__all__ = ["BYTES", "DIFFERENCES", "NUMBERS", "mixed"]
U32 = 0xFFFFFFFF


class Writer:  # PF-142
    def __init__(self):
        self.out, self.low, self.high = bytearray(), 0, U32

    def shift(self):
        self.out.append(self.low >> 24)
        self.low, self.high = self.low << 8 & U32, self.high << 8 & U32 | 0xFF

    def put(self, bit, one):
        middle = self.low + ((self.high - self.low) * one >> 16)
        if bit:
            self.high = middle
        else:
            self.low = middle + 1
        while not (self.low ^ self.high) >> 24:
            self.shift()


def number_at(data, at):  # PF-152
    number = 0
    for i in range(5):
        byte = data[at + i] if at + i < len(data) else 0
        if byte < 0x80 or i == 4:
            return number + (byte + (i > 0) << 7 * i), at + i + 1
        number += (byte & 0x7F) + (i > 0) << 7 * i


def symbols(mode, data):
    """Each symbol, and the bits that tell it."""
    at = 0
    while at < len(data):
        if mode == BYTES:
            yield f"{data[at]:08b}"
            at += 1
            continue
        begin = at
        while at < len(data) and not data[at]:
            at += 1
        run = f"{at - begin + 1:b}"
        yield f"{len(run) - 1:05b}" + run[1:]
        if at == len(data):
            return
        if mode == DIFFERENCES:
            yield f"{data[at]:08b}"
            at += 1
        else:
            number, at = number_at(data, at)
            yield f"{number.bit_length() - 1:06b}" + f"{number:b}"[1:]


def mixed(mode, slots_log, data):
    mix, writer = Mix(mode, slots_log), Writer()
    for bits in symbols(mode, data):
        for bit in map(int, bits):
            writer.put(bit, mix.predict())
            mix.learn(bit)
    for _ in range(4):
        writer.shift()
    return bytes([mode << 5 | slots_log]) + varint(len(data)) + bytes(writer.out)
