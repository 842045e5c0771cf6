import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "../../src/registry/bytes.ts";
import { identityOf, readLabelSet, renderLabelSet } from "../../src/registry/label-set.ts";
import type { Registry } from "../../src/registry/registry.ts";
import { Folder } from "../../src/sample/fold.ts";
import { element, LIMITS } from "../support/arbitrary-messages.ts";
import { Feed } from "../support/feed.ts";
import { makeRegistry } from "../support/registry.ts";
import { rendered } from "../support/rendered.ts";

const START_MS = 1_700_000_000_000;
const MINUTE_MS = 60_000;

/** For all: it numbers the definitions anew for each batch. */
const folder = new Folder({ limits: LIMITS, deadLetterMax: 0, definitionsMax: 0 });

/** A registry with what feeds it; what it has gathered is written to a journal. */
class Writer {
  registry: Registry;
  #feed: Feed;
  #writer = new ByteWriter();

  constructor(sortLabels: boolean, journal: readonly Uint8Array[] = []) {
    this.registry = makeRegistry({ sortIncomingLabels: sortLabels });
    for (const entry of journal) this.registry.restore(entry);
    if (journal.length > 0) this.registry.restored();
    this.#feed = new Feed(this.registry, folder);
  }

  apply(texts: readonly string[], nowMs: number): void {
    this.#feed.push(texts, nowMs);
  }

