/** What a client sent is no request: it is told why, and its connection is closed. */
export class ProtocolError extends Error {}

export interface RequestLimits {
  arguments: number;
  /** Bytes of one argument, and of a whole request. */
  bulkBytes: number;
  requestBytes: number;
}

/** As Redis has it for clients that have not logged in. */
export const ANONYMOUS_LIMITS: Pick<RequestLimits, "arguments" | "bulkBytes"> = {
  arguments: 10,
  bulkBytes: 16 * 1024,
};

/** A request: the command's name and its arguments. */
export interface Request {
  count: number;
  text(index: number): string;
  /** The same memory: to be copied by whoever keeps it. */
  argument(index: number): Buffer;
}

/**
 * Reads the requests of one connection, one at a time, as arrays of bulk strings or as a line of
 * words (inline). It goes on where it stopped when more has come, so that a large request costs no
 * more than many small ones. Source: the Redis protocol specification; limits and words of faults
 * as in Redis 7.
 */
export class RequestReader implements Request {
  count = 0;
  /** Where the arguments are, counted from `base` in `bytes`. */
  starts = new Uint32Array(4);
  ends = new Uint32Array(4);
  bytes: Buffer = EMPTY;
  base = 0;
  /** The request's length, when it is whole. */
  length = 0;
  /** What must have come before it is worth another look. */
  needed = 0;
  #limits: RequestLimits;
  #isAnonymous: boolean;
  /** Arguments to come; -1: their number is not known. */
  #left = -1;
  /** How far the request is read. */
  #at = 0;
  /** Of the last request of more than two words. */
  #head = NO_HEAD;
  #isSameHead = false;
  /** Of the bytes that were looked at last. */
  #view: DataView = new DataView(new ArrayBuffer(0));
  #viewed: Buffer = EMPTY;

  constructor(limits: RequestLimits, isAnonymous: boolean) {
    this.#limits = limits;
    this.#isAnonymous = isAnonymous;
  }

  set isAnonymous(isAnonymous: boolean) {
    this.#isAnonymous = isAnonymous;
  }

  /**
   * Reads on in the request that begins at `start`; returns whether it is whole. Throws a
   * `ProtocolError`.
   */
  read(bytes: Buffer, start: number): boolean {
    if (this.#left < 0 && !this.#readSameHead(bytes, start)) {
      if (bytes[start] !== ASTERISK) return this.#readInline(bytes, start);
      if (!this.#readCount(bytes, start)) return false;
    }
    const filled = bytes.length;
    const bulkMax = this.#isAnonymous ? ANONYMOUS_LIMITS.bulkBytes : this.#limits.bulkBytes;
    let at = start + this.#at;
    let left = this.#left;
    this.needed = 0;
    while (left > 0 && at < filled) {
      if (bytes[at] !== DOLLAR) {
        const got = String.fromCharCode(bytes[at]).replace(/[^ -~]/, "?");
        throw new ProtocolError(`expected '$', got '${got}'`);
      }
      let length = 0;
      let head = at + 1;
      for (; head < filled; head++) {
        const digit = bytes[head] - ZERO;
        if (digit < 0 || digit > 9) break;
        length = length * 10 + digit;
      }
      if (head >= filled) {
        if (head - at > LINE_MAX) throw new ProtocolError("too big bulk count string");
        break;
      }
      if (bytes[head] !== CARRIAGE_RETURN || head === at + 1 || length > bulkMax) {
        throw this.#badLength(length);
      }
      const end = head + 2 + length;
      if (end + 2 > filled) {
        this.needed = end + 2 - start;
        break;
      }
      this.#add(head + 2 - start, end - start);
      left--;
      at = end + 2;
    }
    this.#left = left;
    this.#at = at - start;
    if (Math.max(this.#at, this.needed) > this.#limits.requestBytes) {
      throw new ProtocolError(`too big request, at most ${this.#limits.requestBytes} bytes`);
    }
    if (left > 0) return false;
    if (this.count > 2 && !this.isSameHead) this.#keepHead(bytes, start);
    this.#finish(bytes, start);
    return true;
  }

  /** Whether it has the words of the last one of more than two up to the key, and as many in all. */
  get isSameHead(): boolean {
    return this.#isSameHead;
  }

  /** Begins anew: the arguments of the last request are void. */
  next(): void {
    this.count = 0;
    if (this.starts.length > COLUMNS_KEPT) {
      this.starts = new Uint32Array(4);
      this.ends = new Uint32Array(4);
    }
  }

  /** Lets the bytes go that were read. */
  release(): void {
    this.bytes = EMPTY;
    this.#viewed = EMPTY;
    this.#view = new DataView(new ArrayBuffer(0));
  }

  argument(index: number): Buffer {
    return this.bytes.subarray(this.base + this.starts[index], this.base + this.ends[index]);
  }

  text(index: number): string {
    return this.argument(index).toString();
  }

  /**
   * A client's requests mostly begin alike, up to the key. What is the same as in the last one is not
   * read again: it is compared, 4 bytes at a time.
   */
  #readSameHead(bytes: Buffer, start: number): boolean {
    this.#isSameHead = false;
    const { length, words, lastWord, left, nameStart, nameEnd, keyStart } = this.#head;
    if (length === 0 || start + length > bytes.length) return false;
    if (this.#viewed !== bytes) {
      this.#viewed = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    const view = this.#view;
    for (let i = 0; i < words.length; i++) {
      if (view.getInt32(start + i * 4, true) !== words[i]) return false;
    }
    if (view.getInt32(start + length - 4, true) !== lastWord) return false;
    this.#isSameHead = true;
    this.count = 2;
    this.starts[0] = nameStart;
    this.ends[0] = nameEnd;
    this.starts[1] = keyStart;
    this.ends[1] = length - 2;
    this.#left = left;
    this.#at = length;
    return true;
  }

  #keepHead(bytes: Buffer, start: number): void {
    const length = this.ends[1] + 2;
    if (length > HEAD_MAX) {
      this.#head = NO_HEAD;
      return;
    }
    const words = new Int32Array(length >>> 2);
    for (let i = 0; i < words.length; i++) words[i] = bytes.readInt32LE(start + i * 4);
    this.#head = {
      ...{ length, words, lastWord: bytes.readInt32LE(start + length - 4) },
      ...{ left: this.count - 2, keyStart: this.starts[1] },
      ...{ nameStart: this.starts[0], nameEnd: this.ends[0] },
    };
  }

