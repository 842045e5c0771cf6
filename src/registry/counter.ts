import { Float64Column } from "./columns.ts";

/** Counters: one sum a slot. */
export class Counters {
  #sums = new Float64Column();

  /** Makes a counter at 0 and returns its slot. */
  add(): number {
    return this.#sums.extend(1);
  }

  /** Adds `value`, which is finite and not negative. */
  observe(slot: number, value: number): void {
    this.#sums.data[slot] += value;
  }

  snapshot(): Float64Array {
    return this.#sums.copy();
  }
}
