import type { FileHandle } from "node:fs/promises";

/** A piece of a state file, see `StateFile`. */
export interface Frame {
  kind: number;
  payload: Buffer;
  end: number;
}

export const JOURNAL = 1;
export const ENTRY = 2;
export const COMMIT = 3;
const HEAD_BYTES = 9;
/** Of a commit's payload: the number, and how many entries count. */
export const COMMIT_BYTES = 12;

export function encodeFrame(kind: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + payload.length);
  frame[4] = kind;
  frame.writeUInt32LE(payload.length, 5);
  frame.set(payload, HEAD_BYTES);
  frame.writeUInt32LE(Bun.hash.crc32(frame.subarray(4)), 0);
  return frame;
}

/** The frame at a place; undefined when none is there that is whole. */
export async function readFrame(handle: FileHandle, at: number): Promise<Frame | undefined> {
  const head = await readBytes(handle, at, HEAD_BYTES);
  if (head === undefined) return undefined;
  const { size } = await handle.stat();
  const length = HEAD_BYTES + head.readUInt32LE(5);
  if (at + length > size) return undefined;
  const frame = await readBytes(handle, at, length);
  return frame && parseFrame(frame, at);
}

function parseFrame(frame: Buffer, at: number): Frame | undefined {
  if (Bun.hash.crc32(frame.subarray(4)) !== frame.readUInt32LE(0)) return undefined;
  return { kind: frame[4], payload: frame.subarray(HEAD_BYTES), end: at + frame.length };
}

/** Whether a commit stands anywhere behind a place: then what is between was written once. */
export async function hasCommit(handle: FileHandle, from: number, size: number): Promise<boolean> {
  const rest = await readBytes(handle, from, size - from);
  const mark = Buffer.from([COMMIT, COMMIT_BYTES, 0, 0, 0]);
  for (let at = rest?.indexOf(mark) ?? -1; at >= 4; at = rest?.indexOf(mark, at + 1) ?? -1) {
    const frame = rest?.subarray(at - 4, at - 4 + HEAD_BYTES + COMMIT_BYTES);
    if (frame?.length === HEAD_BYTES + COMMIT_BYTES && parseFrame(frame, 0)) return true;
  }
  return false;
}

export async function readBytes(
  handle: FileHandle,
  at: number,
  count: number,
): Promise<Buffer | undefined> {
  const bytes = Buffer.allocUnsafe(count);
  for (let read = 0; read < count; ) {
    const { bytesRead } = await handle.read(bytes, read, count - read, at + read);
    if (bytesRead === 0) return undefined;
    read += bytesRead;
  }
  return bytes;
}

export async function writeAll(handle: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const rest = bytes.length - written;
    written += (await handle.write(bytes, written, rest, at + written)).bytesWritten;
  }
}
