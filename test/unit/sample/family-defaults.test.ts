import { describe, expect, test } from "bun:test";
import type { FamilyEntry } from "../../../src/config/family-entries.ts";
import {
  applyFamilyDefaults,
  compileFamilies,
  familyLimitsOf,
} from "../../../src/sample/family-defaults.ts";
import type { Definition } from "../../../src/sample/sample.ts";

const NATIVE = { schema: 3, zeroThreshold: 2 ** -128, maxBuckets: 160 };
const AIMS = { quantiles: [0.5, 0.9], epsilons: [0.05, 0.01] };

describe("a sample", () => {
  const families = compiled(
    { match: "other.*", help: "Other.", buckets: [7], ...AIMS },
    { match: "request_.*", help: "First.", buckets: [1, 2] },
    { match: "request_.*", help: "Second.", unit: "seconds", buckets: [3], native: NATIVE },
    { match: "fine", native: NATIVE },
    { match: "both", native: NATIVE, buckets: [5] },
    { match: "both", buckets: [6] },
    { match: ".*_wait", ...AIMS },
    { match: ".*_wait", quantiles: [0.1], epsilons: [0.2] },
  );
  const rows: [what: string, sent: Partial<Definition>, got: Partial<Definition>][] = [
    [
      "lacks all: each from the first entry that has it",
      { type: "histogram", name: "request_time" },
      { name: "request_time_seconds", help: "First.", unit: "seconds", buckets: [1, 2] },
    ],
    [
      "brings its help, its unit and its buckets",
      { type: "histogram", name: "request_bytes", help: "Own.", unit: "bytes", buckets: [9] },
      {},
    ],
    [
      "is no histogram, and gets no buckets",
      { name: "request_time" },
      { name: "request_time_seconds", help: "First.", unit: "seconds" },
    ],
    ["is native, and gets no buckets", { type: "histogram", name: "both", native: NATIVE }, {}],
    [
      "has buckets, and does not become native",
      { type: "histogram", name: "both", buckets: [1] },
      {},
    ],
    ["becomes native", { type: "histogram", name: "fine" }, { native: NATIVE }],
    [
      "becomes native with buckets beside it",
      { type: "histogram", name: "both" },
      { native: NATIVE, buckets: [5] },
    ],
    ["gets quantiles with their errors", { type: "summary", name: "my_wait" }, AIMS],
    [
      "brings its quantiles",
      { type: "summary", name: "my_wait", quantiles: [0.7], epsilons: [0.1] },
      {},
    ],
    [
      "is of a name that only a part of is matched",
      { type: "histogram", name: "my_request_x" },
      {},
    ],
  ];
  for (const [what, sent, got] of rows) {
    test(what, () => {
      const definition = define(sent);
      const before = structuredClone(definition);
      expect(applyFamilyDefaults(families, definition)).toEqual({ ...definition, ...got });
      expect(definition).toEqual(before);
    });
  }
});

describe("the limits of a family", () => {
  const families = compiled(
    { match: "a.*", maxSeries: 5 },
    { match: "ab", ttlSeconds: 0, maxSeries: 6 },
    { match: ".*b", ttlSeconds: 60 },
    { match: "wait(_total)?|u_b", unit: "seconds", ttlSeconds: 7 },
  );
  const rows: [name: string, ttlSeconds: number | undefined, maxSeries: number | undefined][] = [
    ["ab", 0, 5],
    ["acb", 60, 5],
    ["a", undefined, 5],
    ["xb", 60, undefined],
    ["x", undefined, undefined],
    // Named without the unit, which they get here.
    ["wait_seconds", 7, undefined],
    ["wait_seconds_total", 7, undefined],
    ["u_b_seconds", 60, undefined],
    ["wait_bytes", undefined, undefined],
    ["other_seconds", undefined, undefined],
  ];
  for (const [name, ttlSeconds, maxSeries] of rows) {
    test(`${name} are those of the first entries that match and have them`, () => {
      expect(familyLimitsOf(families, name)).toEqual({ ttlSeconds, maxSeries });
    });
  }
});

function compiled(...entries: Partial<FamilyEntry>[]) {
  const nothing = {
    match: "",
    help: undefined,
    unit: undefined,
    buckets: undefined,
    native: undefined,
    quantiles: undefined,
    epsilons: undefined,
    ttlSeconds: undefined,
    maxSeries: undefined,
  };
  return compileFamilies(entries.map((entry) => ({ ...nothing, ...entry })));
}

function define(given: Partial<Definition>): Definition {
  return {
    type: "gauge",
    name: "x",
    help: "",
    unit: "",
    labelNames: [],
    labelValues: [],
    buckets: undefined,
    quantiles: undefined,
    epsilons: undefined,
    native: undefined,
    handling: undefined,
    ...given,
  };
}
