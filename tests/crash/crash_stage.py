# SPDX-License-Identifier: Apache-2.0
"""The scenes of `make check-crash`: what is updated, how, and how it ends.

    with Stage(folder, BUILD) as stage:
        scene = stage.scene("full")
"""

import re
import shutil
import subprocess

from crash_scene import Scene
from flow_device import Device
from flow_server import Server, Workshop


def tool(name, *args):
    path = shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin")
    assert path, f"{name} is missing: install gdisk, cgpt and grub-common"
    return subprocess.run([path, *map(str, args)], capture_output=True, text=True, check=True,
                          timeout=60, stdin=subprocess.DEVNULL).stdout


class GptDevice(Device):
    """Boot flags in a partition table."""

    def __init__(self, folder, build):
        super().__init__(folder, build, fake=False, backend="gpt")
        self.disk = folder / "disk.img"
        with self.disk.open("wb") as file:
            file.truncate(1 << 20)
        tool("sgdisk", "-n", "1:40:+64K", "-n", "2:0:+64K", self.disk)
        self.place = f"{self.disk}:1:2"
        self.set("boot", place=self.place)

    def flags(self):
        return {slot: tuple(int(tool("cgpt", "show", "-i", number, option, self.disk))
                            for option in ("-P", "-T", "-S")) for slot, number in (("A", 1), ("B", 2))}


class GrubDevice(Device):
    """Boot flags in two files."""

    def __init__(self, folder, build):
        super().__init__(folder, build, fake=False, backend="grub")
        self.files = [folder / "swb-1.env", folder / "swb-2.env"]
        self.place = ":".join(map(str, self.files))
        self.set("boot", place=self.place)

    def flags(self):
        """Of the newer file that is whole, docs/boot.md."""
        found = {}
        for path in self.files:
            values = dict(re.findall(r"^swb_(\w+)=(\d+)$", path.read_text(), re.M))
            if values.get("begin") is not None and values["begin"] == values.get("end"):
                found[int(values["begin"])] = values
        assert found, "neither file of flags is whole"
        newest = found[next(n for n in found if len(found) == 1 or (n - 1) % 3 in found)]
        return {slot: tuple(int(newest[f"{slot}_{name}"])
                            for name in ("priority", "tries", "successful")) for slot in "AB"}


class UbootDevice(Device):
    """Boot flags in U-Boot's environment."""

    def __init__(self, folder, build):
        super().__init__(folder, build, fake=False)


# name: (kind of device, is a delta, is the new system good)
SCENES = {
    "full": (UbootDevice, False, True),
    "delta": (UbootDevice, True, True),
    "bad": (UbootDevice, False, False),
    "gpt": (GptDevice, True, True),
    "grub": (GrubDevice, True, True),
}


class Stage:
    """Images, payloads and two servers: one has a full payload, the other also a delta."""

    def __init__(self, folder, build):
        self.folder, self.build = folder, build
        self.workshop = Workshop(folder / "workshop", build)
        self.old, self.new = (self.workshop.image(version, n_files=6, size="4M")
                              for version in ("1.0", "1.1"))
        self.servers = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for server in self.servers.values():
            server.stop()

    def server(self, is_delta):
        if is_delta not in self.servers:
            server = Server(self.folder / f"server-{is_delta}", self.build).start()
            self.servers[is_delta] = server
            server.publish(self.workshop.full(self.new, "--profile=chromeos"))
            if is_delta:
                server.publish(self.workshop.delta(self.old, self.new))
        return self.servers[is_delta]

    def scene(self, name):
        """Recorded, ready to be cut."""
        kind, is_delta, is_good = SCENES[name]
        device = kind(self.folder / name, self.build)
        device.connect(self.server(is_delta), self.workshop)
        device.set("health", **{"check.right": f"grep -q VERSION_ID=1.{'' if is_good else '0'} "
                                               f"{device.folder}/os-release"})
        device.factory(image=self.old.path)
        return Scene(device, self.old.read(), self.new.read(), is_good).record()
