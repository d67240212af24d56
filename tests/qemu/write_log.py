# SPDX-License-Identifier: Apache-2.0
"""A log of all that a device wrote, as QEMU's blklogwrites keeps it, and the crash states in it.

The format is that of Linux's dm-log-writes: a superblock, then for each request a sector with its
place and flags and, for writes, the data.
"""

import dataclasses
import mmap
import struct

MAGIC = 0x6A736677736872
SECTOR = 512
FLUSH, FUA, DISCARD = 1, 2, 4


@dataclasses.dataclass(frozen=True)
class Request:
    """offset, length: in bytes of the disk; at: of the data in the log."""
    offset: int
    length: int
    at: int
    flags: int


class WriteLog:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.log = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        magic, version, n_entries, sector = struct.unpack_from("<QQQL", self.log)
        assert (magic, version, sector) == (MAGIC, 1, SECTOR), "no log of dm-log-writes"
        self.requests = []
        at = SECTOR
        for _ in range(n_entries):
            first, n_sectors, flags, _ = struct.unpack_from("<QQQQ", self.log, at)
            at += SECTOR
            length = n_sectors * SECTOR
            self.requests.append(Request(first * SECTOR, length, at, flags))
            if not flags & DISCARD:
                at += length

    def data(self, request):
        if request.flags & DISCARD:
            return bytes(request.length)
        return self.log[request.at:request.at + request.length]

    def counts(self):
        """(writes, flushes, bytes)"""
        writes = [r for r in self.requests if r.length]
        return (len(writes), sum(bool(r.flags & FLUSH) for r in self.requests),
                sum(r.length for r in writes))


class Replay:
    """Walks through the log; judge() is called in each state that a cut could have left.

    On the way every prefix is one state. Of the writes since the last flush, which a volatile cache
    may have lost in any choice and order, random subsets are tried, and torn ones: only the first
    or only the last sectors of a write.
    """

    def __init__(self, log, model, judge, random, subsets=8, torn=4):
        self.log, self.model, self.judge, self.random = log, model, judge, random
        self.n_subsets, self.n_torn = subsets, torn
        self.pending = []  # (request, what was there before it)
        self.prefixes = self.torn = self.subsets = 0

    def run(self):
        self.judge("nothing written")
        for number, request in enumerate(self.log.requests):
            if request.length:
                self.tear(number, request)
                before = self.model.write(request.offset, self.log.data(request))
                self.pending.append((request, before))
                self.prefixes += 1
                self.judge(f"the first {number + 1} requests")
            if request.flags & (FLUSH | FUA):
                self.lose(number)
            if request.flags & FLUSH:
                self.pending.clear()
        self.lose(len(self.log.requests))

    def tear(self, number, request):
        """The request in parts."""
        data, n_sectors = self.log.data(request), request.length // SECTOR
        if n_sectors < 2:
            return
        for _ in range(min(self.n_torn, n_sectors - 1)):
            cut = self.random.randrange(1, n_sectors) * SECTOR
            for offset, part in ((request.offset, data[:cut]), (request.offset + cut, data[cut:])):
                before = self.model.write(offset, part)
                self.torn += 1
                self.judge(f"request {number} torn at byte {cut} of {request.length}")
                self.model.write(offset, before)

    def without_pending(self):
        for request, before in reversed(self.pending):
            self.model.write(request.offset, before)

    def apply(self, chosen):
        return [(request, self.model.write(request.offset, self.log.data(request)))
                for request in chosen]

    def lose(self, number):
        """States with only some of the pending requests on the medium."""
        if not self.pending:
            return
        requests = [request for request, _ in self.pending]
        self.without_pending()
        for _ in range(self.n_subsets):
            share = self.random.random()
            chosen = [r for r in requests if r.flags & FUA or self.random.random() < share]
            self.random.shuffle(chosen)
            done = self.apply(chosen)
            self.subsets += 1
            self.judge(f"{len(chosen)} of {len(requests)} unflushed requests before {number}")
            for request, before in reversed(done):
                self.model.write(request.offset, before)
        self.pending = self.apply(requests)
