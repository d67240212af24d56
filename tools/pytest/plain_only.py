# SPDX-License-Identifier: Apache-2.0
"""Plugin of pytest: leaves the cases out that tests/plain-only names.

A line there is the name of a case with * for any text; one that begins with ! keeps what lines above
it leave out. Where all of an area is collected, a line of it that fits no case is an error; single
files and cases (and runs from another folder) are collected without that.
"""

import pathlib
import re

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
LIST = TOP / "tests" / "plain-only"


def rules(text):
    """(keeps, pattern, line) of each line that is no comment."""
    found = []
    for line in map(str.strip, text.splitlines()):
        if line and not line.startswith("#"):
            keeps = line.startswith("!")
            pattern = ".*".join(map(re.escape, line.removeprefix("!").split("*")))
            found.append((keeps, re.compile(pattern), line))
    return found


def is_left_out(name, lines):
    verdict = False
    for keeps, pattern, _ in lines:
        if pattern.fullmatch(name):
            verdict = not keeps
    return verdict


def idle(names, lines, areas):
    """The lines of these areas that fit no case."""
    return [line for _, pattern, line in lines
            if line.removeprefix("!").split("/")[1] in areas and not any(map(pattern.fullmatch, names))]


def case_name(item):
    """As in the list, wherever pytest was started."""
    path = item.path.relative_to(TOP) if item.path.is_relative_to(TOP) else item.path
    return "::".join([path.as_posix(), *item.nodeid.split("::")[1:]])


def whole_areas(config):
    asked = [(config.invocation_params.dir / arg.split("::")[0]).resolve() for arg in config.args]
    return {path.name for path in asked if path.parent == TOP / "tests" and path.is_dir()}


def pytest_collection_modifyitems(config, items):
    lines = rules(LIST.read_text())
    names = {item: case_name(item) for item in items}
    unused = idle(list(names.values()), lines, whole_areas(config))
    if unused:
        raise pytest.UsageError(f"{LIST}: fits no case: {', '.join(unused)}")
    out = [item for item in items if is_left_out(names[item], lines)]
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if item not in out]
