import type { Elements } from "./elements.ts";

/**
 * Stands between a connection and the client that reads its replies (RESP2), and keeps the arrays:
 * a client would make an object of each element, which takes several times as long as reading
 * it. In the place of an array the client is given an integer, by which `take` hands it out.
 *
 * An array that has come in one chunk stays in it, any other one is put together. All other replies
 * pass unchanged. An array of anything but strings is a protocol error.
 */
export class RangeReplies {
  #pass: (bytes: Buffer) => void;
  #spareIndexes: Index[] = [];
  #spareBytes: Buffer[] = [];
  /** Where the elements of the array are that is being read, else of the next one. */
  #index: Index = makeIndex();
  /** What has come of an array in several chunks, and how many bytes. */
  #bytes: Buffer = Buffer.allocUnsafeSlow(BYTES_FIRST);
  #filled = 0;
  /** How many bytes of the array are read. */
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

  /**
   * Takes a chunk that the connection has read, for its own: the chunk's memory is freed when
   * nobody needs it any more. Throws an Error when it is no RESP.
   */
  write(bytes: Buffer): void {
    const chunk = { bytes, users: 1 };
    let at = 0;
    while (at < bytes.length) {
      if (this.#filled > 0) at = this.#readOn(bytes, at);
      else if (this.#passing !== 0 || bytes[at] !== ARRAY) {
        at = this.#passOn(bytes, at);
        // The client may keep it for longer than we know.
        chunk.users = Number.POSITIVE_INFINITY;
      } else at = this.#readFirst(chunk, at);
    }
    release(chunk);
  }

  /**
   * The array for which the client was given this integer, its elements in reverse: a range's
   * oldest element stands last in the reply. Give it back with `recycle`.
   */
  take(id: number): Elements | undefined {
    const kept = this.#kept.get(id);
    if (kept === undefined) return undefined;
    this.#kept.delete(id);
    kept.starts.subarray(0, kept.count).reverse();
    kept.ends.subarray(0, kept.count).reverse();
    return kept;
  }

  /** Takes back, to use or free its memory, what `take` gave. */
  recycle(elements: Elements): void {
    const { bytes, starts, ends, chunk } = elements as Kept;
    if (this.#spareIndexes.length < SPARE_MAX) this.#spareIndexes.push({ starts, ends });
    if (chunk !== undefined) release(chunk);
    else if (this.#spareBytes.length < SPARE_MAX) this.#spareBytes.push(bytes);
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

  /** Reads an array that begins in a chunk, and leaves it there if it ends there. */
  #readFirst(chunk: Chunk, start: number): number {
    const { bytes } = chunk;
    const rest = start === 0 ? bytes : bytes.subarray(start);
    if (this.#readArray(rest, rest.length)) {
      chunk.users++;
      const end = this.#read;
      this.#keep(rest, chunk);
      return start + end;
    }
    this.#append(rest);
    return bytes.length;
  }

  /** Reads on in an array that began in another chunk. */
  #readOn(bytes: Buffer, start: number): number {
    const before = this.#filled;
    // In steps: what follows the array should not be copied.
    const end = Math.min(bytes.length, start + STEP);
    this.#append(bytes.subarray(start, end));
    if (!this.#readArray(this.#bytes, this.#filled)) return end;
    const arrayEnd = this.#read;
    this.#keep(this.#bytes, undefined);
    this.#bytes = this.#spareBytes.pop() ?? Buffer.allocUnsafeSlow(BYTES_FIRST);
    this.#filled = 0;
    return start + arrayEnd - before;
  }

  #append(bytes: Buffer): void {
    const filled = this.#filled;
    const needed = filled + bytes.length;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, filled));
      free(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, filled);
    this.#filled = needed;
  }

  /** Reads on in the array that `bytes` begins with. Returns whether all of it is there. */
  #readArray(bytes: Buffer, filled: number): boolean {
    if (this.#left < 0 && !this.#readHead(bytes, filled)) return false;
    const { starts, ends } = this.#index;
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
    return left === 0;
  }

  /** Reads `*<count>`; returns whether it has come. */
  #readHead(bytes: Buffer, filled: number): boolean {
    const end = bytes.indexOf(LINE_FEED);
    if (end < 0 || end >= filled) return false;
    const count = Math.max(0, Number(bytes.toString("latin1", 1, end)));
    if (!Number.isInteger(count)) throw new Error(NO_RESP);
    if (count > this.#index.starts.length) this.#index = makeIndex(count);
    this.#count = count;
    this.#left = count;
    this.#read = end + 1;
    return true;
  }

  #keep(bytes: Buffer, chunk: Chunk | undefined): void {
    const id = this.#nextId++;
    this.#kept.set(id, { bytes, ...this.#index, count: this.#count, chunk });
    this.#index = this.#spareIndexes.pop() ?? makeIndex();
    this.#left = -1;
    this.#pass(Buffer.from(`:${id}\r\n`));
  }
}

type Index = Pick<Elements, "starts" | "ends">;

interface Kept extends Elements {
  /** Where its bytes are; undefined when they are memory of ours. */
  chunk: Chunk | undefined;
}

interface Chunk {
  bytes: Buffer;
  /** The arrays in it that are not given back, and one more while it is read. */
  users: number;
}

/** Frees a chunk that nobody uses, if nothing else is in its memory. */
function release(chunk: Chunk): void {
  if (--chunk.users === 0) free(chunk.bytes);
}

/** At once: left to the collector, each chunk would be new memory, which takes longer than to fill it. */
function free({ buffer, byteLength }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}

/** One is read while another one is decoded. */
const SPARE_MAX = 2;
const BYTES_FIRST = 64 * 1024;
const STEP = 32 * 1024;

function makeIndex(length = 1024): Index {
  return { starts: new Uint32Array(length), ends: new Uint32Array(length) };
}

const NO_RESP = "a reply is no RESP";
const ARRAY = 0x2a;
const BULK_STRING = 0x24;
const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;
const ZERO = 0x30;
