import type { ByteReader, ByteWriter } from "./bytes.ts";
import { ChangedSlots } from "./changed-slots.ts";
import { Float64Column, type Float64Snapshot } from "./columns.ts";

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

  /** Sets gauges, one after the other; any doubles, NaN and the infinities too. */
  observe(slots: Uint32Array, values: Float64Array): void {
    for (let i = 0; i < slots.length; i++) {
      this.#values.set(slots[i], values[i]);
      this.changed.mark(slots[i]);
    }
  }

  snapshot(): Float64Snapshot {
    return this.#values.snapshot();
  }

  write(slot: number, writer: ByteWriter): void {
    writer.f64(this.#values.at(slot));
  }

  read(slot: number, reader: ByteReader): void {
    this.#values.set(slot, reader.f64());
  }
}
