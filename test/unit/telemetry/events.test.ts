import { describe, expect, test } from "bun:test";
import type { RangeBatch } from "../../../src/ingest/messages.ts";
import { DROP_REASONS, type DropReason } from "../../../src/sample/drop-reason.ts";
import {
  EVENTS,
  type EventDeclaration,
  type EventName,
  LINES_MAX,
} from "../../../src/telemetry/event-list.ts";
import { Events } from "../../../src/telemetry/events.ts";
import { Log } from "../../../src/telemetry/log.ts";
import { OwnMetrics } from "../../../src/telemetry/own-metrics.ts";

/** How each event comes about; what others can make up differs each time. */
const CAUSES: Record<EventName, (events: Events, i: number) => void> = {
  gateway_started: (events) =>
    events.gatewayStarted({
      ...{
        version: "1",
        listen: ":1",
        push: undefined,
        metrics: "m",
        status: "s",
        workers: 1,
        queueKey: "q",
      },
    }),
  gateway_stopping: (events) => events.gatewayStopping("SIGTERM"),
  gateway_stopped: (events) => events.gatewayStopped(1),
  queue_connected: (events) => {
    events.queueFailed("x");
    events.queueRecovered();
  },
  queue_failed: (events, i) => {
    events.queueRecovered();
    events.queueFailed(`WRONGTYPE ${i}`);
  },
  gateway_standing_by: (events, i) => events.stoodBy(`process ${i}`),
  lease_acquired: (events, i) => events.acquired({ number: i, journal: "", entries: 0 }, 0, 0),
  credentials_changed: (events) => events.credentialsChanged(),
  credentials_refused: (events, i) => events.credentialsRefused(`reason ${i}`),
  checkpoint_loading: (events, i) => events.restoring(i, { perSecond: 1, secondsLeft: i }),
  gateway_recovering: (events, i) => events.recovering(i, { perSecond: 1, secondsLeft: i }),
  gateway_recovered: (events, i) => events.recovered(i, 0),
  gateway_superseded: (events, i) => events.superseded(`process ${i}`),
  queue_state_lost: (events, i) => events.stateLost(`the last checkpoint is ${i}`),
  claims_undone: (events, i) => events.claimsUndone(i),
  checkpoint_committed: (events, i) => events.checkpointed(i, false, 0, 0),
  checkpoint_failed: (events, i) => events.checkpointFailed(`reason ${i}`),
  checkpoint_refused: (events, i) => events.checkpointRefused(`reason ${i}`),
  checkpoint_set_aside: (events, i) => events.checkpointSetAside(`reason ${i}`, "file"),
  checkpoint_torn: (events, i) => events.checkpointTorn(i),
  samples_abandoned: (events, i) => events.samplesAbandoned(i),
  samples_lost: (events) => events.applied(batchOf({ lost: 1 }), 0),
  range_read_failed: (events, i) => events.rangeReadFailed(i, `reason ${i}`),
  worker_died: (events, i) => events.workerDied(i % 200, `reason ${i}`),
  samples_dropped: (events, i) => {
    drop(events, DROP_REASONS[i % DROP_REASONS.length], `payload ${i}`);
  },
  series_limited: (events, i) => events.seriesLimited(`family_${i}`),
  series_ended: (events) => events.seriesEnded(1),
  other_layout_met: (events, i) => events.otherLayoutMet(`family_${i}`),
  request_refused: (events, i) => {
    const reasons = ["unauthorized", "too_many_failures", "rate_limit"] as const;
    events.accessRefused(reasons[i % reasons.length], `10.0.0.1:${i}`);
  },
  request_failed: (events, i) => events.requestFailed("/status", `reason ${i}`),
  handshake_failed: (events, i) => events.handshakeFailed(`10.0.0.1:${i}`, `reason ${i}`),
  certificate_refused: (events, i) => events.certificateRefused(`10.0.0.1:${i}`, `reason ${i}`),
  web_config_reloaded: (events) => events.webConfigReloaded(undefined),
  web_config_refused: (events, i) => events.webConfigRefused(`fault ${i}`),
  client_refused: (events) => events.clientRefused(10_000),
  client_closed: (events, i) => events.clientClosed(`10.0.0.1:${i}`, `reason ${i}`),
  senders_paused: (events, i) => events.sendersPaused(i),
};

const TIMES = 10_000;

