import { type Queue, QueueError, type SavedCheckpoint } from "../queue/queue.ts";
import type { Registry } from "../registry/registry.ts";

/**
 * Makes the registry that a checkpoint left, and tells how many bytes that took. Fails with
 * `damaged` when it cannot be read.
 */
export async function restoreRegistry(
  makeRegistry: () => Registry,
  queue: Pick<Queue, "readJournal">,
  saved: SavedCheckpoint,
): Promise<{ registry: Registry; savedBytes: number }> {
  const registry = makeRegistry();
  let savedBytes = 0;
  let index = 0;
  for await (const bytes of queue.readJournal(saved)) {
    try {
      registry.restore(bytes);
    } catch (error) {
      const what = `entry ${index} of journal ${saved.journal}: ${(error as Error).message}`;
      throw new QueueError("damaged", `checkpoint: cannot read ${what}`, error);
    }
    savedBytes += bytes.length;
    index++;
  }
  registry.restored();
  return { registry, savedBytes };
}
