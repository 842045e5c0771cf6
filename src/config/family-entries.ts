import * as v from "valibot";
import {
  type Composed,
  type EntryLimits,
  type GivenEntry,
  type ListSetting,
  regex,
  several,
  single,
} from "./list-setting.ts";
import { integer } from "./setting-schemas.ts";

/** One entry of `Families`, valid. What it does not say is undefined. Plain data: it crosses threads. */
export interface FamilyEntry {
  /** A regular expression that the whole name of a family matches. */
  match: string;
  help: string | undefined;
  unit: string | undefined;
  /** Strictly increasing finite upper bounds. */
  buckets: number[] | undefined;
  native: { schema: number; zeroThreshold: number; maxBuckets: number } | undefined;
  /** In ascending order, without repetition. */
  quantiles: number[] | undefined;
  /** There if `quantiles` are, same length and order. */
  epsilons: number[] | undefined;
  ttlSeconds: number | undefined;
  maxSeries: number | undefined;
}

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** client_golang's `DefNativeHistogramZeroThreshold`, 2^-128. */
const ZERO_THRESHOLD = 2 ** -128;
/** What OpenTelemetry's histograms have too. */
const NATIVE_BUCKETS = 160;

function number(isValid: (value: number) => boolean, takes: string) {
  return v.pipe(
    v.string(),
    v.trim(),
    v.check((text) => NUMBER.test(text) && isValid(Number(text)), `must be ${takes}`),
    v.transform(Number),
  );
}

const FIELDS = {
  match: single(regex, {
    name: "match",
    defaultValue: "",
    takes: "a regular expression (RE2)",
    doc: "What the whole name of a family must match, after `Relabel`, and before an entry's `unit` is added to it. It must be set.",
  }),
  help: single<string | undefined>(v.string(), {
    name: "help",
    defaultValue: undefined,
    takes: "a text",
    doc: "The help of a family whose samples bring none.",
  }),
  unit: single<string | undefined>(
    v.pipe(v.string(), v.regex(/^[a-zA-Z0-9_]+$/, "must be letters, digits and underscores")),
    {
      name: "unit",
      defaultValue: undefined,
      takes: "letters, digits and underscores",
      doc: "The unit of a family whose samples bring none; a name that does not end in it gets it.",
    },
  ),
  buckets: several(
    v.union(
      [
        number(Number.isFinite, "a number"),
        v.pipe(
          v.literal("+Inf"),
          v.transform(() => Infinity),
        ),
      ],
      "must be a number",
    ),
    {
      name: "buckets",
      takes: "numbers, each greater than the one before; `+Inf` may be the last",
      doc: "The upper bounds of a histogram without `buckets` that is not native.",
    },
  ),
  nativeSchema: single<number | undefined>(
    number((value) => Number.isInteger(value) && value >= -4 && value <= 8, "-4..8"),
    {
      name: "nativeSchema",
      defaultValue: undefined,
      takes: "-4..8",
      doc: "With it a histogram without `buckets` is a native one, of this resolution at first; its entry's `buckets`, if any, are shown beside it.",
    },
  ),
  nativeZeroThreshold: single<number | undefined>(
    number((value) => Number.isFinite(value) && value >= 0, "a number that is not negative"),
    {
      name: "nativeZeroThreshold",
      defaultValue: undefined,
      takes: "a number that is not negative",
      doc: `Observations up to this count as zero; 2^-128 where \`nativeSchema\` stands without it.`,
    },
  ),
  nativeMaxBuckets: single<number | undefined>(integer(1, 10_000), {
    name: "nativeMaxBuckets",
    defaultValue: undefined,
    takes: "1..10000",
    doc: `The resolution is halved when there are more; ${NATIVE_BUCKETS} where \`nativeSchema\` stands without it.`,
  }),
  quantiles: several(
    number((value) => value >= 0 && value <= 1, "0..1"),
    { name: "quantiles", takes: "0..1, each once", doc: "Those of a summary without `quantiles`." },
  ),
  epsilons: several(
    number((value) => value > 0 && value < 1, "more than 0 and less than 1"),
    {
      name: "epsilons",
      takes: "more than 0 and less than 1, one a quantile",
      doc: "How far off a quantile's rank may be. Not set: a tenth of its distance from 0 or 1, whichever is nearer, and at least 0.001.",
    },
  ),
  ttlSeconds: single<number | undefined>(integer(0, 2 ** 31 - 1), {
    name: "ttlSeconds",
    defaultValue: undefined,
    takes: "0..2147483647",
    doc: "A series ends when it was silent for so long; 0: never.",
  }),
  maxSeries: single<number | undefined>(integer(0, 1_000_000_000), {
    name: "maxSeries",
    defaultValue: undefined,
    takes: "0..1000000000",
    doc: "Series that a family may have; 0: no limit.",
  }),
};

