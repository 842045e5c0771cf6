import type { ByteReader, ByteWriter } from "./bytes.ts";
import { ChangedSlots } from "./changed-slots.ts";
import { Float64Column, type Float64Snapshot, type Uint32List } from "./columns.ts";
import { ObservationLog, readObservations } from "./observation-log.ts";
import { QuantileSketch, queryRuns, type SketchRun } from "./quantile-sketch.ts";
import { Slots } from "./slots.ts";

/** The window that quantiles look back on, and the slices in which it moves on. */
export const SUMMARY_WINDOW_MS = 10 * 60 * 1000;
export const SUMMARY_AGE_BUCKETS = 5;
const SLICE_MS = SUMMARY_WINDOW_MS / SUMMARY_AGE_BUCKETS;

/** So many observations are put into sketches at a time: some for each series, in some milliseconds. */
const SETTLE_COUNT = 32 * 1024;

/** What a family's summaries compute: `quantiles` ascending, `epsilon` the least of their errors. */
export interface QuantileTargets {
  quantiles: readonly number[];
  epsilon: number;
}

/** Summaries at one moment. */
export interface SummarySnapshot {
  sums: Float64Snapshot;
  counts: Float64Snapshot;
  /**
   * A slot's quantiles, NaN when the window is empty; undefined without targets. They are computed
   * by this call, and each slot that was asked for is given once.
   */
  takeQuantiles(slot: number): Float64Array | undefined;
  /** Says that no more will be taken. Until then it keeps what windows were that have changed. */
  release(): void;
}

/** A slot's observations of the window, an entry a slice that has any, oldest first. */
interface Window {
  targets: QuantileTargets;
  slices: { number: number; sketch: QuantileSketch }[];
  /** Quantiles that were computed: of the window that ends with a slice, while it had so many. */
  computed: { values: Float64Array; slice: number; count: number } | undefined;
  /** The round in which its slices were written, or in which it was made. */
  writtenRound: number;
}

/** The windows that a snapshot wants still. */
interface Wish {
  slice: number;
  /** 1: the window has not changed since. */
  isOpen: Uint8Array;
  /** What those were that have. */
  frozen: Map<number, { targets: QuantileTargets; runs: SketchRun[] }>;
}

/**
 * Summaries: sum and count a slot since ever, quantiles over a sliding window.
 *
 * An observation goes into the sketch of the present slice only, together with others of its slot, at
 * the latest when somebody looks; then the sketches of the window are merged. The window moves with
 * the clock that is handed in, in steps of two minutes, so it spans eight to ten minutes, as
 * client_golang's does.
 */
export class Summaries {
  readonly changed = new ChangedSlots();
  #targetsOf: (slot: number) => QuantileTargets | undefined;
  readonly slots = new Slots();
  #sums = new Float64Column();
  #counts = new Float64Column();
  #windows: (Window | undefined)[] = [];
  /** Of each window the sketch of the present slice, if it has one: what new observations need. */
  #present: (QuantileSketch | undefined)[] = [];
  /** The present slice; the clock may not take it back. */
  #slice = 0;
  /** Windows that were last written in an earlier round are written whole. */
  #round = 0;
  /** What came since the last checkpoint, of all windows that are written. */
  #log = new ObservationLog();
  /** For each slot whose window was written whole: where the log ended then. */
  #wholeEnds = new Map<number, number>();
  #wishes: Wish[] = [];

  /** `targetsOf`: what the family of a slot wants; undefined while no sample has brought quantiles. */
  constructor(targetsOf: (slot: number) => QuantileTargets | undefined) {
    this.#targetsOf = targetsOf;
  }

  /** Makes an empty summary and returns its slot. */
  add(): number {
    const slot = this.slots.take();
    this.begin(slot);
    return slot;
  }

  /** The slot is an empty summary, whatever it was. */
  begin(slot: number): void {
    this.slots.use(slot);
    this.#sums.ensure(slot + 1);
    this.#counts.ensure(slot + 1);
    this.#sums.set(slot, 0);
    this.#counts.set(slot, 0);
    while (this.#windows.length <= slot) {
      this.#windows.push(undefined);
      this.#present.push(undefined);
    }
    this.#windows[slot] = undefined;
    this.#present[slot] = undefined;
    this.changed.extend(slot + 1);
  }

