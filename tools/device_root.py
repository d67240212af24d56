# SPDX-License-Identifier: Apache-2.0
"""The virtual device's root file system: Debian packages, its own few files, the device programs."""

import fcntl
import gzip
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess

import debian

TOP = pathlib.Path(__file__).resolve().parent.parent
GUEST = TOP / "demo" / "vm" / "guest"
EPOCH = 1704067200

# Name of an architecture here -> Debian's.
ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}

BASE_PACKAGES = """base-files busybox-static libc6 libgcc-s1 zlib1g libubootenv-tool libubootenv0.1
    dbus-daemon dbus-system-bus-common libdbus-1-3 libsystemd0 libexpat1 libselinux1 libaudit1
    libcap-ng0 libapparmor1 libcap2 libgcrypt20 liblzma5 libzstd1 liblz4-1 liblzo2-2 libpcre2-8-0
    libgpg-error0""".split()
ENGINE_PACKAGES = """libbrotli1 libbz2-1.0 libcom-err2 libcurl4 libexpat1 libffi8 libgmp10
    libgnutls30 libgssapi-krb5-2 libhogweed6 libidn2-0 libk5crypto3 libkeyutils1
    libkrb5-3 libkrb5support0 libldap-2.5-0 libnettle8 libnghttp2-14 libp11-kit0
    libprotobuf-c1 libpsl5 librtmp1 libsasl2-2 libseccomp2 libssh2-1 libssl3
    libtasn1-6 libunistring2 openssl""".split()
# Programs of the build that stay on the server and the build host.
NOT_FOR_DEVICES = ("swb-pack", "swb-server", "swb-bench-boot", "swb-fleet", "swb-policy-sim")

# In the order in which they must be loaded.
MODULES = """virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_mmio
    virtio_blk failover net_failover virtio_net virtio_console virtio-rng""".split()


def cache_folder():
    """Where packages are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "switchback"


class Packages:
    """The packages of one architecture, in a folder that is kept between runs.

    One process at a time has the folder: it is locked until the object goes.
    """

    def __init__(self, folder, arch):
        self.debian_arch = ARCHITECTURES[arch]
        folder.mkdir(parents=True, exist_ok=True)
        self.lock = (folder / f"{arch}.lock").open("w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.apt = debian.Apt(folder / arch)
        self.apt.options += ["-o", f"APT::Architecture={self.debian_arch}",
                             "-o", f"APT::Architectures::={self.debian_arch}"]
        self.apt.update()

    def choose(self, names, age):
        """{package: version}, the oldest or newest that the archive has."""
        versions = self.apt.versions(names)
        absent = sorted(set(names) - set(versions))
        if absent:
            debian.die(f"the apt sources have no {', '.join(absent)} for {self.debian_arch}: "
                       "are they Debian 12's?")
        return {name: found[0 if age == "oldest" else -1] for name, found in versions.items()}

    def kernel(self):
        """Name of the package with the newest small kernel."""
        text = self.apt.run("apt-cache", "depends", "--important",
                            f"linux-image-cloud-{self.debian_arch}")
        return re.search(r"Depends: (linux-image-[0-9]\S+)", text).group(1)

    def fetch(self, chosen):
        """Paths of the .deb files."""
        self.apt.download(set(chosen.items()))
        return [self.apt.deb(name, version) for name, version in sorted(chosen.items())]


def cpio_entry(name, mode, data=b"", inode=0):
    """One file of a "newc" archive."""
    fields = (inode, mode, 0, 0, 1, EPOCH, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def initramfs(busybox, modules):
    """The initial RAM disk's bytes. `modules`: paths, in the order of loading."""
    files = [("bin/busybox", 0o755, busybox.read_bytes()),
             ("init", 0o755, (GUEST / "initramfs-init").read_bytes()),
             ("modules/order", 0o644, "".join(f"{m.name}\n" for m in modules).encode())]
    files += [(f"modules/{m.name}", 0o644, m.read_bytes()) for m in modules]
    archive = b"".join(cpio_entry(name, stat.S_IFDIR | 0o755) for name in ("bin", "modules"))
    for inode, (name, mode, data) in enumerate(files, 1):
        archive += cpio_entry(name, stat.S_IFREG | mode, data, inode)
    return gzip.compress(archive + cpio_entry("TRAILER!!!", 0), 6, mtime=0)


