# SPDX-License-Identifier: Apache-2.0
"""What no operation writes: hash trees and error correction. See make_golden.py."""

from container import (BLOCK, Op, Part, Payload, by_rsa, chunk, noise, number, prose, sha, xz)


def tree_of(data, salt):
    """A dm-verity hash tree, its top first."""
    levels = []
    while len(data) > BLOCK or not levels:
        hashes = b"".join(sha(salt + data[at : at + BLOCK]) for at in range(0, len(data), BLOCK))
        data = hashes.ljust(-(-len(hashes) // BLOCK) * BLOCK, b"\0")
        levels.insert(0, data)
    return b"".join(levels)


def tree_fields(data, tree, algorithm=b"sha256", salt=b"salt"):
    return (chunk(10, number(1, data[0]) + number(2, data[1])) +
            chunk(11, number(1, tree[0]) + number(2, tree[1])) + chunk(12, algorithm) +
            (chunk(13, salt) if salt else b""))


def tree_part(fields=None, salt=b"salt"):
    """130 blocks behind a first one, then a tree of two levels, then one more block."""
    first, data, last = noise("first", BLOCK), prose("tree", 130 * BLOCK), noise("last", BLOCK)
    new = first + data + tree_of(data, salt) + last
    ops = [Op(0, [(0, 1)], first), Op(8, [(1, 130)], xz(data)), Op(0, [(134, 1)], last)]
    return Part("root", new, ops,
                verity=tree_fields((1, 130), (131, 3), salt=salt) if fields is None else fields)


def multiply(a, b):
    product = 0
    while b:
        product, b = product ^ (a if b & 1 else 0), b >> 1
        a = a << 1 ^ (0x11D if a & 0x80 else 0)
    return product


def fec_of(covered, roots):
    """Parity of each codeword, by long division; the slow way, byte by byte."""
    generator, root = [1], 1
    for _ in range(roots):
        generator = [a ^ multiply(root, b) for a, b in zip([*generator, 0], [0, *generator])]
        root = multiply(root, 2)
    rows = [[multiply(byte, g) for g in generator[1:]] for byte in range(256)]
    message, n_blocks = 255 - roots, len(covered) // BLOCK
    stride = -(-n_blocks // message) * BLOCK
    out = b""
    for at in range(stride):
        parity = [0] * roots
        for byte in covered[at::stride].ljust(message, b"\0"):
            parity = [a ^ b for a, b in zip([*parity[1:], 0], rows[byte ^ parity[0]])]
        out += bytes(parity)
    return out


def fec_fields(covered, fec, roots):
    return (chunk(14, number(1, covered[0]) + number(2, covered[1])) +
            chunk(15, number(1, fec[0]) + number(2, fec[1])) +
            (b"" if roots is None else number(16, roots)))


def fec_part(roots, fields=None, gap=0, n_data=130):
    """As tree_part(), with a superblock's block before the tree, and error correction."""
    part = tree_part()
    data = prose("tree", n_data * BLOCK)
    tree = tree_of(data, b"salt")
    parity, n_tree = fec_of(data + tree, roots or 2), len(tree) // BLOCK
    start = n_data + gap + n_tree
    part.new = data + noise("super", gap * BLOCK) + tree + parity
    part.ops = [Op(8, [(0, n_data)], xz(data))]
    if gap:
        part.ops.append(Op(0, [(n_data, gap)], noise("super", gap * BLOCK)))
    part.changes["verity"] = tree_fields((0, n_data), (n_data + gap, n_tree))
    part.changes["verity"] += (fec_fields((0, start), (start, len(parity) // BLOCK), roots)
                    if fields is None else fields)
    return part


def write_good_trees(cases):
    cases.good("full-fec", Payload([fec_part(2)], 1000))
    cases.good("full-fec-superblock", Payload([fec_part(None, gap=1)], 1000))
    cases.good("full-fec-two-rounds", Payload([fec_part(2, gap=1, n_data=260)], 1000))
    cases.good("full-fec-24-roots", Payload([fec_part(24, n_data=20)], 1000))
    cases.good("full-hash-tree", Payload([tree_part()], 1000, by_rsa), ["rsa"])
    cases.good("full-hash-tree-no-salt", Payload([tree_part(salt=b"")], 1000))
    old, new = noise("old", 5 * BLOCK), noise("new", 4 * BLOCK)
    part = Part("root", new[: 3 * BLOCK] + tree_of(new[: 3 * BLOCK], b"\0" * 256),
                [Op(4, [(0, 1)], None, [(1, 1)], old[BLOCK : 2 * BLOCK]),
                 Op(0, [(1, 2)], new[BLOCK : 3 * BLOCK])], old,
                verity=tree_fields((0, 3), (3, 1), salt=b"\0" * 256))
    part.new = old[BLOCK : 2 * BLOCK] + part.new[BLOCK : 3 * BLOCK]
    part.new += tree_of(part.new, b"\0" * 256)
    cases.good("delta-hash-tree", Payload([part], 6))


def write_bad_trees(cases):
    for name, fault, text, fields in (
            ("algorithm", "unsupported", "algorithm 'sha512'",
             tree_fields((1, 130), (131, 3), b"sha512")),
            ("no-algorithm", "unsupported", "algorithm ''",
             tree_fields((1, 130), (131, 3)).replace(chunk(12, b"sha256"), b"")),
            ("salt-long", "limit", "salt of 257 bytes",
             tree_fields((1, 130), (131, 3), salt=b"s" * 257)),
            ("no-data", "format", "outside the partition", chunk(11, number(1, 131) + number(2, 3))),
            ("size", "format", "which takes 3", tree_fields((1, 130), (131, 2))),
            ("one-block", "format", "which takes 0", tree_fields((1, 1), (131, 3))),
            ("outside", "format", "outside the partition", tree_fields((1, 130), (133, 3))),
            ("data-outside", "format", "outside the partition", tree_fields((1, 135), (131, 3))),
            ("overflow", "format", "outside the partition",
             tree_fields((1, 130), (2**64 - 2, 3))),
            ("overlap", "format", "within each other", tree_fields((1, 131), (131, 4))),
            ("salt-other", "hash", "root has another hash",
             tree_fields((1, 130), (131, 3), salt=b"sal")),
            ("nothing-makes-it", "format", "132 blocks are written, it has 135", b""),
    ):
        cases.bad(f"tree-{name}", fault, text, Payload([tree_part(fields)], 1000))
    for name, fault, text, fields in (
            ("roots-1", "format", "with 1 roots", fec_fields((0, 133), (133, 2), 1)),
            ("roots-25", "format", "with 25 roots", fec_fields((0, 133), (133, 2), 25)),
            ("roots-huge", "format", "larger than 32 bits", fec_fields((0, 133), (133, 2), 1 << 32)),
            ("size", "format", "which takes 3", fec_fields((0, 133), (133, 2), 3)),
            ("covers-less", "format", "not a hash tree", fec_fields((0, 132), (133, 2), 2)),
            ("covers-other", "format", "not a hash tree", fec_fields((1, 133), (133, 2), 2)),
            ("covers-nothing", "format", "not a hash tree",
             chunk(15, number(1, 133) + number(2, 2))),
            ("in-tree", "format", "not behind the hash tree", fec_fields((0, 133), (132, 2), 2)),
            ("outside", "format", "outside the partition", fec_fields((0, 133), (134, 2), 2)),
            ("overflow", "format", "outside", fec_fields((0, 133), (2**64 - 1, 2), 2)),
            ("nothing-makes-it", "format", "130 blocks are written, it has 132", b""),
    ):
        cases.bad(f"fec-{name}", fault, text, Payload([fec_part(2, fields)], 1000))
    part = fec_part(2)
    part.new = part.new[:-1] + bytes([part.new[-1] ^ 1])
    cases.bad("fec-other", "hash", "root has another hash", Payload([part], 1000))
    part = tree_part()
    part.ops.append(Op(0, [(131, 1)], noise("x", BLOCK)))
    cases.bad("tree-written-too", "format", "133 blocks are written, it has 132",
              Payload([part], 1000))
