# SPDX-License-Identifier: Apache-2.0
"""Which files take which bytes of differences with predicted addresses and of opened contents."""

import json
import random
import re
import shutil
import subprocess
import xml.etree.ElementTree as xml

import paycheck
import pytest
from conftest import Pack
from pack_images import MIB, mkfs, text, write

SIGNATURE = 2000
SVG = "{http://www.w3.org/2000/svg}"


def source(seed, inserted):
    """A library of many functions that call each other."""
    rng = random.Random(seed)
    out = ["extern int puts(const char *);", "int table[64];"]
    names = [f"f{seed}_{i}" for i in range(300)]
    out += [f"int {name}(int);" for name in names]
    for i, name in enumerate(names):
        if inserted and i == 20:
            out.append(f'int added{seed}(int a) {{ puts("added"); return a * 77 + table[a & 63]; }}')
        calls = " + ".join(f"{rng.choice(names)}(a ^ {rng.randrange(999)})" for _ in range(4))
        out.append(f'int {name}(int a) {{ if (a > {i}) {{ puts("text {i}"); return {calls}; }}'
                   f' return table[a & {i % 64}]; }}')
    return "\n".join(out)


def compiled(folder, seed, inserted):
    path = folder / "made.so"
    subprocess.run(["gcc", "-O1", "-fPIC", "-shared", "-nostdlib", "-x", "c", "-", "-o", path],
                   input=source(seed, inserted).encode(), check=True, timeout=60)
    return path.read_bytes()


def module(folder, inserted):
    """As the kernel's build leaves it: with a signature behind it, another one each time."""
    path = folder / "made.o"
    subprocess.run(["gcc", "-O1", "-c", "-x", "c", "-", "-o", path, "-Wl,--build-id"],
                   input=source(7, inserted).encode(), check=True, timeout=60)
    signature = random.Random(inserted).randbytes(SIGNATURE - 40)
    return (path.read_bytes() + signature + bytes([0, 0, 2, 0, 0, 0, 0, 0]) +
            len(signature).to_bytes(4, "big") + b"~Module signature appended~\n")


def lines(changed):
    out = [f"{i} {random.Random(i).randbytes(6).hex()}" for i in range(20_000)]
    if changed:
        out[::97] = [f"changed {i}" for i in range(len(out[::97]))]
    return "\n".join(out).encode()


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder, made = tmp_path_factory.mktemp("images"), []
    for changed in (False, True):
        tree = folder / "tree"
        for seed in (1, 2):
            write(tree, f"lib/lib{seed}.so", compiled(folder, seed, changed))
        write(tree, "lib/modules/made.ko", module(folder, changed))
        data = bytearray(text(9, 400_000))
        if changed:
            data[1000:1000] = b"something else"
        write(tree, "share/text", bytes(data))
        packed = subprocess.run(["gzip", "-n9"], input=lines(changed), check=True,
                                stdout=subprocess.PIPE).stdout
        write(tree, "boot/initrd.img", packed)
        made.append(mkfs(folder / f"{changed}.img", tree, 8 * MIB, "-b", "4096"))
        shutil.rmtree(tree)
    return made


@pytest.fixture(scope="module")
def payload(tmp_path_factory, images):
    return Pack(tmp_path_factory.mktemp("payload")).delta(*images, "--minor=1004")


def blobs(path):
    file = paycheck.Payload(path)
    return [file.blob(op) for part in file.partitions for op in part.operations
            if op.type == paycheck.SWDIFF]


def data_bytes(path):
    return sum(op.data_length or 0 for part in paycheck.Payload(path).partitions
               for op in part.operations)


def explained(pack, *args):
    told = json.loads(pack.ok("explain", *args, "--json").stdout)
    return told, {file["path"]: file for file in told["files"]}


def by_class(told):
    return {row["class"]: row for row in told["account"]}


def total(streams):
    return sum(total(value) if isinstance(value, dict) else value for value in streams.values())


def test_account(pack, payload, images):
    told, files = explained(pack, payload, images[1], f"--old={images[0]}")
    account = by_class(told)
    assert sum(row["bytes"] for row in told["account"]) == told["bytes"]
    for row in told["account"]:
        mine = [file for file in told["files"] if file.get("class") == row["class"]]
        assert (row["bytes"], row["files"]) == (sum(file["bytes"] for file in mine), len(mine))
        assert total(row["streams"]) == row["bytes"]
        assert sum(lot["bytes"] for lot in row["lots"]) <= row["bytes"]
        assert all(total(lot["streams"]) == lot["bytes"] for lot in row["lots"])
    assert told["own_bytes"] + told["bytes"] == payload.stat().st_size
    assert set(account) >= {"programs", "modules", "initrd", "text", "file system"}
    assert account["programs"]["streams"]["corrections"]
    assert not account["initrd"]["lots"] and not account["text"]["lots"]
    lots = {lot["lot"]: lot for lot in account["modules"]["lots"]}
    assert sum(lot["bytes"] for lot in lots.values()) == account["modules"]["bytes"]
    signature = lots["signature"]
    assert 0.97 * SIGNATURE < total(signature["streams"]) < 1.1 * SIGNATURE
    assert {"code", "relocations"} <= set(lots) and lots["code"]["bytes"] < 1000
    assert files["/lib/modules/made.ko"]["class"] == "modules"
    assert not by_class(explained(pack, payload, images[1])[0])["text"]["streams"].get("corrections")


