# SPDX-License-Identifier: Apache-2.0
"""Plugin of pytest: leaves the cases out that tests/plain-only names.

A line there is the name of a case with * for any text; one that begins with ! keeps what lines above
it leave out. A line that fits no case is an error, see tests/tools/test_plain_only.py.
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


def idle(names, lines):
    """The lines that fit no case, of the areas that these cases are of."""
    areas = {name.split("/")[1] for name in names}
    return [line for _, pattern, line in lines
            if line.removeprefix("!").split("/")[1] in areas and not any(map(pattern.fullmatch, names))]


def pytest_collection_modifyitems(config, items):
    lines = rules(LIST.read_text())
    unused = idle([item.nodeid for item in items], lines)
    if unused:
        raise pytest.UsageError(f"{LIST}: fits no case: {', '.join(unused)}")
    out = [item for item in items if is_left_out(item.nodeid, lines)]
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if item not in out]
