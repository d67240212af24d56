# SPDX-License-Identifier: Apache-2.0
"""One device of the playground: its folder, its bus, its power, and the person in front of it."""

import json
import os
import pathlib
import signal
import subprocess

from bench import BUS_CONFIG, TOP
from device_conf import device_conf
from play.releases import APP_ID


class Device:
    def __init__(self, bench, name, rate):
        self.bench = bench
        self.name = name
        self.rate = rate
        self.folder = bench.folder / name
        self.call = None  # a process that inhibits while it lives
        self.bus = pathlib.Path(bench.short) / name
        self.environment = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.bus}"}

    def lay_out(self, image):
        """A device as it leaves the factory: `image` in slot A, nothing in slot B."""
        (self.folder / "keys").mkdir(parents=True)
        (self.folder / "state").mkdir()
        (self.folder / "device-id").write_text(f"{self.name}\n")
        run = self.bench.run
        run(f"cp --sparse=always {image.name} {self.name}/slot-a.img", show=False)
        run(f"truncate -s $(stat -c %s {self.name}/slot-a.img) {self.name}/slot-b.img", show=False)
        run(f"swb-bench-boot --place={self.name}/uboot.env:0:0x10000:0x10000 --init", show=False)
        run(f"cp release.pem {self.name}/keys/", show=False)
        (self.folder / "device.conf").write_text(device_conf(
            self.bench, self.folder, APP_ID, self.rate, ("app", self.folder / "root/usr/bin/app"),
            interval="3s", jitter="1s", reboot_delay="2s"))
        (self.folder / "bus.conf").write_text(BUS_CONFIG.format(socket=self.bus))

    def power_on(self):
        self.bench.start(f"{self.name}.bus", f"dbus-daemon --nofork --config-file={self.name}/bus.conf",
                         show=False)
        self.bench.wait("the message bus", self.bus.exists, 10)
        self.bench.start(self.name, f"{TOP}/demo/device {self.name}", show=False, env=self.environment)

    def pull_plug(self):
        """The engine and its workers die at once; the device boots again by itself."""
        try:
            os.killpg(int((self.folder / "swbd.pid").read_text()), signal.SIGKILL)
            return True
        except (OSError, ValueError):
            return False

    def ctl(self, *args, seconds=20):
        """What swbctl says on this device: (exit status, text)."""
        result = subprocess.run(["swbctl", *args], env={**os.environ, **self.environment}, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, timeout=seconds, check=False)
        return result.returncode, result.stdout.strip()

    def begin_call(self):
        if self.in_call():
            return
        self.bench.wait(f"the engine of {self.name}", self.status, 30)
        self.call = subprocess.Popen(
            ["swbctl", "inhibit", "--who=room", "--why=a call", "--gates=download:install:reboot", "sleep", "3600"],
            env={**os.environ, **self.environment}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end_call(self):
        if not self.in_call():
            return
        self.call.terminate()
        self.call.wait(10)
        self.call = None

    def in_call(self):
        return self.call is not None and self.call.poll() is None

    def history(self):
        path = self.folder / "history"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def status(self):
        """`swbctl status --json`, or None while there is no engine."""
        code, text = self.ctl("status", "--json")
        return json.loads(text) if code == 0 else None

    def row(self):
        """What a person who walks past would see: (slot, release, state, remark)."""
        booted = [h for h in self.history() if h["event"] == "booted"]
        slot, release = (booted[-1]["slot"], booted[-1]["release"]) if booted else ("-", "-")
        status = self.status()
        state = status["state"] if status else "booting"
        remarks = ["in a call"] if self.in_call() else []
        if status and state in ("downloading", "verifying"):
            remarks.append(f"{100 * status['progress']:.0f} %")
        if status and status["failed_versions"]:
            remarks.append("left " + ", ".join(status["failed_versions"]))
        return slot, release, state, ", ".join(remarks)
