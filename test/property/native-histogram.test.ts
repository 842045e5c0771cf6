import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "../../src/registry/bytes.ts";
import { NativeHistogram } from "../../src/registry/native-histogram.ts";
import type { NativeLayout } from "../../src/sample/sample.ts";

const SCHEMAS = [-4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8];
const ALL = Number.MAX_SAFE_INTEGER;

/** The index of the bucket that a positive number is counted in. */
function indexOf(value: number, schema: number): number {
  const histogram = new NativeHistogram({ schema, zeroThreshold: 0, maxBuckets: ALL });
  histogram.observe(value, 1);
  return histogram.buckets.positive.indexes[0];
}

const bits = new BigInt64Array(1);
const double = new Float64Array(bits.buffer);

/** The next greater double of a positive one. */
function after(value: number): number {
  double[0] = value;
  bits[0]++;
  return double[0];
}

/** A positive double as `integer * 2^-1074`. */
function scaled(value: number): bigint {
  double[0] = value;
  const exponent = bits[0] >> 52n;
  const mantissa = bits[0] & 0xfffffffffffffn;
  return exponent === 0n ? mantissa : (mantissa | (1n << 52n)) << (exponent - 1n);
}

/** The greatest doubles from 0.5 to below 1 that buckets of a schema hold. */
function findBorders(schema: number): number[] {
  const count = 2 ** schema;
  return Array.from({ length: count }, (_, i) => {
    let [low, high] = [0.5, 1];
    while (after(low) < high) {
      const middle = (low + high) / 2;
      if (indexOf(middle, schema) <= i - count) low = middle;
      else high = middle;
    }
    return low;
  });
}

const BORDERS = new Map(SCHEMAS.filter((schema) => schema > 0).map((s) => [s, findBorders(s)]));

/** The upper bound of a bucket as `integer * 2^-1074`, cut to such. */
function boundOf(index: number, schema: number): bigint {
  const borders = BORDERS.get(schema) ?? [0.5];
  const [power, place] =
    schema > 0
      ? [(index >> schema) + 1, index & (borders.length - 1)]
      : [index * 2 ** -schema + 1, 0];
  const shift = BigInt(power);
  const bound = scaled(borders[place]);
  return shift < 0n ? bound >> -shift : bound << shift;
}

function integerRoot(square: bigint): bigint {
  let root = 1n << BigInt((square.toString(2).length + 1) >> 1);
  for (;;) {
    const next = (root + square / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

describe("the borders of buckets", () => {
  test("are those that client_golang and Prometheus have, to the bit", () => {
    // The SHA-256 of `nativeHistogramBounds[8]` in client_golang's histogram.go, as doubles; it is
    // also `exponentialBounds[8]` in Prometheus' model/histogram/generic.go.
    const digest = new Bun.CryptoHasher("sha256").update(Float64Array.from(BORDERS.get(8)!));
    expect(digest.digest("hex")).toBe(
      "9de5914e4bc19f96dd1f461efa1b8f3fd6bfe80297b3a5a46302dac8a388c730",
    );
    expect(BORDERS.get(1)).toEqual([0.5, 0.7071067811865475]);
    expect(BORDERS.get(8)!.slice(253)).toEqual([
      0.9919100824251095, 0.9945994234836328, 0.9972960560854698,
    ]);
  });

  for (const schema of [1, 2, 3, 4, 5, 6, 7]) {
    test(`of schema ${schema} are some of those of schema 8`, () => {
      const step = 256 >> schema;
      expect(BORDERS.get(schema)!).toEqual(BORDERS.get(8)!.filter((_, i) => i % step === 0));
    });
  }

  test("are off by less than four units in the last place", () => {
    for (let i = 0; i < 256; i++) {
      // 2^(53 + i/256 - 1), by eight square roots, with 64 bits more.
      let root = 1n << BigInt((52 + 64) * 256 + i);
      for (let left = 8; left > 0; left--) root = integerRoot(root);
      const found = BigInt(BORDERS.get(8)![i] * 2 ** 53) << 64n;
      const error = Number(found - root) / 2 ** 64;
      expect(Math.abs(error)).toBeLessThan(4);
    }
  });

  for (const schema of SCHEMAS) {
    test(`of schema ${schema} belong to the bucket below, for all powers of two`, () => {
      for (let power = -1074; power <= 1023; power++) {
        const value = 2 ** power;
        const index = indexOf(value, schema);
        if (schema >= 0) expect(index).toBe(power * 2 ** schema);
        else expect(index).toBe(Math.ceil(power / 2 ** -schema) + 0);
        if (power % 2 ** Math.max(0, -schema) === 0) {
          expect(indexOf(after(value), schema)).toBeGreaterThan(index);
        }
      }
    });
  }
});

/** Of all sizes, and close to a border of some schema. */
const positive = fc.oneof(
  fc.double({ min: Number.MIN_VALUE, noNaN: true, noDefaultInfinity: true }),
  fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
  fc.constantFrom(Number.MIN_VALUE, Number.MAX_VALUE, 2 ** -1022, 2 ** -1023, 1, 0.5, 1e-310),
  fc
    .tuple(fc.nat(255), fc.integer({ min: -1060, max: 1023 }), fc.integer({ min: -2, max: 2 }))
    .map(([place, power, steps]) => {
      double[0] = BORDERS.get(8)![place] * 2 ** power;
      bits[0] += BigInt(steps);
      return double[0];
    }),
);

const value = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(positive, fc.boolean()).map(([v, up]) => (up ? v : -v)) },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, Infinity, -Infinity, NaN) },
);