describe("nobody can flood the log", () => {
  for (const [event, cause] of Object.entries(CAUSES) as [EventName, typeof CAUSES.worker_died][]) {
    const { oncePer }: EventDeclaration = EVENTS[event];
    const most = oncePer === "event" && event !== "checkpoint_failed" ? 1 : LINES_MAX;

    test(`with ${event}: at most ${most} in ten seconds, then how many were left out`, () => {
      const { events, linesOf, clock } = makeEvents();
      for (let i = 0; i < TIMES; i++) {
        cause(events, i);
        clock.ms += 10_000 / TIMES - 0.001;
      }
      const written = linesOf(event);
      expect(written.length).toBeGreaterThan(0);
      expect(written.length).toBeLessThanOrEqual(most);
      clock.ms += 10_000;
      cause(events, 0);
      const last = linesOf(event).slice(written.length);
      expect(last).toHaveLength(1);
      const before = written.reduce((sum, { suppressed = 0 }) => sum + Number(suppressed), 0);
      const said = before + written.length + Number(last[0].suppressed ?? 0) + 1;
      // The cause of two of them is another event's as well, which began it.
      expect(Math.abs(said - (TIMES + 1))).toBeLessThanOrEqual(1);
    });
  }
});

describe("a line that was due later says how many there were meanwhile", () => {
  test("of samples dropped for one reason", () => {
    const { events, linesOf, clock } = makeEvents();
    for (let i = 0; i < 5; i++) drop(events, "invalid_json", `payload ${i}`);
    drop(events, "invalid_name", "another");
    clock.ms += 10_000;
    drop(events, "invalid_json", "last");
    const seen = linesOf("samples_dropped").map(({ reason, count, payload }) => {
      return [reason, count, payload];
    });
    expect(seen).toEqual([
      ["invalid_json", 1, "payload 0"],
      ["invalid_name", 1, "another"],
      ["invalid_json", 5, "last"],
    ]);
  });

  test("of lost samples, ended series and families of another layout", () => {
    const { events, linesOf, clock } = makeEvents();
    const meet = () => {
      events.applied(batchOf({ lost: 3 }), 0);
      events.seriesEnded(3);
      events.otherLayoutMet("f");
    };
    for (let i = 0; i < 3; i++) meet();
    clock.ms += 10_000;
    meet();
    expect(linesOf("samples_lost").map(({ elements }) => elements)).toEqual([3, 9]);
    expect(linesOf("series_ended").map(({ count }) => count)).toEqual([3, 9]);
    expect(linesOf("other_layout_met").map(({ families }) => families)).toEqual([1, 3]);
  });
});

describe("what is news is said at once", () => {
  test("that the queue failed again after it had recovered, with the same reason", () => {
    const { events, linesOf } = makeEvents();
    for (const reason of ["gone", "gone", "full"]) events.queueFailed(reason);
    events.queueRecovered();
    events.queueFailed("gone");
    expect(linesOf("queue_failed").map(({ reason }) => reason)).toEqual(["gone", "full", "gone"]);
  });

  test("that a checkpoint failed after one had worked", () => {
    const { events, linesOf } = makeEvents();
    for (let i = 0; i < 3; i++) events.checkpointFailed("full");
    events.checkpointed(1, false, 0, 0);
    events.checkpointFailed("full");
    expect(linesOf("checkpoint_failed")).toHaveLength(2);
  });

  test("although the clock was set back", () => {
    const { events, linesOf, clock } = makeEvents();
    drop(events, "invalid_json", "a");
    clock.ms -= 3_600_000;
    drop(events, "invalid_json", "b");
    expect(linesOf("samples_dropped")).toHaveLength(2);
  });
});

function makeEvents() {
  const lines: Record<string, unknown>[] = [];
  const clock = { ms: 1_000_000 };
  const log = new Log({
    ...{ level: "trace", levels: new Map(), format: "json", isTerminal: false },
    write: (line) => lines.push(JSON.parse(line)),
  });
  const own = new OwnMetrics({
    ...{ gatewayId: "default", queueKey: "q", workers: 1, seriesMax: 0, isInfoOnly: false },
  });
  const events = new Events(log, own, "check it", () => clock.ms);
  const linesOf = (event: EventName) => lines.filter((line) => line.event === event);
  return { events, linesOf, clock };
}

function drop(events: Events, reason: DropReason, payload: string): void {
  const drops = [{ reason, count: 1, payload, bytes: payload.length }];
  events.applied({ ...batchOf({}), drops }, 0);
}

function batchOf(given: Partial<RangeBatch>) {
  const batch = { readSeconds: 0, decodeSeconds: 0, lost: 0, ...given } as RangeBatch;
  return { worker: 0, batch, samples: 0, drops: [], ages: [] };
}
