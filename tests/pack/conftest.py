# SPDX-License-Identifier: Apache-2.0
"""swb-pack to run, and images to run it on."""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import paycheck
import pack_images

BUILD = pathlib.Path(os.environ["SWB_BUILD"]).resolve()
PROGRAM = BUILD / "src" / "bin" / "swb-pack" / "swb-pack"
TIMEOUT = 300


class Pack:
    """swb-pack in a folder of the test's own."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, *args, **options):
        """The finished process, output as text; status 0 is not required."""
        environment = {k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"}
        environment |= options.pop("env", {})
        return subprocess.run([PROGRAM, *map(str, args)], cwd=self.folder, env=environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=TIMEOUT, check=False,
                              **options)

    def ok(self, *args, **options):
        result = self.run(*args, **options)
        assert result.returncode == 0, result.stderr
        return result

    def fails(self, *args, status=1, **options):
        """The complaint of a run that must fail."""
        result = self.run(*args, **options)
        assert result.returncode == status, (result.returncode, result.stdout, result.stderr)
        return result.stderr

    def full(self, new, *args, output="full.pl", **options):
        self.ok("full", new, f"--output={output}", "--app-id=app", "--target-version=2",
                "--progress=none", *args, **options)
        return self.folder / output

    def delta(self, old, new, *args, output="delta.pl", **options):
        self.ok("delta", old, new, f"--output={output}", "--app-id=app", "--target-version=2",
                "--source-version=1", "--progress=none", *args, **options)
        return self.folder / output

    def check(self, payload, old=None, new=None):
        """Every rule of the format, by the independent checker."""
        breaches = paycheck.check(payload, {"root": old} if old else {}, {"root": new} if new else {})
        assert not breaches, breaches

    def types(self, payload):
        """Names of the operations' types in a payload."""
        return {paycheck.NAMES[o.type] for q in paycheck.Payload(payload).partitions
                for o in q.operations}


@pytest.fixture
def pack(tmp_path):
    return Pack(tmp_path)


@pytest.fixture(scope="session")
def pair(tmp_path_factory):
    """An old and a new image, ext4 as mke2fs makes it by default."""
    folder = tmp_path_factory.mktemp("pair")
    old, new = pack_images.make_pair(folder)
    return old, new


@pytest.fixture(scope="session")
def small_pair(tmp_path_factory):
    """The same, but quickly packed."""
    return pack_images.make_small_pair(tmp_path_factory.mktemp("small-pair"))


@pytest.fixture(scope="session")
def key_store(tmp_path_factory):
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
def keys(pack, key_store):
    """keys(type): paths of a private and public key in the test's folder. Each type is made but once."""
    def make(kind):
        names = [f"{kind}.pem", f"{kind}.pub.pem"]
        if not (key_store / names[0]).exists():
            pack.ok("keygen", f"--type={kind}", *[key_store / name for name in names])
        return [shutil.copy(key_store / name, pack.folder / name) for name in names]
    return make
