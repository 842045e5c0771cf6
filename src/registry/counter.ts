import type { ByteReader, ByteWriter } from "./bytes.ts";
import { ChangedSlots } from "./changed-slots.ts";
import { Float64Column, type Float64Snapshot } from "./columns.ts";

/** Counters: one sum a slot. */
export class Counters {
  readonly changed = new ChangedSlots();
  #sums = new Float64Column();

  /** Makes a counter at 0 and returns its slot. */
  add(): number {
    const slot = this.#sums.extend(1);
    this.changed.extend(slot + 1);
    return slot;
  }

  /** Adds values, which are finite and not negative, each to its slot. */
  observe(slots: Uint32Array, values: Float64Array): void {
    for (let i = 0; i < slots.length; i++) {
      this.#sums.add(slots[i], values[i]);
      this.changed.mark(slots[i]);
    }
  }

  snapshot(): Float64Snapshot {
    return this.#sums.snapshot();
  }

  write(slot: number, writer: ByteWriter): void {
    writer.f64(this.#sums.at(slot));
  }

  read(slot: number, reader: ByteReader): void {
    this.#sums.set(slot, reader.f64());
  }
}
