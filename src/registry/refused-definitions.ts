import type { Definition } from "../sample/sample.ts";

/** How many are kept, and how many characters of them, of one worker. */
const COUNT_MAX = 131_072;
const LENGTH_MAX = 16 * 1024 * 1024;

export interface RefusedLimits {
  countMax?: number;
  lengthMax?: number;
}

/**
 * Numbers of the definitions that have no series, since there is no room for one, say. There is no end
 * of them: when they are too many, those are given up that did not come for longest. Who goes on to
 * send what is refused costs a look-up as long as it is kept, and a full parse otherwise.
 */
export class RefusedDefinitions {
  #countMax: number;
  #lengthMax: number;
  /** Of each its characters. Who came last stands last, once it matters. */
  #lengths = new Map<number, number>();
  #length = 0;

  constructor({ countMax = COUNT_MAX, lengthMax = LENGTH_MAX }: RefusedLimits) {
    this.#countMax = countMax;
    this.#lengthMax = lengthMax;
  }

  /** A sample of it came. */
  note(id: number, definition: Definition): void {
    let length = this.#lengths.get(id);
    if (length === undefined) {
      length = lengthOf(definition);
      this.#length += length;
    } else if (this.#lengths.size * 2 > this.#countMax || this.#length * 2 > this.#lengthMax) {
      this.#lengths.delete(id);
    } else return;
    this.#lengths.set(id, length);
  }

  /** It has a series now. */
  delete(id: number): void {
    this.#length -= this.#lengths.get(id) ?? 0;
    this.#lengths.delete(id);
  }

  /** Takes the older half of them when they are too many; mostly there are none to take. */
  takeOld(): number[] {
    const taken: number[] = [];
    const lengths = this.#lengths;
    if (lengths.size <= this.#countMax && this.#length <= this.#lengthMax) return taken;
    for (const [id, length] of lengths) {
      if (lengths.size * 2 <= this.#countMax && this.#length * 2 <= this.#lengthMax) break;
      lengths.delete(id);
      this.#length -= length;
      taken.push(id);
    }
    return taken;
  }
}

/** What of it may be long. */
function lengthOf({ name, help, labelNames, labelValues, buckets }: Definition): number {
  let length = name.length + help.length + (buckets?.length ?? 0) * 8;
  for (let i = 0; i < labelNames.length; i++) {
    length += labelNames[i].length + labelValues[i].length;
  }
  return length;
}
