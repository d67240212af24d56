# SPDX-License-Identifier: Apache-2.0
"""The engine's face: D-Bus, the service manager, its command line and its configuration file."""

import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import xml.etree.ElementTree

import pytest

from flow_bus import GLib, INTERFACE, NAME, PATH, Bus, DBusError, Neighbour
from flow_device import Device, clean_environment

TOP = pathlib.Path(__file__).resolve().parents[2]
DATA = TOP / "data"


def members(text):
    """{("method", "Check", "", None), ("property", "State", "s", "read"), …} of our interface; the type of
    a method is that of its result."""
    root = xml.etree.ElementTree.fromstring(text)
    found = set()
    for interface in root.iter("interface"):
        if interface.get("name") != INTERFACE:
            continue
        for member in interface:
            if member.tag != "annotation":
                found.add((member.tag, member.get("name"), member.get("type"), member.get("access")))
                found |= {("arg", f"{member.get('name')}.{arg.get('name')}", arg.get("type"), None)
                          for arg in member if arg.tag == "arg"}
    return found


def test_introspection_is_the_file(device):
    device.start()
    running = members(device.client.introspect())
    assert len(running) > 10
    assert running == members((DATA / "org.switchback.Engine1.xml").read_text())
    assert {name for tag, name, _, _ in running if tag == "property"} == device.all().keys()


def test_every_member_is_documented():
    text = (TOP / "docs" / "dbus.md").read_text()
    for tag, name, type_, _ in members((DATA / "org.switchback.Engine1.xml").read_text()):
        if tag == "arg":
            continue
        row = re.search(rf"^\|.*`{name}`.*$", text, re.M)
        assert row, f"{name} is not in docs/dbus.md"
        assert tag != "property" or f"`{type_}`" in row.group(0), f"type of {name}"


def test_properties_can_be_read_alone_and_not_written(device):
    device.start()
    device.wait(lambda: device.get("LastCheck") and device.get("State") == "idle", "the first check")
    for name, value in device.all().items():
        if name not in ("NextCheck", "Gates"):
            assert device.get(name) == value
    for interface, property_ in ((INTERFACE, "State"), (INTERFACE, "Nonsense")):
        with pytest.raises(DBusError):
            from gi.repository import GLib
            device.client._call("org.freedesktop.DBus.Properties", "Set", GLib.Variant(
                "(ssv)", (interface, property_, GLib.Variant("s", "idle"))))


def test_changes_are_announced_at_most_four_times_a_second(device):
    device.offer("1.1", n_bytes=2000000)
    device.set("server", first_check="1h")
    device.steps("get", {"chunk": 16384, "delay": 0.02})
    device.start()
    device.wait_state("idle")
    device.client.watch()
    device.client.get("State")
    begin = time.monotonic()
    device.call("Install")
    device.wait(device.reboot_flag.exists, "the reboot command")
    time.sleep(0.6)
    device.client.pump()
    changes = device.client.changes
    assert len(changes) > 6
    # Of the whole update, because they are received all at the end; some are not put off.
    assert len(changes) <= 4 * (time.monotonic() - begin + 8)
    seen = {name for _, changed in changes for name in changed}
    assert {"State", "Progress", "BytesDone", "BytesTotal", "AvailableVersion", "NeedsReboot",
            "LastCheck", "NextCheck"} <= seen
    latest = {}
    for _, changed in changes:
        latest.update(changed)
    now = device.all()
    assert all(now[name] == value for name, value in latest.items()), "the last word is the truth"
    progress = [changed["Progress"] for _, changed in changes if "Progress" in changed]
    assert progress == sorted(progress) and progress[-1] == 1