  /** The slot may be used for another series. */
  release(slot: number): void {
    this.#settle();
    if (this.#wishes.length > 0) this.#grant(slot);
    this.#windows[slot] = undefined;
    this.#present[slot] = undefined;
    // What the log has of it is not for the next series.
    this.#wholeEnds.set(slot, this.#log.end);
    this.slots.release(slot);
  }

  /**
   * Takes observations, any doubles: of each the slot and the value. While no sample has brought
   * quantiles for a slot's family it has no window.
   */
  observe(slots: Uint32Array, values: Float64Array): void {
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i];
      this.#sums.add(slot, values[i]);
      this.#counts.add(slot, 1);
      this.changed.mark(slot);
      if (this.#targetsOf(slot) !== undefined) this.#gather(slot, values[i]);
    }
  }

  /** Takes one observation so many times. */
  observeOne(slot: number, value: number, times: number): void {
    this.addTotals(slot, times, value * times);
    if (this.#targetsOf(slot) === undefined) return;
    for (let left = times; left > 0; left--) this.#gather(slot, value);
  }

  /** Adds observations that somebody else has counted; quantiles know nothing of them. */
  addTotals(slot: number, count: number, sum: number): void {
    this.#sums.add(slot, sum);
    this.#counts.add(slot, count);
    this.changed.mark(slot);
  }

  /** Moves the window on; never back. */
  moveTo(nowMs: number): void {
    const slice = sliceOf(nowMs);
    if (slice <= this.#slice) return;
    this.#settle();
    this.#advanceTo(slice);
  }

  /**
   * `nowMs`: when the window ends, if that is not before the last observation. `wanted`: lists of
   * slots whose quantiles will be asked for.
   */
  snapshot(nowMs: number, wanted: readonly Uint32List[] | "all"): SummarySnapshot {
    if (wanted.length > 0) this.#settle();
    const isOpen = new Uint8Array(wanted.length > 0 ? this.#windows.length : 0);
    if (wanted === "all") isOpen.fill(1);
    else
      for (const { data, length } of wanted) for (let i = 0; i < length; i++) isOpen[data[i]] = 1;
    const wish: Wish = { slice: Math.max(this.#slice, sliceOf(nowMs)), isOpen, frozen: new Map() };
    this.#wishes.push(wish);
    return {
      sums: this.#sums.snapshot(),
      counts: this.#counts.snapshot(),
      takeQuantiles: (slot) => this.#take(wish, slot),
      release: () => {
        this.#wishes = this.#wishes.filter((other) => other !== wish);
      },
    };
  }

  /** From now on `write` gives everything, not only what is new. */
  markAll(): void {
    this.#settle();
    this.#round++;
    this.changed.markAll();
    this.#log.clear();
    this.#wholeEnds.clear();
  }

  /**
   * Sum and count. Of a window that was not written in this round the slices: number + 1, sketch.
   * A 0 at the end. What else is new in windows is for `writeObservations`.
   */
  write(slot: number, writer: ByteWriter): void {
    writer.f64(this.#sums.at(slot));
    writer.varint(this.#counts.at(slot));
    const window = this.#windows[slot];
    if (window !== undefined && window.writtenRound !== this.#round) {
      this.#settle();
      window.writtenRound = this.#round;
      this.#wholeEnds.set(slot, this.#log.end);
      if (this.#wishes.length > 0) this.#grant(slot);
      this.#dropOld(window);
      for (const { number, sketch } of window.slices) {
        writer.varint(number + 1);
        sketch.write(writer);
      }
    }
    writer.varint(0);
  }

  /** Whether there are observations to write. */
  get hasObservations(): boolean {
    return !this.#log.isEmpty;
  }

  /**
   * Writes observations that no window written whole has, until the writer holds `lengthMax`
   * bytes. Read back after those windows, in their order, they make the same sketches. Returns
   * whether nothing is left.
   */
  writeObservations(writer: ByteWriter, lengthMax: number): boolean {
    this.#settle();
    let filterEnd = 0;
    for (const end of this.#wholeEnds.values()) filterEnd = Math.max(filterEnd, end);
    const isDone = this.#log.write(
      writer,
      lengthMax,
      filterEnd,
      (slot, place) => place >= (this.#wholeEnds.get(slot) ?? 0),
    );
    this.#wholeEnds.clear();
    return isDone;
  }

  read(slot: number, reader: ByteReader): void {
    const targets = this.#targetsOf(slot);
    this.#sums.set(slot, reader.f64());
    this.#counts.set(slot, reader.varint());
    let slices: Window["slices"] | undefined;
    for (let number = reader.varint() - 1; number >= 0; number = reader.varint() - 1) {
      if (targets === undefined) throw new RangeError("a summary has slices but no quantiles");
      const sketch = new QuantileSketch(targets.epsilon);
      sketch.read(reader);
      // The window whole: it replaces what observations before it have made.
      if (slices === undefined) {
        slices = [];
        this.#windowOf(slot, targets).slices = slices;
      }
      slices.push({ number, sketch });
      this.#advanceTo(number);
    }
  }

  /** Takes what `writeObservations` wrote. */
  readObservations(reader: ByteReader): void {
    readObservations(reader, (slot, value, slice) => {
      const targets = slot < this.#windows.length ? this.#targetsOf(slot) : undefined;
      if (targets === undefined) throw new RangeError(`slot ${slot} has no quantiles`);
      this.#advanceTo(slice);
      this.#sketchOf(slot, targets, slice).observe(value);
    });
  }

  #gather(slot: number, value: number): void {
    // Without checkpoints nobody empties it; and nobody needs what is in it.
    if (this.#log.isFull) this.markAll();
    this.#log.add(slot, value, this.#slice);
    if (this.#log.fresh === SETTLE_COUNT) this.#settle();
  }

  /** Puts the observations that have been gathered into their sketches. */
  #settle(): void {
    if (this.#log.fresh === 0) return;
    this.#log.takeBySlot(this.#windows.length, (slot, values, count) => {
      if (this.#wishes.length > 0) this.#grant(slot);
      let sketch = this.#present[slot];
      if (sketch === undefined) {
        sketch = this.#sketchOf(slot, this.#targetsOf(slot)!, this.#slice);
        this.#present[slot] = sketch;
      }
      for (let i = 0; i < count; i++) sketch.observe(values[i]);
    });
  }

  /** The sketch of a slice that is the newest of its window, which is about to change. */
  #sketchOf(slot: number, targets: QuantileTargets, slice: number): QuantileSketch {
    const window = this.#windowOf(slot, targets);
    const { slices } = window;
    let last = slices.length > 0 ? slices[slices.length - 1] : undefined;
    if (last === undefined || last.number !== slice) {
      this.#dropOld(window);
      last = { number: slice, sketch: new QuantileSketch(targets.epsilon) };
      slices.push(last);
    }
    return last.sketch;
  }

  #windowOf(slot: number, targets: QuantileTargets): Window {
    let window = this.#windows[slot];
    if (window === undefined) {
      window = { targets, slices: [], computed: undefined, writtenRound: this.#round };
      this.#windows[slot] = window;
    }
    return window;
  }

  /** Keeps what snapshots want of a window that is about to change. */
  #grant(slot: number): void {
    for (const { slice, isOpen, frozen } of this.#wishes) {
      if (isOpen[slot] !== 1) continue;
      isOpen[slot] = 0;
      const window = this.#windows[slot];
      if (window === undefined) continue;
      frozen.set(slot, { targets: window.targets, runs: runsOf(window, slice) });
    }
  }

  #take({ slice, isOpen, frozen }: Wish, slot: number): Float64Array | undefined {
    if (isOpen[slot] === 1) {
      isOpen[slot] = 0;
      const window = this.#windows[slot];
      return window && quantilesOf(window, slice);
    }
    const kept = frozen.get(slot);
    frozen.delete(slot);
    return kept && queryRuns(kept.runs, kept.targets.quantiles);
  }

  #dropOld({ slices }: Window): void {
    const oldest = this.#slice - SUMMARY_AGE_BUCKETS + 1;
    while (slices.length > 0 && slices[0].number < oldest) slices.shift();
  }

  #advanceTo(slice: number): void {
    if (slice <= this.#slice) return;
    this.#slice = slice;
    this.#present.fill(undefined);
  }
}

function sliceOf(nowMs: number): number {
  return Math.floor(nowMs / SLICE_MS);
}

/** Of the window that ends with the given slice; kept until the window changes. */
function quantilesOf(window: Window, slice: number): Float64Array {
  const { computed, targets, slices } = window;
  let count = 0;
  // A slice only grows: as many observations are the same ones.
  for (const { number, sketch } of slices) if (isWithin(number, slice)) count += sketch.count;
  if (computed?.slice === slice && computed.count === count) return computed.values;
  const values = queryRuns(runsOf(window, slice), targets.quantiles);
  window.computed = { values, slice, count };
  return values;
}

function runsOf({ slices }: Window, slice: number): SketchRun[] {
  const runs: SketchRun[] = [];
  for (const { number, sketch } of slices) if (isWithin(number, slice)) sketch.freeze(runs);
  return runs;
}

/** Whether a slice is in the window that ends with `last`. */
function isWithin(number: number, last: number): boolean {
  return number > last - SUMMARY_AGE_BUCKETS && number <= last;
}
