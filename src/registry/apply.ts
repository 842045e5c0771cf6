import type { DropReason } from "../sample/drop-reason.ts";
import {
  type Batch,
  DEAD_LETTER_LENGTH_MAX,
  type DeadLetter,
  type Drop,
  PAYLOAD_EXCERPT_LENGTH,
} from "../sample/fold.ts";
import type { Definition } from "../sample/sample.ts";
import { type Registry, refusalOf } from "./registry.ts";

/** What became of a batch. */
export interface Applied {
  /** Samples that are in the totals now. */
  samples: number;
  /** What the worker dropped and what the registry refused. */
  drops: Drop[];
  /** The same one by one, where they are asked for. */
  deadLetters: DeadLetter[];
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
  #refs = new Int32Array(1024).fill(NOT_RESOLVED);
  #count = 0;
  /** Only what is not resolved. */
  #definitions = new Map<number, Definition>();
  #keepsDeadLetters: boolean;
  /** Samples that the registry is to be given. */
  #pendingRefs = new Int32Array(0);
  #pendingValues = new Float64Array(0);

  constructor(registry: Registry, keepsDeadLetters = false) {
    this.#registry = registry;
    this.#keepsDeadLetters = keepsDeadLetters;
  }

  /** Applies one batch. Batches of one worker come in the order in which it made them. */
  apply(batch: Batch, nowMs: number): Applied {
    this.#learn(batch);
    const { ids, values } = batch;
    if (ids.length > this.#pendingRefs.length) {
      this.#pendingRefs = new Int32Array(ids.length);
      this.#pendingValues = new Float64Array(ids.length);
    }
    const [refs, pendingRefs, pendingValues] = [this.#refs, this.#pendingRefs, this.#pendingValues];
    const drops = [...batch.drops];
    const deadLetters = [...batch.deadLetters];
    let refused = 0;
    let pending = 0;
    for (let i = 0; i < ids.length; i++) {
      let ref = refs[ids[i]];
      // Not `ref < 0`: a number that was never sent may be beyond the end.
      if (!(ref >= 0)) {
        // What a definition brings (quantiles, say) is not there for the samples before it.
        this.#registry.observe(pendingRefs, pendingValues, pending, nowMs);
        pending = 0;
        ref = this.#resolve(ids[i]);
        if (ref < 0) {
          refused++;
          this.#refuse(refusalOf(ref), ids[i], values[i], drops, deadLetters);
          continue;
        }
      }
      pendingRefs[pending] = ref;
      pendingValues[pending] = values[i];
      pending++;
    }
    this.#registry.observe(pendingRefs, pendingValues, pending, nowMs);
    return { samples: ids.length - refused, drops, deadLetters };
  }

  #learn(batch: Batch): void {
    if (batch.firstDefinitionId === 0) {
      this.#refs.fill(NOT_RESOLVED, 0, this.#count);
      this.#count = 0;
      this.#definitions.clear();
    }
    const needed = this.#count + batch.definitions.length;
    if (needed > this.#refs.length) {
      const grown = new Int32Array(Math.max(needed, this.#refs.length * 2));
      grown.fill(NOT_RESOLVED, this.#count);
      grown.set(this.#refs.subarray(0, this.#count));
      this.#refs = grown;
    }
    for (const definition of batch.definitions) this.#definitions.set(this.#count++, definition);
  }

  #resolve(id: number): number {
    const definition = this.#definitions.get(id);
    if (definition === undefined)
      throw new Error(`BUG: a batch names definition ${id}, never sent`);
    const ref = this.#registry.resolve(definition);
    if (ref < 0) return ref;
    this.#refs[id] = ref;
    this.#definitions.delete(id);
    return ref;
  }

  #refuse(
    reason: DropReason,
    id: number,
    value: number,
    drops: Drop[],
    deadLetters: DeadLetter[],
  ): void {
    const known = drops.find((drop) => drop.reason === reason);
    if (known) known.count++;
    if (known && !this.#keepsDeadLetters) return;
    const payload = composePayload(this.#definitions.get(id)!, value);
    if (this.#keepsDeadLetters) deadLetters.push({ reason, payload });
    if (!known) {
      drops.push({
        reason,
        count: 1,
        payload: payload.slice(0, PAYLOAD_EXCERPT_LENGTH).toWellFormed(),
      });
    }
  }
}

const NOT_RESOLVED = -1;

/** A message that says what the sample said; the one that was pushed is not there any more. */
function composePayload(definition: Definition, value: number): string {
  const { type, name, help, labelNames, labelValues, ...layout } = definition;
  const labels = Object.fromEntries(labelNames.map((label, i) => [label, labelValues[i]]));
  const sent = Number.isFinite(value) ? value : nonFinite(value);
  const text = JSON.stringify({
    ...{ type, name, help: help || undefined, value: sent },
    ...{ labels: labelNames.length > 0 ? labels : undefined, ...layout },
  });
  return text.slice(0, DEAD_LETTER_LENGTH_MAX).toWellFormed();
}

function nonFinite(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "+Inf" : "-Inf";
}
