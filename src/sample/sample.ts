/** The four types of metric families, as their names stand in a message in lower case. */
export const METRIC_TYPES = ["counter", "gauge", "histogram", "summary"] as const;

export type MetricType = (typeof METRIC_TYPES)[number];

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
}

export interface Sample {
  definition: Definition;
  value: number;
}
