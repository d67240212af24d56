# SPDX-License-Identifier: Apache-2.0
"""swb-bench-boot, and the flags between it and Debian's tools for U-Boot's environment."""

import os
import re
import shutil
import subprocess

import pytest

SIZE, FIRST, SECOND = 0x1000, 0x2000, 0x12000


def fw(tool, config, *args):
    path = shutil.which(tool, path=os.environ["PATH"] + ":/sbin:/usr/sbin")
    assert path, f"{tool} is missing: install libubootenv-tool"
    return subprocess.run([path, "-c", config, *args], capture_output=True, text=True, check=True,
                          timeout=30).stdout


class Bench:
    """Flags and two slots in a folder."""

    def __init__(self, program, folder, backend="uboot"):
        self.program, self.folder, self.backend = program, folder, backend
        self.env = folder / "env.img"
        self.cmdline = folder / "cmdline"
        self.place = f"{self.env}:{FIRST:#x}:{SECOND}:{SIZE:#x}" if backend == "uboot" \
            else str(folder / "flags")
        self.config = folder / "fw_env.config"
        self.config.write_text(f"{self.env} {FIRST:#x} {SIZE:#x}\n{self.env} {SECOND:#x} {SIZE:#x}\n")
        for slot in "AB":
            self.make_image(slot)

    def image(self, slot):
        return self.folder / f"{slot}.img"

    def make_image(self, slot):
        self.image(slot).write_bytes(b"")
        subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", self.image(slot), "256k"], check=True,
                       timeout=30)

    def spoil_image(self, slot):
        self.image(slot).write_bytes(b"\0" * 4096)

    def init(self):
        result = self.program("swb-bench-boot", f"--backend={self.backend}", f"--place={self.place}",
                              "--init")
        assert result.returncode == 0, result.stderr

    def run(self, *args, place=None):
        return self.program("swb-bench-boot", f"--backend={self.backend}",
                            f"--place={place or self.place}", f"--slot=A={self.image('A')}",
                            f"--slot=B={self.image('B')}", f"--cmdline={self.cmdline}", *args)

    def boot(self, *args, **options):
        """The booted slot and the line."""
        result = self.run(*args, **options)
        assert result.returncode == 0, result.stderr
        line = result.stdout.decode()
        slot = re.search(r"booting slot (.)", line).group(1)
        assert f"swb.slot={slot} " in self.cmdline.read_text()
        return slot, line

    def set(self, **flags):
        script = self.folder / "script"
        script.write_text("".join(f"swb_{key}={value}\n" for key, value in flags.items()))
        fw("fw_setenv", self.config, "-s", script)

    def flags(self):
        """{"A_priority": 15, …} as fw_printenv sees it."""
        lines = fw("fw_printenv", self.config).splitlines()
        return {key[4:]: int(value) for key, value in (line.split("=", 1) for line in lines)
                if key.startswith("swb_")}

    def update(self, slot="B", tries=3):
        other = "A" if slot == "B" else "B"
        self.set(**{f"{slot}_priority": 15, f"{slot}_tries": tries, f"{slot}_successful": 0,
                    f"{other}_priority": 14})


@pytest.fixture
def bench(program, tmp_path):
    made = Bench(program, tmp_path)
    made.init()
    return made


def test_factory_state_is_read_by_fw_printenv(bench):
    assert bench.flags() == {"A_priority": 15, "A_tries": 0, "A_successful": 1,
                             "B_priority": 0, "B_tries": 0, "B_successful": 0}
    assert bench.boot()[0] == "A"
    assert bench.cmdline.read_text().strip().endswith("swb.slot=A swb.boot=1")


def test_what_fw_setenv_writes_is_obeyed(bench):
    bench.update()
    for left in (2, 1, 0):
        slot, line = bench.boot()
        assert slot == "B" and f"{left} tries left" in line
        assert bench.flags()["B_tries"] == left
    slot, line = bench.boot()
    assert slot == "A" and "A 14/0/1 B 15/0/0" in line and "recovery" not in line


def test_marked_good_it_stays(bench):
    bench.update()
    assert bench.boot()[0] == "B"
    bench.set(B_successful=1)
    for _ in range(5):
        assert bench.boot()[0] == "B"
    assert bench.flags()["B_tries"] == 2


