# SPDX-License-Identifier: Apache-2.0
"""boot/grub/switchback.cfg in grub-emu (GRUB as a process, with its own FAT driver on an image), and our back
end on the same files."""

import os
import pathlib
import random
import re
import shutil
import subprocess

import pytest

TOP = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = TOP / "boot" / "grub" / "switchback.cfg"
FILES = ("swb-1.env", "swb-2.env")
NAMES = ("priority", "tries", "successful")
# What stands for starting a kernel here: a file good-A or good-B on the disk.
CONFIG = """
set swb_env=(hd0)/grub
set swb_pause=0
function swb_start {
  if [ -f (hd0)/good-$1 ]; then
    echo "@started $1 boot $swb_counts recovery $swb_recovery@"
    exit
  fi
}
source (hd0)/grub/switchback.cfg.head
swb_boot
"""


def tool(name, *args, **options):
    path = shutil.which(name, path=os.environ["PATH"] + ":/sbin:/usr/sbin")
    assert path, f"{name} is missing: install grub-emu, grub-common and mtools"
    options.setdefault("check", True)
    return subprocess.run([path, *map(str, args)], capture_output=True, timeout=30,
                          stdin=subprocess.DEVNULL, **options)


class Machine:
    """A disk with a FAT partition of its own, as GRUB sees it."""

    def __init__(self, program, folder):
        self.program, self.folder, self.image = program, folder, folder / "esp.img"
        with self.image.open("wb") as file:
            file.truncate(1 << 20)
        tool("mformat", "-i", self.image, "-T", 2048, "::")
        tool("mmd", "-i", self.image, "::grub")
        text = SCRIPT.read_text()
        start = text.index("# Comes back only when the slot")
        end = text.index("function swb_boot")
        (folder / "head").write_text(text[:start] + text[end:])  # all but swb_start
        self.copy(folder / "head", "grub/switchback.cfg.head")
        self.copy(SCRIPT, "grub/switchback.cfg")
        (folder / "grub").mkdir()
        (folder / "grub" / "grub.cfg").write_text(CONFIG)
        (folder / "device.map").write_text(f"(hd0) {self.image}\n")
        self.set_good("AB")

    def copy(self, path, name):
        tool("mcopy", "-o", "-i", self.image, path, f"::{name}")

    def set_good(self, slots):
        for slot in "AB":
            tool("mdel", "-i", self.image, f"::good-{slot}", check=False)
            if slot in slots:
                (self.folder / "good").write_bytes(b"")
                self.copy(self.folder / "good", f"good-{slot}")

    def write(self, name, data):
        (self.folder / name).write_bytes(data)
        self.copy(self.folder / name, f"grub/{name}")

    def read(self, name):
        return tool("mtype", "-i", self.image, f"::grub/{name}").stdout

    def place(self):
        return f"{self.folder}/swb-1.env:{self.folder}/swb-2.env"

    def pull(self):
        """The files as user space would find them."""
        for name in FILES:
            (self.folder / name).write_bytes(self.read(name))

    def push(self):
        for name in FILES:
            self.copy(self.folder / name, f"grub/{name}")

    def init(self):
        result = self.program("swb-bench-boot", "--backend=grub", f"--place={self.place()}", "--init")
        assert result.returncode == 0, result.stderr
        self.push()

    def set(self, flags):
        """{"A": (priority, tries, successful), …} in both files, by GRUB's own tool."""
        for number, name in enumerate(FILES):
            (self.folder / name).unlink(missing_ok=True)
            tool("grub-editenv", self.folder / name, "create")
            tool("grub-editenv", self.folder / name, "set", f"swb_begin={number}",
                 *(f"swb_{slot}_{key}={value}" for slot in "AB" for key, value in zip(NAMES, flags[slot])),
                 f"swb_end={number}")
        self.push()

    def flags(self):
        """Of the newer file, as a bench boot loader reads them: our back end."""
        self.pull()
        result = self.bench()
        return parse(result)

    def bench(self, backend="grub", place=None, good="AB"):
        images = []
        for slot in "AB":
            path = self.folder / f"{slot}.img"
            path.write_bytes(b"good" if slot in good else b"bad!")
            images.append(f"--slot={slot}={path}")
        result = self.program("swb-bench-boot", f"--backend={backend}", f"--place={place or self.place()}",
                              *images, "--load-command=grep -q good")
        return result.stdout.decode()

    def boot(self):
        """(slot, swb.boot, recovery) or None when no slot could be started."""
        result = tool("grub-emu", "-d", self.folder / "grub", "-m", self.folder / "device.map", "-r", "host",
                      check=False, env={**os.environ, "TERM": "dumb"})
        match = re.search(rb"@started (.) boot (\d) recovery (\d)@", result.stdout)
        assert match or b"no slot can be started" in result.stdout, result.stdout
        return (match[1].decode(), int(match[2]), int(match[3])) if match else None


def parse(line):
    match = re.search(r"A (\d+)/(\d+)/(\d) B (\d+)/(\d+)/(\d)", line)
    numbers = tuple(map(int, match.groups()))
    return {"A": numbers[:3], "B": numbers[3:]}


