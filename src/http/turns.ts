/** So many may wait: each takes some hundred milliseconds at the worst. */
const WAITING_MAX = 16;

/** Lets long work be done one at a time, whoever asks for it, and refuses it where too many do. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #count = 0;

  /** What `work` gives, when its turn came; undefined: too many wait already, and it was not begun. */
  take<T>(work: () => Promise<T>): Promise<T> | undefined {
    if (this.#count > WAITING_MAX) return undefined;
    this.#count++;
    const done = this.#last.then(work).finally(() => this.#count--);
    // Whether it fails is for who asked.
    this.#last = done.catch(() => {});
    return done;
  }
}
