import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { QuantileSketch, queryRuns, type SketchRun } from "../../src/registry/quantile-sketch.ts";
import { randomOf } from "../support/random.ts";

type Stream = (i: number, n: number, random: () => number) => number;

const STREAMS: Record<string, Stream> = {
  ascending: (i) => i,
  descending: (i, n) => n - i,
  "in random order": (_i, _n, random) => random(),
  "normally distributed": (_i, _n, random) =>
    Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
  "distributed as by Zipf": (_i, _n, random) => Math.floor(1 / (1 - random())),
  "of ten different values": (_i, _n, random) => Math.floor(random() * 10),
  "all equal": () => 7,
  "in a sawtooth": (i) => i % 1000,
  "from both ends to the middle": (i, n) => (i % 2 ? n - i : i),
  "ascending with rare outliers": (i) => (i % 997 === 0 ? 1e9 + i : i),
};

function fill(name: string, n: number, seed: number): Float64Array {
  const random = randomOf(seed);
  const stream = STREAMS[name];
  return Float64Array.from({ length: n }, (_, i) => stream(i, n, random));
}

/** Values at or below, and values below: equal values may take any rank in between. */
function ranksOf(sorted: Float64Array, value: number): { min: number; max: number } {
  const first = (isBeyond: (other: number) => boolean) => {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBeyond(sorted[middle])) high = middle;
      else low = middle + 1;
    }
    return low;
  };
  return { min: first((other) => other >= value) + 1, max: first((other) => other > value) };
}

/** How far the value's rank is from the quantile's; throws when the value was never observed. */
function rankError(sorted: Float64Array, quantile: number, value: number): number {
  const rank = Math.max(1, Math.ceil(quantile * sorted.length));
  const { min, max } = ranksOf(sorted, value);
  if (max < min) throw new Error(`${value} was never observed`);
  return Math.max(0, min - rank, rank - max);
}

const TARGETS: [quantile: number, epsilon: number][] = [
  [0.5, 0.05],
  [0.9, 0.01],
  [0.99, 0.001],
  [0.999, 0.0001],
  // Here 2 epsilon >= 1 - q: an error bound that grows towards the ends would be too wide.
  [0.95, 0.05],
  [0.99, 0.05],
  [0.9, 0.4],
  [0.01, 0.02],
  [0.5, 0.9],
];

function expectWithin(all: Float64Array, runs: SketchRun[], epsilon: number, quantile: number) {
  const sorted = all.slice().sort();
  const quantiles = [0, 0.001, 0.25, quantile, 1].sort((a, b) => a - b);
  const values = queryRuns(runs, quantiles);
  const errorMax = Math.max(1, epsilon * all.length);
  for (let i = 0; i < quantiles.length; i++) {
    expect(rankError(sorted, quantiles[i], values[i])).toBeLessThanOrEqual(errorMax);
  }
  expect(values[0]).toBe(sorted[0]);
  expect(values[quantiles.length - 1]).toBe(sorted[sorted.length - 1]);
}

function sketchOf(values: Float64Array, epsilon: number): QuantileSketch {
  const sketch = new QuantileSketch(epsilon);
  for (let i = 0; i < values.length; i++) sketch.observe(values[i]);
  expect(sketch.count).toBe(values.length);
  return sketch;
}

function runsOf(...sketches: QuantileSketch[]): SketchRun[] {
  const runs: SketchRun[] = [];
  for (const sketch of sketches) sketch.freeze(runs);
  return runs;
}

const SIZES = [1, 2, 3, 10, 31, 32, 33, 100, 511, 512, 513, 1000, 4097, 20_000];

