import { formatValue } from "./number.ts";

/** Writes text as UTF-8 into chunks that are given away. */
export class ChunkWriter {
  #bytes = Buffer.allocUnsafeSlow(CAPACITY);
  #view = viewOf(this.#bytes);
  length = 0;

  /**
   * UTF-8 that stands in `from`, with seven bytes more behind it, whatever they are.
   *
   * Eight bytes at a time, as a double: that takes two thirds of what a native copy of a short text
   * does. No eight bytes of UTF-8 are a NaN, whose bits would not be kept: 0xf0 or more before 0x7f
   * or 0xff is no UTF-8.
   */
  copy(from: DataView, start: number, length: number): void {
    this.#reserve(length + 8);
    const to = this.#view;
    const at = this.length;
    for (let i = 0; i < length; i += 8) {
      to.setFloat64(at + i, from.getFloat64(start + i, true), true);
    }
    this.length = at + length;
  }

  /** A value as `formatValue` gives it, and the end of the line. */
  valueLine(value: number): void {
    this.#reserve(VALUE_LENGTH_MAX);
    if (value === value >>> 0) this.#integer(value);
    else if (!this.#shortDecimal(value)) {
      this.length += this.#bytes.write(formatValue(value), this.length, "latin1");
    }
    this.#bytes[this.length++] = LINE_FEED;
  }

  text(text: string): void {
    this.#reserve(text.length * 3);
    this.length += this.#bytes.write(text, this.length);
  }

  /** What was written since the last call; the writer keeps nothing of it. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.length);
    this.#bytes = Buffer.allocUnsafeSlow(CAPACITY);
    this.#view = viewOf(this.#bytes);
    this.length = 0;
    return taken;
  }

  /**
   * Writes a number with up to three decimals, if it is one. At most twelve digits: no two such
   * decimals are one double, so it is the shortest that reads back as this double.
   */
  #shortDecimal(value: number): boolean {
    const scaled = Math.round(value * 1000);
    if (!(scaled > 0 && scaled < 1e12 && scaled / 1000 === value && value >= 0.001)) return false;
    const whole = Math.floor(value);
    this.#integer(whole);
    let rest = scaled - whole * 1000;
    const bytes = this.#bytes;
    bytes[this.length++] = POINT;
    for (let power = 100; rest > 0; power /= 10) {
      const digit = Math.floor(rest / power);
      bytes[this.length++] = ZERO + digit;
      rest -= digit * power;
    }
    return true;
  }

  #integer(value: number): void {
    const bytes = this.#bytes;
    let digits = 1;
    for (let power = 10; digits < 10 && value >= power; power *= 10) digits++;
    let rest = value;
    for (let at = this.length + digits - 1; at > this.length; at--) {
      const next = Math.floor(rest / 10);
      bytes[at] = ZERO + rest - next * 10;
      rest = next;
    }
    bytes[this.length] = ZERO + rest;
    this.length += digits;
  }

  #reserve(count: number): void {
    if (this.length + count <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(2 * (this.length + count));
    this.#bytes.copy(grown, 0, 0, this.length);
    this.#bytes = grown;
    this.#view = viewOf(grown);
  }
}

/** A text as `copy` takes it. */
export function paddedText(text: string): { view: DataView; length: number } {
  const length = Buffer.byteLength(text);
  const bytes = Buffer.alloc(length + 8);
  bytes.write(text);
  return { view: viewOf(bytes), length };
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** A chunk is given out when it has this many bytes. */
export const CHUNK_LENGTH = 64 * 1024;
/** With room for the lines of one more series. */
const CAPACITY = CHUNK_LENGTH + 4 * 1024;
/** -1.2345678901234567e-300 and a line feed. */
const VALUE_LENGTH_MAX = 32;
const ZERO = 0x30;
const POINT = 0x2e;
const LINE_FEED = 0x0a;
