# SPDX-License-Identifier: Apache-2.0
"""An update that is cut: recorded once, point by point, then continued from each state that a cut
at one of its points may leave."""

import random
import re
import shutil

from crash_files import Files
from crash_log import make_log, read_log, was_killed
from flow_device import is_sanitized

# The ways to be cut.
DROPPED, KEPT, TORN, RESTARTED, KILLED = "dropped", "kept", "torn", "restarted", "killed"
POWER_CUTS = {DROPPED: False, KEPT: True, TORN: None}

WORKERS = ("swb-fetch", "swb-install")
# Not part of what the programs work on.
OURS = re.compile(r"(swbd\.log|run-.*|crash\.log|device\.conf|scenario.*|fw_env\.config)$")
LATER = "events not reported, trying again after the next check"
BAD_WORDS = re.compile(r"set aside|not used|not stored|no checkpoints|AddressSanitizer|runtime error")


class Wrong(Exception):
    """What must not happen did."""


class Part:
    """From a boot to the next: the files at its start and the points in it."""

    def __init__(self, is_first, files, points):
        self.is_first, self.files, self.points = is_first, files, points
        self.start = files.after_cut(True)

    def states(self):
        """Before each point: (its number, the files, what was surely done by then)."""
        done = 0
        for number, point in enumerate(self.points):
            done = None if done is None or not self.is_first else self.promise(done)
            yield number, self.files, done
            self.files.apply(point)

    def done_before(self, point):
        for number, _, done in self.states():
            if self.points[number].program == point.program and \
                    self.points[number].number >= point.number:
                return done
        return 0

    def promise(self, done):
        """Byte of the payload up to which it is surely in the slot; None: it is installed."""
        if b"PHASE=installed" in self.files.synced("state/engine.state"):
            return None
        fields = dict(re.findall(rb"^(\w+)=(\d+)$", self.files.synced("state/install/checkpoint"), re.M))
        return max(done, int(fields[b"OFFSET"]) if int(fields.get(b"OPERATION", 0)) else 0)


