import type { Elements } from "./elements.ts";
import { viewBlock } from "./embedded-store.ts";
import type { ElementSpan, Range, RangeReader } from "./queue.ts";

/** Reads ranges from the memory that the main thread shares. */
export class EmbeddedRangeReader implements RangeReader {
  #spare: Elements[] = [];

  async read({ spans }: Range): Promise<Elements> {
    if (spans === undefined) throw new Error("BUG: a range that nobody has located");
    return this.#pack(spans);
  }

  recycle(elements: Elements): void {
    if (this.#spare.length < SPARE_MAX) this.#spare.push(elements);
  }

  close(): void {}

  /** Copies elements into one piece of memory, which is this thread's own. */
  #pack(spans: readonly ElementSpan[]): Elements {
    const blocks = spans.map(({ memory, from, count }) => {
      const { bytes, starts, ends } = viewBlock(memory);
      const first = starts[from];
      const length = ends[from + count - 1] - first;
      return { bytes: bytes.subarray(first, first + length), first, starts, ends, from, count };
    });
    const length = blocks.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const count = blocks.reduce((sum, block) => sum + block.count, 0);
    const packed = this.#make(length, count);
    let at = 0;
    let filled = 0;
    for (const { bytes, first, starts, ends, from, count } of blocks) {
      packed.bytes.set(bytes, filled);
      const shift = filled - first;
      for (let i = from; i < from + count; i++) {
        packed.starts[at] = starts[i] + shift;
        packed.ends[at] = ends[i] + shift;
        at++;
      }
      filled += bytes.length;
    }
    return packed;
  }

  #make(length: number, count: number): Elements {
    let { bytes, starts, ends } = this.#spare.pop() ?? EMPTY;
    if (bytes.length < length) bytes = Buffer.allocUnsafeSlow(length);
    if (starts.length < count) {
      starts = new Uint32Array(count);
      ends = new Uint32Array(count);
    }
    return { bytes, starts, ends, count };
  }
}

/** One is read while another one is decoded. */
const SPARE_MAX = 2;
const EMPTY: Elements = {
  ...{ bytes: Buffer.alloc(0), count: 0 },
  ...{ starts: new Uint32Array(0), ends: new Uint32Array(0) },
};
