# SPDX-License-Identifier: Apache-2.0
"""Runs the code blocks of a page that say they can be run.

    ```sh runnable          in a folder of its own, with our programs in PATH
    ```sh runnable slow     the same, by `make check-docs` instead of `make check`
    ```sh runnable tree     the page begins in a fresh clone of these sources
    ```sh runnable continues   the page begins where docs/quick-start.md ends
    ```output               behind such a block: lines that it must have printed, in this order;
                            each may be a part of the printed line, and … stands for anything

All blocks of a page are one script, so that what one sets the next one has. Port 8080 becomes a
free one. What runs in the background is ended with the script.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading

import book

MARK = "---- block of line"


def runnable(path):
    """[(block, lines that it must print)]"""
    found = []
    for block in book.page(path)[1]:
        if block.info[:2] == ["sh", "runnable"]:
            found.append((block, []))
        elif block.info == ["output"]:
            assert found, f"{path.name}:{block.line}: output of nothing"
            found[-1][1].extend(line for line in block.text.splitlines() if line.strip())
    return found


def is_slow(path):
    return any("slow" in block.info for block, _ in runnable(path))


def continues(path):
    return any("continues" in block.info for block, _ in runnable(path))


def wants_tree(path):
    return continues(path) or any("tree" in block.info for block, _ in runnable(path))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def script_of(path):
    lines = ["set -euo pipefail"]
    for block, _ in runnable(path):
        lines += [f"echo '{MARK} {block.line}'", block.text]
    lines += [f"echo '{MARK} 0'"]
    return re.sub(r"\b8080\b", str(free_port()), "\n".join(lines))


def run(path, folder, seconds):
    """Runs a page's blocks in the folder; what they print, by the blocks' lines."""
    programs = [str(p.parent) for p in (book.BUILD / "src" / "bin").glob("*/swb*") if p.is_file()]
    environment = {**os.environ, "PATH": ":".join([*programs, os.environ["PATH"]])}
    if wants_tree(path):  # it says itself where its programs are
        environment["PATH"] = os.environ["PATH"]
    if continues(path):
        ours = [f"{folder}/build/src/bin/{name}" for name in ("swb-pack", "swb-server")]
        environment["PATH"] = ":".join([*ours, os.environ["PATH"]])
    process = subprocess.Popen(["bash", "-c", script_of(path)], cwd=folder, env=environment,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    text, is_whole = bytearray(), False
    timer = threading.Timer(seconds, end, (process, signal.SIGKILL))
    timer.start()
    for line in process.stdout:  # not to its end: what runs in the background keeps it open
        text += line
        is_whole = line.startswith(f"{MARK} 0".encode())
        if is_whole:
            break
    timer.cancel()
    end(process, signal.SIGTERM)
    status = process.wait()
    printed = text.decode(errors="replace")
    if not is_whole:
        raise AssertionError(f"{book.name(path)}: status {status}\n{printed[-6000:]}")
    parts = re.split(rf"^{MARK} (\d+)\n", printed, flags=re.M)
    return dict(zip(map(int, parts[1::2]), parts[2::2]))


def end(process, number):
    """The whole group, also when its first process is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def check(path, folder, seconds):
    """Runs the page and compares what its blocks print with what it says they do."""
    printed = run(path, folder, seconds)
    for block, wanted in runnable(path):
        text = printed[block.line]
        place = 0
        for line in wanted:
            pattern = ".*?".join(map(re.escape, line.strip().split("…")))
            match = re.compile(pattern).search(text, place)
            assert match, f"{book.name(path)}:{block.line}: '{line}' is not in\n{text[-6000:]}"
            place = match.end()
    return printed
