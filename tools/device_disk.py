# SPDX-License-Identifier: Apache-2.0
"""The virtual device's disk: a GPT with environment, boot script, two slots, persistent partition.

Made of files with the ordinary tools; nothing is mounted and nobody needs to be root.
"""

import os
import pathlib
import subprocess
import tempfile

import debian

TOP = pathlib.Path(__file__).resolve().parent.parent
MIB = 1 << 20
ENV_BYTES = 0x1000
ENV_OFFSETS = (0x100000, 0x110000)  # as in boot/u-boot/boards/qemu-*.conf
BOOT_OFFSET, BOOT_BYTES = 2 * MIB, 8 * MIB
SLOTS_OFFSET = BOOT_OFFSET + BOOT_BYTES
TAIL_BYTES = MIB  # for the GPT's second copy
BOARDS = {"x86_64": "qemu-x86", "arm64": "qemu-arm64"}


def quiet(*command, **options):
    result = subprocess.run([str(word) for word in command], text=True, check=False,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, **options)
    if result.returncode:
        debian.die(f"'{command[0]}' failed: {result.stdout.strip()}")
    return result.stdout


def copy_into(disk, offset, source):
    """Puts a file into the disk, leaving holes where it is empty."""
    with source.open("rb") as file:
        while block := file.read(MIB):
            if block.count(0) != len(block):
                disk.seek(offset)
                disk.write(block)
            offset += len(block)


def partitions(disk, slot_bytes, persistent_bytes):
    """Writes the partition table. U-Boot looks for boot.scr on what has attribute 2."""
    sector = 512
    layout = [("env", ENV_OFFSETS[0], MIB), ("boot", BOOT_OFFSET, BOOT_BYTES),
              ("rootfs-A", SLOTS_OFFSET, slot_bytes),
              ("rootfs-B", SLOTS_OFFSET + slot_bytes, slot_bytes),
              ("persistent", SLOTS_OFFSET + 2 * slot_bytes, persistent_bytes)]
    arguments = []
    for number, (name, offset, size) in enumerate(layout, 1):
        first = offset // sector
        arguments += [f"--new={number}:{first}:{first + size // sector - 1}",
                      f"--change-name={number}:{name}"]
    with disk.open("wb") as file:
        file.truncate(layout[-1][1] + persistent_bytes + TAIL_BYTES)
    quiet("sgdisk", "--set-alignment=1", *arguments, "--attributes=2:set:2", disk)
    return {name: offset for name, offset, _ in layout}


def make_boot(image, script):
    """The FAT partition with the boot script."""
    with image.open("wb") as file:
        file.truncate(BOOT_BYTES)
    quiet("mformat", "-i", image, "-v", "BOOT", "-N", "5b00b007", "::")
    quiet("mcopy", "-i", image, script, "::boot.scr")


def make_environment(image, variables):
    text = "".join(f"{name}={value}\n" for name, value in variables.items())
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(text)
        file.flush()
        quiet("mkenvimage", "-r", "-s", ENV_BYTES, "-o", image, file.name)


def make_persistent(image, size, files):
    """An ext4 with a journal; `files`: (source, path in it)."""
    with tempfile.TemporaryDirectory() as folder:
        for source, path in files:
            target = pathlib.Path(folder) / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
        quiet("mke2fs", "-q", "-F", "-t", "ext4", "-L", "persistent", "-E", "root_owner=0:0",
              "-d", folder, image, f"{size // 1024}k")


def flags_of(text):
    """{"swb_A_priority": "15", …} of "A=15/0/1,B=0/0/0"."""
    variables = {}
    for part in text.split(","):
        slot, _, values = part.partition("=")
        values = values.split("/")
        if slot not in ("A", "B") or len(values) != 3:
            debian.die(f"flags '{text}' are not of the form A=PRIORITY/TRIES/SUCCESSFUL,B=…")
        for field, value in zip(("priority", "tries", "successful"), values):
            variables[f"swb_{slot}_{field}"] = value
    return variables


def set_attributes(disk, flags):
    """Flags for the U-Boot command swb_boot, on partitions that cgpt takes for kernels."""
    for slot, part in (("A", 3), ("B", 4)):
        quiet("sgdisk", f"--typecode={part}:7f00", disk)
        quiet("cgpt", "add", "-i", part, "-P", flags[f"swb_{slot}_priority"],
              "-T", flags[f"swb_{slot}_tries"], "-S", flags[f"swb_{slot}_successful"], disk)


def make(disk, arch, roots, flags, slot_bytes, persistent_bytes, files, gpt=False, settings=()):
    """Writes the disk; it appears under its name when it is whole. gpt: the flags are attributes."""
    part = disk.with_name(disk.name + ".part")
    for root in filter(None, roots):
        if root.stat().st_size > slot_bytes:
            debian.die(f"{root} has {root.stat().st_size} bytes, a slot has {slot_bytes}")
    offsets = partitions(part, slot_bytes, persistent_bytes)
    if gpt:
        set_attributes(part, flags)
    with tempfile.TemporaryDirectory(dir=disk.parent) as folder, part.open("r+b") as file:
        scratch = pathlib.Path(folder)
        quiet(TOP / "boot" / "u-boot" / "make-script", BOARDS[arch], scratch / "boot.scr",
              *["--gpt"] * gpt, *[f"--set={setting}" for setting in settings])
        make_boot(scratch / "boot", scratch / "boot.scr")
        make_environment(scratch / "env", flags)
        make_persistent(scratch / "persistent", persistent_bytes, files)
        for offset in () if gpt else ENV_OFFSETS:
            copy_into(file, offset, scratch / "env")
        copy_into(file, offsets["boot"], scratch / "boot")
        copy_into(file, offsets["persistent"], scratch / "persistent")
        for slot, root in zip("AB", roots):
            if root:
                copy_into(file, offsets[f"rootfs-{slot}"], root)
    os.rename(part, disk)
