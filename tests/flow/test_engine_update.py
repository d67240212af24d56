# SPDX-License-Identifier: Apache-2.0
"""An update from the check to the confirmed new system, by itself and step by step."""

import pytest

from flow_bus import DBusError


def args_of(call):
    options = {}
    for arg in call["args"]:
        key, _, value = arg.partition("=")
        options.setdefault(key, value)
    return options


@pytest.mark.parametrize("backend", ["uboot", "fake"])
def test_happy_path(make_device, backend):
    device = make_device(backend=backend)
    device.factory("1.0")
    data = device.offer("1.1")
    device.start()
    assert device.reboot() == "B"
    device.wait_event(54, 1)
    device.wait_state("idle")
    assert device.slot("B").read_bytes() == data
    status = device.all()
    assert status["CurrentVersion"] == "1.1" and status["AvailableVersion"] == ""
    assert (status["CurrentSlot"], status["OtherSlot"]) == ("B", "A")
    assert not status["NeedsReboot"] and status["LastError"] == ""
    priority, _, successful = device.flags()["B"]
    assert (priority, successful) == (15, 1)
    assert device.flags()["A"] == (14, 0, 1), "the old slot stays what one can fall back to"
    assert [event[:6] for event in device.events()] == [
        ("13", "1", "0", "1.0", "1.1", "B"), ("14", "1", "0", "1.0", "1.1", "B"),
        ("3", "1", "0", "1.0", "1.1", "B"), ("54", "1", "0", "1.0", "1.1", "B")]
    for transition in ("idle -> checking", "checking -> downloading", "downloading -> verifying",
                       "verifying -> updated", "updated -> rebooting", "idle -> confirming",
                       "confirming -> idle"):
        assert device.log().count(transition) == 1, transition


def test_slots_take_turns(device):
    """1.0 in A, 1.1 to B, 1.2 to A; success is never reported before the slot is marked good."""
    device.offer("1.1")
    device.start()
    assert device.reboot() == "B"
    device.wait_event(54, 1)
    device.offer("1.2")
    device.call("Check")
    assert device.reboot() == "A"
    device.wait(lambda: len([e for e in device.events() if e[0] == "54"]) == 2, "second success")
    assert device.get("CurrentVersion") == "1.2"
    flags = device.flags()
    assert flags["A"][0] > flags["B"][0] and flags["A"][2] == 1


def test_other_slot_is_unbootable_before_its_first_byte(device):
    device.offer("1.1")
    device.bench_boot("--init")
    device.steps("install", {"hang": True})
    device.start()
    device.wait(lambda: device.calls("install"), "the installer")
    assert device.flags()["B"] == (0, 0, 0)
    assert device.flags()["A"][2] == 1


def test_bootable_only_after_readback(device):
    device.offer("1.1")
    device.steps("install", {"verify_delay": 1})
    device.set("reboot", automatic="no")
    device.start()
    device.wait_state("verifying")
    assert device.flags()["B"] == (0, 0, 0)
    device.wait_state("updated")
    assert device.flags()["B"] == (15, 3, 0)


def test_reboot_waits_for_leave(device):
    device.offer("1.1")
    device.set("reboot", automatic="no")
    device.start()
    device.wait_state("updated")
    assert device.get("NeedsReboot") and not device.reboot_flag.exists()
    device.call("Reboot")
    assert device.reboot() == "B"


def test_reboot_delay(device):
    device.offer("1.1")
    device.set("reboot", delay="2s")
    device.start()
    device.wait_state("updated")
    assert not device.reboot_flag.exists()
    assert device.reboot() == "B"


def test_reboot_without_update_is_refused(device):
    device.start()
    device.wait_state("idle")
    with pytest.raises(DBusError) as error:
        device.call("Reboot")
    assert error.value.name == "org.switchback.Error.NotFound"
    assert not device.reboot_flag.exists()


def test_failing_reboot_command_is_an_error(device):
    device.offer("1.1")
    device.set("reboot", command="exit 3")
    device.start()
    device.wait(lambda: "status 3" in device.get("LastErrorText"), "the error")
    assert device.get("NeedsReboot")


def test_download_waits_for_leave(device):
    device.offer("1.1")
    device.set("update", auto_download="no")
    device.start()
    device.wait_state("available")
    assert device.get("AvailableVersion") == "1.1"
    assert not device.calls("install")
    device.call("Install")
    assert device.reboot() == "B"


def test_install_waits_for_leave(device):
    device.offer("1.1")
    device.set("update", auto_install="no")
    device.start()
    device.wait_state("held")
    assert device.flags()["B"] == (0, 0, 0)
    device.stop()
    device.start()
    device.wait_state("held")
    device.call("Install")
    assert device.reboot() == "B"
    assert len(device.calls("get")) == 1


@pytest.mark.parametrize("cores", ["1", "2"])
def test_install_by_hand_finds_and_installs(device, cores):
    device.offer("1.1")
    device.set("server", first_check="1h")
    device.set("update", auto_download="no", auto_install="no", by_hand_cores=cores)
    device.start()
    device.call("Install")
    assert device.reboot() == "B"
    assert "--interactive" in device.calls("check")[0]["args"]
    hurry = {"--foreground", "--cores=2"} & {*device.calls("install")[0]["args"]}
    assert len(hurry) == (2 if cores == "2" else 0)