const observation = fc.tuple(value, fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 1e6 })));

const layout: fc.Arbitrary<NativeLayout> = fc.record({
  schema: fc.constantFrom(...SCHEMAS),
  zeroThreshold: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(0, 2 ** -128, 1e-3) },
    { weight: 1, arbitrary: fc.double({ min: 0, noNaN: true }) },
  ),
  maxBuckets: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constant(160)),
});

test("a number is in the bucket whose bounds are around it", () => {
  const property = fc.property(positive, fc.constantFrom(...SCHEMAS), (number, schema) => {
    const index = indexOf(number, schema);
    expect(scaled(number) <= boundOf(index, schema)).toBe(true);
    expect(scaled(number) > boundOf(index - 1, schema)).toBe(true);
  });
  fc.assert(property, { numRuns: 20_000 });
});

test.each(SCHEMAS)(
  "of schema %p, infinity has the bucket after the greatest number's",
  (schema) => {
    const histogram = new NativeHistogram({ schema, zeroThreshold: 0, maxBuckets: ALL });
    histogram.observe(Infinity, 1);
    histogram.observe(Number.MAX_VALUE, 2);
    histogram.observe(-Infinity, 3);
    const last = 1024 * 2 ** schema;
    expect(histogram.buckets.positive).toEqual({ indexes: [last, last + 1], counts: [2, 1] });
    expect(histogram.buckets.negative).toEqual({ indexes: [last + 1], counts: [3] });
  },
);

/** What plain maps make of observations at one resolution. */
function countAll(
  observations: readonly [number, number][],
  { zeroThreshold }: NativeLayout,
  schema: number,
) {
  const counts = { positive: new Map<number, number>(), negative: new Map<number, number>() };
  let zeroCount = 0;
  for (const [number, times] of observations) {
    if (Number.isNaN(number)) continue;
    const magnitude = Math.abs(number);
    if (Math.min(magnitude, Number.MAX_VALUE) <= zeroThreshold) zeroCount += times;
    else {
      const side = number > 0 ? counts.positive : counts.negative;
      const index = indexOf(magnitude, schema);
      side.set(index, (side.get(index) ?? 0) + times);
    }
  }
  const sparse = (side: Map<number, number>) => {
    const sorted = [...side].sort(([a], [b]) => a - b);
    return { indexes: sorted.map(([index]) => index), counts: sorted.map(([, count]) => count) };
  };
  const [positive, negative] = [sparse(counts.positive), sparse(counts.negative)];
  return { schema, zeroThreshold, zeroCount, positive, negative };
}

function sizeOf({ positive, negative }: NativeHistogram["buckets"]): number {
  return positive.indexes.length + negative.indexes.length;
}

