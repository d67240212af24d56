# SPDX-License-Identifier: Apache-2.0
"""The gates of the running engine, and who may hold them. The rules themselves are unit tests of
src/device/policy."""

import json
import os
import pathlib
import re
import subprocess
import time

import pytest

from flow_bus import DBusError, Neighbour, GLib
from flow_device import clean_environment

TOP = pathlib.Path(__file__).resolve().parents[2]
DOC = TOP / "docs" / "dbus.md"

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
    assert device.wait_event(3, 9)[7].startswith("download: not now, metered: the network is metered")
    assert device.get("State") == "available" and not device.calls("install")
    device.stop()
    device.set("network", on_metered="delta")
    device.start()
    assert device.reboot() == "B"


def test_budget_stops_a_download_and_is_kept_over_a_restart(device):
    data = device.offer("1.1", n_bytes=20 << 20)
    device.set("network", day_limit="1M")
    device.steps("get", {"chunk": 1 << 18, "delay": 0.01})
    device.start()
    device.wait_log("download: not now, budget: 0 ")
    device.wait_state("available")
    assert 0 < device.applied() < 4 << 20 < len(data)
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


def slow(device):
    """A download that leaves time for something to happen."""
    device.offer("1.1", n_bytes=2000000)
    device.steps("get", {"chunk": 16384, "delay": 0.02})


def test_pause_keeps_what_is_there_and_resume_goes_on(device):
    slow(device)
    device.start()
    device.wait_state("downloading")
    device.wait(device.applied, "applied bytes")
    device.call("Pause")
    device.wait_state("available")
    assert device.get("PausedUntil") > time.time() * 1e6
    assert {rule for _, rule, *_ in device.client.why().values()} == {"paused", "nothing"}
    device.stop()
    device.start()
    device.wait_state("available")
    assert device.get("PausedUntil") > 0
    assert device.ctl("resume").returncode == 0
    assert device.reboot() == "B"
    assert int(next(arg for arg in device.calls("get")[1]["args"]
                    if arg.startswith("--offset=")).removeprefix("--offset=")) > 0


def test_deferral_inhibitor_and_deadline(device):
    """Each holds the reboot; the last one goes, and it happens."""
    device.offer("1.1")
    device.set("policy", deadline="50m")
    device.set("server", first_check="1h")
    device.start()
    device.wait_state("idle")
    device.client.watch_signals()
    fd = device.client.inhibit("phone", "a call is on", "reboot", 600)
    device.call("Install")
    device.wait_state("updated")
    device.wait(lambda: device.client.why()["reboot"][1] == "inhibited", "the inhibitor's rule")
    assert "a call is on" in device.client.why()["reboot"][2]
    _, seconds = device.wait(lambda: device.client.seen("DeadlineSoon"), "the warning")
    assert 2900 < seconds <= 3000
    with pytest.raises(DBusError) as error:
        device.call("Defer", "ts", int((time.time() + 30 * 86400) * 1e6), "holidays")
    assert error.value.name == "org.switchback.Error.Denied"
    assert device.ctl("defer", "20m", "dinner").returncode == 0
    os.close(fd)
    device.wait(lambda: device.client.why()["reboot"][1] == "deferred", "the deferral's rule")
    assert device.get("DeferralReason") == "dinner" and not device.reboot_flag.exists()
    assert "Deferred" in device.ctl("status").stdout
    assert device.ctl("defer", "off").returncode == 0
    assert device.reboot() == "B"


def test_reboot_is_announced_and_can_be_called_off(device):
    device.offer("1.1")
    device.set("server", first_check="1h")
    device.set("reboot", delay="10m")
    device.start()
    device.wait_state("idle")
    device.client.watch_signals()
    device.call("Install")
    version, seconds = device.wait(lambda: device.client.seen("RebootSoon"), "the announcement")
    assert (version, seconds) == ("1.1", 600)
    assert 0 < device.get("RebootAt") - time.time() * 1e6 <= 600e6
    device.call("Cancel")
    device.wait(lambda: device.client.seen("RebootCalledOff"), "the call-off")
    assert device.client.why()["reboot"][1] == "deferred" and device.get("RebootAt") == 0
    held = device.ctl("inhibit", "--gates=reboot", "--why=test", "--", "sh", "-c", "exit 7")
    assert held.returncode == 7
    device.wait_log("inhibitor 1 is released")