  #finish(bytes: Buffer, base: number): void {
    this.bytes = bytes;
    this.base = base;
    this.length = this.#at;
    this.#left = -1;
    this.#at = 0;
  }

  #add(start: number, end: number): void {
    const { count } = this;
    if (count === this.starts.length) {
      this.starts = grown(this.starts);
      this.ends = grown(this.ends);
    }
    this.starts[count] = start;
    this.ends[count] = end;
    this.count = count + 1;
  }

  /** Reads `*<count>`. */
  #readCount(bytes: Buffer, start: number): boolean {
    const end = lineEnd(bytes, start, "too big mbulk count string");
    if (end < 0) return false;
    const text = bytes.toString("latin1", start + 1, end);
    const count = /^-?\d{1,10}\r$/.test(text) ? Number.parseInt(text, 10) : Number.NaN;
    if (!(count <= this.#limits.arguments)) throw new ProtocolError("invalid multibulk length");
    if (this.#isAnonymous && count > ANONYMOUS_LIMITS.arguments) {
      throw new ProtocolError("unauthenticated multibulk length");
    }
    this.#left = Math.max(0, count);
    this.#at = end + 1 - start;
    return true;
  }

  #badLength(length: number): ProtocolError {
    const { bulkBytes } = this.#limits;
    const wouldBe = length > ANONYMOUS_LIMITS.bulkBytes && length <= bulkBytes;
    const isEarly = this.#isAnonymous && wouldBe;
    return new ProtocolError(isEarly ? "unauthenticated bulk length" : "invalid bulk length");
  }

  #readInline(bytes: Buffer, start: number): boolean {
    const end = lineEnd(bytes, start, "too big inline request");
    if (end < 0) return false;
    const words = splitLine(bytes.toString("latin1", start, end));
    if (words === undefined) throw new ProtocolError("unbalanced quotes in request");
    // A person types letters; what begins otherwise is another protocol.
    if (words.length > 0 && !/^[A-Za-z]/.test(words[0])) {
      throw new ProtocolError("expected '*' or a command");
    }
    let length = 0;
    for (const word of words) {
      this.#add(length, length + word.length);
      length += word.length;
    }
    this.#at = end + 1 - start;
    this.#finish(Buffer.from(words.join(""), "latin1"), 0);
    return true;
  }
}

interface Head {
  /** Up to the end of the key's line; 0 when none is known. */
  length: number;
  /** Its bytes, 4 at a time, and the last 4 of them, which may overlap. */
  words: Int32Array;
  lastWord: number;
  /** Arguments behind it. */
  left: number;
  nameStart: number;
  nameEnd: number;
  keyStart: number;
}

/** Where a line feed is; -1 while it has not come. */
function lineEnd(bytes: Buffer, start: number, fault: string): number {
  const end = bytes.indexOf(LINE_FEED, start);
  if ((end < 0 ? bytes.length : end) - start > LINE_MAX) throw new ProtocolError(fault);
  return end;
}

/** The words of an inline request, quoted or not; undefined when a quote is not closed. */
function splitLine(line: string): string[] | undefined {
  const words: string[] = [];
  const word = /\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s"']+))(?=\s|$)|\s+$/gy;
  while (word.lastIndex < line.length) {
    const match = word.exec(line);
    if (match === null) return undefined;
    const [, double, single, plain] = match;
    if (double !== undefined) words.push(double.replace(ESCAPE, unescaped));
    else if (single !== undefined) words.push(single.replaceAll("\\'", "'"));
    else if (plain !== undefined) words.push(plain);
  }
  return words;
}

const ESCAPE = /\\(?:x([0-9a-fA-F]{2})|(.))/g;
const ESCAPED: Record<string, string> = { n: "\n", r: "\r", t: "\t", b: "\b", a: "\x07" };

function unescaped(_: string, hex: string | undefined, character: string): string {
  if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
  return ESCAPED[character] ?? character;
}

function grown(column: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const twice = new Uint32Array(column.length * 2);
  twice.set(column);
  return twice;
}

const EMPTY = Buffer.alloc(0);
const NO_HEAD: Head = {
  ...{ length: 0, words: new Int32Array(0), lastWord: 0, left: 0 },
  ...{ nameStart: 0, nameEnd: 0, keyStart: 0 },
};
/** Of a line, as Redis has it. */
const LINE_MAX = 64 * 1024;
/** Larger columns are given up after the request that needed them. */
const COLUMNS_KEPT = 4096;
/** A longer head than this is no push to the queue. */
const HEAD_MAX = 1024;
const ASTERISK = 0x2a;
const DOLLAR = 0x24;
const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;
const ZERO = 0x30;
