import type { Exemplar, NativeLayout } from "../sample/sample.ts";
import type { ByteReader, ByteWriter } from "./bytes.ts";
import { ChangedSlots } from "./changed-slots.ts";
import { Float64Column, type Float64Snapshot } from "./columns.ts";
import { Exemplars } from "./exemplars.ts";
import { type NativeBuckets, NativeHistogram } from "./native-histogram.ts";
import { Slots } from "./slots.ts";

/** Histograms at one moment. */
export interface HistogramSnapshot {
  /** For each slot the sum of its observations. */
  sums: Float64Snapshot;
  /** For each slot where its buckets begin in `counts`. */
  starts: readonly number[];
  /** Observations a bucket, not cumulative; a slot has one more than it has bounds, for +Inf. */
  counts: Float64Snapshot;
  /** A slot's native buckets; undefined when it has none. */
  nativeOf(slot: number): NativeBuckets | undefined;
  /** By slot, then by bucket; what was sent since the moment may be among them. */
  exemplars: ReadonlyMap<number, readonly (Exemplar | undefined)[]>;
}

/** How the histograms of a family are kept. */
export interface HistogramLayout {
  /** Ascending and finite, +Inf implied; shared, not copied. */
  bounds: Float64Array;
  /** Undefined: there are no native buckets. */
  native: NativeLayout | undefined;
}

/**
 * Histograms: bucket counts and a sum a slot, and native buckets where the family wants them. The
 * number of observations is that of all buckets.
 */
export class Histograms {
  readonly changed = new ChangedSlots();
  readonly exemplars = new Exemplars();
  readonly slots = new Slots();
  #sums = new Float64Column();
  #starts: number[] = [];
  #bounds: Float64Array[] = [];
  #counts = new Float64Column();
  #natives: (NativeHistogram | undefined)[] = [];
  /** For each of them how many snapshots there had been when it was last made or copied. */
  #copiedAt: number[] = [];
  #hasNatives = false;
  #snapshotCount = 0;

  /** Makes an empty histogram and returns its slot. */
  add(layout: HistogramLayout): number {
    const slot = this.slots.take(layout.bounds.length);
    this.begin(slot, layout);
    return slot;
  }

  /** The slot is an empty histogram, whatever it was. */
  begin(slot: number, { bounds, native }: HistogramLayout): void {
    this.slots.use(slot);
    this.#sums.ensure(slot + 1);
    this.#sums.set(slot, 0);
    while (this.#bounds.length <= slot) {
      this.#bounds.push(NO_BOUNDS);
      this.#starts.push(NOWHERE);
      this.#natives.push(undefined);
      this.#copiedAt.push(0);
    }
    const start = this.#starts[slot];
    if (start === NOWHERE || this.#bounds[slot].length !== bounds.length) {
      this.#starts[slot] = this.#counts.extend(bounds.length + 1);
    } else {
      for (let i = 0; i <= bounds.length; i++) this.#counts.set(start + i, 0);
    }
    this.#bounds[slot] = bounds;
    this.#natives[slot] = native && new NativeHistogram(native);
    this.#copiedAt[slot] = this.#snapshotCount;
    if (native !== undefined) this.#hasNatives = true;
    this.exemplars.delete(slot);
    this.changed.extend(slot + 1);
  }

  /** The slot may be used for another series. */
  release(slot: number): void {
    if (this.#starts[slot] === NOWHERE) this.begin(slot, { bounds: NO_BOUNDS, native: undefined });
    this.exemplars.delete(slot);
    this.#natives[slot] = undefined;
    this.slots.release(slot, this.#bounds[slot].length);
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
    if (!this.#hasNatives) return;
    for (let i = 0; i < slots.length; i++) this.#ownNative(slots[i])?.observe(values[i], 1);
  }

  /** Counts one observation so many times. */
  observeOne(slot: number, value: number, times: number, exemplar: Exemplar | undefined): void {
    const bounds = this.#bounds[slot];
    this.#counts.add(this.#starts[slot] + bucketOf(bounds, value), times);
    this.#sums.add(slot, value * times);
    this.#ownNative(slot)?.observe(value, times);
    this.changed.mark(slot);
    if (exemplar === undefined) return;
    this.exemplars.set(slot, bucketOf(bounds, exemplar.value), exemplar);
  }

  /**
   * Adds observations that somebody else has counted: of each bucket how many, and their sum.
   * Returns false, and adds nothing, where the slot has other buckets, or native ones.
   */
  addCounts(slot: number, counts: readonly number[], sum: number): boolean {
    if (counts.length !== this.#bounds[slot].length + 1) return false;
    if (this.#natives[slot] !== undefined) return false;
    const start = this.#starts[slot];
    for (let i = 0; i < counts.length; i++) this.#counts.add(start + i, counts[i]);
    this.#sums.add(slot, sum);
    this.changed.mark(slot);
    return true;
  }

  snapshot(): HistogramSnapshot {
    this.#snapshotCount++;
    const natives = this.#hasNatives ? this.#natives.slice() : [];
    return {
      sums: this.#sums.snapshot(),
      starts: this.#starts,
      counts: this.#counts.snapshot(),
      nativeOf: (slot) => natives[slot]?.buckets,
      exemplars: this.exemplars.view,
    };
  }

  /**
   * Its sum, the count of each bucket, and its native buckets. How many buckets there are is the
   * family's to know.
   */
  write(slot: number, writer: ByteWriter): void {
    writer.f64(this.#sums.at(slot));
    const start = this.#starts[slot];
    const end = start + this.#bounds[slot].length + 1;
    for (let i = start; i < end; i++) writer.varint(this.#counts.at(i));
    this.#natives[slot]?.write(writer);
  }

  read(slot: number, reader: ByteReader): void {
    this.#sums.set(slot, reader.f64());
    const start = this.#starts[slot];
    const end = start + this.#bounds[slot].length + 1;
    for (let i = start; i < end; i++) this.#counts.set(i, reader.varint());
    this.#natives[slot]?.read(reader);
  }

  /** The native buckets of a slot, which no snapshot has. */
  #ownNative(slot: number): NativeHistogram | undefined {
    const native = this.#natives[slot];
    if (native === undefined || this.#copiedAt[slot] === this.#snapshotCount) return native;
    const copy = native.copy();
    this.#natives[slot] = copy;
    this.#copiedAt[slot] = this.#snapshotCount;
    return copy;
  }
}

const NO_BOUNDS = new Float64Array(0);
const NOWHERE = -1;

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
