#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""live_system.py DEBS FOLDER - the packages in a device with systemd, from U-Boot to a factory reset

Makes in FOLDER a read-only Debian with the packages of "make deb", as docs/porting.md says, and starts it as a
virtual device (demo/vm): systemd is process 1 there, and swbd runs by the unit of the package, behind its walls, on
the system bus, with polkit, logind and a post-install program. It takes an update, is killed and stopped, takes
another that is not healthy, and is reset to factory state. Needs root for mmdebstrap.
"""

import json
import pathlib
import shutil
import socket
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "demo" / "vm"), str(TOP / "tools")]
import debian
import device_disk
import device_root
from virtual_device import DeviceError, VirtualDevice

APP_ID = "com.example.live"
EPOCH = 1767225600
PERSISTENT_MIB = 32
WAIT_SECONDS = 300  # of wall time, on a busy machine
INCLUDE = "systemd,systemd-sysv,udev,dbus,polkitd,e2fsprogs,busybox-static,libubootenv-tool"
WASTE = ("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/bash-completion", "usr/share/zoneinfo")
DEVICE_CONF = """[device]
app-id = {app_id}
device-id-file = /persistent/device-id

[server]
url = http://10.0.2.2:{port}/v1/update/
first-check = 1s
first-check-jitter = 0s
check-interval = 1h

[slot.A]
root = /dev/disk/by-partlabel/rootfs-A

[slot.B]
root = /dev/disk/by-partlabel/rootfs-B

[boot]
place = /etc/fw_env.config

[reboot]
windows = always
max-load = 0
delay = 0s

[health]
min-uptime = 1s
interval = 1s
timeout = 30s
server = yes
unit.boot = boot-complete.target
dbus.logind = org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.DBus.Peer Ping

