import { failpoint } from "../failpoint.ts";
import { type Acquired, type Queue, QueueError } from "../queue/queue.ts";
import type { LabelSet } from "../registry/label-set.ts";
import type { Registry } from "../registry/registry.ts";
import type { IngestionListener } from "./listener.ts";
import type { RangeBatch } from "./messages.ts";
import { Progress } from "./progress.ts";
import { restoreRegistry } from "./restore.ts";
import { Signal } from "./signal.ts";
import { Tenure } from "./tenure.ts";
import type { WorkerPool } from "./worker-pool.ts";

export interface IngestionOptions {
  queue: Queue;
  /** Makes an empty registry. */
  makeRegistry: () => Registry;
  listener: IngestionListener;
  /** Elements in a range. */
  popCount: number;
  workers: number;
  leaseMs: number;
  checkpoint: { isEnabled: boolean; intervalMs: number; maxSamples: number };
  /** How long the dead letters' list may become; 0: none. */
  deadLetterMax: number;
  /** Samples that say that they are older are refused; 0: none. */
  maxAgeMs: number;
  nowMs: () => number;
}

/** What a scrape may see. */
export type Shown = "totals" | "recovering" | "nothing";

/** One wait on an empty queue, or for a lease. */
const WAIT_MS = 1000;
/**
 * Claims are at least this far apart, so that a steady trickle does not become a claim a sample; and
 * further when a claim gives many elements, since each costs the same.
 */
const CLAIM_INTERVAL_MS = { few: 2, many: 20 };
const MANY = 1000;
const RETRY_DELAY_MS = { first: 50, most: 1000 };
const CHECKPOINT_RETRY_MS = 250;
/** How long the last checkpoint, and the release after it, may keep a stop waiting. */
const LAST_CHECKPOINT_MS = 2000;
const RELEASE_MS = 500;
/** A look at how far a stop is, should no batch say so. */
const PROGRESS_MS = 20;

export type BatchReceiver = (worker: number, incarnation: object, batch: RangeBatch) => void;

/**
 * The main thread's part of the way from the queue to the registry: becomes the owner, restores
 * what the last one left, claims segments, hands ranges to the workers, applies their batches in
 * the order of the ranges, and makes checkpoints. What it holds while it is the owner is a `Tenure`.
 */
