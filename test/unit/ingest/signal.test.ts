import { expect, test } from "bun:test";
import { Signal } from "../../../src/ingest/signal.ts";

test("a signal wakes all that wait for it, and nobody who comes later", async () => {
  const signal = new Signal();
  const woken: number[] = [];
  const waits = [1, 2].map((i) => signal.wait(60_000).then(() => woken.push(i)));
  signal.give();
  await Promise.all(waits);
  expect(woken).toEqual([1, 2]);
  let isLateWoken = false;
  void signal.wait(60_000).then(() => {
    isLateWoken = true;
  });
  await Promise.resolve();
  expect(isLateWoken).toBe(false);
  signal.give();
});

test("a wait ends by itself", async () => {
  await new Signal().wait(1);
});
