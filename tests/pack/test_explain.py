# SPDX-License-Identifier: Apache-2.0
"""Where a payload's bytes go, and why."""

import json
import random
import re
import xml.etree.ElementTree as xml

import pytest

import paycheck
from pack_images import MIB, edit, mkfs, program, write

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def images(pack):
    made = []
    noise = random.Random(5).randbytes
    for side in ("old", "new"):
        tree = pack.folder / f"{side}-tree"
        changed = side == "new"
        write(tree, "bin/same", program(1, 300_000))
        write(tree, "bin/edited", edit(program(2, 300_000), 1000) if changed else
              program(2, 300_000))
        write(tree, "lib/a<&>b", noise(50_000) if changed else b"")
        if changed:
            write(tree, "lib/fresh", noise(200_000))
        made.append(mkfs(pack.folder / f"{side}.img", tree, 8 * MIB, "-b", "4096"))
    return made


def listed(text):
    rows = {}
    for line in text.partition("bytes of data in all")[0].splitlines():
        match = re.match(r" *(\d+) +([\d.]+)% +(\d+)  .{40}(.*)$", line)
        if match:
            rows[match.group(4)] = int(match.group(1)), float(match.group(2)), int(match.group(3))
    return rows


def data_bytes(path):
    return sum(op.data_length or 0 for q in paycheck.Payload(path).partitions
               for op in q.operations)


def test_files_by_cost(pack, images):
    path = pack.delta(*images)
    rows = listed(pack.ok("explain", path, images[1]).stdout)
    assert sum(row[0] for row in rows.values()) == data_bytes(path)
    assert list(rows)[0] == "/lib/fresh" and rows["/lib/fresh"][0] > 190_000
    assert rows["/bin/same"] == (0, 0.0, 0)
    assert abs(sum(row[1] for row in rows.values()) - 100) < 0.1
    assert len(listed(pack.ok("explain", path, images[1], "--top=2").stdout)) == 2


def test_why(pack, images):
    path = pack.delta(*images)

    def why(*names):
        return pack.ok("explain", path, images[1], f"--old={images[0]}",
                       *[f"--file={name}" for name in names]).stdout

    assert "same blocks" in why("/bin/same") and "reads /bin/same" in why("/bin/same")
    assert "nothing old is like it" in why("/lib/fresh")
    assert "difference was smaller" in why("/bin/edited") and "reads /bin/edited" in why("/bin/edited")
    assert len(re.findall(r"^/.*: \d+ blocks$", why("/bin/same", "/lib/fresh"), re.M)) == 2
    assert "no file '/nothing'" in pack.fails("explain", path, images[1], "--file=/nothing")
    full = pack.full(images[1])
    text = pack.ok("explain", full, images[1], "--file=/lib/fresh").stdout
    assert "the payload is a full one" in text


def test_tree_map(pack, images):
    path = pack.delta(*images)
    pack.ok("explain", path, images[1], "--svg=map.svg")
    root = xml.parse(pack.folder / "map.svg").getroot()
    areas, total = {}, data_bytes(path)
    for group in root.iter(f"{SVG}g"):
        title, rect = group.find(f"{SVG}title").text, group.find(f"{SVG}rect")
        areas[title] = float(rect.get("width")) * float(rect.get("height"))
    assert any(title.endswith(", packed: /lib/a<&>b") for title in areas)
    for title, area in areas.items():
        share = int(title.split()[0]) / total
        assert abs(area / (1200 * 800) - share) < 0.001, title


def test_classes_of_the_map(pack, images):
    """The files of a class lie in its frame."""
    path = pack.delta(*images)
    pack.ok("explain", path, images[1], "--svg=map.svg")
    root = xml.parse(pack.folder / "map.svg").getroot()
    frames = {rect.find(f"{SVG}title").text: rect for rect in root.findall(f"{SVG}rect")}
    names = {title.split(": ")[1] for title in frames}
    assert {"other files", "file system"} <= names
    total = sum(int(title.split()[0]) for title in frames)
    assert total == data_bytes(path)
    corners = {title: [float(rect.get(key)) for key in ("x", "y", "width", "height")]
               for title, rect in frames.items()}
    (other,) = [corner for title, corner in corners.items() if title.endswith(": other files")]
    for group in root.iter(f"{SVG}g"):
        rect = group.find(f"{SVG}rect")
        x, y = float(rect.get("x")), float(rect.get("y"))
        inside = other[0] - 0.1 <= x <= other[0] + other[2] and other[1] - 0.1 <= y <= other[1] + other[3]
        assert inside or "/lib/" not in group.find(f"{SVG}title").text


def test_full_payload(pack, images):
    path = pack.full(images[1])
    told = json.loads(pack.ok("explain", path, images[1], "--json").stdout)
    assert told["bytes"] == data_bytes(path) == told["bytes"]
    assert told["own_bytes"] + told["bytes"] == path.stat().st_size
    assert all(set(row["streams"]) == {"packed"} for row in told["account"])
    assert {file["cpu"] for file in told["files"]} == {"light"}


def test_other_images(pack, images):
    path = pack.delta(*images)
    other = mkfs(pack.folder / "other.img", pack.folder / "new-tree", 9 * MIB, "-b", "4096")
    assert "another size" in pack.fails("explain", path, other)
    assert "no partition 'x'" in pack.fails("explain", path, images[1], "--partition=x", status=2)
