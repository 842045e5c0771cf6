import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { sampleNamesOf } from "../../src/registry/sample-names.ts";
import type { Exemplar } from "../../src/sample/sample.ts";
import { OpenMetricsParser, type ParsedFamily } from "../support/open-metrics-parser.ts";
import { renderedBytes } from "../support/rendered.ts";
import {
  exemplar,
  type GivenFamily,
  type GivenSeries,
  snapshotOfGiven,
} from "../support/snapshots.ts";

const FORMAT = { kind: "openmetrics", version: "1.0.0", escaping: "underscores" } as const;

let parser: OpenMetricsParser;
beforeAll(() => {
  parser = new OpenMetricsParser();
});
afterAll(() => parser.stop());

/** Few, and such that types want each other's. */
const NAMES = ["a", "a_total", "a_created", "a_sum", "a_count", "a_bucket", "a_created_total"];
NAMES.push("a_total_total", "a_count_total", "a_seconds", "a_seconds_total", "b", "b:c_total");

const text = fc.oneof(
  fc.constantFrom("1", "x y", 'q"uote', "back\\slash", "line\nfeed", "{a}", " # {", "é😱", "a,b=c"),
  fc.string({ maxLength: 5, minLength: 1, unit: "grapheme" }),
);

const value = fc.oneof(
  fc.constantFrom(0, 1, -1, 0.5, 1e21, 123456789.125, Number.NaN, Number.POSITIVE_INFINITY),
  fc.constantFrom(Number.NEGATIVE_INFINITY, 1e-7, 2 ** 53),
  fc.double(),
);

/** This parser takes no "}" in the labels of an exemplar, which OpenMetrics allows. */
const exemplarText = text.map((label) => label.replaceAll("}", ""));
const exemplarOrNone = fc.option(
  fc
    .tuple(
      fc.dictionary(fc.constantFrom("trace_id", "b"), exemplarText),
      fc.constantFrom(0, 1.5, -2, 1e-9),
      fc.constantFrom(undefined, 1_700_000_000.125, 1, 1.5),
    )
    .map((given) => exemplar(...given)),
  { nil: undefined },
);

const count = fc.nat(5);

function seriesOf(buckets: number, quantiles: number): fc.Arbitrary<GivenSeries> {
  return fc.record({
    labels: fc.dictionary(fc.constantFrom("a", "b", "Total_1"), text, { maxKeys: 2 }),
    value,
    createdMs: fc.constantFrom(0, 1_700_000_000_123, 1_700_000_000_000, 1),
    counts: fc.array(count, { minLength: buckets, maxLength: buckets }),
    count,
    quantiles: fc.array(value, { minLength: quantiles, maxLength: quantiles }),
    exemplars: fc.array(exemplarOrNone, { minLength: buckets, maxLength: buckets }),
  });
}

const family: fc.Arbitrary<GivenFamily> = fc
  .record({
    name: fc.constantFrom(...NAMES),
    type: fc.constantFrom("counter", "gauge", "histogram", "summary"),
    help: fc.oneof(fc.constant(""), text),
    unit: fc.constantFrom("", "seconds", "total", "bytes"),
    bounds: fc.constantFrom<number[]>([], [1], [-1, 0.5, 1e6], [0.1, 1, 1e21]),
    quantiles: fc.constantFrom<number[]>([], [0.5], [0, 0.99, 1]),
  })
  .chain((given) =>
    fc
      .uniqueArray(seriesOf(given.bounds.length + 1, given.quantiles.length), {
        minLength: 1,
        maxLength: 3,
        selector: ({ labels }) => keyOf("", labels ?? {}),
      })
      .map((series) => ({ ...given, series })),
  );

/** As the registry has it: no name has two meanings, and families are in order. */
const registry = fc.array(family, { maxLength: 6 }).map((families) => {
  const taken = new Set<string>();
  const kept = families.filter(({ name, type }) => {
    const names = sampleNamesOf(name, type);
    if (names.some((other) => taken.has(other))) return false;
    for (const own of names) taken.add(own);
    return true;
  });
  return kept.sort((a, b) => (a.name < b.name ? -1 : 1));
});

/** A sample as it must come back. */
interface Line {
  name: string;
  labels: Record<string, string>;
  value: number;
  exemplar?: Exemplar | undefined;
}

