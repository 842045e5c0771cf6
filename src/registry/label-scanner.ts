import { unescapeQuoted } from "./escapes.ts";

/**
 * Goes over a label set as it stands in the text format between the braces: `a="1","b.c"="2"`. The
 * fields say where the present pair is, without its quotes, in the bytes that were given.
 */
export class LabelScanner {
  nameStart = 0;
  nameEnd = 0;
  isNameQuoted = false;
  valueStart = 0;
  valueEnd = 0;
  /** Whether there are backslashes in the value. */
  isValueEscaped = false;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;

  /** `bytes`: UTF-8, of which the label set is `length` bytes from `start` on. */
  begin(bytes: Uint8Array, start: number, length: number): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = start + length;
  }

  /** Goes to the next pair; false when there is none. Of bytes that are no label set it makes any. */
  next(): boolean {
    const end = this.#end;
    if (this.#at >= end) return false;
    const bytes = this.#bytes;
    let at = this.#at;
    this.isNameQuoted = bytes[at] === QUOTE;
    if (this.isNameQuoted) {
      this.nameStart = at + 1;
      for (at++; at < end && bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++;
      this.nameEnd = at;
      at++;
    } else {
      this.nameStart = at;
      while (at < end && bytes[at] !== EQUALS) at++;
      this.nameEnd = at;
    }
    at += 2;
    this.valueStart = at;
    this.isValueEscaped = false;
    for (; at < end && bytes[at] !== QUOTE; at++) {
      if (bytes[at] !== BACKSLASH) continue;
      this.isValueEscaped = true;
      at++;
    }
    this.valueEnd = at;
    this.#at = at + 2;
    return true;
  }

  /** The name as it was sent. Throws a TypeError where it is no UTF-8, as the two below do. */
  name(): string {
    return unescapeQuoted(utf8.decode(this.#bytes.subarray(this.nameStart, this.nameEnd)));
  }

  /** The value as it was sent. */
  value(): string {
    return unescapeQuoted(this.rawValue());
  }

  /** The value as it stands in the text. */
  rawValue(): string {
    return utf8.decode(this.#bytes.subarray(this.valueStart, this.valueEnd));
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const QUOTE = 0x22;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;
