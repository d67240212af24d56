# SPDX-License-Identifier: Apache-2.0
"""Boot flags in the partition table: our back end, and Debian's gdisk and cgpt on the same disk."""

import os
import re
import shutil
import subprocess

import pytest

A, B = 3, 12  # in different sectors of the table


def tool(name, *args):
    path = shutil.which(name, path=os.environ["PATH"] + ":/sbin:/usr/sbin")
    assert path, f"{name} is missing: install gdisk and cgpt"
    return subprocess.run([path, *map(str, args)], capture_output=True, text=True, check=True,
                          timeout=30).stdout


class Disk:
    """An image with two kernel partitions."""

    def __init__(self, program, folder):
        self.program, self.path = program, folder / "disk.img"
        with open(self.path, "wb") as file:
            file.truncate(4 << 20)
        tool("sgdisk", "-n", "1:2048:+64K", "-A", "1:set:2", "-n", f"{A}:4096:+512K", "-t",
             f"{A}:7f00", "-A", f"{A}:set:2", "-n", f"{B}:0:+512K", "-t", f"{B}:7f00", self.path)
        self.images = [folder / f"{slot}.img" for slot in "AB"]
        for image in self.images:
            subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", image, "256k"], check=True, timeout=30)

    def bench(self, *args):
        return self.program("swb-bench-boot", "--backend=gpt", f"--place={self.path}:{A}:{B}", *args)

    def boot(self):
        result = self.bench(*(f"--slot={slot}={image}" for slot, image in zip("AB", self.images)))
        assert result.returncode == 0, result.stderr
        return re.search(r"booting slot (.)", result.stdout.decode()).group(1)

    def flags(self, partition):
        """(priority, tries, successful), as cgpt reads them."""
        return tuple(int(tool("cgpt", "show", "-i", partition, option, self.path))
                     for option in ("-P", "-T", "-S"))

    def update(self):
        """As after an update of B, but by cgpt."""
        tool("cgpt", "add", "-i", A, "-P", 14, self.path)
        tool("cgpt", "add", "-i", B, "-P", 15, "-T", 2, "-S", 0, self.path)

    def is_clean(self):
        return "No problems found" in tool("sgdisk", "-v", self.path)

    def spoil(self, sector, n=512):
        with open(self.path, "r+b") as file:
            file.seek(sector * 512)
            file.write(b"\xa5" * n)


@pytest.fixture
def disk(program, tmp_path):
    made = Disk(program, tmp_path)
    result = made.bench("--init")
    assert result.returncode == 0, result.stderr
    return made


def test_cgpt_reads_what_we_set_and_we_read_what_cgpt_set(disk):
    assert disk.flags(A) == (15, 0, 1) and disk.flags(B) == (0, 0, 0)
    assert disk.is_clean()
    shown = tool("cgpt", "show", disk.path)
    assert "priority=15 tries=0 successful=1" in shown and "INVALID" not in shown
    disk.update()
    assert [disk.boot() for _ in range(3)] == ["B", "B", "A"]
    assert disk.flags(B) == (15, 0, 0)
    assert disk.is_clean()
    # the other attributes and partitions are as they were
    assert "0000000000000004" in tool("sgdisk", "-i", "1", disk.path)
    assert re.search(r"Attribute flags: 01[0-9A-F]+4$", tool("sgdisk", "-i", A, disk.path), re.M)


@pytest.mark.parametrize("sector, n", [(1, 512), (2, 512), (1, 33 * 512), (8191, 512), (8160, 512)])
def test_one_spoilt_copy_is_survived_and_mended(disk, sector, n):
    disk.update()
    disk.spoil(sector, n)
    if n > 512:  # without the header nothing tells where the entries were: they must look free
        with open(disk.path, "r+b") as file:
            file.seek(sector * 512)
            file.write(bytes(n))
    assert disk.boot() == "B"
    assert disk.flags(B) == (15, 1, 0)
    assert disk.is_clean()


def test_a_disk_whose_table_is_not_at_its_end(disk):
    disk.update()
    os.truncate(disk.path, 6 << 20)
    assert disk.boot() == "B"
    os.truncate(disk.path, 4 << 20)  # where the tools look for the backup
    assert disk.flags(B)[1] == 1
    assert disk.is_clean()


def test_says_what_is_wrong(disk, program):
    def boot_error(place):
        result = program("swb-bench-boot", "--backend=gpt", f"--place={place}", "--init")
        assert result.returncode == 1
        return result.stderr.decode()

    assert "there is no partition 7" in boot_error(f"{disk.path}:7:{B}")
    assert "PARTITION_A:PARTITION_B" in boot_error(disk.path)
    disk.spoil(1)
    disk.spoil(8191)
    assert "neither copy" in boot_error(f"{disk.path}:{A}:{B}")
