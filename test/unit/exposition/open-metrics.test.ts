import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { EscapingScheme } from "../../../src/exposition/format.ts";
import { formatCanonicalNumber } from "../../../src/exposition/number.ts";
import { OwnMetrics } from "../../../src/telemetry/own-metrics.ts";
import golden from "../../golden/exposition.openmetrics.txt" with { type: "text" };
import { OpenMetricsParser } from "../../support/open-metrics-parser.ts";
import { renderedBytes } from "../../support/rendered.ts";
import {
  exemplar,
  type GivenFamily,
  type GivenSeries,
  snapshotOfGiven,
} from "../../support/snapshots.ts";

const CREATED_MS = 1_700_000_000_123;

let parser: OpenMetricsParser;
beforeAll(() => {
  parser = new OpenMetricsParser();
});
afterAll(() => parser.stop());

function render(
  families: GivenFamily[],
  escaping: EscapingScheme = "underscores",
  createdTimestamps = true,
): string {
  const format = { kind: "openmetrics", version: "1.0.0", escaping } as const;
  return renderedBytes(snapshotOfGiven(families), [], format, createdTimestamps).toString();
}

/** Its lines without metadata. */
function samplesOf(family: GivenFamily): string[] {
  return render([family])
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
}

const ALL: GivenFamily[] = [
  {
    ...{ name: "busy_seconds_total", type: "counter", unit: "seconds" },
    help: 'Busy \\ "time"\nso far.',
    series: [
      {
        labels: { queue: "mail" },
        value: 1,
        createdMs: CREATED_MS,
        exemplars: [exemplar({ trace_id: 'a"b' }, 0.5, 1_700_000_001.5)],
      },
      { labels: { queue: "sms" }, value: 2.5, createdMs: CREATED_MS - 123 },
    ],
  },
  { name: "jobs", type: "counter", series: [{ value: 3 }] },
  {
    ...{ name: "request_size_bytes", type: "histogram", unit: "bytes", bounds: [0.5, 1, 1e6] },
    series: [
      {
        labels: { path: "/" },
        value: 12,
        counts: [1, 2, 0, 1],
        createdMs: CREATED_MS,
        exemplars: [undefined, exemplar({}, 0.75), undefined, exemplar({ a: "1" }, 9, 1)],
      },
    ],
  },
  { name: "room_temperature", type: "gauge", unit: "celsius", series: [{ value: -3.5 }] },
  {
    ...{ name: "wait_seconds", type: "summary", quantiles: [0.5, 1] },
    series: [{ value: 5, count: 4, quantiles: [0.25, Number.NaN], createdMs: CREATED_MS }],
  },
];

test("shows all four types, with units, exemplars and when they began", async () => {
  expect(render(ALL)).toBe(golden);
  const types = (await parser.parse(golden)).map(({ name, type, unit }) => [name, type, unit]);
  expect(types).toEqual([
    ["busy_seconds", "counter", "seconds"],
    ["jobs", "counter", ""],
    ["request_size_bytes", "histogram", "bytes"],
    ["room_temperature", "gauge", ""],
    ["wait_seconds", "summary", ""],
  ]);
});

test("does not show when series began when that is not wanted", () => {
  const without = golden.split("\n").filter((line) => !line.includes("_created"));
  expect(render(ALL, "underscores", false)).toBe(without.join("\n"));
});

test("shows an empty registry as its end", () => {
  expect(render([])).toBe("# EOF\n");
});

describe("what OpenMetrics does not allow is left out, and nothing else", () => {
  const histogram = { name: "h", type: "histogram", bounds: [1] } as const;
  const buckets = ['h_bucket{le="1.0"} 1', 'h_bucket{le="+Inf"} 3'];
  const summary = { name: "s", type: "summary", quantiles: [0.5, 0.9] } as const;
  const created = { createdMs: 1500 };
  const table: [what: string, family: Omit<GivenFamily, "series">, GivenSeries, string[]][] = [
    [
      "a counter that is NaN",
      { name: "c", type: "counter" },
      { value: Number.NaN, ...created },
      [],
    ],
    ["a counter below 0", { name: "c", type: "counter" }, { value: -1, ...created }, []],
    [
      "no counter that is +Inf",
      { name: "c", type: "counter" },
      { value: Number.POSITIVE_INFINITY },
      ["c_total +Inf"],
    ],
    [
      "a histogram's sum below 0, with the count",
      histogram,
      { value: -1, counts: [1, 2], ...created },
      [...buckets, "h_created 1.5"],
    ],
    ["a histogram's sum that is NaN", histogram, { value: Number.NaN, counts: [1, 2] }, buckets],
    [
      "the sum of a histogram with buckets below 0",
      { ...histogram, bounds: [-0.5, 1] },
      { value: 1, counts: [0, 1, 2] },
      ['h_bucket{le="-0.5"} 0', ...buckets],
    ],
    [
      "no sum of a histogram whose first bound is 0",
      { ...histogram, bounds: [0] },
      { value: 1, counts: [0, 3] },
      ['h_bucket{le="0.0"} 0', 'h_bucket{le="+Inf"} 3', "h_sum 1", "h_count 3"],
    ],
    [
      "a summary's sum and quantiles below 0",
      summary,
      { value: -2, count: 2, quantiles: [-1, 1] },
      ['s{quantile="0.9"} 1', "s_count 2"],
    ],
  ];
  for (const [what, family, series, lines] of table) {
    test(what, async () => {
      const given: GivenFamily = { ...family, series: [series] };
      expect(samplesOf(given)).toEqual(lines);
      await parser.parse(render([given]));
    });
  }

  test("an exemplar whose labels are too long once they are escaped", () => {
    const exemplars = [exemplar({ "é.é": "x".repeat(120) }, 1)];
    const family: GivenFamily = { name: "c", type: "counter", series: [{ value: 1, exemplars }] };
    expect(render([family], "values")).toContain("\nc_total 1\n");
    expect(render([family], "underscores")).toContain(`\nc_total 1 # {___="xxx`);
  });
});

