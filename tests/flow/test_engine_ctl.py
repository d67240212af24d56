# SPDX-License-Identifier: Apache-2.0
"""swbctl: what people see of the engine."""

import json
import os
import pty
import re
import select
import subprocess
import time

import pytest

from flow_device import clean_environment


@pytest.fixture
def idle(device):
    device.set("server", first_check="1h")
    device.set("reboot", automatic="no")
    device.start()
    device.wait_state("idle")
    return device


def rows(text):
    """{"State": "idle", …} of swbctl status."""
    return dict(re.findall(r"^ *(\S.*?)  +(.*)$", text, re.M))


def test_status(idle):
    result = idle.ctl("status")
    assert result.returncode == 0 and result.stderr == ""
    assert rows(result.stdout) == {
        "State": "idle", "Running": "1.0 in slot A", "Available": "-", "Last check": "never",
        "Next check": rows(result.stdout)["Next check"]}
    assert re.fullmatch(r"in (59 min|1 h 0 min)", rows(result.stdout)["Next check"])


def test_status_json_has_every_property(idle):
    values = json.loads(idle.ctl("status", "--json").stdout)
    assert values["state"] == "idle" and values["current_version"] == "1.0"
    assert values["needs_reboot"] is False and values["failed_versions"] == {}
    names = {re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower() for name in idle.all()}
    assert names == {name.removesuffix("_usec") for name in values}


def test_check_and_install(idle):
    result = idle.ctl("check", "--wait")
    assert (result.returncode, result.stdout) == (0, "no update, version 1.0 is up to date\n")
    idle.offer("1.1")
    idle.stop()
    idle.set("update", auto_download="no")
    idle.start()
    result = idle.ctl("check", "--wait")
    assert (result.returncode, result.stdout) == (0, "version 1.1 is available\n")
    assert rows(idle.ctl("status").stdout)["Available"] == "1.1, for slot B"
    idle.steps("get", {"chunk": 16384, "delay": 0.05})
    result = idle.ctl("install", "--wait")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "downloading  version 1.1" and lines[-1] == "updated  version 1.1"
    assert any(re.match(r"downloading  \d+ %  .* of 300\.0 kB", line) for line in lines), lines
    assert "waits for the reboot" in rows(idle.ctl("status").stdout)["Available"]
    assert idle.ctl("reboot").returncode == 0
    assert idle.reboot() == "B"


def test_errors_are_shown(idle):
    idle.offer("1.1")
    idle.steps("install", *3 * [{"fault": "no-space", "text": "slot B is too small"}])  # it tries again
    result = idle.ctl("install", "--wait")
    assert result.returncode == 1
    assert result.stderr == "swbctl: slot B is too small\n"
    assert rows(idle.ctl("status").stdout)["Error"] == "no-space: slot B is too small"


def test_errors_of_a_check_are_shown(idle):
    idle.steps("check", {"fault": "network", "text": "no route to host"})
    result = idle.ctl("check", "--wait")
    assert (result.returncode, result.stderr) == (1, "swbctl: no route to host\n")


def test_failed_versions_are_shown(device):
    device.offer("1.1", image=b"nothing to boot" + bytes(100000))
    device.start()
    device.reboot()
    device.wait_state("idle")
    text = device.ctl("status").stdout
    assert re.search(r"Failed here +1\.1 +fell-back: version 1\.1 in slot B did not come up", text)


def test_refusals(idle):
    for verb, pattern in (("cancel", "nothing to cancel, the engine is idle"),
                          ("reboot", "no update waits for a reboot")):
        result = idle.ctl(verb)
        assert result.returncode == 1 and pattern in result.stderr


def test_cancel(idle):
    idle.offer("1.1")
    idle.steps("get", {"chunk": 8192, "delay": 0.05})
    idle.ctl("install")
    idle.wait_state("downloading")
    assert idle.ctl("cancel").returncode == 0
    idle.wait_state("available")


def test_cancel_ends_a_waiting_install(idle):
    idle.offer("1.1")
    idle.steps("get", {"chunk": 8192, "delay": 0.05})
    waiting = subprocess.Popen(
        [idle.program("swbctl"), "install", "--wait"], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=clean_environment(DBUS_SYSTEM_BUS_ADDRESS=idle.bus.address))
    idle.wait_state("downloading")
    idle.ctl("cancel")
    _, errors = waiting.communicate(timeout=20)
    assert waiting.returncode == 1 and "version 1.1 is not installed" in errors


def test_without_the_daemon(device):
    for args in (["status"], ["check"], ["install", "--wait"], ["cancel"], ["status", "--watch"]):
        result = device.ctl(*args)
        assert result.returncode == 1, args
        assert result.stderr.startswith("swbctl: swbd does not run"), result.stderr


def test_without_a_bus(device):
    device.bus.stop()
    result = device.ctl("status")
    assert result.returncode == 1 and "the system bus can't be reached" in result.stderr


def test_daemon_that_goes_away_ends_the_watch(idle):
    watching = subprocess.Popen(
        [idle.program("swbctl"), "status", "--watch"], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=clean_environment(DBUS_SYSTEM_BUS_ADDRESS=idle.bus.address))
    assert watching.stdout.readline() == "idle  version 1.0 in slot A\n"
    idle.stop()
    _, errors = watching.communicate(timeout=20)
    assert watching.returncode == 1 and "swbd does not run" in errors


def test_watch_as_json_lines(idle):
    watching = subprocess.Popen(
        [idle.program("swbctl"), "status", "--watch", "--json"], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, text=True,
        env=clean_environment(DBUS_SYSTEM_BUS_ADDRESS=idle.bus.address))
    try:
        assert json.loads(watching.stdout.readline())["state"] == "idle"
        idle.offer("1.1")
        idle.call("Install")
        states = []
        while "updated" not in states:
            states.append(json.loads(watching.stdout.readline())["state"])
    finally:
        watching.terminate()
        watching.communicate()


def test_live_line_on_a_terminal(idle):
    """The bar is redrawn in place, fits the width, and leaves whole lines behind."""
    idle.offer("1.1", n_bytes=1000000)
    idle.steps("get", {"chunk": 16384, "delay": 0.03})
    main, other = pty.openpty()
    import fcntl
    import struct
    import termios
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 90, 0, 0))
    watching = subprocess.Popen(
        [idle.program("swbctl"), "install", "--wait"], stdin=other, stdout=other, stderr=other,
        env=clean_environment(DBUS_SYSTEM_BUS_ADDRESS=idle.bus.address, TERM="xterm", LC_ALL="C",
                              NO_COLOR="1"))
    os.close(other)
    output, end = b"", time.monotonic() + 40
    while time.monotonic() < end:
        ready, _, _ = select.select([main], [], [], 1)
        try:
            piece = os.read(main, 65536) if ready else b""
        except OSError:
            break
        output += piece
        if not ready and watching.poll() is not None:
            break
    os.close(main)
    assert watching.wait(10) == 0
    text = output.decode()
    frames = re.findall(r"\r\x1b\[K(downloading +#*-* +\d+ %[^\r\n\x1b]*)", text)
    assert len(frames) > 3 and all(len(frame) < 90 for frame in frames), text
    assert re.search(r"#+-+ +\d+ %  .*B of 1\.0 MB  1\.0 MB/s  \d s left", text)
    assert text.replace("\r\n", "\n").endswith("\r\x1b[Kupdated  version 1.1\n")


def test_command_line(device):
    for args in ([], ["explode"], ["status", "stray"], ["check", "--nonsense"]):
        assert device.ctl(*args).returncode == 2, args
    assert device.ctl("--help").returncode == 0
