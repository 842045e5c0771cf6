import { operationOf } from "./fields.ts";
import type { Labels } from "./label-fields.ts";
import type {
  Definition,
  Exemplar,
  Handling,
  MetricType,
  NativeLayout,
  Sample,
  SampleDetail,
} from "./sample.ts";
import type { ExemplarMessage, Message } from "./schema.ts";
import { nameWithUnit } from "./unit.ts";

/**
 * Gives the JSON value of a message again, its numbers as the texts that the sender wrote.
 * Undefined where it is nested too deep for that.
 */
export type ExactTexts = () => unknown;

/** Source: client_golang, `HistogramOpts` and `DefNativeHistogramZeroThreshold`. */
const NATIVE: NativeLayout = { schema: 3, zeroThreshold: 2 ** -128, maxBuckets: 160 };

/** Code points of all label names and values. Source: OpenMetrics 1.0, "Exemplars". */
const EXEMPLAR_LENGTH_MAX = 128;

/** What is accepted of a message. */
export interface MessageLimits {
  /** Of a native histogram, when the message does not say. */
  maxBuckets: number;
  /** Of help and unit; 0: no limit. */
  maxLabelLength: number;
}

/** What a valid message says; undefined when its labels hold numbers that `exact` cannot give. */
export function readSample(
  type: MetricType,
  message: Message,
  exact: ExactTexts,
  limits: MessageLimits,
): Sample | undefined {
  const labels = readLabels(message.labels, () => (exact() as ExactMessage | undefined)?.labels);
  if (labels === undefined) return undefined;
  const value = message.value ?? message.sum!;
  const detail = readDetail(message, value, exact);
  const max = limits.maxLabelLength > 0 ? limits.maxLabelLength : Number.POSITIVE_INFINITY;
  const sentUnit = message.unit ?? "";
  const unit = sentUnit.length > max ? "" : sentUnit;
  const definition: Definition = {
    type,
    name: nameWithUnit(type, message.name, unit),
    help: (message.help ?? "").slice(0, max).toWellFormed(),
    unit,
    labelNames: labels.names,
    labelValues: labels.values,
    buckets: message.buckets ?? undefined,
    quantiles: undefined,
    epsilons: undefined,
    native: message.native ? readNative(message, limits.maxBuckets) : undefined,
    handling: readHandling(message, detail !== undefined),
  };
  if (message.quantiles?.length && message.epsilons) {
    const pairs = message.quantiles.map((quantile, i) => ({
      quantile,
      epsilon: message.epsilons![i],
    }));
    pairs.sort((a, b) => a.quantile - b.quantile);
    definition.quantiles = pairs.map((pair) => pair.quantile);
    definition.epsilons = pairs.map((pair) => pair.epsilon);
  }
  return { definition, value, detail };
}

/** What is looked at of a message whose numbers are texts. */
interface ExactMessage {
  labels?: Record<string, string>;
  exemplar?: { labels?: Record<string, string> };
}

/** Without those that are null or empty, which is the same as absent. */
function readLabels(
  labels: Labels | null | undefined,
  exact: () => Record<string, string> | undefined,
): { names: string[]; values: string[] } | undefined {
  const names: string[] = [];
  const values: string[] = [];
  let texts: Record<string, string> | undefined;
  for (const [name, value] of Object.entries(labels ?? {})) {
    if (value === null || value === "") continue;
    names.push(name);
    if (typeof value === "number") {
      texts ??= exact();
      if (texts === undefined) return undefined;
      values.push(texts[name]);
    } else values.push(String(value));
  }
  return { names, values };
}

function readNative(message: Message, maxBuckets: number): NativeLayout {
  return {
    // A zero has no sign here: two definitions that are equal must have one key.
    schema: (message.schema ?? NATIVE.schema) + 0,
    zeroThreshold: (message.zeroThreshold ?? NATIVE.zeroThreshold) + 0,
    maxBuckets: message.maxBuckets ?? Math.min(NATIVE.maxBuckets, maxBuckets),
  };
}

function readHandling(message: Message, isDetailed: boolean): Handling | undefined {
  const op = operationOf(message.op) ?? "set";
  const times = message.times ?? 1;
  const ttl = message.ttl ?? undefined;
  if (op === "set" && times === 1 && ttl === undefined && !isDetailed) return undefined;
  return { op, times, ttlSeconds: ttl === undefined ? undefined : ttl + 0, isDetailed };
}

function readDetail(message: Message, value: number, exact: ExactTexts): SampleDetail | undefined {
  const exemplar = readExemplar(message.exemplar, value, exact);
  const timestamp = message.timestamp ?? undefined;
  const counts = message.counts ?? undefined;
  const count = message.count ?? undefined;
  if (timestamp === undefined && !exemplar && !counts && count === undefined) return undefined;
  const timestampMs = timestamp === undefined ? undefined : timestampMsOf(timestamp);
  return { timestampMs, exemplar, counts, count };
}

/** Undefined for none, and for one that no exposition could show. */
function readExemplar(
  exemplar: ExemplarMessage | null | undefined,
  value: number,
  exact: ExactTexts,
): Exemplar | undefined {
  if (!exemplar) return undefined;
  const own = exemplar.value ?? value;
  if (!Number.isFinite(own)) return undefined;
  const texts = () => (exact() as ExactMessage | undefined)?.exemplar?.labels;
  const labels = readLabels(exemplar.labels, texts);
  if (labels === undefined) return undefined;
  const { names, values } = labels;
  if (countCodePoints([...names, ...values]) > EXEMPLAR_LENGTH_MAX) return undefined;
  return {
    labelNames: names,
    labelValues: values,
    value: own,
    timestampSeconds: exemplar.timestamp ?? undefined,
  };
}

/** At least so many as are more than the limit: what is longer is not counted to its end. */
function countCodePoints(texts: readonly string[]): number {
  let count = 0;
  for (const text of texts) {
    // A code point is at most two UTF-16 units.
    if (text.length > 2 * EXEMPLAR_LENGTH_MAX) return text.length;
    count += [...text].length;
  }
  return count;
}

/** A message's timestamp, in seconds since 1970, as samples have it. */
export function timestampMsOf(seconds: number): number {
  return Math.round(seconds * 1000);
}
