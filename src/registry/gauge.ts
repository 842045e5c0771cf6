import { Float64Column } from "./columns.ts";

/** Gauges: the last value a slot. */
export class Gauges {
  #values = new Float64Column();

  /** Makes a gauge at 0 and returns its slot. */
  add(): number {
    return this.#values.extend(1);
  }

  /** Sets the gauge; any double, NaN and the infinities too. */
  observe(slot: number, value: number): void {
    this.#values.data[slot] = value;
  }

  snapshot(): Float64Array {
    return this.#values.copy();
  }
}
