# SPDX-License-Identifier: Apache-2.0
"""A device that is a QEMU process: Debian's U-Boot, a disk of tools/make-device, a real network.

Inside, 10.0.2.2 is the host's 127.0.0.1. A reboot of the device is a reset inside the same process;
cut_power() kills the process, and start() is plugging in again.
"""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

# TCG, always: where KVM is there but emulated, U-Boot's first instructions fail on it.
MACHINES = {
    "x86_64": ["qemu-system-x86_64", "-M", "pc", "-cpu", "max",
               "-bios", "/usr/lib/u-boot/qemu-x86/u-boot.rom"],
    "arm64": ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a57",
              "-bios", "/usr/lib/u-boot/qemu_arm64/u-boot.bin"],
}
COMMON = ["-accel", "tcg", "-m", "512", "-display", "none", "-nodefaults", "-no-user-config",
          "-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile=",
          "-device", "virtio-rng-pci", "-device", "virtio-serial-pci"]
POLL_SECONDS = 0.05
TAIL_LINES = 40
# Of wall time, so generous: a boot costs 3 to 4 seconds of CPU, and machines are busy.
BOOT_SECONDS = 180
COMMAND_SECONDS = 60


class DeviceError(Exception):
    """The device did not do what was waited for; the text ends with what its console said."""


class VirtualDevice:
    """Keeps its console's text of all boots in FOLDER/console.log.

    medium: QEMU's device for the disk; what it is attached to must be among the options.
    """

    def __init__(self, disk, folder, arch="x86_64", options=(), medium="virtio-blk-pci"):
        self.disk = pathlib.Path(disk).resolve()
        self.folder = pathlib.Path(folder).resolve()
        self.arch = arch
        self.options = list(options)
        self.medium = medium
        self.log = self.folder / "console.log"
        self.process = None
        self.cpu_seconds = 0.0
        self.seen = len(self.console())  # characters that wait() has gone past
        self.words = 0
        self.sockets = None
        self.control = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def drive(self):
        """QEMU's options for the medium that it calls "disk"."""
        return ["-drive", f"if=none,id=disk,format=raw,file={str(self.disk).replace(',', ',,')}"]

    def command(self):
        log = str(self.log).replace(",", ",,")
        return [*MACHINES[self.arch], *COMMON, *self.options,
                *self.drive(), "-device", f"{self.medium},drive=disk",
                "-chardev", f"file,id=console,path={log},append=on", "-serial", "chardev:console",
                "-chardev", f"socket,id=control,path={self.sockets}/control,server=on,wait=off",
                "-device", "virtconsole,chardev=control"]

    def start(self):
        """Plugs the device in."""
        if self.process:
            raise DeviceError("the device runs already")
        self.folder.mkdir(parents=True, exist_ok=True)
        self.seen = len(self.console())  # what was said before the plug was pulled is over
        self.sockets = tempfile.mkdtemp(prefix="swb-device.")  # a socket's path must be short
        with (self.folder / "qemu.log").open("ab") as log:
            # The device goes when we go, however we go.
            self.process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *self.command()],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def end(self, number):
        if not self.process:
            return
        # Not by the Popen object: it would wait for the process itself, and lose what it cost.
        os.kill(self.process.pid, number)
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.cpu_seconds += usage.ru_utime + usage.ru_stime
        self.process = None
        if self.control:
            self.control.close()
            self.control = None
        shutil.rmtree(self.sockets, ignore_errors=True)

    def cut_power(self):
        """At whatever instruction it is."""
        self.end(signal.SIGKILL)

    def stop(self):
        """Ends the process with everything written that the device has given to the disk."""
        self.end(signal.SIGTERM)

    def console(self):
        """All that the console has said."""
        try:
            return self.log.read_bytes().decode(errors="replace").replace("\r", "")
        except FileNotFoundError:
            return ""

    def failed(self, text):
        lines = self.console()[-20000:].splitlines()[-TAIL_LINES:]
        said = "\n".join(f"  | {line}" for line in lines if line.strip())
        qemu = (self.folder / "qemu.log").read_text(errors="replace").strip()
        return DeviceError(f"{text}\n{qemu}\nthe console ({self.log}) ended with:\n{said}")

    def has_ended(self):
        """True when QEMU went by itself; leaves the process to be waited for."""
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.process.pid, flags) is not None

    def wait(self, pattern, seconds=BOOT_SECONDS):
        """Until the console says what the regular expression means; goes on behind the last match."""
        deadline = time.monotonic() + seconds
        while True:
            ended = self.has_ended()
            match = re.compile(pattern, re.M).search(self.console(), self.seen)
            if match:
                self.seen = match.end()
                return match
            if ended:
                raise self.failed(f"QEMU ended while waiting for '{pattern}'")
            if time.monotonic() > deadline:
                raise self.failed(f"waited {seconds} s for '{pattern}' in vain")
            time.sleep(POLL_SECONDS)

    def wait_up(self, seconds=BOOT_SECONDS):
        """Until user space runs. Returns (release, slot)."""
        return self.wait(r"^device: up, release (\S+), swb\.slot=([AB])", seconds).groups()

    def receive(self, word, deadline):
        text = b""
        answer = re.compile(rb"\n%s:\n(.*)\n%s (\d+)\n" % (2 * (word.encode(),)), re.S)
        while not (match := answer.search(text)):
            self.control.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                data = self.control.recv(65536)
            except TimeoutError:
                raise self.failed("the device's shell does not answer") from None
            if not data:
                raise self.failed("QEMU ended during a command")
            text += data
        return int(match.group(2)), match.group(1).decode(errors="replace")

    def run(self, command, seconds=COMMAND_SECONDS, check=True):
        """Runs a command line in the device as root. Returns what it printed."""
        if not self.control:
            self.control = socket.socket(socket.AF_UNIX)
            self.control.connect(f"{self.sockets}/control")
        self.words += 1
        word = f"END-{os.getpid()}-{self.words}"
        self.control.sendall(f"{word} {command}\n".encode())
        status, text = self.receive(word, time.monotonic() + seconds)
        if check and status:
            raise self.failed(f"'{command}' ended with status {status} in the device: {text}")
        return text
