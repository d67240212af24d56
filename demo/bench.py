# SPDX-License-Identifier: Apache-2.0
"""The demo's workbench: a folder, the programs, and the processes that run meanwhile."""

import hashlib
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
ENVIRONMENT_BYTES = 0x20000
BUS_CONFIG = """<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="false"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""


class DemoError(Exception):
    """Something did not go as the story says."""


class Bench:
    def __init__(self, build, screen):
        self.build = build
        self.screen = screen
        self.images = build / "demo" / "images"
        self.folder = build / "demo" / "run"
        self.processes = []
        self.short = tempfile.mkdtemp(prefix="swb-demo.")  # for the socket: its path must be short

    def path(self):
        folders = [p.parent for p in (TOP / "src" / "bin").glob("*/main.c")]
        ours = [str(self.build / folder.relative_to(TOP)) for folder in folders]
        return ":".join([*ours, os.environ.get("PATH", "/usr/bin:/bin"), "/usr/sbin", "/sbin"])

    def clear(self):
        """An empty folder, but for what takes long to make and would come out the same."""
        self.made = self.read_made()
        for path in self.folder.glob("*"):
            if path.is_dir() and not path.is_symlink():
                subprocess.run(["chmod", "-R", "u+rwX", path], check=False)
                shutil.rmtree(path)
            elif path.name.split(".")[0] not in {n.split(".")[0] for n in self.made["seconds"]}:
                path.unlink()
        (self.folder / "log").mkdir(parents=True)
        self.write_made()
        for image in self.images.glob("release-*.ext4"):
            (self.folder / image.name).symlink_to(image)

    def read_made(self):
        """What earlier runs made: nothing, if the packer or the images are others now."""
        digest = hashlib.sha256((self.images / "about.json").read_bytes())
        digest.update(pathlib.Path(shutil.which("swb-pack")).read_bytes())
        stamp = digest.hexdigest()
        path = self.folder / "made.json"
        made = json.loads(path.read_text()) if path.exists() else {}
        return made if made.get("stamp") == stamp else \
            {"stamp": stamp, "seconds": {}, "commands": {}}

    def write_made(self):
        (self.folder / "made.json").write_text(json.dumps(self.made))

    def make_once(self, name, command):
        """Runs the command that makes this file, unless an earlier run did. Returns its seconds."""
        kept = self.made["commands"].get(name) == command and (self.folder / name).exists()
        self.screen.command(command + ("  # kept" if kept else ""))
        if not kept:
            start = time.monotonic()
            self.run_with_bar(command)
            self.made["seconds"][name] = time.monotonic() - start
            self.made["commands"][name] = command
            self.write_made()
        return self.made["seconds"][name]

    def run(self, command, show=True, check=True):
        """Runs a command line in the folder as a person would; returns what it printed."""
        if show:
            self.screen.command(command)
        result = subprocess.run(command, shell=True, cwd=self.folder, text=True, check=False,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)
        with (self.folder / "log" / "commands").open("a") as log:
            log.write(f"$ {command}\n{result.stdout}{result.stderr}")
        if check and result.returncode:
            raise DemoError(f"'{command}' failed: {result.stderr.strip()}")
        return result.stdout

    def run_with_bar(self, command):
        """Runs a command that says "STAGE: N %" on standard error while it works."""
        process = subprocess.Popen(command, shell=True, cwd=self.folder, text=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        said = []
        for line in process.stdout:
            progress = re.match(r"(\w+): +(\d+) %$", line)
            if progress:
                self.screen.bar(int(progress.group(2)) / 100, progress.group(1), still=False)
            else:
                said.append(line)
        self.screen.end_bar(erase=True)
        if process.wait():
            raise DemoError(f"'{command}' failed: {''.join(said).strip()}")

    def start(self, name, command, show=True, env=None):
        """Starts a program that stays; its output goes to log/NAME."""
        if show:
            self.screen.command(f"{command} &")
        with (self.folder / "log" / name).open("a") as log:
            process = subprocess.Popen(["/bin/sh", "-c", f"exec {command}"], cwd=self.folder,
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       env={**os.environ, **(env or {})})
        self.processes.append(process)
        return process

    def start_bus(self):
        path = f"{self.short}/bus"
        config = self.folder / "bus.conf"
        config.write_text(BUS_CONFIG.format(socket=path))
        self.start("dbus-daemon", "dbus-daemon --nofork --config-file=bus.conf", show=False)
        self.wait("the message bus", lambda: os.path.exists(path), 10)
        os.environ["DBUS_SYSTEM_BUS_ADDRESS"] = f"unix:path={path}"

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.short, ignore_errors=True)

    def wait(self, what, condition, seconds):
        """Until condition() gives something; returns it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            value = condition()
            if value:
                return value
            for process in self.processes:
                if process.poll() is not None:
                    raise DemoError(f"waiting for {what}: '{process.args[-1]}' has ended "
                                    f"with status {process.returncode}")
            time.sleep(0.05)
        raise DemoError(f"waited {seconds} s for {what}, in vain")

    def history(self):
        """What happened to the device so far."""
        path = self.folder / "device" / "history"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def boots(self):
        return [h for h in self.history() if h["event"] == "booted"]

    def boot_loader_said(self):
        """The boot loader's lines of the last boot."""
        log = (self.folder / "log" / "device").read_text(errors="replace").splitlines()
        last = max(i for i, line in enumerate(log) if " -> booting " in line)
        first = next((i + 1 for i in range(last - 1, -1, -1)
                      if not log[i].startswith(("swb:", "swb-bench-boot:"))), 0)
        return "\n".join(log[first:last + 1])

    def status(self):
        """What `swbctl status --json` says, or None while no engine is there."""
        result = subprocess.run(["swbctl", "status", "--json"], capture_output=True, text=True,
                                check=False, stdin=subprocess.DEVNULL)
        return json.loads(result.stdout) if result.returncode == 0 else None

    def engine_said(self, pattern):
        """The last line of the engine's log that matches, as a match object, or None."""
        log = (self.folder / "log" / "device").read_text(errors="replace")
        matches = list(re.finditer(pattern, log))
        return matches[-1] if matches else None

    def slot_flags(self, slot):
        """(priority, tries, successful) as they are on the medium."""
        result = subprocess.run(["fw_printenv", "-c", "fw_env.config"], cwd=self.folder / "device",
                                capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
        values = dict(line.split("=", 1) for line in result.stdout.splitlines() if "=" in line)
        return tuple(int(values[f"swb_{slot}_{name}"]) for name in ("priority", "tries", "successful"))

    def make_images(self):
        result = subprocess.run([TOP / "demo" / "images", self.images], check=False)
        if result.returncode:
            raise DemoError("the images could not be made (above)")

    def sha256(self, name):
        digest = hashlib.sha256()
        with (self.folder / name).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()

    def size(self, name):
        return (self.folder / name).stat().st_size


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
