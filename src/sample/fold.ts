import type { Decoded } from "./decode.ts";
import { DROP_REASONS, type DropReason } from "./drop-reason.ts";
import type { Definition } from "./sample.ts";

/** Samples that were dropped in a batch for one reason. */
export interface Drop {
  reason: DropReason;
  count: number;
  /** The first of them as it was pushed, cut to `PAYLOAD_EXCERPT_LENGTH` characters. */
  payload: string;
}

/** A sample that was dropped, for the dead letters' list. */
export interface DeadLetter {
  reason: DropReason;
  /** The sample as JSON, as it was pushed where that can be; cut to `DEAD_LETTER_LENGTH_MAX`. */
  payload: string;
}

/** A definition with the message in which it stood first, for a log line if it is refused. */
export interface DefinedSample {
  definition: Definition;
  payload: string;
}

/**
 * A range, decoded: the samples as two columns in the order in which they were pushed.
 *
 * Values are not added up here. Sums of doubles depend on how they are grouped, so only the one
 * writer adds, in the order of the queue: then totals do not depend on the number of workers.
 */
export interface Batch {
  /** For each sample the number of its definition. */
  ids: Uint32Array<ArrayBuffer>;
  /** For each sample its value, same length as `ids`. */
  values: Float64Array<ArrayBuffer>;
  /** Definitions met for the first time; they take the numbers from `firstDefinitionId` on. */
  definitions: DefinedSample[];
  firstDefinitionId: number;
  drops: Drop[];
  /** The newest of the samples dropped, oldest first; empty when none are asked for. */
  deadLetters: DeadLetter[];
}

/** Characters of a dead letter's payload. */
export const DEAD_LETTER_LENGTH_MAX = 16 * 1024;

export const PAYLOAD_EXCERPT_LENGTH = 200;

/** Definitions are forgotten, all at once, when their keys take more than this many characters. */
const DEFINITION_KEYS_LENGTH_MAX = 64 * 1024 * 1024;

/**
 * Folds decoded samples into batches, and numbers definitions from 0 as it meets them.
 *
 * A batch whose `firstDefinitionId` is 0 starts the numbering anew: earlier numbers are void. The
 * arrays of a batch belong to the caller and may be transferred.
 */
export class Folder {
  #idByKey = new Map<string, number>();
  #keysLength = 0;
  #keysLengthMax: number;
  #firstDefinitionId = 0;
  #definitions: DefinedSample[] = [];
  #ids = new Uint32Array(1024);
  #values = new Float64Array(1024);
  #count = 0;
  #drops: (Drop | undefined)[] = [];
  #deadLetters: DeadLetter[] = [];
  #deadLetterMax: number;

  /** `deadLetterMax`: how many dropped samples a batch brings along. */
  constructor(deadLetterMax = 0, keysLengthMax = DEFINITION_KEYS_LENGTH_MAX) {
    this.#deadLetterMax = deadLetterMax;
    this.#keysLengthMax = keysLengthMax;
  }

  /** Adds what one list element decoded to. `bytes` is the element, for the excerpts. */
  add(decoded: readonly Decoded[], bytes: Uint8Array): void {
    for (let i = 0; i < decoded.length; i++) {
      const entry = decoded[i];
      if (!entry.ok) {
        this.#drop(entry.reason, bytes);
        if (this.#deadLetterMax > 0) this.#keep(entry.reason, bytes, i);
        continue;
      }
      if (this.#count === this.#ids.length) this.#grow();
      this.#ids[this.#count] = this.#idOf(entry.sample.definition, bytes);
      this.#values[this.#count] = entry.sample.value;
      this.#count++;
    }
  }

  /** Ends the batch and starts the next one. */
  take(): Batch {
    const batch: Batch = {
      ids: this.#ids.slice(0, this.#count),
      values: this.#values.slice(0, this.#count),
      definitions: this.#definitions,
      firstDefinitionId: this.#firstDefinitionId,
      drops: this.#drops.filter((drop) => drop !== undefined),
      deadLetters: this.#deadLetters.slice(-this.#deadLetterMax || this.#deadLetters.length),
    };
    this.#count = 0;
    this.#drops = [];
    this.#deadLetters = [];
    this.#definitions = [];
    if (this.#keysLength > this.#keysLengthMax) {
      this.#idByKey.clear();
      this.#keysLength = 0;
    }
    this.#firstDefinitionId = this.#idByKey.size;
    return batch;
  }

  #idOf(definition: Definition, bytes: Uint8Array): number {
    const key = definitionKey(definition);
    const known = this.#idByKey.get(key);
    if (known !== undefined) return known;
    const id = this.#idByKey.size;
    this.#idByKey.set(key, id);
    this.#keysLength += key.length;
    this.#definitions.push({ definition, payload: excerptOf(bytes) });
    return id;
  }

  #drop(reason: DropReason, bytes: Uint8Array): void {
    const index = DROP_REASONS.indexOf(reason);
    const drop = this.#drops[index];
    if (drop) drop.count++;
    else this.#drops[index] = { reason, count: 1, payload: excerptOf(bytes) };
  }

  #keep(reason: DropReason, bytes: Uint8Array, index: number): void {
    this.#deadLetters.push({ reason, payload: payloadOf(bytes, index) });
    // Now and then, not each time: only the newest are wanted.
    if (this.#deadLetters.length >= 2 * this.#deadLetterMax) {
      this.#deadLetters = this.#deadLetters.slice(-this.#deadLetterMax);
    }
  }

  #grow(): void {
    const ids = new Uint32Array(this.#ids.length * 2);
    ids.set(this.#ids);
    this.#ids = ids;
    const values = new Float64Array(this.#values.length * 2);
    values.set(this.#values);
    this.#values = values;
  }
}

/** Injective: JSON writes each string with its quotes and escapes. */
export function definitionKey(definition: Definition): string {
  return JSON.stringify([
    definition.type,
    definition.name,
    definition.help,
    definition.labelNames,
    definition.labelValues,
    definition.buckets,
    definition.quantiles,
    definition.epsilons,
  ]);
}

const lossyUtf8 = new TextDecoder("utf-8");

/** The start of a message as text; bytes that are not UTF-8 show as U+FFFD. */
export function excerptOf(bytes: Uint8Array, lengthMax = PAYLOAD_EXCERPT_LENGTH): string {
  // A character takes at most four bytes.
  const start = bytes.subarray(0, lengthMax * 4);
  return lossyUtf8.decode(start).slice(0, lengthMax).toWellFormed();
}

/** The `index`-th sample of a list element: a part of it where the element is an array. */
function payloadOf(bytes: Uint8Array, index: number): string {
  try {
    const parsed: unknown = JSON.parse(lossyUtf8.decode(bytes));
    if (Array.isArray(parsed) && parsed.length > 0) {
      return JSON.stringify(parsed[index]).slice(0, DEAD_LETTER_LENGTH_MAX).toWellFormed();
    }
  } catch {
    // Not JSON: it stands as it is.
  }
  return excerptOf(bytes, DEAD_LETTER_LENGTH_MAX);
}
