# SPDX-License-Identifier: Apache-2.0
"""The pages' files, without a browser: what they import is there, nothing is inline, colours can be read.

What they do in a browser is tested by `make check-browser` (tests/browser).
"""

import pathlib
import re

import pytest

WEB = pathlib.Path(__file__).resolve().parent.parent.parent / "src" / "server" / "web"
FILES = sorted(path.name for path in WEB.iterdir() if path.suffix in (".js", ".css", ".svg", ".html"))
CSS = (WEB / "main.css").read_text()


def test_all_files_are_served(fleet):
    for name in FILES:
        answer = fleet.get("/" if name == "index.html" else f"/web/{name}")
        assert answer.status == 200, name
        assert answer.body == (WEB / name).read_bytes()


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".js")])
def test_modules(name):
    text = (WEB / name).read_text()
    for target in re.findall(r'from "\./([\w.]+)"', text):
        exported = set(re.findall(r"^export (?:async )?(?:function|class|const|let) (\w+)", (WEB / target).read_text(), re.M))
        for names in re.findall(r'import {([^}]+)} from "\./' + re.escape(target), text):
            for imported in names.split(","):
                assert imported.strip() in exported, (target, imported)
                assert len(re.findall(rf"\b{imported.strip()}\b", text)) > 1, f"{imported} is not used"
    # Text of devices never becomes markup, and nothing needs leave for inline code.
    for word in ("innerHTML", "outerHTML", "insertAdjacent", "document.write", "eval(", "new Function", "style:", "http://", "https://"):
        assert word not in text.replace("http://www.w3.org/2000/svg", "").replace('"https://', ""), word


def themes():
    """Name -> colours by name, for each block of variables."""
    blocks = re.findall(r":root(\S*) {\s*color-scheme: (\w+);(.*?)}", CSS, re.S)
    return [(selector, scheme, dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", body))) for selector, scheme, body in blocks]


def luminance(colour):
    parts = [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def contrast(a, b):
    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_themes_are_complete():
    found = themes()
    assert [scheme for _, scheme, _ in found] == ["light", "dark", "dark"]
    assert found[1][2] == found[2][2], "the dark theme by choice is that of the system"
    assert set(found[0][2]) == set(found[1][2])


@pytest.mark.parametrize("theme", [0, 1])
def test_colours_can_be_read(theme):
    colours = themes()[theme][2]
    grounds = ("card", "ground", "idle-wash", "busy-wash", "bad-wash", "good-wash")
    for name in ("ink", "soft", "link", "good", "bad", "busy", "idle", "danger"):
        for ground in grounds:
            if name in ("good", "bad", "busy", "danger") and ground.endswith("wash") and not ground.startswith(name):
                continue  # does not occur
            assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
    # Shapes against what is behind them (WCAG 1.4.11), where the shape alone tells something.
    for name in ("bad-fill", "plain-fill", "good-fill"):
        assert contrast(colours[name], colours["card"]) >= 3, name
    # Neighbours of the ramp of versions differ in lightness, for whoever sees no hues.
    ramp = [luminance(colours[f"v{i}"]) for i in range(6)]
    steps = [later - earlier for earlier, later in zip(ramp, ramp[1:])]
    assert all(step > 0 for step in steps) or all(step < 0 for step in steps), ramp
