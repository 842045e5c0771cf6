import { Checkpointer, type CheckpointSizes, type Committed } from "../checkpoint/checkpointer.ts";
import type { Position, Queue, SavedCheckpoint, Segment } from "../queue/queue.ts";
import { BatchApplier } from "../registry/apply.ts";
import type { Registry } from "../registry/registry.ts";
import type { Drop } from "../sample/fold.ts";
import { DeadLetters } from "./dead-letters.ts";
import type { RangeBatch } from "./messages.ts";
import { RangePlan } from "./range-plan.ts";

export interface TenureOptions {
  queue: Pick<Queue, "writeEntry" | "commit">;
  registry: Registry;
  /** Elements in a range. */
  popCount: number;
  keepsState: boolean;
  /** How long the dead letters' list may become; 0: none. */
  deadLetterMax: number;
  token: number;
  saved: SavedCheckpoint;
  savedBytes: number;
  /** Claimed by a former owner and not done. */
  segments: readonly Segment[];
  nowMs: number;
  sizes?: CheckpointSizes;
}

/** What became of one batch. */
export interface AppliedBatch {
  worker: number;
  /** Its columns are empty by now. */
  batch: RangeBatch;
  /** Samples that are in the totals now. */
  samples: number;
  drops: readonly Drop[];
}

interface ArrivedBatch {
  worker: number;
  applier: BatchApplier;
  batch: RangeBatch;
}

/**
 * What a process holds while it is the owner of a gateway id: the registry, which segments are
 * claimed and how far they are applied, and what the next checkpoint needs. No I/O of its own, and
 * one thread: whatever the order in which batches arrive, they are applied in that of the queue.
 */
export class Tenure {
  readonly registry: Registry;
  readonly plan: RangePlan;
  readonly checkpointer: Checkpointer;
  readonly deadLetters: DeadLetters;
  #appliers = new WeakMap<object, BatchApplier>();
  /** Batches that wait for one before them. */
  #arrived = new Map<number, ArrivedBatch>();
  /** Of what the last owner had claimed. */
  #recoveringLeft = 0;
  /** Since ever, and as far as they were when the last checkpoint was taken. */
  #applied = { elements: 0, samples: 0 };
  #taken = { elements: 0, samples: 0 };
  #confirmedElements = 0;
  /** When the claim before a segment's own was made: nothing in the segment is older. */
  #claimedSinceMs = new Map<number, number>();

  constructor(options: TenureOptions) {
    this.registry = options.registry;
    this.plan = new RangePlan(options.popCount);
    this.deadLetters = new DeadLetters(options.deadLetterMax);
    this.checkpointer = new Checkpointer({
      ...options,
      position: () => this.#takePosition(),
      takeDeadLetters: () => this.deadLetters.take(),
    });
    for (const segment of options.segments) {
      this.add(segment, options.nowMs);
      this.#recoveringLeft += segment.length;
    }
  }

  /** Elements to apply until the state is no older than one that was ever shown. */
  get recoveringLeft(): number {
    return this.#recoveringLeft;
  }

  /** List elements claimed that no checkpoint has yet. */
  get unconfirmed(): number {
    return this.plan.pending + this.#applied.elements - this.#confirmedElements;
  }

  /** Samples applied since the last checkpoint was taken. */
  get fresh(): number {
    return this.#applied.samples - this.#taken.samples;
  }

  /** Whether there is something for a checkpoint. */
  get hasNews(): boolean {
    const isApplied = this.#applied.elements > this.#taken.elements;
    return isApplied || this.deadLetters.count > 0 || this.checkpointer.isDue;
  }

  /** Adds a claimed segment. `sinceMs`: nothing in it was pushed before. */
  add(segment: Segment, sinceMs: number): void {
    this.plan.add(segment);
    this.#claimedSinceMs.set(segment.number, sinceMs);
  }

  /** Takes a batch; `incarnation` stands for the life of the worker that made it. */
  arrive(worker: number, incarnation: object, batch: RangeBatch): void {
    let applier = this.#appliers.get(incarnation);
    if (applier === undefined) {
      applier = new BatchApplier(this.registry, this.deadLetters.isKept);
      this.#appliers.set(incarnation, applier);
    }
    this.#arrived.set(batch.sequence, { worker, applier, batch });
  }

  /** Applies the batch whose turn it is; undefined when it has not arrived. */
  applyNext(nowMs: number): AppliedBatch | undefined {
    const next = this.#arrived.get(this.plan.nextToApply);
    if (next === undefined) return undefined;
    const { worker, applier, batch } = next;
    this.#arrived.delete(batch.sequence);
    const { samples, drops, deadLetters } = applier.apply(batch, nowMs);
    this.deadLetters.add(deadLetters, nowMs);
    const segment = this.plan.oldestSegment;
    const elements = this.plan.applied();
    this.plan.isNew = batch.definitions.length * 8 > batch.ids.length;
    if (segment !== undefined && segment !== this.plan.oldestSegment) {
      this.#claimedSinceMs.delete(segment);
    }
    this.#applied.elements += elements;
    this.#applied.samples += batch.ids.length;
    this.#recoveringLeft = Math.max(0, this.#recoveringLeft - elements);
    // Freed at once, and not by the collector some day, it is there for the worker's next batch.
    for (const { buffer } of [batch.ids, batch.values]) buffer.transfer(0);
    return { worker, batch, samples, drops };
  }

  /** Makes a checkpoint, or goes on with the one that failed; one call at a time. */
  async checkpoint(): Promise<Committed> {
    const committed = await this.checkpointer.run();
    this.#confirmedElements = this.#taken.elements;
    return committed;
  }

  /** Since when, at most, the oldest element claimed and not applied waits; undefined: none. */
  get oldestSinceMs(): number | undefined {
    const segment = this.plan.oldestSegment;
    return segment === undefined ? undefined : this.#claimedSinceMs.get(segment);
  }

  #takePosition(): Position | undefined {
    this.#taken = { ...this.#applied };
    return this.plan.position;
  }
}
