import { describe, expect, test } from "bun:test";
import {
  formatAgo,
  formatBytes,
  formatCount,
  formatExact,
  formatSeconds,
  formatTime,
} from "../../../src/page/format.ts";

/** Units stand behind spaces that do not break. */
const plain = (text: string) => text.replaceAll("\u00a0", " ");

describe("numbers for people", () => {
  for (const [count, text] of [
    ...([
      [0, "0"],
      [7, "7"],
      [9999, "9,999"],
      [-12, "\u221212"],
      [0.25, "0.25"],
    ] as const),
    ...([
      [10_000, "10 k"],
      [12_345, "12.3 k"],
      [999_499, "999 k"],
      [999_600, "1 M"],
    ] as const),
    ...([
      [1_234_567, "1.23 M"],
      [5e9, "5 G"],
      [3.21e15, "3210 T"],
      [99.96, "100"],
    ] as const),
  ] as const) {
    test(`writes ${count} as ${text}`, () => expect(plain(formatCount(count))).toBe(text));
  }

  for (const [value, text] of [
    ...([
      [1_234_567.5, "1,234,567.5"],
      [-0.5, "\u22120.5"],
      [1e21, "1e+21"],
    ] as const),
    ...([
      [100, "100"],
      [1000, "1,000"],
      [5e-324, "5e-324"],
    ] as const),
  ] as const) {
    test(`writes each digit of ${value}`, () => expect(formatExact(value)).toBe(text));
  }

  test("writes bytes in powers of two", () => {
    expect(
      [0, 512, 2048, 3.5 * 2 ** 20, 2 ** 31].map((bytes) => plain(formatBytes(bytes))),
    ).toEqual([...["0 B", "512 B", "2 KiB", "3.5 MiB", "2 GiB"]]);
  });
});

describe("times for people", () => {
  for (const [seconds, text] of [
    ...([
      [0, "0 s"],
      [0.00042, "0.42 ms"],
      [0.0123, "12.3 ms"],
      [0.3, "0.3 s"],
    ] as const),
    ...([
      [59.9, "59.9 s"],
      [59.96, "1 min"],
      [65, "1 min 5 s"],
      [119.7, "2 min"],
    ] as const),
    ...([
      [11_520, "3 h 12 min"],
      [3600, "1 h"],
      [450_000, "5 d 5 h"],
    ] as const),
  ] as const) {
    test(`writes ${seconds} s as ${text}`, () => expect(plain(formatSeconds(seconds))).toBe(text));
  }

  test("says how long ago it was to the largest unit", () => {
    const ago = (seconds: number) => plain(formatAgo(1e12 - seconds * 1000, 1e12));
    expect([-3, 0, 4.9, 59, 725, 86_399, 86_400 * 3.5].map(ago)).toEqual([
      ...["just now", "just now", "just now", "59 s ago", "12 min ago", "23 h ago", "3 d ago"],
    ]);
  });

  test("writes a time to the second", () => {
    expect(formatTime(1_769_860_800_250)).toBe("2026-01-31 12:00:00 UTC");
  });
});