test("after halving, counts are as if the resolution had been that from the beginning", () => {
  let halved = 0;
  const property = fc.property(
    layout,
    fc.array(observation, { maxLength: 200, size: "max" }),
    (layout, observations) => {
      const histogram = new NativeHistogram(layout);
      for (const [number, times] of observations) histogram.observe(number, times);
      const { buckets } = histogram;
      expect(buckets).toEqual(countAll(observations, layout, buckets.schema));
      if (buckets.schema < layout.schema) halved++;
    },
  );
  fc.assert(property, { numRuns: 1000 });
  expect(halved).toBeGreaterThan(100);
});

test("an observation too many halves the resolution once, n of them n times, -4 is the end", () => {
  const property = fc.property(
    layout,
    fc.array(observation, { maxLength: 100, size: "max" }),
    (layout, observations) => {
      const histogram = new NativeHistogram(layout);
      for (let i = 0; i < observations.length; i++) {
        const { schema } = histogram.buckets;
        const [number, times] = observations[i];
        histogram.observe(number, times);
        const seen = observations.slice(0, i + 1);
        let expected = schema;
        for (let left = times; left > 0 && expected > -4 && !Number.isNaN(number); left--) {
          if (sizeOf(countAll(seen, layout, expected)) <= layout.maxBuckets) break;
          expected--;
        }
        expect(histogram.buckets.schema).toBe(expected);
      }
    },
  );
  fc.assert(property, { numRuns: 100 });
});

test("equal observations are the same at once and one by one", () => {
  const few = fc.array(fc.tuple(value, fc.integer({ min: 1, max: 20 })), { maxLength: 50 });
  const property = fc.property(layout, few, (layout, observations) => {
    const [atOnce, single] = [new NativeHistogram(layout), new NativeHistogram(layout)];
    for (const [number, times] of observations) {
      atOnce.observe(number, times);
      for (let left = times; left > 0; left--) single.observe(number, 1);
    }
    expect(atOnce.buckets).toEqual(single.buckets);
  });
  fc.assert(property, { numRuns: 500 });
});

function bytesOf(histogram: NativeHistogram): Uint8Array {
  const writer = new ByteWriter();
  histogram.write(writer);
  return writer.take();
}

test("what is read is what was written, and goes on the same", () => {
  const some = fc.array(observation, { maxLength: 100, size: "max" });
  const property = fc.property(layout, some, some, (layout, before, behind) => {
    const histogram = new NativeHistogram(layout);
    for (const [number, times] of before) histogram.observe(number, times);
    const restored = new NativeHistogram(layout);
    const reader = new ByteReader(bytesOf(histogram));
    restored.read(reader);
    expect(reader.isAtEnd).toBe(true);
    expect(restored.buckets).toEqual(histogram.buckets);
    for (const [number, times] of behind) {
      histogram.observe(number, times);
      restored.observe(number, times);
    }
    expect(bytesOf(restored)).toEqual(bytesOf(histogram));
    expect(restored.buckets).toEqual(histogram.buckets);
  });
  fc.assert(property, { numRuns: 500 });
});

test("bytes that are cut are refused", () => {
  const histogram = new NativeHistogram({ schema: 3, zeroThreshold: 0, maxBuckets: 160 });
  for (let i = 0; i < 50; i++) histogram.observe(1.1 ** i, 1);
  const bytes = bytesOf(histogram);
  for (let length = 0; length < bytes.length; length++) {
    const other = new NativeHistogram({ schema: 3, zeroThreshold: 0, maxBuckets: 160 });
    expect(() => other.read(new ByteReader(bytes.slice(0, length)))).toThrow(RangeError);
  }
});

test("a view stays as it is whatever is observed later, and is made once while nothing is", () => {
  const some = fc.array(observation, { minLength: 1, maxLength: 60 });
  const property = fc.property(layout, some, (layout, observations) => {
    const histogram = new NativeHistogram(layout);
    const views = observations.map(([number, times]) => {
      histogram.observe(number, times);
      const view = histogram.buckets;
      expect(histogram.buckets).toBe(view);
      return { view, before: structuredClone(view) };
    });
    for (const { view, before } of views) expect(view).toEqual(before);
  });
  fc.assert(property, { numRuns: 300 });
});
