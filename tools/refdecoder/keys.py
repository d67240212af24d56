# SPDX-License-Identifier: Apache-2.0
"""keys - PF-51: public keys and whether they verify a signature; used by refdecoder.py"""

import base64


def der(data, at=0):
    """One element: tag, content, where the next begins."""
    tag, size, at = data[at], data[at + 1], at + 2
    if size & 0x80:
        n = size & 0x7F
        size, at = int.from_bytes(data[at : at + n], "big"), at + n
    if at + size > len(data):
        raise ValueError("cut DER")
    return tag, data[at : at + size], at + size


class RsaKey:
    PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")

    def __init__(self, bits):
        _, numbers, _ = der(bits)
        _, n, at = der(numbers)
        _, e, _ = der(numbers, at)
        self.n, self.e, self.size = int.from_bytes(n, "big"), int.from_bytes(e, "big"), len(n) - 1

    def verifies(self, signature, digest):
        if len(signature) != self.size:
            return False
        value = pow(int.from_bytes(signature, "big"), self.e, self.n)
        info = self.PREFIX + digest
        padding = b"\xff" * (self.size - 3 - len(info))
        return value.to_bytes(self.size, "big") == b"\0\1" + padding + b"\0" + info


class P256Key:
    P = 2**256 - 2**224 + 2**192 + 2**96 - 1
    N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
         0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)

    def __init__(self, bits):
        self.point = (int.from_bytes(bits[1:33], "big"), int.from_bytes(bits[33:65], "big"))

    @classmethod
    def add(cls, a, b):
        if a is None or b is None:
            return a or b
        if a[0] == b[0]:
            if (a[1] + b[1]) % cls.P == 0:
                return None
            slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, cls.P)
        else:
            slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, cls.P)
        x = (slope * slope - a[0] - b[0]) % cls.P
        return x, (slope * (a[0] - x) - a[1]) % cls.P

    @classmethod
    def multiply(cls, k, point):
        result = None
        for bit in bin(k)[2:]:
            result = cls.add(result, result)
            if bit == "1":
                result = cls.add(result, point)
        return result

    def verifies(self, signature, digest):
        try:
            _, pair, end = der(signature)
            _, r, at = der(pair)
            _, s, _ = der(pair, at)
        except (IndexError, ValueError):
            return False
        r, s = int.from_bytes(r, "big"), int.from_bytes(s, "big")
        if end != len(signature) or not 0 < r < self.N or not 0 < s < self.N:
            return False
        w = pow(s, -1, self.N)
        point = self.add(self.multiply(int.from_bytes(digest, "big") * w % self.N, self.G),
                         self.multiply(r * w % self.N, self.point))
        return point is not None and point[0] % self.N == r


def load_key(path):
    lines = [line for line in path.read_text().split("\n") if line and "-----" not in line]
    _, info, _ = der(base64.b64decode("".join(lines)))
    _, algorithm, at = der(info)
    _, bits, _ = der(info, at)
    rsa = algorithm.startswith(bytes.fromhex("06092a864886f70d010101"))
    return (RsaKey if rsa else P256Key)(bits[1:])
