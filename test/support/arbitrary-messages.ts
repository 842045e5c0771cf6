import fc from "fast-check";
import type { DecodeLimits } from "../../src/sample/decode.ts";

export const LIMITS: DecodeLimits = {
  maxMessageBytes: 10_000,
  maxLabels: 0,
  maxLabelLength: 0,
  maxBuckets: 10,
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
const message = fc.record(
  {
    type: fc.constantFrom("counter", "gauge", "histogram", "summary"),
    name: fc.constantFrom("a", "b", "c", "a_sum", "a_count", "b_bucket", "own"),
    value,
    help: fc.constantFrom("", "one", "two"),
    labels,
    buckets: fc.constantFrom<unknown>(null, [1], [0.1, 0.5, 1], [1, "+Inf"], [2, 1]),
    quantiles: fc.constantFrom<unknown>(null, [0.5], [0.5, 0.9]),
    epsilons: fc.constantFrom<unknown>(null, [0.05], [0.01, 0.1]),
  },
  { requiredKeys: ["type", "name", "value"] },
);

/** One list element as text. */
export const element = fc.oneof(
  { weight: 8, arbitrary: message.map((json) => JSON.stringify(json)) },
  { weight: 1, arbitrary: fc.array(message, { maxLength: 4 }).map((json) => JSON.stringify(json)) },
  { weight: 1, arbitrary: fc.constantFrom("", "[", "null", "[]", "7") },
);
