import type { Exemplar } from "../sample/sample.ts";
import type { ByteReader, ByteWriter } from "./bytes.ts";

/** For each slot the last exemplar of each of its buckets; a counter is one bucket. */
export class Exemplars {
  #bySlot = new Map<number, (Exemplar | undefined)[]>();
  #changed = new Set<number>();

  /** By slot, then by bucket. It goes on changing. */
  get view(): ReadonlyMap<number, readonly (Exemplar | undefined)[]> {
    return this.#bySlot;
  }

  set(slot: number, bucket: number, exemplar: Exemplar): void {
    let buckets = this.#bySlot.get(slot);
    if (buckets === undefined) {
      buckets = [];
      this.#bySlot.set(slot, buckets);
    }
    while (buckets.length < bucket) buckets.push(undefined);
    buckets[bucket] = exemplar;
    this.#changed.add(slot);
  }

  delete(slot: number): void {
    // Hardly anybody sends any, and each series that begins comes by.
    if (this.#bySlot.size === 0) return;
    this.#bySlot.delete(slot);
    this.#changed.delete(slot);
  }

  /** From now on all count as changed. */
  markAll(): void {
    this.#changed = new Set(this.#bySlot.keys());
  }

  /** Takes a slot that has changed; -1 when there is none. */
  takeChanged(): number {
    for (const slot of this.#changed) {
      this.#changed.delete(slot);
      return slot;
    }
    return -1;
  }

  /** Of a slot that has some: how many, then for each its bucket and what it is. */
  write(slot: number, writer: ByteWriter): void {
    const buckets = this.#bySlot.get(slot) ?? [];
    writer.varint(buckets.filter((exemplar) => exemplar !== undefined).length);
    buckets.forEach((exemplar, bucket) => {
      if (exemplar === undefined) return;
      writer.varint(bucket);
      writer.f64(exemplar.value);
      writer.f64(exemplar.timestampSeconds ?? Number.NaN);
      writer.varint(exemplar.labelNames.length);
      for (const name of exemplar.labelNames) writer.text(name);
      for (const value of exemplar.labelValues) writer.text(value);
    });
  }

  read(slot: number, reader: ByteReader): void {
    for (let left = reader.varint(); left > 0; left--) {
      const bucket = reader.varint();
      const value = reader.f64();
      const timestamp = reader.f64();
      const names = Array.from({ length: reader.varint() }, () => reader.text());
      this.set(slot, bucket, {
        labelNames: names,
        labelValues: names.map(() => reader.text()),
        value,
        timestampSeconds: Number.isNaN(timestamp) ? undefined : timestamp,
      });
    }
    this.#changed.delete(slot);
  }
}
