# SPDX-License-Identifier: Apache-2.0
"""swb-install keeps below 64 MiB of address space, whatever the size of what it installs."""

import random
import re

from chain_device import is_sanitized
from chain_images import films, sha256

MIB = 1 << 20
SLOT = 320 * MIB
LIMIT = 64 * MIB


def archive():
    """32 MiB that compress well, over long distances."""
    dice = random.Random(64)
    pages = [dice.randbytes(1000) + bytes(3096) for _ in range(1000)]
    return b"".join(pages[dice.randrange(1000)] for _ in range(32 * MIB // 4096))


def memory_of(pid):
    """(limit, peak) of its address space in bytes; None when it has just ended."""
    try:
        with open(f"/proc/{pid}/limits", encoding="ascii") as file:
            limit = re.search(r"Max address space +(\S+)", file.read()).group(1)
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            peak = int(re.search(r"VmPeak:\s+(\d+) kB", file.read()).group(1)) * 1024
    except (OSError, AttributeError):
        return None
    return limit, peak


def test_large_images(chain, tmp_path, record_property):
    device, releases, server = chain.device, chain.releases, chain.server
    image, payload = tmp_path / "large.img", tmp_path / "full-large"
    releases.make_image("2.0", {**films(range(10)), "usr/share/archive": archive()}, image, SLOT)
    releases.make_full(payload, image, "2.0")
    with device.slot("B").open("r+b") as slot:
        slot.truncate(SLOT)
    server.publish_files(payload)
    seen = []
    device.start()

    def look():
        seen.extend(filter(None, [memory_of(pid) for pid, name in device.children()
                                  if name == "swb-install"]))
        return device.reboot_flag.exists()
    device.wait(look, "the reboot command", 120)
    device.see_through("2.0")
    assert device.slot_sha("B") == sha256(image)
    limits, peak = {limit for limit, _ in seen}, max(peak for _, peak in seen)
    if is_sanitized(device.build):
        record_property("result", "no limit in a build with sanitizers")
        return
    assert str(LIMIT) in limits and peak <= LIMIT
    record_property("result", f"{SLOT // MIB} MiB with at most {peak / MIB:.1f} MiB of address space")
