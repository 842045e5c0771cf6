/**
 * Which slots of an aggregation are in use. Slots of different sizes do not take each other's place.
 */
export class Slots {
  /** Slots that there are. */
  count = 0;
  #free = new Map<number, number[]>();

  /** A free one of that size, or a new one. */
  take(size = 1): number {
    return this.#free.get(size)?.pop() ?? this.count++;
  }

  /** Makes sure that a slot is there. */
  ensure(slot: number): void {
    this.count = Math.max(this.count, slot + 1);
  }

  release(slot: number, size = 1): void {
    const free = this.#free.get(size);
    if (free === undefined) this.#free.set(size, [slot]);
    else free.push(slot);
  }
}