[post-install]
program = /usr/lib/post-install
"""
FILES = {
    "post-install": '#!/bin/sh\n[ "$SWB_SLOT" = A ] || [ "$SWB_SLOT" = B ] || exit 1\n[ "$(id -u)" = 65534 ]\n',
    "wired.network": "[Match]\nType=ether\n\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\n",
    "device-up.service": "[Unit]\nAfter=swbd.service control.service systemd-networkd-wait-online.service\n"
                         "Wants=systemd-networkd-wait-online.service\n\n"
                         "[Service]\nType=oneshot\nExecStart=/usr/sbin/device-up\n\n"
                         "[Install]\nWantedBy=multi-user.target\n",
    "device-up": "#!/bin/sh\n. /etc/os-release\n"
                 'echo "device: up, release $SWB_VERSION, $(grep -o "swb\\.slot=." /proc/cmdline)" >/dev/console\n',
    "control.service": "[Service]\nExecStart=/usr/sbin/control\nStandardInput=tty\nStandardOutput=tty\n"
                       "TTYPath=/dev/hvc0\nRestart=always\n\n[Install]\nWantedBy=multi-user.target\n",
    # What a maker hangs before boot-complete.target.
    "application.service": "[Unit]\nBefore=boot-complete.target\n\n[Service]\nType=oneshot\n"
                           "ExecStart=/usr/sbin/application\n\n[Install]\nRequiredBy=boot-complete.target\n",
    "application": "#!/bin/sh\nexit 0\n",
}


def say(text):
    print(f"check-deb: live: {text}", flush=True)


def run(*command, **options):
    result = subprocess.run([str(word) for word in command], check=False, text=True, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if result.returncode:
        raise DeviceError(f"'{command[0]}' failed: {result.stdout.strip()}")
    return result.stdout


class Workshop:
    """Images, payloads and the server: all by the programs of the packages."""

    def __init__(self, debs, folder):
        self.debs, self.folder = debs, folder
        self.tree, self.root = folder / "tree", folder / "host"
        self.process = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def program(self, name):
        return next(self.root.glob(f"usr/*bin/{name}"))

    def unpack(self):
        for name in ("pack", "server"):
            run("dpkg-deb", "-x", next(self.debs.glob(f"switchback-{name}_*.deb")), self.root)
        run(self.program("swb-pack"), "keygen", "--type=p256", "release.pem", "release.pub.pem", cwd=self.folder)

    def make_tree(self):
        files = self.folder / "files"
        files.mkdir()
        for name, text in FILES.items():
            (files / name).write_text(text)
        shutil.copy(TOP / "demo/vm/guest/etc/init.d/control", files)
        shutil.copy(self.folder / "release.pub.pem", files)
        (files / "device.conf").write_text(DEVICE_CONF.format(app_id=APP_ID, port=self.port))
        engine = next(self.debs.glob("switchback-engine_*.deb"))
        run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={INCLUDE}",
            f"--customize-hook=cp '{engine}' \"$1/engine.deb\"",
            '--customize-hook=chroot "$1" apt-get install -q -y --no-install-recommends /engine.deb',
            '--customize-hook=rm "$1/engine.deb"',
            f"--customize-hook={TOP}/tests/package/live-root \"$1\" '{files}'", "bookworm", self.tree)
        debian.drop(self.tree)
        for name in WASTE:
            shutil.rmtree(self.tree / name, ignore_errors=True)
        packages = device_root.Packages(device_root.cache_folder(), "x86_64")
        device_root.plant_kernel(self.tree, packages, self.folder)
        self.os_release = (self.tree / "usr/lib/os-release").read_text()

    def make_images(self):
        """Releases 1 and 2, and 3, whose application does not start."""
        self.slot_mib = 0
        for number in (1, 2, 3):
            (self.tree / "usr/lib/os-release").write_text(f"{self.os_release}SWB_VERSION={number}.0.0\n")
            if number == 3:
                (self.tree / "usr/sbin/application").write_text("#!/bin/sh\nexit 1\n")
            image = self.folder / f"release-{number}.ext4"
            size = [f"--size={self.slot_mib}M"] if self.slot_mib else []
            run(self.program("swb-pack"), "make-image", self.tree, f"--output={image}", "--keep-owners",
                f"--timestamp={EPOCH}", "--inodes=16384", *size)
            self.slot_mib = -(-image.stat().st_size >> 20) if not size else self.slot_mib
        run(self.program("swb-pack"), "check-image", self.folder / "release-1.ext4", "--writable=/persistent",
            "--ignore=setuid")
        for old, new in ((1, 2), (2, 3)):
            run(self.program("swb-pack"), "delta", f"release-{old}.ext4", f"release-{new}.ext4",
                f"--output=delta-{new}", f"--app-id={APP_ID}", f"--source-version={old}.0.0",
                f"--target-version={new}.0.0", "--key=release.pem", "--progress=none", cwd=self.folder)

    def publish(self, number):
        run(self.program("swb-server"), "publish", f"delta-{number}", "--channel=stable", "--data=server",
            "--public-key=release.pub.pem", cwd=self.folder)

    def events(self):
        return run(self.program("swb-server"), "events", "--data=server", cwd=self.folder)

    def serve(self):
        with (self.folder / "server.log").open("w") as log:
            self.process = subprocess.Popen([self.program("swb-server"), "serve", "--data=server",
                                             f"--listen=127.0.0.1:{self.port}"], cwd=self.folder,
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(60)


class Live:
    """The device, and what is true of it."""

    def __init__(self, shop, device):
        self.shop, self.device = shop, device

    def broken(self, text):
        said = self.device.run("journalctl --no-pager -q -n 40 -u swbd -u application -u switchback-persistent",
                               check=False)
        return DeviceError(f"{text}\nthe journal says:\n{said}")

    def until(self, what, holds):
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            value = holds()
            if value:
                return value
            time.sleep(0.5)
        raise self.broken(f"{what}: not within {WAIT_SECONDS} s")

    def status(self):
        text = self.device.run("swbctl status --json 2>/dev/null", check=False)
        return json.loads(text) if text.strip() else {"state": "away"}

    def expect(self, command, wanted):
        text = self.device.run(command, check=False, seconds=WAIT_SECONDS).strip()
        if text != wanted:
            raise self.broken(f"'{command}' said '{text}', not '{wanted}'")

    def expect_up(self, release, slot):
        found = self.device.wait_up(WAIT_SECONDS)
        if found != (f"{release}.0.0", slot):
            raise self.broken(f"up with {found}, not with release {release} in slot {slot}")
        self.device.run("true", seconds=WAIT_SECONDS)

    def slot_is(self, slot, number):
        """Byte by byte, on the disk."""
        size = self.shop.slot_mib * device_disk.MIB
        with self.device.disk.open("rb") as disk, (self.shop.folder / f"release-{number}.ext4").open("rb") as image:
            disk.seek(device_disk.SLOTS_OFFSET + "AB".index(slot) * size)
            while block := image.read(device_disk.MIB):
                if disk.read(len(block)) != block:
                    raise DeviceError(f"slot {slot} is not release {number}")

    def flag(self, name):
        return self.device.run(f"fw_printenv -n {name}", check=False).strip()

    def property(self, name):
        return self.device.run(f"systemctl show --value -p {name} swbd").strip()

    def first_boot(self):
        self.expect_up(1, "A")
        failed = self.device.run("systemctl is-system-running --wait; systemctl --failed --plain --no-legend",
                                 check=False, seconds=WAIT_SECONDS).split("\n")
        if failed[0] != "running":
            raise self.broken(f"the system is {failed}")
        self.expect("systemctl is-active swbd switchback-persistent", "active\nactive")
        self.expect("grep -E '^(NoNewPrivs|Seccomp):' /proc/$(systemctl show --value -p MainPID swbd)/status | "
                    "tr '\\n\\t' '  '", "NoNewPrivs: 1 Seccomp: 2")
        self.expect("mountpoint /persistent; mountpoint /var/lib/switchback",
                    "/persistent is a mountpoint\n/var/lib/switchback is a mountpoint")
        self.expect("touch /x 2>&1", "touch: cannot touch '/x': Read-only file system")
        self.until("health checks", lambda: self.flag("swb_A_successful") == "1" and self.status()["state"] == "idle")
        doctor = json.loads(self.device.run("swbctl doctor --json"))
        if not doctor["fit"] or doctor["findings"]:
            raise self.broken(f"the doctor says {doctor}")
        say("systemd: everything runs, swbd behind its walls; the doctor finds nothing")

    def polkit(self):
        self.device.run("runuser -u app -- swbctl pause")
        self.device.run("runuser -u app -- swbctl resume")
        self.device.run("runuser -u stranger -- swbctl status")
        refused = self.device.run("runuser -u stranger -- swbctl pause; echo $?", check=False)
        if refused.strip().endswith("\n0") or refused.strip() == "0":
            raise self.broken(f"a stranger may pause updates: {refused}")
        say("polkit: a member of the group switchback steers, a stranger does not")

    def update(self):
        self.shop.publish(2)
        self.device.run("swbctl check")
        self.expect_up(2, "B")
        self.until("confirmation", lambda: self.flag("swb_B_successful") == "1")
        self.until("the report", lambda: "rebooted after update: success" in self.shop.events())
        self.slot_is("A", 1)
        self.slot_is("B", 2)
        self.expect("systemctl is-system-running", "running")
        say("update: post-install program, reboot by logind, boot-complete.target, confirmed; slots byte by byte")

    def killed(self):
        """systemd starts it again, when it dies and when it hangs."""
        for number, signal in ((1, "KILL"), (2, "STOP")):
            self.device.run(f"kill -{signal} $(systemctl show --value -p MainPID swbd)")
            self.until(f"a restart after SIG{signal}", lambda: self.property("NRestarts") == str(number))
            self.until("the engine", lambda: self.status()["state"] == "idle")
        say("swbd killed, and hung: systemd starts it again")

    def unhealthy(self):
        self.shop.publish(3)
        self.device.run("swbctl check")
        self.expect_up(3, "A")
        self.expect_up(2, "B")
        self.until("the engine", lambda: "3.0.0" in self.status().get("failed_versions", {}))
        say("a release whose application fails before boot-complete.target: left again")

    def factory_reset(self):
        name = self.device.run("cat /persistent/device-id")
        self.device.run("touch /persistent/mine /var/lib/switchback/mine && switchback-persistent reset && "
                        "(sleep 2; systemctl reboot) >/dev/null 2>&1 &")
        self.expect_up(2, "B")
        self.expect("ls /persistent/mine /var/lib/switchback/mine 2>/dev/null", "")
        self.expect("cat /persistent/device-id", name.strip())
        self.expect("systemctl is-system-running --wait", "running")
        say("factory reset: the persistent partition is wiped, the device keeps its name")


def tell(shop, folder):
    shop.unpack()
    shop.make_tree()
    shop.make_images()
    shop.serve()
    say(f"a slot of {shop.slot_mib} MiB, Debian with systemd and switchback-engine")
    device_disk.make(folder / "device.img", "x86_64", (folder / "release-1.ext4", None),
                     device_disk.flags_of("A=15/3/0,B=0/0/0"), shop.slot_mib * device_disk.MIB,
                     PERSISTENT_MIB * device_disk.MIB, [])
    with VirtualDevice(folder / "device.img", folder) as device:
        live = Live(shop, device)
        device.start()
        for chapter in (live.first_boot, live.polkit, live.update, live.killed, live.unhealthy,
                        live.factory_reset):
            chapter()
    say(f"{device.cpu_seconds:.0f} s of CPU in QEMU")


def main():
    if len(sys.argv) != 3 or sys.argv[1].startswith("-"):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    debs, folder = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    debian.remove(folder)
    folder.mkdir(parents=True)
    shop = Workshop(debs, folder)
    try:
        tell(shop, folder)
        return 0
    except DeviceError as error:
        print(f"check-deb: live: FAILED: {error}", file=sys.stderr)
        return 1
    finally:
        shop.stop()


if __name__ == "__main__":
    sys.exit(main())
