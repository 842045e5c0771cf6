import type { Elements } from "./elements.ts";

/**
 * Stands between a connection and the client that reads its replies (RESP2), and keeps the arrays:
 * a client would make an object of each element, which takes several times as long as reading
 * it. In the place of an array the client is given an integer, by which `take` hands it out.
 *
 * All other replies pass unchanged. An array of anything but strings is a protocol error.
 */
export class RangeReplies {
  #pass: (bytes: Buffer) => void;
  #spare: Memory[] = [];
  /** Of the array that is being read, else of the next one. */
  #memory: Memory = makeMemory();
  /** Bytes of it that have come, and how many of them are read. */
  #filled = 0;
  #read = 0;
  #count = 0;
  /** Elements to come; -1 between two replies. */
  #left = -1;
  /** Bytes of a reply that passes, which are to come still; -1: up to the end of a line. */
  #passing = 0;
  /** What has come of that line. */
  #line = "";
  #kept = new Map<number, Kept>();
  #nextId = 0;

  /** `pass`: takes what the client is to read, in order. */
  constructor(pass: (bytes: Buffer) => void) {
    this.#pass = pass;
  }

  /** Takes what the connection has read. Throws an Error when it is no RESP. */
  write(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left < 0 && this.#filled === 0 && (this.#passing !== 0 || bytes[at] !== ARRAY)) {
        at = this.#passOn(bytes, at);
        continue;
      }
      this.#append(bytes, at);
      at = bytes.length - this.#readArray();
    }
  }

  /**
   * The array for which the client was given this integer, its elements in reverse: a range's
   * oldest element stands last in the reply. Give it back with `recycle`.
   */
  take(id: number): Elements | undefined {
    const kept = this.#kept.get(id);
    if (kept === undefined) return undefined;
    this.#kept.delete(id);
    const { memory, count } = kept;
    memory.starts.subarray(0, count).reverse();
    memory.ends.subarray(0, count).reverse();
    return { ...memory, count };
  }

  /** Takes memory back for the next array. */
  recycle({ bytes, starts, ends }: Elements): void {
    if (this.#spare.length < SPARE_MAX) this.#spare.push({ bytes, starts, ends });
  }

  /** Passes one reply on, as far as it has come; returns where it ends. */
  #passOn(bytes: Buffer, start: number): number {
    if (this.#passing === 0) this.#passing = -1;
    let end = Math.min(bytes.length, start + this.#passing);
    if (this.#passing < 0) {
      const lineFeed = bytes.indexOf(LINE_FEED, start);
      end = lineFeed < 0 ? bytes.length : lineFeed + 1;
      // Only what connecting takes: texts and errors in a line, and INFO's bulk string.
      this.#line += bytes.toString("latin1", start, end);
      if (lineFeed >= 0) {
        const length = this.#line[0] === "$" ? Number(this.#line.slice(1)) : -1;
        this.#passing = length >= 0 ? length + 2 : 0;
        this.#line = "";
      }
    } else this.#passing -= end - start;
    this.#pass(bytes.subarray(start, end));
    return end;
  }

  #append(bytes: Buffer, start: number): void {
    const needed = this.#filled + bytes.length - start;
    if (needed > this.#memory.bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#memory.bytes.length * 2));
      grown.set(this.#memory.bytes.subarray(0, this.#filled));
      this.#memory.bytes = grown;
    }
    this.#memory.bytes.set(start === 0 ? bytes : bytes.subarray(start), this.#filled);
    this.#filled = needed;
  }

  /** Reads on in the array. Returns how many of the last bytes belong to what follows it. */
  #readArray(): number {
    if (this.#left < 0 && !this.#readHead()) return 0;
    const { bytes, starts, ends } = this.#memory;
    const filled = this.#filled;
    let at = this.#read;
    let left = this.#left;
    let index = this.#count - left;
    while (left > 0) {
      if (at < filled && bytes[at] !== BULK_STRING) throw new Error(NO_RESP);
      let length = 0;
      let head = at + 1;
      for (; head < filled && bytes[head] !== CARRIAGE_RETURN; head++) {
        const digit = bytes[head] - ZERO;
        if (digit < 0 || digit > 9) throw new Error(NO_RESP);
        length = length * 10 + digit;
      }
      if (head < filled && head === at + 1) throw new Error(NO_RESP);
      const end = head + 2 + length;
      if (head >= filled || end + 2 > filled) break;
      starts[index] = head + 2;
      ends[index] = end;
      index++;
      left--;
      at = end + 2;
    }
    this.#read = at;
    this.#left = left;
    if (left > 0) return 0;
    this.#keep();
    return filled - at;
  }

  /** Reads `*<count>`; returns whether it has come. */
  #readHead(): boolean {
    const { bytes } = this.#memory;
    const end = bytes.subarray(0, this.#filled).indexOf(LINE_FEED);
    if (end < 0) return false;
    const count = Math.max(0, Number(bytes.toString("latin1", 1, end)));
    if (!Number.isInteger(count)) throw new Error(NO_RESP);
    if (count > this.#memory.starts.length) {
      this.#memory.starts = new Uint32Array(count);
      this.#memory.ends = new Uint32Array(count);
    }
    this.#count = count;
    this.#left = count;
    this.#read = end + 1;
    return true;
  }

  #keep(): void {
    const id = this.#nextId++;
    this.#kept.set(id, { memory: this.#memory, count: this.#count });
    this.#memory = this.#spare.pop() ?? makeMemory();
    this.#filled = 0;
    this.#left = -1;
    this.#pass(Buffer.from(`:${id}\r\n`));
  }
}

type Memory = Omit<Elements, "count">;

interface Kept {
  memory: Memory;
  count: number;
}

/** One is read while another one is decoded; more are there only for a moment. */
const SPARE_MAX = 3;

function makeMemory(): Memory {
  return {
    bytes: Buffer.allocUnsafeSlow(64 * 1024),
    starts: new Uint32Array(1024),
    ends: new Uint32Array(1024),
  };
}

const NO_RESP = "a reply is no RESP";
const ARRAY = 0x2a;
const BULK_STRING = 0x24;
const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;
const ZERO = 0x30;
