import { composeMessage } from "../sample/compose-message.ts";
import type { DropReason } from "../sample/drop-reason.ts";
import {
  type Batch,
  DEAD_LETTER_LENGTH_MAX,
  type DeadLetter,
  type Drop,
  PAYLOAD_EXCERPT_LENGTH,
} from "../sample/fold.ts";
import type { Definition, Sample, SampleDetail } from "../sample/sample.ts";
import { RefusedDefinitions, type RefusedLimits } from "./refused-definitions.ts";
import { OVERFLOWED, type Registry, refusalOf } from "./registry.ts";
import type { RemovedSeries } from "./removed-series.ts";

/** What became of a batch. */
export interface Applied {
  /** Samples that are in the totals now. */
  samples: number;
  /** What the worker dropped and what the registry refused. */
  drops: Drop[];
  /** The same one by one, where they are asked for. */
  deadLetters: DeadLetter[];
  /** Of samples that say when they were taken: how long before they were claimed, in seconds. */
  ages: number[];
}

export interface ApplyOptions {
  keepsDeadLetters: boolean;
  /** Samples that say that they are older are refused; 0: none. */
  maxAgeMs: number;
  /** How many definitions without a series are kept. */
  refused?: RefusedLimits;
}

/** A definition that is looked at for each of its samples. */
interface Handled {
  definition: Definition;
  /** Its series; negative while refused or not looked at yet. */
  ref: number;
}

/**
 * Applies the batches of one worker, which names definitions by numbers of its own, up to where it
 * begins to number anew.
 *
 * A definition is resolved when a sample uses it, not when it arrives: what a family is (its type,
 * its buckets, whether there is room for a series) is decided by the order of the queue.
 */
export class BatchApplier {
  #registry: Registry;
  #options: ApplyOptions;
  /** The series that a definition means, or why there is none to be read here. */
  #refs = new Int32Array(1024).fill(NOT_RESOLVED);
  #count = 0;
  #voidCount = 0;
  /** Only what is not resolved. */
  #definitions = new Map<number, Definition>();
  #handled = new Map<number, Handled>();
  #refused: RefusedDefinitions;
  /** Samples that the registry is to be given. */
  #pendingRefs = new Int32Array(0);
  #pendingValues = new Float64Array(0);

  constructor(registry: Registry, options: ApplyOptions) {
    this.#registry = registry;
    this.#options = options;
    this.#refused = new RefusedDefinitions(options.refused ?? {});
  }

