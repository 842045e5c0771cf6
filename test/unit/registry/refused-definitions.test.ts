import { expect, test } from "bun:test";
import { RefusedDefinitions } from "../../../src/registry/refused-definitions.ts";
import type { Registry } from "../../../src/registry/registry.ts";
import type { RemovedSeries } from "../../../src/registry/removed-series.ts";
import { Folder } from "../../../src/sample/fold.ts";
import { LIMITS } from "../../support/arbitrary-messages.ts";
import { Feed } from "../../support/feed.ts";
import { randomOf } from "../../support/random.ts";
import { define, makeRegistry } from "../../support/registry.ts";
import { rendered } from "../../support/rendered.ts";

const START_MS = 1_700_000_040_000;

function feedOf(registry: Registry, countMax?: number): Feed {
  const refused = countMax === undefined ? {} : { countMax };
  return new Feed(registry, new Folder({ limits: LIMITS, deadLetterMax: 0 }), { refused });
}

function counter(id: number | string, more = ""): string {
  return `{"type":"counter","name":"c","value":1,"labels":{"id":"${id}"}${more}}`;
}

test("gives up the half that did not come for longest, once there are too many", () => {
  const refused = new RefusedDefinitions({ countMax: 4 });
  for (const id of [0, 1, 2, 3]) refused.note(id, define("counter", "c"));
  expect(refused.takeOld()).toEqual([]);
  for (const id of [0, 4]) refused.note(id, define("counter", "c"));
  expect(refused.takeOld()).toEqual([1, 2, 3]);
  expect(refused.takeOld()).toEqual([]);
});

test("gives up as many as leave half of the characters", () => {
  const refused = new RefusedDefinitions({ lengthMax: 100 });
  for (let id = 0; id < 11; id++) refused.note(id, define("counter", "c", { label: "4444" }));
  expect(refused.takeOld()).toEqual([0, 1, 2, 3, 4, 5]);
  for (const id of [6, 7, 8, 9, 10]) refused.delete(id);
  for (let id = 20; id < 30; id++) refused.note(id, define("counter", "c", { label: "4444" }));
  expect(refused.takeOld()).toEqual([]);
});

for (const [what, options, more] of [
  ["refused", {}, ""],
  ["refused, with more than a value", {}, ',"ttl":9'],
  ["given to the overflow series", { onLimit: "overflow" as const }, ""],
  [
    "given to the overflow series, with more than a value",
    { onLimit: "overflow" as const },
    ',"ttl":9',
  ],
] as const) {
  test(`definitions whose samples are ${what} are kept up to a number, those that came last`, () => {
    const registry = makeRegistry({ maxSeriesPerFamily: 1, ...options });
    const feed = feedOf(registry, 100);
    feed.push([counter("first", more)], START_MS);
    for (let id = 0; id < 1000; id++)
      feed.push([counter(id, more), counter("steady", more)], START_MS);
    const metAnew = (id: number | string) => feed.fold([counter(id, more)]).definitions.length;
    expect([999, 960, "steady", "first"].map(metAnew)).toEqual([0, 0, 0, 0]);
    expect([0, 500, 890].map(metAnew)).toEqual([1, 1, 1]);
  });
}

for (const more of ["", ',"ttl":9']) {
  test(`a definition that has found its series since is not given up${more && ", with more"}`, () => {
    const registry = makeRegistry({ maxSeriesPerFamily: 1 });
    const feed = feedOf(registry, 4);
    feed.push([counter("first"), counter("late", more)], START_MS);
    const removed = registry.remove((_, { labelValues }) => labelValues[0] === "first");
    feed.forget(removed!);
    expect(feed.push([counter("late", more)], START_MS).samples).toBe(1);
    for (let id = 0; id < 20; id++) feed.push([counter(id)], START_MS);
    const metAnew = (text: string) => feed.fold([text]).definitions.length;
    expect([counter("late", more), counter(19), counter(0)].map(metAnew)).toEqual([0, 0, 1]);
  });
}

test("what is given up changes no total, whatever is sent, ends and is read again", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const numbers = randomOf(seed);
    const random = (below: number) => Math.floor(numbers() * below);
    const onLimit = seed % 2 === 0 ? "drop" : "overflow";
    const [bounded, free] = [0, 1].map(() => makeRegistry({ maxSeries: 6, onLimit }));
    const [few, all] = [feedOf(bounded, 1 + random(8)), feedOf(free)];
    for (let step = 0; step < 200; step++) {
      const texts = Array.from({ length: 1 + random(6) }, () =>
        counter(random(30), ["", ',"ttl":60', ',"times":2'][random(3)]),
      );
      // What was decoded before something was given up may have to be decoded again.
      const ahead = few.fold(texts);
      const between = [counter(random(30)), counter(random(30))];
      const drops = [few.push(between, START_MS), all.push(between, START_MS)];
      drops.push(few.apply(few.isVoid(ahead) ? few.fold(texts) : ahead), all.push(texts, START_MS));
      const counts = drops.map(({ samples }) => samples);
      expect([counts[0], counts[2]]).toEqual([counts[1], counts[3]]);
      if (random(20) > 0) continue;
      const ended = `${random(30)}`;
      for (const [registry, feed] of [
        [bounded, few],
        [free, all],
      ] as const) {
        const removed = registry.remove((_, { labelValues }) => labelValues[0] === ended);
        if (removed !== undefined) feed.forget(removed satisfies RemovedSeries);
      }
    }
    expect(rendered(bounded.snapshot(START_MS))).toBe(rendered(free.snapshot(START_MS)));
  }
});
