# SPDX-License-Identifier: Apache-2.0
"""swb-pack make-image and check-image: an image that nothing writes to, and all that could be wrong with one."""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess

import pytest

from pack_images import write

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILT = 1700000000
ENV = {"SOURCE_DATE_EPOCH": str(BUILT)}
FSTAB = """# <file system> <mount point> <type> <options>
/dev/root   /      ext4   ro,noatime   0 1
/dev/data   /data  ext4   rw,nodev     0 2
/data/var   /var   none   bind         0 0
tmpfs       /tmp   tmpfs  size=16M     0 0
/dev/usb    /media/usb auto noauto,nofail 0 0
"""


def put(tree, name, text="", mode=None):
    path = write(tree, name, text.encode())
    if mode is not None:
        path.chmod(mode)
    return path


def link(tree, name, target):
    path = tree / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def want(tree, unit, text, target="multi-user.target"):
    """A unit that is started."""
    put(tree, f"usr/lib/systemd/system/{unit}", text)
    link(tree, f"etc/systemd/system/{target}.wants/{unit}", f"/usr/lib/systemd/system/{unit}")


def good_tree(tree):
    for name in ("dev", "proc", "run", "sys", "tmp", "data", "var", "media"):
        (tree / name).mkdir(parents=True)
    put(tree, "etc/fstab", FSTAB)
    put(tree, "etc/machine-id")
    link(tree, "etc/resolv.conf", "../run/systemd/resolve/stub-resolv.conf")
    put(tree, "usr/lib/systemd/systemd", "program", 0o755)
    put(tree, "usr/bin/su", "program", 0o4755)
    put(tree, "boot/extlinux/extlinux.conf", "label a\n  append root=/dev/x ro quiet\n")
    put(tree, "etc/ssh/sshd_config", "HostKey /data/ssh/key\n")
    want(tree, "app.service", "[Service]\nStateDirectory=app app/cache\nLogsDirectory=app\n"
                              "ReadWritePaths=-/opt/maybe /data/app\nPIDFile=/run/app.pid\n")
    want(tree, "logrotate.timer", "[Timer]\n", "timers.target")
    put(tree, "usr/lib/systemd/system/logrotate.service", "[Service]\nReadWritePaths=/var/log\n")
    put(tree, "usr/lib/systemd/system/unused.service", "[Service]\nStateDirectory=unused\n"
                                                       "PIDFile=/etc/unused.pid\n")
    link(tree, "etc/systemd/system/masked.service", "/dev/null")
    link(tree, "etc/systemd/system/multi-user.target.wants/masked.service", "masked.service")
    link(tree, "bin", "usr/bin")
    return tree


@pytest.fixture
def tree(tmp_path):
    return good_tree(tmp_path / "tree")


def make(pack, tree, *args, output="image.ext4", **options):
    pack.ok("make-image", tree, "-o", output, *args, env=ENV, **options)
    return pack.folder / output


def findings(pack, image, *args):
    """[(name, text)]"""
    result = pack.run("check-image", image, "--json", *args, env=ENV)
    report = json.loads(result.stdout)
    assert result.returncode == (3 if report["findings"] else 0) and not result.stderr
    assert all(finding["why"] and finding["mend"] for finding in report["findings"])
    return [(finding["name"], finding["text"]) for finding in report["findings"]]


# ---- make-image ----

def test_two_builds_are_identical(pack, tree, tmp_path):
    """Another order of names in the folders, another time, other owners: the same image."""
    for i in range(400):  # more than a block of names
        put(tree, f"usr/share/many/{i:03}-with-a-long-name-behind-it", str(i))
    other = tmp_path / "other"
    shutil.copytree(tree, other, symlinks=True, copy_function=lambda *_: None)
    for path in sorted(tree.rglob("*"), key=lambda path: path.name, reverse=True):
        if path.is_file() and not path.is_symlink():
            shutil.copy2(path, other / path.relative_to(tree))
            os.utime(other / path.relative_to(tree), (BUILT + 5000, BUILT + 5000))
    first, second = make(pack, tree), make(pack, other, output="second.ext4")
    assert first.read_bytes() == second.read_bytes()
    assert not list(pack.folder.glob("*.tmp"))
    config = tmp_path / "mke2fs.conf"
    config.write_text("[defaults]\nbase_features = has_journal\nblocksize = 1024\n")
    pack.ok("make-image", tree, "--output=third.ext4", env={**ENV, "MKE2FS_CONFIG": str(config)})
    assert first.read_bytes() == (pack.folder / "third.ext4").read_bytes()
    assert make(pack, tree, "--label=boot", output="b.ext4").read_bytes() != first.read_bytes()


