import type { Elements } from "../queue/elements.ts";
import { KERNEL } from "./kernel.ts";

/** In the place of a meaning: the element is not known. */
export const UNKNOWN = 0xffffffff;

/** A bit of a meaning that is taught: of such a message no negative value is known. */
export const NOT_NEGATIVE = 0x80000000;

/**
 * A bit of a meaning that is taught: it is the same whatever the timestamp is. Meanings themselves
 * are less.
 */
export const TIMED = 0x40000000;

/** Start, end, meaning, value and timestamp. */
const BYTES_AN_ELEMENT = 28;

/** Templates are forgotten, all at once, when they take more than this. */
const BYTES_MAX = 128 * 1024 * 1024;

/** Of a range that is larger no message is known: WebAssembly's memory has an end. */
const INPUT_BYTES_MAX = 64 * 1024 * 1024;

/** A template costs as much as some messages that are not known, and must be worth it. */
const LEARN_COST = 4;
const CREDIT_MAX = LEARN_COST * 1024 * 1024;

interface Kernel {
  memory: WebAssembly.Memory;
  makeRoom(bytesMax: number, countMax: number): void;
  reset(bytesMax: number, countMax: number): void;
  inputAt(): number;
  startsAt(): number;
  endsAt(): number;
  meaningsAt(): number;
  valuesAt(): number;
  timestampsAt(): number;
  hasTimestamps(): number;
  used(): number;
  count(): number;
  match(count: number, lengthMax: number): number;
  matchOne(index: number, lengthMax: number): number;
  locate(index: number): number;
  locateTimestamp(index: number): number;
  numberAt(): number;
  numberEndAt(): number;
  learn(index: number, meaning: number): void;
  placeFlags(meaningCount: number): number;
  unlearn(flags: number, meaningCount: number): void;
}

/** Compiled for the first that needs it: the main thread has none. */
let compiled: WebAssembly.Module | undefined;

function startKernel(): Kernel {
  compiled ??= new WebAssembly.Module(Buffer.from(KERNEL, "base64"));
  return new WebAssembly.Instance(compiled).exports as unknown as Kernel;
}

/**
 * Messages that were seen before, but for their value. A template is what stands before the number
 * and what stands behind it; its meaning is a number that the teacher chose. One that is `TIMED` is
 * of messages with a timestamp, from which the number of that is left out.
 *
 * Senders repeat themselves: the same message comes again with another value. It is then a hash, a
 * comparison and a number, where parsing and validating would take fifty times as long.
 *
 * It knows nothing of JSON but its numbers. Who teaches a template vouches that any number in
 * that place gives the same sample with this value. So nothing depends on what is known: a message
 * that is not has to be parsed, and comes to the same.
 */
export class Templates {
  #kernel = startKernel();
  #lengthMax: number;
  #bytesMax: number;
  /** How large the input may be without making new room for it. */
  #room = { bytes: 0, count: 0 };
  /** What all input so far has taken: memory is given back only when templates are forgotten. */
  #inputBytes = 0;
  #credit = CREDIT_MAX;
  #count = 0;
  /** Whether the present range is larger than the input may be. */
  #isTooLarge = false;
  #bytes = new Uint8Array(0);
  #uint32 = new Uint32Array(0);
  #float64 = new Float64Array(0);

  /** `lengthMax`: bytes of a message; a longer one is not known. */
  constructor(lengthMax: number, bytesMax = BYTES_MAX) {
    this.#lengthMax = lengthMax;
    this.#bytesMax = bytesMax;
    this.#reset(256 * 1024, 1024);
  }

  /** How many there are. */
  get count(): number {
    return this.#kernel.count();
  }

  /** Bytes that they take. */
  get size(): number {
    return this.#kernel.used() - this.#inputBytes;
  }

