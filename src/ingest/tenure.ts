import { Checkpointer, type CheckpointSizes, type Committed } from "../checkpoint/checkpointer.ts";
import type { Position, Queue, Range, SavedCheckpoint, Segment } from "../queue/queue.ts";
import { BatchApplier } from "../registry/apply.ts";
import type { LabelSet } from "../registry/label-set.ts";
import type { RefusedLimits } from "../registry/refused-definitions.ts";
import type { Registry } from "../registry/registry.ts";
import type { RemovedSeries } from "../registry/removed-series.ts";
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
  /** Samples that say that they are older are refused; 0: none. */
  maxAgeMs: number;
  token: number;
  saved: SavedCheckpoint;
  savedBytes: number;
  /** Claimed by a former owner and not done. */
  segments: readonly Segment[];
  nowMs: number;
  sizes?: CheckpointSizes;
  /** How many definitions without a series are kept of each worker. */
  refused?: RefusedLimits;
}

/** What became of one batch. */
export interface AppliedBatch {
  worker: number;
  /** Its columns are empty by now. */
  batch: RangeBatch;
  /** Samples that are in the totals now. */
  samples: number;
  drops: readonly Drop[];
  /** Of samples that say when they were taken: how long before they were claimed, in seconds. */
  ages: readonly number[];
}

/** Numbers of a worker's definitions that are void. */
export interface VoidDefinitions {
  incarnation: object;
  ids: Uint32Array<ArrayBuffer>;
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
  /** No batch is applied until it is not any more. */
  isHeld = false;
  #options: TenureOptions;
  /** By worker, of its present life and numbering. */
  #appliers = new Map<number, { incarnation: object; applier: BatchApplier }>();
  /** What the workers are to be told. */
  #voids: VoidDefinitions[] = [];
  #ended = 0;
  /** Batches that wait for one before them. */
  #arrived = new Map<number, ArrivedBatch>();
  /** Of what the last owner had claimed. */
  #recoveringLeft = 0;
  /** Since ever, and as far as they were when the last checkpoint was taken. */
  #applied = { elements: 0, samples: 0 };
  #taken = { elements: 0, samples: 0 };
  #takenPosition: Position | undefined;
  #confirmedElements = 0;
  /** Numbers of the segments that no checkpoint has deleted, ascending. */
  #heldSegments: number[] = [];
  /** When the claim before a segment's own was made: nothing in the segment is older. */
  #claimedSinceMs = new Map<number, number>();

