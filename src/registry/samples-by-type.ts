import { METRIC_TYPES, type MetricType } from "../sample/sample.ts";
import type { SeriesRef } from "./family.ts";

/**
 * Sorts samples by the types of their series, each type's in their order. Of one type all are
 * handled alike, which a processor can foresee, so that it does not wait for one before the next.
 */
export class SamplesByType {
  /** A part of equal length for each type. */
  #slots = new Uint32Array(0);
  #values = new Float64Array(0);
  #room = 0;
  /** For each type where its samples end. */
  #ends = new Int32Array(METRIC_TYPES.length);

  /** Takes the first `count` samples, in the place of those before. */
  sort(refs: ArrayLike<SeriesRef>, values: Float64Array, count: number): void {
    if (count > this.#room) {
      this.#room = count;
      this.#slots = new Uint32Array(this.#room * METRIC_TYPES.length);
      this.#values = new Float64Array(this.#room * METRIC_TYPES.length);
    }
    const [sortedSlots, sortedValues, ends] = [this.#slots, this.#values, this.#ends];
    for (let type = 0; type < ends.length; type++) ends[type] = type * this.#room;
    for (let i = 0; i < count; i++) {
      const at = ends[refs[i] & 3]++;
      sortedSlots[at] = refs[i] >>> 2;
      sortedValues[at] = values[i];
    }
  }

  /** Gives a type's samples to `take`, which does not keep them: for each the slot and the value. */
  give(type: MetricType, take: (slots: Uint32Array, values: Float64Array) => void): void {
    const index = METRIC_TYPES.indexOf(type);
    const [start, end] = [index * this.#room, this.#ends[index]];
    if (end > start) take(this.#slots.subarray(start, end), this.#values.subarray(start, end));
  }
}
