import type {
  ExpectedExemplar,
  ExpectedFamily,
  ExpectedHistogram,
  ExpectedNative,
  ExpectedRange,
  ExpectedScalar,
  ExpectedSummary,
} from "./expected-family.ts";

/** In which format Prometheus reads it, and so which names and numbers it sees. */
export type ScrapedFormat = "text" | "openmetrics" | "protobuf";

/** When a series began: at a moment that only the gateway knows. */
export interface ExpectedCreated {
  isCreated: true;
}

export type ExpectedValue = number | ExpectedRange | ExpectedCreated | ExpectedNative;

/** It is known of which series it is. */
export type SeriesExemplar = Omit<ExpectedExemplar, "le">;

/** A series as Prometheus 2.42 must have it, with its name among the labels. */
export interface ExpectedSeries {
  labels: Record<string, string>;
  value: ExpectedValue;
  exemplars: SeriesExemplar[];
}

/** What metadata must say of a family. */
export interface ExpectedMetadata {
  name: string;
  type: string;
  help: string;
  unit: string;
}

export function expectedSeries(family: ExpectedFamily, format: ScrapedFormat): ExpectedSeries[] {
  switch (family.type) {
    case "counter":
      return family.series.flatMap((series) => counterSeries(family, series, format));
    case "gauge":
      return family.series.map(({ labels, value }) => plain(family.name, labels, value));
    case "histogram":
      return family.series.flatMap((series) => histogramSeries(family.name, series, format));
    case "summary":
      return family.series.flatMap((series) => summarySeries(family.name, series, format));
  }
}

/** Units are known from OpenMetrics only: Prometheus 2.42 does not read those of protobuf. */
export function expectedMetadata(family: ExpectedFamily, format: ScrapedFormat): ExpectedMetadata {
  const { name, help = "", unit = "", type } = family;
  if (format !== "openmetrics") return { name, type, help, unit: "" };
  if (family.isUntypedInOpenMetrics) return { name, type: "unknown", help, unit };
  return { name: type === "counter" ? baseOf(name) : name, type, help, unit };
}

function counterSeries(
  { name, isUntypedInOpenMetrics }: ExpectedFamily,
  { labels, value, exemplars = [] }: ExpectedScalar,
  format: ScrapedFormat,
): ExpectedSeries[] {
  const shown = format === "text" ? [] : exemplars;
  if (format !== "openmetrics" || isUntypedInOpenMetrics) {
    return [plain(name, labels, value, shown)];
  }
  const base = baseOf(name);
  return [plain(`${base}_total`, labels, value, shown), created(base, labels)];
}

function histogramSeries(
  name: string,
  { labels, buckets, sum, hasNoSumInOpenMetrics, native, exemplars = [] }: ExpectedHistogram,
  format: ScrapedFormat,
): ExpectedSeries[] {
  // Prometheus 2.42 takes the native histogram only, where there is one, and its first exemplar.
  if (format === "protobuf" && native) {
    return [plain(name, labels, native, exemplars.slice(0, 1))];
  }
  const lines = buckets.map(([le, canonical, count]) => {
    const shown = exemplars.filter((exemplar) => exemplar.le === canonical);
    return plain(
      `${name}_bucket`,
      { ...labels, le: format === "text" ? le : canonical },
      count,
      format === "text" ? [] : shown,
    );
  });
  if (format === "openmetrics") lines.push(created(name, labels));
  if (format === "openmetrics" && hasNoSumInOpenMetrics) return lines;
  lines.push(plain(`${name}_sum`, labels, sum));
  lines.push(plain(`${name}_count`, labels, buckets.at(-1)![2]));
  return lines;
}

function summarySeries(
  name: string,
  { labels, quantiles, sum, count, isNegative }: ExpectedSummary,
  format: ScrapedFormat,
): ExpectedSeries[] {
  const lines = [plain(`${name}_count`, labels, count)];
  if (format === "openmetrics") lines.push(created(name, labels));
  if (format === "openmetrics" && isNegative) return lines;
  lines.push(plain(`${name}_sum`, labels, sum));
  for (const [quantile, canonical, value] of quantiles) {
    const shown = format === "text" ? quantile : canonical;
    lines.push(plain(name, { ...labels, quantile: shown }, value));
  }
  return lines;
}

function plain(
  name: string,
  labels: Record<string, string> | undefined,
  value: ExpectedValue,
  exemplars: ExpectedExemplar[] = [],
): ExpectedSeries {
  const shown = exemplars.map(({ le: _, ...exemplar }) => exemplar);
  return { labels: { ...labels, __name__: name }, value, exemplars: shown };
}

function created(name: string, labels: Record<string, string> | undefined): ExpectedSeries {
  return plain(`${name}_created`, labels, { isCreated: true });
}

function baseOf(name: string): string {
  return name.endsWith("_total") ? name.slice(0, -"_total".length) : name;
}
