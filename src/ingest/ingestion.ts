import { type Queue, QueueError } from "../queue/queue.ts";
import { BatchApplier } from "../registry/apply.ts";
import type { Registry } from "../registry/registry.ts";
import type { Drop } from "../sample/fold.ts";
import type { RangeBatch } from "./messages.ts";
import { RangePlan } from "./range-plan.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** What the ingestion tells. Times in seconds. */
export interface IngestionListener {
  queueFailed(reason: string): void;
  queueRecovered(): void;
  /** Another process works under this gateway id: totals are no longer ours to show. */
  superseded(reason: string): void;
  /** The queue no longer knew of us, and was told. */
  stateLost(): void;
  segmentsRecovered(segments: number, elements: number): void;
  emptyClaim(): void;
  applied(
    worker: number,
    batch: RangeBatch,
    samples: number,
    drops: readonly Drop[],
    seconds: number,
  ): void;
}

export interface IngestionOptions {
  queue: Queue;
  registry: Registry;
  listener: IngestionListener;
  /** Elements in a range. */
  popCount: number;
  workers: number;
  nowMs: () => number;
}

/** One wait on an empty queue. */
const WAIT_MS = 1000;
/** Claims are at least this far apart, so that a steady trickle does not become a claim a sample. */
const CLAIM_INTERVAL_MS = 5;
/**
 * How often, and after how many samples at the latest, the queue hears what is applied; when all
 * that is claimed is applied it hears so at once.
 */
const CONFIRM_INTERVAL_MS = 1000;
const CONFIRM_SAMPLES = 250_000;
const RETRY_DELAY_MS = { first: 50, most: 1000 };

/**
 * The main thread's part of the way from the queue to the registry: claims segments, hands ranges
 * to the workers, applies their batches in the order of the ranges, and confirms.
 */
export class Ingestion {
  #options: IngestionOptions;
  #pool: WorkerPool | undefined;
  #plan: RangePlan;
  #appliers = new WeakMap<object, BatchApplier>();
  /** Batches that wait for one before them. */
  #arrived = new Map<number, { worker: number; applier: BatchApplier; batch: RangeBatch }>();
  #state: "starting" | "running" | "failed" | "superseded" | "stopping" = "starting";
  #failure = "not connected yet";
  #running: Promise<void> | undefined;
  #stop = Promise.withResolvers<void>();
  /** Resolved and made anew whenever a batch was applied. */
  #progress = Promise.withResolvers<void>();
  #unconfirmed = 0;
  #confirming: Promise<void> | undefined;
  #confirmTimer: Timer | undefined;
  /** When the claim before a segment's own was made: nothing in the segment is older. */
  #claimedSinceMs = new Map<number, number>();
  #lastClaimMs: number;

  constructor(options: IngestionOptions) {
    this.#options = options;
    this.#plan = new RangePlan(options.popCount);
    this.#lastClaimMs = options.nowMs();
  }

