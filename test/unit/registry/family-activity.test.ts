import { describe, expect, test } from "bun:test";
import { ByteWriter } from "../../../src/registry/bytes.ts";
import type { Registry } from "../../../src/registry/registry.ts";
import { Folder } from "../../../src/sample/fold.ts";
import { LIMITS } from "../../support/arbitrary-messages.ts";
import { Feed } from "../../support/feed.ts";
import { makeRegistry } from "../../support/registry.ts";

const START_MS = 1_700_000_000_000;

function feedOf(registry: Registry): Feed {
  return new Feed(registry, new Folder({ limits: LIMITS, deadLetterMax: 0 }));
}

const sample = (name: string, type = "counter", labels = {}) =>
  JSON.stringify({ type, name, value: 1, labels, buckets: type === "histogram" ? [1] : undefined });

/** The families' rates and when they were seen, at a second after the start. */
function shown(registry: Registry, second: number): Record<string, [number, number | undefined]> {
  const activity = registry.activity.snapshot(second * 1000, START_MS + second * 1000);
  return Object.fromEntries(
    registry.families.map(({ name, index }) => {
      const seenMs = activity.lastSeenMs(index);
      return [
        name,
        [activity.samplesPerSecond(index), seenMs && (seenMs - START_MS) / 1000],
      ] as const;
    }),
  );
}

const look = (registry: Registry, second: number) =>
  registry.activity.look(second * 1000, START_MS + second * 1000);

describe("the activity of families", () => {
  test("tells who gets how many samples, of each type and each way that a sample takes", () => {
    const registry = makeRegistry();
    const feed = feedOf(registry);
    look(registry, 0);
    feed.push(
      ["counter", "gauge", "histogram", "summary"].map((t) => sample(t, t)),
      START_MS,
    );
    feed.push(Array(20).fill(sample("counter")), START_MS);
    // An operation is applied by itself.
    feed.push([JSON.stringify({ type: "gauge", name: "gauge", op: "add", value: 1 })], START_MS);
    expect(shown(registry, 10)).toEqual({
      counter: [2.1, 10],
      gauge: [0.2, 10],
      histogram: [0.1, 10],
      summary: [0.1, 10],
    });
  });

  test("does not count a sample that is refused", () => {
    const registry = makeRegistry();
    const feed = feedOf(registry);
    feed.push([sample("h", "histogram")], START_MS);
    look(registry, 0);
    const counted = { type: "histogram", name: "h", counts: [1, 2, 3], sum: 1 };
    expect(feed.push([JSON.stringify(counted)], START_MS).samples).toBe(0);
    expect(shown(registry, 10)).toEqual({ h: [0, 0] });
  });

  test("looks back over the last looks alone", () => {
    const registry = makeRegistry();
    const feed = feedOf(registry);
    feed.push(Array(500).fill(sample("a")), START_MS);
    look(registry, 0);
    feed.push(Array(50).fill(sample("a")), START_MS);
    for (const second of [5, 10]) look(registry, second);
    expect(shown(registry, 10)).toEqual({ a: [5, 5] });
    look(registry, 15);
    // Seen when a look found it, and not later.
    expect(shown(registry, 20)).toEqual({ a: [0, 5] });
  });

  test("has no rate before the first look, and counts all as seen now", () => {
    const registry = makeRegistry();
    feedOf(registry).push([sample("a")], START_MS);
    expect(shown(registry, 3)).toEqual({ a: [0, 3] });
  });

  test("of a family that takes the place of one that has ended begins anew", () => {
    const registry = makeRegistry();
    const feed = feedOf(registry);
    feed.push([sample("a"), sample("b")], START_MS);
    look(registry, 0);
    feed.push(Array(100).fill(sample("a")), START_MS);
    look(registry, 5);
    const index = registry.families[0].index;
    const removed = registry.remove((family) => family === "a");
    if (removed !== undefined) feed.forget(removed);
    expect(shown(registry, 10)).toEqual({ b: [0, 0] });
    feed.push(Array(30).fill(sample("c")), START_MS);
    expect(registry.families[1]).toMatchObject({ name: "c", index });
    expect(shown(registry, 10)).toEqual({ b: [0, 0], c: [3, 10] });
    // A slot that was another family's counts for the one that has it now.
    feed.push([sample("b"), sample("b", "counter", { x: "1" })], START_MS);
    expect(shown(registry, 10)).toEqual({ b: [0.2, 10], c: [3, 10] });
  });

  test("is not changed by what comes after it was asked for", () => {
    const registry = makeRegistry();
    const feed = feedOf(registry);
    feed.push([sample("a")], START_MS);
    look(registry, 0);
    const activity = registry.activity.snapshot(10_000, START_MS);
    feed.push(Array(10).fill(sample("a")), START_MS);
    look(registry, 5);
    expect(activity.samplesPerSecond(registry.families[0].index)).toBe(0);
  });

  test("of many families is that of each", () => {
    const registry = makeRegistry();
    const feed = feedOf(registry);
    look(registry, 0);
    const names = Array.from({ length: 300 }, (_, i) => `f${1000 + i}`);
    // Half of them before the second look, which then has to grow.
    feed.push(
      names.slice(0, 150).map((name) => sample(name)),
      START_MS,
    );
    look(registry, 5);
    feed.push(
      names.flatMap((name, i) => Array(i).fill(sample(name))),
      START_MS,
    );
    const rates = shown(registry, 10);
    names.forEach((name, i) => {
      if (i > 0) expect(rates[name]).toEqual([(i + (i < 150 ? 1 : 0)) / 10, 10]);
    });
  });

  test("of a state that was read back is not known until samples come", () => {
    const registry = makeRegistry({ isJournaled: true });
    feedOf(registry).push([sample("a"), sample("b")], START_MS);
    const writer = new ByteWriter();
    while (!registry.writeChanges(writer, 1e6));
    const restored = makeRegistry({ isJournaled: true });
    restored.restore(writer.take());
    restored.restored();
    look(restored, 0);
    feedOf(restored).push([sample("b")], START_MS);
    expect(shown(restored, 10)).toEqual({ a: [0, undefined], b: [0.1, 10] });
    expect(restored.createdMs(restored.families[0].series.data[0])).toBe(START_MS);
  });
});
