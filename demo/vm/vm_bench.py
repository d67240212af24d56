# SPDX-License-Identifier: Apache-2.0
"""The workbench of the demo in a virtual device: its releases, its server, the device."""

import hashlib
import json
import os
import pathlib
import shutil
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "demo"), str(TOP / "demo" / "vm"), str(TOP / "tools")]
import device_disk
import device_root
from bench import Bench, DemoError
from virtual_device import DeviceError, VirtualDevice

# Debian compresses its kernel for one of them only.
SLOT_MIB = {"x86_64": 128, "arm64": 160}
# Beside what the device needs: something that has changed since Debian's last point release.
FURTHER = "git libcrypt1 libcurl3-gnutls libpython3.11-minimal perl-base python3.11-minimal".split()
# Release -> which packages, what is left out, its time.
RELEASES = {1: ("oldest", [], 1735689600), 2: ("newest", [], 1767225600),
            3: ("newest", ["/usr/sbin/init"], 1767830400)}
BOOT_LOADER_SAYS = ("U-Boot 20", "Switchback:")


class VmBench(Bench):
    def __init__(self, build, screen, arch="x86_64"):
        super().__init__(build, screen)
        self.arch = arch
        self.slot_mib = SLOT_MIB[arch]
        self.programs = build if arch == "x86_64" else build.with_name(f"{build.name}-{arch}")
        self.images = build / "demo" / f"vm-images-{arch}"
        self.folder = build / "demo" / f"vm-{arch}"
        self.device = None

    def stamp(self):
        """Of everything that the images are made of, but for the archive's packages."""
        names = ("tools/device_root.py", "tools/make-device", "tools/mkimage", "demo/vm/vm_bench.py")
        files = [TOP / name for name in names]
        files += [p for p in sorted(device_root.GUEST.rglob("*")) if p.is_file()]
        files += [self.programs / "src/bin" / n / n for n in ("swbd", "swb-fetch", "swb-install", "swbctl")]
        digest = hashlib.sha256()
        for path in files:
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def make_images(self):
        """The three releases, with the key that their updates are signed with."""
        about = self.images / "about.json"
        if about.exists() and json.loads(about.read_text())["stamp"] == self.stamp():
            return
        shutil.rmtree(self.images, ignore_errors=True)
        self.images.mkdir(parents=True)
        self.run_in(self.images, "swb-pack keygen release.key release.pem")
        for number, (age, absent, epoch) in RELEASES.items():
            self.screen.bar((number - 1) / len(RELEASES), f"release {number}", still=False)
            self.run_in(self.images, f"make-device root release-{number}.ext4 "
                        f"--arch={self.arch} --release={number}.0.0 --age={age} --programs={self.programs} "
                        f"--epoch={epoch} --size={self.slot_mib} "
                        "--add=release.pem=/etc/switchback/keys/release.pem "
                        + " ".join([*[f"--package={name}" for name in FURTHER],
                                    *[f"--remove={path}" for path in absent]]))
        self.screen.end_bar(erase=True)
        about.write_text(json.dumps({"stamp": self.stamp()}) + "\n")

    def path(self):
        return f"{super().path()}:{TOP}/tools"

    def clear(self):
        super().clear()
        for name in ("release.key", "release.pem"):
            (self.folder / name).symlink_to(self.images / name)

    def run_in(self, folder, command):
        folder, self.folder = self.folder, folder
        try:
            (self.folder / "log").mkdir(exist_ok=True)
            self.run(command, show=False)
        finally:
            self.folder = folder

    def plug_in(self):
        """Starts the device, or starts it again."""
        if not self.device:
            self.device = VirtualDevice(self.folder / "device.img", self.folder / "log",
                                       self.arch)
        self.device.start()

    def wait_up(self):
        """Until it is up. Returns (release, slot), and what U-Boot said about the choice."""
        begin = self.device.seen
        found = self.device.wait_up()
        said = self.device.console()[begin:self.device.seen].splitlines()
        return found, [line for line in said if line.startswith(BOOT_LOADER_SAYS)]

    def status(self):
        """What `swbctl status --json` says in the device, or None while no engine is there."""
        text = self.device.run("swbctl status --json 2>/dev/null", check=False)
        return json.loads(text) if text.strip() else None

    def watch(self, until, seconds=240):
        """Shows the progress of an install until until(status) is true. Returns that status."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status = self.status()
            if status and status["state"] in ("downloading", "verifying"):
                self.screen.bar(status["progress"], f"{status['state']}  {status['bytes_done'] >> 10} "
                                                    f"of {status['bytes_total'] >> 10} KiB")
            if status and until(status):
                self.screen.end_bar()
                return status
            time.sleep(0.2)
        raise DemoError(f"the install did not come so far in {seconds} s")

    def slot_is(self, slot, image):
        """Whether the slot on the disk holds this image, byte by byte."""
        left = self.size(image)
        with (self.folder / "device.img").open("rb") as disk, (self.folder / image).open("rb") as file:
            disk.seek(device_disk.SLOTS_OFFSET +
                      "AB".index(slot) * self.slot_mib * device_disk.MIB)
            while left and (block := file.read(min(device_disk.MIB, left))) == disk.read(len(block)):
                left -= len(block)
        return left == 0

    def stop(self):
        if self.device:
            self.device.stop()
        super().stop()
