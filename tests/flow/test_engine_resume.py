# SPDX-License-Identifier: Apache-2.0
"""Kills, cuts and cancels at any moment: the update goes on from where it was."""

import os
import random
import re
import signal
import subprocess
import time

import pytest

from flow_bus import DBusError

SLOW = {"chunk": 8192, "delay": 0.02}


def offset_of(call):
    return int(next(arg for arg in call["args"] if arg.startswith("--offset=")).split("=")[1])


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def wait_bytes(device, n=70000):
    """Until so many are applied, not only downloaded."""
    device.wait(lambda: device.applied() > n, f"{n} bytes")


def finish(device, data):
    """The update goes through and 1.1 is confirmed, written right."""
    assert device.reboot() == "B"
    device.wait_event(54, 1)
    assert device.slot("B").read_bytes() == data
    assert device.flags()["B"][2] == 1
    assert device.get("CurrentVersion") == "1.1"


@pytest.mark.parametrize("how", ["kill", "stop", "power_cycle"])
def test_download_resumes(device, how):
    data = device.offer("1.1")
    device.steps("get", SLOW, {})
    device.start()
    wait_bytes(device)
    device.wait_log("1 events reported")  # what was cut while it was reported is reported again
    workers = [call["pid"] for call in device.calls() if call["name"] in ("get", "install")]
    if how == "power_cycle":
        assert device.power_cycle() == "A"
    else:
        status = getattr(device, how)()
        assert how == "kill" or status == 0
        device.wait(lambda: not any(map(is_alive, workers)), "the workers' end")
        device.start()
    finish(device, data)
    assert len(device.calls("check")) == 1, "a resume needs no new check"
    first, second = device.calls("get")
    assert offset_of(first) == 0 and offset_of(second) > 70000
    assert [event[0] for event in device.events()].count("13") == 1
    assert not any(event[1] == "0" for event in device.events()), "a cut is no failure"


def test_workers_die_with_the_daemon_even_if_deaf(device):
    device.offer("1.1")
    device.steps("get", {"deaf": True, **SLOW})
    device.steps("install", {"deaf": True})
    device.start()
    wait_bytes(device, 20000)
    workers = [call["pid"] for call in device.calls() if call["name"] in ("get", "install")]
    assert all(map(is_alive, workers))
    device.kill()
    device.wait(lambda: not any(map(is_alive, workers)), "the workers' end")


def test_cancel_keeps_every_byte(device):
    data = device.offer("1.1", delta=True)
    device.steps("get", SLOW, {})
    device.start()
    wait_bytes(device)
    device.call("Cancel")
    device.wait_state("available")
    assert device.get("LastError") == ""
    with pytest.raises(DBusError) as error:
        device.call("Cancel")
    assert error.value.name == "org.switchback.Error.NotFound"
    time.sleep(1.5)
    assert len(device.calls("get")) == 1, "cancelled is cancelled"
    device.call("Install")
    finish(device, data)
    first, second = device.calls("get")
    assert offset_of(second) > 70000
    assert not any("--no-delta" in call["args"] for call in device.calls("check"))
    assert not any(event[1] == "0" for event in device.events()), "a cancel is no failure"


def test_cancelled_update_goes_on_after_the_next_check(device):
    data = device.offer("1.1")
    device.steps("get", SLOW, {})
    device.start()
    wait_bytes(device)
    device.call("Cancel")
    device.wait_state("available")
    device.call("Check")
    finish(device, data)
    assert offset_of(device.calls("get")[1]) > 70000


def test_cancel_of_a_check(device):
    device.offer("1.1")
    device.steps("check", {"hang": True}, {})
    device.start()
    device.wait(lambda: device.calls("check"), "the check")
    device.call("Cancel")
    device.wait_state("idle")
    assert device.get("LastError") == ""
    assert not device.calls("install")
    device.call("Check")
    device.reboot()


def test_cancel_of_deaf_workers_ends_them(device):
    device.offer("1.1")
    device.steps("get", {"deaf": True, **SLOW})
    device.steps("install", {"deaf": True})
    device.start()
    wait_bytes(device, 20000)
    device.call("Cancel")
    device.wait_state("available")
    assert not any(is_alive(call["pid"]) for call in device.calls() if call["name"] in ("get", "install"))


def test_killed_worker_is_started_again_and_resumes(device):
    """The download's and the installer's death from outside are nobody's fault: the delta stays."""
    data = device.offer("1.1", delta=True, n_bytes=600000)
    device.steps("install", {"stop_after": 150000, "then_signal": signal.SIGKILL},
                 {"stop_after": 150000, "then_signal": signal.SIGKILL}, {})
    device.steps("get", {}, {"stop_after": 100000, "then_signal": signal.SIGKILL}, {})
    device.start()
    finish(device, data)
    offsets = [offset_of(call) for call in device.calls("get")]
    assert offsets == sorted(offsets) and offsets[1] >= 150000
    assert not any("--no-delta" in call["args"] for call in device.calls("check"))


def test_network_gone_then_back(device):
    data = device.offer("1.1")
    device.steps("get", {"stop_after": 70000, "fault": "network"}, {"fault": "network"}, {})
    device.start()
    device.wait(lambda: device.get("LastError") == "network", "the error")
    finish(device, data)
    assert offset_of(device.calls("get")[1]) == 131072, "all that came was applied"
    codes = {event[2] for event in device.events() if event[:2] == ("3", "0")}
    assert codes == {"9"}


