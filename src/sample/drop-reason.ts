/**
 * Why a sample was not taken, in the order in which the checks are made.
 *
 * The list is finite on purpose: it is the `reason` label of
 * `prom_stream_gateway_dropped_metrics_total`. A reason crosses threads as its index.
 */
export const DROP_REASONS = [
  "too_large",
  "invalid_json",
  "not_an_object",
  "unknown_type",
  "invalid_name",
  "invalid_op",
  "invalid_native",
  "invalid_value",
  "negative_counter",
  "invalid_counts",
  "invalid_labels",
  "reserved_label",
  "invalid_times",
  "invalid_timestamp",
  "invalid_ttl",
  "too_many_labels",
  "label_too_long",
  "invalid_buckets",
  "invalid_quantiles",
  "relabel",
  "too_old",
  "reserved_name",
  "type_conflict",
  "name_collision",
  "series_limit",
] as const;

export type DropReason = (typeof DROP_REASONS)[number];

/** Whether a text (such as a schema's message) is one of the reasons. */
export function isDropReason(text: string): text is DropReason {
  return (DROP_REASONS as readonly string[]).includes(text);
}
