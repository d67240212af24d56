# SPDX-License-Identifier: Apache-2.0
"""As much of BitBake's language as the layer uses: a strict reader, and values for one set of overrides.

Not BitBake: a line that is no statement of the language ends the test, and so does the syntax of before 2021
(`_append`), but what BitBake's own classes do with the values is not known here.
"""

import os
import re

ASSIGNMENT = re.compile(r"^(?P<export>export )?(?P<name>[A-Za-z0-9_.+/${}-]+(?::[a-z0-9${}-]+|:\$\{PN\}[a-z-]*)*)"
                        r"(?P<flag>\[[\w-]+\])?\s*(?P<operator>\?\?=|\?=|:=|\+=|=\+|\.=|=\.|=)\s*"
                        r"(?P<quote>[\"'])(?P<value>.*)(?P=quote)\s*$", re.S)
FUNCTION = re.compile(r"^(?:python\s+|fakeroot\s+)*(?P<name>[\w:${}-]*)\s*\(\)\s*\{\s*$")
STATEMENT = re.compile(r"^(?:inherit|inherit_defer|require|include|addtask|deltask|EXPORT_FUNCTIONS)\s+\S.*$")
OLD_STYLE = re.compile(r"_(?:append|prepend|remove|class-native|class-target|\$\{PN\}|qemu\w+)(?:$|_)")


class SyntaxFault(Exception):
    pass


def logical_lines(text):
    """(number, line) with continued lines joined as BitBake joins them."""
    number, joined = 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.endswith("\\"):
            joined += line[:-1]
            continue
        yield number, joined + line
        joined = ""
    if joined:
        raise SyntaxFault(f"line {number}: the file ends in a continued line")


def statements(text):
    """[("set", name, flag, operator, value) | ("function", name, body) | ("def", body) | ("line", text)]"""
    found, lines = [], iter(logical_lines(text))
    held = None
    while True:
        number, line = held or next(lines, (0, None))
        held = None
        if line is None:
            return found
        if not line.strip() or line.startswith("#"):
            continue
        if match := FUNCTION.match(line):
            body = []
            for number, line in lines:
                if line == "}":
                    break
                body.append(line)
            else:
                raise SyntaxFault(f"line {number}: function {match['name']} has no end")
            found.append(("function", match["name"], "\n".join(body) + "\n"))
        elif line.startswith("def "):
            body = [line]
            for number, line in lines:
                if line and not line.startswith((" ", "\t")):
                    held = number, line
                    break
                body.append(line)
            found.append(("def", "\n".join(body) + "\n"))
        elif STATEMENT.match(line):
            found.append(("line", line))
        elif match := ASSIGNMENT.match(line):
            if OLD_STYLE.search(match["name"]):
                raise SyntaxFault(f"line {number}: '{match['name']}' is the syntax of before 2021")
            if match["quote"] in match["value"]:
                raise SyntaxFault(f"line {number}: a quote inside of the value")
            found.append(("set", match["name"], (match["flag"] or "")[1:-1], match["operator"], match["value"]))
        else:
            raise SyntaxFault(f"line {number} is no statement: {line}")


class Utils:
    @staticmethod
    def contains(name, wanted, yes, no, d):
        return yes if set(wanted.split()) <= set((d.getVar(name) or "").split()) else no


class Bb:
    utils = Utils


class Data:
    """Values of variables for these overrides, the last one the strongest."""

    def __init__(self, overrides=(), **values):
        self.overrides = overrides
        self.values, self.weak, self.added = dict(values), {}, {}
        self.names = {"os": os, "bb": Bb, "d": self}

    def read(self, text, **where):
        self.values.update(where)
        for kind, *fields in statements(text):
            if kind == "def":
                exec(compile(fields[0], "def", "exec"), self.names)
            elif kind == "set" and not fields[1]:
                self.assign(fields[0], fields[2], fields[3])

    def assign(self, name, operator, value):
        base, *words = name.split(":")
        for verb in ("append", "prepend"):
            if verb in words:
                at = words.index(verb)
                if all(word in self.overrides for word in words[at + 1:]):
                    self.added.setdefault(":".join([base, *words[:at]]), []).append((verb, value))
                return
        old = self.values.get(name)
        if operator == "??=":
            self.weak[name] = value
        elif operator == "?=":
            self.values.setdefault(name, value)
        elif operator in ("+=", "=+", ".=", "=."):
            words = [old or "", value] if operator in ("+=", ".=") else [value, old or ""]
            self.values[name] = ("" if "." in operator else " ").join(words)
        else:
            self.values[name] = self.expand(value) if operator == ":=" else value

    def raw(self, name):
        for override in reversed(self.overrides):
            if f"{name}:{override}" in self.values:
                name = f"{name}:{override}"
                break
        value = self.values.get(name, self.weak.get(name))
        for verb, text in self.added.get(name, ()):
            value = (value or "") + text if verb == "append" else text + (value or "")
        return value

    def getVar(self, name):
        value = self.raw(name)
        return value if value is None else self.expand(value)

    def expand(self, text):
        """Names that are not known stay as they are."""
        for _ in range(20):
            old = text
            text = re.sub(r"\$\{([A-Za-z][\w:.+/-]*)\}", self.value_of, text)
            text = re.sub(r"\$\{@(.+?)\}", self.python, text)
            if text == old:
                return text
        raise SyntaxFault(f"endless: {text}")

    def value_of(self, match):
        value = self.getVar(match[1])
        return match[0] if value is None else value

    def python(self, match):
        return str(eval(match[1], self.names))
