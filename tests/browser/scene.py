# SPDX-License-Identifier: Apache-2.0
"""A fleet worth looking at: simulated devices, releases, rollouts that go well and badly, a past.

The devices are those of swb-fleet and have really asked the server. Two things are written into the
database: the past fortnight, which nobody waits for, and the sizes of payloads, which are tiny here.
"""

import math
import sqlite3
import subprocess
import time

from server_payload import Payload, blocks
from server_tools import BUILD, run

APP = "{App-1}"
FLEET = BUILD.resolve() / "src/bin/swb-fleet/swb-fleet"
VERSIONS = ["4.0.2", "4.1.0", "4.2.0", "4.2.1", "4.3.0"]


def publish(data, folder, version, source=None, channel=None):
    new = blocks(3, version)
    payload = Payload(folder / f"{source or 'full'}-{version}.bin", version, new, old=new if source else None,
                      source=source)
    run(data, "publish", payload.path, *([f"--channel={channel}"] if channel else []))


def live(server, folder, text):
    path = folder / "scenario.ini"
    path.write_text(f"[fleet]\napp-id = {APP}\npause-msec = 0\nthreads = 8\n{text}")
    result = subprocess.run([FLEET, f"--server=http://127.0.0.1:{server.port}", path], timeout=600,
                            capture_output=True, text=True, check=False)
    # 1: its counts differ from the server's, as other fleets have been there before.
    assert result.returncode in (0, 1), result.stderr


def keep_asking(server, folder):
    """Some of the devices ask on and on, so that something moves. The process is the caller's to end."""
    path = folder / "crowd.ini"
    path.write_text(f"[fleet]\napp-id = {APP}\nversion = 4.0.2\nhardware-class = kiosk-2019\nseed = 5\ndevices = 150\n"
                    "rounds = 100000\npause-msec = 500\nthreads = 1\n")
    return subprocess.Popen([FLEET, f"--server=http://127.0.0.1:{server.port}", path],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def write_sizes(data):
    sizes = {("4.2.1", ""): 81_300_000, ("4.2.1", "4.2.0"): 6_100_000, ("4.2.1", "4.1.0"): 17_400_000,
             ("4.3.0", ""): 82_900_000, ("4.3.0", "4.2.1"): 9_800_000, ("4.3.0", "4.2.0"): 12_700_000,
             ("4.4.0-rc1", ""): 83_400_000, ("4.4.0-rc1", "4.3.0"): 7_700_000, ("4.2.0", ""): 80_100_000,
             ("4.1.0", ""): 78_600_000, ("4.0.2", ""): 77_900_000}
    with sqlite3.connect(data / "server.db", timeout=30) as db:
        for (version, source), size in sizes.items():
            db.execute("UPDATE payloads SET size = ? WHERE source_version = ? AND release ="
                       " (SELECT id FROM releases WHERE version = ?)", (size, source, version))
        db.execute("UPDATE catalog SET generation = generation + 1")
    db.close()


def write_past(data, devices, days=30):
    """Versions that came one after the other, each as an S; samples as the server takes them."""
    now = int(time.time()) // 300 * 300
    births = [-90, -34, -19, -6.2, -0.9]  # days ago
    reach = [1, .97, .91, .905, .043]

    def share(k, day):
        return reach[k] / (1 + math.exp(-(day - births[k] - 1.6) * 1.9)) if k < len(births) else 0

    rows, load = [], []
    at = now - days * 86400
    while at < now:
        age = now - at
        step = 300 if age < 2 * 86400 else 3600
        if at % step == 0:
            day = -age / 86400
            grown = devices * (0.94 + 0.06 * (1 + day / days))
            above = 0
            for k in reversed(range(len(VERSIONS))):
                here = max(share(k, day) - above, 0)
                above = max(above, share(k, day))
                if here * grown >= 1:
                    rows.append((at, VERSIONS[k], int(here * grown)))
            hour = at / 3600 % 24
            checks = grown / 288 * (1 + .35 * math.sin((hour - 9) / 24 * 2 * math.pi))
            load.append((at, int(checks), int(checks * .02), int(checks * .015), int(checks * .0004)))
        at += 300
    with sqlite3.connect(data / "server.db", timeout=30) as db:
        db.executemany("INSERT OR IGNORE INTO version_history SELECT id, ?, ?, ? FROM apps", rows)
        db.executemany("INSERT OR IGNORE INTO load_history VALUES (?, ?, ?, ?, ?)", load)
    db.close()


def prepare(data, folder):
    """Releases, channels, groups and rollouts."""
    publish(data, folder, "4.0.2")
    publish(data, folder, "4.1.0")
    publish(data, folder, "4.2.0")
    publish(data, folder, "4.2.1", channel="stable")
    for source in ("4.2.0", "4.1.0"):
        publish(data, folder, "4.2.1", source=source)
    publish(data, folder, "4.3.0", channel="beta")
    for source in ("4.2.1", "4.2.0"):
        publish(data, folder, "4.3.0", source=source)
    publish(data, folder, "4.4.0-rc1")
    publish(data, folder, "4.4.0-rc1", source="4.3.0")
    write_sizes(data)
    run(data, "group", "set", "museum", "--hardware-class=kiosk-2019", "--channel=")
    run(data, "group", "set", "canaries", "--channel=beta", *[f"--machine=lab-{i:03}" for i in range(12)])
    run(data, "group", "set", "factory", "--hardware-class=kiosk-a1", "--channel=stable", "--pin=4.2",
        "--time-zone=Europe/Berlin")
    run(data, "rollout", "create", "spring", "--release=4.3.0", "--stage=2%:bake=1s:need=20",
        "--stage=15%:bake=4h:need=200", "--stage=50%", "--stage=100%", "--max-failures=400", "--max-failure-rate=6%", "--class-failures=200",
        "--min-sample=600")
    run(data, "rollout", "create", "candidate", "--release=4.4.0-rc1", "--channel=beta", "--stage=70%:need=20",
        "--stage=100%", "--max-failure-rate=2%", "--class-failures=40")


def populate(server, folder, devices):
    """About so many devices live through a few rounds."""
    def some(share, text):
        live(server, folder, f"devices = {max(20, int(devices * share))}\n{text}")

    some(.60, "version = 4.2.1\nhardware-class = kiosk-b\nseed = 1\nrounds = 1\n")
    some(.10, "version = 4.2.1\nhardware-class = kiosk-b\nseed = 2\nrounds = 6\n"
         "[release 4.3.0]\nfall-back = 2%\nfail = 1%\nsilent = 1%\n")
    some(.18, "version = 4.2.0\nhardware-class = kiosk-a1\nseed = 3\nrounds = 3\n[release 4.2.1]\nfail = 1%\n")
    some(.06, "version = 4.1.0\nhardware-class = kiosk-b\nseed = 4\nrounds = 1\n")
    some(.03, "version = 4.0.2\nhardware-class = kiosk-2019\nseed = 5\nrounds = 1\n")
    some(.03, "version = 4.3.0\nhardware-class = kiosk-c\nchannel = beta\nseed = 6\nrounds = 8\n"
         "[release 4.4.0-rc1]\nfall-back = 30%\nfail = 5%\n")
