# SPDX-License-Identifier: Apache-2.0
"""The real server, and a workshop that makes the images and payloads it serves.

    workshop = Workshop(folder, BUILD)
    one, two = workshop.image("1.0"), workshop.image("1.1")
    server = Server(folder, BUILD).start()
    server.publish(workshop.full(two))
    server.publish(workshop.delta(one, two), channel="stable")
    device.connect(server, workshop)
"""

import hashlib
import http.client
import json
import os
import pathlib
import random
import select
import shutil
import subprocess
import time

APP_ID = "test.switchback"
SIZE = "16M"
MKE2FS = "/sbin/mke2fs"
START_SECONDS = 30
# The second as kernels are packed: it takes hundreds of megabytes, whatever it packs.
PACKERS = {"gzip": ["gzip", "-n", "-9"], "xz": ["xz", "--check=crc32", "--x86", "--lzma2=dict=32MiB"]}


class Image:
    """A slot image and what is in it."""

    def __init__(self, path, version):
        self.path, self.version = path, version

    def read(self):
        return self.path.read_bytes()


class Payload:
    """A payload and the versions it leads from ("" for any) and to."""

    def __init__(self, path, source, target):
        self.path, self.source, self.target = path, source, target

    @property
    def size(self):
        return self.path.stat().st_size

    @property
    def sha256(self):
        return hashlib.sha256(self.path.read_bytes()).hexdigest()


class Workshop:
    """Makes keys, ext4 images with /etc/os-release in them, and payloads."""

    def __init__(self, folder, build):
        self.folder, self.build = folder, build
        folder.mkdir(parents=True, exist_ok=True)
        self.private, self.public = folder / "private.pem", folder / "public.pem"
        self._pack("keygen", self.private, self.public, "--type=p256")

    def _pack(self, *args):
        result = subprocess.run([self.build / "src/bin/swb-pack/swb-pack", *map(str, args)],
                                capture_output=True, text=True, check=False, timeout=300,
                                stdin=subprocess.DEVNULL)
        assert result.returncode == 0, result.stderr

    def image(self, version, n_files=40, size=SIZE, bootable=True, changed=3, seed=1, packed=None):
        """A small system, with packed="gzip" or "xz" one that has an initrd of which a line differs. Images of one seed share all but `changed` of their files, in which a part
        differs; bootable=False: no file system that a boot loader could read."""
        name = f"{version}-{n_files}-{size}-{bootable}-{changed}-{seed}" + (f"-{packed}" if packed else "")
        path, tree = self.folder / f"{name}.ext4", self.folder / f"tree-{name}"
        if path.exists():
            return Image(path, version)
        shutil.rmtree(tree, ignore_errors=True)
        (tree / "etc").mkdir(parents=True)
        (tree / "etc/os-release").write_text(f"ID=test\nVERSION_ID={version}\n")
        (tree / "usr/lib").mkdir(parents=True)
        for i in range(n_files):
            dice = random.Random(f"{seed} {i}")
            data = bytearray(dice.randbytes(dice.randrange(1000, 200000)))
            if i < changed:
                place = dice.randrange(len(data) - 500)
                data[place:place + 400] = random.Random(f"{version} {i}").randbytes(400)
            (tree / "usr/lib" / f"file-{i}").write_bytes(data)
        if packed:
            dice = random.Random(seed)
            lines = [f"{i} {dice.randbytes(8).hex()}" for i in range(20000)]
            lines[9000] = f"of {version}"
            made = subprocess.run(PACKERS[packed], input="\n".join(lines).encode(), check=True, timeout=60,
                                  stdout=subprocess.PIPE)
            (tree / "initrd").write_bytes(made.stdout)
        environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"}
        subprocess.run([MKE2FS, "-q", "-t", "ext4", "-O", "^has_journal", "-b", "4096", "-d", tree,
                        "-U", "00000000-0000-4000-8000-000000000001", "-E",
                        "hash_seed=00000000-0000-4000-8000-000000000002", path, size],
                       check=True, timeout=60, env=environment, stdin=subprocess.DEVNULL)
        if not bootable:
            with path.open("r+b") as image:
                image.seek(1024)
                image.write(bytes(1024))
        shutil.rmtree(tree)
        return Image(path, version)

    def _payload_path(self, kind, options, *images):
        tag = hashlib.sha256(" ".join([*options, *(str(image.path) for image in images)]).encode())
        return self.folder / f"{kind}-{images[-1].version}-{tag.hexdigest()[:12]}.payload"

    def full(self, target, *options):
        path = self._payload_path("full", options, target)
        if path.exists():
            return Payload(path, "", target.version)
        self._pack("full", f"--output={path}", f"--app-id={APP_ID}", f"--target-version={target.version}",
                   f"--key={self.private}", "--jobs=1", *options, target.path)
        return Payload(path, "", target.version)

    def delta(self, source, target, *options):
        path = self._payload_path("delta", options, source, target)
        if path.exists():
            return Payload(path, source.version, target.version)
        self._pack("delta", f"--output={path}", f"--app-id={APP_ID}",
                   f"--source-version={source.version}", f"--target-version={target.version}",
                   f"--key={self.private}", "--jobs=1", *options, source.path, target.path)
        return Payload(path, source.version, target.version)


class Server:
    """swb-server on a port of its own; the same port after a restart."""

    def __init__(self, folder, build):
        self.program = build / "src/bin/swb-server/swb-server"
        self.folder, self.data = folder, folder / "server-data"
        self.log_path, self.process, self.port = folder / "server.log", None, 0
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/v1/update/"

    def run(self, *args):
        """One command of swb-server on this server's data; returns its output."""
        result = subprocess.run([self.program, *map(str, args), f"--data={self.data}"],
                                capture_output=True, text=True, check=False, timeout=60,
                                stdin=subprocess.DEVNULL)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def publish(self, payload, public=None, channel="stable"):
        public = public or payload.path.parent / "public.pem"
        self.run("publish", f"--public-key={public}", *([f"--channel={channel}"] if channel else []),
                 payload.path)
        self.await_payload(payload.path)

    def await_payload(self, path):
        """A running server looks a few times a second for what was published."""
        end = time.monotonic() + START_SECONDS
        while self.process and not self.has_payload(path.name):
            assert time.monotonic() < end, f"the server does not serve {path.name}"
            time.sleep(0.02)

    def has_payload(self, name):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=START_SECONDS)
        connection.request("HEAD", f"/payloads/{name}")
        status = connection.getresponse().status
        connection.close()
        return status == 200

    def start(self, *options):
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [self.program, "serve", f"--listen=127.0.0.1:{self.port}", f"--data={self.data}", *options],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], START_SECONDS)
        line = self.process.stdout.readline() if ready else ""
        assert line.startswith("listening on http://127.0.0.1:"), self.log_path.read_text()
        self.port = int(line.rstrip("/\n").rsplit(":", 1)[1])
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(30)
            self.process.stdout.close()
        self.process = None

    def events(self):
        """What devices reported, oldest first, as the server's JSON has it."""
        events = json.loads(self.run("events", "--json"))
        return list(reversed(events["events"] if isinstance(events, dict) else events))

    def devices(self):
        devices = json.loads(self.run("devices", "--json"))
        return devices["devices"] if isinstance(devices, dict) else devices
