import { describe, expect, test } from "bun:test";
import type { History, Status } from "../../../src/http/status-types.ts";
import { stateOf } from "../../../src/page/state.ts";

const HEADLINE = {
  samplesPerSecond: 1000,
  backlog: 10,
  lagSeconds: 0.2,
  droppedPerSecond: 0,
  series: 5,
};

const STATUS: Status = {
  ...{
    version: "1.2.3",
    revision: "abc",
    startedAtMs: 0,
    nowMs: 1e6,
    gatewayId: "g",
    queueKey: "q",
  },
  ...{ ready: true, reason: null, standby: false, owner: true, families: 2, series: 5 },
  ...{ seriesMax: 100, pendingElements: 0, unconfirmedElements: 0, headline: HEADLINE },
  ...{ samplesTotal: 5e6, droppedTotal: 0, lostTotal: 0 },
  queue: {
    ...{ kind: "redis", holder: "process 7 on b", leaseMs: 3000, leaseLeftMs: 2000, segments: 1 },
    ...{ position: null, lastCheckpoint: null, checkpointFailures: 0, redis: null, embedded: null },
  },
  ...{ workers: [], memoryBytes: 0, cpuSeconds: 0, isAdminEnabled: false },
};

const headline = (changes: Partial<Status["headline"]>): Status => ({
  ...STATUS,
  headline: { ...HEADLINE, ...changes },
});

const unready = (reason: string, changes: Partial<Status> = {}): Status => ({
  ...{ ...STATUS, ready: false, owner: false, reason },
  ...changes,
});

/** A history whose backlog was that, oldest first. */
const backlogs = (...backlog: (number | null)[]): History => {
  const others = backlog.map(() => 0);
  return {
    ...{ stepMs: 5000, endMs: 1e6, backlog, samplesPerSecond: others, lagSeconds: others },
    ...{ droppedPerSecond: others, series: others },
  };
};

const RISING = backlogs(0, 5000, 10_000, 15_000, 20_000, 25_000, 30_000);
const FALLING = backlogs(60_000, 55_000, 50_000, 45_000, 40_000, 35_000, 30_000);
const LEVEL = backlogs(30_000, 30_000, 30_000, 30_000, 30_000, 30_000, 30_000);
const LATE = headline({ backlog: 30_000, lagSeconds: 42 });

describe("the state in one sentence", () => {
  for (const [what, status, history, level, title, text] of [
    ["all is well", STATUS, LEVEL, "fine", "Keeping up", "0.2 s behind the senders"],
    ["no history is there", STATUS, undefined, "fine", "Keeping up", "1,000 samples a second"],
    [
      "nothing comes",
      headline({ samplesPerSecond: 0, backlog: 0, lagSeconds: 0 }),
      undefined,
      "fine",
      "Ready, no samples come",
      "5 M samples since the start",
    ],
    [
      "nothing has come yet",
      { ...headline({ samplesPerSecond: 0, backlog: 0, lagSeconds: 0 }), samplesTotal: 0 },
      undefined,
      "fine",
      "Ready, no samples come",
      "Senders LPUSH them to q.",
    ],
    ["the backlog grows", LATE, RISING, "bad", "Falling behind", "1,000 more each second"],
    ["the backlog stays", LATE, LEVEL, "bad", "Falling behind", "the oldest for 42 s"],
    ["the backlog shrinks", LATE, FALLING, "look", "Catching up", "done in 30 s"],
    [
      "it is late, and nobody knows since when",
      LATE,
      backlogs(null, null),
      "bad",
      "Falling behind",
      "30 k samples wait",
    ],
    [
      "samples are dropped",
      headline({ droppedPerSecond: 3 }),
      LEVEL,
      "look",
      "Keeping up, but dropping samples",
      "under Drops",
    ],
    [
      "series come near the limit",
      { ...STATUS, series: 90 },
      LEVEL,
      "look",
      "Keeping up, near the series limit",
      "90 of 100 series",
    ],
    [
      "there is no limit of series",
      { ...STATUS, series: 90, seriesMax: 0 },
      LEVEL,
      "fine",
      "Keeping up",
      "",
    ],
    [
      "another process works",
      unready("standby: x", { standby: true }),
      undefined,
      "waiting",
      "Standing by",
      "Process 7 on b works",
    ],
    [
      "Redis is away",
      unready("redis unavailable: connect ECONNREFUSED"),
      undefined,
      "bad",
      "Redis is away",
      "ECONNREFUSED",
    ],
    [
      "it recovers",
      unready("recovering: 123456 samples left"),
      undefined,
      "waiting",
      "Recovering",
      "123,456 samples left.",
    ],
    ["it stops", unready("stopping"), undefined, "waiting", "Stopping", ""],
    ["something else is wrong", unready("why ever"), undefined, "bad", "Not ready", "Why ever."],
  ] as const) {
    test(`when ${what}: ${title}`, () => {
      const state = stateOf(status, history);
      expect(state).toMatchObject({ level, title });
      const said = `${state.detail} ${state.remedy}`.replaceAll("\u00a0", " ");
      expect(said).toContain(text);
      if (level === "bad" || level === "look") expect(said.length).toBeGreaterThan(20);
    });
  }

  test("names the embedded queue's remedy, not Redis'", () => {
    const queue = { ...STATUS.queue, kind: "embedded" as const };
    const state = stateOf(unready("embedded queue unavailable: EACCES", { queue }), undefined);
    expect(state.title).toBe("The queue is away");
    expect(state.remedy).toContain("Embedded.StateFile");
  });
});
