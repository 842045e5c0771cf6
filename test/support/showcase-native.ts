import type { ExpectedHistogram, ExpectedNative, Showcase } from "./expected-family.ts";
import { numberOf } from "./prometheus.ts";

/** Native histograms. */
export const NATIVE_SHOWCASES: Showcase[] = [
  of("a native histogram as it is without further fields", {}, 3, [0.001, 0.2, 0.3, 1, 5, 5, 100]),
  of("a fine native histogram", { schema: 8 }, 8, [1, 1.001, 1.0015, 1.5, 3, 3, 1e9]),
  of("a coarse native histogram", { schema: -4 }, -4, [1e-9, 1, 2, 70_000, 1e12, 1e-300]),
  of(
    "a native histogram of values below, in and above its zero bucket",
    { schema: 1, zeroThreshold: 0.01 },
    1,
    [-5, -4, -0.02, -0.01, -0.005, 0, 0.01, 0.02, 3],
  ),
  of("a native histogram without a threshold", { zeroThreshold: 0 }, 3, [0, 0, 1e-200, 7]),
  of("a native histogram of infinities", { schema: 1 }, 1, ["-Inf", 1, 3, "+Inf", "+Inf"]),
  of("a native histogram of NaN among others", { schema: 0 }, 0, ["NaN", 1, 3]),
  // The fifth bucket halves it, and so does each 16 after that until there are four or less.
  of("a native histogram that has more buckets than it may", { maxBuckets: 4 }, -1, [
    ...[1, 2, 4, 8],
    ...[16, 16, 16, 16],
  ]),
  {
    what: "a native histogram that has more buckets than it may, by equal observations",
    messages: [1, 2, 4, 8, 16].map((value) => ({
      ...{ type: "histogram", name: "equal", native: true, maxBuckets: 4, schema: 3, value },
      times: value === 16 ? 4 : 1,
    })),
    families: [
      {
        ...{ name: "equal", type: "histogram" },
        series: [expected(-1, 2 ** -128, [1, 2, 4, 8, 16, 16, 16, 16])],
      },
    ],
  },
  {
    what: "a native histogram beside classic buckets, with exemplars, help and unit",
    messages: [
      both(0.3, { labels: { trace_id: "gone" }, timestamp: 1769860800 }),
      both(0.2, { labels: { trace_id: "first" }, timestamp: 1769860801 }),
      both(3, { labels: { trace_id: "second" }, timestamp: 1769860802.25 }),
      both(50, { labels: { trace_id: "third" }, timestamp: 1769860803 }),
    ],
    families: [
      {
        ...{ name: "both_seconds", type: "histogram", unit: "seconds", help: "Both." },
        series: [
          {
            labels: { route: "/cart" },
            buckets: [
              ["0.5", "0.5", 2],
              ["10", "10.0", 3],
              ["+Inf", "+Inf", 4],
            ],
            sum: 53.5,
            native: nativeOf(2, 2 ** -128, [0.3, 0.2, 3, 50]),
            exemplars: [
              { le: "0.5", labels: { trace_id: "first" }, value: 0.2, timestamp: 1769860801 },
              { le: "10.0", labels: { trace_id: "second" }, value: 3, timestamp: 1769860802.25 },
              { le: "+Inf", labels: { trace_id: "third" }, value: 50, timestamp: 1769860803 },
            ],
          },
        ],
      },
    ],
  },
];

function both(value: number, exemplar: object): object {
  const layout = { native: true, schema: 2, buckets: [0.5, 10] };
  const family = { type: "histogram", name: "both", unit: "seconds", help: "Both." };
  return { ...family, ...layout, value, labels: { route: "/cart" }, exemplar };
}

/** `schema`: the one that it must have in the end. The name is made of what it is about. */
function of(
  what: string,
  layout: { schema?: number; zeroThreshold?: number; maxBuckets?: number },
  schema: number,
  values: (number | string)[],
): Showcase {
  const name = what.replaceAll(/\W/g, "_");
  const threshold = layout.zeroThreshold ?? 2 ** -128;
  return {
    what,
    messages: values.map((value) => ({ type: "histogram", name, native: true, ...layout, value })),
    families: [
      { name, type: "histogram", series: [expected(schema, threshold, values.map(numberOf))] },
    ],
  };
}

/** Without classic buckets. */
function expected(schema: number, zeroThreshold: number, values: number[]): ExpectedHistogram {
  const native = nativeOf(schema, zeroThreshold, values);
  return {
    buckets: [["+Inf", "+Inf", values.length]],
    sum: native.sum,
    hasNoSumInOpenMetrics: !(native.sum >= 0),
    native,
  };
}

/**
 * What the definition says: bucket `i` ends at 2^(i / 2^schema), and begins where the one before ends.
 * The logarithm is good enough for values that are powers of two or not close to an end.
 */
function nativeOf(schema: number, zeroThreshold: number, values: number[]): ExpectedNative {
  const end = (index: number) => 2 ** (index / 2 ** schema);
  const counts = new Map<string, [number, number, number]>();
  for (const value of values) {
    if (Number.isNaN(value)) continue;
    const index = Math.ceil(Math.log2(Math.abs(value)) * 2 ** schema);
    let bucket: [number, number] = [end(index - 1), end(index)];
    if (Math.abs(value) <= zeroThreshold) bucket = [-zeroThreshold, zeroThreshold];
    else if (value < 0) bucket = [-end(index), -end(index - 1)];
    const count = counts.get(String(bucket))?.[2] ?? 0;
    counts.set(String(bucket), [...bucket, count + 1]);
  }
  return {
    count: values.length,
    sum: values.reduce((sum, value) => sum + value, 0),
    buckets: [...counts.values()].sort((a, b) => a[0] - b[0]),
  };
}