def test_new_links_for_the_same_payload_resume(device):
    """The payload is its hash: with other URLs it goes on at the same byte."""
    data = device.offer("1.1")
    device.steps("get", SLOW, {})
    device.start()
    wait_bytes(device)
    device.call("Cancel")
    device.wait_state("available")
    moved = device.folder / "elsewhere"
    moved.write_bytes(data)
    device.scenario["offers"][0]["payload"] = str(moved)
    device.write_scenario()
    device.call("Check")
    finish(device, data)
    second = device.calls("get")[1]
    assert any(arg.endswith("/elsewhere") for arg in second["args"]) and offset_of(second) > 70000


def test_withdrawn_update_is_dropped(device):
    device.offer("1.1")
    device.steps("get", SLOW)
    device.start()
    wait_bytes(device)
    device.call("Cancel")
    device.wait_state("available")
    device.scenario["offers"] = []
    device.write_scenario()
    device.call("Check")
    device.wait_state("idle")
    assert device.get("AvailableVersion") == ""
    device.stop()
    device.start()
    device.wait_state("idle")
    assert len(device.calls("install")) == 1


def test_newer_update_takes_the_place_of_one_half_done(device):
    device.offer("1.1")
    device.steps("get", SLOW, {})
    device.start()
    wait_bytes(device)
    device.call("Cancel")
    device.wait_state("available")
    data = device.offer("1.2")
    device.call("Check")
    assert device.reboot() == "B"
    device.wait_event(54, 1)
    assert device.slot("B").read_bytes() == data
    assert offset_of(device.calls("get")[1]) == 0


def set_flags(device, **flags):
    device.flags()  # writes fw_env.config
    path = os.environ["PATH"] + ":/sbin:/usr/sbin"
    script = "".join(f"swb_{key}={value}\n" for key, value in flags.items())
    subprocess.run(["fw_setenv", "-c", device.folder / "fw_env.config", "-s", "-"], input=script,
                   text=True, check=True, timeout=30, env={**os.environ, "PATH": path})


def test_cut_between_state_and_flags(device):
    """The state says installed, the flags were not stored: they are set at the next start."""
    device.offer("1.1")
    device.set("reboot", automatic="no")
    device.start()
    device.wait_state("updated")
    device.kill()
    set_flags(device, B_priority=0, B_tries=0, A_priority=15)
    assert device.boot() == "A"
    device.start()
    device.wait_state("updated")
    assert device.flags()["B"] == (15, 3, 0)
    assert len(device.calls("install")) == 1
    device.stop()
    device.start()
    device.wait_state("updated")
    device.call("Reboot")
    assert device.reboot() == "B"


def test_cut_after_the_flags(device):
    """Pulled before the orderly reboot: the new system comes up, and is confirmed."""
    device.offer("1.1")
    device.set("reboot", automatic="no")
    device.start()
    device.wait_state("updated")
    assert device.power_cycle() == "B"
    device.wait_event(54, 1)


def test_cut_after_marking_good(device):
    """The flag is stored, the state is not: success is still reported, once."""
    device.offer("1.1")
    device.start()
    device.wait(device.reboot_flag.exists, "the reboot command")
    device.kill()
    before = (device.state_dir / "engine.state").read_bytes()
    device.boot()
    device.steps("report", {"fault": "network"})
    device.start()
    device.wait_state("idle")
    assert device.flags()["B"][2] == 1
    device.kill()
    (device.state_dir / "engine.state").write_bytes(before)
    device.steps("report", {})
    device.start()
    device.wait_event(54, 1)
    device.wait_state("idle")
    assert len([event for event in device.events() if event[0] == "54"]) == 1


def test_restart_while_confirming(device):
    device.offer("1.1")
    device.set("health", **{"check.slow": "sleep 1", "timeout": "10s", "check-timeout": "5s"})
    device.start()
    device.reboot()
    device.wait_state("confirming")
    device.kill()
    device.start()
    device.wait_event(54, 1)


def test_twenty_kills_and_cuts_at_random(device):
    """Something dies every fraction of a second: the update gets through all the same.

    Each download gets stuck after 64 KiB, so that all of the kills come before the end."""
    dice = random.Random(20261122)
    data = device.offer("1.1", n_bytes=25 << 16)
    device.steps("get", {"chunk": 8192, "delay": 0.005, "hang_after": 1 << 16})
    device.start()
    for victim in dice.choices(["swbd", "worker", "plug"], k=20):
        time.sleep(dice.uniform(0.05, 0.6))
        assert not device.reboot_flag.exists()
        if victim == "swbd":
            device.kill()
            device.start()
        elif victim == "plug":
            assert device.power_cycle() == "A"
        else:
            for call in device.calls()[-2:]:
                if call["name"] in ("get", "install") and is_alive(call["pid"]):
                    os.kill(call["pid"], signal.SIGKILL)
        assert device.flags()["A"][2] == 1, "the running slot stays good all the time"
    device.steps("get", {})
    device.kill()
    device.start()
    if device.get("CurrentVersion") != "1.1":
        device.wait(lambda: device.reboot_flag.exists() or device.get("CurrentVersion") == "1.1",
                    "the installed update", seconds=120)
    if device.get("CurrentVersion") != "1.1":
        device.reboot()
    device.wait_event(54, 1)
    assert device.slot("B").read_bytes() == data
    offsets = [offset_of(call) for call in device.calls("get")]
    assert offsets == sorted(offsets), f"progress was lost: {offsets}"
    assert not re.search(r"asking for the full|rejected", device.log())
