# SPDX-License-Identifier: Apache-2.0
"""What the documents name is there: files, links, options, keys, texts of errors."""

import pathlib
import re
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
LIST = subprocess.run(["git", "-C", TOP, "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
                      capture_output=True, text=True, check=False).stdout.split()
DOCS = sorted(TOP / name for name in LIST) or sorted(TOP.glob("docs/*.md"))
GUIDES = [TOP / "docs" / "porting.md", TOP / "docs" / "faq.md",
          TOP / "yocto" / "meta-switchback" / "README.md"]


@pytest.mark.parametrize("path", DOCS, ids=lambda path: str(path.relative_to(TOP)))
def test_links_lead_somewhere(path):
    for link in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        if not re.match(r"https?:|mailto:|#", link):
            assert (path.parent / link.split("#")[0]).exists(), f"{path.name}: {link}"


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.name)
def test_named_files_are_there(path):
    for name in re.findall(r"\b((?:docs|tools|tests|src|data|boot|demo|yocto)/[\w./-]*\w)", path.read_text()):
        found = [TOP / name, path.parent / name]
        assert any(f.exists() for f in found), f"{path.name}: {name}"


def commands(text):
    """Indented lines, continued ones joined."""
    lines = re.findall(r"^ {4}(.*)$", text.replace("\\\n", " "), re.M)
    return lines + re.findall(r"`((?:swb|tools/|demo/)[^`]*)`", text)


def known_options(program):
    for page in (TOP / "docs" / "man").glob(f"{program.rsplit('/', maxsplit=1)[-1]}.*.rst"):
        return set(re.findall(r"--[a-z][\w-]+", page.read_text()))
    tool = TOP / program
    if not tool.is_file():
        return None
    return set(re.findall(r"--[a-z][\w-]+", tool.read_text()))


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.name)
def test_options_of_commands_exist(path):
    checked = 0
    for line in commands(path.read_text()):
        for command in re.split(r"[;&|]", line):
            words = command.split()
            program = next((w for w in words if re.match(r"(swb|tools/|demo/|boot/)", w)), None)
            options = known_options(program) if program else None
            if options is None:
                continue
            used = set(re.findall(r"(?<!\S)(--[a-z][\w-]+)", command))
            assert used <= options, f"{path.name}: {command}"
            checked += 1
    assert checked


def sections(text):
    """[(section, its keys)] of configuration files, also of those within other texts."""
    text = re.sub(r"^ {4}", "", text, flags=re.M)
    for section, body in re.findall(r"^\[([\w.]+)\]\n((?:[\w.-]+ = .*\n)+)", text, re.M):
        yield section, re.findall(r"^([\w.-]+) =", body, re.M)


@pytest.mark.parametrize("path", [
    *GUIDES[:2], TOP / "tests" / "package" / "in-root",
    TOP / "yocto" / "meta-switchback" / "recipes-core" / "images" / "files" / "device.conf",
], ids=lambda path: path.name)
def test_keys_of_configuration_exist(path):
    page = (TOP / "docs" / "man" / "device.conf.5.rst").read_text()
    found = [(s, keys) for s, keys in sections(path.read_text()) if not s.startswith("slot.")]
    assert found or path.name == "faq.md"
    for section, keys in found:
        part = page[page.index(f"\n[{section}]\n") + 2:].split("\n[")[0]
        for key in keys:
            assert f"``{key}``" in part or key.startswith("check."), f"{section}: {key}"


def test_every_fault_is_explained():
    source = (TOP / "src" / "base" / "error.c").read_text()
    names = set(re.findall(r'\[SWB_FAULT_\w+\] = "([\w-]+)"', source)) - {"none"}
    table = (TOP / "docs" / "porting.md").read_text().split("### By name")[1]
    assert set(re.findall(r"^\| `([\w-]+)` \|", table, re.M)) == names


def test_quoted_messages_are_what_programs_print():
    """Of the table of failures: each part of a message stands in the sources like that."""
    text = (TOP / "docs" / "porting.md").read_text().split("what is printed")[1].split("### By name")[0]
    sources = "".join(path.read_text() for path in (TOP / "src").glob("**/*.c"))
    sources = re.sub(r'"\s*(?:PRI\w+|NAME)?\s*"', "", sources)  # strings that are cut into lines
    foreign = ("Couldn't connect to server", "SSL certificate problem")
    for row in re.findall(r"^\| (`.*?) \|", text, re.M):
        for message in re.findall(r"`([^`]+)`", row):
            for part in re.split(r"…|'[^']*'|\d+", message):
                part = part.strip()
                if len(part) > 7 and part not in foreign:
                    assert part in sources, part
