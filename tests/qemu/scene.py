# SPDX-License-Identifier: Apache-2.0
"""What an update of the virtual device needs: releases, a server, a configured disk."""

import os
import pathlib
import random
import shutil
import socket
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "demo" / "vm"), str(TOP / "tools")]
os.environ["PATH"] += ":/usr/sbin:/sbin"

MAKE = TOP / "tools" / "make-device"
APP_ID = "0b007ab1-e5de-41ce-8000-5b00757e5700"
SLOT_MIB = 112
BLOB_BYTES = 12 << 20
RATE = "2M"  # so that a download lasts long enough to be cut
DEVICE_CONF = """[device]
app-id = {app_id}

[server]
url = http://10.0.2.2:{port}/v1/update
first-check = 1s
first-check-jitter = 0s
check-interval = 5s
check-jitter = 0s

[boot]
place = /dev/disk/by-partlabel/env:0:0x10000:0x1000
tries = {tries}

[slot.A]
root = /dev/disk/by-partlabel/rootfs-A

[slot.B]
root = /dev/disk/by-partlabel/rootfs-B

[update]
max-rate = {rate}
second-try = {second_try}

[health]
min-uptime = 0s
interval = 1s
check.flags = fw_printenv

[reboot]
command = reboot
windows = always
max-load = 0
delay = 0s

[workers]
fetch = /usr/sbin/swb-fetch
fetch-user = swb-fetch
install = /usr/sbin/swb-install
"""


def run(*command, cwd=None):
    result = subprocess.run([str(word) for word in command], check=False, text=True, cwd=cwd,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)
    assert result.returncode == 0, f"{command[0]}: {result.stdout}"
    return result.stdout


def program(name):
    return pathlib.Path(os.environ["SWB_BUILD"]).resolve() / "src" / "bin" / name / name


def change(old, new, version, write=(), remove=()):
    """Another release: a new version, files that are added or missing."""
    shutil.copyfile(old, new)
    os_release = new.with_name("os-release")
    os_release.write_text(f"ID=device\nVERSION_ID={version}\nSWB_VERSION={version}\n")
    lines = ["rm /etc/os-release", f"write {os_release} /etc/os-release",
             *[f"write {source} {path}" for source, path in write],
             *[f"rm {path}" for path in remove]]
    subprocess.run(["debugfs", "-w", "-f", "-", new], input="\n".join(lines), text=True, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_first_release(folder):
    """release-1.ext4 with the programs of SWB_BUILD, and the key for what follows."""
    run(program("swb-pack"), "keygen", "key", "key.pem", cwd=folder)
    run(MAKE, "root", folder / "release-1.ext4", "--release=1.0.0",
        f"--programs={os.environ['SWB_BUILD']}", f"--size={SLOT_MIB}",
        f"--add={folder}/key.pem=/etc/switchback/keys/key.pem")


def make_second_release(folder):
    """release-2.ext4: one file more, which no delta can shrink."""
    (folder / "blob").write_bytes(random.Random(2).randbytes(BLOB_BYTES))
    change(folder / "release-1.ext4", folder / "release-2.ext4", "2.0.0",
           write=[(folder / "blob", "/usr/share/blob")])


def pack_delta(folder, old, new):
    """delta-NEW."""
    run(program("swb-pack"), "delta", f"release-{old}.ext4", f"release-{new}.ext4",
        f"--output=delta-{new}", f"--app-id={APP_ID}", f"--source-version={old}.0.0",
        f"--target-version={new}.0.0", "--key=key", cwd=folder)


class Server:
    """releases: folder with payloads and key; folder: for its data and its log."""

    def __init__(self, releases, folder):
        self.releases, self.folder = releases, folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = None

    def publish(self, payload, *options):
        run(program("swb-server"), "publish", self.releases / payload, "--channel=stable",
            f"--data={self.folder}/server", f"--public-key={self.releases}/key.pem", *options)

    def start(self):
        with (self.folder / "server.log").open("w") as log:
            self.process = subprocess.Popen(
                [program("swb-server"), "serve", f"--data={self.folder}/server",
                 f"--listen=127.0.0.1:{self.port}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(30)


def make_disk(disk, releases, server, tries, second_try="1d"):
    """A device on release 1 in slot A; slot B is empty."""
    config = disk.with_name("device.conf")
    config.write_text(DEVICE_CONF.format(app_id=APP_ID, port=server.port, rate=RATE, tries=tries,
                                         second_try=second_try))
    run(MAKE, "disk", disk, f"--root-a={releases}/release-1.ext4", f"--slot-size={SLOT_MIB}",
        "--persistent-size=16", f"--add={config}=/device.conf")
