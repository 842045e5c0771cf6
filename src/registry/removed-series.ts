import { METRIC_TYPES } from "../sample/sample.ts";
import type { SeriesRef } from "./family.ts";

/**
 * Series that have ended at one moment. Their references name nothing any more, and soon others:
 * who keeps references must forget these before a sample is taken.
 */
export class RemovedSeries {
  count = 0;
  /** For each type, a byte a slot: 1 when it is among them. */
  #isRemoved = METRIC_TYPES.map(() => new Uint8Array(64));

  add(ref: SeriesRef): void {
    const [type, slot] = [ref & 3, ref >>> 2];
    const known = this.#isRemoved[type];
    if (slot >= known.length) {
      const grown = new Uint8Array(Math.max(slot + 1, known.length * 2));
      grown.set(known);
      this.#isRemoved[type] = grown;
    }
    this.#isRemoved[type][slot] = 1;
    this.count++;
  }

  /** `ref`: not negative. */
  has(ref: SeriesRef): boolean {
    return this.#isRemoved[ref & 3][ref >>> 2] === 1;
  }
}
