import { expect, test } from "bun:test";
import type { RangeBatch } from "../../../src/ingest/messages.ts";
import { Tenure } from "../../../src/ingest/tenure.ts";
import { packElements } from "../../../src/queue/elements.ts";
import type { Range } from "../../../src/queue/queue.ts";
import { Folder } from "../../../src/sample/fold.ts";
import { LIMITS } from "../../support/arbitrary-messages.ts";
import { makeRegistry } from "../../support/registry.ts";

const folder = new Folder({ limits: LIMITS, deadLetterMax: 0, definitionsMax: 0 });

function tenureOf(popCount: number, maxSeries = 0, countMax = 1000): Tenure {
  return new Tenure({
    queue: { writeEntry: async () => {}, commit: async () => {} },
    registry: makeRegistry({ maxSeries }),
    refused: { countMax },
    ...{ popCount, keepsState: false, deadLetterMax: 0, token: 1, savedBytes: 0, nowMs: 0 },
    maxAgeMs: 0,
    saved: { number: 0, journal: "", entries: 0 },
    segments: [{ number: 0, length: 100_000, elementBytes: 100, claimedMs: 0 }],
  });
}

/** Applies a range whose samples are of so many series, all new. */
function apply(tenure: Tenure, { sequence, count }: Range, series: number): void {
  const texts = Array.from({ length: count }, (_, i) =>
    Buffer.from(`{"type":"counter","name":"c${sequence}_${i % series}","value":1}`),
  );
  const batch: RangeBatch = {
    ...folder.fold(packElements(texts)),
    ...{ sequence, lost: 0, bytes: 0, readSeconds: 0, decodeSeconds: 0, cpuSeconds: 0 },
  };
  tenure.arrive(0, folder, batch);
  expect(tenure.applyNext(0)).toMatchObject({ samples: count });
  // Their memory is given back at once.
  expect([batch.ids.length, batch.values.length]).toEqual([0, 0]);
}

test("a segment is held until a checkpoint is behind its end", async () => {
  const tenure = tenureOf(4000);
  for (const number of [1, 2, 4]) {
    tenure.add({ number, length: 100, elementBytes: 1, claimedMs: 0 }, 0);
  }
  // What it was made with, and these.
  expect(tenure.segmentCount).toBe(4);
  while (tenure.plan.oldestSegment?.number !== 4) apply(tenure, tenure.plan.next()!, 1);
  expect(tenure.segmentCount).toBe(4);
  await tenure.checkpoint();
  expect(tenure.segmentCount).toBe(1);
});

test("a worker is told which of its refused definitions are given up, while it numbers on", () => {
  const tenure = tenureOf(100, 1, 3);
  const worker = new Folder({ limits: LIMITS, deadLetterMax: 0 });
  const fold = ({ sequence, count }: Range): RangeBatch => ({
    ...worker.fold(
      packElements(
        Array.from({ length: count }, (_, i) =>
          Buffer.from(
            `{"type":"counter","name":"c","value":1,"labels":{"i":"${sequence}_${i % 3}"}}`,
          ),
        ),
      ),
    ),
    ...{ sequence, lost: 0, bytes: 0, readSeconds: 0, decodeSeconds: 0, cpuSeconds: 0 },
  });
  const [first, second, third] = [0, 1, 2].map(() => tenure.plan.next()!);
  tenure.arrive(0, worker, fold(first));
  tenure.applyNext(0);
  expect(tenure.takeVoids()).toEqual([]);
  tenure.arrive(0, worker, fold(second));
  // Named once more, in a batch that was made before the worker could know.
  tenure.arrive(0, worker, { ...fold(first), sequence: third.sequence });
  tenure.applyNext(0);
  expect(tenure.takeVoids()).toEqual([{ incarnation: worker, ids: Uint32Array.of(1, 2, 4, 5) }]);
  expect(tenure.applyNext(0)).toEqual({ again: third });
  worker.forget();
  tenure.arrive(0, worker, fold(third));
  expect(tenure.applyNext(0)).toMatchObject({ samples: 0 });
  expect(tenure.takeVoids()).toEqual([]);
});

test("ranges are small while most samples are of new series", () => {
  const tenure = tenureOf(4000);
  const counts: number[] = [];
  for (const series of [1000, 100, 100, 2000, 125, 100]) {
    const range = tenure.plan.next()!;
    counts.push(range.count);
    apply(tenure, range, series);
  }
  expect(counts).toEqual([1000, 1000, 4000, 4000, 1000, 4000]);
});

test("ranges are never larger than they may be", () => {
  const tenure = tenureOf(300);
  const range = tenure.plan.next()!;
  expect(range.count).toBe(300);
  apply(tenure, range, 1);
  expect(tenure.plan.next()?.count).toBe(300);
});
