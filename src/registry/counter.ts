import type { Exemplar } from "../sample/sample.ts";
import type { ByteReader, ByteWriter } from "./bytes.ts";
import { ChangedSlots } from "./changed-slots.ts";
import { Float64Column, type Float64Snapshot } from "./columns.ts";
import { Exemplars } from "./exemplars.ts";
import { Slots } from "./slots.ts";

/** Counters: one sum a slot. */
export class Counters {
  readonly changed = new ChangedSlots();
  readonly exemplars = new Exemplars();
  readonly slots = new Slots();
  #sums = new Float64Column();

  /** Makes a counter at 0 and returns its slot. */
  add(): number {
    const slot = this.slots.take();
    this.begin(slot);
    return slot;
  }

  /** The slot is a counter at 0, whatever it was. */
  begin(slot: number): void {
    this.slots.use(slot);
    this.#sums.ensure(slot + 1);
    this.#sums.set(slot, 0);
    this.exemplars.delete(slot);
    this.changed.extend(slot + 1);
  }

  /** The slot may be used for another series. */
  release(slot: number): void {
    this.exemplars.delete(slot);
    this.slots.release(slot);
  }

  /** Adds values, which are finite and not negative, each to its slot. */
  observe(slots: Uint32Array, values: Float64Array): void {
    for (let i = 0; i < slots.length; i++) {
      this.#sums.add(slots[i], values[i]);
      this.changed.mark(slots[i]);
    }
  }

  /** Adds one value, so many times. */
  observeOne(slot: number, value: number, times: number, exemplar: Exemplar | undefined): void {
    this.#sums.add(slot, value * times);
    this.changed.mark(slot);
    if (exemplar !== undefined) this.exemplars.set(slot, 0, exemplar);
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