def debugfs(image, command):
    return subprocess.run(["/sbin/debugfs", "-R", command, image], capture_output=True, text=True,
                          check=True, timeout=30).stdout


def test_what_is_kept(pack, tmp_path):
    tree = tmp_path / "tree"
    big = os.urandom(3 << 20)
    write(tree, "big", big)
    os.utime(tree / "big", (BUILT - 1000, BUILT - 1000))
    put(tree, "name with\n odd \xe9 bytes", "odd", 0o640)
    os.link(tree / "big", tree / "hard")
    link(tree, "short", "big")
    link(tree, "long", "x" * 200)
    (tree / "folder").mkdir(mode=0o1777)
    (tree / "folder").chmod(0o1777)
    os.mkfifo(tree / "pipe")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tree / "socket"))
    listener.close()
    with (tree / "holes").open("wb") as file:
        file.truncate(2 << 20)
        file.seek(1 << 20)
        file.write(b"data")
    os.setxattr(tree / "big", "user.note", b"kept")
    (tree / "lost+found").mkdir()
    image = make(pack, tree)
    subprocess.run(["/sbin/e2fsck", "-fn", image], check=True, capture_output=True, timeout=60)
    out = tmp_path / "out"
    out.mkdir()
    debugfs(image, f"rdump / {out}")
    assert (out / "big").read_bytes() == big and (out / "hard").read_bytes() == big
    assert (out / "name with\n odd \xe9 bytes").read_text() == "odd"
    assert (out / "holes").read_bytes() == (tree / "holes").read_bytes()
    assert os.readlink(out / "short") == "big" and os.readlink(out / "long") == "x" * 200
    text = debugfs(image, "stat /big")
    assert re.search(r"Links: 2\b", text) and "User:     0   Group:     0" in text
    assert len(re.findall(f"time: {BUILT - 1000:#x}:00000000", text)) == 4  # all of its times
    assert f"mtime: {BUILT:#x}:" in debugfs(image, "stat /short")
    assert "user.note" in debugfs(image, "ea_list /big") and "kept" in debugfs(image, "ea_list /big")
    assert "Mode:  01777" in debugfs(image, "stat /folder")
    assert "Type: FIFO" in debugfs(image, "stat /pipe")
    assert "Type: socket" in debugfs(image, "stat /socket")
    assert re.search(r"Blockcount: 8\b", debugfs(image, "stat /holes"))
    dump = subprocess.run(["/sbin/dumpe2fs", "-h", image], capture_output=True, text=True, check=True,
                          timeout=30).stdout
    assert "has_journal" not in dump and re.search(r"^Mount count: +0$", dump, re.M)
    assert findings(pack, image, "--ignore=mount-point-missing", "--writable=/var") == []


