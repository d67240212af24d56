# SPDX-License-Identifier: Apache-2.0
"""Pack, serve, install, reboot, confirm: all programs together."""

import pytest


@pytest.mark.parametrize("kind", ["delta", "full"])
def test_happy_path(chain, kind):
    device, server = chain.device, chain.server
    gate = device.folder / "healthy"
    device.set("health", **{"check.app": f"test -e {gate}", "timeout": "60s"})
    if kind == "full":
        device.set("update", delta="no")
    chain.publish("2.0")
    device.start()
    assert device.reboot() == "B"
    device.wait_state("confirming")
    assert server.device(device.id)["state"] == "installed"
    assert device.flags() == {"A": (14, 0, 1), "B": (15, 2, 0)}
    chain.assert_slots(A="1.0", B="2.0")
    gate.touch()
    device.wait_state("idle")
    server.wait_state(device.id, "up-to-date")
    assert device.flags() == {"A": (14, 0, 1), "B": (15, 2, 1)}
    chain.assert_slots(A="1.0", B="2.0")
    status = device.all()
    expected = {"CurrentVersion": "2.0", "CurrentSlot": "B", "OtherSlot": "A", "LastError": "",
                "NeedsReboot": False, "AvailableVersion": ""}
    assert {key: status[key] for key in expected} == expected
    payload = chain.releases.full("2.0") if kind == "full" else chain.releases.delta("1.0", "2.0")
    assert chain.proxy.n_bytes == payload.stat().st_size
    assert [(e["type"], e["result"]) for e in server.events_of(device.id)] == \
        [(13, 1), (14, 1), (3, 1), (54, 1)]
    known = server.device(device.id)
    assert (known["version"], known["slot"], known["reason"]) == ("2.0", "B", "")
