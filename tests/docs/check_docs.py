#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""check_docs.py [PAGE...] - runs the slow pages of the documentation, as they are printed

A page that begins in the sources gets a fresh clone of what is committed; one that `continues` goes
on where quick-start.md ended. Without a PAGE: all.
What each one printed stands in build/check-docs/.
"""

import pathlib
import resource
import shutil
import subprocess
import sys

import book
import runnable

SECONDS = 3600


def clone(folder):
    subprocess.run(["git", "clone", "-q", book.TOP, folder], check=True)


def main():
    named = [pathlib.Path(p).resolve() for p in sys.argv[1:]]
    pages = named or [p for p in book.pages("*.md") if runnable.is_slow(p)]
    pages.sort(key=runnable.continues)
    top = book.TOP / "build" / "check-docs"
    if not all(map(runnable.continues, pages)):
        shutil.rmtree(top, ignore_errors=True)
    n_failed = 0
    for path in pages:
        folder = top / path.stem
        if runnable.continues(path):
            folder = top / "quick-start"
        folder.mkdir(parents=True, exist_ok=True)
        if runnable.wants_tree(path) and not runnable.continues(path):
            clone(folder / "tree")
        folder = folder / "tree" if runnable.wants_tree(path) else folder
        try:
            printed = runnable.check(path, folder, SECONDS)
            (top / f"{path.stem}.log").write_text("".join(printed.values()))
            result = "passed"
        except AssertionError as error:
            print(error)
            result, n_failed = "failed", n_failed + 1
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        print(f"{book.name(path)}: {result}, {usage.ru_utime + usage.ru_stime:.0f} CPU seconds so far",
              flush=True)
    print(f"{len(pages) - n_failed} passed, {n_failed} failed")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
