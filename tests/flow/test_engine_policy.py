# SPDX-License-Identifier: Apache-2.0
"""The gates of the running engine. The rules themselves are unit tests of src/device/policy."""

# So the device's clock counts as wrong: windows are closed, whatever time it is here.
FUTURE = "4000000000"


def closed_at_night(device):
    device.set("device", build_timestamp=FUTURE)
    device.set("reboot", windows="02:00-05:00")


def test_reboot_waits_for_its_window(device):
    device.offer("1.1")
    closed_at_night(device)
    device.start()
    device.wait_state("updated")
    device.wait_log("reboot: not now, clock")
    device.call("Reboot")
    assert device.reboot() == "B"


def test_deadline_opens_windows(device):
    device.offer("1.1", DEADLINE="now")
    closed_at_night(device)
    device.start()
    assert device.reboot() == "B"
    assert "not now" not in device.log()


def test_nothing_is_downloaded_on_a_metered_network(device):
    device.offer("1.1", delta=True)
    device.set("network", metered="yes", on_metered="no")
    device.start()
    device.wait_log("download: not now, metered")
    assert device.get("State") == "available" and not device.calls("install")
    device.stop()
    device.set("network", on_metered="delta")
    device.start()
    assert device.reboot() == "B"


def test_budget_stops_a_download_and_is_kept_over_a_restart(device):
    data = device.offer("1.1", n_bytes=20 << 20)
    device.set("network", day_limit="9M")
    device.steps("get", {"chunk": 1 << 18, "delay": 0.01})
    device.start()
    device.wait_log("download: not now, budget: 0 ")
    device.wait_state("available")
    assert 9 << 20 <= device.applied() < len(data)
    device.stop()
    device.start()
    device.wait_state("available")
    assert len(device.calls("get")) == 1
    device.call("Install")
    assert device.reboot() == "B"


def test_bad_policy_is_named(device):
    device.set("network", on_metered="perhaps")
    device.start(wait=False)
    assert device.process.wait(20) == 1
    device.process = None
    assert "[network] on-metered: 'perhaps'" in device.log()
