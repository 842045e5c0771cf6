import type { ByteSource } from "./byte-source.ts";
import type { Writing } from "./pages.ts";

/** How long a large answer and the samples that wait take turns. */
const TURN_MS = { answer: 2, samples: 4 };

/** What is to be shown may be another process's by now, and further on than here. */
export class NoLongerValid extends Error {
  constructor() {
    super("the totals are no longer this process's to show");
  }
}

/** The bytes of an answer that is written piece by piece. Others run between two pieces. */
export class Rendering implements ByteSource {
  readonly #writing: Writing;
  readonly #isBusy: () => boolean;
  /** Chunks that were looked at and not taken yet. */
  readonly #ahead: Uint8Array[] = [];
  #restedAt = performance.now();
  #isEnded = false;
  /** How many have been given so far. */
  bytes = 0;

  constructor(writing: Writing, isBusy: () => boolean) {
    this.#writing = writing;
    this.#isBusy = isBusy;
  }

  async next(): Promise<Uint8Array | undefined> {
    const bytes = this.#ahead.shift() ?? (await this.#render());
    this.bytes += bytes?.length ?? 0;
    return bytes;
  }

  /** All of it, when that is at most `lengthMax` bytes. Else undefined, and `next` gives them all. */
  async whole(lengthMax: number): Promise<Uint8Array | undefined> {
    let length = 0;
    while (length <= lengthMax) {
      const bytes = await this.#render();
      if (bytes === undefined) {
        this.bytes = length;
        return Buffer.concat(this.#ahead);
      }
      this.#ahead.push(bytes);
      length += bytes.length;
    }
    return undefined;
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#writing.end();
  }

  async #render(): Promise<Uint8Array | undefined> {
    for (;;) {
      await new Promise(setImmediate);
      if (this.#isBusy() && performance.now() - this.#restedAt > TURN_MS.answer) {
        await Bun.sleep(TURN_MS.samples);
        this.#restedAt = performance.now();
      }
      if (this.#isEnded) throw new Error("the answer was ended");
      if (!this.#writing.isValid()) throw new NoLongerValid();
      const { done, value } = this.#writing.chunks.next();
      if (done) return undefined;
      if (value.length > 0) return value;
    }
  }
}
