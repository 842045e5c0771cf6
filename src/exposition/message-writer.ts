import { Chunk } from "./chunk.ts";

/** Writes messages of Protocol Buffers. Source: protobuf.dev, "Encoding". */
export class MessageWriter extends Chunk {
  /** A whole number from 0 on, as uint32, uint64, int64 or enum; what is beyond uint64 is its end. */
  wholeField(field: number, value: number): void {
    this.varint(field * 8 + VARINT);
    this.varint(Math.min(value, UINT64_END));
  }

  /** A whole number within 2^62 of 0, as sint32 or sint64. */
  signedField(field: number, value: number): void {
    this.wholeField(field, value < 0 ? value * -2 - 1 : value * 2);
  }

  doubleField(field: number, value: number): void {
    this.varint(field * 8 + FIXED64);
    this.reserve(8);
    this.view.setFloat64(this.length, value, true);
    this.length += 8;
  }

  textField(field: number, text: string): void {
    this.varint(field * 8 + LENGTH_DELIMITED);
    this.varint(Buffer.byteLength(text));
    this.text(text);
  }

  /** UTF-8 as `copy` takes it. */
  bytesField(field: number, from: DataView, start: number, length: number): void {
    this.varint(field * 8 + LENGTH_DELIMITED);
    this.varint(length);
    this.copy(from, start, length);
  }

  /** Begins a message in this one. Returns what `end` takes. */
  begin(field: number): number {
    this.varint(field * 8 + LENGTH_DELIMITED);
    this.reserve(1);
    return this.length++;
  }

  /** Ends the message that was begun last: what it holds moves up where its length needs room. */
  end(start: number): void {
    const length = this.length - start - 1;
    if (length < 0x80) {
      this.bytes[start] = length;
      return;
    }
    const more = lengthOfVarint(length) - 1;
    this.reserve(more);
    this.bytes.copyWithin(start + 1 + more, start + 1, this.length);
    this.length = start;
    this.varint(length);
    this.length += length;
  }

  /** All that another one has written, which it gives away. */
  takeAll(other: MessageWriter): void {
    this.reserve(other.length);
    other.bytes.copy(this.bytes, this.length, 0, other.length);
    this.length += other.length;
    other.length = 0;
  }

  /** From 0 to `UINT64_END`. */
  varint(value: number): void {
    this.reserve(VARINT_LENGTH_MAX);
    const { bytes } = this;
    let rest = value;
    while (rest >= 0x80) {
      bytes[this.length++] = (rest % 0x80) + 0x80;
      rest = Math.floor(rest / 0x80);
    }
    bytes[this.length++] = rest;
  }
}

function lengthOfVarint(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++;
  return length;
}

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const VARINT_LENGTH_MAX = 10;
/** The last double that is less than 2^64. */
const UINT64_END = 2 ** 64 - 2 ** 11;
