# SPDX-License-Identifier: Apache-2.0
"""The engine with the real programs beside it: swb-pack, swb-server, swb-fetch, swb-install, ext4 slots."""

import random
import re
import time

import pytest

from flow_device import is_sanitized
from flow_server import Workshop


@pytest.fixture
def fleet(make_device, server, workshop):
    """(device with 1.0 that is not started, server with full and delta to 1.1, image of 1.1)"""
    one, two = workshop.image("1.0"), workshop.image("1.1")
    # The reference profile has shorter operations, so there are several to be cut between.
    server.publish(workshop.full(two, "--profile=chromeos"))
    server.publish(workshop.delta(one, two))
    device = make_device(fake=False)
    device.connect(server, workshop)
    device.factory(image=one.path)
    return device, server, two


def numbers(server):
    return [(event["type"], event["result"]) for event in server.events()]


def confirmed(device, server, image):
    """The new system runs, is byte for byte what was packed, and the server knows."""
    device.wait(lambda: (54, 1) in numbers(server), "the success at the server")
    device.wait_state("idle")
    assert device.slot("B").read_bytes() == image.read()
    assert device.get("CurrentVersion") == image.version and device.get("CurrentSlot") == "B"
    assert device.flags()["B"][2] == 1


def test_delta_update(fleet):
    device, server, two = fleet
    device.start()
    assert device.reboot() == "B"
    confirmed(device, server, two)
    assert "delta payload" in device.log() and "full payload" not in device.log()
    assert numbers(server) == [(13, 1), (14, 1), (3, 1), (54, 1)]
    device.call("Check")
    device.wait_log("no update")


@pytest.fixture
def opening(make_device, server, workshop):
    """The same with two deltas: one opens the initrd, the other needs nothing of the device."""
    one, two = workshop.image("1.0", n_files=3, packed="gzip"), workshop.image("1.1", n_files=3, packed="gzip")
    small = workshop.delta(one, two, "--minor=1004")
    large = workshop.delta(one, two, "--minor=1004", "--encoders=none")
    assert 4 * small.size < large.size
    for payload in (workshop.full(two), large, small):
        server.publish(payload)
    device = make_device(fake=False)
    device.connect(server, workshop)
    device.factory(image=one.path)
    return device, server, two, small, large


def updates_with(wanted, device, server, two):
    """With this delta of those that there are, at the first try."""
    device.start()
    assert device.reboot() == "B"
    confirmed(device, server, two)
    assert "full payload" not in device.log() and f"{wanted.size} bytes" in device.log()
    assert numbers(server) == [(13, 1), (14, 1), (3, 1), (54, 1)]


@pytest.mark.parametrize("gives", ["26M", "0"])
def test_the_delta_that_it_can_apply(opening, gives):
    device, server, two, small, large = opening
    device.set("update", open_memory=gives)
    updates_with(small if gives == "26M" else large, device, server, two)


@pytest.mark.parametrize("gives", ["400M", "26M"])
def test_devices_with_more_memory(make_device, server, workshop, gives):
    """What is in xz as a kernel is opens only there, under a limit that grows by as much; others get a delta all the same."""
    one, two = (workshop.image(version, n_files=3, packed="xz") for version in ("1.0", "1.1"))
    small, large = workshop.delta(one, two, "--open-memory=400M"), workshop.delta(one, two)
    assert 4 * small.size < large.size
    for payload in (workshop.full(two), large, small):
        server.publish(payload)
    device = make_device(fake=False)
    device.connect(server, workshop)
    device.factory(image=one.path)
    device.set("update", open_memory=gives)
    updates_with(small if gives == "400M" else large, device, server, two)


