# SPDX-License-Identifier: Apache-2.0
"""Code blocks that say they can be run (runnable.py) can be, and print what the page shows."""

import pytest

import book
import runnable

PAGES = [path for path in book.pages("*.md") if runnable.runnable(path)]
SECONDS = 300


@pytest.mark.parametrize("path", [p for p in PAGES if not runnable.is_slow(p)], ids=book.name)
def test_page(path, tmp_path):
    runnable.check(path, tmp_path, SECONDS)


def test_slow_pages_are_known():
    """`make check-docs` runs these; here they are only looked at."""
    slow = [p for p in PAGES if runnable.is_slow(p)]
    assert "docs/quick-start.md" in map(book.name, slow)
    for path in slow:
        assert all("slow" in block.info for block, _ in runnable.runnable(path)), book.name(path)


@pytest.mark.parametrize("text, wrong", [
    ("```sh runnable\necho a b; echo c\n```\n\n```output\na …\nc\n```\n", None),
    ("```sh runnable\necho a; echo c\n```\n\n```output\nc\na\n```\n", "'a' is not in"),
    ("```sh runnable\nfalse\ntrue\n```\n", "status 1"),
    ("```sh runnable\nx=1\n```\n\n```sh runnable\nsleep 1000 &\necho $x\n```\n\n```output\n1\n```\n", None),
])
def test_the_check_can_fail(tmp_path, monkeypatch, text, wrong):
    monkeypatch.setattr(book, "TOP", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(text)
    if wrong:
        with pytest.raises(AssertionError, match=wrong):
            runnable.check(page, tmp_path, SECONDS)
    else:
        runnable.check(page, tmp_path, SECONDS)
