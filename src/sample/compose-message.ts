import type { Exemplar, Sample } from "./sample.ts";

/**
 * A message that says what a sample says, as JSON; fields in our order, label values as strings.
 * Decoded, it gives the same sample, but for the sign of a zero.
 */
export function composeMessage({ definition, value, detail }: Sample): string {
  const { type, name, help, unit, native, handling, buckets, quantiles, epsilons } = definition;
  const { counts, count, exemplar, timestampMs } = detail ?? {};
  const isCounted = counts !== undefined || count !== undefined;
  const { op = "set", times = 1, ttlSeconds } = handling ?? {};
  return JSON.stringify({
    type,
    name,
    help: help || undefined,
    unit: unit || undefined,
    op: op === "set" ? undefined : op,
    value: isCounted ? undefined : numberOrText(value),
    counts,
    count,
    sum: isCounted ? numberOrText(value) : undefined,
    times: times === 1 ? undefined : times,
    labels: definition.labelNames.length > 0 ? composeLabels(definition) : undefined,
    buckets,
    ...(native && { native: true, ...native }),
    quantiles,
    epsilons,
    exemplar: exemplar && composeExemplar(exemplar),
    timestamp: timestampMs === undefined ? undefined : timestampMs / 1000,
    ttl: ttlSeconds,
  });
}

function composeExemplar(exemplar: Exemplar) {
  const { value, timestampSeconds: timestamp } = exemplar;
  return { labels: composeLabels(exemplar), value, timestamp };
}

function composeLabels({ labelNames, labelValues }: Pick<Exemplar, "labelNames" | "labelValues">) {
  return Object.fromEntries(labelNames.map((name, i) => [name, labelValues[i]]));
}

function numberOrText(value: number): number | string {
  if (Number.isFinite(value)) return value;
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "+Inf" : "-Inf";
}
