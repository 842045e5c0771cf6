import * as v from "valibot";
import type { DropReason } from "./drop-reason.ts";
import { NAME_RULES, type NameValidation } from "./names.ts";
import { GAUGE_OPERATIONS, type GaugeOperation, METRIC_TYPES, type MetricType } from "./sample.ts";

/**
 * The fields of a message. The message of every check is the drop reason.
 *
 * What stands as metadata goes into the JSON Schema for senders as it is: descriptions and
 * examples, and the rule of a check of our own where JSON Schema can say it.
 */

/** The last moment that a protobuf timestamp can hold is in the year 9999. */
const SECONDS_MAX = 253_402_300_799;

const TTL_SECONDS_MAX = 2 ** 31 - 1;

/** Quantiles take every observation by itself, so that many equal ones cost as many. */
const SUMMARY_TIMES_MAX = 1000;

/** The type that a message names, in any case; undefined when it names none of the four. */
export function metricTypeOf(type: unknown): MetricType | undefined {
  return oneOf(METRIC_TYPES, type);
}

/** The operation that a message names, in any case; undefined when it names none. */
export function operationOf(op: unknown): GaugeOperation | undefined {
  return oneOf(GAUGE_OPERATIONS, op);
}

function oneOf<T extends string>(known: readonly T[], input: unknown): T | undefined {
  if (typeof input !== "string") return undefined;
  const lower = input.toLowerCase();
  return known.find((name) => name === lower);
}

export function typeField(type: MetricType) {
  return v.pipe(
    v.custom<string>((input) => metricTypeOf(input) === type, reason("unknown_type")),
    v.metadata({ ...inAnyCase([type]), description: "The type of the metric family." }),
  );
}

export function nameField(validation: NameValidation) {
  const { metricName } = NAME_RULES[validation];
  return v.pipe(
    v.string(reason("invalid_name")),
    v.check((text) => metricName.test(text) && text.isWellFormed(), reason("invalid_name")),
    v.metadata({
      pattern: metricName.source,
      description: "The name of the metric family.",
      examples: ["jobs_total", "request_seconds"],
    }),
  );
}

export const finite = v.pipe(v.number(reason("invalid_value")), v.finite(reason("invalid_value")));

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

export const counterValue = v.pipe(
  finite,
  v.minValue(0, reason("negative_counter")),
  v.metadata({ description: "What is added; not negative.", examples: [1] }),
);

export const gaugeValue = v.pipe(
  finiteOrSpecial,
  v.metadata({ description: "The value to set, or to compare with.", examples: [42] }),
);

export const changeValue = v.pipe(
  finite,
  v.metadata({ description: "What is added or subtracted.", examples: [1] }),
);

export const observedValue = v.pipe(
  finiteOrSpecial,
  v.metadata({ description: "What was observed.", examples: [0.23] }),
);

export const sum = v.pipe(
  finiteOrSpecial,
  v.metadata({ description: "The sum of all that the sender has observed.", examples: [12.5] }),
);

/** A field that must not stand beside another one: absent, or null. */
export function absent(fault: DropReason) {
  return v.optional(v.null(reason(fault)));
}

const COMPARING = "`max` keeps the greatest value, `min` the least.";

export const setOperation = v.pipe(
  v.nullish(
    v.pipe(
      v.custom<string>((input) => operationOf(input) !== undefined, reason("invalid_op")),
      v.metadata(inAnyCase(["set", "max", "min"])),
    ),
  ),
  v.metadata({ description: `What becomes of the gauge; without it \`set\`. ${COMPARING}` }),
);

export const changeOperation = v.pipe(
  v.custom<string>((input) => operationOf(input) !== undefined, reason("invalid_op")),
  v.metadata({
    ...inAnyCase(["add", "sub"]),
    description: "The gauge goes up or down by `value`.",
  }),
);

export const help = v.pipe(
  // A help that is no string is left out: it is no reason to lose a measurement.
  v.fallback(v.nullish(v.string()), null),
  v.metadata({ description: "What the family means.", examples: ["Jobs done."] }),
);

export const unit = v.pipe(
  // As with the help.
  v.fallback(v.nullish(v.pipe(v.string(), v.regex(/^[a-zA-Z0-9_]*$/))), null),
  v.metadata({ description: "The unit of the values, in the plural.", examples: ["seconds"] }),
);

export const buckets = v.pipe(
  v.nullish(
    v.pipe(
      v.array(
        v.union([v.number(), v.literal("+Inf")], reason("invalid_buckets")),
        reason("invalid_buckets"),
      ),
      v.minLength(1, reason("invalid_buckets")),
      v.check((bounds) => !bounds.slice(0, -1).includes("+Inf"), reason("invalid_buckets")),
      v.transform((bounds) => bounds.filter((bound): bound is number => bound !== "+Inf")),
      v.check(isStrictlyIncreasing, reason("invalid_buckets")),
    ),
  ),
  v.metadata({
    description: "Upper bounds, strictly increasing; `+Inf` may stand last.",
    examples: [[0.1, 0.5, 1]],
  }),
);

