# SPDX-License-Identifier: Apache-2.0
"""After the reboot: systems that are ill, that do not come up, flags and state that are lost."""

import os
import re
import time

import pytest

from flow_bus import DBusError


def install(device, version="1.1", **options):
    device.offer(version, **options)
    device.start()
    device.wait(device.reboot_flag.exists, "the reboot command")


def refuses_for_good(device, version, fault):
    """Neither the next check nor a person makes it take this version again; another one it takes."""
    n_installs = len(device.calls("install"))
    assert device.get("FailedVersions").keys() == {version}
    for verb in ("Check", "Install"):
        before = device.get("LastCheck")
        device.call(verb)
        device.wait(lambda: device.get("LastCheck") > before, "the check")
        device.wait_state("idle")
    device.wait_event(3, 9, fault)
    time.sleep(0.5)  # for its acknowledgement
    device.stop()
    device.start()
    device.call("Check")
    device.wait(lambda: device.get("LastError") == fault, "the refusal")
    assert len(device.calls("install")) == n_installs
    device.call("Check")
    device.wait_state("idle")
    assert len([event for event in device.events() if event[:2] == ("3", "9")]) == 1
    device.offer("1.3")
    device.set("health", **{"check.app": "true"})
    device.stop()
    device.start()
    device.call("Check")
    device.reboot()
    device.wait_event(54, 1)


def test_ill_system_is_left_for_good(device):
    device.set("health", **{"check.app": "echo no camera; exit 3"})
    install(device)
    assert device.reboot() == "B"
    device.wait_state("confirming", "rebooting")
    assert device.reboot() == "A", "back into the old system"
    device.wait_state("idle")
    assert device.get("CurrentVersion") == "1.0"
    assert device.flags() == {"A": (14, 0, 1), "B": (0, 0, 0)}
    event = device.wait_event(3, 0, "health")
    assert event[2:6] == ("5", "1.0", "1.1", "B") and "no camera" in event[7]
    assert not any(event[0] == "54" for event in device.events())
    assert "no camera" in device.get("FailedVersions")["1.1"]
    refuses_for_good(device, "1.1", "health")


def test_slow_start_is_not_illness(device):
    flag = device.folder / "ready"
    device.set("health", timeout="20s", **{"check.app": f"test -e {flag}"})
    install(device)
    device.reboot()
    device.wait_state("confirming")
    time.sleep(1.5)
    assert device.flags()["B"][2] == 0
    flag.touch()
    device.wait_event(54, 1)


def test_cut_while_leaving_an_ill_system(device):
    """Rejected, and the plug is pulled before the reboot command: the old system comes up."""
    device.set("health", **{"check.app": "false"})
    install(device)
    device.set("reboot", command="true")
    device.reboot()
    device.wait(lambda: device.get("LastError") == "health", "the verdict")
    device.kill()
    assert device.boot() == "A"
    device.start()
    device.wait_state("idle")
    assert device.get("FailedVersions").keys() == {"1.1"}
    device.wait_event(3, 0, "health")


def test_system_that_does_not_load_falls_back(device):
    install(device, image=b"no kernel in here" + os.urandom(100000))
    assert device.reboot() == "A"
    device.wait_state("idle")
    event = device.wait_event(3, 0, "fell-back")
    assert event[2:6] == ("44", "1.0", "1.1", "B")
    assert device.flags()["B"] == (0, 0, 0), "tries were left, but it must not start again"
    refuses_for_good(device, "1.1", "fell-back")


def use_up_tries(device):
    """The plug is pulled in each of the new system's boots."""
    device.stop()
    device.reboot_flag.unlink()
    assert [device.boot() for _ in range(4)] == ["B", "B", "B", "A"]
    device.start()
    device.wait_event(3, 0, "fell-back")


def check_until(device, condition, what):
    def step():
        if device.get("State") == "idle":
            device.call("Check")
        return condition()
    device.wait(step, what)


def test_version_that_the_boot_loader_left_gets_a_second_try(device):
    device.set("update", second_try="1h")
    install(device)
    use_up_tries(device)
    check_until(device, lambda: "second try 60 minutes after" in device.log(), "a refusal at first")
    device.stop()
    device.set("update", second_try="1s")
    device.start()
    check_until(device, device.reboot_flag.exists, "the reboot command")
    assert device.reboot() == "B"
    device.wait_event(54, 1)
    assert device.get("FailedVersions") == {}


def test_second_try_is_the_last(device):
    device.set("update", second_try="1s")
    install(device)
    use_up_tries(device)
    check_until(device, device.reboot_flag.exists, "the reboot command")
    use_up_tries(device)
    refuses_for_good(device, "1.1", "fell-back")


def test_system_that_hangs_uses_up_its_tries(device):
    """It starts, but swbd never gets to run: after three tries the boot loader falls back."""
    install(device)
    device.stop()
    assert [device.boot() for _ in range(4)] == ["B", "B", "B", "A"]
    device.start()
    device.wait_state("idle")
    device.wait_event(3, 0, "fell-back")
    assert device.flags()["B"] == (0, 0, 0)
    assert not any(event[0] == "54" for event in device.events())


