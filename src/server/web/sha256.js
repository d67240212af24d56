// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4), piece by piece: the browser's own wants all of a file in memory, and a page that came by https.

const primes = (n) => {
  const list = [];
  for (let k = 2; list.length < n; k++) if (list.every((p) => k % p)) list.push(k);
  return list;
};
const fraction = (x) => ((x - Math.floor(x)) * 2 ** 32) | 0;
const K = Int32Array.from(primes(64), (p) => fraction(Math.cbrt(p)));
const START = primes(8).map((p) => fraction(Math.sqrt(p)));

export class Sha256 {
  constructor() {
    this.state = Int32Array.from(START);
    this.words = new Int32Array(64);
    this.rest = new Uint8Array(64);
    this.nRest = 0;
    this.nBytes = 0;
  }

  block(bytes, at) {
    const w = this.words, s = this.state;
    for (let i = 0; i < 16; i++, at += 4) w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15], y = w[i - 2];
      w[i] = (w[i - 16] + w[i - 7] + (((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)) + (((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10))) | 0;
    }
    let [a, b, c, d, e, f, g, h] = s;
    for (let i = 0; i < 64; i++) {
      const t = (h + (((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))) + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
      const u = ((((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t) | 0; d = c; c = b; b = a; a = (t + u) | 0;
    }
    s[0] += a; s[1] += b; s[2] += c; s[3] += d; s[4] += e; s[5] += f; s[6] += g; s[7] += h;
  }

  update(bytes) {
    let at = 0;
    this.nBytes += bytes.length;
    if (this.nRest) {
      at = Math.min(64 - this.nRest, bytes.length);
      this.rest.set(bytes.subarray(0, at), this.nRest);
      this.nRest += at;
      if (this.nRest < 64) return;
      this.block(this.rest, 0);
      this.nRest = 0;
    }
    for (; at + 64 <= bytes.length; at += 64) this.block(bytes, at);
    this.rest.set(bytes.subarray(at));
    this.nRest = bytes.length - at;
  }

  hex() {
    const nBits = this.nBytes * 8, tail = new Uint8Array(this.nRest < 56 ? 64 - this.nRest : 128 - this.nRest);
    tail[0] = 0x80;
    for (let i = 0; i < 8; i++) tail[tail.length - 1 - i] = Math.floor(nBits / 2 ** (8 * i)) % 256;
    this.update(tail);
    return [...this.state].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }
}
