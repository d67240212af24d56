# SPDX-License-Identifier: Apache-2.0
"""The new system's own program: run behind walls after the read-back, and before the boot flags.

Its root is a folder here, and a real file system on a loop device in one test. As root, as swbd is: nobody
else may mount.
"""

import os
import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).resolve().parent
IS_ROOT = os.geteuid() == 0


@pytest.fixture(name="program", scope="module")
def make_program(tmp_path_factory):
    path = tmp_path_factory.mktemp("post-install") / "post-install"
    subprocess.run(["cc", "-static", "-o", path, HERE / "post_install.c"], check=True, timeout=60)
    return path


@pytest.fixture(name="new_root")
def make_new_root(tmp_path, program):
    """new_root(order): what the program shall do. A folder that nobody may enter, too."""
    root = tmp_path / "new-root"
    for name in ("proc", "dev", "tmp"):
        (root / name).mkdir(parents=True)
    (root / "post-install").write_bytes(program.read_bytes())
    (root / "post-install").chmod(0o755)
    root.chmod(0o755)

    def order(text):
        (root / "order").write_text(text)
        (root / "order").chmod(0o644)
        return root

    return order


def prepare(device, root, *before, **keys):
    """With a version 1.1 whose root is this folder, as the fake worker's slot holds none."""
    worker = device.folder / "run-post-install"
    command = " ".join([*before, str(device.program("swb-post-install"))])
    worker.write_text(f"#!/bin/sh\necho run >>{device.folder}/runs\nexec {command} \"$@\" --root={root}\n")
    worker.chmod(0o755)
    device.set("workers", post_install=worker)
    device.set("post-install", program="/post-install", **keys)
    device.offer("1.1")


def runs(device):
    path = device.folder / "runs"
    return len(path.read_text().splitlines()) if path.exists() else 0


def assert_refused(device, text):
    device.wait(lambda: device.get("LastError") == "post-install", "the failure")
    assert text in device.get("LastErrorText")
    assert device.flags()["B"] == (0, 0, 0) and device.flags()["A"][2] == 1
    event = device.wait_event(3, 0, "post-install")
    assert event[2] == "5" and text in event[7]
    device.wait_state("idle")
    assert text in device.get("FailedVersions")["1.1"]
    device.call("Check")
    device.wait(lambda: len(device.calls("check")) > 1 and device.get("State") == "idle", "a check")
    assert runs(device) == 1, "a version that failed is not tried again"


def test_content_program_shows_progress_and_the_flags_wait_for_it(device, new_root):
    if not IS_ROOT:
        return
    root = new_root("wait")
    prepare(device, root)
    device.start()
    device.wait(lambda: device.get("Progress") == 0.42, "its progress")
    assert device.get("State") == "verifying" and device.flags()["B"] == (0, 0, 0)
    (root / "go").touch()
    assert device.reboot() == "B"
    device.wait_event(54, 1)
    assert runs(device) == 1


def test_it_is_behind_walls(device, new_root):
    if not IS_ROOT:
        return
    prepare(device, new_root("walls"))
    device.start()
    assert device.reboot() == "B", device.get("LastErrorText")


@pytest.mark.parametrize("order,text,keys", [
    ("fail", "/post-install: exit status 3: is too old", {}),
    ("crash", "/post-install: killed by signal 6", {}),
    ("hang", "/post-install: not done when its time was over", {"timeout": "1s"}),
])
def test_failure_is_the_versions(device, new_root, order, text, keys):
    if not IS_ROOT:
        return
    prepare(device, new_root(order), **keys)
    device.start()
    assert_refused(device, text)


def test_missing_program_counts_unless_it_is_optional(make_device, new_root):
    if not IS_ROOT:
        return
    root = new_root("wait")
    (root / "post-install").unlink()
    strict = make_device("strict")
    strict.factory("1.0")
    prepare(strict, root)
    strict.start()
    assert_refused(strict, "start /post-install of the new system: No such file or directory")
    strict.stop()
    strict.set("post-install", optional="yes")
    strict.offer("1.2")
    strict.start()
    strict.call("Check")
    assert strict.reboot() == "B"


def test_power_cut_and_cancel_lead_to_another_run(device, new_root):
    if not IS_ROOT:
        return
    root = new_root("wait")
    prepare(device, root)
    device.start()
    device.wait(lambda: device.get("Progress") == 0.42, "its progress")
    assert device.power_cycle() == "A"
    device.wait(lambda: runs(device) == 2 and device.get("Progress") == 0.42, "the second run")
    device.call("Cancel")
    device.wait_state("available")
    (root / "go").touch()
    device.call("Install", "")
    assert device.reboot() == "B"
    assert runs(device) == 3


def test_without_the_capability_it_says_what_is_missing(device, new_root):
    """The device's trouble: the version is not blamed, and the slot not made bootable."""
    before = ["setpriv", "--bounding-set=-sys_admin"] if IS_ROOT else []
    prepare(device, new_root("wait"), *before)
    device.start()
    device.wait(lambda: device.get("LastError") == "denied", "the error")
    assert "CAP_SYS_ADMIN" in device.get("LastErrorText")
    assert "docs/walls.md" in device.get("LastErrorText")
    assert device.get("FailedVersions") == {} and device.flags()["B"] == (0, 0, 0)


def test_real_file_system_stays_as_it_is(build, tmp_path, new_root):
    """On a block device; by the read-only mount not one byte of it changes."""
    if not IS_ROOT:
        return
    image = tmp_path / "slot.ext4"
    subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-d", new_root("fail"), image, "8M"], check=True,
                   timeout=60)
    before = image.read_bytes()
    loop = subprocess.run(["/sbin/losetup", "--find", "--show", image], check=True, timeout=60,
                          capture_output=True, text=True).stdout.strip()
    try:
        result = subprocess.run([build / "src/bin/swb-post-install/swb-post-install", f"--root={loop}",
                                 f"--place={tmp_path}", "--program=/post-install"], check=False,
                                capture_output=True, text=True, timeout=60)
    finally:
        subprocess.run(["/sbin/losetup", "--detach", loop], check=True, timeout=60)
    assert result.returncode == 1
    assert "/post-install: exit status 3: is too old" in result.stderr
    assert image.read_bytes() == before
    assert str(tmp_path) not in pathlib.Path("/proc/mounts").read_text()
