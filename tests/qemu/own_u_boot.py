# SPDX-License-Identifier: Apache-2.0
"""U-Boots that are not Debian's qemu-x86. Not part of `make check`: U-Boot is built from source.

The command swb_boot in U-Boot's sandbox, with Debian's cgpt and sgdisk as witnesses; the boot
script in Debian's qemu_arm64 and in one that was built with a redundant environment of its own.
The builds are kept in SWB_UBOOT_FOLDER (else a folder in ~/.cache).
"""

import itertools
import os
import pathlib
import re
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bench
import contract
from contract import Flags
# The tests of the boot script, with another machine.
from test_script import (make_boot, make_boot_faulty, make_env, STATES,
                         test_a_copy_that_cannot_be_read, test_a_counter_has_its_successor,
                         test_choice_of_the_copy, test_every_state_of_both_slots,
                         test_neither_copy_can_be_read, test_no_room_for_what_was_missing,
                         test_no_whole_copy_starts_anew, test_the_medium_takes_no_writes,
                         test_the_medium_takes_no_writes_and_nothing_is_good,
                         test_variables_that_are_missing_or_nonsense, test_what_others_keep_there)

SECTOR, IMAGE_BYTES = 512, 4 << 20
ENTRIES_SECTORS = 32
PARTS = {"A": 3, "B": 5}
N_SECTORS = IMAGE_BYTES // SECTOR
PRIMARY, BACKUP = 1, N_SECTORS - 1


def built(target):
    folder = os.environ.get("SWB_UBOOT_FOLDER") or pathlib.Path.home() / ".cache/switchback/u-boot"
    return subprocess.run([bench.TOP / "boot/u-boot/build-u-boot", target, folder], check=True,
                          text=True, stdout=subprocess.PIPE).stdout.strip()


@pytest.fixture(name="machine", scope="session", params=["Debian's", "redundant environment"])
def make_machine(request):
    firmware = "" if request.param == "Debian's" else built("qemu_arm64")
    return bench.Machine("arm64", "qemu-arm64", "460", firmware)


@pytest.fixture(name="sandbox", scope="session")
def make_sandbox():
    return built("sandbox")


@pytest.fixture(name="table", scope="session")
def make_table(tmp_path_factory):
    """Bytes of a disk with the two slots and others between them."""
    path = tmp_path_factory.mktemp("table") / "disk.img"
    path.write_bytes(bytes(IMAGE_BYTES))
    names = {1: "env", 2: "rootfs", PARTS["A"]: "rootfs-A", 4: "rootfs-AB", PARTS["B"]: "rootfs-B"}
    arguments = [word for number, name in names.items() for word in (
        f"--new={number}:{number * 1024}:+256K", f"--change-name={number}:{name}")]
    run("sgdisk", "--set-alignment=1", *arguments, path)
    return path.read_bytes()


