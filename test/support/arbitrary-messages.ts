import fc from "fast-check";
import type { DecodeLimits } from "../../src/sample/decode.ts";

export const LIMITS: DecodeLimits = {
  maxMessageBytes: 10_000,
  maxLabels: 0,
  maxLabelLength: 0,
  maxBuckets: 10,
  nameValidation: "legacy",
};

const labels = fc.oneof(
  fc.constantFrom({}, { a: "1" }, { a: "1", b: "2" }, { b: "2", a: "1" }, { a: "1,b:2" }, { a: 1 }),
  fc.dictionary(fc.constantFrom("a", "b", "c", "le"), fc.string({ maxLength: 3 })),
);

const value = fc.oneof(
  fc.constantFrom<unknown>(0.1, 0.2, 0.3, 1e16, 1, -1, 0, 1e-9, "NaN", "+Inf", "-Inf", null),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);

/** Few names and labels, so that samples meet: in one series, or in conflict. */
const plain = {
  type: fc.constantFrom("counter", "gauge", "histogram", "summary"),
  name: fc.constantFrom("a", "b", "c", "a_sum", "a_count", "b_bucket", "own"),
  value,
  help: fc.constantFrom("", "one", "two"),
  labels,
  buckets: fc.constantFrom<unknown>(null, [1], [0.1, 0.5, 1], [1, "+Inf"], [2, 1]),
  quantiles: fc.constantFrom<unknown>(null, [0.5], [0.5, 0.9]),
  epsilons: fc.constantFrom<unknown>(null, [0.05], [0.01, 0.1]),
};

/** What a sample can say beyond its value, mostly well. */
const more = {
  unit: fc.constantFrom<unknown>("seconds", "bytes", "", "no unit", 1),
  op: fc.constantFrom<unknown>("set", "add", "sub", "max", "min", "ADD", null, "mul"),
  times: fc.constantFrom<unknown>(1, 2, 3, 1000, null, 0),
  native: fc.constantFrom<unknown>(true, true, false, null, 1),
  schema: fc.constantFrom<unknown>(-4, 0, 3, 8, null, 9),
  zeroThreshold: fc.constantFrom<unknown>(0, 0.001, 1, null, -1),
  maxBuckets: fc.constantFrom<unknown>(1, 2, 10, null, 0),
  exemplar: fc.oneof(
    fc.record({
      labels: fc.constantFrom<unknown>({ trace_id: "4bf92f" }, { id: 1.5 }, {}, null, { "-": 1 }),
      value: fc.constantFrom<unknown>(0.1, 7, null, "NaN"),
      timestamp: fc.constantFrom<unknown>(1_700_000_000.5, null, -1),
    }),
    fc.constantFrom<unknown>({}, null, 1),
  ),
  timestamp: fc.constantFrom<unknown>(1_700_000_000, 1_700_000_000.125, 0, null, -1),
  ttl: fc.constantFrom<unknown>(0, 1, 60, null, 0.5),
};

const optional = <T>(arbitraries: Record<string, fc.Arbitrary<T>>, requiredKeys: string[]) =>
  fc.record(arbitraries, { requiredKeys });

/** Observed by the sender: without a value, mostly. */
const counted = optional<unknown>(
  {
    ...plain,
    ...more,
    type: fc.constantFrom("histogram", "summary"),
    native: fc.constantFrom<unknown>(null, false),
    times: fc.constantFrom<unknown>(null, 2),
    counts: fc.constantFrom<unknown>([1, 2], [0, 0], [1, 0, 3, 2], [1], [-1, 2], null),
    count: fc.constantFrom<unknown>(0, 1, 7, -1, null),
    sum: value,
    value: fc.constantFrom(null, 1),
  },
  ["type", "name", "sum", "counts", "count"],
);

const message = fc.oneof(
  { weight: 4, arbitrary: optional<unknown>(plain, ["type", "name", "value"]) },
  { weight: 2, arbitrary: optional<unknown>({ ...plain, ...more }, ["type", "name", "value"]) },
  { weight: 1, arbitrary: counted },
);

/** One list element as text. */
export const element = fc.oneof(
  { weight: 8, arbitrary: message.map((json) => JSON.stringify(json)) },
  { weight: 1, arbitrary: fc.array(message, { maxLength: 4 }).map((json) => JSON.stringify(json)) },
  { weight: 1, arbitrary: fc.constantFrom("", "[", "null", "[]", "7") },
);

