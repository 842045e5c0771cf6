import type { ByteReader, ByteWriter } from "./bytes.ts";

/**
 * A summary of the ranks of a stream of numbers, after Greenwald and Khanna, "Space-efficient
 * online computation of quantile summaries" (SIGMOD 2001), with observations buffered, sorted and
 * merged in one go.
 *
 * It keeps tuples (value, g, delta) in the order of the values. With rmin(i) = g(0) + ... + g(i)
 * and rmax(i) = rmin(i) + delta(i), the i-th value's rank lies in [rmin, rmax], and
 * g(i) + delta(i) <= max(1, 2 epsilon n) for every i. So for every rank there is a value whose rank
 * is at most epsilon n away: for all quantiles alike, which is what lets sketches of several time
 * slices be merged without making the error greater. Sketches that aim at some quantiles only
 * (Cormode et al., CKMS) do not have that property.
 *
 * The state is a function of the observations and their order alone; queries change nothing.
 */
export class QuantileSketch {
  #epsilon: number;
  /** Tuples; ascending values, NaN last. */
  #values = new Float64Array(0);
  #g = new Uint32Array(0);
  #delta = new Uint32Array(0);
  #size = 0;
  /** Observations in the tuples. */
  #mergedCount = 0;
  #buffer = new Float64Array(8);
  #buffered = 0;
  #bufferMax: number;
  /** Whether `freeze` has given out the arrays: then what it gave must stay. */
  #isFrozen = false;

  /** `epsilon`: the rank error as a share of the number of observations, in (0, 1). */
  constructor(epsilon: number) {
    this.#epsilon = Math.max(epsilon, EPSILON_MIN);
    // Below 1 / (2 epsilon) observations nothing can be left out, so a merge gains nothing.
    this.#bufferMax = Math.min(BUFFER_MAX, Math.max(BUFFER_MIN, Math.ceil(0.5 / this.#epsilon)));
  }

  get count(): number {
    return this.#mergedCount + this.#buffered;
  }

  /** Numbers kept, for a bound on memory. */
  get size(): number {
    return this.#size + this.#buffered;
  }