def run(*command):
    return subprocess.run([str(word) for word in command], check=True, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout


def set_flags(image, flags):
    for slot, part in PARTS.items():
        f = flags[slot]
        run("cgpt", "add", "-i", part, "-P", f.priority, "-T", f.tries, "-S", f.successful, image)


def get_flags(image):
    """As Debian's cgpt sees them."""
    return {slot: Flags(*(int(run("cgpt", "show", "-i", part, option, image))
                          for option in ("-P", "-T", "-S"))) for slot, part in PARTS.items()}


def swb_boot(sandbox, image, n=1):
    """Calls the command n times in one start of U-Boot. Returns the slots that it handed out, with
    "" where it failed, and checks what it says about them."""
    call = ("setenv swb_slot; swb_boot host 0 rootfs-A rootfs-B; "
            "echo HANDED ${swb_slot}=${swb_part}=${swb_marker}; ")
    text = subprocess.run([sandbox, "-d", f"{sandbox}.dtb", "-c",
                           f"host bind 0 {image}; {call * n} poweroff"], check=False, text=True,
                          errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60).stdout
    found = re.findall(r"^HANDED (\w*)=(\w*)=(\w*)", text, re.M)
    assert len(found) == n, text
    for slot, part, marker in found:
        assert not slot or (int(part, 16), marker) == (PARTS[slot], "1"), text
    return [slot for slot, _, _ in found]


def check_table(image):
    """sgdisk finds nothing wrong, and both copies say the same."""
    assert "No problems found" in run("sgdisk", "-v", image)
    data = image.read_bytes()
    entries = [data[first * SECTOR:(first + ENTRIES_SECTORS) * SECTOR]
               for first in (PRIMARY + 1, BACKUP - ENTRIES_SECTORS)]
    assert entries[0] == entries[1]


@pytest.mark.parametrize("a", STATES, ids=lambda f: f"{f.priority}-{f.tries}-{f.successful}")
def test_every_state_in_gpt_attributes(sandbox, table, tmp_path, a):
    """BS-1 ... BS-4 with one, two and three turns: 324 states of the flags in all."""
    image = tmp_path / "disk.img"
    for number, b in enumerate(STATES):
        flags, n = {"A": a, "B": b}, number % 3 + 1
        image.write_bytes(table)
        set_flags(image, flags)
        expected = contract.turns(flags)
        assert swb_boot(sandbox, image, n) == ([slot for slot, _ in expected] + [""])[:n], flags
        assert get_flags(image) == expected[min(n, 2) - 1][1], flags
        check_table(image)


def damage(image, sector, n=1):
    with image.open("r+b") as file:
        file.seek(sector * SECTOR)
        file.write(b"\xa5" * SECTOR * n)


DAMAGE = {"first header": (PRIMARY, 1), "first entries": (PRIMARY + 1, ENTRIES_SECTORS),
          "first both": (PRIMARY, 1 + ENTRIES_SECTORS), "second header": (BACKUP, 1),
          "second entries": (BACKUP - ENTRIES_SECTORS, ENTRIES_SECTORS),
          "second both": (BACKUP - ENTRIES_SECTORS, ENTRIES_SECTORS + 1)}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_copy_is_repaired(sandbox, table, tmp_path, what):
    image = tmp_path / "disk.img"
    image.write_bytes(table)
    set_flags(image, {"A": Flags(14, 0, 1), "B": Flags(15, 3, 0)})
    damage(image, *DAMAGE[what])
    assert swb_boot(sandbox, image) == ["B"]
    check_table(image)
    assert get_flags(image) == {"A": Flags(14, 0, 1), "B": Flags(15, 2, 0)}


def test_both_copies_damaged(sandbox, table, tmp_path):
    image = tmp_path / "disk.img"
    image.write_bytes(table)
    damage(image, PRIMARY)
    damage(image, BACKUP)
    before = image.read_bytes()
    assert swb_boot(sandbox, image, 2) == ["", ""]
    assert image.read_bytes() == before


def write_order():
    """The sectors in the order in which a store writes them."""
    return [*range(BACKUP - ENTRIES_SECTORS, BACKUP), BACKUP,
            *range(PRIMARY + 1, PRIMARY + 1 + ENTRIES_SECTORS), PRIMARY]


def test_power_cut_at_each_sector_of_a_store(sandbox, table, tmp_path):
    """Whole sectors written up to a point, and the next one half: the old flags or the new."""
    image = tmp_path / "disk.img"
    image.write_bytes(table)
    old, new = ({"A": Flags(14, 0, 1), "B": Flags(15, tries, 0)} for tries in (3, 2))
    set_flags(image, old)
    before = image.read_bytes()
    assert swb_boot(sandbox, image) == ["B"] and get_flags(image) == new
    after = image.read_bytes()
    changed = [s for s in write_order()
               if before[s * SECTOR:(s + 1) * SECTOR] != after[s * SECTOR:(s + 1) * SECTOR]]
    assert len(changed) == 4
    seen = set()
    for n, half in itertools.product(range(len(changed)), (0, SECTOR // 2, 60)):
        state = bytearray(before)
        for sector in changed[:n]:
            state[sector * SECTOR:(sector + 1) * SECTOR] = after[sector * SECTOR:(sector + 1) * SECTOR]
        at = changed[n] * SECTOR
        state[at:at + half] = after[at:at + half]
        image.write_bytes(state)
        assert swb_boot(sandbox, image) == ["B"], (n, half)
        check_table(image)
        tries = get_flags(image)["B"].tries
        assert tries in (1, 2), (n, half)
        seen.add(tries)
    assert seen == {1, 2}


def test_no_such_partition(sandbox, table, tmp_path):
    image = tmp_path / "disk.img"
    image.write_bytes(table)
    run("sgdisk", f"--change-name={PARTS['B']}:other", image)
    assert swb_boot(sandbox, image) == [""]


def test_device_with_swb_boot(tmp_path):
    """A real kernel, started by way of swb_boot; a slot without kernel is left at once."""
    make = bench.TOP / "tools" / "make-device"
    run(make, "root", tmp_path / "good.ext4", "--arch=arm64", "--release=1.0.0")
    run(make, "root", tmp_path / "bad.ext4", "--arch=arm64", "--release=2.0.0",
        "--remove=/boot/kernel")
    run(make, "disk", tmp_path / "disk.img", "--arch=arm64", "--gpt", "--flags=A=14/0/1,B=15/3/0",
        f"--root-a={tmp_path}/good.ext4", f"--root-b={tmp_path}/bad.ext4")
    with bench.VirtualDevice(tmp_path / "disk.img", tmp_path, "arm64",
                             ["-bios", built("qemu_arm64")]) as device:
        device.start()
        assert device.wait_up() == ("1.0.0", "A")
        assert "swb.slot=A swb.boot=1" in device.run("cat /proc/cmdline")
    text = run("cgpt", "show", tmp_path / "disk.img")
    assert "Attr: priority=14 tries=0 successful=1" in text, text
    assert "Attr: priority=15 tries=2 successful=0" in text, text
