# SPDX-License-Identifier: Apache-2.0
"""The story of the demo in a virtual device, chapter by chapter. Each ends with what was checked."""

import time

from bench import DemoError, free_port

APP_ID = "com.example.device"
KIB, MIB = 1 << 10, 1 << 20
# Slow enough to see the bar and to pull the plug, fast enough not to bore.
DOWNLOAD_SECONDS = 15
CUT_AT = 0.7
DEVICE_CONF = """\
[device]
app-id = {app_id}

[server]
url = http://10.0.2.2:{port}/v1/update
first-check = 1s
first-check-jitter = 0s
check-interval = 10s
check-jitter = 0s

[boot]
place = /dev/disk/by-partlabel/env:0:0x10000:0x1000
tries = 2

[slot.A]
root = /dev/disk/by-partlabel/rootfs-A

[slot.B]
root = /dev/disk/by-partlabel/rootfs-B

[update]
max-rate = {rate}

[health]
min-uptime = 0s
timeout = 60s
interval = 1s
check.openssl = openssl version

[reboot]
windows = always
max-load = 0
delay = 0s
command = reboot

[workers]
fetch = /usr/sbin/swb-fetch
fetch-user = swb-fetch
install = /usr/sbin/swb-install
"""


def tell(bench, screen):
    proofs = []
    screen.title("Switchback in a virtual device: U-Boot, Linux, real resets, a pulled plug")
    releases(bench, screen)
    packing(bench, screen, proofs)
    server(bench, screen)
    power_on(bench, screen)
    power_cut(bench, screen, proofs)
    new_release(bench, screen, proofs)
    broken_release(bench, screen, proofs)
    by_hand(bench, screen, proofs)
    fleet(bench, screen, proofs)
    screen.chapter("What was proved")
    screen.table(proofs)


def releases(bench, screen):
    screen.chapter("Three releases of a bootable system")
    screen.say("a Debian kernel, Debian packages, and the programs just built (made once)")
    bench.make_images()
    bench.clear()
    screen.say(f"each a slot of {bench.slot_mib} MiB: release 1 with the oldest package versions of the "
               "archive,")
    screen.say("release 2 with the newest, release 3 is release 2 without its init")


def pack(bench, old, new):
    output = f"delta-{old}-{new}.payload"
    bench.make_once(output, f"swb-pack delta release-{old}.ext4 release-{new}.ext4 --output={output} \\\n"
                    f"        --app-id={APP_ID} \\\n"
                    f"        --source-version={old}.0.0 --target-version={new}.0.0 "
                    f"--key=release.key")
    return output


def pack_full(bench, new):
    output = f"full-{new}.payload"
    bench.make_once(output, f"swb-pack full release-{new}.ext4 --output={output} \\\n"
                    f"        --app-id={APP_ID} --target-version={new}.0.0 --key=release.key")
    return output


def publish(bench, payload):
    bench.run(f"swb-server publish {payload} --data=server --public-key=release.pem --channel=stable")


def packing(bench, screen, proofs):
    screen.chapter("Packing")
    full, delta = bench.size(pack_full(bench, 2)), bench.size(pack(bench, 1, 2))
    screen.good(f"image {bench.slot_mib} MiB   full {full / MIB:.1f} MiB   delta {delta / MIB:.1f} MiB: "
                f"{100 * delta / MIB / bench.slot_mib:.1f} % of the image")
    proofs.append(("a delta instead of an image", f"{delta // KIB} KiB for {bench.slot_mib} MiB"))


def server(bench, screen):
    screen.chapter("A server")
    bench.port = free_port()
    publish(bench, "full-2.payload")
    publish(bench, "delta-1-2.payload")
    bench.start("swb-server", f"swb-server serve --data=server --listen=127.0.0.1:{bench.port}")
    screen.good(f"http://127.0.0.1:{bench.port}/, which the device calls http://10.0.2.2:{bench.port}/")


def booted(bench, screen, release, slot):
    """Waits for the device to be up, shows what U-Boot said. Returns that."""
    found, said = bench.wait_up()
    screen.quote("\n".join(said))
    if found != (release, slot):
        raise DemoError(f"the device is up with release {found[0]} in slot {found[1]}, "
                        f"not with {release} in {slot}")
    return said


def in_device(bench, screen, command):
    """Runs a command in the device and shows it with its output."""
    screen.command(f"{command}    # in the device")
    text = bench.device.run(command).strip()
    screen.quote(text)
    return text


