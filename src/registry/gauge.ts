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

  /** Sets the gauge; any double, NaN and the infinities too. */
  observe(slot: number, value: number): void {
    this.#values.set(slot, value);
    this.changed.mark(slot);
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
