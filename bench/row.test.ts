import { describe, expect, test } from "bun:test";
import { outcomesOf, type Row, Run } from "./row.ts";

const COST: Row = { name: "a.cost", what: "cost", unit: "us" };
const RATIO: Row = {
  name: "a.ratio",
  what: "ratio",
  unit: "x",
  budget: { wants: "less", atLeast: 2, aim: 1 },
};
const ROWS = [COST, RATIO];

describe("Run", () => {
  test("refuses a ratio whose sides come from different runs", () => {
    const [one, other] = [new Run(ROWS), new Run(ROWS)];
    const [cost, yardstick] = [one.note("a.cost", 3), other.figure(2)];
    expect(() => one.ratio("a.ratio", cost, yardstick)).toThrow("different runs");
    expect(() => other.ratio("a.ratio", cost, yardstick)).toThrow("different runs");
  });

  test("takes for a ratio's row nothing but a ratio", () => {
    expect(() => new Run(ROWS).note("a.ratio", 1)).toThrow("is a ratio");
  });

  test("shows the median of the ratios, not the ratio of the medians", () => {
    const runs = [
      [1, 1],
      [4, 2],
      [9, 10],
    ].map(([dividend, divisor]) => {
      const run = new Run(ROWS);
      run.ratio("a.ratio", run.note("a.cost", dividend), run.figure(divisor));
      return run;
    });
    const [cost, ratio] = outcomesOf(ROWS, runs);
    expect(cost.median).toBe(4);
    expect(ratio).toMatchObject({ median: 1, min: 0.9, max: 2 });
    expect(ratio).toMatchObject({ isAtLeastMet: true, isAimMet: true });
  });
});