export class Ingestion {
  #options: IngestionOptions;
  #makePool: (onBatch: BatchReceiver) => WorkerPool = () => {
    throw new Error("BUG: not started");
  };
  #pool: WorkerPool | undefined;
  /** Kept while Redis is away, until another process is known to have taken over. */
  #tenure: Tenure | undefined;
  /** Whether the queue took us as owner and has not said otherwise since. */
  #isAcquired = false;
  /** Whether it was said already that the queue has forgotten something. */
  #isLossSaid = false;
  #isRestored = false;
  #isRecovered = false;
  #isStopping = false;
  /** Why the queue does not answer; undefined while it does. */
  #failure: string | undefined;
  /** Of the saved state, which nothing was done about yet. */
  #damage: Damage | undefined;
  /** Who has the lease while we do not. */
  #holder: string | undefined;
  #acquiredAtMs = 0;
  /** How the one under way, or the last one, gets on. */
  #recovery: Progress | undefined;
  #running: Promise<void> = Promise.resolve();
  #checkpointing: Promise<void> | undefined;
  /** While series are being ended on demand. */
  #removing: Promise<void> | undefined;
  #isRenewing = false;
  #renewTimer: Timer | undefined;
  /** A batch was applied. */
  #progress = new Signal();
  /** A stop, or a fault that another loop has to draw a consequence from. */
  #change = new Signal();
  #checkpointNow = new Signal();
  #lastClaimMs: number;

  constructor(options: IngestionOptions) {
    this.#options = options;
    this.#lastClaimMs = options.nowMs();
    this.#failure = `${options.queue.name} unavailable: not connected yet`;
  }

  /** Starts with the workers that `makePool` gives; it is handed what they report batches to. */
  start(makePool: (onBatch: BatchReceiver) => WorkerPool): void {
    this.#makePool = makePool;
    this.#renewPool();
    this.#renewTimer = setInterval(() => void this.#renew(), this.#options.leaseMs / 3);
    this.#running = Promise.all([this.#run(), this.#runCheckpoints()]).then(() => {});
  }

  /**
   * Claims no more, applies the ranges that are under way, makes a last checkpoint, gives the lease
   * up, and ends the workers. What is claimed and not applied waits for the next owner; where it
   * would not, all of it is claimed and applied first.
   */
  async stop(timeoutMs: number): Promise<void> {
    if (this.#options.queue.isVolatile) await this.#applyAll(timeoutMs);
    this.#isStopping = true;
    for (const signal of [this.#progress, this.#change, this.#checkpointNow]) signal.give();
    const deadlineMs = performance.now() + timeoutMs;
    await Promise.race([this.#running, Bun.sleep(timeoutMs)]);
    while (this.#isOwner && (this.#tenure?.plan.sent ?? 0) > 0) {
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) break;
      await this.#progress.wait(leftMs);
    }
    this.#pool?.close();
    if (this.#isOwner) {
      await Promise.race([this.#checkpoint(), Bun.sleep(LAST_CHECKPOINT_MS)]);
      this.#isAcquired = false;
      clearInterval(this.#renewTimer);
      await Promise.race([this.#options.queue.release().catch(() => {}), Bun.sleep(RELEASE_MS)]);
    }
    clearInterval(this.#renewTimer);
  }

  /** Nobody pushes any more. */
  async #applyAll(timeoutMs: number): Promise<void> {
    const { queue, listener } = this.#options;
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const left = (await queue.length()) + (this.#tenure?.plan.pending ?? 0);
      if (left === 0) return;
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0) {
        listener.samplesAbandoned(left);
        return;
      }
      await this.#progress.wait(Math.min(leftMs, PROGRESS_MS));
    }
  }

  /** Why samples are not being taken and shown just now; undefined when they are. */
  get notReadyReason(): string | undefined {
    if (this.#isStopping) return "stopping";
    if (this.#failure !== undefined) return this.#failure;
    if (this.isStandby) return `standby: ${this.#holder} works under this gateway id`;
    if (!this.#isOwner) {
      return `${this.#options.queue.name} unavailable: the lease could not be renewed`;
    }
    if (!this.#isRestored) return "recovering: loading the checkpoint";
    if (!this.#isRecovered) {
      return `recovering: ${this.#tenure?.recoveringLeft ?? 0} samples left`;
    }
    return undefined;
  }

  /** Whether another process has the lease, and nothing keeps this one from taking over. */
  get isStandby(): boolean {
    return !this.#isStopping && this.#failure === undefined && this.#holder !== undefined;
  }

  /** The process that has the lease while this one stands by. */
  get holder(): string | undefined {
    return this.#holder;
  }

  /** For each worker how many ranges it has. */
  get outstandingRanges(): number[] {
    return this.#pool?.outstanding ?? [];
  }

  /** Judged anew at each call: a lease runs out by itself. */
  get shown(): Shown {
    if (this.#tenure === undefined || !this.#isOwner) return "nothing";
    return this.#isRecovered ? "totals" : "recovering";
  }

  get isOwner(): boolean {
    return this.#isOwner;
  }

  /**
   * Ends the series that `isMeant`: returns how many, once a checkpoint says so; or why that is not
   * known. Meanwhile no sample is applied and nothing is shown, so nobody sees what a crash could undo.
   */
  async removeSeries(
    isMeant: (family: string, labels: LabelSet) => boolean,
  ): Promise<{ count: number } | { refusal: string }> {
    while (this.#removing !== undefined) await this.#removing;
    const tenure = this.#tenure;
    if (tenure === undefined || this.shown !== "totals") {
      return { refusal: this.notReadyReason ?? "not ready" };
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#removing = promise;
    tenure.isHeld = true;
    const count = tenure.remove(isMeant);
    this.#tellEnded(tenure);
    while (tenure === this.#tenure && !tenure.areSeriesWritten) {
      if (!(await this.#checkpoint())) await this.#change.wait(CHECKPOINT_RETRY_MS);
      // Not the owner just now: it may be again, with the same state, or another process is.
      else if (!this.#isOwner) await this.#change.wait(CHECKPOINT_RETRY_MS);
    }
    tenure.isHeld = false;
    this.#removing = undefined;
    resolve();
    this.#drain();
    if (tenure === this.#tenure) return { count };
    return { refusal: "another process has taken over, and may not know of it" };
  }

  /** Whether series are being ended on demand: until that is certain nothing may be shown. */
  get isRemoving(): boolean {
    return this.#removing !== undefined;
  }

  /** Returns when what may be shown is what the queue knows, at the latest after `timeoutMs`. */
  async untilShowable(timeoutMs: number): Promise<boolean> {
    if (this.#removing === undefined) return true;
    await Promise.race([this.#removing, Bun.sleep(timeoutMs)]);
    return this.#removing === undefined;
  }

  /** The state; undefined while this process has none. */
  get tenure(): Tenure | undefined {
    return this.#tenure;
  }

  get #isOwner(): boolean {
    return this.#isAcquired && this.#options.queue.isOwner;
  }

  async #run(): Promise<void> {
    let failures = 0;
    while (!this.#isStopping) {
      try {
        if (this.#isOwner && this.#isRestored) await this.#claim();
        else await this.#acquire();
        failures = 0;
      } catch (error) {
        this.#takeFault(error, (reason) => this.#fail(reason));
        const { first, most } = RETRY_DELAY_MS;
        await this.#change.wait(Math.min(first * 2 ** Math.min(failures++, 10), most));
      }
    }
  }

  async #acquire(): Promise<void> {
    const { queue } = this.#options;
    if (this.#damage !== undefined) await this.#yield(this.#damage);
    const acquired = await queue.acquire(this.#tenure !== undefined);
    if (acquired.kind === "standby") {
      await this.#standBy(acquired);
      return;
    }
    this.#holder = undefined;
    this.#isAcquired = true;
    if (this.#isStopping) return;
    if (acquired.isContinued && this.#tenure !== undefined) this.#continue(this.#tenure, acquired);
    else await this.#restore(acquired);
    this.#isLossSaid = false;
    this.#recover();
    this.#drain();
  }

  async #standBy({ holder, remainingMs, isLater }: Standby): Promise<void> {
    const { queue, listener } = this.#options;
    this.#isAcquired = false;
    this.#recover();
    if (this.#tenure !== undefined && isLater) this.#supersede(holder);
    if (this.#holder !== holder) listener.stoodBy(holder);
    this.#holder = holder;
    const waitMs = Math.min(
      WAIT_MS,
      Math.max(10, remainingMs < 0 ? WAIT_MS / 10 : remainingMs + 1),
    );
    await Promise.race([queue.waitForRelease(waitMs), this.#change.wait(waitMs)]);
  }

  /** Goes on with the state in memory: nobody else was the owner in between. */
  #continue(tenure: Tenure, { segments, saved, uncertain, isForgotten }: Owner): void {
    const { listener } = this.#options;
    for (const segment of segments) tenure.add(segment, this.#lastClaimMs);
    if (uncertain > 0) listener.claimsUndone(uncertain);
    const difference = tenure.checkpointer.reconcile(saved);
    const loss = difference ?? (isForgotten ? "the state of this gateway id is gone" : undefined);
    if (loss !== undefined && !this.#isLossSaid) listener.stateLost(loss);
    this.#checkpointNow.give();
  }

  /** Makes the state anew from the checkpoint and what was claimed behind it. */
  async #restore(acquired: Owner): Promise<void> {
    const { queue, listener, checkpoint, nowMs, makeRegistry } = this.#options;
    const { saved, segments } = acquired;
    if (this.#tenure !== undefined) this.#supersede("another process");
    this.#isRestored = false;
    this.#isRecovered = false;
    this.#acquiredAtMs = performance.now();
    const telling = { listener, nowMs: () => performance.now() };
    const restored = checkpoint.isEnabled
      ? await restoreRegistry(makeRegistry, queue, saved, telling)
      : { registry: makeRegistry(), savedBytes: 0 };
    failpoint("restored");
    const elements = segments.reduce((sum, segment) => sum + segment.length, 0);
    listener.acquired(saved, segments.length, elements);
    this.#tenure = new Tenure({
      ...{ ...restored, ...acquired, queue, nowMs: nowMs() },
      popCount: this.#options.popCount,
      keepsState: checkpoint.isEnabled,
      deadLetterMax: this.#options.deadLetterMax,
      maxAgeMs: this.#options.maxAgeMs,
    });
    this.#recovery = new Progress(elements, performance.now());
    this.#isRestored = true;
  }

  async #claim(): Promise<void> {
    const { queue, nowMs, listener, workers, popCount } = this.#options;
    const tenure = this.#tenure;
    if (tenure === undefined) throw new Error("BUG: an owner without a state");
    if (tenure.plan.unsent > workers * popCount) {
      await Promise.race([this.#progress.wait(WAIT_MS), this.#change.wait(WAIT_MS)]);
      return;
    }
    const startedMs = Math.max(nowMs(), this.#lastClaimMs);
    const segment = await queue.claim(startedMs);
    this.#recover();
    if (segment !== undefined) {
      tenure.add(segment, this.#lastClaimMs);
      this.#dispatch();
    } else {
      tenure.idle(startedMs);
      this.#tellEnded(tenure);
    }
    this.#lastClaimMs = startedMs;
    if (segment === undefined) {
      listener.emptyClaim();
      await Promise.race([queue.wait(WAIT_MS), this.#change.wait(WAIT_MS)]);
    }
    const isMany = segment !== undefined && segment.length >= MANY;
    const { few, many } = CLAIM_INTERVAL_MS;
    const idleMs = (isMany ? many : few) - (nowMs() - startedMs);
    if (idleMs > 0) await this.#change.wait(idleMs);
  }

  /** Hands out ranges while there are any and a worker has room. */
  #dispatch(): void {
    const tenure = this.#tenure;
    const pool = this.#pool;
    // Workers may run ahead of a slow one, but not without end: batches that wait take memory.
    const aheadMax = this.#options.workers * 6;
    while (!this.#isStopping && pool?.hasRoom && tenure && tenure.plan.sent < aheadMax) {
      const range = tenure.plan.next();
      if (range === undefined) return;
      pool.send(this.#options.queue.locate(range));
      failpoint("range_sent");
    }
  }

  #receive(worker: number, incarnation: object, batch: RangeBatch): void {
    failpoint("batch_received");
    this.#tenure?.arrive(worker, incarnation, batch);
    this.#drain();
  }

  /**
   * Applies the batches whose turn it is. Only as the owner: another one might have cut the
   * segments while they were read.
   */
  #drain(): void {
    const { nowMs, listener, checkpoint, queue } = this.#options;
    const tenure = this.#tenure;
    if (tenure === undefined || !this.#isRestored || !this.#isOwner) return;
    for (;;) {
      const startedAt = performance.now();
      const applied = tenure.applyNext(nowMs());
      this.#tellEnded(tenure);
      if (applied === undefined) break;
      if ("again" in applied) {
        this.#pool?.send(queue.locate(applied.again));
        continue;
      }
      failpoint("batch_applied");
      listener.applied(applied, (performance.now() - startedAt) / 1000);
    }
    const { position } = tenure.plan;
    if (position !== undefined) queue.applied(position);
    if (!this.#isRecovered && tenure.recoveringLeft === 0) {
      tenure.recovered();
      this.#tellEnded(tenure);
      this.#isRecovered = true;
      const seconds = (performance.now() - this.#acquiredAtMs) / 1000;
      listener.recovered(tenure.registry.seriesCount, seconds);
    }
    if (!this.#isRecovered) {
      const pace = this.#recovery?.look(tenure.recoveringLeft, performance.now());
      if (pace !== undefined) listener.recovering(tenure.recoveringLeft, pace);
    }
    this.#dispatch();
    this.#progress.give();
    if (tenure.fresh >= (checkpoint.isEnabled ? checkpoint.maxSamples : 1)) {
      this.#checkpointNow.give();
    }
  }

  #tellEnded(tenure: Tenure): void {
    for (const { incarnation, ids } of tenure.takeVoids()) this.#pool?.void(incarnation, ids);
    const count = tenure.takeEnded();
    if (count > 0) this.#options.listener.seriesEnded(count);
  }

  async #runCheckpoints(): Promise<void> {
    const { intervalMs } = this.#options.checkpoint;
    let delayMs = intervalMs;
    while (!this.#isStopping) {
      await this.#checkpointNow.wait(delayMs);
      if (this.#isStopping || !this.#isOwner || !this.#tenure?.hasNews) continue;
      const isDone = await this.#checkpoint();
      delayMs = isDone ? intervalMs : Math.min(intervalMs, CHECKPOINT_RETRY_MS);
    }
  }

  /** Makes a checkpoint when there is something for one. Returns whether it worked. */
  async #checkpoint(): Promise<boolean> {
    while (this.#checkpointing !== undefined) await this.#checkpointing;
    const tenure = this.#tenure;
    if (!this.#isOwner || !tenure?.hasNews) return true;
    const { listener } = this.#options;
    const startedAt = performance.now();
    let isDone = false;
    this.#checkpointing = tenure.checkpoint().then(
      ({ bytes, isWhole, deadLetters }) => {
        isDone = true;
        const seconds = (performance.now() - startedAt) / 1000;
        listener.checkpointed(bytes, isWhole, deadLetters, seconds);
      },
      (error) => {
        // What comes of a state that is void by now says nothing of the present one.
        if (tenure !== this.#tenure && error instanceof QueueError) return;
        this.#takeFault(error, (reason) => listener.checkpointFailed(reason));
      },
    );
    try {
      await this.#checkpointing;
    } finally {
      this.#checkpointing = undefined;
    }
    return isDone;
  }

  async #renew(): Promise<void> {
    if (!this.#isAcquired || this.#isRenewing) return;
    this.#isRenewing = true;
    try {
      await this.#options.queue.renew();
      this.#drain();
    } catch (error) {
      // Not reached: the lease runs out by itself, and who claims says why.
      this.#takeFault(error, () => {});
    }
    this.#isRenewing = false;
  }

  /** Draws the consequence of a failed call; `unavailable` hears of what passes by itself. */
  #takeFault(error: unknown, unavailable: (reason: string) => void): void {
    if (!(error instanceof QueueError)) throw error;
    const { listener } = this.#options;
    switch (error.fault) {
      case "state_lost":
      case "state_old":
        if (this.#isAcquired) listener.stateLost(error.message);
        this.#isLossSaid = true;
        this.#isAcquired = false;
        break;
      case "not_owner":
        this.#isAcquired = false;
        break;
      case "damaged":
        this.#damage = { reason: error.message, isOwned: this.#isAcquired };
        this.#isAcquired = false;
        this.#failure = error.message;
        return;
      default:
        unavailable(error.message);
        return;
    }
    this.#change.give();
  }

  /** Makes way for a state that this program can read, or leaves this one to who can. */
  async #yield({ reason, isOwned }: Damage): Promise<void> {
    const { queue, listener } = this.#options;
    // Should it fail, the next attempt finds the damage again, or what has become of it.
    this.#damage = undefined;
    const aside = await queue.setAside();
    if (aside !== undefined) {
      listener.checkpointSetAside(reason, aside);
      return;
    }
    listener.checkpointRefused(reason);
    if (isOwned) await queue.release().catch(() => {});
  }

  #fail(reason: string): void {
    this.#failure = `${this.#options.queue.name} unavailable: ${reason}`;
    this.#options.listener.queueFailed(reason);
  }

  #recover(): void {
    if (this.#failure === undefined) return;
    this.#failure = undefined;
    this.#options.listener.queueRecovered();
  }

  #supersede(holder: string): void {
    this.#tenure?.checkpointer.end();
    this.#tenure = undefined;
    this.#isRestored = false;
    this.#isRecovered = false;
    this.#renewPool();
    this.#options.listener.superseded(holder);
  }

  /** Workers number definitions as they go: a new state needs new ones. */
  #renewPool(): void {
    this.#pool?.close();
    this.#pool = this.#makePool((...batch) => this.#receive(...batch));
  }
}

interface Damage {
  reason: string;
  /** Whether we have the lease. */
  isOwned: boolean;
}

type Owner = Extract<Acquired, { kind: "owner" }>;
type Standby = Extract<Acquired, { kind: "standby" }>;
