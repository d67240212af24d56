# SPDX-License-Identifier: Apache-2.0
"""A device on the bench: two slots in files, boot flags, a boot loader, swbd and its workers.

    device = Device(folder, BUILD, bus)
    device.factory("1.0")              slot A holds 1.0, flags as they leave the factory, first boot
    device.offer("1.1")                fake workers: the server has 1.1
    device.start()                     swbd runs
    device.wait_state("updated")
    device.reboot()                    what the reboot command asks for: swbd stopped, next boot, swbd again

With fake workers (the default) a slot is "VERSION=x" and random bytes, and a payload is the slot's
new content. With real ones give fake=False: slots are ext4 images with /etc/os-release in them,
and the server is a real one (flow_server.py).
"""

import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import time
import uuid

from flow_bus import DBusError

HERE = pathlib.Path(__file__).resolve().parent
DEBUGFS = "/sbin/debugfs"
ENV_OFFSETS, ENV_SIZE = (0, 0x10000), 0x1000
WAIT_SECONDS = 60  # of a machine that has other things to do


def clean_environment(**more):
    """Ours without proxies, which loopback traffic must not take."""
    environment = {key: value for key, value in os.environ.items()
                   if not key.lower().endswith("_proxy")}
    environment.pop("JOURNAL_STREAM", None)
    environment.update(more)
    return environment


def is_sanitized(build):
    options = json.loads((build / "meson-info" / "intro-buildoptions.json").read_text())
    return any(option["name"] == "b_sanitize" and option["value"] not in ("none", [], "")
               for option in options)