def test_check_by_hand(device):
    device.set("server", first_check="1h")
    device.start()
    device.wait_state("idle")
    assert device.get("LastCheck") == 0
    device.call("Check")
    device.wait(lambda: device.get("LastCheck") > 0, "the check")
    device.wait_state("idle")
    assert len(device.calls("check")) == 1


def test_workers_get_what_the_configuration_says(device):
    device.offer("1.1", extra_key=1)
    device.set("device", hardware_class="hw-7", board="b1", build_timestamp="1500000000")
    device.set("update", max_rate="1000000", required_signatures="2")
    device.start()
    device.reboot()
    check, get, install = (args_of(device.calls(name)[0]) for name in ("check", "get", "install"))
    assert check["--app-id"] == "test.switchback" and check["--channel"] == "stable"
    assert check["--hardware-class"] == "hw-7" and check["--board"] == "b1"
    assert check["--device-id"] == (device.folder / "machine-id").read_text().strip()
    assert check["--current-version"] == "1.0" and check["--url"] == "http://127.0.0.1:9/update"
    assert "--interactive" not in check and "--no-delta" not in check
    assert get["--offset"] == "0" and get["--max-rate"] == "1000000"
    assert install["--slot"] == f"root={device.slot('B')}"
    assert install["--source"] == f"root={device.slot('A')}"  # of which pieces may be taken
    assert install["--keys"] == str(device.keys_dir)
    assert install["--required-signatures"] == "2"
    assert "--foreground" not in install and "--cores" not in install
    assert install["--expect-version"] == "1.1" and install["--min-timestamp"] == "1500000000"
    urls = [arg for arg in device.calls("get")[0]["args"] if arg.startswith("--url=")]
    assert len(urls) == 2


def test_the_servers_marks_are_sent_back(device):
    answer = {"STATUS": "noupdate", "COHORT": "c=1", "COHORT_HINT": "", "COHORT_NAME": "name",
              "DAYSTART_DAYS": "6543"}
    device.steps("check", {"answer": answer}, {"answer": {"STATUS": "noupdate", "COHORT": ""}}, {})
    device.start()
    device.wait(lambda: device.get("LastCheck") > 0, "the check")
    device.stop()
    device.start()
    for n in (2, 3):
        device.call("Check")
        device.wait(lambda: len(device.calls("check")) == n, "the check")
        device.wait_state("idle")
    second, third = (args_of(call) for call in device.calls("check")[1:])
    assert second["--cohort"] == "c=1" and second["--cohort-name"] == "name"
    assert "--cohort-hint" not in second
    assert second["--ping-day"] == "6543"
    assert "--cohort" not in third and third["--cohort-name"] == "name"


def test_several_partitions(device):
    device.offer("1.1", delta=True)
    for slot in "AB":
        device.set(f"slot.{slot}", boot=device.folder / f"boot-{slot}")
        (device.folder / f"boot-{slot}").write_bytes(b"")
    device.start()
    device.wait(lambda: device.calls("install"), "the installer")
    args = device.calls("install")[0]["args"]
    assert f"--slot=boot={device.folder}/boot-B" in args
    assert f"--source=boot={device.folder}/boot-A" in args
    assert f"--slot=root={device.slot('B')}" in args
    assert f"--source=root={device.slot('A')}" in args


def test_recalled_update_does_not_start(device):
    device.offer("1.1")
    device.set("reboot", automatic="no")
    device.start()
    device.wait(lambda: device.get("NeedsReboot"), "the installed update")
    device.steps("check", {"answer": {"STATUS": "noupdate", "INFO": "release-was-recalled", "RECALL": "true"}})
    device.call("Check")
    device.wait_state("idle")
    assert device.flags()["B"] == (0, 0, 0) and not device.get("NeedsReboot")
    assert "version 1.1 is recalled: release-was-recalled" in device.log()
    assert device.power_cycle() == "A"


def test_a_newer_release_takes_the_place_of_one_that_waits(device):
    device.set("reboot", automatic="no")
    device.offer("1.1")
    device.start()
    device.wait_state("updated")
    first = device.get("LastCheck")
    device.call("Check")  # the same again: nothing to do
    device.wait(lambda: device.get("LastCheck") != first, "the end of the second check")
    data = device.offer("1.2")
    device.call("Check")
    device.wait(lambda: device.all()["AvailableVersion"] == "1.2" and device.get("State") == "updated",
                "the newer release installed")
    assert "version 1.2 takes the place of 1.1, which was not started yet" in device.log()
    assert device.slot("B").read_bytes() == data
    device.call("Reboot")
    assert device.reboot() == "B"
    device.wait(lambda: device.get("CurrentVersion") == "1.2" and device.get("State") == "idle", "1.2")


def test_a_newer_release_does_not_put_off_a_reboot_that_is_near(device):
    device.set("reboot", delay="1h")
    device.offer("1.1")
    device.start()
    device.wait(lambda: device.get("RebootAt"), "the announcement")
    device.offer("1.2")
    device.call("Check")
    device.wait_log("version 1.2 is available, but 1.1 comes first")
    assert device.get("AvailableVersion") == "1.1" and device.flags()["B"][0] == 15
