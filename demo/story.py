# SPDX-License-Identifier: Apache-2.0
"""The story that the demo tells, chapter by chapter. Each one ends with something that was checked."""

import json
import time

from bench import TOP, DemoError, free_port
from device_conf import device_conf

APP_ID = "com.example.demo"
MIB = 1 << 20
# Slow enough to see the bar and to cut the power, fast enough not to bore.
DOWNLOAD_SECONDS = 8
CUT_AT = 0.7
# The slot's own loader, libraries and program: if the update broke them, this fails.
CHECK_OPENSSL = """\
#!/bin/sh
cd {device}/root && exec lib64/ld-linux-*.so.* --library-path "$(echo usr/lib/*-linux-gnu*)" \\
        usr/bin/openssl version
"""


def mib(n_bytes):
    return f"{n_bytes / MIB:.1f} MiB"


def kib(n_bytes):
    return f"{n_bytes / 1024:.0f} KiB"


def tell(bench, screen):
    proofs = []
    screen.title("Switchback: a device updates itself, is cut off, and falls back - on this machine")
    releases(bench, screen)
    packing(bench, screen, proofs)
    server(bench, screen)
    device(bench, screen)
    power_cut(bench, screen, proofs)
    new_release(bench, screen, proofs)
    broken_release(bench, screen, proofs)
    kernel_that_never_loads(bench, screen, proofs)
    fleet(bench, screen, proofs)
    screen.chapter("What was proved")
    screen.table(proofs)


def releases(bench, screen):
    screen.chapter("Three releases of one small Debian system")
    if not (bench.images / "about.json").exists():
        screen.say("fetching packages and making images (once)")
    bench.make_images()
    bench.clear()
    about = json.loads((bench.images / "about.json").read_text())
    changed = about["changed"]
    screen.say(f"each a slot of {mib(about['size'])}, from {about['packages']} packages of the Debian archive")
    shown = [p for p in ("openssl", "libc6", "python3.11-minimal", "curl", "systemd") if p in changed]
    for package in shown or sorted(changed)[:4]:
        old, new = changed[package]
        screen.quote(f"{package:20} {old or '(absent)'}  ->  {new}")
    if len(changed) > len(shown):
        screen.quote(f"and {len(changed) - len(shown)} more packages")
    screen.say("release 1 has the old versions, release 2 the new ones;")
    screen.say("release 3 is release 2 with half of libcrypto.so cut off: its programs crash")


def pack(bench, kind, images, output, versions):
    """Makes a payload, unless the last run made the same. Returns its size and the seconds it took."""
    command = (f"swb-pack {kind} {images} --output={output} \\\n"
               f"        --app-id={APP_ID} {versions} --key=release.key")
    seconds = bench.make_once(output, command)
    return bench.size(output), seconds


def packing(bench, screen, proofs):
    screen.chapter("Packing")
    bench.make_once("release.key", "swb-pack keygen release.key release.pem")
    full, full_seconds = pack(bench, "full", "release-2.ext4", "full-2.payload",
                              "--target-version=2.0.0")
    delta, delta_seconds = pack(bench, "delta", "release-1.ext4 release-2.ext4",
                                "delta-1-2.payload", "--source-version=1.0.0 --target-version=2.0.0")
    image = bench.size("release-2.ext4")
    screen.good(f"image {mib(image)}   full {mib(full)} ({full_seconds:.0f} s)   "
                f"delta {mib(delta)} ({delta_seconds:.0f} s): {100 * delta / image:.1f} % of the image")
    proofs.append(("a delta instead of an image", f"{mib(delta)} for a slot of {mib(image)}"))


def publish(bench, payload):
    bench.run(f"swb-server publish {payload} --data=server --public-key=release.pem --channel=stable")


def server(bench, screen):
    screen.chapter("A server")
    bench.port = free_port()
    publish(bench, "full-2.payload")
    publish(bench, "delta-1-2.payload")
    bench.start("swb-server", f"swb-server serve --data=server --listen=127.0.0.1:{bench.port}")
    screen.good(f"http://127.0.0.1:{bench.port}/ offers release 2.0.0 to channel 'stable'")


def device(bench, screen):
    screen.chapter("A device on release 1")
    folder = bench.folder / "device"
    (folder / "keys").mkdir(parents=True)
    (folder / "state").mkdir()
    (folder / "device-id").write_text("demo-device-1\n")
    bench.run("cp --sparse=always release-1.ext4 device/slot-a.img", show=False)
    bench.run("truncate -s $(stat -c %s device/slot-a.img) device/slot-b.img", show=False)
    bench.run("swb-bench-boot --place=device/uboot.env:0:0x10000:0x10000 --init", show=False)
    (folder / "fw_env.config").write_text("uboot.env 0x0 0x10000\nuboot.env 0x10000 0x10000\n")
    bench.run("cp release.pem device/keys/", show=False)
    rate = bench.size("delta-1-2.payload") // DOWNLOAD_SECONDS
    (folder / "device.conf").write_text(device_conf(
        bench, folder, APP_ID, rate, ("openssl", folder / "check-openssl")))
    check = folder / "check-openssl"
    check.write_text(CHECK_OPENSSL.format(device=folder))
    check.chmod(0o755)
    bench.start_bus()
    bench.start("device", f"{TOP}/demo/device device", show=False)
    boot = wait_boot(bench, 1)
    screen.say(f"slot A holds release {boot['release']}, slot B is empty; the engine starts:")
    screen.command("swbd --config=device/device.conf &")
    screen.good("its own openssl says: " + bench.run("device/check-openssl").strip())