def test_rollback_and_history(device):
    device.offer("1.1")
    device.start()
    assert device.reboot() == "B"
    device.wait_event(54, 1)
    device.wait_state("idle")
    device.call("Rollback")
    assert device.reboot() == "A"
    device.wait_state("idle")
    device.wait(lambda: device.flags()["A"][2] == 1, "slot A to be good")
    device.call("Check")
    device.wait(lambda: device.get("LastError") != "", "the refusal")
    assert "rolled back by hand" in device.get("FailedVersions")["1.1"]
    past = json.loads(device.ctl("history", "--json").stdout)
    assert [(one["from"], one["to"], one["result"]) for one in past] == \
        [("1.0", "1.1", "complete"), ("1.1", "1.1", "cancelled")]
    assert "1.0 -> 1.1  complete" in device.ctl("history").stdout


def test_marks_by_hand(device):
    device.offer("1.1")
    device.offer("1.2")
    device.set("health", timeout="1h", **{"check.never": "false"})
    device.start()
    device.reboot()
    device.wait_state("confirming")
    assert device.ctl("mark-good").returncode == 0
    device.wait_event(54, 1)
    device.wait_state("idle")
    assert device.flags()["B"][2] == 1
    assert device.ctl("mark-bad").returncode == 0
    assert device.reboot() == "A"
    device.wait(lambda: "marked bad by hand" in device.get("FailedVersions").get("1.2", ""), "the mark")
    device.client.call("MarkGood")
    with pytest.raises(DBusError) as error:
        device.call("Rollback")
    assert error.value.name in ("org.switchback.Error.NotFound", "org.switchback.Error.Busy")


def test_channel_is_kept(device):
    device.set("server", first_check="1h")
    device.start()
    device.wait_state("idle")
    assert device.ctl("channel").stdout == "stable\n"
    assert device.ctl("channel", "beta").returncode == 0
    device.wait(lambda: device.calls("check"), "the check")
    device.wait_state("idle")
    assert device.ctl("channel", "no such channel").returncode == 2
    device.stop()
    device.start()
    assert device.get("Channel") == "beta"
    assert "--channel=beta" in device.calls("check")[0]["args"]


def test_neighbours_on_the_bus(device):
    """NetworkManager says what the network costs, logind who is there, and reboots."""
    network = Neighbour(device.bus, "org.freedesktop.NetworkManager", "/org/freedesktop/NetworkManager",
                        "org.freedesktop.NetworkManager",
                        '<property name="Metered" type="u" access="read"/>',
                        properties={"Metered": GLib.Variant("u", 1)})
    login = Neighbour(device.bus, "org.freedesktop.login1", "/org/freedesktop/login1",
                      "org.freedesktop.login1.Manager",
                      '<method name="Reboot"><arg type="b" direction="in"/></method>'
                      '<property name="IdleHint" type="b" access="read"/>'
                      '<property name="BlockInhibited" type="s" access="read"/>',
                      properties={"IdleHint": GLib.Variant("b", False),
                                  "BlockInhibited": GLib.Variant("s", "sleep:shutdown")})
    try:
        slow(device)
        device.set("reboot", command="")
        device.start()
        device.wait_log("download: not now, metered")
        device.wait_state("available")
        network.set("Metered", GLib.Variant("u", 2))
        device.wait_state("downloading")
        device.wait(device.applied, "applied bytes")
        network.set("Metered", GLib.Variant("u", 3))
        device.wait_state("available")
        network.set("Metered", GLib.Variant("u", 4))
        device.wait_state("updated")
        device.wait(lambda: device.client.why()["reboot"][1] == "in-use", "the user")
        login.set("IdleHint", GLib.Variant("b", True))
        device.wait(lambda: device.client.why()["reboot"][1] == "inhibited", "logind's inhibitor")
        assert not login.calls
        login.set("BlockInhibited", GLib.Variant("s", "sleep"))
        device.wait(lambda: login.calls, "logind's turn")
        assert login.calls == [("Reboot", (False,))] and device.get("State") == "rebooting"
    finally:
        network.close()
        login.close()


def code(language):
    return re.search(rf"```{language}\n(.*?)```", DOC.read_text(), re.S).group(1)


