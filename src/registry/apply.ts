import type { DropReason } from "../sample/drop-reason.ts";
import type { Batch, DefinedSample, Drop } from "../sample/fold.ts";
import { type Registry, refusalOf } from "./registry.ts";

/** What became of a batch. */
export interface Applied {
  /** Samples that are in the totals now. */
  samples: number;
  /** What the worker dropped and what the registry refused. */
  drops: Drop[];
}

/**
 * Applies the batches of one worker, which names definitions by numbers of its own.
 *
 * A definition is resolved when a sample uses it, not when it arrives: what a family is (its type,
 * its buckets, whether there is room for a series) is decided by the order of the queue.
 */
export class BatchApplier {
  #registry: Registry;
  /** The series that a definition means; negative while refused or not looked at yet. */
  #refs: number[] = [];
  /** Only what is not resolved. */
  #definitions: (DefinedSample | undefined)[] = [];

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  /** Applies one batch. Batches of one worker come in the order in which it made them. */
  apply(batch: Batch, nowMs: number): Applied {
    this.#learn(batch);
    const registry = this.#registry;
    const refs = this.#refs;
    const { ids, values } = batch;
    const drops = [...batch.drops];
    let refused = 0;
    for (let i = 0; i < ids.length; i++) {
      let ref = refs[ids[i]];
      if (ref < 0) {
        ref = this.#resolve(ids[i], drops);
        if (ref < 0) {
          refused++;
          continue;
        }
      }
      registry.observe(ref, values[i], nowMs);
    }
    return { samples: ids.length - refused, drops };
  }

  #learn(batch: Batch): void {
    if (batch.firstDefinitionId === 0) {
      this.#refs = [];
      this.#definitions = [];
    }
    for (const defined of batch.definitions) {
      this.#refs.push(-1);
      this.#definitions.push(defined);
    }
  }

  #resolve(id: number, drops: Drop[]): number {
    const defined = this.#definitions[id];
    if (defined === undefined) throw new Error(`BUG: a batch names definition ${id}, never sent`);
    const ref = this.#registry.resolve(defined.definition);
    if (ref < 0) {
      countDrop(drops, refusalOf(ref), defined.payload);
      return ref;
    }
    this.#refs[id] = ref;
    this.#definitions[id] = undefined;
    return ref;
  }
}

function countDrop(drops: Drop[], reason: DropReason, payload: string): void {
  const known = drops.find((drop) => drop.reason === reason);
  if (known) known.count++;
  else drops.push({ reason, count: 1, payload });
}
