# SPDX-License-Identifier: Apache-2.0
"""swb-fetch get against servers that are slow, wrong or malicious."""

import hashlib
import os
import pwd
import random
import subprocess
import time

import pytest
from evil import (EvilServer, closed_port, endless, file, redirect, redirect_to_self, status, stuck,
                  whole, wrong_range)
from messages import Control

DATA = random.Random(7).randbytes(3_000_000)
FAST = ("--retry-wait=0",)


def get(program, server, *args, size=len(DATA), **options):
    urls = [f"--url={url}" for url in ([server] if isinstance(server, str) else server)]
    return program("swb-fetch", "get", *urls, f"--size={size}", *FAST, *args, **options)


def same(got, want):
    """Without pytest's diff of megabytes."""
    return len(got) == len(want) and hashlib.sha256(got).digest() == hashlib.sha256(want).digest()


def test_whole_file(program):
    with EvilServer(file(DATA)) as server:
        result = get(program, server.url)
    assert result.returncode == 0, result.stderr
    assert same(result.stdout, DATA)
    assert len(server.requests) == 1 and server.requests[0].offset is None


@pytest.mark.parametrize("offset", [1, 4096, len(DATA) - 1])
def test_from_an_offset(program, offset):
    with EvilServer(file(DATA)) as server:
        result = get(program, server.url, f"--offset={offset}")
    assert result.returncode == 0, result.stderr
    assert same(result.stdout, DATA[offset:])
    assert server.requests[0].headers["Range"] == f"bytes={offset}-"


def test_nothing_to_do_asks_nobody(program):
    with EvilServer(file(DATA)) as server:
        result = get(program, server.url, f"--offset={len(DATA)}")
    assert result.returncode == 0 and result.stdout == b"" and not server.requests


def test_offset_behind_the_end(program):
    result = get(program, closed_port(), f"--offset={len(DATA) + 1}")
    assert result.returncode == 2 and b"behind the payload's end" in result.stderr


def test_cut_connections_are_resumed(program):
    cuts = [file(DATA, cut=n) for n in (0, 1, 70_000, 0, 500_000)]
    with EvilServer(*cuts, file(DATA)) as server:
        result = get(program, server.url)
    assert result.returncode == 0, result.stderr
    assert same(result.stdout, DATA)
    assert [r.offset for r in server.requests] == [None, None, 1, 70_001, 70_001, 570_001]


def test_range_ignored_after_a_cut(program):
    with EvilServer(file(DATA, cut=1_000_000), whole(DATA)) as server:
        result = get(program, server.url)
    assert result.returncode == 0, result.stderr
    assert same(result.stdout, DATA)


def test_range_ignored_far_into_a_large_file(program):
    def answer(handler):
        handler.head(200, Content_Length=400 << 20)
        handler.wfile.write(b"x" * 4096)

    with EvilServer(answer) as server:
        result = get(program, server.url, f"--offset={300 << 20}", size=400 << 20)
    assert result.returncode == 1 and b"ignores Range" in result.stderr
    assert len(server.requests) == 1


def test_wrong_content_range_is_not_believed(program):
    with EvilServer(wrong_range(DATA)) as server:
        result = get(program, server.url, "--offset=100")
    assert result.returncode == 1
    assert b"Content-Range" in result.stderr and result.stdout == b""
    assert len(server.requests) == 1  # asking again would not make it better


def test_wrong_server_then_a_right_one(program):
    with EvilServer(wrong_range(DATA)) as bad, EvilServer(status(404)) as gone, \
            EvilServer(file(DATA)) as good:
        result = get(program, [bad.url, gone.url, good.url], "--offset=100")
    assert result.returncode == 0, result.stderr
    assert same(result.stdout, DATA[100:])
    assert len(bad.requests) == len(gone.requests) == len(good.requests) == 1


def test_next_url_after_repeated_failures(program):
    with EvilServer(status(503)) as busy, EvilServer(file(DATA)) as good:
        result = get(program, [closed_port(), busy.url, good.url], "--failures-per-url=2")
    assert result.returncode == 0, result.stderr
    assert same(result.stdout, DATA)
    assert len(busy.requests) == 2


def test_the_next_url_goes_on_where_the_first_stopped(program):
    with EvilServer(file(DATA, cut=1_000_000), status(404)) as first, \
            EvilServer(file(DATA)) as second:
        result = get(program, [first.url, second.url])
    assert result.returncode == 0, result.stderr
    assert same(result.stdout, DATA)
    assert second.requests[0].offset == 1_000_000


def test_gives_up(program):
    with EvilServer(status(500)) as server:
        result = get(program, server.url, "--retries=3")
    assert result.returncode == 1 and b"HTTP status 500" in result.stderr
    assert len(server.requests) == 4


def test_a_dribbler_does_not_renew_its_retries(program):
    with EvilServer(file(DATA, cut=1)) as server:
        result = get(program, server.url, "--retries=5")
    assert result.returncode == 1 and result.stdout == DATA[:6]
    assert len(server.requests) == 6


def test_progress_renews_the_retries(program):
    with EvilServer(*[file(DATA, cut=1_200_000)] * 2, file(DATA)) as server:
        result = get(program, server.url, "--retries=1")
    assert result.returncode == 0, result.stderr
    assert same(result.stdout, DATA)


def test_never_more_than_promised(program):
    with EvilServer(endless) as server:
        result = get(program, server.url, size=100_000)
    assert result.returncode == 1 and b"more than" in result.stderr
    assert len(result.stdout) <= 100_000


def test_another_file_of_another_size(program):
    with EvilServer(file(DATA + b"x")) as server:
        result = get(program, server.url)
    assert result.returncode == 1 and result.stdout == b""
    assert b"3000001" in result.stderr and b"3000000" in result.stderr


