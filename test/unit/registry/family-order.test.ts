import { expect, test } from "bun:test";
import { Uint32List } from "../../../src/registry/columns.ts";
import type { Family } from "../../../src/registry/family.ts";
import { FamilyOrder } from "../../../src/registry/family-order.ts";
import { randomOf } from "../../support/random.ts";

test("is the order of the names, whatever comes and goes and whoever asks when", () => {
  const numbers = randomOf(7);
  const random = (below: number) => Math.floor(numbers() * below);
  const order = new FamilyOrder();
  const there = new Map<string, Family>();
  for (let step = 0; step < 30_000; step++) {
    const name = `f${random(9000)}`;
    const known = there.get(name);
    if (known === undefined) {
      const family = familyOf(name);
      there.set(name, family);
      order.add(family);
    } else {
      known.isGone = true;
      there.delete(name);
      order.noteGone();
    }
    if (random(2000) > 0) continue;
    expect(order.list().map((family) => family.name)).toEqual([...there.keys()].sort());
  }
});

test("is another array when a family came or went, and only then", () => {
  const order = new FamilyOrder(["b", "a"].map(familyOf));
  const first = order.list();
  expect(order.list()).toBe(first);
  order.add(familyOf("c"));
  const second = order.list();
  expect([first.length, second.length]).toEqual([2, 3]);
  second[0].isGone = true;
  order.noteGone();
  expect(order.list().map(({ name }) => name)).toEqual(["b", "c"]);
  expect(second.map(({ name }) => name)).toEqual(["a", "b", "c"]);
});

function familyOf(name: string): Family {
  return {
    ...{ index: 0, name, type: "gauge", help: "", unit: "", bornAt: 0, isGone: false },
    ...{ bounds: undefined, native: undefined, targets: undefined, hasOtherLayout: false },
    limits: { ttlSeconds: undefined, maxSeries: undefined },
    series: new Uint32List(),
    slots: new Uint32List(),
  };
}
