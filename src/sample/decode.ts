import * as v from "valibot";
import { type DropReason, isDropReason } from "./drop-reason.ts";
import { metricTypeOf } from "./fields.ts";
import { type ExactTexts, readSample } from "./message.ts";
import type { NameValidation } from "./names.ts";
import type { Definition, Sample, SampleDetail } from "./sample.ts";
import { formOf, formsOf, type Message } from "./schema.ts";

/** What is accepted; for labels 0 means no limit. */
export interface DecodeLimits {
  /** Bytes of one list element. */
  maxMessageBytes: number;
  /** Labels of one sample. */
  maxLabels: number;
  /** UTF-8 bytes of a metric name, a label name or a label value; characters of help and unit. */
  maxLabelLength: number;
  /** Bounds of a histogram, buckets of a native one, quantiles of a summary. */
  maxBuckets: number;
  nameValidation: NameValidation;
}

/** A sample, or why there is none. Bad input is data: it ends in a counter, never in an exception. */
export type Decoded = { ok: true; sample: Sample } | { ok: false; reason: DropReason };

const VALIDATE = { abortEarly: true, abortPipeEarly: true } as const;

/**
 * Decodes one list element.
 *
 * `bytes`: the element as it was pushed, read only, not kept.
 * Returns one entry a sample, in order: one for a JSON object, as many as it has elements for an
 * array. What is not a sample stands there with its reason. Never throws.
 */
export function decodeMessage(bytes: Uint8Array, limits: DecodeLimits): readonly Decoded[] {
  if (bytes.length > limits.maxMessageBytes) return TOO_LARGE;
  const text = decodeText(bytes);
  if (text === undefined) return INVALID_JSON;
  const parsed = parseJson(text);
  if (parsed === undefined) return INVALID_JSON;
  if (!Array.isArray(parsed)) return [decodeSample(parsed, limits, () => exactTexts(text))];
  const decoded: Decoded[] = [];
  // Once a message: once a sample, an array with numeric labels would take quadratic time.
  let all: { texts: unknown[] | undefined } | undefined;
  for (let i = 0; i < parsed.length; i++) {
    const exact = () => {
      all ??= { texts: exactTexts(text) as unknown[] | undefined };
      return all.texts?.[i];
    };
    decoded.push(decodeSample(parsed[i], limits, exact));
  }
  return decoded;
}

function decodeSample(json: unknown, limits: DecodeLimits, exact: ExactTexts): Decoded {
  if (typeof json !== "object" || json === null || Array.isArray(json))
    return drop("not_an_object");
  const type = metricTypeOf((json as { type?: unknown }).type);
  if (type === undefined) return drop("unknown_type");
  const schema = formsOf(limits.nameValidation)[formOf(type, json)];
  const validated = v.safeParse(schema, json, VALIDATE);
  if (!validated.success) return drop(reasonOf(validated.issues[0]));
  const message: Message = validated.output;
  const sample = readSample(type, message, exact, limits);
  if (sample === undefined) return drop("invalid_labels");
  const fault = limitFault(sample.definition, sample.detail, limits);
  return fault === undefined ? { ok: true, sample } : drop(fault);
}

/** Why a sample is larger than the limits allow; undefined when it is not. */
export function limitFault(
  definition: Definition,
  detail: SampleDetail | undefined,
  limits: DecodeLimits,
): DropReason | undefined {
  const { labelNames, labelValues } = definition;
  if (limits.maxLabels > 0 && labelNames.length > limits.maxLabels) return "too_many_labels";
  const max = limits.maxLabelLength;
  if (max > 0) {
    if (isLongerThan(definition.name, max)) return "label_too_long";
    for (let i = 0; i < labelNames.length; i++) {
      if (isLongerThan(labelNames[i], max)) return "label_too_long";
      if (isLongerThan(labelValues[i], max)) return "label_too_long";
    }
  }
  if ((definition.buckets?.length ?? 0) > limits.maxBuckets) return "invalid_buckets";
  if ((definition.native?.maxBuckets ?? 0) > limits.maxBuckets) return "invalid_native";
  if ((detail?.counts?.length ?? 0) > limits.maxBuckets + 1) return "invalid_counts";
  if ((definition.quantiles?.length ?? 0) > limits.maxBuckets) return "invalid_quantiles";
  return undefined;
}

function isLongerThan(text: string, maxBytes: number): boolean {
  // A UTF-16 unit is at most three bytes of UTF-8, so most texts need no counting.
  if (text.length * 3 <= maxBytes) return false;
  return text.length > maxBytes || Buffer.byteLength(text) > maxBytes;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The JSON value of a text once more, with every number as the text that stands in the message:
 * 12345678901234567890 as a label is an id, and must not be rounded to a double.
 * Undefined where it is nested deeper than the engine's stack holds.
 */
function exactTexts(text: string): unknown {
  try {
    return JSON.parse(text, (_key, value, context?: { source?: string }) =>
      typeof value === "number" ? (context?.source ?? String(value)) : value,
    );
  } catch {
    return undefined;
  }
}

function reasonOf(issue: { message: string; path?: readonly { key: unknown }[] | undefined }) {
  if (isDropReason(issue.message)) return issue.message;
  throw new Error(`BUG: the schema has a check without a drop reason: ${issue.message}`);
}

/** Made once a reason: a drop allocates nothing. */
const DROPS = new Map<DropReason, Decoded>();

function drop(reason: DropReason): Decoded {
  let dropped = DROPS.get(reason);
  if (dropped === undefined) {
    dropped = Object.freeze({ ok: false, reason });
    DROPS.set(reason, dropped);
  }
  return dropped;
}

const TOO_LARGE = Object.freeze([drop("too_large")]);
const INVALID_JSON = Object.freeze([drop("invalid_json")]);