  constructor(options: TenureOptions) {
    this.#options = options;
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

  /** Segments claimed that no checkpoint has deleted yet. */
  get segmentCount(): number {
    return this.#heldSegments.length;
  }

  /** Samples applied since the last checkpoint was taken. */
  get fresh(): number {
    return this.#applied.samples - this.#taken.samples;
  }

  /** Whether there is something for a checkpoint. */
  get hasNews(): boolean {
    const isApplied = this.#applied.elements > this.#taken.elements;
    return isApplied || !this.areSeriesWritten || this.deadLetters.count > 0;
  }

  /** Whether a checkpoint says which series there are. */
  get areSeriesWritten(): boolean {
    const hasChanges = this.#options.keepsState && this.registry.hasChangedSeries;
    return !hasChanges && !this.checkpointer.isDue;
  }

  /** Adds a claimed segment. `sinceMs`: nothing in it was pushed before. */
  add(segment: Segment, sinceMs: number): void {
    this.plan.add(segment);
    this.#claimedSinceMs.set(segment.number, sinceMs);
    this.#heldSegments.push(segment.number);
  }

  /** Takes a batch; `incarnation` stands for the life of the worker that made it. */
  arrive(worker: number, incarnation: object, batch: RangeBatch): void {
    let known = this.#appliers.get(worker);
    if (known?.incarnation !== incarnation || batch.firstDefinitionId === 0) {
      const { deadLetters, registry } = this;
      const { maxAgeMs, refused = {} } = this.#options;
      const applier = new BatchApplier(registry, {
        keepsDeadLetters: deadLetters.isKept,
        maxAgeMs,
        refused,
      });
      known = { incarnation, applier };
      this.#appliers.set(worker, known);
    }
    known.applier.learn(batch);
    this.#arrived.set(batch.sequence, { worker, applier: known.applier, batch });
  }

  /**
   * Applies the batch whose turn it is; undefined when it has not arrived. Where definitions in it are
   * void by now it is thrown away, and this is the range to be read once more.
   */
  applyNext(nowMs: number): AppliedBatch | { again: Range } | undefined {
    const next = this.#arrived.get(this.plan.nextToApply);
    if (next === undefined || this.isHeld) return undefined;
    const { worker, applier, batch } = next;
    const segment = this.plan.oldestSegment;
    const range = this.plan.oldestRange;
    if (segment === undefined || range === undefined) throw new Error("BUG: a batch without range");
    this.#advance(segment.claimedMs || nowMs);
    this.#arrived.delete(batch.sequence);
    if (applier.isVoid(batch)) return { again: range };
    const { samples, drops, deadLetters, ages } = applier.apply(batch);
    this.#giveUp(worker, applier);
    this.deadLetters.add(deadLetters, nowMs);
    const elements = this.plan.applied();
    this.plan.isNew = batch.definitions.length * 8 > batch.ids.length;
    if (segment.number !== this.plan.oldestSegment?.number) {
      this.#claimedSinceMs.delete(segment.number);
    }
    this.#applied.elements += elements;
    this.#applied.samples += batch.ids.length;
    this.#recoveringLeft = Math.max(0, this.#recoveringLeft - elements);
    // Freed at once, and not by the collector some day, it is there for the worker's next batch.
    for (const column of [batch.ids, batch.values, batch.timestampsMs]) column?.buffer.transfer(0);
    return { worker, batch, samples, drops, ages };
  }

  /**
   * Hears that the queue was found empty by a claim that said `nowMs`: what is claimed later came in
   * that second or later, so series end that were silent too long.
   */
  idle(nowMs: number): void {
    if (this.plan.pending === 0 && !this.isHeld) this.#advance(nowMs - (nowMs % 1000));
  }

  /** What had ended before this process began, and was not shown any more, must not come back. */
  recovered(): void {
    this.#advance(this.plan.oldestSegment?.claimedMs ?? this.#options.nowMs);
  }

  /** Ends the series that `isMeant`, and returns how many. Only while it is held. */
  remove(isMeant: (family: string, labels: LabelSet) => boolean): number {
    if (!this.isHeld) throw new Error("BUG: samples may be applied before this is written");
    const removed = this.registry.remove(isMeant);
    this.#forget(removed);
    return removed?.count ?? 0;
  }

  /** Takes what the workers are to be told. */
  takeVoids(): VoidDefinitions[] {
    const voids = this.#voids;
    this.#voids = [];
    return voids;
  }

  /** Takes how many series have ended since the last call. */
  takeEnded(): number {
    const ended = this.#ended;
    this.#ended = 0;
    return ended;
  }

  /**
   * Moves the clock of the samples on: to when the next ones came, or may come at the earliest. Then
   * the same series end, whoever applies these samples.
   */
  #advance(nowMs: number): void {
    this.#forget(this.registry.advance(nowMs));
  }

  #forget(removed: RemovedSeries | undefined): void {
    if (removed === undefined) return;
    this.#ended += removed.count;
    const present = new Set<BatchApplier>();
    for (const { incarnation, applier } of this.#appliers.values()) {
      present.add(applier);
      const ids = applier.forget(removed);
      if (ids.length > 0) this.#voids.push({ incarnation, ids });
    }
    // Of former lives and numberings: their workers know no more of them.
    for (const { applier } of this.#arrived.values()) {
      if (present.has(applier)) continue;
      present.add(applier);
      applier.forget(removed);
    }
  }

  /** What a worker has numbered and has no series is kept up to a limit. */
  #giveUp(worker: number, applier: BatchApplier): void {
    const known = this.#appliers.get(worker);
    // The numbers of a former life or numbering end with it.
    if (known?.applier !== applier) return;
    const ids = applier.giveUp();
    if (ids.length > 0) this.#voids.push({ incarnation: known.incarnation, ids });
  }

  /** Makes a checkpoint, or goes on with the one that failed; one call at a time. */
  async checkpoint(): Promise<Committed> {
    const committed = await this.checkpointer.run();
    this.#confirmedElements = this.#taken.elements;
    this.#letGo(this.#takenPosition);
    return committed;
  }

  /** Since when, at most, the oldest element claimed and not applied waits; undefined: none. */
  get oldestSinceMs(): number | undefined {
    const segment = this.plan.oldestSegment;
    return segment && this.#claimedSinceMs.get(segment.number);
  }

  #takePosition(): Position | undefined {
    this.#taken = { ...this.#applied };
    this.#takenPosition = this.plan.position;
    return this.#takenPosition;
  }

  /** A commit has deleted the segments before the position. */
  #letGo(position: Position | undefined): void {
    if (position === undefined) return;
    const first = position.left === 0 ? position.segment + 1 : position.segment;
    const held = this.#heldSegments;
    let done = 0;
    while (done < held.length && held[done] < first) done++;
    held.splice(0, done);
  }
}