describe("the rank error stays within epsilon", () => {
  for (const name of Object.keys(STREAMS)) {
    test(`for observations ${name}, sizes 1 to 20,000`, () => {
      for (const n of SIZES) {
        const values = fill(name, n, n);
        for (const [quantile, epsilon] of TARGETS) {
          expectWithin(values, runsOf(sketchOf(values, epsilon)), epsilon, quantile);
        }
      }
    });
  }

  for (const name of ["ascending", "descending", "normally distributed", "in a sawtooth"]) {
    test(`for 1,000,000 observations ${name}, in little memory`, () => {
      const values = fill(name, 1_000_000, 1);
      const sketch = sketchOf(values, 0.01);
      expectWithin(values, runsOf(sketch), 0.01, 0.99);
      expect(sketch.size).toBeLessThan(5000);
    }, 30_000);
  }

  test("for 1,000,000 observations with a fine epsilon", () => {
    const values = fill("in random order", 1_000_000, 2);
    const sketch = sketchOf(values, 0.0005);
    expectWithin(values, runsOf(sketch), 0.0005, 0.999);
    expect(sketch.size).toBeLessThan(50_000);
  }, 30_000);

  test("for five slices of different distributions and sizes, merged", () => {
    const names = Object.keys(STREAMS);
    for (let round = 0; round < names.length; round++) {
      for (const [quantile, epsilon] of TARGETS) {
        const slices = [1, 700, 33, 5000, 1200].map((n, i) =>
          fill(names[(round + i * 3) % names.length], n, round * 5 + i),
        );
        const all = Float64Array.from(slices.flatMap((slice) => [...slice]));
        const runs = runsOf(...slices.map((slice) => sketchOf(slice, epsilon)));
        expectWithin(all, runs, epsilon, quantile);
      }
    }
  });

  test("for five slices of 200,000 observations that do not overlap, merged", () => {
    const slices = [4, 0, 3, 1, 2].map((at) =>
      fill("in random order", 200_000, at).map((value) => value + at),
    );
    const all = new Float64Array(1_000_000);
    slices.forEach((slice, i) => {
      all.set(slice, i * 200_000);
    });
    expectWithin(all, runsOf(...slices.map((slice) => sketchOf(slice, 0.005))), 0.005, 0.99);
  }, 30_000);

  test("for any slices of any numbers", () => {
    const slice = fc.array(fc.double({ noNaN: true }), { maxLength: 300 });
    const slices = fc.array(slice, { minLength: 1, maxLength: 5 });
    const epsilon = fc.double({ min: 0.001, max: 0.999, noNaN: true });
    const quantile = fc.double({ min: 0, max: 1, noNaN: true });
    const property = fc.property(slices, epsilon, quantile, (lists, e, q) => {
      // -0 and 0 are one rank, but not one Object.is.
      const arrays = lists.map((list) => Float64Array.from(list, (value) => value + 0));
      const all = Float64Array.from(arrays.flatMap((array) => [...array]));
      if (all.length === 0) return;
      expectWithin(all, runsOf(...arrays.map((array) => sketchOf(array, e))), e, q);
    });
    fc.assert(property, { numRuns: 300 });
  });
});

test("an empty sketch answers NaN", () => {
  expect([...queryRuns(runsOf(new QuantileSketch(0.1)), [0, 0.5, 1])]).toEqual([NaN, NaN, NaN]);
});

test("a single observation is every quantile", () => {
  const runs = runsOf(sketchOf(Float64Array.of(42), 0.1));
  expect([...queryRuns(runs, [0, 0.5, 1])]).toEqual([42, 42, 42]);
});

test("NaN stands above all numbers, the infinities at the ends", () => {
  const values = Float64Array.of(NaN, 1, Infinity, -Infinity, 2);
  const runs = runsOf(sketchOf(values, 0.001));
  expect([...queryRuns(runs, [0.2, 0.4, 0.6, 0.8, 1])]).toEqual([-Infinity, 1, 2, Infinity, NaN]);
});

test("a query changes nothing", () => {
  const values = fill("in random order", 5000, 3);
  const asked = new QuantileSketch(0.01);
  for (const value of values) {
    asked.observe(value);
    if (asked.count % 97 === 0) queryRuns(runsOf(asked), [0.5]);
  }
  const quantiles = [0, 0.1, 0.5, 0.9, 1];
  const plain = sketchOf(values, 0.01);
  expect(queryRuns(runsOf(asked), quantiles)).toEqual(queryRuns(runsOf(plain), quantiles));
});