def test_account_as_text(pack, payload, images):
    out = pack.ok("explain", payload, images[1], f"--old={images[0]}").stdout
    names = set(re.findall(r"^ +\d+ +[\d.]+%(?: +\d+){6}  +(\S.*)$", out, re.M))
    assert {"programs (2)", "modules (1)", "signature", "code", "all"} <= names
    for line in re.findall(r"^ +(\d+) +[\d.]+%((?: +\d+){6})  ", out, re.M):
        assert int(line[0]) == sum(map(int, line[1].split()))


def test_exact(pack, payload, images):
    told, files = explained(pack, payload, images[1], f"--old={images[0]}", "--try")
    assert told["exact"]
    assert sum(file["bytes"] for file in told["files"]) == told["bytes"] == data_bytes(payload)
    for seed in (1, 2):
        library = files[f"/lib/lib{seed}.so"]
        assert library["how"] == "predicted"
        assert library["fields"] > 1000
        assert library["fields_right"] > library["fields"] * 0.9
        assert library["bytes"] < library["by_bytes"] * 0.7 < library["packed"]
        assert library["cpu"] == "light" and 0 < library["memory"] <= told["device"]["memory"]
        assert "opened_by_bytes" not in library
    initrd, device = files["/boot/initrd.img"], told["device"]
    assert initrd["how"] == "opened"
    assert initrd["encoders"] == ["gzip"] and initrd["depth"] == 1
    assert abs(initrd["opened"] - len(lines(True))) < 1000 > initrd["stored"] - initrd["opened"]
    assert initrd["bytes"] < initrd["by_bytes"] * 0.5 < initrd["packed"]
    assert abs(initrd["opened_by_bytes"] - initrd["bytes"]) < 1000  # nothing to predict
    assert initrd["cpu"] == "heavy" and initrd["memory"] >= device["opening"]
    assert files["/share/text"]["how"] == "bytes" and files["/share/text"]["bytes"] < 2000
    assert device["encoded"] == {"gzip": len(lines(True))}
    assert device["predicted"] == sum(kind["count"] for kind in told["fields"].values())
    assert device["memory"] >= max(device["opening"], device["predictor"]) > 0


def test_without_old(pack, payload, images):
    told, files = explained(pack, payload, images[1])
    assert not told["exact"]
    assert sum(file["bytes"] for file in told["files"]) == data_bytes(payload)
    assert files["/lib/lib1.so"]["how"] == "predicted" and "fields" not in files["/lib/lib1.so"]
    assert "not exact" in pack.ok("explain", payload, images[1]).stdout
    assert "--try needs --old" in pack.fails("explain", payload, images[1], "--try", status=2)
    assert "not with --file" in pack.fails("explain", payload, images[1], "--json", "--file=/x",
                                           status=2)


def test_another_old_image(pack, payload, images):
    assert "is the old image the one" in pack.fails("explain", payload, images[1],
                                                    f"--old={images[1]}")


def test_text(pack, payload, images):
    out = pack.ok("explain", payload, images[1], f"--old={images[0]}").stdout
    assert max(map(len, out.splitlines())) <= 100
    assert re.search(r" predicted +\d+\.\d% of \d+ right +/lib/lib1.so$", out, re.M)
    assert re.search(r" opened +gzip 0\.\d->0\.\d MB +/boot/initrd.img$", out, re.M)
    assert re.search(r"^its work, about: decoding ", out, re.M)
    one = pack.ok("explain", payload, images[1], f"--old={images[0]}", "--file=/boot/initrd.img",
                  "--file=/lib/lib2.so").stdout
    assert "encoders: gzip" in one and "addresses, " in one and "SWDIFF SWO1+SWD2" in one
    assert len(re.findall(r"on a device: [\d.]+ MB of memory, [\d.]+ MB of scratch", one)) == 2
    one = pack.ok("explain", payload, images[1], f"--old={images[0]}", "--file=/boot/initrd.img", "--try").stdout
    assert re.search(r"byte by byte: \d+ bytes, \+[\d.]+%", one)
    assert "packed alone: " in one and "opened, not predicted: " in one


def test_tree_map(pack, payload, images):
    pack.ok("explain", payload, images[1], f"--old={images[0]}", "--svg=map.svg")
    colours = {}
    for group in xml.parse(pack.folder / "map.svg").getroot().iter(f"{SVG}g"):
        how = group.find(f"{SVG}title").text.split(", ")[1].split(":")[0]
        colours.setdefault(how, set()).add(group.find(f"{SVG}rect").get("fill"))
    assert {"predicted", "opened"} <= set(colours)
    assert all(len(of_one) == 1 for of_one in colours.values())


def test_inspect(pack, payload):
    formats = json.loads(pack.ok("inspect", payload, "--json").stdout)["partitions"][0]["formats"]
    magics = [blob[:4] for blob in blobs(payload)]
    assert formats["SWO1+SWD2"]["count"] == magics.count(b"SWO1") > 0
    assert formats["SWD2"]["count"] == magics.count(b"SWD2") > 0
    assert sum(of_one["bytes"] for of_one in formats.values()) == sum(map(len, blobs(payload)))
    out = pack.ok("inspect", payload, "--operations").stdout
    assert re.search(r"^ +\d+ SWDIFF SWO1\+SWD2 ", out, re.M)
    assert re.search(r"opened contents: encoders gzip; [\d.]+ \w+ of memory", out)
    told = json.loads(pack.ok("inspect", payload, "--json").stdout)["opened"]
    assert told == json.loads(payload.with_suffix(".pl.json").read_text())["opened"]
