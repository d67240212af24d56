# SPDX-License-Identifier: Apache-2.0
"""What the demo shows: chapters, commands, facts, progress and a table.

Colour and moving bars only on a terminal, and no colour with NO_COLOR set; elsewhere the same words
as plain lines.
"""

import os
import shutil
import sys
import time

BAR_WIDTH = 30


class Screen:
    def __init__(self, out=sys.stdout):
        self.out = out
        self.moving = out.isatty() and os.environ.get("TERM") != "dumb"
        self.colours = self.moving and not os.environ.get("NO_COLOR")
        self.fancy = "utf" in (out.encoding or "").lower()
        self.start = time.monotonic()
        self.chapters = 0
        self.bar_open = False
        self.bar_quarter = -1

    def paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self.colours else text

    @staticmethod
    def width():
        return min(shutil.get_terminal_size((120, 24)).columns, 120)

    def line(self, text=""):
        self.end_bar()
        print(text, file=self.out, flush=True)

    def title(self, text):
        self.line(self.paint("1", text))

    def chapter(self, text):
        self.chapters += 1
        seconds = f"{time.monotonic() - self.start:.0f} s"
        rule = "─" if self.fancy else "-"
        width = self.width()
        head = f"{rule * 2} {self.chapters} {rule} {text} "
        fill = rule * max(width - len(head) - len(seconds) - 1, 2)
        self.line()
        self.line(f"{self.paint('1;36', head)}{self.paint('36', fill)} {self.paint('2', seconds)}")

    def command(self, text):
        """A command as a person would type it."""
        self.line(f"  {self.paint('2', '$')} {self.paint('33', text)}")

    def say(self, text):
        self.line(f"  {text}")

    def quote(self, text, cut=False):
        """What a program printed; cut: wide lines lose their ends."""
        for line in text.rstrip().splitlines():
            if cut and len(line) > self.width() - 4:
                line = line[:self.width() - 5] + ("…" if self.fancy else "~")
            self.line(f"    {self.paint('2', line)}")

    def good(self, text):
        self.line(f"  {self.paint('32', '✓' if self.fancy else 'ok:')} {text}")

    def bad(self, text):
        self.line(f"  {self.paint('31', '✗' if self.fancy else '!!')} {text}")

    def bar(self, fraction, text, still=True):
        """One line that moves; without a terminal (still) a line at each quarter."""
        fraction = min(max(fraction, 0.0), 1.0)
        if not self.moving:
            if still and int(fraction * 4) > self.bar_quarter:
                self.bar_quarter = int(fraction * 4)
                print(f"    {fraction * 100:3.0f} %  {text}", file=self.out, flush=True)
            return
        done = round(fraction * BAR_WIDTH)
        full, empty = ("█", "░") if self.fancy else ("#", ".")
        bar = self.paint("32", full * done) + self.paint("2", empty * (BAR_WIDTH - done))
        print(f"\r\033[K    {bar} {fraction * 100:3.0f} %  {text}", end="", file=self.out, flush=True)
        self.bar_open = True

    def end_bar(self, erase=False):
        if self.bar_open:
            print("\r\033[K" if erase else "\n", end="", file=self.out, flush=True)
        self.bar_open = False
        self.bar_quarter = -1

    def table(self, rows):
        width = max(len(left) for left, _ in rows)
        for left, right in rows:
            self.line(f"  {self.paint('32', '✓' if self.fancy else 'ok')} {left:{width}}  {right}")
