/** Bytes that are written one after the other, in chunks that are given away. */
export class Chunk {
  protected bytes = Buffer.allocUnsafeSlow(CAPACITY);
  protected view = viewOf(this.bytes);
  length = 0;

  /**
   * UTF-8 that stands in `from`, with seven bytes more behind it, whatever they are.
   *
   * Eight bytes at a time, as a double: that takes two thirds of what a native copy of a short text
   * does. No eight bytes of UTF-8 are a NaN, whose bits would not be kept: 0xf0 or more before 0x7f
   * or 0xff is no UTF-8.
   */
  copy(from: DataView, start: number, length: number): void {
    this.reserve(length + 8);
    const to = this.view;
    const at = this.length;
    for (let i = 0; i < length; i += 8) {
      to.setFloat64(at + i, from.getFloat64(start + i, true), true);
    }
    this.length = at + length;
  }

  text(text: string): void {
    this.reserve(text.length * 3);
    this.length += this.bytes.write(text, this.length);
  }

  /** What was written since the last call; nothing of it is kept here. */
  take(): Uint8Array {
    const taken = this.bytes.subarray(0, this.length);
    this.bytes = Buffer.allocUnsafeSlow(CAPACITY);
    this.view = viewOf(this.bytes);
    this.length = 0;
    return taken;
  }

  protected reserve(count: number): void {
    if (this.length + count <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(2 * (this.length + count));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
    this.view = viewOf(grown);
  }
}

/** A text as `copy` takes it. */
export interface PaddedText {
  view: DataView;
  length: number;
}

export function paddedText(text: string): PaddedText {
  const length = Buffer.byteLength(text);
  const bytes = Buffer.alloc(length + 8);
  bytes.write(text);
  return { view: viewOf(bytes), length };
}

export function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** A chunk is given out when it has this many bytes. */
export const CHUNK_LENGTH = 64 * 1024;
/** A summary's quantiles take some ten times as long as its lines: less of them in one go. */
export const SUMMARY_CHUNK_LENGTH = 8 * 1024;
/** With room for the lines of one more series. */
const CAPACITY = CHUNK_LENGTH + 4 * 1024;

/** Yielded where there is nothing to give out yet, so that others can run. */
export const EMPTY_CHUNK = new Uint8Array(0);
