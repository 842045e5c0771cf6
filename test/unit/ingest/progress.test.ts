import { expect, test } from "bun:test";
import { Checkpointer } from "../../../src/checkpoint/checkpointer.ts";
import { Progress } from "../../../src/ingest/progress.ts";
import { restoreRegistry } from "../../../src/ingest/restore.ts";
import type { Commit, JournalEntry } from "../../../src/queue/queue.ts";
import { define, makeRegistry } from "../../support/registry.ts";

test("work that is soon done is not spoken of", () => {
  const progress = new Progress(1000, 0);
  expect([0, 1000, 4999].map((nowMs) => progress.look(500, nowMs))).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

test("every five seconds it is said how quickly it went since the last time", () => {
  const progress = new Progress(10_000, 0);
  expect(progress.look(8000, 5000)).toEqual({ perSecond: 400, secondsLeft: 20 });
  expect(progress.look(7900, 9999)).toBeUndefined();
  expect(progress.look(7000, 10_000)).toEqual({ perSecond: 200, secondsLeft: 35 });
});

test("where nothing gets on, nobody knows how long it takes", () => {
  const progress = new Progress(10, 0);
  expect(progress.look(10, 5000)).toEqual({ perSecond: 0, secondsLeft: undefined });
});

test("a checkpoint that takes long to load says how many entries are left", async () => {
  const entries = await entriesOf(30);
  let nowMs = 0;
  const said: unknown[] = [];
  const queue = {
    async *readJournal() {
      for (const entry of entries) {
        nowMs += 1000;
        yield entry;
      }
    },
  };
  const saved = { number: 1, journal: "", entries: entries.length };
  const { registry } = await restoreRegistry(makeRegistry, queue, saved, {
    listener: { restoring: (left, pace) => said.push([left, pace]) },
    nowMs: () => nowMs,
  });
  expect(registry.seriesCount).toBe(30);
  const left = entries.length - 5;
  expect(said[0]).toEqual([left, { perSecond: 1, secondsLeft: left }]);
  expect(said).toHaveLength(Math.floor(entries.length / 5));
});

/** A checkpoint of so many series, in small entries. */
async function entriesOf(series: number): Promise<Uint8Array[]> {
  const entries: Uint8Array[] = [];
  const registry = makeRegistry();
  for (let i = 0; i < series; i++) registry.resolve(define("counter", "c", { i: String(i) }));
  const queue = {
    writeEntry: async ({ bytes }: JournalEntry) => void entries.push(bytes.slice()),
    commit: async ({ entry }: Commit) => void (entry && entries.push(entry.bytes.slice())),
  };
  await new Checkpointer({
    ...{ queue, registry, keepsState: true, token: 1, savedBytes: 0 },
    ...{ position: () => undefined, takeDeadLetters: () => [] },
    saved: { number: 0, journal: "", entries: 0 },
    sizes: { entryBytesMax: 100, journalBytesMin: 1000, journalEntriesMax: 100 },
  }).run();
  return entries;
}
