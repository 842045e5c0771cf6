import { expect, test } from "bun:test";
import { describeProgress } from "../../../src/cli/load.ts";

const ENDLESS = Number.POSITIVE_INFINITY;

test("says what was pushed and how quickly", () => {
  const line = describeProgress({ sent: 3000, failed: 0, total: ENDLESS, elapsedMs: 2000 });
  expect(line).toBe("pushed 3000 samples, 1500/s");
});

test("says what is left, and how long that takes", () => {
  const line = describeProgress({ sent: 3000, failed: 0, total: 10_000, elapsedMs: 2000 });
  expect(line).toBe("pushed 3000 samples, 1500/s, 7000 left, 5 s");
});

test("does not count what failed as pushed", () => {
  const line = describeProgress({ sent: 3000, failed: 1000, total: 3000, elapsedMs: 1000 });
  expect(line).toBe("pushed 2000 samples, 2000/s, 1000 failed");
});

test("knows no time when nothing was sent", () => {
  const line = describeProgress({ sent: 0, failed: 0, total: 10, elapsedMs: 500 });
  expect(line).toBe("pushed 0 samples, 0/s, 10 left, unknown time");
});