def test_new_system_on_its_last_try(device):
    install(device)
    device.stop()
    assert [device.boot() for _ in range(3)] == ["B", "B", "B"]
    device.start()
    device.wait_event(54, 1)
    assert device.boot() == "B"


@pytest.mark.parametrize("loader_writes", [True, False])
@pytest.mark.parametrize("backend", ["uboot", "fake"])
def test_first_start_without_any_flags_heals(make_device, backend, loader_writes):
    """Whether the boot loader wrote flags of its own or none: slot A is confirmed and stays."""
    device = make_device(backend=backend)
    device.factory("1.0", flags=False)
    if not loader_writes:
        device.forget_flags()
    device.start()
    device.wait_state("idle")
    device.wait(lambda: device.flags()["A"][2] == 1, "slot A marked good")
    assert device.flags()["A"][0] > device.flags()["B"][0]
    assert device.events() == [], "no update, so no success to report"
    device.offer("1.1")
    device.call("Check")
    assert device.reboot() == "B"
    device.wait_event(54, 1)


def test_flags_destroyed_while_an_update_waits(device):
    install(device)
    device.kill()
    (device.folder / "env.img").write_bytes(os.urandom(0x20000))
    slot = device.boot()
    device.start()
    device.wait_state("idle", "updated", "rebooting")
    if slot == "A":
        device.reboot()
    device.wait_event(54, 1)
    assert device.get("CurrentVersion") == "1.1"


def test_flags_of_a_slot_that_cannot_run_are_repaired(device):
    """Priority 0 for the slot that runs: somebody else wrote that."""
    device.flags()
    device.bench_boot("--init")
    import subprocess
    path = os.environ["PATH"] + ":/sbin:/usr/sbin"
    subprocess.run(["fw_setenv", "-c", device.folder / "fw_env.config", "swb_A_priority", "0"],
                   check=True, timeout=30, env={**os.environ, "PATH": path})
    device.start()
    device.wait_state("idle")
    device.wait(lambda: device.flags()["A"] == (15, 3, 1), "slot A marked good")


def test_ill_system_stays_where_there_is_no_other(make_device):
    """A factory image whose checks fail is still better than a boot loader without a slot."""
    device = make_device()
    device.factory("1.0", flags=False)
    device.set("health", **{"check.app": "exit 1"})
    device.start()
    device.wait_state("idle")
    assert device.get("LastError") == "health"
    device.wait_event(3, 0, "health")
    assert device.flags()["A"][2] == 1
    assert not device.reboot_flag.exists()


@pytest.mark.parametrize("cmdline, fault", [("root=/dev/sda1 quiet\n", "config"),
                                            ("swb.slot=Q swb.boot=1\n", "config"),
                                            ("swb.slot=A\n", "boot"), ("swb.slot=A swb.boot=0\n", "boot")])
def test_without_slot_or_marker_no_updates(device, cmdline, fault):
    """The device keeps running, swbd stays and says why; it looks again when asked."""
    good = (device.folder / "cmdline").read_text()
    (device.folder / "cmdline").write_text(cmdline)
    device.offer("1.1")
    device.start()
    device.wait(lambda: device.get("LastError") == fault, "the error")
    assert "cmdline" in device.get("LastErrorText")
    for verb in ("Check", "Install", "Reboot"):
        with pytest.raises(DBusError) as error:
            device.call(verb)
        assert error.value.name == f"org.switchback.Error.{fault.capitalize()}"
    assert device.get("NextCheck") == 0 and not device.calls("check")
    if fault == "boot":
        device.wait_event(3, 0, "boot")
    (device.folder / "cmdline").write_text(good)
    device.call("Check")
    device.wait(lambda: not device.get("LastError"), "no error any more")
    assert device.reboot() == "B"


def fake_device(make_device, failure):
    device = make_device(backend="fake")
    device.factory("1.0")
    device.set("boot", place=f"{device.place}:fail={failure}")
    return device


def test_flags_that_cannot_be_read_mean_no_updates(make_device):
    device = fake_device(make_device, "read")
    device.offer("1.1")
    device.start()
    device.wait(lambda: device.get("LastError") == "boot", "the error")
    assert not device.calls("check")
    device.wait_event(3, 0, "boot")


@pytest.mark.parametrize("failure", ["store", "lie"])
def test_flags_that_cannot_be_stored_keep_the_slot_untouched(make_device, failure):
    """Also when the store only pretends: what is read back decides."""
    device = fake_device(make_device, failure)
    (device.folder / "flags").write_text("A_priority=15\nA_tries=0\nA_successful=1\nB_priority=14\n"
                                         "B_tries=0\nB_successful=1\n")
    before = device.slot("B").read_bytes()
    device.offer("1.1")
    device.start()
    device.wait(lambda: device.get("LastError") == "boot", "the error")
    device.wait_event(3, 0, "boot")
    assert not device.calls("install")
    assert device.slot("B").read_bytes() == before