def test_rate_of_signals(device):
    """Counted on the wire, by somebody who is awake all the time."""
    device.offer("1.1", n_bytes=3000000)
    device.steps("get", {"chunk": 16384, "delay": 0.02})
    monitor = subprocess.Popen(
        ["/usr/bin/dbus-monitor", f"--address", device.bus.address, "--profile",
         "type=signal,interface=org.freedesktop.DBus.Properties"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        device.start()
        device.wait(device.reboot_flag.exists, "the reboot command")
        time.sleep(0.5)
    finally:
        monitor.terminate()
    lines = [line.split("\t") for line in monitor.communicate()[0].splitlines()]
    times = [float(fields[1]) for fields in lines if fields[0] == "sig" and fields[-1] == "PropertiesChanged"]
    assert len(times) > 8
    # Four a second over the whole time; single ones may reach the wire late. Unthrottled were 180.
    assert len(times) <= 4 * (times[-1] - times[0] + 2), "more than four a second"


def test_error_names(device):
    device.offer("1.1")
    device.steps("get", {"chunk": 8192, "delay": 0.05})
    device.start()
    device.wait_state("downloading")
    with pytest.raises(DBusError) as error:
        device.call("Check")
    assert error.value.name == "org.switchback.Error.Busy"
    assert "downloading" in error.value.text
    with pytest.raises(DBusError) as error:
        device.call("Explode")
    assert error.value.name == "org.freedesktop.DBus.Error.UnknownMethod"


def test_second_daemon_is_refused(device, make_device):
    device.start()
    device.wait_state("idle")
    second = make_device("second")
    second.factory("1.0")
    second.start(wait=False)
    assert second.process.wait(10) == 1
    assert f"another process already has the bus name '{NAME}'" in second.log()
    second.process = None
    assert device.get("State") == "idle"


def test_state_folder_belongs_to_one_daemon(device, tmp_path, build):
    device.start()
    device.wait_state("idle")
    command = [device.program("swbd"), f"--config={device.config_path}", "--no-bus"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False,
                            env=clean_environment())
    assert result.returncode == 1 and "another swbd already uses the state folder" in result.stderr


def test_engine_outlives_the_bus(device):
    """The bus goes away in mid-download and comes back: the update goes on all the time."""
    device.offer("1.1", n_bytes=1000000)
    device.steps("get", {"chunk": 16384, "delay": 0.02})
    device.start()
    device.wait_state("downloading")
    device.client.connection.set_exit_on_close(False)
    device.bus.stop()
    device.wait_log("the bus is gone")
    device.wait(device.reboot_flag.exists, "the reboot command")
    device.bus.start()
    device.client = device.bus.engine()
    device.wait(lambda: device.get("State") == "rebooting", "swbd on the bus again")
    assert device.reboot() == "B"
    device.wait_event(54, 1)


def test_starts_without_a_bus(device):
    device.offer("1.1")
    device.bus.stop()
    device.start(wait=False)
    device.wait_log("going on without a bus")
    device.wait(device.reboot_flag.exists, "the reboot command")
    device.bus.start()
    device.client = device.bus.engine()
    device.wait(lambda: device.get("NeedsReboot"), "swbd on the bus")


def test_no_bus_at_all(tmp_path, build):
    device = Device(tmp_path / "device", build)
    try:
        device.factory("1.0")
        device.offer("1.1")
        device.start()
        device.wait(device.reboot_flag.exists, "the reboot command")
        assert device.stop() == 0
    finally:
        device.close()


def make_as_nobody(bus):
    """A function that runs busctl as another user on this bus."""
    os.chmod(bus.socket, 0o777)
    for folder in [bus.folder, *bus.folder.parents][:4]:
        if folder != folder.parent and os.stat(folder).st_uid == os.geteuid():
            os.chmod(folder, os.stat(folder).st_mode | 0o011)

    def as_nobody(*args):
        return subprocess.run(
            ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
             "/usr/bin/busctl", f"--address={bus.address}", *args],
            capture_output=True, text=True, timeout=60, check=False, cwd="/")
    return as_nobody


POLKIT = """<method name="CheckAuthorization">
    <arg type="(sa{sv})" direction="in"/><arg type="s" direction="in"/><arg type="a{ss}" direction="in"/>
    <arg type="u" direction="in"/><arg type="s" direction="in"/><arg type="(bba{ss})" direction="out"/></method>"""


def test_polkit_decides_where_it_runs(device):
    """Asked for the caller and the action; root is not asked about, reading neither."""
    if os.geteuid() != 0:
        return  # only root can be two users
    answer = {"yes": False}
    polkit = Neighbour(device.bus, "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority",
                       "org.freedesktop.PolicyKit1.Authority", POLKIT,
                       methods={"CheckAuthorization": lambda: GLib.Variant(
                           "((bba{ss}))", ((answer["yes"], False, {}),))})
    try:
        device.start()
        device.wait_state("idle")
        as_nobody = make_as_nobody(device.bus)
        refused = as_nobody("call", NAME, PATH, INTERFACE, "Pause")
        assert refused.returncode != 0 and "Access denied" in refused.stderr
        assert device.get("PausedUntil") == 0
        answer["yes"] = True
        allowed = as_nobody("call", NAME, PATH, INTERFACE, "Defer", "ts", str(int(time.time() + 3600) * 10**6), "tea")
        assert allowed.returncode == 0, allowed.stderr
        assert device.get("DeferralReason") == "tea"
        assert as_nobody("call", NAME, PATH, INTERFACE, "Why").returncode == 0
        assert as_nobody("call", NAME, PATH, INTERFACE, "Rollback").returncode != 0  # there is nothing to go back to
        device.call("Resume")
    finally:
        polkit.close()
    actions = [parameters[1].rpartition(".")[2] for _, parameters in polkit.calls]
    assert actions == ["update", "update", "manage"]
    kind, details = polkit.calls[0][1][0]
    assert kind == "system-bus-name" and details["name"].startswith(":")
    gone = as_nobody("call", NAME, PATH, INTERFACE, "Check")
    assert gone.returncode != 0 and "Access denied" in gone.stderr


def test_policy_file(tmp_path, build):
    """Root may be and call the engine, others may look; without the file nobody may be it."""
    strict = Bus(tmp_path, include=DATA / "org.switchback.Engine1.conf").start()
    device = Device(tmp_path / "device", build, strict)
    try:
        device.factory("1.0")
        device.start(wait=False)
        if os.geteuid() != 0:
            device.wait_log(r"org\.switchback\.Engine1\.conf installed\?")
            return
        device.client = strict.engine()
        device.wait(device.is_up, "swbd on the bus")
        device.call("Check")
        as_nobody = make_as_nobody(strict)
        look = as_nobody("get-property", NAME, PATH, INTERFACE, "CurrentVersion")
        assert look.stdout.strip() == 's "1.0"', look.stderr
        steer = as_nobody("call", NAME, PATH, INTERFACE, "Check")
        assert steer.returncode != 0 and "Access denied" in steer.stderr, steer.stderr
    finally:
        device.close()
        strict.stop()


class Manager:
    """The service manager's notify socket."""

    def __init__(self, folder):
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(20)

    def until(self, want):
        """Receives messages until one starts with this; returns all."""
        messages = []
        while not messages or not messages[-1].startswith(want):
            messages.append(self.socket.recv(4096).decode())
        return messages


def test_service_manager_is_told(device, tmp_path):
    manager = Manager(tmp_path)
    device.offer("1.1")
    device.set("server", first_check="1s")
    device.start(NOTIFY_SOCKET=str(manager.path))
    manager.until("READY=1")
    assert any("downloading, version 1.1" in text for text in manager.until("STATUS=updated"))
    device.process.send_signal(signal.SIGTERM)
    manager.until("STOPPING=1")
    assert device.process.wait(10) == 0
    device.process = None


def test_watchdog_is_fed(device, tmp_path):
    manager = Manager(tmp_path)
    device.set("server", first_check="1h")
    device.start(NOTIFY_SOCKET=str(manager.path), WATCHDOG_USEC="600000")
    manager.until("WATCHDOG=1")
    manager.until("WATCHDOG=1")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ends_on_signals(device, number):
    device.start()
    device.wait_state("idle")
    device.process.send_signal(number)
    assert device.process.wait(10) == 0
    device.process = None
    device.start()


BAD_CONFIGS = {
    "no app-id": (lambda text: re.sub(r"app-id = .*\n", "", text), r"device\.conf.*app-id"),
    "a key that is no key": (lambda text: text.replace("first-check", "frist-check"),
                             r"device\.conf:\d+:.*frist-check.*first-check"),
    "a time that is no time": (lambda text: text.replace("first-check = 0s", "first-check = soon"),
                               r"device\.conf:\d+:.*first-check.*soon"),
    "no slot B": (lambda text: re.sub(r"\[slot\.B\]\nroot = .*\n", "", text), r"slot\.B|root"),
    "no configuration at all": (lambda text: "", r"device\.conf"),
}


@pytest.mark.parametrize("what", BAD_CONFIGS)
def test_bad_configuration_is_named(device, what):
    change, pattern = BAD_CONFIGS[what]
    device.write_config()
    device.config_path.write_text(change(device.config_path.read_text()))
    result = subprocess.run([device.program("swbd"), f"--config={device.config_path}", "--no-bus"],
                            capture_output=True, text=True, timeout=20, check=False)
    assert result.returncode == 1
    assert re.search(pattern, result.stderr), result.stderr


def test_unknown_boot_back_end_is_named(device):
    device.set("boot", backend="lilo")
    device.start()
    device.wait(lambda: device.get("LastError") == "config", "the error")
    assert "'lilo'" in device.get("LastErrorText")


def test_command_line(device):
    def run(*args):
        return subprocess.run([device.program("swbd"), *args], capture_output=True, text=True,
                              timeout=20, check=False)
    assert run("--log-level=loud").returncode == 2
    assert "loud" in run("--log-level=loud").stderr
    assert run("stray").returncode == 2
    assert run("--nonsense").returncode == 2
    missing = run("--config=/nonexistent/device.conf")
    assert missing.returncode == 1 and "/nonexistent/device.conf" in missing.stderr
