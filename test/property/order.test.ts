import { expect, test } from "bun:test";
import fc from "fast-check";
import { renderLabelSet } from "../../src/registry/label-set.ts";
import { definitionKey, Folder } from "../../src/sample/fold.ts";
import type { Definition } from "../../src/sample/sample.ts";
import { element, LIMITS } from "../support/arbitrary-messages.ts";
import { Feed } from "../support/feed.ts";
import { makeRegistry } from "../support/registry.ts";
import { rendered } from "../support/rendered.ts";

const NOW_MS = 1_700_000_000_000;

const encoder = new TextEncoder();

/** Of eight workers each, which forget what they have learnt now and then. */
const FOLDERS = [
  {},
  { keysLengthMax: 1 },
  { definitionsMax: 0 },
  { definitionsLengthMax: 300 },
  { keysLengthMax: 200, definitionsMax: 3 },
  { templateBytesMax: 20_000 },
].map((bounds) =>
  Array.from({ length: 8 }, () => new Folder({ limits: LIMITS, deadLetterMax: 0, ...bounds })),
);

interface Run {
  workers: number;
  /** Elements in each range, taken in turn. */
  rangeLengths: number[];
  folders: readonly Folder[];
  sortLabels: boolean;
  maxSeries: number;
}

interface Outcome {
  text: string;
  dropped: Map<string, number>;
  samples: number;
  otherLayouts: string[];
}

/** The way of the gateway: ranges go to workers in turn, batches are applied in order of ranges. */
function runQueue(elements: readonly Uint8Array[], run: Run): Outcome {
  const otherLayouts: string[] = [];
  const registry = makeRegistry({
    sortIncomingLabels: run.sortLabels,
    maxSeries: run.maxSeries,
    isReservedName: (name) => name === "own",
    listener: {
      otherLayoutMet: (family) => otherLayouts.push(family),
      seriesLimited: () => {},
    },
  });
  const folders = run.folders.slice(0, run.workers);
  for (const folder of folders) folder.forget();
  const feeds = folders.map((folder) => new Feed(registry, folder));
  const outcome: Outcome = { text: "", dropped: new Map(), samples: 0, otherLayouts };
  for (let start = 0, range = 0; start < elements.length; range++) {
    const end = start + run.rangeLengths[range % run.rangeLengths.length];
    const applied = feeds[range % run.workers].push(elements.slice(start, end), NOW_MS);
    outcome.samples += applied.samples;
    for (const { reason, count } of applied.drops) {
      outcome.dropped.set(reason, (outcome.dropped.get(reason) ?? 0) + count);
    }
    start = end;
  }
  outcome.text = rendered(registry.snapshot(NOW_MS));
  return outcome;
}

test("one worker and eight give byte-identical expositions, however the queue is cut", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 });
  const property = fc.property(
    fc.array(element, { maxLength: 80 }),
    lengths,
    lengths,
    fc.constantFrom(...FOLDERS),
    fc.boolean(),
    fc.constantFrom(0, 3),
    (texts, one, eight, folders, sortLabels, maxSeries) => {
      const elements = texts.map((text) => encoder.encode(text));
      const common = { sortLabels, maxSeries };
      const whole = [Math.max(1, elements.length)];
      const expected = runQueue(elements, {
        ...common,
        workers: 1,
        rangeLengths: whole,
        folders: FOLDERS[0],
      });
      for (const [workers, rangeLengths] of [
        [1, one],
        [8, eight],
        [8, [1]],
      ] as const) {
        const run = { ...common, workers, rangeLengths: [...rangeLengths], folders };
        const outcome = runQueue(elements, run);
        expect(outcome.text).toBe(expected.text);
        expect(outcome.samples).toBe(expected.samples);
        expect(outcome.dropped).toEqual(expected.dropped);
        expect(outcome.otherLayouts).toEqual(expected.otherLayouts);
      }
    },
  );
  fc.assert(property, { numRuns: 3000 });
}, 30_000);

/** Texts in which the characters that delimit stand often. */
const text = fc.oneof(
  fc.string({ maxLength: 4 }),
  fc.string({ unit: fc.constantFrom('"', "\\", "\n", "n", ",", "=", "a", "}", "é"), maxLength: 6 }),
);
const nameText = fc.constantFrom("a", "b", "a_b", "c", "A");

function definitionOf(entries: readonly (readonly [string, string])[]): Definition {
  return {
    type: "counter",
    name: "x",
    help: "",
    labelNames: entries.map(([name]) => name),
    labelValues: entries.map(([, labelValue]) => labelValue),
    buckets: undefined,
    quantiles: undefined,
    epsilons: undefined,
    unit: "",
    native: undefined,
    handling: undefined,
  };
}

const labelSet = fc.uniqueArray(fc.tuple(nameText, text), { selector: ([n]) => n, maxLength: 3 });

test("two label sets are rendered alike only if they are equal, whatever their order", () => {
  const canonical = (entries: [string, string][]) =>
    JSON.stringify(entries.toSorted((a, b) => (a[0] < b[0] ? -1 : 1)));
  const property = fc.property(labelSet, labelSet, (left, right) => {
    const isSameText =
      renderLabelSet(definitionOf(left), true) === renderLabelSet(definitionOf(right), true);
    expect(isSameText).toBe(canonical(left) === canonical(right));
    expect(renderLabelSet(definitionOf(left.toReversed()), true)).toBe(
      renderLabelSet(definitionOf(left), true),
    );
  });
  fc.assert(property, { numRuns: 20_000 });
});

test("a rendered label set reads back as the label set", () => {
  const property = fc.property(labelSet, (entries) => {
    const rendered = renderLabelSet(definitionOf(entries), false);
    const read = [...rendered.matchAll(/([a-zA-Z_]+)="((?:[^"\\\n]|\\.)*)"(,|$)/g)].map(
      ([, name, escaped]) => [
        name,
        escaped.replace(/\\(.)/g, (_, char: string) => (char === "n" ? "\n" : char)),
      ],
    );
    expect(read).toEqual(entries);
  });
  fc.assert(property, { numRuns: 10_000 });
});

test("two definitions have one key only if they are equal", () => {
  const numbers = fc.option(fc.array(fc.constantFrom(0, 0.1, 1, 12, 2), { maxLength: 3 }), {
    nil: undefined,
  });
  const definition = fc
    .tuple(
      labelSet,
      fc.record({
        type: fc.constantFrom("counter", "gauge", "histogram", "summary"),
        name: fc.constantFrom("a", "ab", "b"),
        help: text,
        buckets: numbers,
        quantiles: numbers,
        epsilons: numbers,
      }),
    )
    .map(([entries, rest]): Definition => ({ ...definitionOf(entries), ...rest }));
  const changed = fc.tuple(definition, definition).chain(([left, right]) =>
    fc.subarray(Object.keys(left) as (keyof Definition)[], { maxLength: 2 }).map((keys) => {
      const mixed = { ...left };
      for (const key of keys) Object.assign(mixed, { [key]: right[key] });
      return [left, mixed] as const;
    }),
  );
  const property = fc.property(changed, ([left, right]) => {
    expect(definitionKey(left) === definitionKey(right)).toBe(Bun.deepEquals(left, right));
  });
  fc.assert(property, { numRuns: 20_000 });
});