  /** Writes entries until nothing is left; `meanwhile` happens after the first. */
  write(journal: Uint8Array[], lengthMax: number, meanwhile: () => void): void {
    for (let i = 0; ; i++) {
      const isDone = this.registry.writeChanges(this.#writer, lengthMax);
      journal.push(this.#writer.take());
      if (isDone) return;
      if (i === 0) meanwhile();
    }
  }

  text(nowMs: number): string {
    return rendered(this.registry.snapshot(nowMs));
  }
}

const texts = fc.array(element, { maxLength: 12 });
const step = fc.record({
  texts,
  meanwhile: texts,
  minutes: fc.integer({ min: 0, max: 5 }),
  lengthMax: fc.constantFrom(1, 40, 300, 100_000),
  isWhole: fc.boolean(),
  restarts: fc.boolean(),
});

describe("a registry restored from its journal", () => {
  test("is the same to the byte, after any checkpoints and restarts, and goes on the same", () => {
    const property = fc.property(
      fc.array(step, { maxLength: 12 }),
      fc.boolean(),
      (steps, sortLabels) => {
        const straight = new Writer(sortLabels);
        let current = new Writer(sortLabels);
        let journal: Uint8Array[] = [];
        let nowMs = START_MS;
        for (const { texts: before, meanwhile, minutes, lengthMax, isWhole, restarts } of steps) {
          nowMs += minutes * MINUTE_MS;
          for (const each of [straight, current]) each.apply(before, nowMs);
          if (isWhole) {
            current.registry.markAllChanged();
            journal = [];
          }
          // Samples go on being applied while entries are written ahead.
          current.write(journal, lengthMax, () => {
            for (const each of [straight, current]) each.apply(meanwhile, nowMs);
          });
          expect(new Writer(sortLabels, journal).text(nowMs)).toBe(straight.text(nowMs));
          if (restarts) current = new Writer(sortLabels, journal);
          expect(current.registry.seriesCount).toBe(straight.registry.seriesCount);
        }
      },
    );
    fc.assert(property, { numRuns: 1500 });
  }, 60_000);

  test("keeps the window of a summary, and its ages, while it moves", () => {
    const observe = (value: number) =>
      `{"type":"summary","name":"s","value":${value},"quantiles":[0.5],"epsilons":[0.001]}`;
    const straight = new Writer(true);
    let current = new Writer(true);
    const journal: Uint8Array[] = [];
    for (let minute = 0; minute < 60; minute++) {
      const nowMs = START_MS + minute * MINUTE_MS;
      // More than the sketch's buffer, so that it is written whole now and in tails then.
      const observed = Array.from({ length: (minute * 97) % 700 }, (_, i) => observe(minute + i));
      for (const each of [straight, current]) each.apply(minute < 40 ? observed : [], nowMs);
      current.write(journal, 100_000, () => {});
      current = new Writer(true, journal);
      expect(current.text(nowMs)).toBe(straight.text(nowMs));
    }
    expect(straight.text(START_MS + 60 * MINUTE_MS)).toContain('s{quantile="0.5"} NaN');
  });

  test("shows label sets as they were sent where they are not sorted, in either order of settings", () => {
    const one = '{"type":"counter","name":"c","value":1,"labels":{"b":"x,y=\\"z\\"","a":"1"}}';
    const two = '{"type":"counter","name":"c","value":1,"labels":{"a":"1","b":"x,y=\\"z\\""}}';
    for (const sortLabels of [true, false]) {
      const journal: Uint8Array[] = [];
      const first = new Writer(sortLabels);
      first.apply([one], START_MS);
      first.write(journal, 1000, () => {});
      for (const sortsThen of [true, false]) {
        const then = new Writer(sortsThen, journal);
        then.apply([two], START_MS);
        expect(then.registry.seriesCount).toBe(1);
        const isSorted = sortLabels || sortsThen;
        const labels = ['a="1"', 'b="x,y=\\"z\\""'];
        const shown = (isSorted ? labels : labels.toReversed()).join(",");
        expect(then.text(START_MS)).toContain(`c{${shown}} 2\n`);
      }
    }
  });

  test("refuses a format that is not its own, and bytes that are cut or of another kind", () => {
    const writer = new Writer(true);
    writer.apply(['{"type":"counter","name":"c","value":1}'], START_MS);
    const [entry] = ((journal: Uint8Array[]) => {
      writer.write(journal, 1000, () => {});
      return journal;
    })([]);
    const restore = (bytes: Uint8Array) => () => new Writer(true, [bytes]);
    expect(restore(entry)).not.toThrow();
    expect(restore(Uint8Array.of(99, ...entry.slice(1)))).toThrow("its format 99 is not known");
    expect(restore(Uint8Array.of(1, ...entry.slice(1)))).toThrow("its format 1 is not known");
    const head = [...entry.slice(0, 9)];
    expect(restore(Uint8Array.of(...head, 77, 1, 0))).toThrow("section 77 is not known");
    for (let length = head.length + 1; length < entry.length; length++) {
      // Between two sections the bytes may end: the journal says how many entries there are.
      if (entry[length - 1] === 0) continue;
      expect(restore(entry.slice(0, length))).toThrow();
    }
  });
});

test("a summary that was not written for more than a million observations is restored as it is", () => {
  const writer = new Writer(true);
  const message = (name: string) =>
    `{"type":"summary","name":"${name}","value":1,"quantiles":[0.5],"epsilons":[0.1]}`;
  writer.apply([message("a"), message("b")], START_MS);
  const journal: Uint8Array[] = [];
  writer.write(journal, 1000, () => {});
  // The log holds a Mi of them, and then begins anew with the windows as they are.
  const values = Float64Array.from({ length: 1_100_000 }, (_, i) => i % 1000);
  writer.registry.observe(new Uint32Array(values.length).fill(3), values, values.length);
  writer.apply([message("b")], START_MS);
  writer.write(journal, 1000, () => writer.apply([message("a")], START_MS));
  expect(new Writer(true, journal).text(START_MS)).toBe(writer.text(START_MS));
}, 30_000);

test("a histogram of more observations than a double counts one by one is restored as it is", () => {
  const writer = new Writer(true);
  const message = `{"type":"histogram","name":"h","value":1,"times":${2 ** 53 - 1},"buckets":[1,2]}`;
  for (let i = 0; i < 12; i++) writer.apply(Array(20).fill(message), START_MS);
  const journal: Uint8Array[] = [];
  writer.write(journal, 1000, () => {});
  expect(new Writer(true, journal).text(START_MS)).toBe(writer.text(START_MS));
  expect(writer.text(START_MS)).toMatch(/^h_count 21617278\d{11}$/m);
});

/** Integers that are doubles, up to where there are no others. */
const hugeNat = fc.oneof(
  fc.maxSafeNat(),
  fc.double({ min: 0, max: Number.MAX_VALUE, noNaN: true }).map(Math.floor),
);

test("numbers and texts read back as they were written", () => {
  const value = fc.oneof(
    fc.record({ kind: fc.constant("varint" as const), value: hugeNat }),
    fc.record({ kind: fc.constant("f64" as const), value: fc.double() }),
    fc.record({ kind: fc.constant("u8" as const), value: fc.nat(255) }),
    fc.record({ kind: fc.constant("text" as const), value: fc.string({ unit: "binary" }) }),
  );
  const property = fc.property(fc.array(value), (values) => {
    const writer = new ByteWriter();
    for (const each of values) {
      if (each.kind === "text") writer.text(each.value);
      else writer[each.kind](each.value);
    }
    const reader = new ByteReader(writer.take());
    for (const { kind, value: expected } of values) expect(reader[kind]()).toBe(expected);
    expect(reader.isAtEnd).toBe(true);
  });
  fc.assert(property, { numRuns: 2000 });
});

test("a label set reads back from its text, and has the same identity", () => {
  const labels = fc.uniqueArray(
    fc.tuple(fc.constantFrom("a", "b", "a_b", "B", "b.c", 'b."\\'), fc.string()),
    {
      selector: ([name]) => name,
    },
  );
  const property = fc.property(labels, (entries) => {
    const set = {
      labelNames: entries.map(([name]) => name),
      labelValues: entries.map(([, label]) => label),
    };
    const bytes = Buffer.from(renderLabelSet(set, false));
    const parsed = readLabelSet(bytes, 0, bytes.length);
    expect(parsed).toEqual(set);
    expect(identityOf(parsed)).toBe(identityOf(set));
  });
  fc.assert(property, { numRuns: 5000 });
});
