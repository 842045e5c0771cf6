import * as v from "valibot";
import type { DropReason } from "./drop-reason.ts";
import { METRIC_TYPES, type MetricType } from "./sample.ts";

/**
 * The message schema, one object schema a type of metric family. The message of every check is the
 * drop reason, and checks run in the order of the entries, so the first fault names the reason.
 *
 * What one type does not use (a counter's `buckets`) is an unknown field for it, and ignored.
 */

const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

type LabelValue = string | number | boolean | null;

const name = v.pipe(v.string(reason("invalid_name")), v.regex(METRIC_NAME, reason("invalid_name")));

const finite = v.pipe(v.number(reason("invalid_value")), v.finite(reason("invalid_value")));

const finiteOrSpecial = v.union(
  [
    finite,
    v.pipe(
      v.picklist(["NaN", "+Inf", "-Inf"]),
      v.transform((text) => (text === "NaN" ? Number.NaN : text === "+Inf" ? Infinity : -Infinity)),
    ),
  ],
  reason("invalid_value"),
);

/** A help that is no string is left out: it is no reason to lose a measurement. */
const help = v.fallback(v.nullish(v.string(), ""), "");

/** Not `v.record`: that leaves out names such as `constructor`, which are names like any other. */
const labels = v.nullish(v.custom<Record<string, LabelValue>>(areLabels, reason("invalid_labels")));

const histogramLabels = v.pipe(
  labels,
  v.check((input) => !hasLabel(input, "le"), reason("reserved_label")),
);

const summaryLabels = v.pipe(
  labels,
  v.check((input) => !hasLabel(input, "quantile"), reason("reserved_label")),
);

const buckets = v.nullish(
  v.pipe(
    v.array(
      v.union([v.number(), v.literal("+Inf")], reason("invalid_buckets")),
      reason("invalid_buckets"),
    ),
    v.check((bounds) => !bounds.slice(0, -1).includes("+Inf"), reason("invalid_buckets")),
    v.transform((bounds) => bounds.filter((bound): bound is number => bound !== "+Inf")),
    v.check(isStrictlyIncreasing, reason("invalid_buckets")),
  ),
);

const quantiles = v.nullish(
  v.array(
    v.pipe(
      v.number(reason("invalid_quantiles")),
      v.minValue(0, reason("invalid_quantiles")),
      v.maxValue(1, reason("invalid_quantiles")),
    ),
    reason("invalid_quantiles"),
  ),
);

const epsilons = v.nullish(
  v.array(
    v.pipe(
      v.number(reason("invalid_quantiles")),
      v.gtValue(0, reason("invalid_quantiles")),
      v.ltValue(1, reason("invalid_quantiles")),
    ),
    reason("invalid_quantiles"),
  ),
);

const counter = v.object(
  { name, value: v.pipe(finite, v.minValue(0, reason("negative_counter"))), labels, help },
  missingField,
);

const gauge = v.object({ name, value: finiteOrSpecial, labels, help }, missingField);

const histogram = v.object(
  { name, value: finiteOrSpecial, labels: histogramLabels, buckets, help },
  missingField,
);

const summary = v.pipe(
  v.object(
    { name, value: finiteOrSpecial, labels: summaryLabels, quantiles, epsilons, help },
    missingField,
  ),
  v.check(
    (message) =>
      (message.quantiles ?? []).length === (message.epsilons ?? []).length &&
      new Set(message.quantiles ?? []).size === (message.quantiles ?? []).length,
    reason("invalid_quantiles"),
  ),
);

/** Validates one message of the given type; the first issue's message is the drop reason. */
export const MESSAGE_SCHEMAS = { counter, gauge, histogram, summary } satisfies Record<
  MetricType,
  v.GenericSchema
>;

/** What a valid message of any type holds. */
export interface Message {
  name: string;
  value: number;
  help: string;
  labels?: Record<string, LabelValue> | null | undefined;
  buckets?: number[] | null | undefined;
  quantiles?: number[] | null | undefined;
  epsilons?: number[] | null | undefined;
}

/** The type that a message names, in any case; undefined when it names none of the four. */
export function metricTypeOf(type: unknown): MetricType | undefined {
  if (typeof type !== "string") return undefined;
  const lower = type.toLowerCase();
  return METRIC_TYPES.find((known) => known === lower);
}

function areLabels(input: unknown): boolean {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return false;
  for (const [labelName, value] of Object.entries(input)) {
    if (!LABEL_NAME.test(labelName) || labelName.startsWith("__")) return false;
    if (typeof value === "string" && value.isWellFormed()) continue;
    if (typeof value === "number" || typeof value === "boolean" || value === null) continue;
    return false;
  }
  return true;
}

/** Whether a label is there: null and an empty value are the same as absent. */
function hasLabel(input: Record<string, LabelValue> | null | undefined, labelName: string) {
  const value = input?.[labelName] ?? "";
  return value !== "";
}

/** Finite numbers, at least one, each greater than the one before. */
function isStrictlyIncreasing(bounds: number[]): boolean {
  if (bounds.length === 0 || !bounds.every(Number.isFinite)) return false;
  for (let i = 1; i < bounds.length; i++) {
    if (!(bounds[i - 1] < bounds[i])) return false;
  }
  return true;
}

/** The object schemas' own message: they speak up only when a required field is missing. */
function missingField(issue: v.BaseIssue<unknown>): DropReason {
  return issue.path?.[0].key === "name" ? "invalid_name" : "invalid_value";
}

/** Only a check that a message text is a reason of the list. */
function reason<R extends DropReason>(text: R): R {
  return text;
}