def test_failing_activation_is_tried_again_and_reported(make_device):
    device = make_device(backend="fake")
    device.factory("1.0")
    device.offer("1.1")
    device.steps("install", {"verify_delay": 1.5})
    device.start()
    device.wait_state("downloading", "verifying")
    flags = device.folder / "flags"
    text = flags.read_text()
    flags.unlink()
    flags.mkdir()
    device.wait_state("held")
    assert device.get("LastError") == "boot"
    device.wait_event(3, 0, "boot")
    assert not device.reboot_flag.exists()
    flags.rmdir()
    flags.write_text(text)
    device.call("Install")
    assert device.reboot() == "B"
    device.wait_event(54, 1)


def test_slot_that_cannot_be_marked_good(make_device):
    """Never ignored: an error, a report, and again and again; no success before it worked."""
    device = make_device(backend="fake")
    device.factory("1.0")
    install(device)
    device.stop()
    device.boot()
    place = device.place
    device.set("boot", place=f"{place}:fail=store")
    device.start()
    device.wait(lambda: device.get("LastError") == "boot", "the error")
    assert device.get("State") == "confirming"
    device.wait_event(3, 0, "boot")
    device.wait(lambda: len(re.findall("can't be marked good", device.log())) >= 2, "another try",
                seconds=60)
    assert not any(event[0] == "54" for event in device.events())
    device.kill()
    device.set("boot", place=place)
    device.start()
    device.wait_event(54, 1)
    assert len([event for event in device.events() if event[6] == "boot"]) == 1


def test_image_with_another_name_is_not_taken_twice(device):
    """Announced as 1.2, calls itself 1.1: runs, but would be offered and installed for ever."""
    device.offer("1.2", image=device.fake_image("1.1"))
    device.start()
    device.reboot()
    device.wait_event(54, 1)
    device.wait_state("idle")
    assert device.get("CurrentVersion") == "1.1"
    device.call("Check")
    device.wait_event(3, 9, "downgrade")
    device.wait_state("idle")
    assert len(device.calls("install")) == 1


@pytest.mark.parametrize("offered", ["1.0", "0.9", "1.0.0", "1.0-rc1"])
def test_equal_and_older_versions_are_refused(device, offered):
    device.steps("check", {"answer": {"STATUS": "ok", "VERSION": offered, "URL_COUNT": "1",
                                      "URL_0": "http://127.0.0.1:9/x", "SIZE": "5",
                                      "SHA256": "0" * 64, "DELTA": "false"}})
    device.start()
    device.wait(lambda: device.get("LastError") == "downgrade", "the refusal")
    device.wait_event(3, 9, "downgrade")
    assert not device.calls("install") and device.get("AvailableVersion") == ""


def test_damaged_state_is_set_aside(device):
    install(device)
    device.reboot()
    device.wait_event(54, 1)
    device.kill()
    state = device.state_dir / "engine.state"
    state.write_bytes(state.read_bytes()[:-10])
    device.start()
    device.wait_state("idle")
    assert (device.state_dir / "engine.state.damaged").exists()
    assert "set aside" in device.log()
    device.offer("1.2")
    device.call("Check")
    assert device.reboot() == "A"


def test_unreadable_state_is_not_replaced(device):
    """What can't be read now may be readable later: no updates until then, and nothing is overwritten."""
    install(device)
    device.kill()
    state, aside = device.state_dir / "engine.state", device.folder / "aside"
    state.rename(aside)
    state.mkdir()
    assert device.boot() == "B"
    device.start()
    device.wait(lambda: device.get("LastError") == "io", "the error")
    time.sleep(0.5)
    assert state.is_dir() and device.flags()["B"][2] == 0
    state.rmdir()
    aside.rename(state)
    with pytest.raises(DBusError) as error:
        device.call("Check")  # takes up what was going on, which a check must not disturb
    assert error.value.name == "org.switchback.Error.Busy"
    device.wait_event(54, 1)


def test_state_lost_after_the_reboot(device):
    """Nothing is known of the new system: it has to pass its checks like any other stranger."""
    device.set("health", **{"check.app": f"test ! -e {device.folder}/ill"})
    install(device)
    device.stop()
    device.boot()
    (device.state_dir / "engine.state").unlink()
    (device.folder / "ill").touch()
    device.start()
    assert device.reboot() == "A"
    device.wait_state("idle")
    assert device.get("FailedVersions").keys() == {"1.1"}


def test_state_that_cannot_be_stored_stops_the_update(device):
    """What could not be taken up again after a cut is not begun."""
    device.offer("1.1")
    device.set("server", first_check="1h")
    device.start()
    device.wait_state("idle")
    (device.state_dir / "engine.state.tmp").mkdir()
    temporary = [path for path in device.state_dir.iterdir()]
    device.call("Install")
    device.wait(lambda: device.get("LastError") not in ("", None) or device.reboot_flag.exists(),
                f"an error; {temporary}")
    assert device.get("LastError")
    assert not device.calls("install")
