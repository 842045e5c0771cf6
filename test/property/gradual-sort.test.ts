import { expect, test } from "bun:test";
import fc from "fast-check";
import { sortGradually } from "../../src/http/gradual-sort.ts";

function sorted(items: readonly number[], keys: readonly number[]): number[] {
  const sorting = sortGradually(Uint32Array.from(items), Float64Array.from(keys));
  for (;;) {
    const { done, value } = sorting.next();
    if (done) return [...value];
  }
}

test("sorts as Array.sort does, and keeps the order of equal keys", () => {
  const key = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constant(Number.POSITIVE_INFINITY));
  fc.assert(
    fc.property(fc.array(key, { maxLength: 200 }), fc.boolean(), (keys, isAll) => {
      const items = keys.map((_, i) => i).filter((i) => isAll || i % 3 > 0);
      const expected = items.toSorted((a, b) => (keys[a] === keys[b] ? 0 : keys[a] - keys[b]));
      expect(sorted(items, keys)).toEqual(expected);
    }),
  );
});

test("lets others run in between when there is much to sort", () => {
  const keys = Float64Array.from({ length: 100_000 }, (_, i) => (i * 7919) % 100_003);
  const sorting = sortGradually(Uint32Array.from(keys.keys()), keys);
  let pauses = 0;
  while (!sorting.next().done) pauses++;
  expect(pauses).toBeGreaterThan(100);
});
