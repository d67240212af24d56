# SPDX-License-Identifier: Apache-2.0
"""Programs of two versions, with predicted addresses: a decoder made from the documents alone agrees."""

import filecmp
import gzip
import json
import pathlib
import subprocess
import sys

import pytest

from go_program import go_program
from kernel_elf import kernel_elf
from kernel_image import kernel_image
from pack_images import MIB, mkfs, write

REFDECODER = pathlib.Path(__file__).resolve().parents[2] / "tools/refdecoder/refdecoder.py"
HEAD = """
#include <stdio.h>
#include <stdlib.h>
static const char *const names[] = {"alpha", "beta", "gamma", "delta"};
static int (*const calls[])(const char *) = {puts, atoi, system, remove};
static int counts[1000], last;
static void tidy(int *number) { last = *number; }
int tidied(int x) { int y __attribute__((cleanup(tidy))) = x; return puts(names[y & 3]); }
#ifdef CHECKSUM
static const struct { unsigned long checksum; char name[56]; } versions[]
        __attribute__((used, section("__versions"))) = {
        {CHECKSUM, "printk"}, {CHECKSUM * 3, "kfree"}, {CHECKSUM * 5, "memcpy"}, {CHECKSUM * 7, "own"}};
#define TEXT(x) #x
#define LONG(x, n) ".long " TEXT(x) " * " #n "\\n"
asm(".pushsection __ksymtab_strings, \\"a\\"\\n own_name: .asciz \\"own\\"\\n .section __ksymtab, \\"a\\"\\n"
    ".long tidied - ., own_name - ., own_name - .\\n .section __kcrctab, \\"a\\"\\n" LONG(CHECKSUM, 7) ".popsection");
#endif
"""
FUNCTION = """
__attribute__((noinline)) int f%d(int x)
{
        counts[x & 511] += last ^ %d;
        x = (x ^ %d) * %d;
        switch (x & 7) {
        case 0: return puts(names[x & 3]);
        case 1: return calls[x & 3](names[0]);
        case 2: return last++;
        case 3: return printf("%%d: f%d\\n", x);
        case 5: return counts[last];
        default: return x > 9 ? f%d(x - 9) : -1;
        }
}
"""


def source(is_new):
    functions = ["int f0(int x) { return x; }\n"]
    for i in range(1, 60):
        functions.append(FUNCTION % (i, i * 7919, i * 104729, i * 31 + 7, i, i - 1))
        if is_new and i % 20 == 7:
            functions.append(f'int extra{i}(int x) {{ return x * {i} + printf("more\\n"); }}\n')
    return HEAD + "".join(functions) + "int main(int n, char **v) { return v[0] ? f59(n) : 0; }\n"


def image(folder, name, is_new):
    tree, code = folder / name, folder / f"{name}.c"
    code.write_text(source(is_new))
    module = ["-c", f"-DCHECKSUM={0x1234567 if is_new else 0x7654321}"]
    library = ["-shared", "-fPIC", "-Wl,--hash-style=both", "-Wl,-z,pack-relative-relocs"]
    for program, options in (("pie", ["-g", "-fexceptions"]), ("fixed", ["-no-pie"]), ("first.ko", module),
                             ("second.ko", [*module, "-O1"]), ("library.so", library)):
        tree.mkdir(exist_ok=True)
        subprocess.run(["gcc", "-O2", *options, "-o", tree / program, code], check=True, cwd=folder)
    write(tree, "text.gz", gzip.compress(code.read_bytes() * 3, 9, mtime=0))
    write(tree, "Image", kernel_image(is_new))
    write(tree, "Image.relr", kernel_image(is_new, packed=True))
    write(tree, "vmlinux", kernel_elf(is_new))
    write(tree, "go18", go_program(0xFFFFFFF0, is_new))
    write(tree, "go20", go_program(0xFFFFFFF1, is_new))
    return mkfs(folder / f"{name}.img", tree, 3 * MIB, "-b", "4096")


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    return image(folder, "old", False), image(folder, "new", True)


@pytest.mark.parametrize("effort", [1, 6, 9])
def test_decoders_agree(pack, programs, effort):
    payload = pack.delta(*programs, "--minor=1004", f"--effort={effort}", "--jobs=1")
    side_by_side = pack.delta(*programs, "--minor=1004", f"--effort={effort}", "--jobs=2",
                              output="jobs.pl")
    assert filecmp.cmp(payload, side_by_side, shallow=False)
    assert b"SWD2" in payload.read_bytes()
    pack.ok("apply", payload, programs[0], "made.img", "--progress=none")
    subprocess.run([sys.executable, REFDECODER, payload, f"root={programs[0]}", "root>second.img"],
                   cwd=pack.folder, check=True, timeout=120)
    for made in ("made.img", "second.img"):
        assert filecmp.cmp(programs[1], pack.folder / made, shallow=False)


def test_more_effort_is_never_larger(pack, programs):
    sizes = [pack.delta(*programs, f"--effort={effort}").stat().st_size for effort in range(1, 10)]
    assert sizes == sorted(sizes, reverse=True)


def test_prediction_pays(pack, programs):
    plain = pack.delta(*programs, "--minor=1003", output="plain.pl").stat().st_size
    assert pack.delta(*programs, "--minor=1004").stat().st_size < 0.8 * plain


def test_modules_share(pack, programs):
    """The first module's four checksums are told, that of its own function once for both tables; the second
    one's follow from them; of 40 of the kernel 30 do."""
    payload = pack.delta(*programs, "--minor=1004")
    told = pack.ok("explain", payload, programs[1], f"--old={programs[0]}", "--json").stdout
    assert json.loads(told)["fields"]["checksum"] == {"count": 40 + 10, "right": 30 + 6}


KINDS = """branch condition rip absolute pointer rela-offset rela-symbol rela-addend name symbol-value
    symbol-size header sequence unwind-place unwind-range unwind-parent unwind-data unwind-index table orc
    kernel-relocation distance type-name type-id checksum symbol-table relr arm-branch arm-page arm-low
    arm-near token""".split()


def test_all_kinds(pack, programs):
    """Each kind of field occurs in these programs, and most of each are predicted."""
    payload = pack.delta(*programs, "--minor=1004")
    told = pack.ok("explain", payload, programs[1], f"--old={programs[0]}", "--json").stdout
    fields = json.loads(told)["fields"]
    assert sorted(fields) == sorted(KINDS)
    assert fields["unwind-data"]["count"] >= 2 * 4 * 300, "numbers of Go's functions"
    for kind, seen in fields.items():
        told_anyway = kind in ("checksum", "type-name")
        assert seen["right"] >= (0.5 if told_anyway else 0.75) * seen["count"], (kind, seen)


def test_estimates_foresee_predictions_and_opening(pack, programs):
    told = json.loads(pack.ok("diff-report", *programs, "--json", "--progress=none").stdout)
    sizes = {}
    for minor in (1003, 1004):
        payload = pack.delta(*programs, f"--minor={minor}")
        sizes[minor] = sum(file["bytes"] for file in json.loads(
            pack.ok("explain", payload, programs[1], "--json").stdout)["files"])
    assert sizes[1004] / 2 < told["estimate"] < min(sizes[1004] * 2.5, sizes[1003]), (told["estimate"], sizes)
