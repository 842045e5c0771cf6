import type { DeadLetter } from "../sample/fold.ts";

/** Of one checkpoint: more would hold up Redis. */
const BYTES_MAX = 4 * 1024 * 1024;

/** Dropped samples since the last checkpoint, as they will stand in the dead letters' list. */
export class DeadLetters {
  #max: number;
  #texts: string[] = [];
  #length = 0;
  /** How many were left out since the start because there were too many bytes at once. */
  discarded = 0;

  /** `max`: the list's length; 0: none are kept. */
  constructor(max: number) {
    this.#max = max;
  }

  get isKept(): boolean {
    return this.#max > 0;
  }

  get count(): number {
    return this.#texts.length;
  }

  add(letters: readonly DeadLetter[], nowMs: number): void {
    if (this.#max === 0) return;
    const time = new Date(nowMs).toISOString();
    for (const { reason, payload } of letters) {
      const text = JSON.stringify({ time, reason, payload });
      this.#texts.push(text);
      this.#length += text.length;
    }
    this.#cut();
  }

  /** Takes them, oldest first. */
  take(): string[] {
    const texts = this.#texts;
    this.#texts = [];
    this.#length = 0;
    return texts;
  }

  /** The newest stay, as in the list. */
  #cut(): void {
    const beyondMax = Math.max(0, this.#texts.length - this.#max);
    let cut = 0;
    while (cut < beyondMax || this.#length > BYTES_MAX) this.#length -= this.#texts[cut++].length;
    if (cut === 0) return;
    this.#texts.splice(0, cut);
    this.discarded += cut - beyondMax;
  }
}
