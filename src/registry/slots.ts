/**
 * Which slots of an aggregation are in use. Slots of different sizes do not take each other's place.
 */
export class Slots {
  /** Slots that there are. */
  count = 0;
  #isUsed = new Uint8Array(64);
  #free = new Map<number, number[]>();

  /** A free one of that size, or a new one. */
  take(size = 1): number {
    return this.#free.get(size)?.pop() ?? this.count;
  }

  /** From now on a slot is in use; those before it are there, too. */
  use(slot: number): void {
    this.count = Math.max(this.count, slot + 1);
    if (slot >= this.#isUsed.length) {
      const grown = new Uint8Array(Math.max(slot + 1, this.#isUsed.length * 2));
      grown.set(this.#isUsed);
      this.#isUsed = grown;
    }
    this.#isUsed[slot] = 1;
  }

  isUsed(slot: number): boolean {
    return this.#isUsed[slot] === 1;
  }

  release(slot: number, size = 1): void {
    this.#isUsed[slot] = 0;
    const free = this.#free.get(size);
    if (free === undefined) this.#free.set(size, [slot]);
    else free.push(slot);
  }
}