describe("a type that would take the name of another family is not shown, nor is it lost", () => {
  const table: [families: string, types: string][] = [
    ["counter jobs_total", "jobs counter"],
    ["counter jobs", "jobs counter"],
    ["gauge jobs, counter jobs_total", "jobs gauge, jobs_total unknown"],
    ["counter jobs, counter jobs_total", "jobs unknown, jobs_total unknown"],
    ["counter jobs, gauge jobs_created", "jobs unknown, jobs_created gauge"],
    ["histogram jobs, counter jobs_total", "jobs histogram, jobs_total unknown"],
    ["histogram jobs, counter jobs_count_total", "jobs histogram, jobs_count_total unknown"],
    [
      "histogram jobs, gauge jobs_created",
      "jobs_bucket unknown, jobs_count unknown, jobs_created gauge, jobs_sum unknown",
    ],
    [
      "summary jobs, gauge jobs_created",
      "jobs unknown, jobs_count unknown, jobs_created gauge, jobs_sum unknown",
    ],
    // Each wants what the other wants, and neither has.
    ["counter jobs, counter jobs_total_total", "jobs unknown, jobs_total_total unknown"],
    ["gauge jobs, counter jobs_done_total", "jobs gauge, jobs_done counter"],
    ["gauge jobs_bucket, counter jobs", "jobs counter, jobs_bucket gauge"],
  ];
  for (const [families, types] of table) {
    test(`${families}: ${types}`, async () => {
      const given = families.split(", ").map((words): GivenFamily => {
        const [type, name] = words.split(" ") as [GivenFamily["type"], string];
        const one = { value: 1, counts: [1], count: 1, quantiles: [1] };
        return { name, type, bounds: [], quantiles: [0.5], series: [one] };
      });
      given.sort((a, b) => (a.name < b.name ? -1 : 1));
      const parsed = await parser.parse(render(given));
      const shown = parsed.map(({ name, type }) => `${name} ${type}`).sort();
      expect(shown.join(", ")).toBe(types);
    });
  }
});

test("the gateway's own families are OpenMetrics, each with its type", async () => {
  const own = new OwnMetrics({
    gatewayId: "default",
    queueKey: "mylist",
    workers: 1,
    seriesMax: 0,
    isInfoOnly: false,
  });
  own.processed.inc({ worker: "0", queueKey: 'a"b' }, 3);
  own.batchSeconds.observe({ stage: "read" }, 0.3);
  own.scrapeBytes.observe(5e6);
  const families = await own.render();
  const format = { kind: "openmetrics", version: "1.0.0", escaping: "underscores" } as const;
  const parsed = await parser.parse(renderedBytes(undefined, families, format).toString());
  expect(parsed.map(({ name, type }) => `${name} ${type}`)).toEqual(
    families.map(({ name, type }) => `${name.replace(/_total$/, "")} ${type}`),
  );
  const samples = parsed.flatMap((family) => family.samples);
  const shownOf = (name: string, labels: object) =>
    samples.find((one) => one.name.endsWith(name) && Bun.deepEquals(one.labels, labels))?.value;
  expect(shownOf("processed_metrics_total", { worker: "0", queueKey: 'a"b' })).toBe(3);
  expect(shownOf("batch_duration_seconds_bucket", { stage: "read", le: "0.1" })).toBe(0);
  expect(shownOf("batch_duration_seconds_bucket", { stage: "read", le: "0.5" })).toBe(1);
  expect(shownOf("batch_duration_seconds_sum", { stage: "read" })).toBe(0.3);
  expect(shownOf("scrape_size_bytes_bucket", { le: "1e+07" })).toBe(1);
  expect(shownOf("scrape_size_bytes_count", {})).toBe(1);
});

const bounds: [bound: number, text: string][] = [
  [0, "0.0"],
  [-1, "-1.0"],
  [0.5, "0.5"],
  [1e-5, "1e-05"],
  [999999, "999999.0"],
  [1e6, "1e+06"],
  [1e21, "1e+21"],
  [Number.POSITIVE_INFINITY, "+Inf"],
];
for (const [bound, text] of bounds) {
  test(`a bound of ${bound} is written ${text}`, () => {
    expect(formatCanonicalNumber(bound)).toBe(text);
  });
}
