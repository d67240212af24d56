# SPDX-License-Identifier: Apache-2.0
"""Each command line of ours in each page is one that the program would take."""

import pytest

import book

PAGES = book.pages("*.md", "docs/man/*.rst")


@pytest.mark.parametrize("path", PAGES, ids=book.name)
def test_commands_are_understood(path):
    wrong = [f"line {line}: {' '.join(words)}: {why}" for line, words in book.commands(path)
             if (why := book.complaint(words))]
    assert not wrong, "\n".join(wrong)


def test_the_pages_show_most_verbs():
    """So that the search for command lines can't go blind."""
    seen = {tuple(words[:2]) for path in PAGES for _, words in book.commands(path)}
    for program in ("swb-pack", "swb-server", "swbctl"):
        verbs = {(program, verb) for verb in book.table(program).verbs}
        assert len(verbs & seen) > len(verbs) / 2, sorted(verbs - seen)


@pytest.mark.parametrize("line, why", [
    ("swb-pack full new.ext4 --output=x --app-id=a --target-version=2", None),
    ("swb-pack full new.ext4 --outputs=x", "no option --outputs"),
    ("swb-pack ful new.ext4", "no verb"),
    ("swb-pack verify a b", "2 arguments"),
    ("swb-pack verify", None),
    ("swb-pack verify --partition", "needs an argument"),
    ("swbctl status --json=x", "takes no argument"),
    ("sudo X=1 build/src/bin/swbctl/swbctl nonsense | cat", "no verb"),
    ("run-device x 'swbctl nonsense'", "no verb"),
    ("swb-server serve --listen 127.0.0.1:0 --status & sleep 1", None),
    ("swb-pack delta OLD NEW ...", None),
])
def test_the_check_can_fail(line, why):
    complaints = [book.complaint(words) for words in book.shell_commands(line)]
    assert len(complaints) == 1
    assert complaints[0] is None if why is None else why in complaints[0]
