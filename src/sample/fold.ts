import { type Elements, elementAt } from "../queue/elements.ts";
import { type DecodeLimits, decodeMessage } from "./decode.ts";
import { DROP_REASONS, type DropReason } from "./drop-reason.ts";
import { timestampMsOf } from "./message.ts";
import type { Definition, Sample, SampleDetail } from "./sample.ts";
import type { Shape } from "./shape.ts";
import { NOT_NEGATIVE, Templates, TIMED, UNKNOWN } from "./templates.ts";

/** Samples that were dropped in a batch for one reason. */
export interface Drop {
  reason: DropReason;
  count: number;
  /** The first of them as JSON, as it was pushed where that can be; cut to `PAYLOAD_EXCERPT_LENGTH`. */
  payload: string;
  /** Of the whole list element that it is the start of. */
  bytes: number;
}

/** A sample that was dropped, for the dead letters' list. */
export interface DeadLetter {
  reason: DropReason;
  /** The sample as JSON, as it was pushed where that can be; cut to `DEAD_LETTER_LENGTH_MAX`. */
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
  /**
   * What samples say that say more than a timestamp beside that, in their order; `index` is a sample's
   * place in `ids`.
   */
  details: { index: number; detail: SampleDetail }[];
  /**
   * For each sample when it was taken, in ms since 1970, same length as `ids`; NaN where it does not
   * say. Undefined when none of them does.
   */
  timestampsMs: Float64Array<ArrayBuffer> | undefined;
  /**
   * Definitions met for the first time; they take the numbers from `firstDefinitionId` on. So they
   * may be learnt as soon as the batch is there, whether or not those before it have been applied.
   */
  definitions: Definition[];
  firstDefinitionId: number;
  drops: Drop[];
  /** The newest of the samples dropped, oldest first; empty when none are asked for. */
  deadLetters: DeadLetter[];
}

/** Characters of a dead letter's payload. */
export const DEAD_LETTER_LENGTH_MAX = 16 * 1024;

export const PAYLOAD_EXCERPT_LENGTH = 200;

/** The keys of definitions are forgotten when they take more than this many characters. */
const KEYS_LENGTH_MAX = 1024 * 1024;

/** Numbers of definitions begin anew when there are more: the main thread keeps each of them. */
const DEFINITIONS_MAX = 4 * 1024 * 1024;

/** So they do when their keys have come to more characters: it keeps those whole that are refused. */
const DEFINITIONS_LENGTH_MAX = 128 * 1024 * 1024;

/**
 * The meanings from this one on are those of samples that are dropped for what their definition says,
 * each with the index of its reason added. Definitions have lower numbers.
 */
const FIRST_DROPPED = 0x3f000000;

export interface FolderOptions {
  limits: DecodeLimits;
  /** Undefined: definitions are used as they were sent. */
  shape?: Shape | undefined;
  /** How many dropped samples a batch brings along. */
  deadLetterMax: number;
  keysLengthMax?: number;
  definitionsMax?: number;
  definitionsLengthMax?: number;
  templateBytesMax?: number;
}

/**
 * Decodes ranges and folds them into batches, and numbers definitions from 0 as it meets them.
 *
 * A message that is known but for its value and its timestamp takes the short way, see `Templates`.
 * All others are parsed and validated, and taught. Both come to the same samples: only their number
 * tells.
 *
 * A batch whose `firstDefinitionId` is 0 starts the numbering anew: for it and those after it
 * earlier numbers are void. A definition may be numbered more than once. The arrays of a batch belong
 * to the caller.
 */
export class Folder {
  #options: FolderOptions;
  #templates: Templates;
  #idByKey = new Map<string, number>();
  #keysLength = 0;
  #nextId = 0;
  /** Of the keys of all that have a number. */
  #definitionsLength = 0;
  #definitions: Definition[] = [];
  #ids = new Uint32Array(1024);
  #values = new Float64Array(1024);
  #timestampsMs = new Float64Array(1024);
  #hasTimestamps = false;
  #count = 0;
  #details: Batch["details"] = [];
  /** Whether a template may mean that the sample is dropped. */
  #knowsDropped = false;
  #drops: (Drop | undefined)[] = [];
  #deadLetters: DeadLetter[] = [];

  constructor(options: FolderOptions) {
    this.#options = options;
    this.#templates = new Templates(options.limits.maxMessageBytes, options.templateBytesMax);
  }

