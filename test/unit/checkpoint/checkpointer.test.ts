import { expect, test } from "bun:test";
import { Checkpointer } from "../../../src/checkpoint/checkpointer.ts";
import type { Commit, JournalEntry } from "../../../src/queue/queue.ts";
import type { Registry } from "../../../src/registry/registry.ts";
import { define, makeRegistry } from "../../support/registry.ts";

test("a checkpoint under way writes nothing more once its state is void", async () => {
  const written: JournalEntry[] = [];
  const commits: Commit[] = [];
  const answer = Promise.withResolvers<void>();
  const queue = {
    writeEntry: (entry: JournalEntry) => {
      written.push(entry);
      return answer.promise;
    },
    commit: async (commit: Commit) => void commits.push(commit),
  };
  const checkpointer = new Checkpointer({
    ...{ queue, registry: registryOf(50), keepsState: true, token: 1, savedBytes: 0 },
    ...{ position: () => undefined, takeDeadLetters: () => [] },
    saved: { number: 0, journal: "", entries: 0 },
    sizes: { entryBytesMax: 100, journalBytesMin: 1000, journalEntriesMax: 100 },
  });
  const running = checkpointer.run();
  expect(written).toHaveLength(1);
  checkpointer.end();
  answer.resolve();
  await expect(running).rejects.toThrow("void");
  expect(written).toHaveLength(1);
  expect(commits).toEqual([]);
});

function registryOf(series: number): Registry {
  const registry = makeRegistry();
  for (let i = 0; i < series; i++) registry.resolve(define("counter", "c", { i: String(i) }));
  return registry;
}
