# SPDX-License-Identifier: Apache-2.0
"""What a payload will cost, before it is made."""

import gzip
import json
import random
import xml.etree.ElementTree as xml

import pytest

from pack_images import MIB, edit, mkfs, program, write


@pytest.fixture
def images(pack):
    made = []
    noise = random.Random(6).randbytes
    text = b"".join(b"%d lines of a log\n" % i for i in range(20_000))
    for side in ("old", "new"):
        tree = pack.folder / f"{side}-tree"
        changed = side == "new"
        write(tree, "bin/same", program(1, 300_000))
        write(tree, "bin/edited", edit(program(2, 600_000), 1000) if changed else
              program(2, 600_000))
        write(tree, "lib/2.0/moved" if changed else "lib/1.0/moved",
              edit(program(3, 600_000), 500) if changed else program(3, 600_000))
        write(tree, "share/log.gz", gzip.compress(b"x" + text if changed else text, mtime=1))
        if changed:
            write(tree, "lib/fresh", noise(200_000))
        made.append(mkfs(pack.folder / f"{side}.img", tree, 8 * MIB, "-b", "4096"))
    return made


def report(pack, *args):
    text = json.loads(pack.ok("diff-report", *args, "--json", "--progress=none").stdout)
    return text, {file["path"]: file for file in text["files"]}


def test_estimate_is_near_the_payload(pack, images):
    whole, files = report(pack, *images)
    path = pack.delta(*images)
    told = json.loads(pack.ok("explain", path, images[1], "--json").stdout)
    real = {file["path"]: file["bytes"] for file in told["files"] if file["path"]}
    total = sum(real.values())
    assert total / 2 < whole["estimate"] < total * 2, (total, whole["estimate"])
    assert abs(files["/lib/fresh"]["estimate"] - real["/lib/fresh"]) < 30_000
    assert "/bin/same" not in files
    assert list(files)[0] == "/lib/fresh"
    assert whole["blocks"] == (whole["changed_blocks"] + whole["copied_blocks"] +
                               whole["zero_blocks"]) == 8 * MIB // 4096


def test_where_from(pack, images):
    whole, files = report(pack, *images)
    assert files["/lib/2.0/moved"]["from"] == "/lib/1.0/moved"
    assert files["/lib/fresh"]["from"] is None and files["/lib/fresh"]["packed"] is None
    assert files["/share/log.gz"]["packed"] == "gzip"
    text = pack.ok("diff-report", *images, "--progress=none", "--svg=map.svg").stdout
    assert "/lib/2.0/moved  [from /lib/1.0/moved]" in text
    assert "/lib/fresh  [nothing old is like it]" in text
    assert "advice: 1 of gzip take" in text and "in all: of 2048 blocks" in text
    assert xml.parse(pack.folder / "map.svg").getroot().tag.endswith("svg")
    assert len(pack.ok("diff-report", *images, "--top=1").stdout.splitlines()) == 4
    assert whole["estimate"] == report(pack, *images, "--jobs=1")[0]["estimate"]


def test_full(pack, images):
    whole, files = report(pack, images[1])
    assert whole["copied_blocks"] == 0 and whole["estimate"] > 400_000
    assert files["/lib/fresh"]["estimate"] > 150_000 and files["/bin/same"]["from"] is None
    assert "nothing old" not in pack.ok("diff-report", images[1]).stdout


def test_images_that_are_none(pack, images):
    assert "No such file" in pack.fails("diff-report", "missing.img", images[1])
    (pack.folder / "odd.img").write_bytes(b"x" * 5000)
    assert "4096" in pack.fails("diff-report", "odd.img", images[1])
    (pack.folder / "raw.img").write_bytes(random.Random(1).randbytes(1 << 20))
    whole, files = report(pack, "raw.img", images[1])
    assert whole["changed_blocks"] > 100
    assert "256M" in pack.fails("diff-report", *images, "--memory=1M", status=2)
