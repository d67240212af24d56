#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""make_seeds BUILD - fuzz inputs from the golden payloads, again after a format changed

Differences in the formats SWD2 and SWO1, each with the source that it is of: from inputs of an older
form the fuzzer would never find its way past the head. Writes tests/fuzz/corpus/{swd2,open,apply}.
"""

import json
import pathlib
import shutil
import struct
import subprocess
import sys

FUZZ = pathlib.Path(__file__).resolve().parent
GOLDEN = FUZZ.parent / "golden" / "payload"
BLOCK = 4096
INPUT_MAX_BYTES = 40000
APPLIED = ("own-split-", "own-swd2-", "own-swo1-gzip", "own-swo1-lz4-hc", "own-swo1-nested", "own-swo1-xz")
sys.path.insert(0, str(GOLDEN))

import programs  # pylint: disable=wrong-import-position


def operations(build, payload):
    """Of its only partition; none, if it is bad before its operations."""
    done = subprocess.run([build / "src/bin/swb-pack/swb-pack", "inspect", "--json", "--operations", payload],
                          capture_output=True, check=False)
    if done.returncode:
        return None, []
    facts = json.loads(done.stdout)
    return facts, facts["partitions"][0]["operations"]


def blocks(image, extents):
    return b"".join(image[first * BLOCK:(first + n) * BLOCK] for first, n in extents)


def difference(build, case):
    """As fuzz-swd2.c and fuzz-open.c read one: the target's blocks, the source's size, source, blob."""
    payload = case / "payload"
    facts, (operation, *_) = operations(build, payload)
    data = payload.read_bytes()
    old = GOLDEN / "images" / (case / "old").read_text().split("=")[1].strip()
    source = blocks(old.read_bytes(), operation["source"])
    begin = facts["metadata_size"] + facts.get("metadata_signature_size", 0) + operation["data_offset"]
    blob = data[begin:begin + operation["data_length"]]
    n_target = sum(n for _, n in operation["target"])
    if len(source) > 0xFFFF:
        return None
    return bytes([0, n_target]) + struct.pack(">H", len(source)) + source + blob


def write(target, name, data):
    if data and len(data) <= INPUT_MAX_BYTES:
        (FUZZ / "corpus" / target / name).write_bytes(data)


def write_differences(build, target, pattern):
    for case in sorted(GOLDEN.glob(pattern)):
        kind = "bad-" if case.parent.name == "bad" else ""
        if (case / "old").exists():
            write(target, f"golden-{kind}{case.name}", difference(build, case))


def write_programs():
    """Pairs to make a difference of, by each effort, in one part."""
    machines = {"x86-64": (programs.X86_64, programs.code_x86), "aarch64": (programs.AARCH64, programs.code_arm64)}
    for name, (machine, code) in machines.items():
        old, new = (programs.program(machine, code(is_new)[0], is_new) for is_new in (False, True))
        for effort in range(1, 6):
            write("swd2", f"programs-{name}-effort-{effort}",
                  bytes([0x80 + effort, 0]) + struct.pack(">H", len(old)) + old + new)


def main():
    build = pathlib.Path(sys.argv[1])
    for target in ("swd2", "open"):
        for seed in (FUZZ / "corpus" / target).glob("golden-*"):
            seed.unlink()
    for name in ("good/own-swd2-*", "bad/swd2-hints-*", "bad/swd2-needs-little-*"):
        write_differences(build, "swd2", name)
    for name in ("gzip", "deflate", "xz", "from-zstd", "lz4-hc", "nested", "tokens", "tokens-zlib", "tokens-cost",
                 "xz-blocks", "bzip2", "lzma", "lzo", "lzop"):
        write_differences(build, "open", f"good/own-swo1-{name}")
    write_programs()
    for case in sorted((GOLDEN / "good").iterdir()):
        if case.name.startswith(APPLIED):
            shutil.copyfile(case / "payload", FUZZ / "corpus" / "apply" / case.name)


if __name__ == "__main__":
    main()
