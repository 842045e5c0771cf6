import { type Queue, QueueError, type SavedCheckpoint } from "../queue/queue.ts";
import type { Registry } from "../registry/registry.ts";
import type { IngestionListener } from "./listener.ts";
import { Progress } from "./progress.ts";

/**
 * Makes the registry that a checkpoint left, and tells how many bytes that took. The `listener`
 * hears now and then how far it is; `nowMs` never goes back. Fails with `damaged` when it cannot be read.
 */
export async function restoreRegistry(
  makeRegistry: () => Registry,
  queue: Pick<Queue, "readJournal">,
  saved: SavedCheckpoint,
  { listener, nowMs }: { listener: Pick<IngestionListener, "restoring">; nowMs: () => number },
): Promise<{ registry: Registry; savedBytes: number }> {
  const registry = makeRegistry();
  let savedBytes = 0;
  let index = 0;
  const progress = new Progress(saved.entries, nowMs());
  for await (const bytes of queue.readJournal(saved)) {
    try {
      registry.restore(bytes);
    } catch (error) {
      const what = `entry ${index} of journal ${saved.journal}: ${(error as Error).message}`;
      throw new QueueError("damaged", `checkpoint: cannot read ${what}`, error);
    }
    savedBytes += bytes.length;
    index++;
    const pace = progress.look(saved.entries - index, nowMs());
    if (pace !== undefined) listener.restoring(saved.entries - index, pace);
  }
  registry.restored();
  return { registry, savedBytes };
}