def test_examples_of_the_documentation(device, tmp_path):
    """They are run as they are printed."""
    device.set("server", first_check="1h")
    device.set("reboot", delay="1h")
    device.start()
    device.wait_state("idle")
    environment = clean_environment(DBUS_SYSTEM_BUS_ADDRESS=device.bus.address)
    commands = re.findall(r"^    (busctl .*)$", DOC.read_text(), re.M)
    assert len(commands) > 6
    for command in commands:
        result = subprocess.run(["sh", "-c", command], env=environment, capture_output=True,
                                stdin=subprocess.DEVNULL, text=True, timeout=20, check=False)
        assert result.returncode == 0, f"{command}: {result.stderr}"
    device.call("Defer", "ts", 0, "")
    python = subprocess.run(["/usr/bin/python3", "-c", code("python")], env=environment, text=True,
                            capture_output=True, stdin=subprocess.DEVNULL, timeout=20, check=False)
    assert python.stdout == "held\n", python.stderr
    assert "'phone' inhibits: a call is on" in device.log()
    (tmp_path / "example.c").write_text(code("c"))
    subprocess.run("cc -o example example.c $(pkg-config --cflags --libs libsystemd)", shell=True,
                   cwd=tmp_path, check=True, timeout=60)
    example = subprocess.Popen([tmp_path / "example"], env=environment, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, text=True)
    try:
        assert example.stdout.readline() == "waiting\n"
        device.offer("1.1")
        device.call("Install")
        assert example.communicate(timeout=20)[0] == "version 1.1 starts in 3600 s\n"
    finally:
        example.kill()


def test_update_engines_interface(device):
    """What an application of Chrome OS's update_engine sees."""
    device.offer("1.1")
    device.set("server", first_check="1h")
    device.set("device", chromium_dbus="yes")
    device.set("reboot", automatic="no")
    device.start()
    device.wait_state("idle")
    name, path = "org.chromium.UpdateEngine", "/org/chromium/UpdateEngine"
    seen = []
    device.client.connection.signal_subscribe(
        name, f"{name}Interface", "StatusUpdate", path, None, 0,
        lambda *args: seen.append(args[5].unpack()[2]))

    def call(method, arguments=None):
        return device.client._call(f"{name}Interface", method, arguments, path, name).unpack()

    def operation():
        device.client.pump()
        return call("GetStatus")[2].removeprefix("UPDATE_STATUS_")
    assert call("GetStatus") == (0, 0, "UPDATE_STATUS_IDLE", "", 0)
    with pytest.raises(DBusError) as error:
        call("AttemptUpdate", GLib.Variant("(ss)", ("", "http://evil/")))
    assert error.value.name == f"{name}.Error.Failed"
    call("AttemptUpdate", GLib.Variant("(ss)", ("", "")))
    device.wait(lambda: operation() == "UPDATED_NEED_REBOOT", "the update")
    _, progress, _, version, size = call("GetStatus")
    assert (progress, version) == (1, "1.1") and size > 300000
    device.wait(lambda: device.client.pump() or "UPDATE_STATUS_UPDATED_NEED_REBOOT" in seen, "the signal")
    call("ResetStatus")
    assert operation() == "IDLE" and device.flags()["B"] == (0, 0, 0)
    call("AttemptUpdateWithFlags", GLib.Variant("(ssi)", ("", "", 1)))
    device.wait(lambda: operation() == "UPDATED_NEED_REBOOT", "the update again")
    call("RebootIfNeeded")
    assert device.reboot() == "B"


def test_room_app(device, tmp_path):
    """The example application: a meeting holds the update, "later" the reboot."""
    subprocess.run(f"cc -Wall -Werror -o room-app {TOP}/examples/room-app/room-app.c "
                   "$(pkg-config --cflags --libs libsystemd)", shell=True, cwd=tmp_path, check=True, timeout=60)
    device.set("server", first_check="1h")
    device.set("reboot", delay="20m")
    device.start()
    device.wait_state("idle")
    app = subprocess.Popen([tmp_path / "room-app"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                           env=clean_environment(DBUS_SYSTEM_BUS_ADDRESS=device.bus.address))

    def tell(word, answer):
        app.stdin.write(f"{word}\n")
        app.stdin.flush()
        assert app.stdout.readline() == answer + "\n"
    try:
        assert app.stdout.readline() == "ready\n"
        tell("begin", "a meeting goes on")
        device.offer("1.1")
        device.call("Check")
        device.wait(lambda: device.client.why()["download"][1] == "inhibited", "the meeting's rule")
        tell("end", "the meeting is over")
        assert app.stdout.readline() == "this screen starts anew in 1200 s, with version 1.1\n"
        tell("later", "put off for half an hour")
        assert app.stdout.readline() == "it does not start anew\n"
        assert device.get("DeferralReason") == "somebody pressed 'later'"
        tell("begin", "a meeting goes on")
        app.kill()
        device.wait_log("inhibitor 2 is released")
    finally:
        app.kill()
        app.communicate()
