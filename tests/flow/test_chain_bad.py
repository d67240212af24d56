# SPDX-License-Identifier: Apache-2.0
"""Releases that arrive whole and are no good: the device is back on the old system by itself, says why,
does not take that version again, and takes a later good one."""

import pytest

# True for the image of the one release whose kernel can't be loaded.
IS_BROKEN = '/sbin/debugfs -R "cat /etc/os-release" "$1" 2>/dev/null | grep -q VERSION_ID=2.0'


def unhealthy(device):
    """It comes up, and its application does not work."""
    device.set("health", timeout="1s",
               **{"check.app": f"! grep -q VERSION_ID=2.0 {device.folder}/os-release"})
    device.start()
    assert device.reboot() == "B"
    return device.reboot()


def without_kernel(device):
    """The boot loader can't start it at all."""
    device.load_command = f"! {IS_BROKEN}"
    device.start()
    return device.reboot()


def hanging(device):
    """It starts and never gets as far as the engine, as often as the boot loader tries."""
    device.start()
    device.wait(device.reboot_flag.exists, "the reboot command")
    device.stop()
    assert [device.boot() for _ in range(3)] == ["B"] * 3
    slot = device.boot()
    device.start()
    return slot


CASES = {"unhealthy": (unhealthy, "health", 5), "without-kernel": (without_kernel, "fell-back", 44),
         "hanging": (hanging, "fell-back", 44)}


@pytest.mark.parametrize("case", CASES)
def test_bad_release(chain, case):
    device, server = chain.device, chain.server
    play, fault, code = CASES[case]
    chain.publish("2.0")
    assert play(device) == "A"
    event = server.wait_event(device.id, 3, 0, fault)
    assert (event["errorcode"], event["next_version"]) == (code, "2.0")
    device.wait_state("idle")
    assert device.flags() == {"A": (device.flags()["A"][0], 0, 1), "B": (0, 0, 0)}
    chain.assert_slots(A="1.0")
    n_bytes = chain.proxy.n_bytes
    device.call("Check")
    server.wait_event(device.id, 3, 9, fault)
    known = server.device(device.id)
    assert (known["version"], known["state"], known["updated_at"]) == ("1.0", "failed", None)
    assert chain.proxy.n_bytes == n_bytes, "the bad version was downloaded again"
    chain.publish("3.0")
    device.see_through("3.0")
    chain.assert_slots(A="1.0", B="3.0")
    known = server.wait_state(device.id, "up-to-date")
    assert known["version"] == "3.0" and known["updated_at"]