def wait_boot(bench, number, seconds=60):
    """The number-th boot of the device."""
    return bench.wait(f"boot {number} of the device",
                      lambda: next(iter(bench.boots()[number - 1:]), None), seconds)


def watch(bench, screen, until):
    """Shows the progress of an update until until(status) is true. Returns that status."""
    def look():
        status = bench.status()
        if status and status["state"] in ("downloading", "verifying"):
            screen.bar(status["progress"], f"{status['state']}  {mib(status['bytes_done'])} of "
                                           f"{mib(status['bytes_total'])}")
        return status if status and until(status) else None
    try:
        return bench.wait("the update", look, 120)
    finally:
        screen.end_bar()


def power_cut(bench, screen, proofs):
    screen.chapter("The update, and the plug is pulled")
    screen.command("swbctl status --watch")
    at_cut = watch(bench, screen, lambda s: s["state"] == "downloading"
                   and s["bytes_done"] > s["bytes_total"] * CUT_AT)["bytes_done"]
    bench.run("kill -9 -$(cat device/swbd.pid)    # the engine and its workers, at once")
    boot = wait_boot(bench, 2)
    screen.say(f"the device boots slot {boot['slot']}, release {boot['release']}, and goes on:")
    watch(bench, screen, lambda s: s["state"] in ("updated", "rebooting", "verifying"))
    resumed = bench.engine_said(r"resuming at byte (\d+)")
    if not resumed:
        raise DemoError("the download began again from the start")
    offset = int(resumed.group(1))
    screen.good(f"{kib(at_cut)} had come before the cut; the download went on at {kib(offset)}: "
                f"{kib(at_cut - offset)} came twice")
    proofs.append(("kill -9 in the middle", f"went on at {kib(offset)} of {kib(at_cut)}"))


def new_release(bench, screen, proofs):
    screen.chapter("Restart into release 2")
    boot = wait_boot(bench, 3)
    screen.say(f"the boot loader chose slot {boot['slot']}: release {boot['release']}, on trial")
    bench.wait("the new system to be marked good", lambda: bench.slot_flags("B")[2] == 1, 60)
    screen.good("its own openssl says: " + bench.run("device/check-openssl").strip())
    screen.good("the health check passed, slot B is marked good")
    if bench.sha256("device/slot-b.img") != bench.sha256("release-2.ext4"):
        raise DemoError("slot B is not release 2")
    if bench.sha256("device/slot-a.img") != bench.sha256("release-1.ext4"):
        raise DemoError("slot A was written while it ran")
    screen.good("slot B is release 2, byte by byte; slot A, which ran, was not touched")
    proofs.append(("new release proves itself", "restart, health check from the new slot, marked good"))
    proofs.append(("the running slot", "never written: same SHA-256 before and after"))


def wait_fallback(bench, since):
    """The first boot after boot number `since` that runs release 2 again."""
    return bench.wait("the fallback", lambda: next(
        (h for h in bench.history() if h["event"] == "booted" and h["release"] == "2.0.0"
         and h["boot"] > since), None), 120)


def wait_known_bad(bench, version):
    """The device remembers that it will not take this version again, and why; the server knows."""
    def told():
        status = bench.status()
        known = status and status["failed_versions"].get(version)
        return known if known and f"{version} failed" in events(bench, version) else None
    return bench.wait(f"the report about {version}", told, 60)


def events(bench, version):
    """The failures that the server has heard of, one line each."""
    lines = bench.run("swb-server events --data=server", show=False).splitlines()
    return "\n".join(f"{version} failed: {line}" for line in lines
                     if version in line and ("error" in line or "failed" in line))


def broken_release(bench, screen, proofs):
    screen.chapter("Release 3 is broken")
    pack(bench, "delta", "release-2.ext4 release-3.ext4", "delta-2-3.payload",
         "--source-version=2.0.0 --target-version=3.0.0")
    before = len(bench.boots())
    publish(bench, "delta-2-3.payload")
    trial = wait_boot(bench, before + 1, 90)
    screen.say(f"the device installed it and boots slot {trial['slot']}, release {trial['release']}, on trial")
    screen.say("its health check: device/check-openssl")
    back = wait_fallback(bench, trial["boot"])
    reason = wait_known_bad(bench, "3.0.0")
    screen.bad(reason)
    screen.good(f"back in slot {back['slot']}, release {back['release']}, by itself; "
                "3.0.0 is not taken again")
    proofs.append(("a release that is broken", "left again by the device itself, and not taken twice"))


def kernel_that_never_loads(bench, screen, proofs):
    screen.chapter("Release 4 does not even start")
    pack(bench, "delta", "release-2.ext4 release-4.ext4", "delta-2-4.payload",
         "--source-version=2.0.0 --target-version=4.0.0")
    before = len(bench.boots())
    publish(bench, "delta-2-4.payload")
    back = wait_boot(bench, before + 1, 90)
    screen.quote(bench.boot_loader_said())
    reason = wait_known_bad(bench, "4.0.0")
    screen.bad(reason)
    if back["release"] != "2.0.0":
        raise DemoError(f"release {back['release']} was booted")
    screen.good(f"the boot loader took slot {back['slot']}, release {back['release']}, at once")
    proofs.append(("a release that never starts", "the boot loader takes the good slot instead"))


def fleet(bench, screen, proofs):
    screen.chapter("What the server saw")
    screen.quote(bench.run("swb-server devices --data=server"), cut=True)
    screen.quote(bench.run("swb-server events --data=server"), cut=True)
    proofs.append(("the server knows", "each step and the reason of each failure"))