class Scene:
    """One device, one server, one update."""

    def __init__(self, device, old, new, is_good=True):
        """device: made at the factory, with `old` in slot A; new: bytes of the image that it is to
        get; is_good=False: that fails its health check, so the device goes back."""
        self.device, self.old, self.new, self.is_good = device, old, new, is_good
        self.points_dir = device.build / "tests" / "crash"
        self.log = device.folder / "crash.log"
        self.plain = dict(device.config["workers"])
        self.parts, self.log_at = [], 0

    # ---- the programs ----

    def use_points(self, kill=""):
        """The next start is of programs with crash points."""
        make_log(self.log)
        environment = {"SWB_CRASH_ROOT": str(self.device.folder), "SWB_CRASH_LOG": str(self.log),
                       "SWB_CRASH_KILL": kill}
        self.device.swbd = self.points_dir / "swbd"
        settings = [f"{key}={value}" for key, value in environment.items()]
        install = [self.points_dir / "swb-install", "--memory-limit=0", "--checkpoint-interval=1"]
        self.device.set(
            "workers",
            fetch=self.device._wrap("fetch", "/usr/bin/env", *settings, self.points_dir / "swb-fetch"),
            install=self.device._wrap("install", "/usr/bin/env", *settings, *install))
        return environment

    def use_plain(self):
        self.device.set("server", check_interval="1h")
        self.device.swbd = self.device.program("swbd")
        self.device.config["workers"].update(self.plain)
        if is_sanitized(self.device.build):
            install = self.device.program("swb-install")
            self.device.set("workers", install=self.device._wrap("install", install, "--memory-limit=0"))

    # ---- the recording ----

    def is_ours(self, path):
        return not OURS.match(path)

    def record(self):
        """Runs the update from the factory to its end."""
        while not self.is_over():
            environment = self.use_points()
            files = Files(self.device.folder, self.is_ours)
            self.device.start(**environment)
            self.device.wait(lambda: self.device.reboot_flag.exists() or self.is_over(),
                             "the reboot command, or the end")
            self.device.stop()
            self.parts.append(Part(not self.parts, files, read_log(self.log)))
            if not self.is_over():
                self.check_slot(self.device.boot())
        self.check_words()
        return self

    def n_points(self):
        return sum(len(part.points) for part in self.parts)

    # ---- the end ----

    def state(self):
        path = self.device.state_dir / "engine.state"
        return path.read_text() if path.exists() else ""

    def slot(self):
        """That runs."""
        return re.search(r"swb\.slot=(.)", (self.device.folder / "cmdline").read_text()).group(1)

    def is_over(self):
        """The update is done, or the device has gone back, and the server knows."""
        state = self.state()
        if re.search(r"^PENDING=", state, re.M) or "LAST_CHECK" not in state:
            return False
        if "EVENT_0=" in state and LATER not in self.new_log():
            return False
        if self.is_good:
            return self.slot() == "B" and self.device.flags()["B"][2] == 1
        return self.slot() == "A" and "FAILED_0=" in state and self.device.flags()["B"] == (0, 0, 0)

    def drive(self):
        """To the end, whatever reboots that takes."""
        device = self.device
        while not self.is_over():
            if device.process is None:
                device.start()
            device.wait(lambda: device.reboot_flag.exists() or self.is_over(),
                        "the reboot command, or the end")
            if device.reboot_flag.exists() and not self.is_over():
                device.stop()
                self.check_slot(device.boot())
        device.stop()

    # ---- what must hold ----

    def image(self, slot):
        return self.old if slot == "A" else self.new

    def check_slot(self, slot):
        if self.device.slot(slot).read_bytes() != self.image(slot):
            raise Wrong(f"slot {slot} was booted and is not a whole release")

    def check_candidates(self):
        """What the boot loader may try is a whole release."""
        for slot, (priority, tries, successful) in self.device.flags().items():
            if priority and (tries or successful):
                self.check_slot(slot)

    def check_words(self):
        text = self.new_log()
        found = BAD_WORDS.search(text)
        if found:
            raise Wrong(f"'{found.group()}' in the log:\n{text}")

    def new_log(self):
        return self.device.log()[self.log_at:]

    def check_nothing_lost(self, done):
        """done: as Part.promise() says."""
        text = self.new_log()
        if "-> downloading" not in text:
            return
        resumed = re.search(r"resuming at byte (\d+)", text)
        if done is None or (done and (not resumed or int(resumed.group(1)) < done)):
            raise Wrong(f"verified was {done}, resumed at {resumed and resumed.group(1)}:\n{text}")

    # ---- the cuts ----

    def put(self, files):
        """The folder holds exactly these files of the update."""
        folder = self.device.folder
        for path in folder.iterdir():
            if not self.is_ours(path.name) or path.name in ("A.img", "keys"):
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for path, data in sorted(files.items()):
            if data is None:
                (folder / path).mkdir(exist_ok=True)
            elif path != "A.img" and not path.startswith("keys/"):
                (folder / path).write_bytes(data)

    def begin(self, files):
        self.put(files)
        self.device.reboot_flag.unlink(missing_ok=True)
        self.log_at = len(self.device.log())

    def check_end(self, done):
        self.check_slot("A")
        if self.is_good:
            self.check_slot("B")
        self.check_words()
        self.check_nothing_lost(done)

    def cut(self, files, way, done, seed):
        """Goes on after a cut, to the end. Raises what is wrong."""
        self.begin(files.after_cut(POWER_CUTS.get(way, True), random.Random(seed)))
        self.use_plain()
        try:
            self.check_candidates()
            if way in POWER_CUTS:
                self.check_slot(self.device.boot())
            self.drive()
            self.check_end(done)
        finally:
            self.device.kill()

    def kill(self, part, point):
        """Runs the part again; the worker dies before this point. Return: whether it came to it."""
        self.begin(part.start)
        environment = self.use_points(f"{point.program}:{point.number}")
        self.device.set("server", check_interval="2s")  # what a lost check would have begun
        files = Files(self.device.folder, self.is_ours)
        try:
            self.device.start(**environment)
            self.drive()
            again = Part(part.is_first, files, read_log(self.log))
            self.check_end(again.done_before(point) if point.program == "swb-install" else 0)
        finally:
            self.device.kill()
        return was_killed(self.log)
