# SPDX-License-Identifier: Apache-2.0
"""The doctor: flags that were never written or are damaged, slots that can't be written; by hand, before
each update, and without swbd."""

import json
import pathlib
import re

import pytest

from flow_bus import DBusError
from flow_device import ENV_OFFSETS, ENV_SIZE

TOP = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture
def idle(device):
    """Runs, checks only when it is asked to, and does not reboot."""
    device.set("server", first_check="1h")
    device.set("reboot", automatic="no")
    device.start()
    device.wait_state("idle")
    return device


def spoil_copy(device, index):
    with (device.folder / "env.img").open("r+b") as env:
        env.seek(ENV_OFFSETS[index] + 20)
        env.write(b"spoilt")


def findings(device, *args):
    """{name: severity} and the exit status."""
    result = device.ctl("doctor", "--json", *args)
    assert result.returncode in (0, 1) and result.stderr == "", result.stderr
    report = json.loads(result.stdout)
    assert report["fit"] == (result.returncode == 0)
    assert all(finding["text"] and finding["advice"] for finding in report["findings"])
    return {finding["name"]: finding["severity"] for finding in report["findings"]}, result.returncode


def test_a_healthy_device(idle):
    before = (idle.folder / "env.img").read_bytes()
    result = idle.ctl("doctor")
    assert (result.returncode, result.stdout) == (0, "fit for updates\n")
    assert (idle.folder / "env.img").read_bytes() != before, "writing was proved by writing"
    assert idle.flags() == {"A": (15, 0, 1), "B": (0, 0, 0)}
    assert idle.call("Doctor") == []


@pytest.mark.parametrize("spoil", [
    lambda device: device.forget_flags(),
    lambda device: (device.folder / "env.img").write_bytes(bytes(ENV_OFFSETS[1] + ENV_SIZE)),
    lambda device: (device.folder / "env.img").write_bytes(b""),
    lambda device: (device.folder / "env.img").unlink(),
    lambda device: [spoil_copy(device, 0), spoil_copy(device, 1)],
], ids=["erased", "zero", "empty file", "no file", "two bad copies"])
def test_an_environment_that_was_never_written_does_not_stop_updates(device, spoil):
    """From the first start on, and again when the flags are lost while swbd runs."""
    device.set("server", first_check="1h")
    device.set("reboot", automatic="no")
    spoil(device)
    device.start()
    device.wait(lambda: device.get("State") == "idle" and device.flags()["A"] == (15, 3, 1),
                "the old system confirmed")
    spoil(device)
    device.offer("1.1")
    device.call("Check")
    device.wait_state("updated")
    assert "boot-empty" in device.log()
    assert device.flags() == {"A": (14, 3, 1), "B": (15, 3, 0)}
    device.call("Reboot")
    assert device.reboot() == "B"
    device.wait_event(54, 1)


@pytest.mark.parametrize("index", [0, 1])
def test_one_bad_copy_is_rebuilt_before_the_update(idle, index):
    spoil_copy(idle, index)
    idle.offer("1.1")
    idle.call("Check")
    idle.wait_state("updated")
    assert len(re.findall("doctor: boot-copy-bad", idle.log())) == 1
    assert findings(idle) == ({}, 0)


def test_by_hand_it_heals_and_says_so(idle):
    idle.forget_flags()
    result = idle.ctl("doctor")
    assert result.returncode == 0
    assert result.stdout.startswith("healed: boot-empty\n    ") and "what to do: " in result.stdout
    assert result.stdout.endswith("fit for updates\n")
    assert idle.flags() == {"A": (15, 3, 1), "B": (0, 0, 0)}, "what ran was known to be good"
    spoil_copy(idle, 1)
    assert findings(idle) == ({"boot-copy-bad": "healed"}, 0)
    assert findings(idle) == ({}, 0)


def test_a_slot_that_is_not_there_refuses_the_update(device):
    device.set("server", first_check="1h")
    device.set("slot.B", root="/dev/no-such-partition")
    device.start()
    device.wait_state("idle")
    device.offer("1.1")
    device.call("Check")
    device.wait(lambda: device.get("LastError") == "not-found", "the refusal")
    assert "/dev/no-such-partition" in device.get("LastErrorText")
    assert "device.conf" in device.get("LastErrorText"), "what to do"
    assert not device.calls("install") and device.flags()["A"] == (15, 0, 1)
    assert findings(device) == ({"slot-missing": "refused"}, 1)
    assert device.ctl("doctor").stdout.endswith("no update before this is mended\n")
    device.stop()
    device.set("slot.B", root=device.slot("B"))
    device.start()
    device.call("Install")
    device.reboot()


def test_a_boot_loader_that_counts_no_tries(device):
    device.set("server", first_check="1h")
    cmdline = (device.folder / "cmdline").read_text()
    (device.folder / "cmdline").write_text("swb.slot=A\n")
    device.forget_flags()
    device.start()
    device.wait(lambda: device.get("LastError") == "boot", "the refusal")
    assert device.flags()["A"] == (15, 3, 0), "healed all the same: the next boot may count"
    assert findings(device) == ({"tries-ignored": "refused"}, 1)
    (device.folder / "cmdline").write_text(cmdline)
    assert findings(device) == ({}, 0)
    device.wait_state("idle")
    assert device.get("LastError") == "", "updates go on without waiting for the next look"


def test_not_while_the_other_slot_is_written(idle):
    idle.offer("1.1")
    idle.steps("get", {"chunk": 16384, "delay": 0.1})
    idle.call("Check")
    idle.wait_state("downloading")
    with pytest.raises(DBusError) as failure:
        idle.call("Doctor")
    assert failure.value.name == "org.switchback.Error.Busy"
    idle.wait_state("updated")
    assert findings(idle) == ({}, 0), "that the flags name the other slot is as it should be"


def test_without_swbd(device):
    device.start()
    device.wait_state("idle")
    offline = ("doctor", "--offline", f"--config={device.config_path}")
    result = device.ctl(*offline)
    assert result.returncode == 1 and "another swbd" in result.stderr
    device.stop()
    (device.folder / "env.img").unlink()
    assert findings(device, *offline[1:]) == ({"boot-empty": "healed"}, 0)
    assert device.flags() == {"A": (15, 3, 0), "B": (0, 0, 0)}
    assert findings(device, *offline[1:]) == ({}, 0)
    (device.folder / "cmdline").write_text("quiet\n")
    assert findings(device, *offline[1:]) == ({"facts-unknown": "refused"}, 1)
    result = device.ctl("doctor", "--offline", "--config=/nonexistent")
    assert result.returncode == 1 and "/nonexistent" in result.stderr


def test_every_finding_is_described():
    source = (TOP / "src" / "device" / "doctor" / "findings.c").read_text()
    page = (TOP / "docs" / "man" / "swbctl.1.rst").read_text()
    names = set(re.findall(r'= *\{"([a-z-]+)", *(?:HEALED|WARNING|REFUSED)', source))
    assert len(names) > 10
    assert set(re.findall(r"^``([a-z-]+)`` \(", page, re.M)) == names
