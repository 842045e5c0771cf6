import type { Elements } from "./elements.ts";
import type { ElementSpan, Position, Range, Segment } from "./queue.ts";

/**
 * The list that senders push to in this process, and the segments that were claimed of it.
 *
 * Elements stand one behind the other in blocks of shared memory, in the order in which they came,
 * and are counted over all blocks: so a segment is two numbers, and to claim one moves nothing. A
 * block is used again when all of it is done.
 */
export class EmbeddedStore {
  /** Oldest first; the last one is being filled. */
  #blocks: Block[];
  #spare: Block[] = [];
  #segments = new Map<number, { start: number; length: number; claimedMs: number }>();
  #nextSegment = 0;
  /** Elements that ever came; that were claimed of them; that need not be read again. */
  #appended = 0;
  #claimed = 0;
  #done = 0;
  #appendedBytes = 0;
  #claimedBytes = 0;
  #blockBytes = 0;
  #wake: (() => void) | undefined;
  /** Called when memory has become free. */
  onFreed: () => void = () => {};

  constructor() {
    this.#blocks = [this.#makeBlock(BLOCK_BYTES)];
  }

  /** Elements that nobody has claimed yet. */
  get length(): number {
    return this.#appended - this.#claimed;
  }

  /** Whether all that ever came is done. */
  get isEmpty(): boolean {
    return this.#done === this.#appended;
  }

  /** The memory that elements take; some of it may be free by now, to be used again. */
  get bytes(): number {
    return this.#blockBytes;
  }

  /** Of one, for so many elements at most. */
  readonly blockBytes = COLUMNS_BYTES + BLOCK_BYTES;

  /** Bytes that can be taken until more memory is needed. */
  get roomBytes(): number {
    const last = this.#blocks[this.#blocks.length - 1];
    return last.bytes.length - last.filled + this.#spare.length * BLOCK_BYTES;
  }

  /** Copies elements in, in their order. */
  append({ bytes, starts, ends, count }: Elements): void {
    let from = 0;
    while (from < count) {
      const block = this.#roomFor(ends[from] - starts[from]);
      const { filled } = block;
      const room = block.bytes.length - filled + starts[from];
      const most = Math.min(count - from, BLOCK_ELEMENTS - block.count);
      let taken = 0;
      // What stands between two elements is copied, too: one copy is faster than many.
      const shift = filled - starts[from];
      while (taken < most && ends[from + taken] <= room) {
        block.starts[block.count + taken] = starts[from + taken] + shift;
        block.ends[block.count + taken] = ends[from + taken] + shift;
        taken++;
      }
      const end = ends[from + taken - 1];
      block.bytes.set(bytes.subarray(starts[from], end), filled);
      block.filled = end + shift;
      block.count += taken;
      this.#appended += taken;
      this.#appendedBytes += end - starts[from];
      from += taken;
    }
    this.#wake?.();
  }

