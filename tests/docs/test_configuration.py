# SPDX-License-Identifier: Apache-2.0
"""docs/configuration.md is what the programs' tables say; files of configuration use what there is."""

import re
import subprocess

import pytest

import book

TOOL = book.TOP / "tools" / "make-config-reference"
PAGE = book.TOP / "docs" / "configuration.md"


def test_the_page_is_what_the_tool_makes(tmp_path):
    subprocess.run([TOOL, book.BUILD, tmp_path / "page.md"], check=True, timeout=60)
    assert (tmp_path / "page.md").read_text() == PAGE.read_text(), \
        "run tools/make-config-reference BUILD"


def known_keys():
    section, found = None, {}
    for line in PAGE.read_text().splitlines():
        if match := re.match(r"### \[([\w-]+)\]", line):
            section = match.group(1)
        elif match := re.match(r"\| `([\w-]+)` \|", line):
            found.setdefault(section, set()).add(match.group(1))
    return found


def sections(text):
    """(section, its keys) of configuration files, also of those within other texts."""
    text = re.sub(r"^ +", "", text, flags=re.M)
    for section, body in re.findall(r"^\[([\w.-]+)\]\n((?:[\w.-]+ = .*\n)+)", text, re.M):
        yield section, re.findall(r"^([\w.-]+) =", body, re.M)


FILES = [path for path in book.pages("*.md", "*.rst", "*.conf", "demo/vm/*.py", "tests/package/in-root")
         if any(section == "device" for section, _ in sections(path.read_text()))]


@pytest.mark.parametrize("path", FILES, ids=book.name)
def test_keys_exist(path):
    known = known_keys()
    for section, keys in sections(path.read_text()):
        if section.startswith("slot.") or section not in known:
            assert section.startswith("slot.") or path.suffix == ".conf", section
            continue
        for key in keys:
            assert key in known[section] or re.match(r"(check|unit|dbus)\.", key), f"[{section}] {key}"


def test_files_were_found():
    assert {"docs/quick-start.md", "docs/man/device.conf.5.rst"} <= {book.name(path) for path in FILES}
