# SPDX-License-Identifier: Apache-2.0
"""An update from the check to the confirmed new system."""


def test_happy_path(device):
    data = device.offer("1.1")
    device.start()
    assert device.reboot() == "B"
    device.wait_state("idle")
    assert device.slot("B").read_bytes() == data
    status = device.all()
    assert status["CurrentVersion"] == "1.1"
    assert status["CurrentSlot"] == "B"
    assert device.flags()["B"] == (15, 2, 1)
    device.wait_event(54, 1)
    assert [event[:2] for event in device.events()] == [("13", "1"), ("14", "1"), ("3", "1"), ("54", "1")]
