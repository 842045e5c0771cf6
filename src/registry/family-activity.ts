import { METRIC_TYPES } from "../sample/sample.ts";
import { Uint32List } from "./columns.ts";

/** Looks at the counts that are kept: rates reach back to the oldest of them. */
const MARKS = 3;

/** How active the families are at one moment; by the index of a family. */
export interface ActivitySnapshot {
  /** Since the oldest look that is kept. */
  samplesPerSecond(family: number): number;
  /** The first look that found a sample of it, or now; undefined: there was none so far. */
  lastSeenMs(family: number): number | undefined;
}

/**
 * Counts the samples of each family, and from looks at the counts, a few seconds apart, tells who is
 * how active. A sample costs an addition; all else is done when somebody looks.
 */
export class FamilyActivity {
  /** For each type the family of each slot. */
  #familyOf = METRIC_TYPES.map(() => new Uint32List());
  /** Samples of each family, modulo 2^32. */
  #counts = new Uint32Array(64);
  /** What the counts were at the last looks, oldest first, and when that was. */
  #marks: { atMs: number; counts: Uint32Array }[] = [];
  #lastSeenMs = new Float64Array(64).fill(Number.NaN);

  /** The index stands for a family that is new. */
  begin(family: number): void {
    if (family >= this.#counts.length) this.#grow(family + 1);
    this.#counts[family] = 0;
    for (const { counts } of this.#marks) counts[family] = 0;
    this.#lastSeenMs[family] = Number.NaN;
  }

  /** A slot is a family's from now on. `type`: its index. */
  enter(type: number, slot: number, family: number): void {
    const families = this.#familyOf[type];
    while (families.length <= slot) families.push(0);
    families.data[slot] = family;
  }

  /** Samples were applied, each to its slot. */
  count(type: number, slots: Uint32Array): void {
    const [families, counts] = [this.#familyOf[type].data, this.#counts];
    for (let i = 0; i < slots.length; i++) counts[families[slots[i]]]++;
  }

  countOne(type: number, slot: number): void {
    this.#counts[this.#familyOf[type].data[slot]]++;
  }

  /** Whether anybody has looked yet: before that there are no rates. */
  get isLookedAt(): boolean {
    return this.#marks.length > 0;
  }

  /** Looks at the counts. `atMs`: of a clock that never goes back; `nowMs`: since 1970. */
  look(atMs: number, nowMs: number): void {
    this.#noteSeen(this.#lastSeenMs, nowMs);
    const oldest = this.#marks.length === MARKS ? this.#marks.shift() : undefined;
    const counts = oldest?.counts ?? new Uint32Array(this.#counts.length);
    counts.set(this.#counts);
    this.#marks.push({ atMs, counts });
  }

  /** A copy: what comes later, and who takes an index over, is not in it. */
  snapshot(atMs: number, nowMs: number): ActivitySnapshot {
    const lastSeenMs = this.#lastSeenMs.slice();
    this.#noteSeen(lastSeenMs, nowMs);
    const counts = this.#counts.slice();
    const oldest = this.#marks[0];
    const since = oldest?.counts.slice();
    const seconds = oldest === undefined ? 0 : (atMs - oldest.atMs) / 1000;
    return {
      samplesPerSecond: (family) =>
        since === undefined || seconds <= 0
          ? 0
          : ((counts[family] - since[family]) >>> 0) / seconds,
      lastSeenMs: (family) => {
        const seenMs = lastSeenMs[family];
        return Number.isNaN(seenMs) ? undefined : seenMs;
      },
    };
  }

  /** Writes `nowMs` where samples came since the last look. */
  #noteSeen(lastSeenMs: Float64Array, nowMs: number): void {
    const counts = this.#counts;
    const before = this.#marks.at(-1)?.counts;
    for (let i = 0; i < counts.length; i++) {
      if (counts[i] !== (before === undefined ? 0 : before[i])) lastSeenMs[i] = nowMs;
    }
  }

  #grow(length: number): void {
    const room = Math.max(length, this.#counts.length * 2);
    const grown = (counts: Uint32Array) => {
      const larger = new Uint32Array(room);
      larger.set(counts);
      return larger;
    };
    this.#counts = grown(this.#counts);
    for (const mark of this.#marks) mark.counts = grown(mark.counts);
    const lastSeenMs = new Float64Array(room).fill(Number.NaN);
    lastSeenMs.set(this.#lastSeenMs);
    this.#lastSeenMs = lastSeenMs;
  }
}