@pytest.fixture
def machine(program, tmp_path):
    made = Machine(program, tmp_path)
    made.init()
    return made


def test_the_script_is_one_that_grub_reads():
    for shell in (SCRIPT,):
        result = tool("grub-script-check", shell, check=False)
        assert b"syntax" not in result.stderr.lower() and b"error" not in result.stderr.lower()


def test_a_bad_update_falls_back(machine):
    assert machine.boot() == ("A", 1, 0)
    machine.set({"A": (14, 0, 1), "B": (15, 3, 0)})
    assert [machine.boot() for _ in range(4)] == [("B", 1, 0)] * 3 + [("A", 1, 0)]
    assert machine.flags() == {"A": (14, 0, 1), "B": (15, 0, 0)}


def test_a_kernel_that_can_not_be_loaded_counts_as_a_try(machine):
    machine.set({"A": (14, 0, 1), "B": (15, 3, 0)})
    machine.set_good("A")
    assert machine.boot() == ("A", 1, 0)
    assert machine.flags()["B"] == (15, 2, 0)
    machine.set_good("")
    assert machine.boot() is None
    machine.set_good("B")
    machine.set({"A": (14, 0, 1), "B": (3, 0, 0)})
    assert machine.boot() == ("B", 1, 1)


def test_files_are_written_in_turn_where_they_lie(machine):
    machine.set({"A": (14, 0, 1), "B": (15, 9, 0)})
    for _ in range(5):
        before = [machine.read(name) for name in FILES]
        machine.boot()
        after = [machine.read(name) for name in FILES]
        assert sum(a != b for a, b in zip(before, after)) == 1
        assert all(len(data) == 1024 for data in after)
    assert machine.flags()["B"] == (15, 4, 0)


@pytest.mark.parametrize("index", [0, 1])
def test_a_copy_that_is_cut_is_not_taken(machine, index):
    machine.set({"A": (14, 0, 1), "B": (15, 5, 0)})
    whole = machine.read(FILES[index])
    for spoilt in (whole.replace(b"swb_end=", b"swb_enx="), b"\0" * 1024, b"", whole[:200].ljust(1024, b"#"),
                   whole.replace(b"swb_B_tries=5", b"swb_B_tries=7").replace(b"swb_end=%d" % index, b"swb_end=2")):
        machine.set({"A": (14, 0, 1), "B": (15, 5, 0)})
        machine.write(FILES[index], spoilt)
        assert machine.flags()["B"] == (15, 5, 0)
        machine.set({"A": (14, 0, 1), "B": (15, 5, 0)})
        machine.write(FILES[index], spoilt)
        machine.boot()
        assert machine.flags()["B"][:2] in ((15, 4), (15, 5)), "5: GRUB can't write to an empty file"


def test_where_nothing_can_be_stored_only_good_slots_start(machine):
    machine.set({"A": (14, 0, 1), "B": (15, 3, 0)})
    tool("mdel", "-i", machine.image, "::grub/swb-1.env")  # the older one: the next to be written
    assert machine.boot() == ("A", 0, 0)
    tool("mdel", "-i", machine.image, "::grub/swb-2.env")
    assert machine.boot() == ("A", 0, 1)
    for name in FILES:
        machine.write(name, b"# GRUB Environment Block\n".ljust(1024, b"#"))
    assert machine.boot() == ("A", 1, 0)
    assert machine.flags() == {"A": (2, 2, 0), "B": (1, 3, 0)}


def test_it_decides_as_the_contract_has_it(machine):
    """Against the other implementation of the contract, on drawn flags."""
    source = random.Random(7)
    fake = machine.folder / "fake"
    for _ in range(24):
        flags = {slot: (source.choice((0, 1, 14, 15)), source.choice((0, 1, 2, 10, 15)),
                        source.randrange(2)) for slot in "AB"}
        good = source.choice(("AB", "AB", "A", "B"))
        fake.write_text("".join(f"swb_{slot}_{key}={value}\n" for slot in "AB"
                                for key, value in zip(NAMES, flags[slot])))
        line = machine.bench("fake", fake, good)
        machine.set(flags)
        machine.set_good(good)
        started = machine.boot()
        slot = re.search(r"booting slot (.)", line)[1]
        assert started and started[0] == slot and started[2] == ("recovery" in line), (flags, good, line)
        assert machine.flags() == parse(machine.bench("fake", fake)), (flags, good)


def test_the_real_swb_start_asks_for_the_right_kernel(machine):
    """Up to GRUB's own complaint: there is no such device here."""
    (machine.folder / "grub" / "grub.cfg").write_text("""
set swb_env=(hd0)/grub
set swb_pause=0
set swb_A=(hd0,gpt3)
set swb_B=(hd0,gpt4)
set swb_kernel=/boot/vmlinuz
source (hd0)/grub/switchback.cfg
swb_boot
""")
    result = tool("grub-emu", "-d", machine.folder / "grub", "-m", machine.folder / "device.map", "-r", "host",
                      check=False, env={**os.environ, "TERM": "dumb"})
    assert b"slot A, recovery 0, tries honoured 1" in result.stdout
    assert b"slot B, recovery 1" in result.stdout and b"no slot can be started" in result.stdout
