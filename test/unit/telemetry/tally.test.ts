import { expect, test } from "bun:test";
import type { AppliedBatch } from "../../../src/ingest/tenure.ts";
import type { Drop } from "../../../src/sample/fold.ts";
import { Tally } from "../../../src/telemetry/tally.ts";

function batchOf(worker: number, samples: number, drops: readonly Drop[]): AppliedBatch {
  const columns = {
    ids: new Uint32Array(0),
    values: new Float64Array(0),
    timestampsMs: undefined,
    ...{ details: [], definitions: [], firstDefinitionId: 0, drops: [], deadLetters: [] },
  };
  const times = { readSeconds: 0, decodeSeconds: 0, cpuSeconds: 0.5 };
  const batch = { ...columns, ...times, sequence: 0, lost: 1, bytes: 0 };
  return { worker, batch, samples, drops, ages: [] };
}

const dropOf = (reason: Drop["reason"], count: number, payload: string): Drop => {
  return { reason, count, payload, bytes: 1000 };
};

test("the tally adds up what the batches of a worker bring", () => {
  const tally = new Tally();
  tally.applied(batchOf(1, 10, []), 0);
  tally.applied(batchOf(1, 5, []), 0);
  tally.workerDied(1);
  expect(tally.workerAt(1)).toEqual({ batches: 2, samples: 15, cpuSeconds: 1, restarts: 1 });
  expect(tally.workerAt(0)).toEqual({ batches: 0, samples: 0, cpuSeconds: 0, restarts: 0 });
  expect([tally.samples, tally.lost, tally.dropped]).toEqual([15, 2, 0]);
});

test("the tally keeps the last five payloads of a reason, the newest first", () => {
  const tally = new Tally();
  for (let i = 0; i < 8; i++) {
    tally.applied(batchOf(0, 0, [dropOf("invalid_json", 2, `payload ${i}`)]), i);
  }
  tally.applied(batchOf(0, 0, [dropOf("too_old", 100, "old")]), 9);
  expect(tally.dropped).toBe(116);
  expect(tally.drops).toEqual([
    { reason: "too_old", count: 100, payloads: [{ atMs: 9, payload: "old", bytes: 1000 }] },
    {
      reason: "invalid_json",
      count: 16,
      payloads: [7, 6, 5, 4, 3].map((i) => ({ atMs: i, payload: `payload ${i}`, bytes: 1000 })),
    },
  ]);
});
