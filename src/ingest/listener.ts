import type { SavedCheckpoint } from "../queue/queue.ts";
import type { Pace } from "./progress.ts";
import type { AppliedBatch } from "./tenure.ts";

/** What the ingestion tells. Times in seconds. */
export interface IngestionListener {
  queueFailed(reason: string): void;
  queueRecovered(): void;
  /** Another process has the lease; this one waits for it. */
  stoodBy(holder: string): void;
  /** A large checkpoint is being loaded: so many of its entries are left. */
  restoring(entriesLeft: number, pace: Pace): void;
  /** This process has the lease and the state; `elements` are to be applied before it is shown. */
  acquired(checkpoint: SavedCheckpoint, segments: number, elements: number): void;
  /** So many elements are left to apply before anything is shown. */
  recovering(elementsLeft: number, pace: Pace): void;
  /** Totals are shown from now on. */
  recovered(series: number, seconds: number): void;
  /** Another process has become the owner: totals are no longer ours to show. */
  superseded(holder: string): void;
  /** The queue no longer knew of us, and is told everything anew. */
  stateLost(reason: string): void;
  /** The queue has forgotten claims of ours: so many elements may be taken twice at most. */
  claimsUndone(elements: number): void;
  emptyClaim(): void;
  applied(applied: AppliedBatch, seconds: number): void;
  /** So many series have ended: nothing came for them within their time. */
  seriesEnded(count: number): void;
  checkpointed(bytes: number, isWhole: boolean, deadLetters: number, seconds: number): void;
  checkpointFailed(reason: string): void;
  /** The state that the queue holds cannot be read; it was left as it is. */
  checkpointRefused(reason: string): void;
  /** It cannot be read, and was moved to `aside`: totals begin at zero. */
  checkpointSetAside(reason: string, aside: string): void;
  /** So many elements could not be applied before the stop, and are lost. */
  samplesAbandoned(elements: number): void;
}
