# SPDX-License-Identifier: Apache-2.0
"""The documents as data: pages, headings, links, code blocks, and the command lines in them."""

import functools
import os
import pathlib
import re
import shlex
import subprocess

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SWB_BUILD", TOP / "build")).resolve()
PROGRAMS = sorted(p.parent.name for p in (TOP / "src" / "bin").glob("*/main.c"))


def pages(*patterns):
    """Files of the tree by git's patterns, also new ones; of a tarball without git, by glob."""
    found = subprocess.run(
        ["git", "-C", TOP, "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        capture_output=True, text=True, check=False).stdout.split()
    if not found:
        found = [p.relative_to(TOP) for pattern in patterns for p in TOP.rglob(pattern)
                 if not p.relative_to(TOP).parts[0].startswith("build")]
    return sorted(TOP / name for name in found if (TOP / name).exists())


def name(path):
    return str(path.relative_to(TOP))


class Block:
    """A code block: its first line's number, its words behind ```, its text."""

    def __init__(self, line, info, text):
        self.line, self.info, self.text = line, info.split(), text


def split(text):
    """(the page with its code blanked, line by line; its blocks)."""
    lines, blocks = [], []
    fence, began, info, body = None, 0, "", []
    is_open, n_indented = True, 0  # may an indented block begin here?
    for number, line in enumerate(text.splitlines(), 1):
        mark = re.match(r"^( *)(```+|~~~+)(.*)$", line)
        if fence:
            if mark and mark.group(2).startswith(fence) and not mark.group(3).strip():
                blocks.append(Block(began, info, "\n".join(body) + "\n"))
                fence = None
            else:
                body.append(line)
            lines.append("")
            is_open, n_indented = True, 0
        elif mark:
            fence, began, info, body = mark.group(2), number + 1, mark.group(3).strip(), []
            lines.append("")
        elif re.match(r"^(?: {4}|\t)", line) and line.strip() and (is_open or n_indented):
            if not n_indented:
                blocks.append(Block(number, "", ""))
            n_indented += 1
            blocks[-1].text += re.sub(r"^(?: {4}|\t)", "", line) + "\n"
            lines.append("")
        elif not line.strip():
            if n_indented:
                blocks[-1].text += "\n"
            is_open = True
            lines.append("")
        else:
            is_open, n_indented = False, 0
            lines.append(line)
    assert not fence, f"a block that begins in line {began} has no end"
    return lines, blocks


@functools.cache
def page(path):
    return split(path.read_text())


def anchors(path):
    """What `#...` may name on a page: its headings, as GitHub and our site make them."""
    found = []
    for line in page(path)[0]:
        match = re.match(r"^#{1,6}\s+(.*?)\s*#*$", line)
        if match:
            anchor = slug(match.group(1))
            n = sum(1 for other in found if re.fullmatch(re.escape(anchor) + r"(-\d+)?", other))
            found.append(f"{anchor}-{n}" if n else anchor)
    return found + re.findall(r'<a (?:id|name)="([^"]+)"', path.read_text())


def slug(heading):
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


def links(path):
    """(line, target) of each link and picture outside of code."""
    for number, line in enumerate(page(path)[0], 1):
        plain = re.sub(r"`[^`]*`", "", line)
        for match in re.finditer(r"\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)", plain):
            yield number, match.group(1)
        for match in re.finditer(r'(?:src|href)="([^"]+)"', plain):
            yield number, match.group(1)


def commands(path):
    """(line, words) of each command line that begins with one of our programs, in blocks and in
    `code`. A shell's comments, prompts, redirections and pipes are taken off."""
    lines, blocks = page(path) if path.suffix == ".md" else rst(path)
    for block in blocks:
        yield from ((block.line, words) for words in shell_commands(block.text))
    text = "\n".join(lines)
    for match in re.finditer(r"``?([^`]+)``?", text):
        line = text.count("\n", 0, match.start()) + 1
        for words in shell_commands(match.group(1).replace("\n", " ")):
            if not any(word.endswith(":") for word in words):  # a message, not a command
                yield line, [*words, "..."]  # in a sentence, arguments may be missing


def rst(path):
    """The literal blocks of a man page: everything indented behind '::'."""
    blocks, body, began, depth = [], None, 0, 0
    for number, line in enumerate(path.read_text().splitlines(), 1):
        indent = len(line) - len(line.lstrip())
        if body is not None and line.strip() and indent <= depth:
            blocks.append(Block(began, "", "\n".join(body) + "\n"))
            body = None
        if body is None and line.rstrip().endswith("::"):
            body, began, depth = [], number + 1, indent
        elif body is not None:
            body.append(line.strip())
    if body:
        blocks.append(Block(began, "", "\n".join(body) + "\n"))
    return [], blocks


BEFORE = {"sudo", "exec", "then", "do", "else", "if", "while", "until", "!", "time", "env"}
ENDS = re.compile(r"^[;&|()<>]+$")


def shell_commands(text):
    text = re.sub(r"\\\n\s*", " ", text)
    text = re.sub(r"<<-?'?(\w+)'?(.*)\n(?:.*\n)*?\s*\1\n", r"\2\n", text)  # here documents
    for line in text.split("\n"):
        line = re.sub(r"(?<=\s)\d(?=[<>])", "", re.sub(r"^\s*\$\s+", "", line))
        if not re.search(r"(?<![\w/-])(?:[\w./$-]*/)?(?:%s)(?![\w-])" % "|".join(PROGRAMS), line):
            continue
        for command in words_of(line):
            yield from one(command)


def words_of(line):
    """Lists of words, one a simple command; a line that is no shell's gives none."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|()<>")
    lexer.whitespace_split = True
    command = []
    try:
        for word in lexer:
            if ENDS.match(word):
                yield command
                # What a redirection names is no command.
                command = ["<"] if word[-1] in "<>" else []
            else:
                command.append(word)
    except ValueError:  # a quote that is not closed
        return
    yield command


def one(command):
    """The command without what stands before its program, if that is one of ours."""
    while command and (command[0] in BEFORE or re.match(r"^\w+=", command[0])):
        command = command[1:]
    if command and command[0].rsplit("/", 1)[-1] in PROGRAMS:
        yield [command[0].rsplit("/", 1)[-1], *command[1:]]
    for word in command[1:]:  # a command in quotes, as for a shell in the device
        if " " in word:
            yield from shell_commands(word)


# ---- what a program takes, by its own --help ----

class Table:
    """Options (long, short: takes an argument?), and how many positional arguments."""

    def __init__(self, text):
        self.options = {"--help": False, "--version": False, "-h": False}
        for short, long, argument in re.findall(
                r"^ +(?:-(\w), )?--([a-z][a-z0-9-]*)(=\S+)?", text, re.M):
            self.options[f"--{long}"] = bool(argument)
            if short:
                self.options[f"-{short}"] = bool(argument)
        usage = re.search(r"^Usage: (?:.*?)\[OPTION\.\.\.\] ?(.*)$", text, re.M).group(1)
        wanted = re.sub(r"\[[^\[\]]*(?:\[[^\]]*\])?[^\[\]]*\]", "", usage).split()
        self.n_min = len(wanted)
        self.n_max = 999 if "..." in usage else len(usage.replace("[", " ").replace("]", " ").split())
        match = re.search(r"^Verbs:\n((?:  \S.*\n)+)", text, re.M)
        self.verbs = [row.split()[0] for row in match.group(1).splitlines()] if match else []


@functools.cache
def table(*command):
    program = BUILD / "src" / "bin" / command[0] / command[0]
    done = subprocess.run([program, *command[1:], "--help"], capture_output=True, text=True,
                          check=True, timeout=60, stdin=subprocess.DEVNULL)
    return Table(done.stdout)


OPEN = re.compile(r"\.\.\.|…|\[|^\w+\|")  # a form, not a whole command


def complaint(words):
    """Why a program would refuse this command line, or None."""
    program, rest = words[0], words[1:]
    is_form = any(OPEN.search(word) for word in words)
    known = table(program)
    verb = None
    if known.verbs:
        verb = next((word for word in rest if not word.startswith("-")), None)
        if verb is None or not re.match(r"[a-z][a-z-]*$", verb):
            return None  # the program's name alone, or `--help`, or VERB, or its version
        if verb not in known.verbs:
            return f"'{verb}' is no verb of {program}"
        rest = [*rest[:rest.index(verb)], *rest[rest.index(verb) + 1:]]
        known = table(program, verb)
    return check_words(known, rest, is_form or not rest)


def check_words(known, rest, is_form):
    n, i = 0, 0
    while i < len(rest):
        word, i = rest[i], i + 1
        if word == "--":
            n += len(rest) - i
            break
        if not word.startswith("-") or word == "-":
            n += not OPEN.search(word)
            continue
        option, _, value = word.partition("=")
        if not word.startswith("--"):
            option, value = word[:2], word[2:]
        if option not in known.options:
            return f"there is no option {option}"
        if "=" in word and not known.options[option] and word.startswith("--"):
            return f"{option} takes no argument"
        if known.options[option] and not value and "=" not in word:
            i += 1
            if i > len(rest) and not is_form:
                return f"{option} needs an argument"
    if n > known.n_max or (n < known.n_min and not is_form):
        return f"{n} arguments, {known.n_min} to {known.n_max} are wanted"
    return None
