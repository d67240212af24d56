# SPDX-License-Identifier: Apache-2.0
"""Every verified byte counts: from the server, from a stick, from a mirror, in any order. And what
somebody points at is taken by the rules that hold for the server's offers. Real programs."""

import functools
import http.server
import re
import shutil
import threading

import pytest

from flow_bus import DBusError
from test_engine_real import confirmed, fleet  # noqa: F401


@pytest.fixture
def stick(tmp_path):
    """A folder with a space in its name: put(payload) copies it there, with its description."""
    folder = tmp_path / "USB stick"
    folder.mkdir()

    def put(payload, name="release.payload"):
        shutil.copy(payload.path, folder / name)
        shutil.copy(f"{payload.path}.json", folder / f"{name}.json")
        return folder / name
    return put


@pytest.fixture
def mirror(tmp_path):
    """URL of the stick's folder, as a plain web server has it."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "USB stick")
    handler.log_message = None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def resumed_at(device):
    return [int(n) for n in re.findall(r"resuming at byte (\d+)", device.log())]


def test_from_a_stick_without_any_server(fleet, stick, workshop):  # noqa: F811
    device, server, two = fleet
    path = stick(workshop.full(two))
    server.stop()
    device.set("server", first_check="1h")
    device.start()
    result = device.ctl("install", "--wait", path)
    assert result.returncode == 0, result.stderr
    server.start()
    device.reboot()
    confirmed(device, server, two)
    assert "%20stick/release.payload' is asked for by hand" in device.log()


def test_from_server_to_stick_and_back(fleet, stick, workshop):  # noqa: F811
    """Three sources of one payload; each goes on where the one before it was stopped."""
    device, server, two = fleet
    payload = workshop.full(two, "--profile=chromeos")
    path = stick(payload)
    device.set("update", delta="no", max_rate="1M")
    device.start()
    first = device.wait(device.installed_bytes, "a checkpoint")
    device.call("Cancel")
    device.wait_state("available")
    device.ctl("install", path)
    device.wait(lambda: len(resumed_at(device)) == 1 and device.installed_bytes() > first or
                device.get("State") == "updated", "bytes from the stick")
    assert resumed_at(device)[0] >= first
    device.wait(lambda: device.get("State") in ("updated", "rebooting"), "the rest from the stick")
    device.reboot()
    confirmed(device, server, two)


def test_a_stick_that_is_pulled_out(fleet, stick, workshop):  # noqa: F811
    """The server's copy of the same payload stands in, from the byte that is needed next."""
    device, server, two = fleet
    payload = workshop.full(two, "--profile=chromeos")
    path = stick(payload)
    device.set("update", delta="no", auto_download="no")
    device.start()
    device.wait_state("available")  # so the server's URL is known
    path.rename(path.with_name("gone"))
    assert device.ctl("install", path.with_name("gone")).returncode == 0
    device.wait(lambda: device.get("LastError"), "the missing description")
    shutil.copy(path.with_name("release.payload.json"), path.with_name("gone.json"))
    path.with_name("gone").write_bytes(b"another file")
    assert device.ctl("install", path.with_name("gone")).returncode == 0
    device.reboot()
    confirmed(device, server, two)


def test_from_a_mirror_over_a_power_cut(fleet, stick, mirror, workshop):  # noqa: F811
    device, server, two = fleet
    stick(workshop.full(two, "--profile=chromeos"))
    device.set("update", max_rate="1M")
    device.set("server", first_check="1h")
    device.start()
    device.call("InstallFrom", "s", f"{mirror}/release.payload")
    durable = device.wait(device.installed_bytes, "a checkpoint")
    device.power_cycle()
    device.wait(lambda: resumed_at(device), "the resume")
    assert resumed_at(device)[0] >= durable
    device.reboot()
    confirmed(device, server, two)


def test_what_is_refused(fleet, stick, workshop, tmp_path):  # noqa: F811
    device, server, two = fleet
    server.stop()
    device.set("server", first_check="1h")
    device.start()

    def refusal(path):
        device.ctl("install", path)
        return device.wait(lambda: device.get("State") == "idle" and device.get("LastError"),
                           "the refusal")
    assert refusal(stick(workshop.full(workshop.image("0.9")))) == "downgrade"
    assert refusal(stick(workshop.full(workshop.image("1.0")))) == "downgrade"
    assert refusal(stick(workshop.delta(workshop.image("0.9"), two))) == "source"
    description = stick(workshop.full(two)).with_name("release.payload.json")
    description.write_text(description.read_text().replace("test.switchback", "another"))
    assert refusal(description.with_suffix("")) == "denied"
    description.write_text("{}")
    assert refusal(description.with_suffix("")) == "format"
    for url in ("ftp://x/y", "file://x", "http://a b", "x", "http://" + 2048 * "x"):
        with pytest.raises(DBusError, match=".*not the URL of a payload.*"):
            device.call("InstallFrom", "s", url)
    assert device.flags()["B"] == (0, 0, 0)
    # An older release that claims to be a newer one: its signed metadata says what it is.
    path = stick(workshop.full(workshop.image("0.9")))
    description.write_text(description.read_text().replace('"0.9"', '"1.2"'))
    device.ctl("install", path)
    device.wait(lambda: device.get("LastError") == "downgrade" and "1.2" in device.get("LastErrorText"),
                "the refusal")
    assert device.flags()["B"] == (0, 0, 0)
