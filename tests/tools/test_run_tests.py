# SPDX-License-Identifier: Apache-2.0
"""The lanes of tools/run-tests: each piece of work is done once, and tests wait for their build."""

import importlib.machinery
import importlib.util
import pathlib
import threading

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def runner():
    loader = importlib.machinery.SourceFileLoader("run_tests", str(TOP / "tools" / "run-tests"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("run_tests", loader))
    loader.exec_module(module)
    return module


class Lanes:
    """What was done, in that order; the build of sanitizers ends only after all of the first build."""

    def __init__(self, runner, todo, is_good=True):
        self.runner, self.is_good = runner, is_good
        self.done, self.lock = [], threading.Lock()
        self.n_first = sum(name == "check" for name, _ in todo)
        self.first_is_over = threading.Event()
        self.ends = runner.run_lanes(runner.Queue(todo, ["check"]), self.do)

    def do(self, name, what):
        count = self.runner.Count(f"{name}: {what}")
        if (name, what) == ("sanitize", "build"):
            assert self.first_is_over.wait(60)
            count.failed = int(not self.is_good)
        with self.lock:
            self.done.append((name, what))
            if sum(name == "check" for name, _ in self.done) == self.n_first:
                self.first_is_over.set()
        return [count]


TODO = [("sanitize", "build"), ("clang", "build"), *((name, what) for name in ("check", "sanitize")
        for what in ("meson", "flow", "pack", "server", "install", "device", "golden"))]


def test_all_is_done_once_and_tests_follow_their_build(runner):
    lanes = Lanes(runner, TODO)
    assert sorted(lanes.done) == sorted(TODO) == sorted(lanes.ends)
    built = lanes.done.index(("sanitize", "build"))
    assert all(name != "sanitize" for name, _ in lanes.done[:built])


def test_nothing_runs_in_a_build_that_failed(runner):
    lanes = Lanes(runner, TODO, is_good=False)
    assert sorted(lanes.done) == sorted(work for work in TODO
                                        if work[0] != "sanitize" or work[1] == "build")


def test_long_work_stands_at_the_ends(runner):
    order = runner.Queue(TODO, ["check"]).left
    assert order[:2] == [("check", "flow"), ("sanitize", "flow")]
    assert order[-2:] == [("check", "pack"), ("sanitize", "build")]


def test_named_areas_exist(runner):
    work = {(name, area) for name in ("check", "sanitize") for area in runner.areas(name)}
    work |= {(name, "build") for name in runner.BUILDS}
    assert {tuple(name.split()) for name in runner.LEFT + runner.RIGHT} <= work
    assert set(runner.WAITING_AREAS) <= runner.areas("check")


def test_a_process_is_measured(runner):
    result = runner.run(["sh", "-c", "echo said; echo complained >&2; exit 3"])
    assert (result.returncode, result.stdout) == (3, "said\ncomplained\n")
    assert result.cpu_seconds >= 0