  /** Takes the definitions of a batch, when it arrives: in the order in which the worker made them. */
  learn({ definitions }: Batch): void {
    const needed = this.#count + definitions.length;
    if (needed > this.#refs.length) {
      const grown = new Int32Array(Math.max(needed, this.#refs.length * 2));
      grown.fill(NOT_RESOLVED, this.#count);
      grown.set(this.#refs.subarray(0, this.#count));
      this.#refs = grown;
    }
    for (const definition of definitions) {
      const id = this.#count++;
      if (definition.handling === undefined) this.#definitions.set(id, definition);
      else {
        this.#refs[id] = HANDLED;
        this.#handled.set(id, { definition, ref: NOT_RESOLVED });
      }
    }
  }

  /**
   * Forgets series that have ended. Returns the numbers of their definitions, which are void from now
   * on: what they say is not kept here.
   */
  forget(removed: RemovedSeries): Uint32Array<ArrayBuffer> {
    const refs = this.#refs;
    const ids: number[] = [];
    for (let id = 0; id < this.#count; id++) {
      if (refs[id] < 0 || !removed.has(refs[id])) continue;
      refs[id] = VOID;
      ids.push(id);
    }
    for (const handled of this.#handled.values()) {
      if (handled.ref >= 0 && removed.has(handled.ref)) handled.ref = NOT_RESOLVED;
    }
    this.#voidCount += ids.length;
    return Uint32Array.from(ids);
  }

  /**
   * Gives definitions up that have no series, when there are too many of them. Returns their numbers,
   * which are void from now on.
   */
  giveUp(): Uint32Array<ArrayBuffer> {
    const ids = this.#refused.takeOld();
    for (const id of ids) {
      this.#refs[id] = VOID;
      this.#definitions.delete(id);
      this.#handled.delete(id);
    }
    this.#voidCount += ids.length;
    return Uint32Array.from(ids);
  }

  /** Whether a batch names definitions that are void: its range must be decoded again. */
  isVoid({ ids }: Batch): boolean {
    if (this.#voidCount === 0) return false;
    const refs = this.#refs;
    for (let i = 0; i < ids.length; i++) if (refs[ids[i]] === VOID) return true;
    return false;
  }

  /**
   * Applies one batch, which is learnt and not void; in the order of the queue. The registry's clock
   * says when its samples came.
   */
  apply(batch: Batch): Applied {
    const { ids, values, details, timestampsMs } = batch;
    if (ids.length > this.#pendingRefs.length) {
      this.#pendingRefs = new Int32Array(ids.length);
      this.#pendingValues = new Float64Array(ids.length);
    }
    const [refs, pendingRefs, pendingValues] = [this.#refs, this.#pendingRefs, this.#pendingValues];
    const drops = [...batch.drops];
    const deadLetters = [...batch.deadLetters];
    const applied: Applied = { samples: 0, drops, deadLetters, ages: [] };
    let refused = 0;
    let pending = 0;
    let nextDetail = 0;
    for (let i = 0; i < ids.length; i++) {
      const ref = refs[ids[i]];
      if (ref >= 0) {
        pendingRefs[pending] = ref;
        pendingValues[pending] = values[i];
        pending++;
        continue;
      }
      // What a definition brings (quantiles, say) is not there for the samples before it.
      if (pending > 0) this.#registry.observe(pendingRefs, pendingValues, pending);
      pending = 0;
      let detail = details[nextDetail]?.index === i ? details[nextDetail++].detail : undefined;
      const timestampMs = timestampsMs?.[i] ?? Number.NaN;
      if (!detail && !Number.isNaN(timestampMs)) detail = { ...NO_DETAIL, timestampMs };
      const refusal = this.#applyOne(ids[i], values[i], detail, applied.ages);
      if (refusal === undefined) continue;
      refused++;
      const definition = this.#definitionOf(ids[i]);
      if (!this.#hasSeries(ids[i])) this.#refused.note(ids[i], definition);
      this.#refuse(refusal, { definition, value: values[i], detail }, applied);
    }
    this.#registry.observe(pendingRefs, pendingValues, pending);
    applied.samples = ids.length - refused;
    return applied;
  }

  /** Applies a sample whose definition is handled, or not resolved. Returns why it is refused. */
  #applyOne(
    id: number,
    value: number,
    detail: SampleDetail | undefined,
    ages: number[],
  ): DropReason | undefined {
    const handled = this.#handled.get(id);
    const definition = this.#definitionOf(id);
    if (detail?.timestampMs !== undefined) {
      const ageMs = this.#registry.clockMs - detail.timestampMs;
      const { maxAgeMs } = this.#options;
      if (maxAgeMs > 0 && ageMs > maxAgeMs) return "too_old";
      ages.push(Math.max(0, ageMs) / 1000);
    }
    const known = handled?.ref ?? NOT_RESOLVED;
    const result = known >= 0 ? known : this.#registry.resolve(definition, detail);
    if (result < 0) return refusalOf(result);
    const isOverflow = result >= OVERFLOWED;
    const ref = isOverflow ? result - OVERFLOWED : result;
    if (isOverflow) this.#refused.note(id, definition);
    else if (known < 0) this.#settle(id, ref, handled);
    return this.#registry.observeOne(ref, definition, value, detail);
  }

  /** A definition has found its series. */
  #settle(id: number, ref: number, handled: Handled | undefined): void {
    this.#refused.delete(id);
    if (handled !== undefined) handled.ref = ref;
    else {
      this.#refs[id] = ref;
      this.#definitions.delete(id);
    }
  }

  #hasSeries(id: number): boolean {
    return this.#refs[id] >= 0 || (this.#handled.get(id)?.ref ?? NOT_RESOLVED) >= 0;
  }

  #definitionOf(id: number): Definition {
    const definition = this.#definitions.get(id) ?? this.#handled.get(id)?.definition;
    if (definition === undefined) {
      throw new Error(`BUG: a batch names definition ${id}, never sent`);
    }
    return definition;
  }

  #refuse(reason: DropReason, sample: Sample, { drops, deadLetters }: Applied): void {
    const { keepsDeadLetters } = this.#options;
    const known = drops.find((drop) => drop.reason === reason);
    if (known) known.count++;
    if (known && !keepsDeadLetters) return;
    // The message that was pushed is not there any more.
    const message = composeMessage(sample);
    const payload = message.slice(0, DEAD_LETTER_LENGTH_MAX).toWellFormed();
    if (keepsDeadLetters) deadLetters.push({ reason, payload });
    if (!known) {
      drops.push({
        reason,
        count: 1,
        payload: payload.slice(0, PAYLOAD_EXCERPT_LENGTH).toWellFormed(),
        bytes: Buffer.byteLength(message),
      });
    }
  }
}

const NO_DETAIL: SampleDetail = {
  timestampMs: undefined,
  exemplar: undefined,
  counts: undefined,
  count: undefined,
};

/** In the place of a reference. */
const NOT_RESOLVED = -1;
const HANDLED = -2;
const VOID = -3;
