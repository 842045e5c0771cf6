import type { ByteReader, ByteWriter } from "./bytes.ts";
import { ChangedSlots } from "./changed-slots.ts";
import { Float64Column } from "./columns.ts";

/** Gauges: the last value a slot. */
export class Gauges {
  readonly changed = new ChangedSlots();
  #values = new Float64Column();

  /** Makes a gauge at 0 and returns its slot. */
  add(): number {
    const slot = this.#values.extend(1);
    this.changed.extend(slot + 1);
    return slot;
  }

  /** Sets the gauge; any double, NaN and the infinities too. */
  observe(slot: number, value: number): void {
    this.#values.data[slot] = value;
    this.changed.mark(slot);
  }

  snapshot(): Float64Array {
    return this.#values.copy();
  }

  write(slot: number, writer: ByteWriter): void {
    writer.f64(this.#values.data[slot]);
  }

  read(slot: number, reader: ByteReader): void {
    this.#values.data[slot] = reader.f64();
  }
}
