# SPDX-License-Identifier: Apache-2.0
"""container - payloads by hand, from docs/spec/payload.md

Every part of a message can be replaced by other bytes, so that a case can break one rule and no other.
The keys are for the golden files only.
"""

import bz2
import ctypes
import hashlib
import hmac
import lzma
import pathlib
import struct
import subprocess

BLOCK = 4096
HOLE = 2**64 - 1

# ---- bytes -----------------------------------------------------------------------------------


def noise(label, n):
    out, i = b"", 0
    while len(out) < n:
        out += hashlib.sha256(f"{label} {i}".encode()).digest()
        i += 1
    return out[:n]


def prose(label, n):
    words = [f"{label}{i * i % 97}" for i in range(200)]
    return " ".join(words * (n // 400 + 2)).encode()[:n]


def sha(data):
    return hashlib.sha256(data).digest()


def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def chunk(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data


# ---- compressors -----------------------------------------------------------------------------


def xz(data, check=lzma.CHECK_NONE, dictionary=65536):
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": dictionary}]
    return lzma.compress(data, lzma.FORMAT_XZ, check, filters=filters)


def zstd(data, *options):
    source = pathlib.Path("/tmp/make-golden.in")
    source.write_bytes(data)
    command = ["zstd", "-q", "-c", "--no-check", *options, str(source)]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout


def zstd_without_size(data):
    command = ["zstd", "-q", "-c", "--no-check", "-19"]
    return subprocess.run(command, input=data, stdout=subprocess.PIPE, check=True).stdout


def brotli(data, window=20):
    library = ctypes.CDLL("libbrotlienc.so.1")
    n = ctypes.c_size_t(len(data) + 1000)
    out = ctypes.create_string_buffer(n.value)
    assert library.BrotliEncoderCompress(11, window, 0, ctypes.c_size_t(len(data)), data,
                                         ctypes.byref(n), out)
    return out.raw[: n.value]


def offset(value):
    return struct.pack("<Q", value if value >= 0 else 1 << 63 | -value)


CODECS = {0: lambda d: d, 1: bz2.compress, 2: brotli}


def patch(entries, diff, extra, codecs=None, size=None):
    """A patch from its three streams; codecs None: BSDIFF40."""
    control = b"".join(offset(v) for entry in entries for v in entry)
    used = codecs or (1, 1, 1)
    streams = [CODECS[c](s) for c, s in zip(used, (control, diff, extra))]
    if size is None:
        size = sum(x + y for x, y, _ in entries)
    magic = b"BSDF2" + bytes(codecs) if codecs else b"BSDIFF40"
    return magic + b"".join(offset(v) for v in (len(streams[0]), len(streams[1]), size)) \
        + b"".join(streams)


def swd1(entries, diff, extra, codecs=(1, 1, 1, 1, 1)):
    """A difference in our own format; x, y and z of entries are ready-made bytes or numbers."""
    def coded(value, is_move=False):
        if isinstance(value, bytes):
            return value
        return varint(value * 2 if value >= 0 else -value * 2 - 1) if is_move else varint(value)

    columns = [b"".join(coded(entry[i], i == 2) for entry in entries) for i in range(3)]
    pack = {0: lambda d: d, 1: xz, 2: lambda d: zstd(d, "-19"), 3: lambda d: bz2.compress(d, 1),
            4: brotli}
    streams = [pack[c](s) for c, s in zip(codecs, (*columns, diff, extra))]
    return b"SWD1" + bytes(codecs) + b"\0\0\0" + struct.pack("<4I", *map(len, streams[:4])) \
        + b"".join(streams)


def diff_bytes(new, old):
    return bytes((a - b) & 0xFF for a, b in zip(new, old))


# ---- messages --------------------------------------------------------------------------------


class Op:
    def __init__(self, kind, dst, data=None, src=(), src_data=None, /, **changes):
        self.kind, self.dst, self.data, self.src = kind, dst, data, src
        self.src_hash = sha(src_data) if src_data is not None else None
        self.changes = changes  # of single fields, for bad cases

    def encode(self, at):
        f = {"type": number(1, self.kind), "offset": b"", "length": b"", "hash": b"",
             "src_length": b"", "dst_length": b"", "more": b"",
             "src": b"".join(chunk(4, extent(e)) for e in self.src),
             "dst": b"".join(chunk(6, extent(e)) for e in self.dst),
             "src_hash": chunk(9, self.src_hash) if self.src_hash else b""}
        if self.data is not None:
            f.update(offset=number(2, at), length=number(3, len(self.data)),
                     hash=chunk(8, sha(self.data)))
        f.update(self.changes)
        return b"".join(f[k] for k in ("type", "offset", "length", "src", "src_length", "dst",
                                       "dst_length", "hash", "src_hash", "more"))


def extent(e):
    if isinstance(e, bytes):
        return e
    return number(1, e[0]) + number(2, e[1])


def info(image, size=None, digest=None):
    return number(1, len(image) if size is None else size) + chunk(2, digest or sha(image))


class Part:
    def __init__(self, name, new, ops, old=None, /, **changes):
        self.name, self.new, self.ops, self.old = name, new, ops, old
        self.version = "" if "version" in changes else "7.1"
        self.changes = changes

    def encode(self, at):
        operations = b""
        for op in self.ops:
            operations += chunk(8, op.encode(at))
            at += len(op.data or b"")
        f = {"name": chunk(1, self.name.encode()), "postinstall": b"", "filesystem": b"",
             "old": chunk(6, info(self.old)) if self.old is not None else b"",
             "new_info": chunk(7, info(self.new)), "operations": operations, "verity": b"",
             "version": chunk(17, self.version.encode()), "more": b""}
        f.update(self.changes)
        return b"".join(f[k] for k in ("name", "postinstall", "filesystem", "old", "new_info",
                                       "operations", "verity", "version", "more")), at


# ---- signatures ------------------------------------------------------------------------------

RSA_N = int("""
d2bc21065def7d75e4ce99da59defc8743aa7df2180d81ad96983690a081333da07b4ab172b6addfcbcc92db54bd1476
e92ce671290ac7123c3560c4283f67e61c5efc7f71a985bf2fe45623731c52ee2b6813994e5dfab0bb3ddd23575ab46c
18a2aed1461f5a335974d89255ebfd1634f44242ed4ba3fa0f07aa1e1bf6fdf811cf3a4ff1db51a2f72f1758d65cbefc
7cfc545c80760b0140aa8759c31cc3718774e748aea5e9a47689d9dbf389b149af39fc2de1c7cba28793b8ad30f9c10a
7a0e0e3e9ad1c76eef70162fc3b07fef24c0bb937527dfdc23db54efbe8bcb82687fe1c469a53b35fe989f2065a893f4
2c941d4cc3e58a15cb007682415280dd
""".replace("\n", ""), 16)
RSA_D = int("""
2f1473a659ff22bedf7edeb57f0587d26a66211c208e87edb1aad0e9efc9dd9a438bb7ecbbed9f1bd40aa0b69a90618d
8d5b882238e29d05f06896754c6e99f63959693cc9b66f587ec91b0b71709f0071b71f45cd51c6ab8c316e81b246e3ef
1073ebed7a268ffecfda007674f6b384ae10f1eac4dbf4c6ed6baf70699bfd31f26ada9604f4a84950a682c7f7ad3740
210c573346cd48528da974bb995d3b7588d5e292cd366967153879f11969fa6fc1ed31828ce854aa618949ce3b384f2d
cbcfb0c280d8574de74356336e5b0c41e10619928f9bf440572054948ebad3a779f89ef10b2148670f9f19a3c8593480
746b09fa0bb9eeaa80cba59978879cc1
""".replace("\n", ""), 16)
P256_D = 0xCDA74D8D1BB390E05CE713526A28A8BA0BC1DB87071562FD0D1BE03ADCC4F335
P256_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
P256_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P256_G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
          0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)


def sign_rsa(digest):
    known = bytes.fromhex("3031300d060960864801650304020105000420") + digest
    padded = b"\0\1" + b"\xff" * (253 - len(known)) + b"\0" + known
    return pow(int.from_bytes(padded, "big"), RSA_D, RSA_N).to_bytes(256, "big")


def point_add(a, b):
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P256_P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P256_P)
    x = (slope * slope - a[0] - b[0]) % P256_P
    return x, (slope * (a[0] - x) - a[1]) % P256_P


def point_multiply(k, point):
    result = None
    while k:
        if k & 1:
            result = point_add(result, point)
        point, k = point_add(point, point), k >> 1
    return result


def der_integer(value):
    raw = value.to_bytes(value.bit_length() // 8 + 1, "big")
    return b"\x02" + bytes([len(raw)]) + raw


def sign_p256(digest):
    """RFC 6979, so that this file always writes the same."""
    z = int.from_bytes(digest, "big")
    seed = P256_D.to_bytes(32, "big") + (z % P256_N).to_bytes(32, "big")
    key, value = b"\0" * 32, b"\1" * 32
    for separator in (b"\0", b"\1"):
        key = hmac.digest(key, value + separator + seed, "sha256")
        value = hmac.digest(key, value, "sha256")
    value = hmac.digest(key, value, "sha256")
    k = int.from_bytes(value, "big")
    r = point_multiply(k, P256_G)[0] % P256_N
    s = pow(k, -1, P256_N) * (z + r * P256_D) % P256_N
    body = der_integer(r) + der_integer(s)
    return b"\x30" + bytes([len(body)]) + body


def signature(data, unpadded=None, version=None):
    out = number(1, version) if version is not None else b""
    out += chunk(2, data)
    if unpadded is not None:
        out += varint(3 << 3 | 5) + struct.pack("<I", unpadded)
    return chunk(1, out)


def by_rsa(digest):
    return signature(sign_rsa(digest), 256)


def by_p256(digest):
    raw = sign_p256(digest)
    return signature(raw.ljust(72, b"\0"), len(raw))


def by_both(digest):
    return by_p256(digest) + by_rsa(digest)


# ---- the payload -----------------------------------------------------------------------------


class Payload:
    """Changes: minor, sign (a function, or one for metadata and one for payload), fields more_first and
    more_last of the manifest, header (a function on it), end (bytes behind, or how many to cut)."""

    def __init__(self, parts, minor=0, sign=None, **changes):
        self.parts, self.minor, self.changes = parts, minor, changes
        self.sign = sign if isinstance(sign, tuple) else (sign, sign)

    def manifest(self):
        at, parts = 0, b""
        for part in self.parts:
            raw, at = part.encode(at)
            parts += chunk(13, raw)
        n_signatures = len(self.sign[1](b"\0" * 32)) if self.sign[1] else 0
        f = {"more_first": b"", "block_size": number(3, BLOCK), "signatures": b"",
             "minor": number(12, self.minor), "partitions": parts, "timestamp": b"",
             "more_last": b""}
        if n_signatures:
            f["signatures"] = number(4, at) + number(5, n_signatures)
        f.update({k: v for k, v in self.changes.items() if k in f})
        return b"".join(f[k] for k in ("more_first", "block_size", "signatures", "minor",
                                       "partitions", "timestamp", "more_last"))

    def encode(self):
        manifest = self.manifest()
        blobs = b"".join(op.data or b"" for part in self.parts for op in part.ops)
        n_signature = len(self.sign[0](b"\0" * 32)) if self.sign[0] else 0
        header = struct.pack(">4sQQI", b"CrAU", 2, len(manifest), n_signature)
        header = self.changes.get("header", lambda h: h)(header)
        metadata = header + manifest
        out = metadata
        if self.sign[0]:
            out += self.sign[0](sha(metadata))
        spoil = self.changes.get("spoil_blob")
        out += spoil(blobs) if spoil else blobs
        if self.sign[1]:
            out += self.sign[1](sha(metadata + blobs))
        end = self.changes.get("end", b"")
        return out + end if isinstance(end, bytes) else out[:-end]