  /** `elements`: a range, oldest first; read only, not kept. Never throws. */
  fold(elements: Elements): Batch {
    const { keysLengthMax = KEYS_LENGTH_MAX, definitionsMax = DEFINITIONS_MAX } = this.#options;
    const { definitionsLengthMax = DEFINITIONS_LENGTH_MAX } = this.#options;
    if (this.#keysLength > keysLengthMax) {
      this.#idByKey.clear();
      this.#keysLength = 0;
    }
    const isFull = this.#definitionsLength > definitionsLengthMax;
    if (isFull || this.#nextId > definitionsMax) this.forget();
    const firstDefinitionId = this.#nextId;
    const templates = this.#templates;
    if (templates.match(elements) === 0 && !this.#knowsDropped) {
      const [ids, values] = [templates.takeMeanings(), templates.takeValues()];
      const timestampsMs = templates.takeTimestamps()?.map(timestampMsOf);
      const nothing = { details: [], definitions: [], drops: [], deadLetters: [] };
      return { ids, values, timestampsMs, firstDefinitionId, ...nothing };
    }
    for (let i = 0; i < elements.count; i++) {
      const id = templates.meaningOf(i);
      const value = templates.valueOf(i);
      if (id !== UNKNOWN && !Number.isNaN(value)) this.#addKnown(id, value, elements, i);
      else this.#addOther(elements, i);
    }
    return this.#take(firstDefinitionId);
  }

  /**
   * Makes numbers of definitions void: no batch from now on names one of them. A message that says the
   * same again is parsed, and its definition sent again under a new number; no number is given twice
   * before the numbering begins anew. Numbers that were not given are left alone, so one that is meant
   * for an earlier numbering costs a parse at most. Takes one pass over all that was learnt, so it is
   * better called for many at a time.
   */
  void(ids: Uint32Array): void {
    // A byte a number: those beyond the end set nothing.
    const isVoid = new Uint8Array(this.#nextId);
    for (let i = 0; i < ids.length; i++) isVoid[ids[i]] = 1;
    for (const [key, id] of this.#idByKey) {
      if (isVoid[id] === 0) continue;
      this.#idByKey.delete(key);
      this.#keysLength -= key.length;
    }
    this.#templates.unlearn(isVoid);
  }

  /** Forgets all that was learnt: the next batch numbers definitions from 0. */
  forget(): void {
    this.#idByKey.clear();
    this.#keysLength = 0;
    this.#templates.forget();
    this.#nextId = 0;
    this.#definitionsLength = 0;
  }

  #take(firstDefinitionId: number): Batch {
    const { deadLetterMax } = this.#options;
    const batch: Batch = {
      ids: this.#ids.slice(0, this.#count),
      values: this.#values.slice(0, this.#count),
      details: this.#details,
      timestampsMs: this.#hasTimestamps ? this.#timestampsMs.slice(0, this.#count) : undefined,
      definitions: this.#definitions,
      firstDefinitionId,
      drops: this.#drops.filter((drop) => drop !== undefined),
      deadLetters: this.#deadLetters.slice(-deadLetterMax || this.#deadLetters.length),
    };
    this.#count = 0;
    this.#details = [];
    this.#hasTimestamps = false;
    this.#drops = [];
    this.#deadLetters = [];
    this.#definitions = [];
    return batch;
  }

  /** Adds an element that was not known, or whose number the kernel left to us. */
  #addOther(elements: Elements, index: number): void {
    const templates = this.#templates;
    const isKnown = templates.matchAgain(index);
    const id = templates.meaningOf(index);
    if (isKnown) {
      this.#addKnown(id, templates.valueOf(index), elements, index);
      return;
    }
    if (id !== UNKNOWN) {
      const number = templates.locate(index)!;
      const value = Number(elements.bytes.toString("latin1", number.start, number.end));
      // What not every definition takes is for the full parse to judge.
      if (Number.isFinite(value) && value >= 0) {
        this.#addKnown(id, value, elements, index);
        return;
      }
    }
    const { limits } = this.#options;
    const bytes = elementAt(elements, index);
    const decoded = decodeMessage(bytes, limits);
    let meaning = UNKNOWN;
    for (let i = 0; i < decoded.length; i++) {
      const entry = decoded[i];
      if (!entry.ok) {
        this.#drop(entry.reason, bytes, i);
        continue;
      }
      const { definition, value, detail } = entry.sample;
      meaning = this.#meaningOf(definition);
      if (meaning >= FIRST_DROPPED) {
        this.#drop(DROP_REASONS[meaning - FIRST_DROPPED], bytes, i);
        continue;
      }
      if (detail && !isTimestampAlone(detail)) this.#details.push({ index: this.#count, detail });
      this.#add(meaning, value, detail?.timestampMs ?? Number.NaN);
    }
    if (id === UNKNOWN && decoded.length === 1 && decoded[0].ok && templates.canLearn) {
      this.#teach(elements, index, decoded[0].sample, meaning);
    }
  }

