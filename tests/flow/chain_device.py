# SPDX-License-Identifier: Apache-2.0
"""A device with the real programs, real images in its slots, and a server to ask."""

import contextlib
import json
import os
import pathlib
import shlex
import signal
import uuid

from chain_images import sha256
from flow_device import Device


def is_sanitized(build):
    """Address sanitizer reserves terabytes of address space: no limit can be set then."""
    options = json.loads((build / "meson-info/intro-buildoptions.json").read_text())
    return any(o["name"] == "b_sanitize" and o["value"] != "none" for o in options)


class ChainDevice(Device):
    """Its workers are the real ones, with options that save time."""

    def __init__(self, folder, build, bus, releases, url):
        super().__init__(folder, build, bus, fake=False)
        self.releases, self.load_command = releases, None
        self.set("server", url=f"{url}/update", check_interval="2s")
        (self.keys_dir / "release.pem").write_bytes(releases.public_key.read_bytes())
        self.set_workers()

    def set_workers(self, install_prefix=":", get_options="--retry-wait=1s --retries=2"):
        """install_prefix: a line of shell before swb-install starts."""
        self.set("workers", **{
            "fetch": self.script("fetch", f"""
                verb=$1; shift
                [ $verb != get ] || set -- {get_options} "$@"
                exec {shlex.quote(str(self.program("swb-fetch")))} $verb "$@"
                """),
            "install": self.script("install", f"""
                {install_prefix}
                exec {shlex.quote(str(self.program("swb-install")))} {self.install_options()} "$@"
                """)})

    def install_options(self):
        return "--memory-limit=0" if is_sanitized(self.build) else ""

    def script(self, name, text):
        path = self.folder / f"worker-{name}"
        path.write_text(f"#!/bin/sh\n{text}")
        path.chmod(0o755)
        return path

    # ---- life ----

    @property
    def id(self):
        return (self.folder / "machine-id").read_text().strip()

    def factory(self, version="1.0", image=None, flags=True):
        super().factory(image=image or self.releases.image(version), flags=flags)

    def renew(self):
        """Another device from the line: slot A stays, which holds 1.0 and was never written."""
        for path in self.state_dir.rglob("*"):
            if path.is_file():
                path.unlink()
        (self.folder / "machine-id").write_text(uuid.uuid4().hex + "\n")
        with self.slot("B").open("wb") as slot:
            slot.truncate(self.slot("A").stat().st_size)
        (self.folder / "env.img").unlink()
        self.bench_boot("--init")
        self.boot()

    def bench_boot(self, *args):
        if self.load_command and "--init" not in args:
            args = (*args, f"--load-command={self.load_command}")
        return super().bench_boot(*args)

    # ---- the outside ----

    def slot_sha(self, slot):
        return sha256(self.slot(slot))

    def is_on(self, version):
        """The new system runs and is confirmed."""
        status = self.all()
        return status["State"] == "idle" and status["CurrentVersion"] == version

    def see_through(self, version, seconds=120, hurry=True):
        """Reboots when asked to, until this version runs and is confirmed. hurry: does not wait for the
        pause after a failed attempt."""
        def step():
            if self.reboot_flag.exists():
                self._restart(self.stop)
            elif hurry and self.get("State") == "available":
                self.call("Install")
            return self.is_on(version)
        self.wait(step, f"version {version}", seconds)

    # ---- violence ----

    def children(self):
        """[(pid, program)] of swbd's workers right now."""
        found, pid = [], self.process.pid
        for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            try:
                found.append((int(child), os.path.basename(os.readlink(f"/proc/{child}/exe"))))
            except OSError:
                pass  # gone meanwhile
        return found

    @contextlib.contextmanager
    def _frozen(self):
        """swbd stands still, so none of its children's numbers can become somebody else's."""
        pid = self.process.pid
        os.kill(pid, signal.SIGSTOP)
        os.waitid(os.P_PID, pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        yield
        os.kill(pid, signal.SIGCONT)

    def kill_worker(self, program):
        """kill -9 of one worker; False when there is none of it."""
        with self._frozen():
            pids = [pid for pid, name in self.children() if name == program]
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
        return bool(pids)

    def plug_out(self):
        """Everything dies where it is."""
        with self._frozen():
            for pid, _ in self.children():
                os.kill(pid, signal.SIGKILL)
            os.kill(self.process.pid, signal.SIGKILL)
        self.kill()