/** Finite numbers, at least one, each greater than the one before. */
function isStrictlyIncreasing(bounds: number[]): boolean {
  if (bounds.length === 0 || !bounds.every(Number.isFinite)) return false;
  for (let i = 1; i < bounds.length; i++) {
    if (!(bounds[i - 1] < bounds[i])) return false;
  }
  return true;
}

export const counts = v.pipe(
  v.array(integer(0, Number.MAX_SAFE_INTEGER, "invalid_counts"), reason("invalid_counts")),
  v.minLength(2, reason("invalid_counts")),
  v.metadata({
    description: "Observations in each bucket, not cumulative; one more than bounds, for `+Inf`.",
    examples: [[3, 0, 1, 0]],
  }),
);

export const count = v.pipe(
  integer(0, Number.MAX_SAFE_INTEGER, "invalid_counts"),
  v.metadata({ description: "How many observations the sender has made.", examples: [4] }),
);

export const native = v.pipe(
  v.literal(true, reason("invalid_native")),
  v.metadata({ description: "Makes it a native histogram, with buckets as they are needed." }),
);

export const notNative = v.nullish(v.literal(false, reason("invalid_native")));

export const resolution = v.pipe(
  v.nullish(integer(-4, 8, "invalid_native")),
  v.metadata({ description: "Each power of two has 2^schema buckets; 3 when not sent." }),
);

export const zeroThreshold = v.pipe(
  v.nullish(
    v.pipe(
      v.number(reason("invalid_native")),
      v.finite(reason("invalid_native")),
      v.minValue(0, reason("invalid_native")),
    ),
  ),
  v.metadata({ description: "Up to this absolute value observations are zero; 2^-128." }),
);

export const maxBuckets = v.pipe(
  v.nullish(integer(1, Number.MAX_SAFE_INTEGER, "invalid_native")),
  v.metadata({ description: "The resolution is halved when there are more; 160." }),
);

export const quantiles = v.pipe(
  v.nullish(
    v.pipe(
      v.array(
        v.pipe(
          v.number(reason("invalid_quantiles")),
          v.minValue(0, reason("invalid_quantiles")),
          v.maxValue(1, reason("invalid_quantiles")),
        ),
        reason("invalid_quantiles"),
      ),
      v.check((list) => new Set(list).size === list.length, reason("invalid_quantiles")),
      v.metadata({ uniqueItems: true }),
    ),
  ),
  v.metadata({ description: "Which quantiles to show.", examples: [[0.5, 0.9, 0.99]] }),
);

export const epsilons = v.pipe(
  v.nullish(
    v.array(
      v.pipe(
        v.number(reason("invalid_quantiles")),
        v.gtValue(0, reason("invalid_quantiles")),
        v.ltValue(1, reason("invalid_quantiles")),
      ),
      reason("invalid_quantiles"),
    ),
  ),
  v.metadata({
    description: "The rank error of each quantile, in the same order.",
    examples: [[0.05, 0.01, 0.001]],
  }),
);

const TIMES = "The message stands for so many equal ones.";

export const times = v.pipe(
  v.nullish(integer(1, Number.MAX_SAFE_INTEGER, "invalid_times")),
  v.metadata({ description: TIMES, examples: [10] }),
);

export const summaryTimes = v.pipe(
  v.nullish(integer(1, SUMMARY_TIMES_MAX, "invalid_times")),
  v.metadata({ description: TIMES, examples: [10] }),
);

export const timestamp = v.pipe(
  v.nullish(seconds("invalid_timestamp")),
  v.metadata({
    description: "When the sample was taken, in seconds since 1970. It is not exposed.",
    examples: [1_700_000_000.25],
  }),
);

export const ttl = v.pipe(
  v.nullish(integer(0, TTL_SECONDS_MAX, "invalid_ttl")),
  v.metadata({
    description: "The series ends when it was silent for so many seconds; 0: never.",
    examples: [3600],
  }),
);

function integer(min: number, max: number, fault: DropReason) {
  return v.pipe(
    v.number(reason(fault)),
    v.integer(reason(fault)),
    v.minValue(min, reason(fault)),
    v.maxValue(max, reason(fault)),
  );
}

export function seconds(fault: DropReason) {
  return v.pipe(
    v.number(reason(fault)),
    v.minValue(0, reason(fault)),
    v.maxValue(SECONDS_MAX, reason(fault)),
  );
}

/** JSON Schema: one of the words in any case, and the words themselves for an editor to offer. */
function inAnyCase(words: readonly string[]) {
  const patterns = words.map((word) =>
    [...word].map((letter) => `[${letter}${letter.toUpperCase()}]`).join(""),
  );
  return { type: "string", anyOf: [{ enum: words }, { pattern: `^(${patterns.join("|")})$` }] };
}

/** Only a check that a message text is a reason of the list. */
export function reason<R extends DropReason>(text: R): R {
  return text;
}
