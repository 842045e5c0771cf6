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

  /** Adds `value`, which is finite and not negative. */
  observe(slot: number, value: number): void {
    this.#sums.add(slot, value);
    this.changed.mark(slot);
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
