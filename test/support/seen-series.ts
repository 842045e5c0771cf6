import type { ExpectedNative } from "./expected-family.ts";
import type { ExpectedSeries, ExpectedValue, SeriesExemplar } from "./expected-series.ts";
import { numberOf, type Vector, type VectorHistogram } from "./prometheus.ts";

/** What Prometheus has, by the key of its labels. */
export type SeenSeries = Map<string, number | ExpectedNative>;

/** Of Prometheus' HTTP API, what is known of the exemplars of one series. */
export interface SeenExemplars {
  seriesLabels: Record<string, string>;
  exemplars: { labels: Record<string, string>; value: string; timestamp: number }[];
}

/** In seconds since 1970. */
export interface Period {
  from: number;
  to: number;
}

/** The same for the same labels, but for those that Prometheus adds to what it has scraped. */
export function keyOf({ job: _, instance: __, ...labels }: Record<string, string>): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function seenSeries({ result }: Vector): SeenSeries {
  const seen: SeenSeries = new Map();
  for (const { metric, value, histogram } of result) {
    seen.set(keyOf(metric), histogram ? nativeOf(histogram[1]) : numberOf(value?.[1]));
  }
  return seen;
}

/** What differs, a line each. `period`: when all series began. */
export function faultsOf(
  expected: readonly ExpectedSeries[],
  seen: SeenSeries,
  period: Period,
): string[] {
  const faults: string[] = [];
  for (const { labels, value } of expected) {
    const key = keyOf(labels);
    const actual = seen.get(key);
    if (actual === undefined) faults.push(`${key} is not there`);
    else if (!isAsExpected(value, actual, period)) {
      faults.push(`${key} is ${JSON.stringify(actual)}, not ${JSON.stringify(value)}`);
    }
  }
  return faults;
}

/** Exemplars as they are expected; those whose time must be the scrape's have none. */
export function exemplarsOf(
  expected: readonly ExpectedSeries[],
  seen: readonly SeenExemplars[],
  period: Period,
): [key: string, exemplars: SeriesExemplar[]][] {
  const keys = new Set(expected.map(({ labels }) => keyOf(labels)));
  return seen
    .filter(({ seriesLabels }) => keys.has(keyOf(seriesLabels)))
    .map(({ seriesLabels, exemplars }) => [
      keyOf(seriesLabels),
      exemplars.map(({ labels, value, timestamp }) => {
        const exemplar = { labels, value: numberOf(value) };
        return isWithin(timestamp, period) ? exemplar : { ...exemplar, timestamp };
      }),
    ]);
}

function isAsExpected(
  expected: ExpectedValue,
  actual: number | ExpectedNative,
  period: Period,
): boolean {
  if (typeof expected === "number") return Object.is(actual, expected);
  if ("buckets" in expected) return typeof actual !== "number" && isSame(expected, actual);
  if (typeof actual !== "number") return false;
  return isWithin(actual, "isCreated" in expected ? period : expected);
}

function isWithin(value: number, { from, to }: Period): boolean {
  return value >= from && value <= to;
}

/** The ends of buckets that Prometheus knows are off by some units in the last place. */
function isSame(expected: ExpectedNative, actual: ExpectedNative): boolean {
  const { buckets } = expected;
  return (
    Object.is(actual.count, expected.count) &&
    Object.is(actual.sum, expected.sum) &&
    actual.buckets.length === buckets.length &&
    actual.buckets.every(([lower, upper, count], i) => {
      return (
        isClose(lower, buckets[i][0]) && isClose(upper, buckets[i][1]) && count === buckets[i][2]
      );
    })
  );
}

function isClose(a: number, b: number): boolean {
  return a === b || Math.abs(a - b) <= Math.abs(b) * 1e-12;
}

function nativeOf({ count, sum, buckets = [] }: VectorHistogram): ExpectedNative {
  return {
    count: numberOf(count),
    sum: numberOf(sum),
    buckets: buckets.map(([_, lower, upper, inside]) => [
      numberOf(lower),
      numberOf(upper),
      numberOf(inside),
    ]),
  };
}