  /** Returns when something is there to be claimed, at the latest after `timeoutMs`. */
  async wait(timeoutMs: number): Promise<void> {
    if (this.length > 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeoutMs);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
    // Somebody else may wait by now.
    if (this.#wake === resolve) this.#wake = undefined;
  }

  /** `nowMs`: in ms since 1970. */
  claim(nowMs: number): Segment | undefined {
    const { length } = this;
    if (length === 0) return undefined;
    const number = this.#nextSegment++;
    this.#segments.set(number, { start: this.#claimed, length, claimedMs: nowMs });
    const elementBytes = (this.#appendedBytes - this.#claimedBytes) / length;
    this.#claimed = this.#appended;
    this.#claimedBytes = this.#appendedBytes;
    return { number, length, elementBytes, claimedMs: nowMs };
  }

  /** Segments that are not done, oldest first, as far as they are not. */
  segments(): Segment[] {
    return [...this.#segments].map(([number, { start, length, claimedMs }]) => {
      const left = start + length - Math.max(start, this.#done);
      return { number, length: left, elementBytes: 0, claimedMs };
    });
  }

  /** Where the elements of a range are, oldest first; those that are done are nowhere. */
  locate({ segment, newer, count }: Range): ElementSpan[] {
    const claimed = this.#segments.get(segment);
    if (claimed === undefined) return [];
    const end = claimed.start + claimed.length - newer;
    let at = Math.max(end - count, claimed.start, this.#done);
    const spans: ElementSpan[] = [];
    for (const { base, count: filled, memory } of this.#blocks) {
      const from = at - base;
      if (at >= end || from >= filled) continue;
      const taken = Math.min(filled - from, end - at);
      spans.push({ memory, from, count: taken });
      at += taken;
    }
    return spans;
  }

  /** What is before the position need not be read again: its memory is used for others. */
  release({ segment, left }: Position): void {
    const claimed = this.#segments.get(segment);
    if (claimed === undefined) return;
    for (const number of this.#segments.keys()) {
      if (number < segment || (number === segment && left === 0)) this.#segments.delete(number);
    }
    this.#done = Math.max(this.#done, claimed.start + claimed.length - left);
    const before = this.#blocks.length;
    while (this.#blocks.length > 1 && this.#isDone(this.#blocks[0])) this.#free(this.#blocks[0]);
    const last = this.#blocks[0];
    // Begun again, it stays in the processor's cache.
    if (this.isEmpty && last.count > 0) this.#begin(last);
    else if (this.#blocks.length === before) return;
    this.onFreed();
  }

  #isDone({ base, count }: Block): boolean {
    return base + count <= this.#done;
  }

  /** The block that is being filled, or the next one: it has room for one element at least. */
  #roomFor(elementBytes: number): Block {
    const last = this.#blocks[this.#blocks.length - 1];
    if (last.count < BLOCK_ELEMENTS && last.filled + elementBytes <= last.bytes.length) return last;
    const isLarge = elementBytes > BLOCK_BYTES;
    const spare = isLarge ? undefined : this.#spare.pop();
    const next = spare ?? this.#makeBlock(isLarge ? elementBytes : BLOCK_BYTES);
    this.#begin(next);
    this.#blocks.push(next);
    return next;
  }

  #begin(block: Block): void {
    block.base = this.#appended;
    block.count = 0;
    block.filled = 0;
  }

  #free(block: Block): void {
    this.#blocks.shift();
    if (block.bytes.length === BLOCK_BYTES && this.#spare.length < SPARE_MAX) {
      this.#spare.push(block);
    } else this.#blockBytes -= block.memory.byteLength;
  }

  #makeBlock(length: number): Block {
    const memory = new SharedArrayBuffer(COLUMNS_BYTES + length);
    this.#blockBytes += memory.byteLength;
    return { ...viewBlock(memory), memory, base: 0, count: 0, filled: 0 };
  }
}

/** Of one block: its elements, and where they begin and end in `bytes`. */
export function viewBlock(
  memory: SharedArrayBuffer,
): Pick<Elements, "starts" | "ends"> & { bytes: Uint8Array } {
  return {
    starts: new Uint32Array(memory, 0, BLOCK_ELEMENTS),
    ends: new Uint32Array(memory, BLOCK_ELEMENTS * 4, BLOCK_ELEMENTS),
    bytes: new Uint8Array(memory, COLUMNS_BYTES),
  };
}

interface Block extends ReturnType<typeof viewBlock> {
  memory: SharedArrayBuffer;
  /** The number of its first element over all blocks. */
  base: number;
  count: number;
  /** Bytes of it. */
  filled: number;
}

const BLOCK_BYTES = 1024 * 1024;
export const BLOCK_ELEMENTS = 16 * 1024;
const COLUMNS_BYTES = BLOCK_ELEMENTS * 8;
/** Blocks that are kept for later; more of them would be memory for a peak that is over. */
const SPARE_MAX = 4;
