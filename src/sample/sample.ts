/** The four types of metric families, as their names stand in a message in lower case. */
export const METRIC_TYPES = ["counter", "gauge", "histogram", "summary"] as const;

export type MetricType = (typeof METRIC_TYPES)[number];

/** What a sample does to a gauge. */
export const GAUGE_OPERATIONS = ["set", "add", "sub", "max", "min"] as const;

export type GaugeOperation = (typeof GAUGE_OPERATIONS)[number];

/** How a native histogram is kept. Source: client_golang, `HistogramOpts`. */
export interface NativeLayout {
  /** The resolution to begin with: buckets grow by 2^(2^-schema); -4..8. */
  schema: number;
  /** Observations of at most this absolute value count as zero; not negative. */
  zeroThreshold: number;
  /** The resolution is halved when there are more buckets; at least 1. */
  maxBuckets: number;
}

/** A pointer from a counter or a bucket to where it came from. Source: OpenMetrics 1.0, "Exemplars". */
export interface Exemplar {
  labelNames: string[];
  /** Same length as `labelNames`. */
  labelValues: string[];
  value: number;
  /** Seconds since 1970; undefined when not sent. */
  timestampSeconds: number | undefined;
}

/** What is to be done with a sample that is not the plain thing. */
export interface Handling {
  /** Gauge; "set" for all others. */
  op: GaugeOperation;
  /** The sample stands for so many equal ones; at least 1. */
  times: number;
  /** From now on the series ends when it was silent for so long; 0: never; undefined: as before. */
  ttlSeconds: number | undefined;
  /** Whether samples bring a `SampleDetail`. */
  isDetailed: boolean;
}

/**
 * All that a sample says but its value: senders repeat themselves, so a definition is made once and
 * then named by a number. Two definitions may mean the same series (the order of labels, the help).
 *
 * Plain data: it crosses threads by structured clone.
 */
export interface Definition {
  type: MetricType;
  name: string;
  /** Empty when none was sent. */
  help: string;
  /** Empty when none was sent. */
  unit: string;
  /** In the order sent, without repetition; `labelValues` has the same length. */
  labelNames: string[];
  /** Never empty strings: an empty value is the same as no label (Prometheus, "Data model"). */
  labelValues: string[];
  /** Histogram: strictly increasing finite upper bounds, +Inf implied; undefined when not sent. */
  buckets: number[] | undefined;
  /** Summary: in ascending order, without repetition; undefined when not sent. */
  quantiles: number[] | undefined;
  /** Summary: rank errors, same length and order as `quantiles`. */
  epsilons: number[] | undefined;
  /** Histogram: undefined for one that is not native. */
  native: NativeLayout | undefined;
  /** Undefined for a plain sample, which is what nearly all are. */
  handling: Handling | undefined;
}

/** What a sample says beside its definition and its value. */
export interface SampleDetail {
  /** When it was taken, in ms since 1970. */
  timestampMs: number | undefined;
  exemplar: Exemplar | undefined;
  /**
   * Histogram, observed by the sender: observations a bucket, not cumulative, one more than there are
   * bounds, for +Inf. The value is then their sum.
   */
  counts: number[] | undefined;
  /** Summary, observed by the sender: how many observations. The value is then their sum. */
  count: number | undefined;
}

export interface Sample {
  definition: Definition;
  value: number;
  /** There if and only if the definition's handling says so. */
  detail: SampleDetail | undefined;
}
