import { expect, test } from "bun:test";
import fc from "fast-check";
import { loadSettings } from "../../src/config/load.ts";
import { packElements } from "../../src/queue/elements.ts";
import { type DecodeLimits, decodeMessage } from "../../src/sample/decode.ts";
import { Folder } from "../../src/sample/fold.ts";
import type { Definition } from "../../src/sample/sample.ts";
import { makeShape, type Shape } from "../../src/sample/shape.ts";
import { element } from "../support/arbitrary-messages.ts";

const LIMITS: DecodeLimits = {
  maxMessageBytes: 4000,
  maxLabels: 5,
  maxLabelLength: 60,
  maxBuckets: 4,
  nameValidation: "legacy",
};

const labelName = fc.constantFrom("__name__", "a", "b", "c", "le", "__tmp");
const regex = fc.constantFrom("(.*)", "(.)(.*)", "[a-m].*", "1|2", "", "(?i)A(.*)", ".*_total");
const text = fc.constantFrom("$1", "x", "", "n_$1", "$2$1", "a b");

const rule = fc.oneof(
  fc.record({
    action: fc.constantFrom("replace", "keep", "drop"),
    source_labels: fc.array(labelName, { maxLength: 2 }),
    target_label: labelName,
    regex,
    replacement: text,
  }),
  fc.record({ action: fc.constantFrom("labeldrop", "labelkeep"), regex }),
  fc.record({ action: fc.constant("labelmap"), regex, replacement: fc.constantFrom("m_$1", "a") }),
  fc.record({
    action: fc.constantFrom("lowercase", "uppercase"),
    source_labels: fc.array(labelName, { maxLength: 2 }),
    target_label: labelName,
  }),
  fc.record({
    action: fc.constantFrom("keepequal", "dropequal"),
    source_labels: fc.array(labelName, { maxLength: 1 }),
    target_label: labelName,
  }),
  fc.record({
    action: fc.constant("hashmod"),
    source_labels: fc.array(labelName, { maxLength: 2 }),
    target_label: labelName,
    modulus: fc.integer({ min: 1, max: 10 }),
  }),
);

const family = fc.record(
  {
    match: fc.constantFrom(".*", "[a-m].*", "a"),
    help: fc.constantFrom("Help.", ""),
    buckets: fc.constant([1, 2]),
    quantiles: fc.constant([0.5]),
    nativeSchema: fc.constant(2),
  },
  { requiredKeys: ["match"] },
);

/** Messages that repeat themselves but for their value, and some that do anything. */
const plain = fc.record({
  type: fc.constantFrom("counter", "gauge", "histogram", "summary"),
  name: fc.constantFrom("a", "b_total", "__x", "z"),
  labels: fc.dictionary(fc.constantFrom("a", "b", "c", "m_a"), fc.constantFrom("1", "Az", "é"), {
    maxKeys: 3,
  }),
  value: fc.oneof(fc.integer({ min: -2, max: 5 }), fc.double({ noNaN: true, min: -1, max: 1e300 })),
});

const message = fc.oneof(
  { weight: 5, arbitrary: plain.map((sample) => JSON.stringify(sample)) },
  { weight: 1, arbitrary: fc.array(plain, { maxLength: 3 }).map((all) => JSON.stringify(all)) },
  { weight: 1, arbitrary: element },
);

test("shaping by templates is shaping each message", () => {
  let [droppedByTemplate, kept] = [0, 0];
  fc.assert(
    fc.property(
      fc.array(rule, { maxLength: 3 }),
      fc.array(family, { maxLength: 2 }),
      fc.array(message, { minLength: 1, maxLength: 20 }),
      (Relabel, Families, messages) => {
        const shape = shapeOf({ Relabel, Families });
        const folder = new Folder({ limits: LIMITS, shape, deadLetterMax: 1000 });
        const elements = packElements(messages.map((each) => Buffer.from(each)));
        const all: Definition[] = [];
        // Each message comes again, and again with nothing that is new.
        for (let round = 0; round < 3; round++) {
          const batch = folder.fold(elements);
          all.push(...batch.definitions);
          const samples = Array.from(batch.ids, (id, i) => ({
            definition: all[id],
            value: batch.values[i],
          }));
          const expected = shapeAll(messages, shape);
          expect(samples).toEqual(expected.samples);
          expect(batch.deadLetters.map(({ reason }): string => reason)).toEqual(expected.reasons);
          const counts = batch.drops.flatMap(({ reason, count }) => Array(count).fill(reason));
          expect(counts.sort()).toEqual(expected.reasons.sort());
          if (round === 0) continue;
          droppedByTemplate += counts.filter((reason) => reason === "relabel").length;
          kept += samples.length;
        }
      },
    ),
    { numRuns: 300 },
  );
  expect(Math.min(droppedByTemplate, kept)).toBeGreaterThan(100);
}, 60_000);

function shapeOf(lists: object): Shape | undefined {
  const loaded = loadSettings({
    fileText: JSON.stringify(lists),
    ...{ filePath: "", environment: {}, flags: [] },
  });
  if (!loaded.ok) throw new Error(loaded.faults.join("\n"));
  return makeShape(loaded.settings, LIMITS);
}

function shapeAll(messages: readonly string[], shape: Shape | undefined) {
  const samples: { definition: Definition; value: number }[] = [];
  const reasons: string[] = [];
  for (const each of messages) {
    for (const decoded of decodeMessage(Buffer.from(each), LIMITS)) {
      if (!decoded.ok) {
        reasons.push(decoded.reason);
        continue;
      }
      const { definition, value } = decoded.sample;
      const shaped = shape === undefined ? definition : shape(definition);
      if (typeof shaped === "string") reasons.push(shaped);
      else samples.push({ definition: shaped, value });
    }
  }
  return { samples, reasons };
}

test("a message that is dropped by a rule is not parsed again", () => {
  const shape = shapeOf({ Relabel: [{ action: "drop", source_labels: ["a"], regex: "1" }] });
  const folder = new Folder({ limits: LIMITS, shape, deadLetterMax: 0 });
  const of = (a: string, value: number) =>
    Buffer.from(JSON.stringify({ type: "counter", name: "x", labels: { a }, value }));
  folder.fold(packElements([of("1", 1), of("2", 1)]));
  const { parse } = JSON;
  JSON.parse = () => {
    throw new Error("parsed");
  };
  try {
    const batch = folder.fold(packElements([of("1", 2), of("2", 3), of("1", 4)]));
    expect([...batch.values]).toEqual([3]);
    expect(batch.drops).toMatchObject([{ reason: "relabel", count: 2 }]);
    expect(batch.drops[0].payload).toBe(of("1", 2).toString());
  } finally {
    JSON.parse = parse;
  }
});
