import type { GaugeOperation } from "../sample/sample.ts";
import { unreachable } from "../unreachable.ts";
import type { ByteReader, ByteWriter } from "./bytes.ts";
import { ChangedSlots } from "./changed-slots.ts";
import { Float64Column, type Float64Snapshot } from "./columns.ts";
import { Slots } from "./slots.ts";

/** Gauges: one value a slot. NaN is no value: the next sample is the first one. */
export class Gauges {
  readonly changed = new ChangedSlots();
  readonly slots = new Slots();
  #values = new Float64Column();

  /** Makes a gauge without a value and returns its slot. */
  add(): number {
    const slot = this.slots.take();
    this.begin(slot);
    return slot;
  }

  /** The slot is a gauge without a value, whatever it was. */
  begin(slot: number): void {
    this.slots.use(slot);
    this.#values.ensure(slot + 1);
    this.#values.set(slot, Number.NaN);
    this.changed.extend(slot + 1);
  }

  /** The slot may be used for another series. */
  release(slot: number): void {
    this.slots.release(slot);
  }

  /** Sets gauges, one after the other; any doubles, NaN and the infinities too. */
  observe(slots: Uint32Array, values: Float64Array): void {
    for (let i = 0; i < slots.length; i++) {
      this.#values.set(slots[i], values[i]);
      this.changed.mark(slots[i]);
    }
  }

  /** Changes one gauge. `times`: how often, which counts for `add` and `sub`. */
  observeOne(slot: number, op: GaugeOperation, value: number, times: number): void {
    this.#values.set(slot, changed(this.#values.at(slot), op, value, times));
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

function changed(present: number, op: GaugeOperation, value: number, times: number): number {
  const hasNone = Number.isNaN(present);
  switch (op) {
    case "set":
      return value;
    case "add":
      return (hasNone ? 0 : present) + value * times;
    case "sub":
      return (hasNone ? 0 : present) - value * times;
    case "max":
      return hasNone || value > present ? value : present;
    case "min":
      return hasNone || value < present ? value : present;
    default:
      return unreachable(op);
  }
}
