# SPDX-License-Identifier: Apache-2.0
"""Many boots in one start of Debian's U-Boot: the boot script, fed with case after case.

A driver script copies a case's two copies of the environment to their place, sources the boot
script with a board whose START only tells what it was given, and puts the environment as it was at
that moment aside. So a case costs a tenth of a second instead of a start of QEMU.
"""

import dataclasses
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tools"), str(TOP / "demo" / "vm")]
import device_disk
from virtual_device import VirtualDevice

MIB = 1 << 20
SECTOR = 512
ENV_BYTES = device_disk.ENV_BYTES
COPY_SECTORS = ENV_BYTES // SECTOR
ENV_SECTORS = [offset // SECTOR for offset in device_disk.ENV_OFFSETS]
PART_BYTES = MIB
# Partition number in the table -> does it have a kernel?
PART_WITH_KERNEL, PART_WITHOUT = 3, 4
CASES_OFFSET = 16 * MIB


@dataclasses.dataclass
class Machine:
    """Whose U-Boot runs the script, and from what. memory: free, hexadecimal, less its last five
    digits; medium, bus: QEMU's devices."""
    arch: str = "x86_64"
    board: str = "qemu-x86"
    memory: str = "60"
    firmware: str = ""
    medium: str = "virtio-blk-pci"
    bus: str = ""

    def place(self, megabytes):
        return f"{int(self.memory, 16) + megabytes:x}00000"

    def options(self):
        return [*(["-bios", self.firmware] if self.firmware else []),
                *(["-device", self.bus] if self.bus else [])]


@dataclasses.dataclass
class Case:
    """copies: the two copies' bytes; loadable: the slots whose kernel can be loaded."""
    copies: tuple
    loadable: str = "AB"
    name: str = ""


@dataclasses.dataclass
class Outcome:
    """What came of a case. started: the kernel's command lines in turn (the "started" kernel comes
    back at once); copies: as they were at the first start, or None; text: the console's."""
    started: list
    copies: tuple
    text: str


def environment(variables, counter=1, folder="/tmp"):
    """One copy's bytes, made by Debian's mkenvimage."""
    path = pathlib.Path(folder) / "copy.env"
    device_disk.make_environment(path, variables)
    data = bytearray(path.read_bytes())
    data[4] = counter
    return bytes(data)


def place_of(case, half):
    """Sector of a case's copy 0 or 1, and of its results 2 and 3."""
    return CASES_OFFSET // SECTOR + (4 * case + half) * COPY_SECTORS


def copy_command(machine, source, target):
    """source, target: sectors, hexadecimal."""
    buffer = machine.place(0)
    return (f"${{devtype}} read {buffer} {source} {COPY_SECTORS:x}; "
            f"${{devtype}} write {buffer} {target} {COPY_SECTORS:x}")


def driver(machine, cases, in_place):
    """The script that U-Boot finds as boot.scr. in_place: the only case's copies are in their place
    already, and stay there."""
    started = "; ".join([
        'echo "START ${bootargs}"',
        "if test ${t_first} = 1; then setenv t_first 0",
        *[copy_command(machine, f"{ENV_SECTORS[i]:x}", f"${{t_result_{i}}}") for i in (0, 1)],
        "fi", "false"])
    text = (f"setenv t_start '{started}'\n"
            f"load ${{devtype}} 0:2 {machine.place(1)} under-test.scr\n")
    for number, case in enumerate(cases):
        text += f'echo "CASE {number}"\nsetenv t_first 1\n'
        for i in (0, 1):
            if not in_place:
                place = f"{place_of(number, i):x}"
                text += copy_command(machine, place, f"{ENV_SECTORS[i]:x}") + "\n"
            text += f"setenv t_result_{i} {place_of(number, 2 + i):x}\n"
        for slot in "AB":
            part = PART_WITH_KERNEL if slot in case.loadable else PART_WITHOUT
            text += f"setenv t_part_{slot} {part}\n"
        text += f"source {machine.place(1)}\n"
    return text + 'echo "CASE END"\n'


def make_disk(machine, folder, cases, in_place):
    """A disk with driver, script, two kernel partitions and the cases."""
    disk = folder / "cases.img"
    (folder / "console.log").unlink(missing_ok=True)
    (folder / "driver.cmd").write_text(driver(machine, cases, in_place))
    device_disk.quiet("mkimage", "-T", "script", "-C", "none", "-d", folder / "driver.cmd",
                      folder / "boot.scr")
    device_disk.quiet(TOP / "boot/u-boot/make-script", machine.board, folder / "under-test.scr",
                      "--set=PART_A=${t_part_A}", "--set=PART_B=${t_part_B}",
                      "--set=LOAD=load ${devtype} ${devnum}:${swb_part} "
                      f"{machine.place(0)} /boot/kernel",
                      "--set=START=run t_start", "--set=LAST=echo NOTHING")
    offsets = device_disk.partitions(disk, PART_BYTES, 4 * MIB)
    device_disk.make_boot(folder / "fat", folder / "boot.scr")
    device_disk.quiet("mcopy", "-i", folder / "fat", folder / "under-test.scr", "::")
    (folder / "tree/boot").mkdir(parents=True, exist_ok=True)
    (folder / "tree/boot/kernel").write_text("no real one\n")
    device_disk.quiet("mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-d",
                      folder / "tree", folder / "with", "1024k")
    device_disk.quiet("mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", folder / "without",
                      "1024k")
    with disk.open("r+b") as file:
        device_disk.copy_into(file, offsets["boot"], folder / "fat")
        device_disk.copy_into(file, offsets["rootfs-A"], folder / "with")
        device_disk.copy_into(file, offsets["rootfs-B"], folder / "without")
        for number, case in enumerate(cases):
            for i, data in enumerate(case.copies):
                file.seek((ENV_SECTORS[i] if in_place else place_of(number, i)) * SECTOR)
                file.write(data)
        file.truncate(max(disk.stat().st_size, place_of(len(cases), 0) * SECTOR))
    return disk


def outcomes(disk, text, n):
    """Of the console's text and the disk's result areas."""
    parts = re.split(r"^CASE (\d+|END)$", text, flags=re.M)
    found = []
    with disk.open("rb") as file:
        for number, (label, said) in enumerate(zip(parts[1::2], parts[2::2])):
            if label == "END":
                break
            started = re.findall(r"^START (.*)$", said, re.M)
            copies = []
            for i in (2, 3):
                file.seek(place_of(number, i) * SECTOR)
                copies.append(file.read(ENV_BYTES))
            found.append(Outcome(started, tuple(copies) if started else None, said))
    assert len(found) == n, f"{len(found)} of {n} cases ran; the console:\n{text[-3000:]}"
    return found


class FaultyDevice(VirtualDevice):
    """Its medium fails: fails_at holds (sector, "read" or "write") of what it refuses."""

    def __init__(self, disk, folder, machine, fails_at):
        super().__init__(disk, folder, machine.arch, machine.options())
        self.fails_at = fails_at

    def drive(self):
        faults = ",".join(f"inject-error.{i}.event=none,inject-error.{i}.iotype={kind},"
                          f"inject-error.{i}.sector={sector}"
                          for i, (sector, kind) in enumerate(self.fails_at))
        return ["-blockdev", f"driver=file,node-name=file,filename={self.disk}",
                "-blockdev", f"driver=blkdebug,node-name=disk,image=file,{faults}"]


def run(folder, cases, machine=Machine(), seconds=600):
    """Runs all cases in one start of QEMU. Returns an Outcome each."""
    disk = make_disk(machine, folder, cases, False)
    with VirtualDevice(disk, folder, machine.arch, machine.options(), machine.medium) as device:
        device.start()
        device.wait(r"^CASE END$", seconds)
    return outcomes(disk, device.console(), len(cases))


def run_faulty(folder, case, fails_at, machine=Machine()):
    """Runs one case on a medium that fails. Returns its Outcome."""
    disk = make_disk(machine, folder, [case], True)
    with FaultyDevice(disk, folder, machine, fails_at) as device:
        device.start()
        device.wait(r"^CASE END$")
    return outcomes(disk, device.console(), 1)[0]


def read_flags(folder, copies):
    """All variables that Debian's fw_printenv finds in two copies."""
    image = folder / "copies.env"
    image.write_bytes(b"".join(copies))
    config = folder / "fw_env.config"
    config.write_text(f"{image} 0x0 {ENV_BYTES:#x}\n{image} {ENV_BYTES:#x} {ENV_BYTES:#x}\n")
    text = subprocess.run(["fw_printenv", "-c", config], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    return dict(line.split("=", 1) for line in text.splitlines())
