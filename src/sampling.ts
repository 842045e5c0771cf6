import type { Ingestion } from "./ingest/ingestion.ts";
import type { Queue } from "./queue/queue.ts";
import type { History, Measured } from "./telemetry/history.ts";
import type { OwnMetrics } from "./telemetry/own-metrics.ts";
import type { Tally } from "./telemetry/tally.ts";

export interface SamplingOptions {
  own: OwnMetrics;
  queue: Queue;
  ingestion: Ingestion;
  tally: Tally;
  history: History;
  nowMs: () => number;
}

const INTERVAL_MS = 1000;
/** A queue that does not tell its length for so long does not tell it. */
const LENGTH_WAIT_MS = 900;

/** Each second: how much is pending, how late the timer itself is, and what the history keeps. */
export function startSampling(options: SamplingOptions): Timer {
  const { own, queue, ingestion, history, nowMs } = options;
  const { queueKey } = own;
  let dueAt = performance.now() + INTERVAL_MS;
  return setInterval(async () => {
    const now = performance.now();
    own.noteEventLoopLag(Math.max(0, (now - dueAt) / 1000));
    dueAt = now + INTERVAL_MS;
    // Before the queue is asked: what is claimed in between would be counted twice.
    const claimed = ingestion.tenure?.plan.pending ?? 0;
    const asked = queue.length().catch(() => undefined);
    const waiting = await Promise.race([asked, Bun.sleep(LENGTH_WAIT_MS)]);
    // Where Redis is away, which the claims report, what is claimed is known still.
    own.pending.set({ queueKey }, (waiting ?? 0) + claimed);
    const measuredAt = performance.now();
    const measured = measure(options, (waiting ?? Number.NaN) + claimed, nowMs());
    const isPoint = history.record(measuredAt, nowMs(), measured);
    const activity = ingestion.tenure?.registry.activity;
    if (isPoint || activity?.isLookedAt === false) activity?.look(measuredAt, nowMs());
  }, INTERVAL_MS);
}

/** What is known at once; the backlog, which the queue is asked for, comes along: NaN is unknown. */
export function measure(
  { ingestion, tally }: Pick<SamplingOptions, "ingestion" | "tally">,
  backlog: number,
  nowMs: number,
): Measured {
  const { tenure } = ingestion;
  return {
    samples: tally.samples,
    dropped: tally.dropped,
    backlog,
    lagSeconds: Math.max(0, nowMs - (tenure?.oldestSinceMs ?? nowMs)) / 1000,
    series: tenure?.registry.seriesCount ?? 0,
  };
}
