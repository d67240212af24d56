# SPDX-License-Identifier: Apache-2.0
"""A sample of `make check-crash`, and that it sees what it should."""

import os
import pathlib
import re
import subprocess

import pytest

import crash_log
from crash_files import Files
from crash_scene import DROPPED, KEPT, RESTARTED, TORN, WORKERS, Wrong
from crash_stage import Stage

BUILD = pathlib.Path(os.environ["SWB_BUILD"]).resolve()
# Calls that change files. Those in points.c are crash points; the others must not be used.
CHANGING = re.compile(r"^(creat|copy_file_range|fallocate|fclose|fputs|ftruncate|fsync|fdatasync|link|"
                      r"mkdir|mknod|mkostemp|mkstemp|msync|pwrite|pwritev2?|rename|renameat2?|rmdir|"
                      r"sendfile|splice|symlink|sync|syncfs|truncate|unlink|unlinkat|write|writev)"
                      r"(at)?(64)?$")
POINTS = {"fallocate64", "fdatasync", "fsync", "ftruncate64", "mkdir", "pwrite64", "rename", "unlink",
          "write"}


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    with Stage(tmp_path_factory.mktemp("crash"), BUILD) as stage:
        yield stage.scene("delta")


def states(scene, wanted):
    """The states before some points, in the order of the update."""
    at = 0
    for part in scene.parts:
        for _, files, done in part.states():
            at += 1
            if at in wanted:
                yield files, done


@pytest.mark.parametrize("program", ["swbd", *WORKERS])
def test_every_change_of_a_file_is_a_point(program):
    symbols = subprocess.run(["nm", "-D", "--undefined-only", BUILD / "src/bin" / program / program],
                             capture_output=True, text=True, check=True, timeout=60).stdout
    used = {line.split()[-1].split("@")[0] for line in symbols.splitlines()}
    assert {name for name in used if CHANGING.match(name)} <= POINTS
    # and of them there is nothing in what is installed
    assert "crash_" not in symbols and "SWB_CRASH" not in symbols


def test_sample(scene):
    """Recorded once, so that all points of one update are known; some of them are tried."""
    n = scene.n_points()
    assert n > 90
    ways = {n // 4: DROPPED, n // 2: TORN, n * 5 // 8: KEPT, n * 7 // 8: RESTARTED}
    tried = 0
    for (at, way), (files, done) in zip(sorted(ways.items()), states(scene, ways)):
        scene.cut(files, way, done, at)
        tried += 1
    assert tried == len(ways)


def test_killed_worker(scene):
    part = scene.parts[0]
    points = [point for point in part.points if point.program == "swb-install"]
    assert scene.kill(part, points[len(points) // 2])


def test_a_slot_that_is_not_whole_is_seen(scene):
    """The last state, in which the new slot is bootable, with one bit of it changed."""
    part = scene.parts[-1]
    files = dict(part.start)
    files["B.img"] = files["B.img"][:-1] + bytes([files["B.img"][-1] ^ 1])
    scene.put(files)
    with pytest.raises(Wrong):
        scene.check_candidates()


def point(kind, inode=0, path="", other="", offset=0, data=b""):
    return crash_log.Point(kind, "test", 1, path, other, inode, offset, len(data), data)


def test_files_that_were_not_synced(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    files = Files(tmp_path, lambda path: True)
    folder = tmp_path.stat().st_ino
    new = str(tmp_path / "a.tmp")
    files.apply(point(crash_log.CREATE, 1 << 40, new))
    files.apply(point(crash_log.WRITE, 1 << 40, data=b"new"))
    files.apply(point(crash_log.RENAME, path=new, other=str(tmp_path / "a")))
    assert files.after_cut(False)["a"] == b"old" and files.after_cut(True)["a"] == b"new"
    files.apply(point(crash_log.SYNC, folder))
    assert files.after_cut(False)["a"] == b""  # renamed before its content was synced
    files.apply(point(crash_log.SYNC, 1 << 40))
    assert files.after_cut(False) == {"": None, "a": b"new"}