def test_make_image_options(pack, tree):
    image = make(pack, tree, "--size=8M", "--inodes=512", "--label=system",
                 "--uuid=01234567-89ab-cdef-0123-456789abcdef")
    assert image.stat().st_size == 8 << 20
    dump = subprocess.run(["/sbin/dumpe2fs", "-h", image], capture_output=True, text=True, check=True,
                          timeout=30).stdout
    for line in ("volume name:   system", "UUID:          01234567-89ab-cdef-0123-456789abcdef",
                 "Directory Hash Seed:      01234567-89ab-cdef-0123-456789abcdef",
                 "Inode count:              512"):
        assert line in dump, line
    before = image.read_bytes()
    write(tree, "big", os.urandom(9 << 20))
    error = pack.fails("make-image", tree, "-o", "image.ext4", "--size=8M", env=ENV)
    assert "--size" in error and "/big" in error
    assert image.read_bytes() == before and not list(pack.folder.glob("*.tmp"))
    assert "SOURCE_DATE_EPOCH" in pack.fails("make-image", tree, "-o", "x", status=2)
    for bad in ("--size=1000", "--label=longer-than-16-bytes", "--uuid=12", "--inodes=9999999999"):
        assert bad.split("=")[0] in pack.fails("make-image", tree, "-o", "x", bad, env=ENV, status=2)
    assert "no folder" in pack.fails("make-image", image, "-o", "x", env=ENV)
    pack.fails("make-image", pack.folder / "none", "-o", "x", env=ENV)


# ---- check-image ----

def test_a_good_image_has_no_findings(pack, tree):
    result = pack.run("check-image", make(pack, tree), env=ENV)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def sub(tree, name, old, new):
    text = (tree / name).read_text()
    assert old in text
    (tree / name).write_text(text.replace(old, new))


def remove(tree, name):
    path = tree / name
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


BAD = [
    ("root-writable", "/etc/fstab", lambda t: sub(t, "etc/fstab", "ro,noatime", "noatime")),
    ("cmdline-writable", "extlinux.conf: ",
     lambda t: sub(t, "boot/extlinux/extlinux.conf", " ro ", " rw ")),
    ("cmdline-writable", "entries/a.conf",
     lambda t: put(t, "boot/loader/entries/a.conf", "title a\noptions root=x rw\n")),
    ("cmdline-writable", "cmdline.txt", lambda t: put(t, "boot/cmdline.txt", "console=tty1 rw")),
    ("mount-point-missing", "on /data, ", lambda t: remove(t, "data")),
    ("mount-point-missing", "on /proc, ", lambda t: remove(t, "proc")),
    ("var-not-mounted", "/var", lambda t: [
        sub(t, "etc/fstab", "/data/var ", "#"), remove(t, "etc/systemd/system/timers.target.wants"),
        remove(t, "etc/systemd/system/multi-user.target.wants")]),
    ("var-not-mounted", "lie /var/lib /var/log", lambda t: [
        sub(t, "etc/fstab", "/data/var   /var ", "/data/tmp   /var/tmp"),
        [(t / f"var/{name}").mkdir() for name in ("lib", "log", "tmp")],
        remove(t, "etc/systemd/system/timers.target.wants"),
        remove(t, "etc/systemd/system/multi-user.target.wants")]),
    ("machine-id", "is set: 0123", lambda t: put(t, "etc/machine-id", "0123456789abcdef" * 2)),
    ("machine-id", "not there", lambda t: remove(t, "etc/machine-id")),
    ("resolv-conf", "/etc/resolv.conf", lambda t: [
        remove(t, "etc/resolv.conf"), put(t, "etc/resolv.conf", "nameserver 192.0.2.1")]),
    ("ssh-host-keys", "ssh_host_ed25519_key",
     lambda t: [put(t, "etc/ssh/ssh_host_ed25519_key", "secret"),
                put(t, "etc/ssh/ssh_host_ed25519_key.pub", "public")]),
    ("random-seed", "random-seed", lambda t: put(t, "var/lib/systemd/random-seed", "x")),
    ("package-manager", "apt-daily.timer",
     lambda t: want(t, "apt-daily.timer", "[Timer]\n", "timers.target")),
    ("package-manager", "_Packages",
     lambda t: put(t, "var/lib/apt/lists/deb.example.org_main_binary_Packages", "x")),
    ("package-manager", "cron.daily/apt-compat",
     lambda t: [put(t, "etc/cron.daily/apt-compat"), put(t, "usr/sbin/cron")]),
    ("logrotate", "logrotate.timer",
     lambda t: [sub(t, "etc/fstab", "/data/var   /var ", "/data/log   /var/log"),
                (t / "var/log").mkdir(), remove(t, "etc/systemd/system/multi-user.target.wants")]),
    ("logrotate", "cron.daily/logrotate",
     lambda t: [sub(t, "etc/fstab", "/data/var   /var ", "/data/log   /var/log"),
                (t / "var/log").mkdir(), put(t, "etc/cron.daily/logrotate"), put(t, "usr/sbin/cron"),
                remove(t, "etc/systemd/system/multi-user.target.wants"),
                remove(t, "etc/systemd/system/timers.target.wants")]),
    ("unit-needs-writable", "app.service writes to /opt/app (ReadWritePaths=)",
     lambda t: want(t, "app.service", "[Service]\nReadWritePaths=/opt/app\n")),
    ("unit-needs-writable", "app.service writes to /srv/app.pid (PIDFile=)",
     lambda t: want(t, "app.service", "[Service]\nPIDFile=/srv/app.pid\n")),
    ("unit-needs-writable", "app.service writes to /etc/app (ConfigurationDirectory=)",
     lambda t: want(t, "app.service", "[Service]\nConfigurationDirectory=app\n")),
    ("unit-needs-writable", "to /srv/state",
     lambda t: [link(t, "srv/state", "/usr/state"),
                want(t, "nightly.timer", "[Timer]\n", "timers.target"),
                put(t, "usr/lib/systemd/system/nightly.service", "[Service]\nReadWritePaths=/srv/state\n")]),
    ("setuid", "/usr/bin/backdoor", lambda t: put(t, "usr/bin/backdoor", "x", 0o4755)),
    ("setuid", "/opt/su ", lambda t: put(t, "opt/su", "x", 0o2755)),
    ("setuid", "writable for all", lambda t: put(t, "usr/bin/su", "x", 0o4777)),
]


