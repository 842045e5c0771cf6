import { packElements } from "../../src/queue/elements.ts";
import { type Applied, type ApplyOptions, BatchApplier } from "../../src/registry/apply.ts";
import type { Registry } from "../../src/registry/registry.ts";
import type { RemovedSeries } from "../../src/registry/removed-series.ts";
import type { Batch, Folder } from "../../src/sample/fold.ts";

/** What a gateway does with the ranges of one worker, in the order of the queue. */
export class Feed {
  #registry: Registry;
  #folder: Folder;
  #options: ApplyOptions;
  #applier: BatchApplier;
  #folded = new WeakSet<Batch>();

  constructor(registry: Registry, folder: Folder, options: Partial<ApplyOptions> = {}) {
    this.#registry = registry;
    this.#folder = folder;
    this.#options = { keepsDeadLetters: false, maxAgeMs: 0, ...options };
    this.#applier = new BatchApplier(registry, this.#options);
  }

  /** Applies a range that was claimed at `nowMs`, and moves the clock there, for this feed alone. */
  push(texts: readonly (string | Uint8Array)[], nowMs: number): Applied {
    const removed = this.#registry.advance(nowMs);
    if (removed !== undefined) this.forget(removed);
    return this.apply(this.fold(texts));
  }

  /** What the worker makes of a range. */
  fold(texts: readonly (string | Uint8Array)[]): Batch {
    const elements = packElements(texts.map((text) => Buffer.from(text)));
    // As it crosses threads.
    const batch = structuredClone(this.#folder.fold(elements));
    if (batch.firstDefinitionId === 0) {
      this.#folded = new WeakSet();
      this.#applier = new BatchApplier(this.#registry, this.#options);
    }
    this.#applier.learn(batch);
    this.#folded.add(batch);
    return batch;
  }

  apply(batch: Batch): Applied {
    if (this.#applier.isVoid(batch)) throw new Error("the batch is to be folded again");
    const applied = this.#applier.apply(batch);
    const givenUp = this.#applier.giveUp();
    if (givenUp.length > 0) this.#folder.void(givenUp);
    return applied;
  }

  /** Whether a batch is of the present numbering of this feed. */
  hasFolded(batch: Batch): boolean {
    return this.#folded.has(batch);
  }

  isVoid(batch: Batch): boolean {
    return this.#applier.isVoid(batch);
  }

  forget(removed: RemovedSeries): void {
    this.#folder.void(this.#applier.forget(removed));
  }
}