def test_a_stalled_connection_is_given_up(program):
    with EvilServer(stuck(DATA, 200_000), file(DATA)) as server:
        begin = time.monotonic()
        result = get(program, server.url, "--stall=1s")
    assert result.returncode == 0, result.stderr
    assert same(result.stdout, DATA)
    assert time.monotonic() - begin < 30
    assert [r.offset for r in server.requests] == [None, 200_000]


def test_redirects(program):
    with EvilServer(file(DATA)) as good:
        with EvilServer(redirect(good.url)) as server:
            result = get(program, server.url, "--offset=10")
    assert result.returncode == 0, result.stderr
    assert same(result.stdout, DATA[10:])


def test_redirects_in_a_circle(program):
    with EvilServer(redirect_to_self) as server:
        result = get(program, server.url)
    assert result.returncode == 1 and b"redirects" in result.stderr
    assert len(server.requests) == 11


@pytest.mark.parametrize("target", ["file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/"])
def test_redirects_to_other_protocols(program, target):
    with EvilServer(redirect(target)) as server:
        result = get(program, server.url)
    assert result.returncode == 1 and result.stdout == b""


def test_retry_after_is_waited_for(program):
    with EvilServer(status(503, Retry_After=2), file(DATA)) as server:
        begin = time.monotonic()
        result = get(program, server.url)
    assert result.returncode == 0, result.stderr
    assert time.monotonic() - begin >= 2


def test_a_long_retry_after_is_handed_on(program):
    with EvilServer(status(503, Retry_After=3600)) as server, Control() as control:
        result = get(program, server.url, control.option, pass_fds=control.pass_fds)
        outcome = control.messages()[-1]
    assert result.returncode == 1 and len(server.requests) == 1
    assert outcome["TYPE"] == "outcome" and outcome["RESULT"] == "failed"
    assert outcome["FAULT"] == "http" and outcome["HTTP_STATUS"] == "503"
    assert outcome["RETRY_AFTER"] == "3600" and "503" in outcome["TEXT"]
    assert int(outcome["CODE"]) < 0


def test_messages(program):
    cuts = [file(DATA, cut=n) for n in (700_000, 900_000)]
    with EvilServer(*cuts, file(DATA)) as server, Control() as control:
        result = get(program, server.url, "--offset=1000", "--retry-wait=1s", control.option,
                     pass_fds=control.pass_fds)
        messages = control.messages()
    assert result.returncode == 0, result.stderr
    assert same(result.stdout, DATA[1000:])
    assert messages[-1]["TYPE"] == "outcome" and messages[-1]["RESULT"] == "ok"
    progress = messages[:-1]
    assert len(progress) >= 3 and all(m["TYPE"] == "progress" for m in progress)
    offsets = [int(m["OFFSET"]) for m in progress]
    assert offsets == sorted(offsets) and offsets[-1] == len(DATA)
    for message in progress:
        assert int(message["OFFSET"]) == int(message["BYTES_DONE"]) + 1000
        assert int(message["RATE"]) >= 0


def test_the_reader_goes_away(program):
    read_end, write_end = os.pipe()
    os.close(read_end)
    with EvilServer(file(DATA)) as server:
        result = get(program, server.url, stdout=write_end)
    os.close(write_end)
    assert result.returncode == 1 and b"Broken pipe" in result.stderr
    assert len(server.requests) == 1


def test_a_slow_reader_holds_the_download_back(program):
    """An installer that takes its time must not be mistaken for a dead server."""
    script = ("import sys, time; time.sleep(3); data = sys.stdin.buffer.read();"
              "sys.exit(len(data) != 3000000)")
    with subprocess.Popen(["/usr/bin/python3", "-c", script], stdin=subprocess.PIPE) as reader, \
            EvilServer(file(DATA)) as server:
        result = get(program, server.url, "--stall=1s", stdout=reader.stdin)
        reader.stdin.close()
        assert reader.wait(30) == 0
    assert result.returncode == 0, result.stderr


def test_rate_limit(program):
    with EvilServer(file(DATA)) as server:
        begin = time.monotonic()
        result = get(program, server.url, "--max-rate=1000000")
    assert result.returncode == 0, result.stderr
    assert same(result.stdout, DATA)
    assert time.monotonic() - begin > 1  # libcurl is generous in the first seconds


def status_of_process(url):
    """Lines of /proc/PID/status of the one process that was told this URL."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file_:
                arguments = file_.read().split("\0")
            if f"--url={url}" in arguments:
                with open(f"/proc/{pid}/status", encoding="utf-8") as file_:
                    found.append(dict(line.rstrip("\n").split(":\t", 1) for line in file_))
        except OSError:
            pass
    assert len(found) == 1
    return found[0]


def test_runs_without_privileges(program):
    seen = []

    def look(handler):
        seen.append(status_of_process(handler.server.url))
        file(DATA)(handler)

    user = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    with EvilServer(look) as server:
        result = get(program, server.url, f"--user={user.pw_name}")
    assert result.returncode == 0, result.stderr
    assert seen[0]["NoNewPrivs"] == "1"
    assert seen[0]["Uid"].split() == [str(user.pw_uid)] * 4
    assert seen[0]["Gid"].split() == [str(user.pw_gid)] * 4
    assert int(seen[0]["CapEff"], 16) == 0 or os.getuid() != 0


def test_usage(program):
    assert program("swb-fetch", "get", "--url=http://127.0.0.1/").returncode == 2
    assert program("swb-fetch", "get", "--size=1").returncode == 2
    assert program("swb-fetch", "get", "--url=x", "--size=1", "--control=0").returncode == 2
    assert get(program, closed_port(), "--failures-per-url=0").returncode == 2
    assert get(program, closed_port(), "--user=no-such-user-here", "--retries=0").returncode == 1
