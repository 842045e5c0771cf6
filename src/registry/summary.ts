import type { ByteReader, ByteWriter } from "./bytes.ts";
import { ChangedSlots } from "./changed-slots.ts";
import { Float64Column } from "./columns.ts";
import { QuantileSketch, queryRuns, type SketchRun } from "./quantile-sketch.ts";

/** The window that quantiles look back on, and the slices in which it moves on. */
export const SUMMARY_WINDOW_MS = 10 * 60 * 1000;
export const SUMMARY_AGE_BUCKETS = 5;
const SLICE_MS = SUMMARY_WINDOW_MS / SUMMARY_AGE_BUCKETS;

/** What a family's summaries compute: `quantiles` ascending, `epsilon` the least of their errors. */
export interface QuantileTargets {
  quantiles: readonly number[];
  epsilon: number;
}

/** Summaries at one moment. */
export interface SummarySnapshot {
  sums: Float64Array;
  counts: Float64Array;
  /** For each slot its quantiles' values, NaN when the window is empty; undefined without targets. */
  quantiles: readonly (Float64Array | undefined)[];
}

/** A slot's observations of the window, an entry a slice that has any, oldest first. */
interface Window {
  targets: QuantileTargets;
  slices: { number: number; sketch: QuantileSketch }[];
  /** Valid until the window changes; undefined when it must be computed. */
  values: Float64Array | undefined;
}

/**
 * Summaries: sum and count a slot since ever, quantiles over a sliding window.
 *
 * An observation goes into the sketch of the present slice only; the sketches of the window are
 * merged when somebody looks. The window moves with the clock that is handed in, in steps of two
 * minutes, so it spans eight to ten minutes, as client_golang's does.
 */
export class Summaries {
  readonly changed = new ChangedSlots();
  #sums = new Float64Column();
  #counts = new Float64Column();
  #windows: (Window | undefined)[] = [];
  /** The present slice; the clock may not take it back. */
  #slice = 0;
  /** Sketches that were last written in an earlier round are written whole. */
  #round = 0;

  /** Makes an empty summary and returns its slot. */
  add(): number {
    this.#windows.push(undefined);
    this.#counts.extend(1);
    const slot = this.#sums.extend(1);
    this.changed.extend(slot + 1);
    return slot;
  }

  /**
   * Takes one observation, any double.
   * `targets`: the family's; undefined while no sample has brought quantiles.
   */
  observe(slot: number, value: number, targets: QuantileTargets | undefined, nowMs: number): void {
    this.#sums.data[slot] += value;
    this.#counts.data[slot]++;
    this.changed.mark(slot);
    if (targets === undefined) return;
    this.#moveTo(nowMs);
    const window = this.#windowOf(slot, targets);
    window.values = undefined;
    let slice = window.slices.at(-1);
    if (slice === undefined || slice.number !== this.#slice) {
      this.#dropOld(window);
      slice = { number: this.#slice, sketch: new QuantileSketch(targets.epsilon) };
      window.slices.push(slice);
    }
    slice.sketch.observe(value);
  }

  snapshot(nowMs: number): SummarySnapshot {
    this.#moveTo(nowMs);
    return {
      sums: this.#sums.copy(),
      counts: this.#counts.copy(),
      quantiles: this.#windows.map((window) => window && this.#quantilesOf(window)),
    };
  }

  /** From now on `write` gives everything, not only what is new. */
  markAll(): void {
    this.#round++;
    this.changed.markAll();
  }

  /** Sum, count, and of each slice what was not written yet: number + 1, sketch; 0 at the end. */
  write(slot: number, writer: ByteWriter): void {
    writer.f64(this.#sums.data[slot]);
    writer.varint(this.#counts.data[slot]);
    const window = this.#windows[slot];
    if (window !== undefined) {
      this.#dropOld(window);
      for (const { number, sketch } of window.slices) {
        if (!sketch.hasUnwritten(this.#round)) continue;
        writer.varint(number + 1);
        sketch.write(writer, this.#round);
      }
    }
    writer.varint(0);
  }

  /** `targets`: the family's; needed where there are slices. */
  read(slot: number, reader: ByteReader, targets: QuantileTargets | undefined): void {
    this.#sums.data[slot] = reader.f64();
    this.#counts.data[slot] = reader.varint();
    for (let number = reader.varint() - 1; number >= 0; number = reader.varint() - 1) {
      if (targets === undefined) throw new RangeError("a summary has slices but no quantiles");
      const { slices } = this.#windowOf(slot, targets);
      let slice = slices.find((other) => other.number === number);
      if (slice === undefined) {
        slice = { number, sketch: new QuantileSketch(targets.epsilon) };
        slices.push(slice);
      }
      slice.sketch.read(reader, this.#round);
      this.#slice = Math.max(this.#slice, number);
    }
  }

  #windowOf(slot: number, targets: QuantileTargets): Window {
    let window = this.#windows[slot];
    if (window === undefined) {
      window = { targets, slices: [], values: undefined };
      this.#windows[slot] = window;
    }
    return window;
  }

  #quantilesOf(window: Window): Float64Array {
    this.#dropOld(window);
    if (window.values === undefined) {
      const runs: SketchRun[] = [];
      for (const slice of window.slices) slice.sketch.appendRuns(runs);
      window.values = queryRuns(runs, window.targets.quantiles);
    }
    return window.values;
  }

  #dropOld(window: Window): void {
    const oldest = this.#slice - SUMMARY_AGE_BUCKETS + 1;
    while (window.slices.length > 0 && window.slices[0].number < oldest) {
      window.slices.shift();
      window.values = undefined;
    }
  }

  #moveTo(nowMs: number): void {
    this.#slice = Math.max(this.#slice, Math.floor(nowMs / SLICE_MS));
  }
}