/** `Families`: what samples of a family lack, and its limits. */
export const FAMILIES: ListSetting<FamilyEntry> = {
  name: "Families",
  fields: FIELDS,
  compose: composeEntry,
};

function composeEntry(given: GivenEntry, { maxBuckets }: EntryLimits): Composed<FamilyEntry> {
  const fault = (field: { name: string }, text: string): Composed<FamilyEntry> => {
    return { ok: false, field: field.name, fault: text };
  };
  if (given.given(FIELDS.match) === undefined) return fault(FIELDS.match, "must be set");
  const buckets = given.get(FIELDS.buckets);
  const bounds = buckets?.at(-1) === Infinity ? buckets.slice(0, -1) : buckets;
  if (bounds !== undefined && !areBounds(bounds)) {
    return fault(FIELDS.buckets, "must be numbers, each greater than the one before");
  }
  for (const field of [FIELDS.buckets, FIELDS.quantiles]) {
    const isLong = (given.get(field)?.length ?? 0) > maxBuckets;
    if (isLong) return fault(field, `must have at most Metrics.MaxBuckets=${maxBuckets} numbers`);
  }
  const schema = given.get(FIELDS.nativeSchema);
  for (const field of [FIELDS.nativeZeroThreshold, FIELDS.nativeMaxBuckets]) {
    if (schema !== undefined || given.given(field) === undefined) continue;
    return fault(FIELDS.nativeSchema, `must be set, since ${field.name} is`);
  }
  const quantiles = given.get(FIELDS.quantiles) ?? [];
  const epsilons = given.get(FIELDS.epsilons) ?? quantiles.map(defaultEpsilon);
  if (new Set(quantiles).size !== quantiles.length) {
    return fault(FIELDS.quantiles, "must have each number once");
  }
  if (epsilons.length !== quantiles.length) {
    return fault(FIELDS.epsilons, "must be as many as there are quantiles");
  }
  const pairs = quantiles.map((quantile, i) => ({ quantile, epsilon: epsilons[i]! }));
  pairs.sort((a, b) => a.quantile - b.quantile);
  const entry: FamilyEntry = {
    match: given.get(FIELDS.match),
    help: given.get(FIELDS.help),
    unit: given.get(FIELDS.unit),
    buckets: bounds,
    native:
      schema === undefined
        ? undefined
        : {
            schema,
            zeroThreshold: given.get(FIELDS.nativeZeroThreshold) ?? ZERO_THRESHOLD,
            maxBuckets: given.get(FIELDS.nativeMaxBuckets) ?? NATIVE_BUCKETS,
          },
    quantiles: pairs.length === 0 ? undefined : pairs.map((pair) => pair.quantile),
    epsilons: pairs.length === 0 ? undefined : pairs.map((pair) => pair.epsilon),
    ttlSeconds: given.get(FIELDS.ttlSeconds),
    maxSeries: given.get(FIELDS.maxSeries),
  };
  return { ok: true, entry };
}

function areBounds(bounds: readonly number[]): boolean {
  if (bounds.length === 0 || bounds.includes(Infinity)) return false;
  return bounds.every((bound, i) => i === 0 || bounds[i - 1]! < bound);
}

/** As in client_golang's examples: 0.05 for 0.5, 0.01 for 0.9, 0.001 for 0.99. */
function defaultEpsilon(quantile: number): number {
  return Math.max(0.001, Math.round(Math.min(quantile, 1 - quantile) * 1e8) / 1e9);
}
