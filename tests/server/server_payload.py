# SPDX-License-Identifier: Apache-2.0
"""A payload maker for the server's tests, independent of the C code: written from docs/spec/payload.md."""

import base64
import hashlib
import json
import pathlib
import struct
import subprocess

BLOCK = 4096
REPLACE, SOURCE_COPY = 0, 4


def varint(n):
    out = bytearray()
    while True:
        out.append((n & 0x7F) | (0x80 if n > 0x7F else 0))
        n >>= 7
        if not n:
            return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def data(field, value):
    return varint(field << 3 | 2) + varint(len(value)) + value


def fixed32(field, value):
    return varint(field << 3 | 5) + struct.pack("<I", value)


def extent(start, n_blocks):
    return number(1, start) + number(2, n_blocks)


class Key:
    """An RSA key pair made by openssl."""

    def __init__(self, folder, name):
        self.private = folder / f"{name}.key"
        self.public = folder / f"{name}.pem"
        subprocess.run(["openssl", "genrsa", "-out", self.private, "2048"], check=True,
                       capture_output=True)
        subprocess.run(["openssl", "rsa", "-in", self.private, "-pubout", "-out", self.public],
                       check=True, capture_output=True)

    def sign(self, message):
        return subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.private], check=True,
                              input=message, capture_output=True).stdout


def signatures(blobs):
    return b"".join(data(1, data(2, blob) + fixed32(3, len(blob))) for blob in blobs)


def partition(new, old, version, is_pieces=False):
    """One partition: the new content as one REPLACE, or, as a delta, a copy of the old one's blocks."""
    n_blocks = len(new) // BLOCK
    message = data(1, b"root")
    if old is not None:
        message += data(6, number(1, len(old)) + data(2, hashlib.sha256(old).digest()))
    message += data(7, number(1, len(new)) + data(2, hashlib.sha256(new).digest()))
    if old is not None:
        operation = (number(1, SOURCE_COPY) + data(4, extent(0, n_blocks)) +
                     data(6, extent(0, n_blocks)) + data(9, hashlib.sha256(new).digest()))
        blob = b""
    else:
        operation = (number(1, REPLACE) + number(2, 0) + number(3, len(new)) +
                     data(6, extent(0, n_blocks)) + data(8, hashlib.sha256(new).digest()))
        blob = new
    if is_pieces:
        tags = b"".join(hashlib.sha256(new[at:at + BLOCK]).digest()[:5] for at in range(0, len(new), BLOCK))
        operation += data(16, hashlib.sha256(new).digest()) + data(17, tags)
    message += data(8, operation)
    if version:
        message += data(17, version.encode())
    return message, blob


def build(new, old=None, key=None, version="", metadata_key=None, minor=None, needs=None, more=0):
    """The payload's bytes and what its JSON manifest says about it."""
    root, blob = partition(new, old, version, minor == 1002)
    keys = key if isinstance(key, list) else [key] if key else []
    n_signatures = len(signatures([bytes(256)] * len(keys))) if key else 0
    manifest = number(3, BLOCK)
    if key:
        manifest += number(4, len(blob)) + number(5, n_signatures)
    if minor is None:
        minor = 4 if old is not None else 0
    manifest += number(12, minor) + data(13, root)
    if needs:  # encoders, bytes of memory, of scratch space (PF-138)
        manifest += data(40, data(1, needs[0].encode()) + number(2, needs[1]) + number(3, needs[2]))
    manifest += data(100, bytes(more))  # a field that nobody knows
    metadata = struct.pack(">4sQQI", b"CrAU", 2, len(manifest), n_signatures) + manifest
    payload, metadata_signature = metadata, b""
    if key:
        blobs = [(metadata_key or one).sign(metadata) for one in keys]
        metadata_signature = blobs[0]
        payload += signatures(blobs)
    payload += blob
    if key:
        payload += signatures([one.sign(metadata + blob) for one in keys])
    return payload, {
        "is_delta": old is not None,
        "size": len(payload),
        "metadata_size": len(metadata),
        "metadata_signature": base64.b64encode(metadata_signature).decode(),
        "sha256_hex": base64.b64encode(hashlib.sha256(payload).digest()).decode(),
        "public_key": base64.b64encode(keys[0].public.read_bytes()).decode() if key else "",
    }


class Payload:
    """A payload and its manifest as files."""

    def __init__(self, path, version, new, *, old=None, source=None, appid="{App-1}", key=None,
                 bind=False, metadata_key=None, minor=None, needs=None, more=0, **changes):
        self.path = pathlib.Path(path)
        self.version = version
        self.bytes, self.manifest = build(new, old, key, version if bind else "", metadata_key,
                                           minor, needs, more)
        self.manifest.update({"appid": appid, "target_version": version,
                              "source_version": source or ""})
        self.manifest.update(changes)
        self.sha256 = hashlib.sha256(self.bytes).hexdigest()
        self.path.write_bytes(self.bytes)
        self.write_manifest()

    def write_manifest(self):
        text = json.dumps({k: v for k, v in self.manifest.items() if v is not ...})
        pathlib.Path(f"{self.path}.json").write_text(text)


def blocks(n, seed):
    """n blocks that differ."""
    return b"".join(hashlib.sha256(f"{seed}/{i}".encode()).digest() * (BLOCK // 32)
                    for i in range(n))
