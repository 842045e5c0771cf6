import { EmbeddedRangeReader } from "./embedded-range-reader.ts";
import type { RangeReader, RangeSource } from "./queue.ts";
import { RedisRangeReader } from "./redis-range-reader.ts";

/** Opens a worker's reader. `name` is the worker's, for a person who looks at connections. */
export function openRangeReader(source: RangeSource, name: string): RangeReader {
  if (source.kind === "embedded") return new EmbeddedRangeReader();
  // A failed connection shows in the reads that fail.
  const listener = { connected: () => {}, failed: () => {} };
  return new RedisRangeReader(source.target, name, listener);
}
