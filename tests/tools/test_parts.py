# SPDX-License-Identifier: Apache-2.0
"""The tree can be set up for one part alone, and then installs that part and nothing of the others."""

import json
import os
import pathlib
import subprocess
import xml.etree.ElementTree

import pytest

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAMS = {"device": {"swbd", "swbctl", "swb-fetch", "swb-install",
                       "swb-post-install"}, "pack": {"swb-pack"},
            "server": {"swb-server"}}
UNITS = {"device": {"swbd.service"}, "pack": set(), "server": {"swb-server.service"}}


def configure(folder, *options):
    return subprocess.run(["meson", "setup", folder, TOP, "--prefix=/usr", *options], check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120)


def installed(folder):
    text = subprocess.run(["meson", "introspect", "--installed", folder], check=True, text=True,
                          stdout=subprocess.PIPE, timeout=60).stdout
    return [pathlib.Path(path) for path in json.loads(text).values()]


@pytest.mark.parametrize("part,more", [("device", []), ("device", ["-Duboot=false"]),
                                       ("device", ["-Dseccomp=false"]), ("pack", []), ("server", [])])
def test_part_alone(part, more, tmp_path):
    others = [f"-D{name}={'true' if name == part else 'false'}" for name in PROGRAMS]
    result = configure(tmp_path / "build", "-Dtests=false", *others, *more)
    assert result.returncode == 0, result.stdout[-2000:]
    paths = installed(tmp_path / "build")
    assert {p.name for p in paths if p.parent.name in ("bin", "sbin")} == PROGRAMS[part]
    assert {p.name for p in paths if p.suffix == ".service"} == UNITS[part]
    pages = {p.name.rpartition(".")[0] for p in paths if p.parent.name.startswith("man")}
    assert PROGRAMS[part] <= pages <= PROGRAMS[part] | {"device.conf"}
    assert any(p.name == "device.conf.5" for p in paths) == (part == "device")


def test_tests_want_all_parts(tmp_path):
    result = configure(tmp_path / "build", "-Dserver=false")
    assert result.returncode != 0 and "-Dtests=false" in result.stdout


# What an installed device needs beside programs and pages -> a program that reads it, or None.
SYSTEM_FILES = {
    "lib/systemd/system/swbd.service": None,
    "lib/sysusers.d/switchback.conf": ["systemd-sysusers", "--dry-run"],
    "lib/tmpfiles.d/switchback.conf": None,
    "share/dbus-1/system.d/org.switchback.Engine1.conf": None,
    "share/dbus-1/interfaces/org.switchback.Engine1.xml": None,
    "share/polkit-1/actions/org.switchback.engine1.policy": None,
    "share/polkit-1/rules.d/switchback.rules": None,
}


def test_install_puts_system_files_where_they_are_read(tmp_path):
    """Into DESTDIR; and those that have a reader are read."""
    destination = tmp_path / "destination"
    subprocess.run(["meson", "install", "-C", os.environ["SWB_BUILD"], "--no-rebuild", "--quiet",
                    "--destdir", destination], check=True, timeout=120, stdout=subprocess.DEVNULL)
    prefix = next(o["value"] for o in json.loads(subprocess.run(
        ["meson", "introspect", "--buildoptions", os.environ["SWB_BUILD"]], check=True, text=True,
        stdout=subprocess.PIPE, timeout=60).stdout) if o["name"] == "prefix")
    root = destination / prefix.lstrip("/")
    for name, reader in SYSTEM_FILES.items():
        path = root / name
        assert path.is_file() and path.stat().st_mode & 0o777 == 0o644, name
        if path.suffix in (".xml", ".policy"):
            xml.etree.ElementTree.parse(path)
        if reader:
            subprocess.run([*reader, path], check=True, timeout=60, stdout=subprocess.DEVNULL)
    for program in PROGRAMS["device"]:
        assert os.access(next(root.glob(f"*bin/{program}")), os.X_OK)