def test_foreign_variables_are_kept(bench):
    fw("fw_setenv", bench.config, "bootcmd", "run distro_bootcmd")
    fw("fw_setenv", bench.config, "ethaddr", "02:00:00:00:00:01")
    bench.update()
    bench.boot()
    bench.boot()
    text = fw("fw_printenv", bench.config)
    assert "bootcmd=run distro_bootcmd\n" in text and "ethaddr=02:00:00:00:00:01\n" in text


def test_fw_env_config_as_place(bench):
    bench.update()
    slot, _ = bench.boot(place=bench.config)
    assert slot == "B" and bench.flags()["B_tries"] == 2


def test_a_kernel_that_does_not_load(bench):
    bench.update()
    bench.spoil_image("B")
    slot, line = bench.boot()
    assert slot == "A" and "could not be started" in line
    assert bench.flags()["B_tries"] == 2


def test_nothing_can_be_started(bench):
    bench.spoil_image("A")
    bench.spoil_image("B")
    result = bench.run()
    assert result.returncode == 1 and b"no slot" in result.stderr
    assert not bench.cmdline.exists()


def test_load_command(bench):
    bench.update()
    log = bench.folder / "log"
    command = bench.folder / "load it"
    command.write_text(f'#!/bin/sh\necho "$1" >>{log}\ncase "$1" in */B.img) exit 1;; esac\n')
    command.chmod(0o755)
    slot, _ = bench.boot(f"--load-command='{command}'")
    assert slot == "A"
    assert log.read_text().split() == [str(bench.image("B")), str(bench.image("A"))]


def test_recovery_boots_the_one_that_was_good_last(bench):
    bench.set(A_priority=0, A_successful=0, B_priority=0, B_successful=1)
    slot, line = bench.boot()
    assert slot == "B" and "recovery" in line


@pytest.mark.parametrize("where", ["crc", "text", "lost"])
def test_a_torn_newest_copy(bench, where):
    """The older flags count again, as if the last store had not begun."""
    bench.update()  # the newest copy is the one that differs now
    before = bench.env.read_bytes()
    bench.set(B_tries=1)
    after = bench.env.read_bytes()
    at = FIRST if before[FIRST:FIRST + SIZE] != after[FIRST:FIRST + SIZE] else SECOND
    torn = bytearray(after)
    if where == "crc":
        torn[at] ^= 1
    elif where == "text":
        torn[at + SIZE // 2:at + SIZE] = b"\xff" * (SIZE // 2)
    else:
        torn[at:at + SIZE] = b"\xff" * SIZE
    bench.env.write_bytes(torn)
    slot, line = bench.boot()
    assert slot == "B" and "B 15/3/0" in line and "2 tries left" in line
    assert bench.flags()["B_tries"] == 2


def test_no_copy_is_whole(bench):
    bench.env.write_bytes(b"\xff" * len(bench.env.read_bytes()))
    slots = [bench.boot()[0] for _ in range(7)]
    assert slots == list("AAABBBA")
    assert "recovery" in bench.boot()[1]


def test_a_medium_that_takes_no_writes(program, tmp_path):
    bench = Bench(program, tmp_path, backend="fake")
    bench.init()
    flags = tmp_path / "flags"
    flags.write_text(flags.read_text().replace("B_priority=0", "B_priority=15")
                     .replace("A_priority=15", "A_priority=14").replace("B_tries=0", "B_tries=3"))
    slot, line = bench.boot(place=f"{flags}:fail=store")
    assert slot == "A" and "can't be counted" in line
    assert "swb.boot=0" in bench.cmdline.read_text()
    assert bench.boot()[0] == "B"


def test_usage(bench):
    def status(*args):
        return bench.program("swb-bench-boot", *args).returncode

    place = f"--place={bench.place}"
    assert status(place) == 2
    assert status(place, "--slot=A=x") == 2
    assert status(place, "--slot=C=x") == 2
    assert status(place, "--slot=A=x", "--slot=A=y") == 2
    assert status("--init") == 2
    assert status("--place=/nonexistent/env:0:0x1000:0x1000", "--slot=A=x", "--slot=B=y") == 1
    assert status("--place=x:0:0x1000", "--init") == 1
    assert status("--backend=lilo", place, "--slot=A=x", "--slot=B=y") == 1
