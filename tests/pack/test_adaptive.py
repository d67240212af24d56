# SPDX-License-Identifier: Apache-2.0
"""Full payloads of pieces: what each says of its destination, and that it is cut where files end."""

import filecmp
import hashlib
import json

from pack_images import BLOCK, make_old_tree, mkfs, noise, write

ADAPTIVE = "--adaptive"


def pieces_of(pack, path):
    shown = json.loads(pack.ok("inspect", path, "--json", "--operations").stdout)
    assert shown["minor_version"] == 1002 and shown["is_delta"] is False
    return [op for op in shown["partitions"][0]["operations"] if "data_length" in op]


def content(image, op):
    return b"".join(image[start * BLOCK:(start + n) * BLOCK] for start, n in op["target"])


def test_pieces(pack, pair):
    image = pair[1].read_bytes()
    path = pack.full(pair[1], ADAPTIVE)
    pieces = pieces_of(pack, path)
    for op in pieces:
        made = content(image, op)
        assert hashlib.sha256(made).hexdigest() == op["target_sha256"]
        assert len(made) <= 128 << 10
    pack.ok("apply", path, "made")
    assert filecmp.cmp(pack.folder / "made", pair[1], shallow=False)
    assert filecmp.cmp(path, pack.full(pair[1], ADAPTIVE, "--jobs=1", output="again"), shallow=False)


def test_a_changed_file_changes_its_own_pieces(pack, tmp_path):
    """One file grows in the middle of a folder: the pieces of other folders and of large files stay."""
    images = []
    for grown in (0, 300_000):
        tree = tmp_path / f"tree-{grown}"
        make_old_tree(tree)
        write(tree, "usr/lib/a-changing-one", noise(77, 200_000 + grown))
        images.append(mkfs(tmp_path / f"{grown}.ext4", tree, 24 << 20))
    before, after = ({op["target_sha256"]: op for op in pieces_of(pack, pack.full(image, ADAPTIVE))}
                     for image in images)
    known, blocks = ({data[i:i + BLOCK] for i in range(0, len(data), BLOCK)}
                     for data in (image.read_bytes() for image in images))
    new_bytes = len(blocks - known) * BLOCK
    lacked = [op for digest, op in after.items() if digest not in before]
    assert lacked
    assert sum(n for op in lacked for _, n in op["target"]) * BLOCK < 2 * new_bytes


def test_refused(pack, pair):
    def complaint(verb, *args):
        return pack.fails(verb, *args, "--output=x", "--app-id=app", "--target-version=2", status=2)

    assert "minor version 1002" in complaint("full", pair[1], ADAPTIVE, "--profile=chromeos")
    assert "--adaptive means --minor=1002" in complaint("full", pair[1], ADAPTIVE, "--minor=1000")
    assert "minor version 1002" in complaint("delta", *pair, "--minor=1002", "--source-version=1")
