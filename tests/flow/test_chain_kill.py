# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments of an update: it always ends on the right image, and little comes twice.

One kill an update, at a moment drawn from the time that an undisturbed one takes. SWB_TEST_SEED=n
draws the same moments again.
"""

import collections
import os
import random
import time

import pytest

from chain_device import is_sanitized
from flow_bus import DBusError

KILLS, KILLS_SANITIZED = (50, 10) if os.environ.get("SWB_TEST_FULL") else (12, 4)
PARTS = 2
TWICE_MAX = 8 << 20
WORKERS = ("swb-fetch", "swb-install")
VICTIMS = [*WORKERS, "swbd", "all", "all", "server"]
RATES = {"delta": 3 << 20, "full": 12 << 20}  # bytes a second, so that there is a download to hit
WORKERS_SHARE = 0.6  # of an update's time that workers run
SETTLED_SECONDS = 90


class Killer:
    def __init__(self, chain, seed):
        self.chain, self.device = chain, chain.device
        self.dice = random.Random(seed)
        self.span = {}
        self.killed, self.when = collections.Counter(), collections.Counter()
        self.worst = 0

    # ---- one update ----

    def begin(self, kind):
        self.device.stop()
        self.device.renew()
        self.device.set("update", delta="yes" if kind == "delta" else "no")
        self.chain.proxy.reset()
        self.chain.proxy.rate = RATES[kind]
        self.device.client = self.device.client or self.device.bus.engine()
        self.device.start(wait=False)
        return time.monotonic()

    def run_until(self, end):
        """True at the time `end`, False when the update was complete before it."""
        device = self.device
        while time.monotonic() < end:
            if device.reboot_flag.exists():
                device.reboot()
            elif device.is_up() and device.is_on("2.0"):
                return False
            time.sleep(0.005)
        return True

    def measure(self, kind):
        begin = self.begin(kind)
        assert not self.run_until(begin + SETTLED_SECONDS), self.device.log()
        self.span[kind] = time.monotonic() - begin

    def check(self, kind):
        chain, device = self.chain, self.device
        chain.assert_slots(B="2.0")
        flags = device.flags()
        assert flags["A"] == (14, 0, 1) and (flags["B"][0], flags["B"][2]) == (15, 1)
        chain.server.wait_state(device.id, "up-to-date")
        payload = chain.releases.delta("1.0", "2.0") if kind == "delta" else chain.releases.full("2.0")
        twice = chain.proxy.n_bytes - payload.stat().st_size
        assert 0 <= twice <= TWICE_MAX, f"{twice} bytes came twice"
        self.worst = max(self.worst, twice)

    # ---- the kill ----

    def strike(self, victim):
        """Returns who was killed; the workers have to be there for that."""
        device = self.device
        if victim in WORKERS and device.kill_worker(victim):
            return victim
        if victim == "server":
            self.chain.server.kill()
            self.chain.start_server()
            return victim
        if victim == "all":
            device.plug_out()
            device.boot()
        else:
            victim = "swbd"
            device.kill()
        device.start()
        return victim

    def state(self):
        try:
            return self.device.get("State")
        except DBusError:
            return "starting"

    def round(self):
        """One update with one kill; an update that was over before it has none, and does not count."""
        kind, victim, moment = (self.dice.choice(sorted(RATES)), self.dice.choice(VICTIMS),
                                self.dice.random())
        if victim in WORKERS:
            moment *= WORKERS_SHARE
        begin = self.begin(kind)
        struck = self.run_until(begin + moment * self.span[kind])
        if struck:
            state = self.state()
            victim = self.strike(victim)
            self.killed[victim] += 1
            self.when[state] += 1
            print(f"kill {sum(self.killed.values())}: {kind}, {victim} at {moment:.3f}, {state}")
            self.device.see_through("2.0", SETTLED_SECONDS)
        self.check(kind)

    def summary(self):
        def text(counter):
            return ", ".join(f"{name} {n}" for name, n in sorted(counter.items()))
        return (f"{sum(self.killed.values())} kills ({text(self.killed)}) while {text(self.when)}; "
                f"each update ended on the right image, at most {self.worst / (1 << 20):.2f} MiB came twice")


@pytest.mark.parametrize("part", range(PARTS))
def test_kill_at_random_moments(chain, part, record_property):
    seed = int(os.environ.get("SWB_TEST_SEED", time.time_ns() // 1000000)) + part
    print(f"SWB_TEST_SEED={seed - part}")
    n = (KILLS_SANITIZED if is_sanitized(chain.device.build) else KILLS) // PARTS
    chain.publish("2.0")
    killer = Killer(chain, seed)
    for kind in RATES:
        killer.measure(kind)
        killer.check(kind)
    while sum(killer.killed.values()) < n:
        killer.round()
    chain.assert_slots(A="1.0")
    record_property("result", f"seed {seed - part}: {killer.summary()}")
