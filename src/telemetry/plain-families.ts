import type { MetricObjectWithValues, MetricValueWithName } from "prom-client";
import type { PlainFamily, PlainSeries } from "../exposition/plain-family.ts";

/** A metric of prom-client, as `getMetricsAsJSON` gives it. */
type Metric = MetricObjectWithValues<MetricValueWithName<string>>;

/** `createdMs`: when its series began, in ms since 1970. */
export function plainFamilyOf(metric: Metric, createdMs: number): PlainFamily {
  const { name, help } = metric;
  // Declared as a number, but it is the word.
  const type = String(metric.type) as PlainFamily["type"];
  if (type === "histogram") return { name, type, help, createdMs, ...histogramOf(metric) };
  const series = metric.values.map(({ labels, value }) => ({
    labels: labelsOf(labels),
    value,
    counts: undefined,
  }));
  return { name, type, help, createdMs, bounds: undefined, series };
}

/** For each series prom-client gives the buckets, which are cumulative, the sum and the count. */
function histogramOf({ name, values }: Metric): Pick<PlainFamily, "bounds" | "series"> {
  const series: PlainSeries[] = [];
  const bounds = new Set<number>();
  let counts: number[] = [];
  let cumulative = 0;
  for (const { labels, value, metricName } of values) {
    const { le, ...others } = labelsOf(labels);
    if (metricName === `${name}_bucket`) {
      counts.push(value - cumulative);
      cumulative = value;
      if (le !== "+Inf") bounds.add(Number(le));
    } else if (metricName === `${name}_sum`) {
      series.push({ labels: others, value, counts });
      counts = [];
      cumulative = 0;
    }
  }
  return { bounds: [...bounds], series };
}

/** Without those that have no value. */
function labelsOf(labels: Metric["values"][number]["labels"]): PlainSeries["labels"] {
  const given: PlainSeries["labels"] = {};
  for (const [name, value] of Object.entries(labels)) if (value !== undefined) given[name] = value;
  return given;
}
