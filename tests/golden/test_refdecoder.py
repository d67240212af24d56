# SPDX-License-Identifier: Apache-2.0
"""What swb-pack writes, a reader that knows only docs/spec/payload.md makes the same image of."""

import hashlib
import os
import pathlib
import subprocess
import sys

import pytest

BUILD = pathlib.Path(os.environ["SWB_BUILD"]).resolve()
PACK = BUILD / "src/bin/swb-pack/swb-pack"
REFDECODER = pathlib.Path(__file__).resolve().parent.parent.parent / "tools/refdecoder/refdecoder.py"


def noise(label, n):
    return hashlib.shake_128(label.encode()).digest(n)


def make_image(path, version):
    """A program whose addresses moved, a text that grew, a file that is new, one that stays."""
    folder = path.with_suffix("")
    folder.mkdir()
    program = bytearray(noise("program", 200_000))
    if version == 2:
        program[100_000:100_000] = noise("function", 320)
        for i in range(0, len(program), 48):
            program[i] = program[i] + 4 & 0xFF
        (folder / "new").write_bytes(noise("new", 30_000))
    (folder / "program").write_bytes(program)
    (folder / "text").write_text("a line of text\n" * (4000 + 500 * version))
    (folder / "same").write_bytes(noise("same", 100_000))
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-b", "4096", "-d", folder, path, "2M"], check=True)
    return path


@pytest.mark.parametrize("profile", ["switchback", "chromeos"])
@pytest.mark.parametrize("key_type", ["rsa2048", "p256"])
def test_same_image(tmp_path, profile, key_type):
    old, new = (make_image(tmp_path / f"v{v}.img", v) for v in (1, 2))
    subprocess.run([PACK, "keygen", f"--type={key_type}", tmp_path / "key", tmp_path / "pub"],
                   check=True)
    common = [f"--profile={profile}", f"--key={tmp_path}/key", "--app-id=x", "--target-version=2",
              "--progress=none"]
    subprocess.run([PACK, "full", *common, f"--output={tmp_path}/full", new], check=True)
    subprocess.run([PACK, "delta", *common, "--source-version=1", f"--output={tmp_path}/delta", old,
                    new], check=True)
    for payload, arguments in (("full", []), ("delta", [f"root={old}"])):
        out = tmp_path / f"{payload}.out"
        subprocess.run([sys.executable, REFDECODER, "--key", tmp_path / "pub", tmp_path / payload,
                        *arguments, f"root>{out}"], check=True, timeout=120)
        assert out.read_bytes() == new.read_bytes()