def test_a_delta_that_it_can_not_apply_costs_nothing(opening):
    """It said that it can, and can't: refused before a byte is written, and the full one taken."""
    device, server, two, _, _ = opening
    program = device.folder / "says-too-much"
    program.write_text("#!/bin/sh\ncase \"$1\" in --abilities) echo 1004 26 1024 gzip;;\n"
                       f"*) exec {device.program('swb-install')} \"$@\" --open-memory=0 "
                       f"{'--memory-limit=0' if is_sanitized(device.build) else ''};; esac\n")
    program.chmod(0o755)
    device.set("workers", install=program)
    device.start()
    assert device.reboot() == "B"
    confirmed(device, server, two)
    failure = next(event for event in server.events() if (event["type"], event["result"]) == (3, 0))
    assert failure["fault"] == "unsupported" and "of memory" in failure["text"]
    assert "asking for the full payload" in device.log()


def test_changed_source_gets_the_full_payload(fleet):
    """The running slot is not what the delta was made from: found out, and the full one taken at once."""
    device, server, two = fleet
    with device.slot("A").open("r+b") as slot:
        data = slot.read()
        place = data.index(b"VERSION_ID=1.0") - 3  # inside the file that changes between the versions
        slot.seek(place)
        slot.write(b"X")
    device.start()
    assert device.reboot() == "B"
    confirmed(device, server, two)
    assert "asking for the full payload" in device.log()
    failure = next(event for event in server.events() if (event["type"], event["result"]) == (3, 0))
    assert failure["fault"] == "source" and failure["errorcode"] == 20


def test_cuts_at_random_times(fleet):
    """The plug is pulled again and again while a full payload comes in slowly."""
    device, server, two = fleet
    dice = random.Random(7)
    device.set("update", delta="no", max_rate="1M")
    device.start()
    device.wait(device.installed_bytes, "a checkpoint, so that one start resumes")
    for _ in range(6):
        time.sleep(dice.uniform(0.3, 1.2))
        if device.power_cycle() == "B":
            break  # the cut came after the switch
        assert device.flags()["A"] == (15, 0, 1)
    else:
        device.reboot()
    confirmed(device, server, two)
    offsets = [int(n) for n in re.findall(r"resuming at byte (\d+)", device.log())]
    assert offsets and offsets == sorted(offsets)


def test_cancel_and_resume(fleet):
    device, server, two = fleet
    device.set("update", delta="no", max_rate="1M")
    device.start()
    durable = device.wait(device.installed_bytes, "a checkpoint after the first operation")
    device.call("Cancel")
    device.wait_state("available")
    device.call("Install")
    device.wait_log("resuming at byte")
    resumed = int(re.search(r"resuming at byte (\d+)", device.log()).group(1))
    assert resumed >= durable, "lost is at most what the operation at hand had so far"
    device.reboot()
    confirmed(device, server, two)


def test_system_that_does_not_boot(make_device, server, workshop):
    one, bad = workshop.image("1.0"), workshop.image("1.1", bootable=False)
    server.publish(workshop.full(bad))
    device = make_device(fake=False)
    device.connect(server, workshop)
    device.factory(image=one.path)
    device.start()
    assert device.reboot() == "A"
    device.wait(lambda: any(event["fault"] == "fell-back" for event in server.events()), "the report")
    device.wait_state("idle")
    assert device.flags()["B"] == (0, 0, 0)
    device.call("Check")
    device.wait(lambda: device.get("LastError") == "fell-back", "the refusal")
    assert device.log().count("-> downloading") == 1


def test_payload_of_a_stranger_is_not_installed(fleet, tmp_path, build):
    device, server, _ = fleet
    stranger = Workshop(tmp_path / "stranger", build)
    (device.keys_dir / "workshop.pem").write_bytes(stranger.public.read_bytes())
    before = device.slot("B").read_bytes()
    device.start()
    device.wait(lambda: device.get("LastError") == "signature", "the error")
    assert device.flags()["B"] == (0, 0, 0)
    assert device.slot("B").read_bytes() == before
    device.wait(lambda: any(event["fault"] == "signature" for event in server.events()), "the report")


def test_server_that_is_away_for_a_while(fleet):
    device, server, two = fleet
    server.stop()
    device.set("server", check_interval="2s")
    device.start()
    device.wait(lambda: device.get("LastError") == "network", "the error")
    device.wait_state("idle")
    server.start()
    device.reboot()
    confirmed(device, server, two)
