import type { Exemplar } from "../sample/sample.ts";
import type { ByteReader, ByteWriter } from "./bytes.ts";
import { ChangedSlots } from "./changed-slots.ts";
import { Float64Column, type Float64Snapshot } from "./columns.ts";
import type { NativeBuckets } from "./native-histogram.ts";

/** Histograms at one moment. */
export interface HistogramSnapshot {
  /** For each slot the sum of its observations. */
  sums: Float64Snapshot;
  /** For each slot where its buckets begin in `counts`. */
  starts: readonly number[];
  /** Observations a bucket, not cumulative; a slot has one more than it has bounds, for +Inf. */
  counts: Float64Snapshot;
  /** For each slot its native buckets; undefined when it has none. */
  natives: readonly (NativeBuckets | undefined)[];
  /** By slot, then by bucket; what was sent since the moment may be among them. */
  exemplars: ReadonlyMap<number, readonly (Exemplar | undefined)[]>;
}

/** Histograms: bucket counts and a sum a slot. */
export class Histograms {
  readonly changed = new ChangedSlots();
  #sums = new Float64Column();
  #starts: number[] = [];
  #bounds: Float64Array[] = [];
  #counts = new Float64Column();

  /** Makes an empty histogram. `bounds`: ascending and finite, +Inf implied; shared, not copied. */
  add(bounds: Float64Array): number {
    this.#starts.push(this.#counts.extend(bounds.length + 1));
    this.#bounds.push(bounds);
    const slot = this.#sums.extend(1);
    this.changed.extend(slot + 1);
    return slot;
  }

  /**
   * Counts observations, each into its slot's first bucket whose bound is not less than it.
   * A NaN counts into +Inf and makes the sum NaN. Source: OpenMetrics 1.0, "Histogram".
   */
  observe(slots: Uint32Array, values: Float64Array): void {
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i];
      const value = values[i];
      this.#counts.add(this.#starts[slot] + bucketOf(this.#bounds[slot], value), 1);
      this.#sums.add(slot, value);
      this.changed.mark(slot);
    }
  }

  snapshot(): HistogramSnapshot {
    return {
      sums: this.#sums.snapshot(),
      starts: this.#starts,
      counts: this.#counts.snapshot(),
      natives: [],
      exemplars: new Map(),
    };
  }

  /** Its sum, then the count of each bucket; how many there are is the family's to know. */
  write(slot: number, writer: ByteWriter): void {
    writer.f64(this.#sums.at(slot));
    const start = this.#starts[slot];
    const end = start + this.#bounds[slot].length + 1;
    for (let i = start; i < end; i++) writer.varint(this.#counts.at(i));
  }

  read(slot: number, reader: ByteReader): void {
    this.#sums.set(slot, reader.f64());
    const start = this.#starts[slot];
    const end = start + this.#bounds[slot].length + 1;
    for (let i = start; i < end; i++) this.#counts.set(i, reader.varint());
  }
}

/** A binary search in which no branch depends on the value: random ones cannot be foreseen. */
function bucketOf(bounds: Float64Array, value: number): number {
  let bucket = 0;
  for (let left = bounds.length; left > 0; ) {
    const half = (left + 1) >>> 1;
    bucket += Number(!(value <= bounds[bucket + half - 1])) * half;
    left -= half;
  }
  return bucket;
}
