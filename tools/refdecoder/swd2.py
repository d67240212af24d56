# SPDX-License-Identifier: Apache-2.0
"""swd2 - PF-110 to PF-117: differences with predicted addresses"""

import struct

from predict.predictor import NoProgram, predictor_for
from predict.shifts import Table
from refusal import Refused, demand
from streams import unpacked

MIB = 1 << 20
UNIT = 64 << 10
LIMIT = 46 * MIB  # PF-117
PLAN, COPIES, NEWS, MOVES, DIFFERENCES, NEW_BYTES, CORRECTIONS = range(7)


class Stream:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        demand(n <= len(self.data) - self.at, "format", "stream of a difference too short")
        self.at += n
        return self.data[self.at - n : self.at]

    def number(self):  # PF-113
        value = 0
        for shift in range(0, 70, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                demand(value < 1 << 64, "format", "number of more than 64 bits")
                return value
        raise Refused("format", "number of more than 10 bytes")

    def signed_number(self):
        value = self.number()
        return value >> 1 ^ -(value & 1)


def decoder_memory(codec, n, window):  # PF-112
    tables, halves, rounding, most = {
        1: (128, 3, 4096, window), 2: (256, 6, 4096, window), 3: (128, 8, 400000, window),
        4: (256, 4, 4096, window), 5: (64, 16, 5120, 320 << 10), 6: (64, 32, 5120, window),
    }.get(codec, (0, 0, 0, 0))
    return min(n * halves // 2 + rounding, window, most) + (tables << 10) if n and codec else 0


def streams_of(blob):  # PF-110, PF-112
    """The streams, and the memory that a part's entries and model may take."""
    demand(len(blob) >= 8, "format", "head of a difference")
    window, left = blob[5] * UNIT, int.from_bytes(blob[6:8], "little") * UNIT - 3 * MIB
    demand(blob[5] <= 56 and 0 <= left <= LIMIT - 3 * MIB - len(blob), "limit", "memory of a difference")
    demand(6 <= blob[4] <= 38, "format", "head of a difference")
    n, at = blob[4], 8 + 9 * blob[4]
    demand(len(blob) >= at, "format", "table of streams is cut")
    streams = []
    for i in range(n):
        codec, n_packed, size = struct.unpack_from("<BII", blob, 8 + 9 * i)
        demand(codec <= 6 and bool(n_packed) == bool(size), "format", "stream of a difference")
        demand(codec or n_packed == size, "format", "stream of a difference")
        demand(n_packed <= len(blob) - at, "format", "sizes of streams")
        memory = decoder_memory(codec, size, window)
        left -= memory
        demand(left >= 0, "limit", "decoders of a difference")
        demand(i != PLAN or size <= MIB, "limit", "plan of a difference")
        streams.append(Stream(unpacked(codec, blob[at : at + n_packed], size, memory)
                              if size else b""))
        at += n_packed
    demand(at == len(blob), "format", "bytes behind a difference")
    return streams, left


class Part:
    """PF-113, PF-114; at: where the sources of the parts before it end."""

    def __init__(self, streams, memory, source, at, n_left):
        plan = streams[PLAN]
        skip, n_source, self.size, n_entries, model = (plan.number() for _ in range(5))
        demand(skip + n_source <= len(source) - at and 0 < self.size <= n_left and n_entries > 0,
               "format", "part of a difference")
        demand(model <= 1, "unsupported", f"model {model}")
        demand(n_entries <= 262144 and 24 * n_entries <= memory, "limit", "entries of a difference")
        self.source = source[at + skip : at + skip + n_source]
        self.end = at + skip + n_source
        self.model, self.hints = model, b""
        if model:
            n_hints = plan.number()
            demand(n_hints <= 65536, "limit", "hints of a difference")
            self.hints = plan.take(n_hints)
        self.entries = self.read_entries(streams, n_entries)

    def read_entries(self, streams, n):
        """(position in the source, in the target, bytes of the copy, new bytes behind it)"""
        entries, old, new = [], 0, 0
        for _ in range(n):
            x, y = streams[COPIES].number(), streams[NEWS].number()
            inside = x <= len(self.source) - old and x + y <= self.size - new
            demand(inside, "format", "entry of a difference")
            entries.append((old, new, x, y))
            old, new = old + x + streams[MOVES].signed_number(), new + x + y
            demand(0 <= old <= len(self.source), "format", "move of a difference")
        demand(new == self.size, "format", "entries of a difference")
        return entries

    def made(self, streams, shared):  # PF-115, PF-116
        copies = [entry[:3] for entry in self.entries]
        predictor = (predictor_for(self.source, copies, self.hints, shared) if self.model
                     else NoProgram(b""))
        out = bytearray()
        for old, new, n, n_new in self.entries:
            at = old
            for field in predictor.fields_in(old, old + n):
                out += self.added(streams, at, field.at)
                out += self.field(streams, predictor, field, new + field.at - old)
                at = field.at + field.width
            out += self.added(streams, at, old + n)
            out += streams[NEW_BYTES].take(n_new)
        return out

    def added(self, streams, begin, end):
        pairs = zip(streams[DIFFERENCES].take(end - begin), self.source[begin:end])
        return bytes((a + b) & 0xFF for a, b in pairs)

    def field(self, streams, predictor, field, new):
        number = CORRECTIONS + field.kind
        demand(number < len(streams), "format", "no corrections of a kind")
        value = int.from_bytes(self.source[field.at : field.at + field.width], "little")
        predicted = predictor.predict(field, new, value)
        new_value = predicted + streams[number].signed_number() & (1 << 8 * field.width) - 1
        predictor.learn(field, new, value, new_value, predicted)
        return new_value.to_bytes(field.width, "little")


def swd2(blob, source, size):
    streams, memory = streams_of(blob)
    out, at, shared = bytearray(), 0, Table(16)  # PA-42
    while len(out) < size:
        part = Part(streams, memory, source, at, size - len(out))
        at = part.end
        out += part.made(streams, shared)
    demand(all(s.at == len(s.data) for s in streams), "format", "more than the target")
    return bytes(out)
