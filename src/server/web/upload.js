// SPDX-License-Identifier: Apache-2.0
// A file to the server: first its SHA-256, by which it is known there, then its bytes, piece by piece.
import { sendBytes } from "./api.js";
import { Sha256 } from "./sha256.js";

const CHUNK = 4 << 20, PIECE = 1 << 20;

async function* chunks(file, size) {
  for (let at = 0; at < file.size; at += size)
    yield { at, bytes: new Uint8Array(await file.slice(at, at + size).arrayBuffer()) };
}

// progress(words, share) is called on the way; stop() true ends it. Returns the SHA-256.
export async function upload(file, progress, stop) {
  const sha = new Sha256();
  const check = () => { if (stop()) throw new Error("The upload was ended."); };
  if (!file.size) throw new Error("The file is empty.");
  for await (const { at, bytes } of chunks(file, CHUNK)) {
    check();
    sha.update(bytes);
    progress("Reading", (at + bytes.length) / file.size);
  }
  const name = sha.hex();
  for await (const { at, bytes } of chunks(file, PIECE)) {
    check();
    await sendBytes(`uploads/${name}?offset=${at}`, bytes);
    progress("Sending", (at + bytes.length) / file.size);
  }
  return name;
}
