#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""soak_link - a large update over a slow link, with reboots in the middle

An image of --size MiB, of which --content MiB can't be compressed, comes as a full payload through a
proxy that lets 1 MB a second pass. The plug is pulled --reboots times on the way, at random moments:
everything dies where it is, and the device boots. In the end the new system must run, byte by byte, and of the
payload at most 1.02 times its size may have gone over the link.
"""

import argparse
import os
import pathlib
import random
import re
import resource
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from chain_proxy import Proxy  # noqa: E402
from flow_device import Device  # noqa: E402
from flow_server import MKE2FS, Image, Server, Workshop  # noqa: E402

MOST = 1.02
MIB = 1 << 20
FILE_MIB = 16
HOURS = 3600


def make_image(folder, version, size_mib, content_mib, seed):
    """Half of what compresses to nothing, the rest free; and content_mib of noise."""
    path, tree = folder / f"{version}.ext4", folder / f"tree-{version}"
    if path.exists():
        return Image(path, version)
    (tree / "etc").mkdir(parents=True)
    (tree / "etc/os-release").write_text(f"ID=test\nVERSION_ID={version}\n")
    dice = random.Random(seed)
    for i in range(content_mib // FILE_MIB):
        (tree / f"noise-{i}").write_bytes(dice.randbytes(FILE_MIB * MIB))
    for i in range((size_mib - content_mib) // 2 // FILE_MIB):
        line = f"{version} {i} what every log says\n".encode()
        (tree / f"text-{i}").write_bytes((line * (FILE_MIB * MIB // len(line) + 1))[:FILE_MIB * MIB])
    subprocess.run([MKE2FS, "-q", "-t", "ext4", "-O", "^has_journal", "-b", "4096", "-d", tree, path,
                    f"{size_mib}M"], check=True, timeout=HOURS, stdin=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return Image(path, version)


class SlowWorkshop(Workshop):
    """Large images take longer than tests may."""

    def _pack(self, *args):
        if args[0] == "keygen" and self.private.exists():
            return  # of an earlier run
        subprocess.run([self.build / "src/bin/swb-pack/swb-pack", *map(str, args)], check=True,
                       timeout=HOURS, stdin=subprocess.DEVNULL, capture_output=True)


def is_confirmed(device):
    state = device.state_dir / "engine.state"
    return state.exists() and "PENDING=" not in state.read_text() and \
        "marked good" in device.log()


def run(args, build, folder, server, proxy):
    release = pathlib.Path(args.release) if args.release else folder / "release"
    workshop = SlowWorkshop(release / "workshop", build)
    old = workshop.image("1.0")
    new = make_image(release, "1.1", args.size, args.content, 1)
    payload = workshop.full(new)
    print(f"image {new.path.stat().st_size} bytes, payload {payload.size} bytes, "
          f"{args.rate} bytes a second", flush=True)
    server.publish(payload)
    device = Device(folder / "device", build, fake=False)
    device.connect(server, workshop)
    device.set("server", url=f"{proxy.url}/v1/update/")
    device.factory(image=old.path)
    with device.slot("B").open("r+b") as slot:
        slot.truncate(new.path.stat().st_size)
    proxy.upstream, proxy.rate = server.port, args.rate
    dice, start = random.Random(args.seed), time.monotonic()
    places = sorted(dice.randrange(payload.size // 20, payload.size) for _ in range(args.reboots))
    try:
        device.start()
        for then in places:
            device.wait(lambda then=then: proxy.n_bytes >= then, f"byte {then}", HOURS)
            slot = device.power_cycle()
            device.wait_log(rf"(?s)---- boot {device.n_boots}.*resuming at byte")
            at = re.findall(r"resuming at byte (\d+)", device.log())[-1]
            print(f"plug pulled after {proxy.n_bytes} bytes, slot {slot} boots, goes on at byte {at}",
                  flush=True)
        device.wait(device.reboot_flag.exists, "the reboot command", HOURS)
        received = proxy.n_bytes
        assert device.reboot() == "B"
        device.wait(lambda: is_confirmed(device), "the mark")
        same = subprocess.run(["cmp", device.slot("B"), new.path], check=False).returncode == 0
    finally:
        device.close()
    print(f"{received} bytes received of a payload of {payload.size}: {received / payload.size:.5f}, "
          f"{time.monotonic() - start:.0f} s, slot B {'is' if same else 'IS NOT'} the image")
    return same and received <= MOST * payload.size


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="for images and the device; is emptied")
    parser.add_argument("--size", type=int, default=1536, help="of the image, MiB (default 1536)")
    parser.add_argument("--content", type=int, default=640, help="incompressible MiB (default 640)")
    parser.add_argument("--rate", type=int, default=1000000, help="bytes a second (default 1000000)")
    parser.add_argument("--reboots", type=int, default=3, help="default 3")
    parser.add_argument("--seed", type=int, default=1, help="of their moments (default 1)")
    parser.add_argument("--release", help="images and payload are kept here for another run")
    args = parser.parse_args()
    build = pathlib.Path(os.environ["SWB_BUILD"]).resolve()
    folder = pathlib.Path(args.folder).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    server, proxy = Server(folder / "server", build).start(), Proxy().start()
    try:
        ok = run(args, build, folder, server, proxy)
    finally:
        proxy.stop()
        server.stop()
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"CPU {usage.ru_utime + usage.ru_stime:.0f} s in all")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
