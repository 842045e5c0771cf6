/** What senders push, and what must come of it, worked out by hand. */
export interface Showcase {
  what: string;
  messages: object[];
  families: ExpectedFamily[];
}

/** A family as it must be shown, whatever the format. */
export type ExpectedFamily = {
  /** As it stands in the text format. */
  name: string;
  help?: string;
  unit?: string;
  /** Its type would take a name that another family has. */
  isUntypedInOpenMetrics?: boolean;
} & (
  | { type: "counter"; series: ExpectedScalar[] }
  | { type: "gauge"; series: ExpectedScalar[] }
  | { type: "histogram"; series: ExpectedHistogram[] }
  | { type: "summary"; series: ExpectedSummary[] }
);

export interface ExpectedScalar {
  labels?: Record<string, string>;
  value: number;
  exemplars?: ExpectedExemplar[];
}

export interface ExpectedHistogram {
  labels?: Record<string, string>;
  /** Cumulative; `le` as it is written in text, and as OpenMetrics writes it. */
  buckets: [le: string, canonicalLe: string, count: number][];
  sum: number;
  /** OpenMetrics allows no sum that may go down, and then no count either. */
  hasNoSumInOpenMetrics?: boolean;
  native?: ExpectedNative;
  exemplars?: ExpectedExemplar[];
}

export interface ExpectedNative {
  count: number;
  sum: number;
  /** Those that hold something, ascending. */
  buckets: [lower: number, upper: number, count: number][];
}

export interface ExpectedSummary {
  labels?: Record<string, string>;
  /** `quantile` as it is written in text, and as OpenMetrics writes it. */
  quantiles: [quantile: string, canonicalQuantile: string, value: number | ExpectedRange][];
  sum: number;
  count: number;
  /** OpenMetrics allows neither a sum nor quantiles below zero. */
  isNegative?: boolean;
}

/** Where a value must lie, ends included. */
export interface ExpectedRange {
  from: number;
  to: number;
}

export interface ExpectedExemplar {
  /** Of a histogram: the bucket, by its canonical `le`. */
  le?: string;
  labels: Record<string, string>;
  value: number;
  /** Seconds; undefined: the scrape's. */
  timestamp?: number;
}