def power_on(bench, screen):
    screen.chapter("A device on release 1 is plugged in")
    rate = bench.size("delta-1-2.payload") // DOWNLOAD_SECONDS
    (bench.folder / "device.conf").write_text(
        DEVICE_CONF.format(app_id=APP_ID, port=bench.port, rate=rate))
    bench.run(f"make-device disk device.img --arch={bench.arch} --root-a=release-1.ext4 \\\n"
              f"        --slot-size={bench.slot_mib} --add=device.conf=/device.conf")
    screen.say("QEMU, Debian's own U-Boot, slot B is empty:")
    bench.plug_in()
    booted(bench, screen, "1.0.0", "A")
    screen.good("up with release 1.0.0 in slot A: " + bench.device.run("openssl version").strip())


def power_cut(bench, screen, proofs):
    screen.chapter("The update, and the plug is pulled")
    at_cut = bench.watch(lambda s: s["progress"] > CUT_AT)["bytes_done"]
    screen.command(f"kill -9 {bench.device.process.pid}    # QEMU, at whatever it is doing")
    bench.device.cut_power()
    bench.plug_in()
    booted(bench, screen, "1.0.0", "A")
    offset = int(bench.device.wait(r"resuming at byte (\d+)")[1])
    bench.watch(lambda s: s["state"] not in ("idle", "checking", "downloading"))
    bench.device.wait(r"swbd: .*version 2\.0\.0 is installed in slot B")
    screen.good(f"{at_cut // KIB} KiB had come before the cut; the update went on at {offset // KIB} KiB")
    if not bench.slot_is("B", "release-2.ext4"):
        raise DemoError("slot B is not release 2")
    screen.good("slot B is release 2, byte by byte")
    proofs.append(("the plug pulled in the middle",
                   f"went on at {offset // KIB} KiB of {at_cut // KIB} KiB"))


def new_release(bench, screen, proofs):
    screen.chapter("Reset into release 2")
    booted(bench, screen, "2.0.0", "B")
    bench.device.wait("swbd: .*slot B is marked good")
    in_device(bench, screen, "openssl version")
    in_device(bench, screen, "fw_printenv")
    screen.good("health checks passed, slot B is marked good")
    if not bench.slot_is("A", "release-1.ext4"):
        raise DemoError("slot A was written while it ran")
    screen.good("slot A, which ran, was not touched")
    proofs.append(("the running slot", "never written: the same bytes before and after"))
    proofs.append(("a new release proves itself", "U-Boot counts its tries until it is marked good"))


def broken_release(bench, screen, proofs):
    screen.chapter("Release 3 does not come up")
    publish(bench, pack(bench, 2, 3))
    bench.device.wait(r"swbd: .*version 3\.0\.0 is installed in slot A")
    booted(bench, screen, "2.0.0", "B")
    reason = bench.device.wait(r"swbd: (?:error: )?(version 3\.0\.0 is rejected.*)$")[1]
    screen.bad(reason)
    screen.good("two resets later U-Boot is back on slot B, by itself")
    proofs.append(("a release that is broken", "left by U-Boot when its tries are used up"))


def by_hand(bench, screen, proofs):
    screen.chapter("The flags by hand")
    screen.say("what U-Boot reads can be set by Debian's fw_setenv; slot A, release 3, gets one more try:")
    for command in ("fw_setenv swb_B_priority 14", "fw_setenv swb_A_priority 15",
                    "fw_setenv swb_A_tries 1"):
        in_device(bench, screen, command)
    bench.device.run("(sleep 1; reboot) &")
    said = booted(bench, screen, "2.0.0", "B")
    if "Switchback: slot A, 0 tries left after this one" not in said:
        raise DemoError("U-Boot did not give slot A its try")
    screen.good("U-Boot gave it that try, then took slot B again")
    proofs.append(("fw_setenv", "U-Boot follows what Linux writes, and the other way round"))


def fleet(bench, screen, proofs):
    screen.chapter("What the server saw")
    for _ in range(60):
        if "fell-back" in bench.run("swb-server events --data=server", show=False):
            break
        time.sleep(1)
    screen.quote(bench.run("swb-server devices --data=server"), cut=True)
    screen.quote(bench.run("swb-server events --data=server"), cut=True)
    proofs.append(("the server knows", "each step and the reason of each failure"))
