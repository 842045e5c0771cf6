import type { ByteReader, ByteWriter } from "./bytes.ts";
import { Uint32List } from "./columns.ts";

/**
 * When the series of one type came last, and how long each may be silent. Nothing is noted, and
 * nothing costs anything, before somebody asks for an end of series.
 */
export class Lifetimes {
  isTracked = false;
  /** Whether a slot has a lifetime of its own. */
  hasOwn = false;
  #slotCount = 0;
  /** For each slot in which second of the clock a sample came last. */
  #seen = new Uint32List();
  /** For each slot its own lifetime in seconds, plus one; 0: it has none. */
  #ttls = new Uint32List();

  /** There is a slot more, or one is used anew. */
  begin(slot: number, nowSeconds: number): void {
    this.#slotCount = Math.max(this.#slotCount, slot + 1);
    if (!this.isTracked) return;
    this.#extend(nowSeconds);
    this.#seen.data[slot] = nowSeconds;
    this.#ttls.data[slot] = 0;
  }

  /** From now on it is noted; all that is there counts as seen now. */
  track(nowSeconds: number): void {
    if (this.isTracked) return;
    this.isTracked = true;
    this.#extend(nowSeconds);
  }

  touch(slots: Uint32Array, nowSeconds: number): void {
    if (!this.isTracked) return;
    const seen = this.#seen.data;
    for (let i = 0; i < slots.length; i++) seen[slots[i]] = nowSeconds;
  }

  /** A sample has come; `ttlSeconds`: the slot's own lifetime from now on, or undefined: as it was. */
  touchOne(slot: number, nowSeconds: number, ttlSeconds: number | undefined): void {
    if (!this.isTracked) return;
    this.#seen.data[slot] = nowSeconds;
    if (ttlSeconds === undefined) return;
    this.#ttls.data[slot] = ttlSeconds + 1;
    this.hasOwn = true;
  }

  /** In which second of the clock a sample came last; where it is tracked. */
  seenSeconds(slot: number): number {
    return this.#seen.data[slot];
  }

  /** `otherwiseSeconds`: the lifetime of a slot that has none of its own; 0: without end. */
  isOver(slot: number, nowSeconds: number, otherwiseSeconds: number): boolean {
    const own = this.#ttls.data[slot];
    const ttlSeconds = own === 0 ? otherwiseSeconds : own - 1;
    return ttlSeconds > 0 && this.#seen.data[slot] + ttlSeconds <= nowSeconds;
  }

  /** `nowSeconds`: not before any sample. */
  write(slot: number, writer: ByteWriter, nowSeconds: number): void {
    writer.varint(nowSeconds - this.#seen.data[slot]);
    writer.varint(this.#ttls.data[slot]);
  }

  /** `nowSeconds`: the same as when it was written. */
  read(slot: number, reader: ByteReader, nowSeconds: number): void {
    this.track(nowSeconds);
    this.#seen.data[slot] = nowSeconds - reader.varint();
    this.#ttls.data[slot] = reader.varint();
    if (this.#ttls.data[slot] > 0) this.hasOwn = true;
  }

  #extend(nowSeconds: number): void {
    while (this.#seen.length < this.#slotCount) {
      this.#seen.push(nowSeconds);
      this.#ttls.push(0);
    }
  }
}