@pytest.mark.parametrize("name, text, spoil", BAD, ids=[f"{name}-{i}" for i, (name, _, _) in enumerate(BAD)])
def test_each_finding_of_a_tree(pack, tree, name, text, spoil):
    spoil(tree)
    image = make(pack, tree)
    found = findings(pack, image)
    assert {n for n, _ in found} == {name} or name in ("var-not-mounted", "logrotate"), found
    assert any(n == name and text in t for n, t in found), found
    assert name not in {n for n, _ in findings(pack, image, f"--ignore={name}")}


def test_what_is_masked_is_not_started(pack, tree):
    bad = "[Service]\nReadWritePaths=/srv/state\n"
    want(tree, "apt-daily.timer", "[Timer]\n", "timers.target")
    want(tree, "bad.service", bad)
    want(tree, "emptied.service", bad)
    want(tree, "nightly.timer", "[Timer]\n", "timers.target")
    put(tree, "usr/lib/systemd/system/nightly.service", bad)
    assert len(findings(pack, make(pack, tree))) == 4
    for unit in ("apt-daily.timer", "bad.service", "nightly.service"):
        link(tree, f"etc/systemd/system/{unit}", "/dev/null")
    put(tree, "etc/systemd/system/emptied.service")
    assert findings(pack, make(pack, tree)) == []