def plant_kernel(tree, packages, scratch):
    """/boot/kernel and /boot/initrd: names that the boot script knows."""
    name = packages.kernel()
    deb = packages.fetch(packages.choose([name], "newest"))[0]
    kernel = scratch / "kernel"
    debian.remove(kernel)
    kernel.mkdir()
    debian.unpack(deb, kernel)
    (tree / "boot").mkdir(exist_ok=True)
    shutil.copyfile(next(kernel.glob("boot/vmlinuz-*")), tree / "boot" / "kernel")
    modules = []
    for module in MODULES:
        modules += list(kernel.glob(f"lib/modules/*/kernel/**/{module}.ko"))
    image = initramfs(tree / "usr" / "bin" / "busybox", modules)
    (tree / "boot" / "initrd").write_bytes(image)
    debian.remove(kernel)


def plant_folders(tree):
    for name in ("bin", "sbin", "lib", "lib64"):
        (tree / "usr" / name).mkdir(parents=True)
        (tree / name).symlink_to(f"usr/{name}")
    for name in ("dev", "proc", "sys", "run", "tmp", "var", "persistent", "root"):
        (tree / name).mkdir()


def plant_guest(tree, release):
    """The files of demo/vm/guest, the commands of busybox, the release."""
    shutil.copytree(GUEST / "etc", tree / "etc", dirs_exist_ok=True)
    for name in ("init", "reboot", "poweroff"):
        (tree / "usr" / "sbin" / name).symlink_to("../bin/busybox")
    applets = (GUEST / "applets").read_text().split()
    for name in applets:
        if not (tree / "usr" / "bin" / name).exists():
            (tree / "usr" / "bin" / name).symlink_to("busybox")
    machine_id = tree / "etc" / "machine-id"
    machine_id.unlink(missing_ok=True)
    machine_id.symlink_to("/run/machine-id")
    os_release = tree / "etc" / "os-release"
    os_release.unlink(missing_ok=True)
    os_release.write_text('ID=switchback-device\nNAME="Switchback virtual device"\n'
                          f"VERSION_ID={release}\nSWB_VERSION={release}\n")


def prefix_of(build):
    options = subprocess.run(["meson", "introspect", "--buildoptions", build], check=True,
                             text=True, stdout=subprocess.PIPE).stdout
    return next(o["value"] for o in json.loads(options) if o["name"] == "prefix")


def plant_programs(tree, build, scratch):
    """What `make install` installs, without what is not the device's, in /usr whatever the prefix."""
    result = subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--quiet", "--strip",
                             "--destdir", scratch], text=True, check=False,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT)
    if result.returncode:
        debian.die(f"meson install of {build} failed: {result.stdout.strip()}")
    for name in NOT_FOR_DEVICES:
        for path in scratch.glob(f"**/{name}*"):
            path.unlink()
    installed = scratch / prefix_of(build).lstrip("/")
    shutil.copytree(installed, tree / "usr", symlinks=True, dirs_exist_ok=True)
    if (scratch / "etc").exists():
        shutil.copytree(scratch / "etc", tree / "etc", symlinks=True, dirs_exist_ok=True)


def needed_libraries(path):
    with path.open("rb") as file:
        if file.read(4) != b"\x7fELF":
            return []
    text = subprocess.run(["readelf", "-d", path], text=True, check=True,
                          stdout=subprocess.PIPE).stdout
    return re.findall(r"\(NEEDED\).*\[(.*)\]", text)


def check_libraries(tree):
    """Every library that a program in the tree asks for is there."""
    files = [p for p in tree.glob("usr/**/*") if p.is_file() and not p.is_symlink()]
    there = {p.name for p in tree.glob("usr/lib/**/*.so*")}
    for path in files:
        if not (os.access(path, os.X_OK) or ".so" in path.name):
            continue
        absent = [name for name in needed_libraries(path) if name not in there]
        if absent:
            debian.die(f"{path.relative_to(tree)} needs {', '.join(absent)}: a package is missing "
                       "in tools/device_root.py or among the further ones")


def make_tree(tree, packages, release, age, build, further, scratch):
    """A root file system in an empty folder. build: meson's, or None; further: more packages."""
    names = set(BASE_PACKAGES + (ENGINE_PACKAGES if build else []) + further)
    plant_folders(tree)
    for deb in packages.fetch(packages.choose(names, age)):
        debian.unpack(deb, tree)
    debian.drop(tree)
    plant_guest(tree, release)
    if build:
        plant_programs(tree, build, scratch / "installed")
        debian.drop(tree)
    check_libraries(tree)
