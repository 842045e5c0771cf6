import { Chunk } from "./chunk.ts";
import { formatValue } from "./number.ts";

/** Writes an exposition that is text, as UTF-8. */
export class ChunkWriter extends Chunk {
  /** A value as `formatValue` gives it, and the end of the line. */
  valueLine(value: number): void {
    this.value(value);
    this.bytes[this.length++] = LINE_FEED;
  }

  /** A value as `formatValue` gives it. */
  value(value: number): void {
    this.reserve(VALUE_LENGTH_MAX);
    if (value === value >>> 0) this.#integer(value);
    else if (!this.#shortDecimal(value)) {
      this.length += this.bytes.write(formatValue(value), this.length, "latin1");
    }
  }

  /**
   * Writes a number with up to three decimals, if it is one. At most thirteen digits: no two such
   * decimals are one double, so it is the shortest that reads back as this double.
   */
  #shortDecimal(value: number): boolean {
    const scaled = Math.round(value * 1000);
    if (!(value >= 0.001 && value < 2 ** 32 && scaled / 1000 === value)) return false;
    const whole = Math.floor(value);
    this.#integer(whole);
    let rest = scaled - whole * 1000;
    const { bytes } = this;
    bytes[this.length++] = POINT;
    for (let power = 100; rest > 0; power /= 10) {
      const digit = Math.floor(rest / power);
      bytes[this.length++] = ZERO + digit;
      rest -= digit * power;
    }
    return true;
  }

  /** Below 2^32. */
  #integer(value: number): void {
    const { bytes } = this;
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
}

/** -1.2345678901234567e-300 and a line feed. */
const VALUE_LENGTH_MAX = 32;
const ZERO = 0x30;
const POINT = 0x2e;
const LINE_FEED = 0x0a;
