import type { DroppedPayload } from "../http/status-types.ts";
import type { AppliedBatch } from "../ingest/tenure.ts";
import type { DropReason } from "../sample/drop-reason.ts";

/** What one worker has done since the process started, whichever of its lives it was in. */
export interface WorkerTally {
  batches: number;
  samples: number;
  /** Of its thread. */
  cpuSeconds: number;
  restarts: number;
}

/** Samples dropped for one reason. */
export interface DropTally {
  reason: DropReason;
  count: number;
  /** Newest first. */
  payloads: DroppedPayload[];
}

/** Payloads of one reason that are kept; each is cut already. */
const PAYLOADS_MAX = 5;

/**
 * What has happened since the process started, for the status page. The own metrics count the same
 * for Prometheus; these are plain numbers that can be read at once, and what dropped messages said.
 */
export class Tally {
  samples = 0;
  dropped = 0;
  lost = 0;
  /** The last one. */
  checkpoint: { atMs: number; bytes: number; seconds: number } | undefined;
  checkpointFailures = 0;
  #workers = new Map<number, WorkerTally>();
  #drops = new Map<DropReason, DropTally>();

  applied({ worker, batch, samples, drops }: AppliedBatch, nowMs: number): void {
    this.samples += samples;
    this.lost += batch.lost;
    const known = this.#workerOf(worker);
    known.batches++;
    known.samples += samples;
    known.cpuSeconds += batch.cpuSeconds;
    for (const { reason, count, payload, bytes } of drops) {
      this.dropped += count;
      let drop = this.#drops.get(reason);
      if (drop === undefined) {
        drop = { reason, count: 0, payloads: [] };
        this.#drops.set(reason, drop);
      }
      drop.count += count;
      drop.payloads.unshift({ atMs: nowMs, payload, bytes });
      drop.payloads.length = Math.min(drop.payloads.length, PAYLOADS_MAX);
    }
  }

  workerDied(worker: number): void {
    this.#workerOf(worker).restarts++;
  }

  workerAt(worker: number): Readonly<WorkerTally> {
    return this.#workers.get(worker) ?? NOTHING_DONE;
  }

  /** Most frequent first. */
  get drops(): readonly DropTally[] {
    return [...this.#drops.values()].sort((a, b) => b.count - a.count);
  }

  #workerOf(worker: number): WorkerTally {
    let known = this.#workers.get(worker);
    if (known === undefined) {
      known = { ...NOTHING_DONE };
      this.#workers.set(worker, known);
    }
    return known;
  }
}

const NOTHING_DONE: Readonly<WorkerTally> = { batches: 0, samples: 0, cpuSeconds: 0, restarts: 0 };
