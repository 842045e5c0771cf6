import type { Showcase } from "./expected-family.ts";

/** Classic histograms, and summaries. */
export const OBSERVED_SHOWCASES: Showcase[] = [
  {
    what: "a histogram of single values, of equal ones, and of what its sender has counted",
    messages: [
      ...[0.5, 0.75, 10, 11, 2e6].map((value) => size({ value, buckets: [0.5, 10, 1e6] })),
      size({ value: 3, times: 4 }),
      size({ counts: [4, 2, 1, 5], sum: 3170 }),
      size({ counts: [1, 0, 0, 0], sum: 0.25, labels: { by: "hand" } }),
    ],
    families: [
      {
        ...{ name: "size", type: "histogram", help: "Size." },
        series: [
          {
            buckets: [
              ["0.5", "0.5", 5],
              ["10", "10.0", 13],
              ["1e+06", "1e+06", 15],
              ["+Inf", "+Inf", 21],
            ],
            sum: 2003204.25,
          },
          {
            labels: { by: "hand" },
            buckets: [
              ["0.5", "0.5", 1],
              ["10", "10.0", 1],
              ["1e+06", "1e+06", 1],
              ["+Inf", "+Inf", 1],
            ],
            sum: 0.25,
          },
        ],
      },
    ],
  },
  {
    what: "a histogram of infinities and NaN",
    messages: [
      odd("+Inf", "plus"),
      odd(2, "plus"),
      odd("-Inf", "minus"),
      odd("NaN", "nan"),
      odd(1, "nan"),
    ],
    families: [
      {
        ...{ name: "odd", type: "histogram" },
        series: [
          {
            labels: { of: "plus" },
            buckets: [
              ["2", "2.0", 1],
              ["+Inf", "+Inf", 2],
            ],
            sum: Number.POSITIVE_INFINITY,
          },
          {
            labels: { of: "minus" },
            buckets: [
              ["2", "2.0", 1],
              ["+Inf", "+Inf", 1],
            ],
            sum: Number.NEGATIVE_INFINITY,
            hasNoSumInOpenMetrics: true,
          },
          {
            labels: { of: "nan" },
            buckets: [
              ["2", "2.0", 1],
              ["+Inf", "+Inf", 2],
            ],
            sum: Number.NaN,
            hasNoSumInOpenMetrics: true,
          },
        ],
      },
    ],
  },
  {
    what: "a histogram with bounds below zero",
    messages: [-20, -5, 3].map((value) => ({
      ...{ type: "histogram", name: "drift", value, unit: "celsius", buckets: [-10, 0, 2.5] },
    })),
    families: [
      {
        ...{ name: "drift_celsius", type: "histogram", unit: "celsius" },
        series: [
          {
            buckets: [
              ["-10", "-10.0", 1],
              ["0", "0.0", 2],
              ["2.5", "2.5", 2],
              ["+Inf", "+Inf", 3],
            ],
            sum: -22,
            hasNoSumInOpenMetrics: true,
          },
        ],
      },
    ],
  },
  {
    what: "exemplars of buckets: the last one of each stays",
    messages: [
      latency(0.3, { labels: { trace_id: "gone" }, timestamp: 1769860800 }),
      latency(0.2, { labels: { trace_id: "first" }, timestamp: 1769860800.5 }),
      latency(0.7, { labels: { trace_id: "second", code: 500 }, timestamp: 1769860801 }),
      latency(99, { labels: { trace_id: "last" }, value: 98.5, timestamp: 1769860802.125 }),
    ],
    families: [
      {
        ...{ name: "latency_seconds", type: "histogram", unit: "seconds" },
        series: [
          {
            buckets: [
              ["0.5", "0.5", 2],
              ["1", "1.0", 3],
              ["+Inf", "+Inf", 4],
            ],
            sum: 100.2,
            exemplars: [
              {
                ...{ le: "0.5", labels: { trace_id: "first" } },
                ...{ value: 0.2, timestamp: 1769860800.5 },
              },
              {
                ...{ le: "1.0", labels: { trace_id: "second", code: "500" } },
                ...{ value: 0.7, timestamp: 1769860801 },
              },
              {
                ...{ le: "+Inf", labels: { trace_id: "last" } },
                ...{ value: 98.5, timestamp: 1769860802.125 },
              },
            ],
          },
        ],
      },
    ],
  },
  {
    what: "a summary of single values, of equal ones, and of what its sender has counted",
    messages: [
      ...Array.from({ length: 1000 }, (_, i) => wait({ value: (i * 7) % 1000 })),
      wait({ value: 4, times: 3, labels: { of: "equal" } }),
      wait({ value: "+Inf", labels: { of: "infinite" } }),
      wait({ count: 4, sum: 50, labels: { of: "counted" } }),
      wait({ value: -2.5, labels: { of: "negative" } }),
    ],
    families: [
      {
        ...{ name: "wait", type: "summary", help: "Waiting." },
        series: [
          {
            quantiles: [
              ["0.5", "0.5", { from: 489, to: 511 }],
              ["0.99", "0.99", { from: 979, to: 999 }],
              ["1", "1.0", { from: 989, to: 999 }],
            ],
            ...{ sum: 499500, count: 1000 },
          },
          { labels: { of: "equal" }, quantiles: allOf(4), sum: 12, count: 3 },
          {
            ...{ labels: { of: "infinite" }, quantiles: allOf(Number.POSITIVE_INFINITY) },
            ...{ sum: Number.POSITIVE_INFINITY, count: 1 },
          },
          { labels: { of: "counted" }, quantiles: allOf(Number.NaN), sum: 50, count: 4 },
          {
            ...{ labels: { of: "negative" }, quantiles: allOf(-2.5), sum: -2.5, count: 1 },
            isNegative: true,
          },
        ],
      },
    ],
  },
  {
    what: "a summary without quantiles, with a unit",
    messages: [3, 4].map((value) => ({ type: "summary", name: "import", unit: "seconds", value })),
    families: [
      {
        ...{ name: "import_seconds", type: "summary", unit: "seconds" },
        series: [{ quantiles: [], sum: 7, count: 2 }],
      },
    ],
  },
];

function size(fields: object): object {
  return { type: "histogram", name: "size", help: "Size.", ...fields };
}

function odd(value: number | string, of: string): object {
  return { type: "histogram", name: "odd", value, buckets: [2], labels: { of } };
}

function latency(value: number, exemplar: object): object {
  const name = "latency_seconds";
  return { type: "histogram", name, unit: "seconds", value, buckets: [0.5, 1], exemplar };
}

function wait(fields: object): object {
  const layout = { quantiles: [0.5, 0.99, 1], epsilons: [0.01, 0.01, 0.01] };
  return { type: "summary", name: "wait", help: "Waiting.", ...layout, ...fields };
}

function allOf(value: number): [string, string, number][] {
  return [
    ["0.5", "0.5", value],
    ["0.99", "0.99", value],
    ["1", "1.0", value],
  ];
}