  /** Takes one observation; NaN is greater than every number. */
  observe(value: number): void {
    if (this.#buffered === this.#buffer.length) {
      if (this.#buffered === this.#bufferMax) this.#merge();
      else this.#growBuffer();
    }
    this.#buffer[this.#buffered++] = value;
  }

  /**
   * Appends what is known to `runs`, as it is now and stays whatever is observed later. Takes no
   * time: the arrays are shared until the next merge, which then makes new ones.
   */
  freeze(runs: SketchRun[]): void {
    this.#isFrozen = true;
    if (this.#size > 0) {
      runs.push({ values: this.#values, g: this.#g, delta: this.#delta, size: this.#size });
    }
    if (this.#buffered > 0) {
      runs.push({ values: this.#buffer, g: undefined, delta: undefined, size: this.#buffered });
    }
  }

  /** `read` makes the same state of what it writes, to the bit. */
  write(writer: ByteWriter): void {
    writer.varint(this.#mergedCount);
    writer.varint(this.#size);
    for (let i = 0; i < this.#size; i++) {
      writer.f64(this.#values[i]);
      writer.varint(this.#g[i]);
      writer.varint(this.#delta[i]);
    }
    writer.varint(this.#buffered);
    for (let i = 0; i < this.#buffered; i++) writer.f64(this.#buffer[i]);
  }

  /** Takes what `write` wrote, into a sketch that is new. Throws a RangeError where it is cut. */
  read(reader: ByteReader): void {
    this.#mergedCount = reader.varint();
    this.#size = reader.varint();
    this.#values = new Float64Array(this.#size);
    this.#g = new Uint32Array(this.#size);
    this.#delta = new Uint32Array(this.#size);
    for (let i = 0; i < this.#size; i++) {
      this.#values[i] = reader.f64();
      this.#g[i] = reader.varint();
      this.#delta[i] = reader.varint();
    }
    for (let left = reader.varint(); left > 0; left--) this.observe(reader.f64());
  }

  #growBuffer(): void {
    const grown = new Float64Array(Math.min(this.#buffer.length * 2, this.#bufferMax));
    grown.set(this.#buffer);
    this.#buffer = grown;
  }

  /** Inserts the buffer into the tuples, leaving out from the right what the error allows. */
  #merge(): void {
    if (this.#isFrozen) this.#buffer = this.#buffer.slice();
    const added = this.#buffer.subarray(0, this.#buffered).sort();
    const n = this.#mergedCount + added.length;
    const errorMax = Math.max(1, Math.floor(2 * this.#epsilon * n));
    const capacity = this.#size + added.length;
    if (scratch.values.length < capacity) scratch = makeTuples(capacity * 2);
    const { values, g, delta } = scratch;
    const [oldValues, oldG, oldDelta, oldSize] = [this.#values, this.#g, this.#delta, this.#size];
    // From the greatest to the least, written from the end; `head` is the tuple written last.
    let head = capacity;
    // What that tuple's g and delta make; the greatest value takes in no other.
    let headWidth = errorMax;
    let old = oldSize - 1;
    let fresh = added.length - 1;
    // Of the old tuple behind `old`: how wide a value is that stands just before it.
    let widthBehind = 0;
    while (old >= 0 || fresh >= 0) {
      let value: number;
      let valueG = 1;
      let valueDelta = 0;
      if (fresh >= 0 && (old < 0 || !isLess(added[fresh], oldValues[old]))) {
        value = added[fresh--];
        if (old >= 0) valueDelta = widthBehind;
      } else {
        value = oldValues[old];
        valueG = oldG[old];
        valueDelta = oldDelta[old];
        widthBehind = valueG + valueDelta - 1;
        old--;
      }
      // The least and the greatest stay as they are: ranks 1 and n are always exact.
      if (valueG + headWidth <= errorMax && (old >= 0 || fresh >= 0)) {
        g[head] += valueG;
        headWidth += valueG;
        continue;
      }
      // Nothing is taken into the greatest, which is written first.
      headWidth = head === capacity ? errorMax : valueG + valueDelta;
      head--;
      values[head] = value;
      g[head] = valueG;
      delta[head] = valueDelta;
    }
    this.#size = capacity - head;
    if (this.#isFrozen || this.#size > oldValues.length) {
      this.#isFrozen = false;
      const grown = makeTuples(Math.ceil(this.#size * 1.1));
      this.#values = grown.values;
      this.#g = grown.g;
      this.#delta = grown.delta;
    }
    this.#values.set(values.subarray(head, capacity));
    this.#g.set(g.subarray(head, capacity));
    this.#delta.set(delta.subarray(head, capacity));
    this.#mergedCount = n;
    this.#buffered = 0;
  }
}

function makeTuples(length: number) {
  return {
    values: new Float64Array(length),
    g: new Uint32Array(length),
    delta: new Uint32Array(length),
  };
}

/** What a merge makes, before it is kept: one for all sketches, since a merge is never interrupted. */
let scratch = makeTuples(4096);

/**
 * Ascending tuples; without `g` and `delta` values in any order, each of which stands for itself
 * (g = 1, delta = 0).
 */
export interface SketchRun {
  values: Float64Array;
  g: Uint32Array | undefined;
  delta: Uint32Array | undefined;
  size: number;
}

/**
 * The values at some quantiles of all that the runs hold.
 *
 * `quantiles`: ascending, each in [0, 1]. Returns one value each: NaN when the runs are empty.
 * The value's rank is off by at most the sum of epsilon n over the merged sketches.
 */
export function queryRuns(
  unsorted: readonly SketchRun[],
  quantiles: readonly number[],
): Float64Array {
  const runs = unsorted.map((run) =>
    run.g ? run : { ...run, values: run.values.slice(0, run.size).sort() },
  );
  const results = new Float64Array(quantiles.length).fill(Number.NaN);
  let n = 0;
  for (const run of runs) n += runWeight(run);
  if (n === 0) return results;
  const bestErrors = new Float64Array(quantiles.length).fill(Number.POSITIVE_INFINITY);
  const positions = new Uint32Array(runs.length);
  const below = new Float64Array(runs.length);
  for (;;) {
    const from = runOfLeast(runs, positions);
    if (from < 0) return results;
    const run = runs[from];
    const at = positions[from]++;
    below[from] += run.g ? run.g[at] : 1;
    // The value's rank is at least what stands at or below it, and at most what stands before
    // the next greater tuple of each run.
    let rankMin = 0;
    let rankMax = 0;
    for (let i = 0; i < runs.length; i++) {
      rankMin += below[i];
      rankMax +=
        i === from
          ? below[i] + (run.delta ? run.delta[at] : 0)
          : rankMaxBefore(runs[i], positions[i], below[i]);
    }
    for (let q = 0; q < quantiles.length; q++) {
      const rank = Math.max(1, Math.ceil(quantiles[q] * n));
      const error = Math.max(rank - rankMin, rankMax - rank);
      if (error < bestErrors[q]) {
        bestErrors[q] = error;
        results[q] = run.values[at];
      }
    }
  }
}

/** How many of a run's observations may be no greater than a value between `next - 1` and `next`. */
function rankMaxBefore(run: SketchRun, next: number, below: number): number {
  if (next >= run.size) return below;
  return run.g && run.delta ? below + run.g[next] + run.delta[next] - 1 : below;
}

function runOfLeast(runs: readonly SketchRun[], positions: Uint32Array): number {
  let least = -1;
  for (let i = 0; i < runs.length; i++) {
    if (positions[i] >= runs[i].size) continue;
    if (least < 0 || isLess(runs[i].values[positions[i]], runs[least].values[positions[least]])) {
      least = i;
    }
  }
  return least;
}

function runWeight(run: SketchRun): number {
  if (!run.g) return run.size;
  let weight = 0;
  for (let i = 0; i < run.size; i++) weight += run.g[i];
  return weight;
}

/** The order of a typed array's sort: NaN last. */
function isLess(a: number, b: number): boolean {
  return a < b || (Number.isNaN(b) && !Number.isNaN(a));
}

/** Finer errors would keep every number of a busy series: memory must have a bound. */
const EPSILON_MIN = 1e-6;
const BUFFER_MIN = 32;
const BUFFER_MAX = 512;
