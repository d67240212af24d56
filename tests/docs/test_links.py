# SPDX-License-Identifier: Apache-2.0
"""Each link of each page leads to a file that is there, and to a heading that it has."""

import re

import pytest

import book


@pytest.mark.parametrize("path", book.pages("*.md"), ids=book.name)
def test_links_lead_somewhere(path):
    for line, target in book.links(path):
        if re.match(r"[a-z]+:", target):
            assert target.startswith(("https://", "http://", "mailto:")), f"line {line}: {target}"
            continue
        file, _, anchor = target.partition("#")
        there = path.parent / file if file else path
        assert there.exists(), f"line {line}: {target}"
        if anchor:
            assert anchor in book.anchors(there), f"line {line}: {target}"


def test_every_page_is_reached_from_the_readme():
    """A page that nobody links to is a page that nobody reads."""
    seen, todo = set(), [book.TOP / "README.md"]
    while todo:
        path = todo.pop()
        if path in seen or path.suffix != ".md":
            continue
        seen.add(path)
        todo += [(path.parent / target.split("#")[0]).resolve() for _, target in book.links(path)
                 if not re.match(r"[a-z]+:|#", target)]
        # `docs/x.md` in a table or sentence leads there, too
        todo += [book.TOP / file for file in re.findall(r"`((?:[\w.-]+/)*[\w.-]+\.md)`", path.read_text())
                 if (book.TOP / file).exists()]
    lost = [book.name(p) for p in book.pages("docs/*.md") if p not in seen]
    assert not lost, f"put them into docs/README.md: {lost}"


def test_anchors_as_on_github(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A `b` & c\n\n## A-b: [link](x), 1.5\n\n## Twice\n\n## Twice\n\n    # code\n")
    assert book.anchors(page) == ["a-b--c", "a-b-link-15", "twice", "twice-1"]