/** What no field takes, or only some do. */
const odd = fc.oneof(
  fc.constantFrom<unknown>(null, "", "x", -1, 0, 1, 1.5, 2 ** 53, -0, true, false, [], {}, "1"),
  fc.constantFrom<unknown>("\ud800", "a.b", "__a", "a b", 1e308, [1, 1], [0, 0.5], [[1]], {
    a: {},
  }),
  fc.jsonValue({ maxDepth: 2 }),
);

const aLabelName = fc.oneof(
  fc.constantFrom("a", "_", "a_b", "a.b", "le", "quantile", "constructor", "__a", "", "1", "a:b"),
  fc.string({ unit: "grapheme", maxLength: 3 }),
  fc.constantFrom("\ud800", "é"),
);

const goodLabels = fc.dictionary(
  fc.constantFrom("a", "b", "_c"),
  fc.constantFrom("x", 1, true, ""),
);

const someLabels = fc.oneof(
  goodLabels,
  fc.dictionary(aLabelName, fc.oneof(fc.constantFrom<unknown>("x", "", null, 7, false), odd), {
    maxKeys: 3,
  }),
);

const bound = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom<unknown>("+Inf", null));

const number = fc.double({ noNaN: true, noDefaultInfinity: true });

/** For each field what it takes, without much care. */
const GOOD: Record<string, fc.Arbitrary<unknown>> = {
  name: fc.constantFrom("a", "b:c", "_1"),
  value: fc.oneof(number.map(Math.abs), fc.constantFrom<unknown>("NaN", "+Inf", "-Inf", -1, null)),
  labels: someLabels,
  help: fc.string(),
  unit: fc.constantFrom("seconds", ""),
  buckets: fc.oneof(fc.constant([1, 2]), fc.array(bound, { maxLength: 3 })),
  counts: fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
  count: fc.nat(),
  sum: fc.oneof(number, fc.constantFrom("NaN", "+Inf")),
  op: fc.constantFrom("set", "add", "sub", "max", "min", "Add", "MAX"),
  native: fc.boolean(),
  schema: fc.integer({ min: -5, max: 9 }),
  zeroThreshold: fc.constantFrom(0, 1e-9, 1),
  maxBuckets: fc.integer({ min: 0, max: 200 }),
  quantiles: fc.oneof(fc.constant([0.5]), fc.array(fc.constantFrom(0, 0.5, 1), { maxLength: 2 })),
  epsilons: fc.oneof(fc.constant([0.1]), fc.array(fc.constantFrom(0.1, 0.5, 1), { maxLength: 2 })),
  times: fc.integer({ min: 0, max: 1100 }),
  timestamp: fc.oneof(number.map(Math.abs), fc.constantFrom(1e9, 253_402_300_799)),
  ttl: fc.integer({ min: -1, max: 2 ** 31 }),
  exemplar: fc.record(
    { labels: someLabels, value: number, timestamp: fc.oneof(number, odd) },
    { requiredKeys: [] },
  ),
};

/** What each type needs or may have; of other fields there is one now and then. */
const FIELDS: Record<string, { needed: string[]; useful: string[] }> = {
  counter: { needed: ["value"], useful: ["exemplar", "times"] },
  gauge: { needed: ["value"], useful: ["op", "times"] },
  histogram: { needed: ["value"], useful: ["buckets", "exemplar", "times", "native", "schema"] },
  Histogram: { needed: ["counts", "sum"], useful: ["buckets"] },
  summary: { needed: ["value"], useful: ["quantiles", "epsilons", "times"] },
  Summary: { needed: ["count", "sum"], useful: ["quantiles", "epsilons"] },
};

const COMMON = ["labels", "help", "unit", "timestamp", "ttl"];

/** A message whose fields are good mostly and bad sometimes: about half of them are to be refused. */
export const anyMessage = fc
  .record({
    type: fc.constantFrom(...Object.keys(FIELDS)),
    fields: fc.record(GOOD),
    /** For each field what chance decides: is it there, and is it odd? */
    chances: fc.record(
      Object.fromEntries(Object.keys(GOOD).map((key) => [key, fc.integer({ min: 0, max: 999 })])),
    ),
    odd,
    oddType: fc.oneof(
      { weight: 30, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: odd },
    ),
  })
  .map(({ type, fields, chances, odd, oddType }) => {
    const { needed, useful } = FIELDS[type];
    const message: Record<string, unknown> = { type: oddType ?? type };
    for (const [key, good] of Object.entries(fields)) {
      const share = key === "name" || needed.includes(key) ? 980 : useful.includes(key) ? 300 : 15;
      const isThere = chances[key] < (COMMON.includes(key) ? 200 : share);
      if (isThere) message[key] = chances[key] % 20 === 0 ? odd : good;
    }
    return message;
  });