  /** Starts with the workers that `makePool` gives; it is handed what they report batches to. */
  start(makePool: (onBatch: BatchReceiver) => WorkerPool): void {
    this.#pool = makePool((worker, incarnation, batch) =>
      this.#receive(worker, incarnation, batch),
    );
    this.#confirmTimer = setInterval(() => this.#confirm(), CONFIRM_INTERVAL_MS);
    this.#running = this.#run();
  }

  /**
   * Claims no more, applies what is claimed, confirms it, and ends the workers. What is not
   * applied by the deadline stays claimed in the queue for the next start.
   */
  async stop(timeoutMs: number): Promise<void> {
    if (this.#state !== "superseded") this.#state = "stopping";
    this.#stop.resolve();
    let expired = false;
    const timer = setTimeout(() => {
      expired = true;
      this.#progress.resolve();
    }, timeoutMs);
    await this.#running;
    while (!expired && this.#state === "stopping" && this.#plan.pending > 0) {
      await this.#progress.promise;
    }
    clearTimeout(timer);
    clearInterval(this.#confirmTimer);
    this.#pool?.close();
    await Promise.race([this.#confirmNow(), Bun.sleep(LAST_CONFIRM_MS)]);
  }

  /** Why samples are not being taken just now; undefined when they are. */
  get notReadyReason(): string | undefined {
    switch (this.#state) {
      case "running":
        return undefined;
      case "starting":
      case "failed":
        return `redis unavailable: ${this.#failure}`;
      case "superseded":
        return "superseded: another process works under this gateway id";
      default:
        return "stopping";
    }
  }

  /** Whether the registry's totals are still ours to show. */
  get isOwner(): boolean {
    return this.#state !== "superseded";
  }

  /** List elements claimed and not applied. */
  get pending(): number {
    return this.#plan.pending;
  }

  /** At most how old the oldest element claimed and not applied is, in seconds; 0 without any. */
  oldestAgeSeconds(): number {
    const segment = this.#plan.oldestSegment;
    const since = segment === undefined ? undefined : this.#claimedSinceMs.get(segment);
    return since === undefined ? 0 : Math.max(0, this.#options.nowMs() - since) / 1000;
  }

  async #run(): Promise<void> {
    let isAcquired = false;
    let failures = 0;
    while (this.#state !== "stopping" && this.#state !== "superseded") {
      try {
        if (!isAcquired) {
          await this.#acquire();
          isAcquired = true;
        }
        await this.#claim();
        failures = 0;
      } catch (error) {
        if (!(error instanceof QueueError)) throw error;
        if (error.fault === "state_lost") {
          isAcquired = false;
          this.#options.listener.stateLost();
        } else if (error.fault === "not_owner") {
          this.#supersede(error.message);
        } else {
          this.#fail(error.message);
        }
        const { first, most } = RETRY_DELAY_MS;
        await this.#pause(Math.min(first * 2 ** Math.min(failures++, 10), most));
      }
    }
  }

  async #acquire(): Promise<void> {
    const segments = await this.#options.queue.acquire();
    let elements = 0;
    for (const segment of segments) {
      elements += segment.length;
      this.#claimedSinceMs.set(segment.number, this.#lastClaimMs);
      this.#plan.add(segment);
    }
    if (segments.length > 0) this.#options.listener.segmentsRecovered(segments.length, elements);
    this.#recover();
    this.#dispatch();
  }

  async #claim(): Promise<void> {
    if (this.#plan.unsent > this.#options.workers * this.#options.popCount) {
      await Promise.race([this.#progress.promise, this.#stop.promise]);
      return;
    }
    const { queue, nowMs, listener } = this.#options;
    const startedMs = nowMs();
    const segment = await queue.claim();
    this.#recover();
    if (segment !== undefined) {
      this.#claimedSinceMs.set(segment.number, this.#lastClaimMs);
      this.#plan.add(segment);
      this.#dispatch();
    }
    this.#lastClaimMs = startedMs;
    if (segment === undefined) {
      listener.emptyClaim();
      await Promise.race([queue.wait(WAIT_MS), this.#stop.promise]);
    }
    const idleMs = CLAIM_INTERVAL_MS - (nowMs() - startedMs);
    if (idleMs > 0) await this.#pause(idleMs);
  }

  /** Hands out ranges while there are any and a worker has room. */
  #dispatch(): void {
    const pool = this.#pool;
    // Workers may run ahead of a slow one, but not without end: batches that wait take memory.
    const aheadMax = this.#options.workers * 4;
    while (pool?.hasRoom && this.#plan.sent < aheadMax) {
      const range = this.#plan.next();
      if (range === undefined) return;
      pool.send(range);
    }
  }

  #receive(worker: number, incarnation: object, batch: RangeBatch): void {
    if (this.#state === "superseded") return;
    let applier = this.#appliers.get(incarnation);
    if (applier === undefined) {
      applier = new BatchApplier(this.#options.registry);
      this.#appliers.set(incarnation, applier);
    }
    this.#arrived.set(batch.sequence, { worker, applier, batch });
    for (;;) {
      const next = this.#arrived.get(this.#plan.nextToApply);
      if (next === undefined) break;
      this.#arrived.delete(next.batch.sequence);
      this.#apply(next.worker, next.applier, next.batch);
    }
    this.#dispatch();
    this.#progress.resolve();
    this.#progress = Promise.withResolvers();
    if (this.#unconfirmed >= CONFIRM_SAMPLES || this.#plan.pending === 0) this.#confirm();
  }

  #apply(worker: number, applier: BatchApplier, batch: RangeBatch): void {
    const startedAt = performance.now();
    const { samples, drops } = applier.apply(batch, this.#options.nowMs());
    const before = this.#plan.oldestSegment;
    this.#plan.applied();
    if (before !== undefined && before !== this.#plan.oldestSegment) {
      this.#claimedSinceMs.delete(before);
    }
    this.#unconfirmed += batch.ids.length + 1;
    const seconds = (performance.now() - startedAt) / 1000;
    this.#options.listener.applied(worker, batch, samples, drops, seconds);
  }

  #confirm(): void {
    if (this.#confirming !== undefined || this.#unconfirmed === 0) return;
    this.#confirming = this.#confirmNow().finally(() => {
      this.#confirming = undefined;
    });
  }

  /** A confirmation that fails is made again: its position only moves on. */
  async #confirmNow(): Promise<void> {
    const { position } = this.#plan;
    if (position === undefined || this.#state === "superseded") return;
    const confirmed = this.#unconfirmed;
    try {
      await this.#options.queue.confirm(position);
      this.#unconfirmed -= confirmed;
    } catch (error) {
      if (!(error instanceof QueueError)) throw error;
      if (error.fault === "not_owner") this.#supersede(error.message);
    }
  }

  #fail(reason: string): void {
    this.#failure = reason;
    if (this.#state === "starting" || this.#state === "running") {
      this.#state = "failed";
    }
    this.#options.listener.queueFailed(reason);
  }

  #recover(): void {
    if (this.#state === "starting" || this.#state === "failed") {
      this.#state = "running";
      this.#options.listener.queueRecovered();
    }
  }

  #supersede(reason: string): void {
    if (this.#state === "superseded") return;
    this.#state = "superseded";
    this.#progress.resolve();
    this.#options.listener.superseded(reason);
  }

  async #pause(ms: number): Promise<void> {
    await Promise.race([Bun.sleep(ms), this.#stop.promise]);
  }
}

/** How long the last confirmation may keep a stop waiting. */
const LAST_CONFIRM_MS = 500;

export type BatchReceiver = (worker: number, incarnation: object, batch: RangeBatch) => void;
