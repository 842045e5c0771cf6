import { expect, test } from "bun:test";
import { Turns } from "../../../src/http/turns.ts";

test("work is done one at a time, in the order in which it was asked for, though some of it fails", async () => {
  const turns = new Turns();
  const seen: string[] = [];
  const all = Array.from({ length: 5 }, (_, i) =>
    turns.take(async () => {
      seen.push(`begin ${i}`);
      await Promise.resolve();
      seen.push(`end ${i}`);
      if (i === 2) throw new Error("it failed");
      return i;
    }),
  );
  const settled = await Promise.allSettled(all);
  expect(settled.map(({ status }) => status === "fulfilled")).toEqual([
    ...[true, true, false, true, true],
  ]);
  expect(seen).toEqual([0, 1, 2, 3, 4].flatMap((i) => [`begin ${i}`, `end ${i}`]));
});

test("work is refused where too many wait, and taken again when they are done", async () => {
  const turns = new Turns();
  const { promise, resolve } = Promise.withResolvers<void>();
  const taken = Array.from({ length: 30 }, () => turns.take(() => promise));
  expect(taken.filter((each) => each !== undefined)).toHaveLength(17);
  resolve();
  await Promise.all(taken);
  expect(await turns.take(async () => "done")).toBe("done");
});