  /** Adds an element whose meaning a template has told. */
  #addKnown(meaning: number, value: number, elements: Elements, index: number): void {
    if (meaning < FIRST_DROPPED) {
      this.#add(meaning, value, timestampMsOf(this.#templates.timestampOf(index)));
    } else this.#drop(DROP_REASONS[meaning - FIRST_DROPPED], elementAt(elements, index), 0);
  }

  /**
   * Teaches the message of an element, when another number in the place of its first value changes
   * the value that counts, the top-level one. In JSON a number is one leaf of the tree, so that leaf
   * is then the value itself, and any number there changes it and nothing else. The same for a
   * timestamp. What else a sample may say beside its definition would be lost: it is not taught.
   */
  #teach({ bytes, starts, ends }: Elements, index: number, sample: Sample, meaning: number): void {
    const { definition, value, detail } = sample;
    const number = this.#templates.locate(index);
    if (number === undefined || !isTimestampAlone(detail)) return;
    // Each differs from what stands there, and from the other.
    const otherValue = value === 1 ? 2 : 1;
    const otherSeconds = detail?.timestampMs === 3000 ? 4 : 3;
    const places = [{ ...number, number: otherValue }];
    if (detail !== undefined) {
      const timestamp = this.#templates.locateTimestamp(index);
      if (timestamp === undefined) return;
      places.push({ ...timestamp, number: otherSeconds });
      places.sort((a, b) => a.start - b.start);
    }
    // Only two numbers are looked at: characters that take several bytes may stay as they are.
    let text = "";
    let at = starts[index];
    for (const place of places) {
      text += bytes.toString("latin1", at, place.start) + place.number;
      at = place.end;
    }
    text += bytes.toString("latin1", at, ends[index]);
    const other = JSON.parse(text) as { value?: unknown; timestamp?: unknown };
    if (other.value !== otherValue) return;
    if (detail !== undefined && other.timestamp !== otherSeconds) return;
    const marks =
      (definition.type === "counter" ? NOT_NEGATIVE : 0) | (detail === undefined ? 0 : TIMED);
    this.#templates.learn(index, meaning | marks);
    if (meaning >= FIRST_DROPPED) this.#knowsDropped = true;
  }

  /** `timestampMs`: NaN when there is none. */
  #add(id: number, value: number, timestampMs: number): void {
    if (this.#count === this.#ids.length) this.#grow();
    this.#ids[this.#count] = id;
    this.#values[this.#count] = value;
    this.#timestampsMs[this.#count] = timestampMs;
    if (!Number.isNaN(timestampMs)) this.#hasTimestamps = true;
    this.#count++;
  }

  /** The number of the definition to use, or that of the reason why there is none. */
  #meaningOf(sent: Definition): number {
    const { shape } = this.#options;
    const definition = shape === undefined ? sent : shape(sent);
    if (typeof definition === "string") return FIRST_DROPPED + DROP_REASONS.indexOf(definition);
    return this.#idOf(definition);
  }

  #idOf(definition: Definition): number {
    const key = definitionKey(definition);
    const known = this.#idByKey.get(key);
    if (known !== undefined) return known;
    const id = this.#nextId++;
    this.#idByKey.set(key, id);
    this.#keysLength += key.length;
    this.#definitionsLength += key.length;
    this.#definitions.push(definition);
    return id;
  }

  /** Drops the `index`-th sample of an element. */
  #drop(reason: DropReason, bytes: Uint8Array, index: number): void {
    const reasonIndex = DROP_REASONS.indexOf(reason);
    const drop = this.#drops[reasonIndex];
    if (drop) drop.count++;
    else {
      const payload = excerptOf(bytes);
      this.#drops[reasonIndex] = { reason, count: 1, payload, bytes: bytes.length };
    }
    if (this.#options.deadLetterMax > 0) this.#keep(reason, bytes, index);
  }

  #keep(reason: DropReason, bytes: Uint8Array, index: number): void {
    const { deadLetterMax } = this.#options;
    this.#deadLetters.push({ reason, payload: payloadOf(bytes, index) });
    // Now and then, not each time: only the newest are wanted.
    if (this.#deadLetters.length >= 2 * deadLetterMax) {
      this.#deadLetters = this.#deadLetters.slice(-deadLetterMax);
    }
  }

  #grow(): void {
    const ids = new Uint32Array(this.#ids.length * 2);
    ids.set(this.#ids);
    this.#ids = ids;
    const values = new Float64Array(this.#values.length * 2);
    values.set(this.#values);
    this.#values = values;
    const timestampsMs = new Float64Array(this.#timestampsMs.length * 2);
    timestampsMs.set(this.#timestampsMs);
    this.#timestampsMs = timestampsMs;
  }
}

/** Whether a sample says nothing, or nothing but its timestamp, beside definition and value. */
function isTimestampAlone(detail: SampleDetail | undefined): boolean {
  if (detail === undefined) return true;
  const { timestampMs, exemplar, counts, count } = detail;
  return timestampMs !== undefined && (exemplar ?? counts ?? count) === undefined;
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
    definition.unit,
    definition.native,
    definition.handling,
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
