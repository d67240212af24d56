# SPDX-License-Identifier: Apache-2.0
"""What decides on a new system: units, a call on the bus, the server; and the watchdog meanwhile."""

import os

import pytest

from flow_bus import GLib, Neighbour

# "is-active -- UNIT" as systemctl answers it, from a file UNIT beside this program.
SYSTEMCTL = """#!/bin/sh
[ "$1 $2" = "is-active --" ] || exit 9
state=$(cat "${0%/*}/$3") && echo "$state" && [ "$state" = active ]
"""


@pytest.fixture(name="units")
def make_units(tmp_path, monkeypatch):
    """A folder with one file for each unit, which holds its state."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "systemctl").write_text(SYSTEMCTL)
    (folder / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


@pytest.fixture(name="application")
def make_application(bus):
    well = {"is": True}
    service = Neighbour(bus, "com.example.App", "/com/example/App", "com.example.App",
                        '<method name="IsWell"><arg type="b" direction="out"/></method>',
                        methods={"IsWell": lambda: GLib.Variant("(b)", (well["is"],))})
    service.well = well
    yield service
    service.close()


def update(device, version="1.1"):
    device.offer(version)
    device.start()
    return device.reboot()


def test_all_kinds_of_checks_and_the_watchdog(device, units, application):
    """Each is waited for in turn; the watchdog is fed meanwhile, and stopped by the verdict."""
    watchdog = device.folder / "watchdog"
    watchdog.touch()
    (units / "boot-complete.target").write_text("inactive")
    application.well["is"] = False
    device.set("health", timeout="60s", server="yes", watchdog=watchdog, watchdog_timeout="3s",
               **{"unit.boot": "boot-complete.target",
                  "dbus.app": "com.example.App /com/example/App com.example.App IsWell"})
    assert update(device) == "B"
    device.wait_state("confirming")
    device.wait(lambda: len(watchdog.read_bytes()) > 3, "food")
    assert device.flags()["B"][2] == 0 and not application.calls
    (units / "boot-complete.target").write_text("active")
    device.wait(lambda: application.calls, "the call")
    assert device.flags()["B"][2] == 0 and not device.calls("reach")
    application.well["is"] = True
    device.wait_event(54, 1)
    assert device.calls("reach")
    food = watchdog.read_bytes()
    assert food.endswith(b"wV") and food.count(b"V") == 1


def test_failing_unit_is_named_and_the_watchdog_bites(device, units):
    watchdog = device.folder / "watchdog"
    watchdog.touch()
    (units / "app.service").write_text("failed")
    device.set("health", timeout="1s", watchdog=watchdog, **{"unit.app": "app.service"})
    assert update(device) == "B"
    assert device.reboot() == "A"
    event = device.wait_event(3, 0, "health")
    assert "health check 'app': exit status 1: failed" in event[7]
    assert watchdog.read_bytes().strip(b"w") == b"", "it was stopped in an ill system"
    assert len(watchdog.read_bytes()) > 0


def test_application_that_says_no_is_named(device, application):
    application.well["is"] = False
    device.set("health", timeout="1s", **{
        "dbus.app": "com.example.App /com/example/App com.example.App IsWell"})
    update(device)
    assert device.reboot() == "A"
    event = device.wait_event(3, 0, "health")
    assert "health check 'app': exit status 1: b false" in event[7]


def test_service_that_is_not_there_is_named(device):
    device.set("health", timeout="1s", **{
        "dbus.app": "com.example.App /com/example/App com.example.App IsWell"})
    update(device)
    assert device.reboot() == "A"
    assert "com.example.App" in device.wait_event(3, 0, "health")[7]


def test_server_that_is_out_of_reach_is_named(device):
    """By the real swb-fetch: nothing listens at the address of the server."""
    device.set("health", timeout="1s", server="yes")
    device.offer("1.1")
    device.start()
    device.wait(device.reboot_flag.exists, "the reboot command")
    device.set("workers", fetch=device.program("swb-fetch"))
    assert device.reboot() == "B"
    assert device.reboot() == "A"
    assert "health check 'server'" in device.get("FailedVersions")["1.1"]


def test_real_server_is_reached(device, server):
    device.set("health", server="yes")
    device.offer("1.1")
    device.start()
    device.wait(device.reboot_flag.exists, "the reboot command")
    device.set("workers", fetch=device.program("swb-fetch"))
    device.set("server", url=server.url)
    assert device.reboot() == "B"
    device.wait(lambda: device.flags()["B"][2] == 1, "slot B marked good")


def test_confirming_goes_on_without_a_watchdog(device):
    device.set("health", watchdog=device.folder / "nowhere", **{"check.app": "true"})
    update(device)
    device.wait_event(54, 1)
    assert "confirming without a watchdog" in device.log()


def test_version_that_failed_is_taken_again_with_a_higher_attempt(device):
    """The same answer again is not enough; whoever makes another rollout wants another try."""
    device.set("health", timeout="1s", **{"check.app": "false"})
    device.offer("1.1", ATTEMPT="7")
    device.start()
    assert device.reboot() == "B"
    assert device.reboot() == "A"
    device.wait_state("idle")
    device.call("Check")
    device.wait(lambda: device.get("LastError") == "health", "the refusal")
    assert len(device.calls("install")) == 1
    device.stop()
    device.set("health", **{"check.app": "true"})
    device.start()
    device.offer("1.1", ATTEMPT="8")
    device.call("Check")
    assert device.reboot() == "B"
    device.wait_event(54, 1)
    assert device.get("FailedVersions") == {}