def test_each_finding_of_a_file_system(pack, tree):
    image = make(pack, tree)
    assert findings(pack, image, "--timestamp=1600000000")[0][0] == "newer-than-build"
    assert "more files" in findings(pack, image, "--timestamp=1600000000")[-1][1]
    (pack.folder / "cmdline").write_text("console=ttyS0 root=/dev/mmcblk0p3 rw\n")
    assert [name for name, _ in findings(pack, image, "--cmdline=cmdline")] == ["cmdline-writable"]
    (pack.folder / "cmdline").write_text("console=ttyS0 rw root=/dev/mmcblk0p3 ro rwflag\n")
    assert findings(pack, image, "--cmdline=cmdline") == []
    subprocess.run(["/sbin/debugfs", "-w", "-R", "ssv mnt_count 2", image], check=True,
                   capture_output=True, timeout=30)
    assert findings(pack, image) == [("mounted", "the file system was mounted for writing 2 times")]
    subprocess.run(["/sbin/debugfs", "-w", "-R", "ssv state 0", image], check=True,
                   capture_output=True, timeout=30)
    assert [name for name, _ in findings(pack, image)] == ["unclean", "mounted"]
    subprocess.run(["/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, pack.folder / "j.ext4", "16M"],
                   check=True, capture_output=True, timeout=30,
                   env={**os.environ, "E2FSPROGS_FAKE_TIME": str(BUILT)})
    assert "journal" in {name for name, _ in findings(pack, "j.ext4")}


def test_what_the_image_does_not_say(pack, tree):
    want(tree, "app.service", "[Service]\nStateDirectory=app\nReadWritePaths=/opt/app\n")
    put(tree, "opt/helper", "x", 0o4755)
    image = make(pack, tree)
    assert {name for name, _ in findings(pack, image)} == {"unit-needs-writable", "setuid"}
    assert findings(pack, image, "--writable=/opt/app", "--allow-setuid=/opt/helper") == []
    want(tree, "opt-app.mount", "[Mount]\nWhat=/dev/app\nWhere=/opt/app\nOptions=rw\n")
    image = make(pack, tree)
    assert [name for name, _ in findings(pack, image)] == ["setuid"]
    text = pack.run("check-image", image, env=ENV).stdout
    assert text.startswith("setuid: /opt/helper has the set-user-ID bit") and "    mend: " in text


def test_switchback_persistent_is_understood(pack, tree):
    sub(tree, "etc/fstab", "/data/var   /var ", "#")
    remove(tree, "etc/systemd/system/multi-user.target.wants")
    for name in ("lib/app", "log", "cache"):
        (tree / "var" / name).mkdir(parents=True)
    put(tree, "etc/switchback/persistent.conf", "partition /dev/x\nbind   /var/lib/app\nbind /var/log # logs\n"
                                                "overlay /var/cache\nkeep id\n")
    want(tree, "app.service", "[Service]\nStateDirectory=app\nLogsDirectory=app\n")
    remove(tree, "etc/systemd/system/timers.target.wants")
    image = make(pack, tree)
    assert {name for name, _ in findings(pack, image)} == {"var-not-mounted", "unit-needs-writable"}
    want(tree, "switchback-persistent.service", "[Service]\n", "local-fs.target")
    assert findings(pack, make(pack, tree)) == [
        ("mount-point-missing",
         "/etc/switchback/persistent.conf wants to mount on /persistent, which is not there")]
    (tree / "persistent").mkdir()
    assert findings(pack, make(pack, tree)) == []


def test_what_is_no_image(pack, tree):
    write(pack.folder, "noise", os.urandom(8192))
    assert "holds no ext" in pack.fails("check-image", "noise")
    assert "none" in pack.fails("check-image", "none")
    assert "--ignore" in pack.fails("check-image", make(pack, tree), "--ignore=nonsense", status=2)


def test_damaged_images_do_no_harm(pack, tree):
    """Whatever lies in the tables: an answer or an error, in time."""
    image = make(pack, tree)
    whole = image.read_bytes()
    for seed in range(40):
        data = bytearray(whole)
        for i in range(1 + seed % 7):
            at = (seed * 7919 + i * 104729) % (len(data) // 2)
            data[at:at + 8] = os.urandom(8) if seed % 2 else b"\xff" * 8
        image.write_bytes(data)
        result = pack.run("check-image", image, env=ENV)
        assert result.returncode in (0, 1, 3), (seed, result.returncode, result.stderr)


def test_every_finding_is_described():
    source = (TOP / "src" / "generator" / "layout" / "audit.c").read_text()
    names = set(re.findall(r'\[SWB_FLAW_\w+\] =\s*\{"([a-z-]+)"', source))
    assert len(names) == 16
    page = (TOP / "docs" / "image-layout.md").read_text()
    assert set(re.findall(r"^\| `([a-z-]+)` \|", page, re.M)) == names
    assert {name for name, _, _ in BAD} | {"journal", "unclean", "mounted", "newer-than-build"} == names
