import { EmbeddedRangeReader } from "./embedded-range-reader.ts";
import type { RangeReader } from "./queue.ts";
import type { RedisTarget } from "./redis-connection.ts";
import { RedisRangeReader } from "./redis-range-reader.ts";

/** Where a worker reads from. Plain data: it crosses threads. */
export type RangeSource = { kind: "redis"; target: RedisTarget } | { kind: "embedded" };

/** Opens a worker's reader. `name` is the worker's, for a person who looks at connections. */
export function openRangeReader(source: RangeSource, name: string): RangeReader {
  if (source.kind === "embedded") return new EmbeddedRangeReader();
  // A failed connection shows in the reads that fail.
  const listener = { connected: () => {}, failed: () => {} };
  return new RedisRangeReader(source.target, name, listener);
}
