import { describe, expect, test } from "bun:test";
import { CHUNK_LENGTH } from "../../../src/exposition/chunk.ts";
import type { EscapingScheme } from "../../../src/exposition/format.ts";
import { spansOf } from "../../../src/exposition/native-spans.ts";
import { renderExposition } from "../../../src/exposition/render.ts";
import { decodeFamilies, type Message } from "../../support/protobuf.ts";
import { renderedBytes } from "../../support/rendered.ts";
import { exemplar, type GivenFamily, snapshotOfGiven } from "../../support/snapshots.ts";

const CREATED_MS = 1_700_000_000_123;
const CREATED = { seconds: 1_700_000_000, nanos: 123_000_000 };

function familiesOf(
  families: GivenFamily[],
  escaping: EscapingScheme = "allow-utf-8",
  createdTimestamps = true,
): Message[] {
  const format = { kind: "protobuf", version: "", escaping } as const;
  return decodeFamilies(renderedBytes(snapshotOfGiven(families), [], format, createdTimestamps));
}

/** The metrics of one family. */
function metricsOf(...given: Parameters<typeof familiesOf>): Message[] {
  return familiesOf(...given)[0].metric as Message[];
}

test("a gauge has its name, help, type, unit, labels and value", () => {
  const labels = { path: 'C:\\dir "x"\nend', é: "花火 😱" };
  const series = [{ labels, value: -3.5 }, { value: 0 }];
  const given: GivenFamily = { name: "g_celsius", type: "gauge", help: "H\n.", series };
  expect(familiesOf([{ ...given, unit: "celsius" }])).toEqual([
    {
      ...{ name: "g_celsius", help: "H\n.", type: 1, unit: "celsius" },
      metric: [
        {
          label: [
            { name: "path", value: labels.path },
            { name: "é", value: labels.é },
          ],
          gauge: { value: -3.5 },
        },
        { gauge: { value: 0 } },
      ],
    },
  ]);
});

test("a counter has its exemplar, and when it began", () => {
  const exemplars = [exemplar({ trace_id: "a", span: "b" }, 0.5, 1_700_000_001.000001)];
  const series = [{ value: 3, createdMs: CREATED_MS, exemplars }];
  expect(metricsOf([{ name: "c_total", type: "counter", series }])).toEqual([
    {
      counter: {
        value: 3,
        exemplar: {
          label: [
            { name: "trace_id", value: "a" },
            { name: "span", value: "b" },
          ],
          value: 0.5,
          timestamp: { seconds: 1_700_000_001, nanos: 1000 },
        },
        created_timestamp: CREATED,
      },
    },
  ]);
});

test("a summary has its quantiles, also those that are not known", () => {
  const quantiles = [0.5, 0.9];
  const one = { value: -1.5, count: 2 ** 40, quantiles: [-1, Number.NaN], createdMs: CREATED_MS };
  expect(metricsOf([{ name: "s", type: "summary", quantiles, series: [one] }])).toEqual([
    {
      summary: {
        sample_count: 2 ** 40,
        sample_sum: -1.5,
        quantile: [
          { quantile: 0.5, value: -1 },
          { quantile: 0.9, value: Number.NaN },
        ],
        created_timestamp: CREATED,
      },
    },
  ]);
});

test("a histogram has cumulative buckets, and that of +Inf only with an exemplar", () => {
  const family: GivenFamily = { name: "h", type: "histogram", bounds: [-1, 2], series: [] };
  const one = { value: 7, counts: [1, 0, 2], createdMs: CREATED_MS };
  const buckets = [
    { cumulative_count: 1, upper_bound: -1 },
    { cumulative_count: 1, upper_bound: 2 },
  ];
  const rest = { sample_count: 3, sample_sum: 7, created_timestamp: CREATED };
  expect(metricsOf([{ ...family, series: [one] }])).toEqual([
    { histogram: { bucket: buckets, ...rest } },
  ]);
  const exemplars = [undefined, undefined, exemplar({}, 5)];
  const last = { cumulative_count: 3, upper_bound: Number.POSITIVE_INFINITY };
  expect(metricsOf([{ ...family, series: [{ ...one, exemplars }] }])).toEqual([
    { histogram: { bucket: [...buckets, { ...last, exemplar: { value: 5 } }], ...rest } },
  ]);
});

test("created timestamps are left out when they are not wanted or not known", () => {
  const family: GivenFamily = { name: "c", type: "counter", series: [{ value: 1 }] };
  expect(metricsOf([family])).toEqual([{ counter: { value: 1 } }]);
  const known = { ...family, series: [{ value: 1, createdMs: CREATED_MS }] };
  expect(metricsOf([known], "allow-utf-8", false)).toEqual([{ counter: { value: 1 } }]);
});

