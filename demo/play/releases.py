# SPDX-License-Identifier: Apache-2.0
"""Releases to play with: tiny systems, made in a second, each of which differs from the last a little."""

import os
import random
import shutil
import subprocess

APP_ID = "com.example.playground"
IMAGE_BYTES = 12 << 20
CONTENT_FILES = 40
CONTENT_BYTES = 128 << 10
CHANGED_FILES = 6
# The same stamp for all: only what was changed differs.
EPOCH = "1767225600"
APP = """\
#!/bin/sh
# The device's application. Its health check asks whether it can do its work.
{body}
"""
GOOD = 'echo "application {version}: all is well"'
BAD = 'echo "application {version}: no camera found" >&2; exit 1'
KINDS = ("good", "bad", "dead")


def describe(kind):
    return {"good": "a good one", "bad": "its application says that it is not well",
            "dead": "its file system is destroyed: nothing can start from it"}[kind]


class Releases:
    """Makes images and payloads in a folder. `last` is the newest good version, as a number."""

    def __init__(self, bench):
        self.bench = bench
        self.n_made = 0
        self.good = []  # numbers of good releases, ascending
        self.tree = bench.folder / "tree"

    def image(self, number):
        return self.bench.folder / f"release-{number}.ext4"

    @staticmethod
    def version(number):
        return f"{number}.0.0"

    def write_tree(self, number, kind):
        content = self.tree / "usr/share/app"
        content.mkdir(parents=True, exist_ok=True)
        dice = random.Random(number)
        names = [content / f"part-{i:02}" for i in range(CONTENT_FILES)]
        for path in names if self.n_made == 0 else dice.sample(names, CHANGED_FILES):
            path.write_bytes(dice.randbytes(CONTENT_BYTES))
        version = self.version(number)
        for name, text in (("etc/os-release", f'NAME="Playground"\nSWB_VERSION={version}\n'),
                           ("usr/bin/app", APP.format(body=(BAD if kind == "bad" else GOOD)
                                                      .format(version=version)))):
            path = self.tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755 if "bin" in name else 0o644)

    def make_image(self, number, kind):
        image = self.image(number)
        self.write_tree(number, kind)
        result = subprocess.run(["swb-pack", "make-image", self.tree, f"--output={image}",
                                 f"--size={IMAGE_BYTES}"], env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH},
                                capture_output=True, text=True, check=False)
        if result.returncode:
            raise RuntimeError(result.stderr)
        if kind == "dead":
            with image.open("r+b") as file:
                file.seek(1024)
                file.write(bytes(1024))  # the super block

    def make(self, kind):
        """A new release: image, full payload, and a delta from the last good one. Returns its number."""
        number = self.n_made + 1
        kept = self.bench.folder / "tree.kept"
        shutil.rmtree(kept, ignore_errors=True)
        if kind != "good":
            shutil.copytree(self.tree, kept)
        self.make_image(number, kind)
        if kind != "good":
            shutil.rmtree(self.tree)
            kept.rename(self.tree)
        self.pack(number)
        self.n_made = number
        if kind == "good":
            self.good.append(number)
        return number

    def pack(self, number):
        common = f"--app-id={APP_ID} --target-version={self.version(number)} --key=release.key --progress=none"
        run = self.bench.run
        run(f"swb-pack full {self.image(number).name} --output=full-{number} {common}", show=False)
        if self.good:
            old = self.good[-1]
            run(f"swb-pack delta {self.image(old).name} {self.image(number).name} "
                f"--output=delta-{old}-{number} --source-version={self.version(old)} {common}", show=False)

    def publish(self, number):
        names = [f"full-{number}", *(path.name for path in self.bench.folder.glob(f"delta-*-{number}"))]
        for name in names:
            self.bench.run(f"swb-server publish {name} --data=server --public-key=release.pem "
                           "--channel=stable", show=False)
        return {name: self.bench.size(name) for name in names}
