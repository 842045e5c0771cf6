/**
 * Numbers and texts as bytes, one after the other, little-endian. `ByteReader` reads them back in
 * the same order with the same calls.
 */
export class ByteWriter {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  length = 0;

  /** An integer in 0..255. */
  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.length++] = value;
  }

  /** A double that is an integer from 0 on, seven bits a byte, low bits first; small ones take one. */
  varint(value: number): void {
    this.#reserve(value < 2 ** 56 ? 8 : VARINT_BYTES_MAX);
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.length++] = rest;
  }

  /** Any double. */
  f64(value: number): void {
    this.#reserve(8);
    this.#view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  /** A well-formed string, its length in front. */
  text(value: string): void {
    // A UTF-16 unit is at most three bytes of UTF-8.
    this.#reserve(8 + value.length * 3);
    const at = this.length + lengthOfVarint(value.length * 3);
    const { written } = encoder.encodeInto(value, this.#bytes.subarray(at));
    const lengthAt = this.length;
    this.varint(written);
    // The length was guessed before: it may take fewer bytes than were left for it.
    if (this.length < at) this.#bytes.copyWithin(this.length, at, at + written);
    this.length = lengthAt + lengthOfVarint(written) + written;
  }

  /** The memory of typed arrays, as it is: little-endian on all machines that this runs on. */
  bytes(from: Uint32Array | Float64Array): void {
    this.#reserve(from.byteLength);
    const bytes = new Uint8Array(from.buffer, from.byteOffset, from.byteLength);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  /** UTF-8 that is part of `from`, as `text` would write it. */
  textBytes(from: Buffer, start: number, length: number): void {
    this.varint(length);
    this.#reserve(length);
    from.copy(this.#bytes, this.length, start, start + length);
    this.length += length;
  }

  /** All that was written, as bytes of the caller's own; the writer is empty again. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.length);
    this.length = 0;
    return taken;
  }

  #reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer);
  }
}

/** Reads what a `ByteWriter` wrote. Throws a RangeError or a TypeError when the bytes are others. */
export class ByteReader {
  #bytes: Uint8Array;
  #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  u8(): number {
    return this.#view.getUint8(this.#at++);
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; scale < Number.POSITIVE_INFINITY; scale *= 0x80) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new RangeError("a number has too many bytes");
  }

  f64(): number {
    const value = this.#view.getFloat64(this.#at, true);
    this.#at += 8;
    return value;
  }

  text(): string {
    return decoder.decode(this.textBytes());
  }

  /** The same memory. */
  bytes(length: number): DataView {
    const start = this.#at;
    if (start + length > this.#bytes.length) throw new RangeError("an array ends beyond the bytes");
    this.#at += length;
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset + start, length);
  }

  /** The UTF-8 of a text; the same memory, and not checked. */
  textBytes(): Uint8Array {
    const length = this.varint();
    const start = this.#at;
    if (start + length > this.#bytes.length) throw new RangeError("a text ends beyond the bytes");
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }
}

/** For the greatest double, 1024 bits. */
const VARINT_BYTES_MAX = 147;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function lengthOfVarint(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++;
  return length;
}
