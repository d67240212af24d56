# SPDX-License-Identifier: Apache-2.0
"""Debian packages as material for images: shared by demo/images and bench/make-corpus."""

import functools
import os
import pathlib
import shutil
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
# What a device does without.
DROPPED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info",
           "usr/share/lintian", "usr/share/bash-completion")


def die(text):
    raise SystemExit(f"{pathlib.Path(sys.argv[0]).name}: {text}")


class Apt:
    """An apt with folders of its own, so that the host's state is neither needed nor changed.

    Its sources are those that the host's apt is set up with.
    """

    def __init__(self, folder):
        self.folder = folder
        for name in ("state/lists/partial", "cache/archives/partial", "debs"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        self.options = ["-q", "-o", f"Dir::State={folder}/state", "-o", f"Dir::Cache={folder}/cache",
                        "-o", f"Dir::State::status={folder}/status", "-o", "APT::Sandbox::User=root",
                        "-o", "Acquire::Languages=none", "-o", "Acquire::Retries=3",
                        "-o", "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false"]

    def run(self, *command, **options):
        result = subprocess.run([command[0], *self.options, *command[1:]], text=True, check=False,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        if result.returncode:
            die(f"'{' '.join(command)}' failed: {result.stderr.strip()}")
        return result.stdout

    def update(self):
        """Reads the package lists; True if that had not been done before."""
        if any((self.folder / "state" / "lists").glob("*_Packages*")):
            return False
        self.run("apt-get", "update")
        return True

    def archive(self, suite):
        """Address of the archive that serves a suite ("bookworm", "bookworm-security")."""
        for line in self.run("apt-get", "indextargets", "--format",
                             "$(CODENAME) $(REPO_URI)").splitlines():
            name, _, address = line.partition(" ")
            if name == suite:
                return address
        return die(f"this machine's apt sources have no {suite}")

    def versions(self, packages):
        """Package -> its versions in the archive, oldest first."""
        found = {}
        for line in self.run("apt-cache", "madison", *packages).splitlines():
            package, version = (field.strip() for field in line.split("|")[:2])
            found.setdefault(package, set()).add(version)
        return {p: sorted(v, key=functools.cmp_to_key(compare_versions)) for p, v in found.items()}

    def deb(self, package, version):
        """Path of a downloaded .deb file, or None."""
        name = f"{package}_{version.replace(':', '%3a')}_*.deb"
        return next((self.folder / "debs").glob(name), None)

    def download(self, wanted):
        """Fetches what is missing of a set of (package, version)."""
        missing = sorted(f"{p}={v}" for p, v in wanted if not self.deb(p, v))
        if missing:
            self.run("apt-get", "download", *missing, cwd=self.folder / "debs")


def compare_versions(a, b):
    if a == b:
        return 0
    older = subprocess.call(["dpkg", "--compare-versions", a, "lt", b]) == 0
    return -1 if older else 1


def unpack(deb, tree):
    """Unpacks a package as dpkg would: into what the links bin, lib and sbin point to."""
    owner = [] if os.geteuid() == 0 else ["--no-same-owner"]
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as source:
        tar = subprocess.run(["tar", "-C", tree, "-xpf", "-", "--keep-directory-symlink",
                              "--warning=no-timestamp", *owner], stdin=source.stdout, check=False)
    if source.returncode or tar.returncode:
        die(f"cannot unpack {deb}")


def drop(tree):
    for name in DROPPED:
        shutil.rmtree(tree / name, ignore_errors=True)


def remove(tree):
    """Removes a tree even where a package's folders are not writable."""
    if tree.exists():
        subprocess.run(["chmod", "-R", "u+rwX", tree], check=False)
        shutil.rmtree(tree)


def slot_of(trees):
    """(bytes, inodes) of a slot that holds any of the trees."""
    needs = []
    for tree in trees:
        output = subprocess.run([TOP / "tools" / "mkimage", tree, "--size=0"], check=True,
                                text=True, stdout=subprocess.PIPE).stdout
        needs.append(tuple(map(int, output.split())))
    return max(n[0] for n in needs), max(n[1] for n in needs)


def mkimage(tree, image, epoch, slot):
    """Writes the slot image of a tree; it appears under its name when it is whole."""
    size, inodes = slot
    subprocess.run([TOP / "tools" / "mkimage", tree, f"{image}.part", f"--size={size}",
                    f"--inodes={inodes}", f"--epoch={epoch}"], check=True)
    os.rename(f"{image}.part", image)
