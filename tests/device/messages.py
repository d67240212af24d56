# SPDX-License-Identifier: Apache-2.0
"""The engine's end of a worker's control socket."""

import re
import socket


def unescape(value):
    def one(match):
        text = match.group(1)
        return {"\\": "\\", "n": "\n"}.get(text) or chr(int(text[1:], 16))
    return re.sub(r"\\(\\|n|x[0-9a-f]{2})", one, value)


def parse(text):
    """KEY=value lines as a dict; a key twice is an error."""
    pairs = [line.split("=", 1) for line in text.decode().splitlines()]
    result = {key: unescape(value) for key, value in pairs}
    assert len(result) == len(pairs)
    return result


class Control:
    """ours, theirs: the two ends; messages() after the worker has ended."""

    def __init__(self):
        self.ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.theirs.set_inheritable(True)
        self.ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.ours.close()
        self.theirs.close()

    @property
    def option(self):
        return f"--control={self.theirs.fileno()}"

    @property
    def pass_fds(self):
        return (self.theirs.fileno(),)

    def messages(self):
        self.theirs.close()
        found = []
        while True:
            data = self.ours.recv(1 << 17)
            if not data:
                return found
            assert len(data) <= 16 << 10
            found.append(parse(data))
