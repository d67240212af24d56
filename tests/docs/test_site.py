# SPDX-License-Identifier: Apache-2.0
"""`make site`: every link of every page leads somewhere, nothing is loaded from elsewhere."""

import html.parser
import os
import re
import subprocess
import urllib.parse

import pytest

import book

TOOL = book.TOP / "tools" / "make-site"
LOADS = {"link": "href", "script": "src", "img": "src", "source": "src", "iframe": "src"}


class Page(html.parser.HTMLParser):
    """What a page links to, what it loads, what may be linked to."""

    def __init__(self, path):
        super().__init__()
        self.links, self.loads, self.ids, self.open = [], [], [], []
        self.headings, self.current = 0, []
        self.feed(path.read_text())
        self.close()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
            if "aria-current" in attributes:
                self.current.append(attributes["href"])
        if tag in LOADS and LOADS[tag] in attributes:
            self.loads.append(attributes[LOADS[tag]])
        self.headings += tag == "h1"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site") / "site"
    subprocess.run([TOOL, folder], check=True, timeout=120, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def test_links_lead_somewhere(site, pages):
    wrong = []
    for path, page in pages.items():
        for link in [*page.links, *page.loads]:
            url = urllib.parse.urlsplit(link)
            if url.scheme:
                continue
            there = (path.parent / urllib.parse.unquote(url.path)).resolve() if url.path else path
            is_there = there.is_file() and there.is_relative_to(site)
            if not is_there or (url.fragment and there.suffix == ".html"
                                and url.fragment not in pages[there].ids):
                wrong.append(f"{path.relative_to(site)}: {link}")
    assert not wrong, "\n".join(wrong)


def test_nothing_comes_from_elsewhere(site, pages):
    assert not [load for page in pages.values() for load in page.loads if re.match(r"[a-z]+:|//", load)]
    for name in ("site.css", "site.js"):
        assert not re.search(r"https?:|url\(|@import", (site / name).read_text())


def test_every_page_is_there_once_and_in_the_list(site, pages):
    for path in book.pages("docs/**/*.md", "docs/*.md"):
        inside = path.relative_to(book.TOP / "docs").with_suffix(".html")
        page = pages[site / ("index.html" if path.name == "README.md" else inside)]
        assert len(page.current) == 1, f"{path.name} is {len(page.current)} times in docs/README.md"
    for path, page in pages.items():
        assert page.headings == 1 and len(page.ids) == len(set(page.ids)), path.name
    assert len(list((site / "man").glob("*.html"))) == len(book.pages("docs/man/*.rst"))


def test_the_same_sources_give_the_same_site(site, tmp_path):
    subprocess.run([TOOL, tmp_path / "again"], check=True, timeout=120, capture_output=True,
                   env={**os.environ, "PYTHONHASHSEED": "7"}, cwd=tmp_path)
    for path in site.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "again" / path.relative_to(site)).read_bytes()