/** All that a series has, under the names of the text format. */
function linesOf({ name, type, bounds, quantiles }: GivenFamily, series: GivenSeries): Line[] {
  const { labels = {}, value } = series;
  switch (type) {
    case "counter":
      return [{ name, labels, value, exemplar: series.exemplars?.[0] }];
    case "gauge":
      return [{ name, labels, value }];
    case "histogram": {
      let cumulative = 0;
      const lines = [...bounds!, Number.POSITIVE_INFINITY].map((bound, i): Line => {
        cumulative += series.counts![i];
        const le = CANONICAL.get(bound)!;
        const shown = { labels: { ...labels, le }, value: cumulative };
        return { name: `${name}_bucket`, ...shown, exemplar: series.exemplars![i] };
      });
      const sum = { name: `${name}_sum`, labels, value };
      return [...lines, sum, { name: `${name}_count`, labels, value: cumulative }];
    }
    case "summary": {
      const lines = quantiles!.map((quantile, i): Line => {
        const shown = { ...labels, quantile: CANONICAL.get(quantile)! };
        return { name, labels: shown, value: series.quantiles![i] };
      });
      const sum = { name: `${name}_sum`, labels, value };
      return [...lines, sum, { name: `${name}_count`, labels, value: series.count! }];
    }
  }
}

/** Of the bounds and quantiles above. */
const CANONICAL = new Map([
  ...([-1, 0, 1].map((number) => [number, `${number}.0`]) as [number, string][]),
  ...([0.1, 0.5, 0.99, 1e21].map((number) => [number, `${number}`]) as [number, string][]),
  [1e6, "1e+06"],
  [Number.POSITIVE_INFINITY, "+Inf"],
]);

/** What must come back of a family that has its type. */
function typedLines(family: GivenFamily, hasCreated: boolean): Line[] {
  const { name, type, bounds } = family;
  const base = baseOf(family);
  return family.series.flatMap((series) => {
    const hasSum = series.value >= 0 && (type !== "histogram" || !(bounds![0] < 0));
    const isAllowed: Record<GivenFamily["type"], (line: Line) => boolean> = {
      counter: (line) => line.value >= 0,
      gauge: () => true,
      histogram: (line) => hasSum || line.name.endsWith("_bucket"),
      summary: (line) => line.name === `${name}_count` || !(line.value < 0 || isBadSum(line)),
    };
    const isBadSum = (line: Line) => line.name === `${name}_sum` && !hasSum;
    const lines = linesOf(family, series).filter(isAllowed[type]);
    if (type === "counter") for (const line of lines) line.name = `${base}_total`;
    const { labels = {}, createdMs } = series;
    const hasBegun = hasCreated && createdMs && type !== "gauge" && lines.length > 0;
    if (hasBegun) lines.push({ name: `${base}_created`, labels, value: createdMs / 1000 });
    return lines;
  });
}

/** What must come back of one that has none: all but exemplars. */
function untypedLines(family: GivenFamily): Line[] {
  return family.series
    .flatMap((series) => linesOf(family, series))
    .map((line) => ({ ...line, exemplar: undefined }));
}

function isTyped(family: GivenFamily, parsed: ParsedFamily[]): boolean {
  return parsed.some(({ name, type }) => name === baseOf(family) && type === family.type);
}

function baseOf({ name, type }: GivenFamily): string {
  return type === "counter" ? name.replace(/_total$/, "") : name;
}

function keyOf(name: string, labels: Record<string, string>): string {
  return JSON.stringify([name, ...Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

test("what the strict parser reads is every value and exemplar that OpenMetrics can show", async () => {
  await fc.assert(
    fc.asyncProperty(registry, fc.boolean(), async (families, hasCreated) => {
      const bytes = renderedBytes(snapshotOfGiven(families), [], FORMAT, hasCreated);
      const parsed = await parser.parse(bytes.toString());
      const lines = families.flatMap((given) =>
        isTyped(given, parsed) ? typedLines(given, hasCreated) : untypedLines(given),
      );
      const samples = parsed.flatMap((given) => given.samples);
      expect(samples.length).toBe(lines.length);
      const shown = samples.map(
        ({ name, labels, ...rest }) => [keyOf(name, labels), rest] as const,
      );
      const expected = lines.map(({ name, labels, value, exemplar: given }) => {
        const { labelNames = [], labelValues = [] } = given ?? {};
        const rest = {
          value: value + 0, // -0 is shown as 0.
          exemplar: given
            ? {
                labels: Object.fromEntries(labelNames.map((label, i) => [label, labelValues[i]])),
                value: given.value,
                timestamp: given.timestampSeconds ?? null,
              }
            : null,
        };
        return [keyOf(name, labels), rest] as const;
      });
      expect(new Map(shown)).toEqual(new Map(expected));
      for (const { name, unit } of parsed) if (unit !== "") expect(name).toEndWith(`_${unit}`);
    }),
    { numRuns: 1500 },
  );
});

test("a filter changes neither the names nor the types of what it leaves", async () => {
  await fc.assert(
    fc.asyncProperty(registry, fc.func(fc.boolean()), async (families, isWanted) => {
      const all = renderedBytes(snapshotOfGiven(families), [], FORMAT).toString().split("\n");
      const filtered = snapshotOfGiven(families, (name) => isWanted(name));
      const some = renderedBytes(filtered, [], FORMAT).toString();
      expect(some.split("\n").filter((line) => !all.includes(line))).toEqual([]);
      await parser.parse(some);
    }),
    { numRuns: 300 },
  );
});
