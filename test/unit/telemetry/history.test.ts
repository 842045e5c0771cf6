import { describe, expect, test } from "bun:test";
import { History, type Measured } from "../../../src/telemetry/history.ts";

const NOW_MS = 1_700_000_000_000;

/** `samples` and `dropped`: since the start. */
function measured(samples: number, rest: Partial<Measured> = {}): Measured {
  return { samples, dropped: 0, backlog: 0, lagSeconds: 0, series: 0, ...rest };
}

/** A history that was measured at these seconds, at a thousand samples a second. */
function historyOf(seconds: readonly number[]): History {
  const history = new History();
  for (const second of seconds) {
    history.record(second * 1000, NOW_MS + second * 1000, measured(second * 1000));
  }
  return history;
}

const upTo = (seconds: number) => Array.from({ length: seconds + 1 }, (_, i) => i);

describe("the history", () => {
  test("has no point before there is something to compare with", () => {
    expect(historyOf([]).show()).toMatchObject({ endMs: null, samplesPerSecond: [] });
    expect(historyOf([0, 1, 2]).show()).toMatchObject({ endMs: null, series: [] });
  });

  test("has a point each five seconds, with what was measured then and the rates since", () => {
    const history = new History();
    for (const second of upTo(10)) {
      const made = history.record(
        second * 1000,
        NOW_MS + second * 1000,
        measured(second ** 2, { dropped: 2 * second, backlog: second, lagSeconds: 1, series: 7 }),
      );
      expect(made).toBe(second === 5 || second === 10);
    }
    expect(history.show()).toEqual({
      stepMs: 5000,
      endMs: NOW_MS + 10_000,
      samplesPerSecond: [5, 15],
      droppedPerSecond: [2, 2],
      backlog: [5, 10],
      lagSeconds: [1, 1],
      series: [7, 7],
    });
  });

  test("keeps its step when the timer is late each time", () => {
    const late = upTo(100).map((second) => second * 1.004);
    expect(historyOf(late).show().samplesPerSecond).toHaveLength(20);
    // Nearly a step: what is left over is not lost.
    expect(historyOf(upTo(40).map((second) => second * 1.25)).show().backlog).toHaveLength(10);
  });

  test("says nothing of a time in which nobody measured, but what came in it counts", () => {
    const history = historyOf([...upTo(5), 22, 25]);
    const { samplesPerSecond, series, endMs } = history.show();
    expect(series).toEqual([0, null, null, 0, 0]);
    // From 5 to 22 s at a thousand a second, though only the end was seen.
    expect(samplesPerSecond).toEqual([1000, null, null, 1000, 1000]);
    expect(endMs).toBe(NOW_MS + 25_000);
  });

  test("says nothing of a backlog that is not known", () => {
    const history = historyOf(upTo(4));
    const unknown = measured(5000, { backlog: Number.NaN, series: 3 });
    history.record(5000, NOW_MS, unknown);
    expect(history.show()).toMatchObject({ backlog: [null], series: [3] });
    expect(history.headline(5000, unknown)).toMatchObject({ backlog: null, series: 3 });
  });

  test("forgets what is longer ago than 15 minutes, however long nobody measured", () => {
    const history = historyOf(upTo(2000));
    expect(history.show().samplesPerSecond).toEqual(Array(180).fill(1000));
    history.record(1e9, NOW_MS + 1e9, measured(3e6));
    const { samplesPerSecond } = history.show();
    expect(samplesPerSecond.slice(0, -1)).toEqual(Array(179).fill(null));
    expect(samplesPerSecond.at(-1)).toBeCloseTo(1e6 / (1e6 - 2000), 5);
  });

  test("does not mind a calendar that is put back", () => {
    const history = historyOf(upTo(5));
    history.record(10_000, NOW_MS - 3_600_000, measured(10_000));
    expect(history.show()).toMatchObject({
      endMs: NOW_MS - 3_600_000,
      samplesPerSecond: [1000, 1000],
    });
  });

  test("has a headline of the last seconds and of now", () => {
    const history = historyOf(upTo(60));
    const now = measured(60_000 + 500, { dropped: 11, backlog: 3, lagSeconds: 2, series: 9 });
    expect(history.headline(60_500, now)).toEqual({
      samplesPerSecond: 1000,
      droppedPerSecond: 2,
      ...{ backlog: 3, lagSeconds: 2, series: 9 },
    });
    expect(new History().headline(0, now)).toMatchObject({ samplesPerSecond: 0 });
  });
});
