import { describe, expect, test } from "bun:test";
import { timeoutMsOf } from "../../../src/http/scrapes.ts";

const TIMES: [header: string | null, setSeconds: number, ms: number | undefined][] = [
  [null, 0, undefined],
  [null, 5, 5000],
  ["10", 0, 10_000],
  ["10.000000", 0, 10_000],
  ["0.5", 5, 500],
  ["10", 5, 5000],
  ["", 5, 5000],
  ["0", 0, undefined],
  ["0.0", 5, 5000],
  ["-1", 0, undefined],
  ["1e3", 0, undefined],
  ["NaN", 0, undefined],
  ["Infinity", 0, undefined],
  ["10s", 0, undefined],
  ["10, 20", 0, undefined],
  [".5", 0, undefined],
  ["9".repeat(400), 0, undefined],
  ["99999999999", 0, 2 ** 31 - 1],
];

describe("the time for a scrape", () => {
  for (const [header, setSeconds, ms] of TIMES) {
    const said = header === null ? "nothing" : JSON.stringify(header.slice(0, 20));
    test(`is ${ms} ms when the scraper says ${said} and ${setSeconds} s are set`, () => {
      expect(timeoutMsOf(header, setSeconds)).toBe(ms);
    });
  }
});
