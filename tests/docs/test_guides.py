# SPDX-License-Identifier: Apache-2.0
"""What the documents name is there: files, names of errors, their texts."""

import pathlib
import re

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
GUIDES = [TOP / "yocto" / "meta-switchback" / "README.md", *sorted(TOP.glob("docs/*.md"))]
TROUBLE = TOP / "docs" / "troubleshooting.md"


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.name)
def test_named_files_are_there(path):
    """Also by the beginning of their name: tools/check-*, or a program by its source."""
    folders = r"(?:docs|tools|tests|src|data/persistent|boot/(?:u-boot|grub)|demo|bench|yocto)"
    for name in re.findall(rf"(?<![\w/])({folders}/[\w./-]*\w)", path.read_text()):
        found = [*TOP.glob(f"{name}*"), *path.parent.glob(f"{name}*")]
        assert found, f"{path.name}: {name}"


# Heading of the page: where its names are, and names that need no entry.
TABLES = {
    "Faults": ("src/base/error.c", r'\[SWB_FAULT_\w+\] = "([\w-]+)"', {"none"}),
    "What the server answers": ("src/server/select/select.c", r'\[SWB_SELECT_\w+\] = "([\w-]+)"', set()),
    "Rules of the device": ("src/device/policy/policy.c", r'\[SWB_RULE_\w+\] = "([\w-]+)"', set()),
    "Findings of the doctor": ("src/device/doctor/findings.c", r'\[SWB_FINDING_\w+\] = \{"([\w-]+)"', set()),
}
HOLDS = ("src/server/rollout/rollout.c", r'\[SWB_HOLD_\w+\] = "([\w-]+)"')


@pytest.mark.parametrize("heading", TABLES)
def test_every_name_is_explained(heading):
    file, pattern, without = TABLES[heading]
    names = set(re.findall(pattern, (TOP / file).read_text())) - without
    if heading == "What the server answers":
        names |= set(re.findall(HOLDS[1], (TOP / HOLDS[0]).read_text()))
    part = TROUBLE.read_text().split(f"\n## {heading}\n")[1].split("\n## ")[0]
    assert len(names) > 10
    assert set(re.findall(r"^\| `([\w-]+)` \|", part, re.M)) == names


def test_findings_have_the_severity_of_the_sources():
    source = (TOP / "src" / "device" / "doctor" / "findings.c").read_text()
    kinds = re.findall(r'\[SWB_FINDING_\w+\] = \{"([\w-]+)", (\w+)', source)
    rows = re.findall(r"^\| `([\w-]+)` \| (\w+) \|", TROUBLE.read_text(), re.M)
    assert {(name, severity.lower()) for name, severity in kinds} == set(rows)


def test_quoted_messages_are_what_programs_print():
    """Of the table of failures: each part of a message stands in the sources like that."""
    text = TROUBLE.read_text().split("\n## What is printed\n")[1].split("\n## ")[0]
    sources = "".join(path.read_text() for path in (TOP / "src").glob("**/*.c"))
    sources = re.sub(r'"\s*(?:PRI\w+|NAME)?\s*"', "", sources)  # strings that are cut into lines
    foreign = ("Couldn't connect to server", "SSL certificate problem")
    for row in re.findall(r"^\| (`.*?) \|", text, re.M):
        for message in re.findall(r"`([^`]+)`", row):
            for part in re.split(r"…|'[^']*'|\d+", message):
                part = part.strip()
                if len(part) > 7 and part not in foreign:
                    assert part in sources, part
