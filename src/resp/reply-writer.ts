/** What can stand in a reply: a status, an error, null, or data made of them. */
export type Reply =
  | { status: string }
  | { error: string }
  | { pairs: readonly (readonly [string, Reply])[] }
  | { members: readonly Reply[] }
  | readonly Reply[]
  | string
  | Uint8Array
  | number
  | null;

export const OK: Reply = { status: "OK" };

/** Characters of what a client sent, in an error. */
export const EXCERPT_LENGTH = 128;

export function excerptOf(text: string, lengthMax = EXCERPT_LENGTH): string {
  return text.slice(0, lengthMax);
}

/** Writes replies one behind the other, in the words of RESP2 or RESP3. */
export class ReplyWriter {
  #bytes = Buffer.allocUnsafeSlow(4096);
  #length = 0;

  /** `protocol`: 2 or 3. */
  write(reply: Reply, protocol: number): void {
    if (typeof reply === "number") this.integer(reply);
    else if (reply === null) this.#text(protocol === 3 ? "_\r\n" : "$-1\r\n");
    else if (typeof reply === "string") this.#bulk(Buffer.from(reply));
    else if (reply instanceof Uint8Array) this.#bulk(reply);
    else if ("status" in reply) this.#text(`+${reply.status}\r\n`);
    else if ("error" in reply) this.#text(`-${reply.error.replace(/[\r\n]/g, " ")}\r\n`);
    else if ("pairs" in reply) {
      const { length } = reply.pairs;
      this.#text(protocol === 3 ? `%${length}\r\n` : `*${length * 2}\r\n`);
      for (const [key, value] of reply.pairs) {
        this.write(key, protocol);
        this.write(value, protocol);
      }
    } else {
      const isSet = "members" in reply;
      const items = isSet ? reply.members : reply;
      this.#text(`${isSet && protocol === 3 ? "~" : "*"}${items.length}\r\n`);
      for (const item of items) this.write(item, protocol);
    }
  }

  /** One for each push: digit by digit it takes a tenth of what a string does. */
  integer(number: number): void {
    if (number >= 2 ** 31 || number < 0) {
      this.#text(`:${number}\r\n`);
      return;
    }
    this.#reserve(14);
    const bytes = this.#bytes;
    let digits = 1;
    for (let most = 10; number >= most; most *= 10) digits++;
    bytes[this.#length] = COLON;
    let at = this.#length + digits + 1;
    this.#length = at + 2;
    bytes[at] = CARRIAGE_RETURN;
    bytes[at + 1] = LINE_FEED;
    let rest = number | 0;
    for (; digits > 0; digits--) {
      const tenth = (rest / 10) | 0;
      bytes[--at] = ZERO + rest - tenth * 10;
      rest = tenth;
    }
  }

  get length(): number {
    return this.#length;
  }

  /** All that was written since the last call; valid until the next write. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return taken;
  }

  #bulk(bytes: Uint8Array): void {
    this.#text(`$${bytes.length}\r\n`);
    this.#reserve(bytes.length + 2);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    this.#text("\r\n");
  }

  #text(text: string): void {
    const length = Buffer.byteLength(text);
    this.#reserve(length);
    this.#bytes.write(text, this.#length);
    this.#length += length;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

const COLON = 0x3a;
const CARRIAGE_RETURN = 0x0d;
const LINE_FEED = 0x0a;
const ZERO = 0x30;