  /**
   * Looks at elements, which stay its input up to the next call. Returns how many of them have no
   * meaning or no value yet.
   */
  match(elements: Elements): number {
    const { bytes, starts, ends, count } = elements;
    // Elements of a range stand in any order, with some bytes in between.
    let length = 0;
    for (let i = 0; i < count; i++) if (ends[i] > length) length = ends[i];
    this.#isTooLarge = length > INPUT_BYTES_MAX;
    if (this.#isTooLarge) return count;
    const kernel = this.#kernel;
    if (this.size > this.#bytesMax) this.forget();
    if (length > this.#room.bytes || count > this.#room.count) {
      const room = {
        bytes: Math.max(this.#room.bytes, length + (length >>> 1)),
        count: Math.max(this.#room.count, count + (count >>> 1)),
      };
      kernel.makeRoom(room.bytes, room.count);
      this.#noteRoom(room);
    }
    this.#bytes.set(length === bytes.length ? bytes : bytes.subarray(0, length), kernel.inputAt());
    this.#uint32.set(starts.subarray(0, count), kernel.startsAt() >>> 2);
    this.#uint32.set(ends.subarray(0, count), kernel.endsAt() >>> 2);
    this.#count = count;
    const left = kernel.match(count, this.#lengthMax);
    this.#credit = Math.min(this.#credit + count - left, CREDIT_MAX);
    return left;
  }

  /** Looks at one element again, since something was taught. Returns whether it is known now. */
  matchAgain(index: number): boolean {
    return !this.#isTooLarge && this.#kernel.matchOne(index, this.#lengthMax) !== 0;
  }

  /** What an element means, or `UNKNOWN`. */
  meaningOf(index: number): number {
    return this.#isTooLarge ? UNKNOWN : this.#uint32[(this.#kernel.meaningsAt() >>> 2) + index];
  }

  /** Its value. NaN, which is no JSON number: read it where `locate` says. */
  valueOf(index: number): number {
    return this.#float64[(this.#kernel.valuesAt() >>> 3) + index];
  }

  /** The meanings of all elements, as memory of the caller's own. */
  takeMeanings(): Uint32Array<ArrayBuffer> {
    const start = this.#kernel.meaningsAt() >>> 2;
    return this.#uint32.slice(start, start + this.#count) as Uint32Array<ArrayBuffer>;
  }

  /** The values of all elements, as memory of the caller's own. */
  takeValues(): Float64Array<ArrayBuffer> {
    const start = this.#kernel.valuesAt() >>> 3;
    return this.#float64.slice(start, start + this.#count) as Float64Array<ArrayBuffer>;
  }

  /** The timestamp of an element that is known, in seconds; NaN when it has none. */
  timestampOf(index: number): number {
    return this.#float64[(this.#kernel.timestampsAt() >>> 3) + index];
  }

  /** Those of all elements, as memory of the caller's own; undefined when no one has any. */
  takeTimestamps(): Float64Array<ArrayBuffer> | undefined {
    if (this.#kernel.hasTimestamps() === 0) return undefined;
    const start = this.#kernel.timestampsAt() >>> 3;
    return this.#float64.slice(start, start + this.#count) as Float64Array<ArrayBuffer>;
  }

  /**
   * Where in the input's bytes the number is that would be an element's value, if its first
   * `"value":` is the one that counts; undefined where no number follows that.
   */
  locate(index: number): { start: number; end: number } | undefined {
    const kernel = this.#kernel;
    if (kernel.locate(index) === 0) return undefined;
    return { start: kernel.numberAt(), end: kernel.numberEndAt() };
  }

  /**
   * The same for its timestamp, after the first `"timestamp":`. Undefined also where the number is
   * not an ordinary time (0 or more, less than 1e11 seconds) or the element has more than 4 KiB: a
   * template that is `TIMED` has no such messages.
   */
  locateTimestamp(index: number): { start: number; end: number } | undefined {
    const kernel = this.#kernel;
    if (kernel.locateTimestamp(index) === 0) return undefined;
    return { start: kernel.numberAt(), end: kernel.numberEndAt() };
  }

  /** Whether a template more would be worth what it takes. */
  get canLearn(): boolean {
    return !this.#isTooLarge && this.#credit >= LEARN_COST;
  }

  /**
   * Teaches what an element means, whatever the number is that `locate` gives; with `TIMED`, and
   * whatever the one is that `locateTimestamp` gives.
   */
  learn(index: number, meaning: number): void {
    this.#credit -= LEARN_COST;
    this.#kernel.learn(index, meaning);
    this.#renewViews();
  }

  /**
   * Makes messages unknown by what they mean: those whose meaning is the place of something else than
   * 0 in `flags`. They may be taught again. Takes one pass over all templates.
   */
  unlearn(flags: Uint8Array): void {
    const at = this.#kernel.placeFlags(flags.length);
    this.#renewViews();
    this.#bytes.set(flags, at);
    this.#kernel.unlearn(at, flags.length);
  }

  /** Forgets all templates. */
  forget(): void {
    this.#reset(this.#room.bytes, this.#room.count);
  }

  #reset(bytes: number, count: number): void {
    this.#kernel.reset(bytes, count);
    this.#inputBytes = 0;
    this.#noteRoom({ bytes, count });
  }

  #noteRoom(room: { bytes: number; count: number }): void {
    this.#room = room;
    this.#inputBytes += room.bytes + room.count * BYTES_AN_ELEMENT;
    this.#renewViews();
  }

  /** The kernel's memory may have grown. */
  #renewViews(): void {
    const { buffer } = this.#kernel.memory;
    if (this.#bytes.buffer === buffer) return;
    this.#bytes = new Uint8Array(buffer);
    this.#uint32 = new Uint32Array(buffer);
    this.#float64 = new Float64Array(buffer);
  }
}