class Device:
    """One device in one folder."""

    # What differs from the defaults, so that nothing takes minutes.
    CONFIG = {
        "device": {"app-id": "test.switchback", "channel": "stable"},
        "server": {"url": "http://127.0.0.1:9/update", "first-check": "0s", "first-check-jitter": "0s",
                   "check-interval": "1h", "check-jitter": "0s", "max-interval": "4h"},
        "policy": {"min-battery": "0"},
        "reboot": {"automatic": "yes", "windows": "always", "max-load": "0", "delay": "0s"},
        "health": {"min-uptime": "0s", "timeout": "3s", "interval": "1s", "check-timeout": "2s"},
    }

    def __init__(self, folder, build, bus=None, fake=True, backend="uboot"):
        self.folder, self.build, self.bus, self.fake = folder, build, bus, fake
        self.backend, self.swbd = backend, build / "src/bin/swbd/swbd"
        self.process, self.client, self.n_boots = None, None, 0
        self.state_dir, self.keys_dir = folder / "state", folder / "keys"
        self.log_path, self.config_path = folder / "swbd.log", folder / "device.conf"
        self.reboot_flag, self.scenario_path = folder / "reboot-requested", folder / "scenario.json"
        self.scenario = {"offers": []}
        self.config = {section: dict(keys) for section, keys in self.CONFIG.items()}
        folder.mkdir(parents=True, exist_ok=True)
        self.keys_dir.mkdir(exist_ok=True)
        self.place = str(folder / "flags") if backend == "fake" else \
            f"{folder}/env.img:{ENV_OFFSETS[0]}:{ENV_OFFSETS[1]}:{ENV_SIZE}"
        self._set_defaults()

    def _set_defaults(self):
        folder = self.folder
        self.set("device", release_file=folder / "os-release", cmdline_file=folder / "cmdline",
                 boot_id_file=folder / "boot-id", device_id_file=folder / "machine-id",
                 state_dir=self.state_dir, keys_dir=self.keys_dir)
        self.set("slot.A", root=self.slot("A"))
        self.set("slot.B", root=self.slot("B"))
        self.set("boot", backend=self.backend, place=self.place)
        self.set("reboot", command=f"touch {shlex.quote(str(self.reboot_flag))}")
        (folder / "machine-id").write_text(uuid.uuid4().hex + "\n")
        workers = {"fetch": self.program("swb-fetch"), "install": self.program("swb-install")}
        if self.fake:
            for name in workers:
                workers[name] = self._wrap(name, "/usr/bin/python3", "-IS", HERE / "flow_worker.py",
                                           folder, name)
        elif is_sanitized(self.build):
            # A sanitizer's shadow takes more address space than any limit would leave.
            workers["install"] = self._wrap("install", workers["install"], "--memory-limit=0")
        self.set("workers", fetch_user="self", **workers)

    def _wrap(self, name, *command):
        """A program that runs this command with further arguments."""
        path = self.folder / f"run-{name}"
        path.write_text(f"#!/bin/sh\nexec {shlex.join(map(str, command))} \"$@\"\n")
        path.chmod(0o755)
        return path

    # ---- configuration ----

    def set(self, section, **keys):
        """Keys with '_' for '-'; health checks as set("health", **{"check.app": "…"})."""
        self.config.setdefault(section, {}).update(
            {key.replace("_", "-"): str(value) for key, value in keys.items()})

    def write_config(self):
        self.config_path.write_text("".join(
            f"[{section}]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items()) + "\n"
            for section, keys in self.config.items()))

    def program(self, name):
        return self.build / "src" / "bin" / name / name

    def connect(self, server, workshop):
        """To a real server, whose payloads this workshop signs."""
        self.set("server", url=server.url)
        (self.keys_dir / "workshop.pem").write_bytes(workshop.public.read_bytes())

    # ---- slots and flags ----

    def slot(self, name):
        return self.folder / f"{name}.img"

    @staticmethod
    def fake_image(version, n_bytes=300000):
        return f"VERSION={version}\n".encode() + os.urandom(n_bytes)

    def factory(self, version="1.0", image=None, flags=True):
        """A device from the line: slot A good, B empty of any system. image: a real slot image."""
        if image:
            self.slot("A").write_bytes(pathlib.Path(image).read_bytes())
        else:
            self.slot("A").write_bytes(self.fake_image(version))
        with self.slot("B").open("wb") as slot:
            slot.truncate(self.slot("A").stat().st_size)
        if flags:
            self.bench_boot("--init")
        else:
            self.forget_flags()
        self.boot()

    def forget_flags(self):
        """As if nobody had ever written any."""
        if self.backend == "fake":
            (self.folder / "flags").write_bytes(b"")
        else:
            (self.folder / "env.img").write_bytes(b"\xff" * (ENV_OFFSETS[1] + ENV_SIZE))

    def bench_boot(self, *args):
        result = subprocess.run(
            [self.program("swb-bench-boot"), f"--backend={self.backend}", f"--place={self.place}", *args],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=30)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def boot(self):
        """The boot loader's turn. Returns the slot that was started."""
        load = ["--load-command=head -c 8 \"$1\" | grep -q ^VERSION="] if self.fake else []
        line = self.bench_boot(f"--slot=A={self.slot('A')}", f"--slot=B={self.slot('B')}",
                               f"--cmdline={self.folder}/cmdline", *load)
        slot = re.search(r"booting slot (.)", line).group(1)
        (self.folder / "boot-id").write_text(f"{uuid.uuid4()}\n")
        (self.folder / "os-release").write_text(f"ID=test\nVERSION_ID={self.version_in(slot)}\n")
        self.reboot_flag.unlink(missing_ok=True)
        self.n_boots += 1
        self.log_line(f"---- boot {self.n_boots}: {line.strip()}")
        return slot

    def version_in(self, slot):
        """The version of the system in a slot."""
        path = self.slot(slot)
        if self.fake:
            return path.open("rb").readline().decode().strip().removeprefix("VERSION=")
        text = subprocess.run([DEBUGFS, "-R", "cat /etc/os-release", path], capture_output=True,
                              text=True, check=True, timeout=30).stdout
        return re.search(r'^VERSION_ID="?([^"\n]+)', text, re.M).group(1)

    def flags(self):
        """{"A": (priority, tries, successful), "B": …} as they are on the medium."""
        if self.backend == "fake":
            text = pathlib.Path(self.place).read_text()
        else:
            config = self.folder / "fw_env.config"
            config.write_text("".join(f"{self.folder}/env.img {offset:#x} {ENV_SIZE:#x}\n"
                                      for offset in ENV_OFFSETS))
            path = os.environ["PATH"] + ":/sbin:/usr/sbin"
            text = subprocess.run(["fw_printenv", "-c", config], capture_output=True, text=True,
                                  check=True, timeout=30, env={**os.environ, "PATH": path}).stdout
        values = dict(re.findall(r"^(?:swb_)?([AB]_\w+)=(\d+)$", text, re.M))
        return {slot: tuple(int(values[f"{slot}_{name}"])
                            for name in ("priority", "tries", "successful")) for slot in "AB"}

    # ---- swbd ----

    def start(self, *args, wait=True, **environment):
        """Runs swbd; waits until it is on the bus."""
        assert self.process is None, "swbd runs already"
        self.write_config()
        self.write_scenario()
        if self.bus:
            environment["DBUS_SYSTEM_BUS_ADDRESS"] = self.bus.address
        else:
            args = ("--no-bus", *args)
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [self.swbd, f"--config={self.config_path}", "--log-level=debug", *args],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=clean_environment(**environment))
        if self.bus and wait:
            self.client = self.client or self.bus.engine()
            self.wait(self.is_up, "swbd on the bus")
        return self

    def is_up(self):
        assert self.process.poll() is None, f"swbd ended with {self.process.returncode}"
        return self.client.owner() == self.process.pid

    def stop(self):
        """As systemd does it. Returns the exit status."""
        return self._end(signal.SIGTERM)

    def kill(self):
        return self._end(signal.SIGKILL)

    def _end(self, number):
        if self.process is None:
            return None
        self.process.send_signal(number)
        status = self.process.wait(WAIT_SECONDS)
        self.process = None
        return status

    def reboot(self, orderly=True):
        """Waits for the reboot command, then boots. Returns the slot that was started."""
        self.wait(self.reboot_flag.exists, "the reboot command")
        return self.power_cycle() if not orderly else self._restart(self.stop)

    def power_cycle(self):
        """The plug is pulled: everything dies where it is, then the device boots."""
        return self._restart(self.kill)

    def _restart(self, end):
        end()
        slot = self.boot()
        self.start()
        return slot

    def close(self):
        if self.process is not None:
            self.kill()
        if self.client:
            self.client.close()
        self.client = None

    # ---- watching ----

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log_line(self, text):
        with self.log_path.open("a") as log:
            log.write(text + "\n")

    def wait(self, condition, what, seconds=WAIT_SECONDS):
        """Until condition() is true; returns its value."""
        end = time.monotonic() + seconds
        while True:
            try:
                value = condition()
            except DBusError:
                value = None
            if value:
                return value
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(f"swbd ended with {self.process.returncode} while waiting "
                                     f"for {what}:\n{self.log()}")
            if time.monotonic() > end:
                raise AssertionError(f"no {what} in {seconds} s:\n{self.log()}")
            time.sleep(0.02)

    def wait_log(self, pattern, seconds=WAIT_SECONDS):
        return self.wait(lambda: re.search(pattern, self.log()), f"log line '{pattern}'", seconds)

    def wait_state(self, *states, seconds=WAIT_SECONDS):
        return self.wait(lambda: self.get("State") in states and self.get("State"),
                         f"state {' or '.join(states)}", seconds)

    def get(self, name):
        return self.client.get(name)

    def all(self):
        return self.client.all()

    def call(self, method, types="", *arguments):
        return self.client.call(method, types, *arguments)

    def ctl(self, *args, **options):
        """Runs swbctl; returns the finished process."""
        options.setdefault("timeout", WAIT_SECONDS)
        return subprocess.run([self.program("swbctl"), *args], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False,
                              env=clean_environment(DBUS_SYSTEM_BUS_ADDRESS=self.bus.address),
                              **options)

    # ---- fake workers ----

    def offer(self, version, delta=False, n_bytes=300000, image=None, **extra):
        """The fake server has this version from now on; newest first. Returns the payload's bytes."""
        data = self.fake_image(version, n_bytes) if image is None else image
        path = self.folder / f"payload-{version}-{'delta' if delta else 'full'}"
        path.write_bytes(data)
        self.scenario["offers"].insert(0, {"version": version, "payload": str(path), "delta": delta,
                                           "extra": extra})
        self.write_scenario()
        return data

    def steps(self, name, *steps):
        """What the next calls of check, get, report or install do (see flow_worker.py)."""
        self.scenario[name] = [{}] * len(self.calls(name)) + list(steps)
        self.write_scenario()

    def write_scenario(self):
        temporary = self.scenario_path.with_suffix(".tmp")
        temporary.write_text(json.dumps(self.scenario))
        temporary.rename(self.scenario_path)

    def calls(self, name=None):
        """[{"name", "args", "pid"}] of the fake workers so far."""
        path = self.folder / "calls.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [call for call in map(json.loads, lines) if name in (None, call["name"])]

    def applied(self):
        """Bytes of the payload that the fake installer is done with."""
        path = self.state_dir / "install" / "fake-checkpoint"
        return int(path.read_text().split()[1]) if path.exists() else 0

    def installed_bytes(self):
        """Bytes of the payload up to where the real installer would go on; 0 before the first operation
        is durable."""
        path = self.state_dir / "install" / "checkpoint"
        if not path.exists():
            return 0
        fields = dict(line.split("=", 1) for line in path.read_text().splitlines())
        return int(fields["OFFSET"]) if int(fields["OPERATION"]) else 0

    def events(self):
        """Reported events, each as its fields: type, result, code, previous, next, slot, fault, text."""
        path = self.folder / "events.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        return [tuple(line.split(":", 7)) for line in lines]

    def wait_event(self, type_, result, fault=""):
        def find():
            return [event for event in self.events()
                    if event[:2] == (str(type_), str(result)) and event[6] == fault]
        return self.wait(find, f"event {type_}/{result} {fault}")[0]