describe("a native histogram", () => {
  const none = { indexes: [], counts: [] };
  const layout = { schema: 3, zeroThreshold: 0, maxBuckets: 160 };
  const family: GivenFamily = { name: "n", type: "histogram", native: layout, series: [] };

  test("has spans and deltas, and classic buckets when there are bounds", () => {
    const native = {
      schema: -2,
      zeroThreshold: 2 ** -128,
      zeroCount: 2,
      positive: { indexes: [-3, -2, 0, 4], counts: [4, 1, 7, 1] },
      negative: { indexes: [10], counts: [3] },
    };
    const series = [{ value: 9, counts: [18, 0], native }];
    expect(metricsOf([{ ...family, bounds: [1], series }])).toEqual([
      {
        histogram: {
          ...{ sample_count: 18, sample_sum: 9, schema: -2 },
          bucket: [{ cumulative_count: 18, upper_bound: 1 }],
          ...{ zero_threshold: 2 ** -128, zero_count: 2 },
          negative_span: [{ offset: 10, length: 1 }],
          negative_delta: [3],
          positive_span: [
            { offset: -3, length: 4 },
            { offset: 3, length: 1 },
          ],
          positive_delta: [4, -3, -1, 7, -6],
        },
      },
    ]);
  });

  test("without observations has a span of nothing, so that it is known as native", () => {
    const empty = { ...layout, zeroCount: 0, positive: none, negative: none };
    for (const native of [empty, undefined]) {
      const series = [{ value: Number.NaN, counts: [1], native }];
      expect(metricsOf([{ ...family, series }])).toEqual([
        {
          histogram: {
            ...{ sample_count: 1, sample_sum: Number.NaN, schema: 3 },
            ...{ zero_threshold: 0, zero_count: 0, positive_span: [{ offset: 0, length: 0 }] },
          },
        },
      ]);
    }
  });

  test("with a threshold needs no such span", () => {
    const native = { ...layout, zeroThreshold: 1, zeroCount: 0, positive: none, negative: none };
    const [{ histogram }] = metricsOf([{ ...family, series: [{ value: 0, counts: [0], native }] }]);
    expect(histogram).not.toHaveProperty("positive_span");
  });

  // Source: client_golang, makeBuckets: gaps of one or two buckets are filled.
  const spans: [indexes: number[], offsets: number[], lengths: number[], deltas: number[]][] = [
    [[], [], [], []],
    [[0], [0], [1], [5]],
    [[1], [1], [1], [5]],
    [[-7], [-7], [1], [5]],
    [[4, 5], [4], [2], [5, 0]],
    [[4, 6], [4], [3], [5, -5, 5]],
    [[4, 7], [4], [4], [5, -5, 0, 5]],
    [
      [4, 8],
      [4, 3],
      [1, 1],
      [5, 0],
    ],
    [
      [-4, 0, 1],
      [-4, 3],
      [1, 2],
      [5, 0, 0],
    ],
  ];
  for (const [indexes, offsets, lengths, deltas] of spans) {
    test(`with buckets ${indexes} has spans at ${offsets} of ${lengths}`, () => {
      const counts = indexes.map(() => 5);
      expect(spansOf({ indexes, counts })).toEqual({ offsets, lengths, deltas });
    });
  }
});

test("names are escaped by the scheme, also those in exemplars", () => {
  const exemplars = [exemplar({ "trace.id": "1" }, 1)];
  const series = [{ labels: { "a.b": "1", c: "x\\y" }, value: 1, exemplars }];
  const [family] = familiesOf([{ name: "my.metric", type: "counter", series }], "values");
  expect(family).toMatchObject({
    name: "U__my_2e_metric",
    metric: [
      {
        label: [
          { name: "U__a_2e_b", value: "1" },
          { name: "c", value: "x\\y" },
        ],
        counter: { exemplar: { label: [{ name: "U__trace_2e_id", value: "1" }] } },
      },
    ],
  });
});

test("a family of any size has its length in front, and is made in small steps", () => {
  const sizes = [1, 3000, 0, 2, 5000, 1];
  const families = sizes.map((size, i): GivenFamily => {
    const series = Array.from({ length: size }, (_, n) => ({
      labels: { n: `${n}`, pad: "x".repeat((n * 7) % 300) },
      value: n,
    }));
    return { name: `f${i}`, type: i % 2 ? "counter" : "gauge", series };
  });
  const format = { kind: "protobuf", version: "", escaping: "underscores" } as const;
  const options = { createdTimestamps: true };
  const chunks = [...renderExposition(format, snapshotOfGiven(families), [], options)];
  expect(chunks.filter((chunk) => chunk.length === 0).length).toBeGreaterThan(5);
  for (const chunk of chunks) expect(chunk.length).toBeLessThan(CHUNK_LENGTH * 2);
  const decoded = decodeFamilies(Buffer.concat(chunks));
  // A family without a series is not shown.
  expect(decoded.map(({ name }) => name)).toEqual(["f0", "f1", "f3", "f4", "f5"]);
  const big = decoded[3].metric as Message[];
  expect(big).toHaveLength(5000);
  expect(big[4321]).toEqual({
    label: [
      { name: "n", value: "4321" },
      { name: "pad", value: "x".repeat((4321 * 7) % 300) },
    ],
    gauge: { value: 4321 },
  });
});

for (const [count, shown] of [
  [2 ** 53, 2 ** 53],
  [2 ** 56, 2 ** 56],
  [2 ** 63 + 2 ** 12, 2 ** 63 + 2 ** 12],
  [2 ** 64, 2 ** 64 - 2 ** 11],
  [2 ** 80, 2 ** 64 - 2 ** 11],
]) {
  test(`a count of ${count} is ${shown}`, () => {
    const series = [
      { value: 1, counts: [count] },
      { value: 2, counts: [1] },
    ];
    const metrics = metricsOf([{ name: "h", type: "histogram", bounds: [], series }]);
    const counts = metrics.map(({ histogram }) => (histogram as Message).sample_count);
    expect(counts).toEqual([shown, 1]);
  });
}
