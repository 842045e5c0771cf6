import type { ByteReader, ByteWriter } from "./bytes.ts";

/**
 * Observations in the order in which they came, until a checkpoint has them: for each the slot, the
 * value, and the slice of time that it belongs to. Adding one is two stores, and writing them is a
 * copy of memory.
 */
export class ObservationLog {
  #slots = new Uint32Array(1024);
  #values = new Float64Array(1024);
  /** Entries that are written already, and entries in all. */
  #head = 0;
  #tail = 0;
  /** Entries that `takeBySlot` has given out. */
  #taken = 0;
  /** Of those given out: the next one of the slot, and for each slot the first and last; plus one. */
  #next = new Uint32Array(0);
  #first = new Uint32Array(0);
  #last = new Uint32Array(0);
  #gathered = new Float64Array(0);
  /** Entries since ever that stand no longer in the arrays. */
  #gone = 0;
  /** Where in the arrays each slice begins; ascending. */
  #slices: { slice: number; start: number }[] = [];

  /** Entries since ever: where the next one will be. */
  get end(): number {
    return this.#gone + this.#tail;
  }

  get isEmpty(): boolean {
    return this.#head === this.#tail;
  }

  /** Whether it should not grow any more. */
  get isFull(): boolean {
    return this.#tail === ENTRIES_MAX;
  }

  /** Not when it is full. */
  add(slot: number, value: number, slice: number): void {
    const at = this.#tail;
    if (at === this.#slots.length) this.#grow();
    const { length } = this.#slices;
    if (length === 0 || this.#slices[length - 1].slice !== slice) {
      this.#slices.push({ slice, start: at });
    }
    this.#slots[at] = slot;
    this.#values[at] = value;
    this.#tail = at + 1;
  }

  /** Entries that `takeBySlot` would give out. */
  get fresh(): number {
    return this.#tail - this.#taken;
  }

  /**
   * Gives out each entry once, those of one slot together and in their order: so the state of a slot
   * comes into the processor's cache for several at a time. `values` is valid during the call.
   * `slotCount`: slots that there are.
   */
  takeBySlot(
    slotCount: number,
    take: (slot: number, values: Float64Array, count: number) => void,
  ): void {
    const [slots, values, start, tail] = [this.#slots, this.#values, this.#taken, this.#tail];
    if (this.#first.length < slotCount) {
      this.#first = new Uint32Array(slotCount * 2);
      this.#last = new Uint32Array(slotCount * 2);
    }
    if (this.#next.length < tail - start) {
      this.#next = new Uint32Array((tail - start) * 2);
      this.#gathered = new Float64Array((tail - start) * 2);
    }
    const [first, last, next] = [this.#first, this.#last, this.#next];
    for (let i = start; i < tail; i++) {
      const slot = slots[i];
      if (first[slot] === 0) first[slot] = i - start + 1;
      else next[last[slot] - 1] = i - start + 1;
      last[slot] = i - start + 1;
      next[i - start] = 0;
    }
    const gathered = this.#gathered;
    for (let i = start; i < tail; i++) {
      const slot = slots[i];
      let count = 0;
      for (let at = first[slot]; at !== 0; at = next[at - 1]) {
        gathered[count++] = values[start + at - 1];
      }
      first[slot] = 0;
      if (count > 0) take(slot, gathered, count);
    }
    this.#taken = tail;
  }

  /** Forgets everything. */
  clear(): void {
    this.#gone += this.#tail;
    this.#head = 0;
    this.#tail = 0;
    this.#taken = 0;
    this.#slices = [];
  }

  /**
   * Writes and forgets entries, which were all given out, until the writer holds about `lengthMax` bytes, but one at least:
   * pieces of a slice each, and a 0. Returns whether nothing is left. `isWanted` tells by slot and place, where
   * that is below `filterEnd`.
   */
  write(
    writer: ByteWriter,
    lengthMax: number,
    filterEnd: number,
    isWanted: (slot: number, place: number) => boolean,
  ): boolean {
    this.#dropUnwanted(filterEnd, isWanted);
    for (let isFirst = true; !this.isEmpty && (isFirst || writer.length < lengthMax); ) {
      const { slice } = this.#slices[0];
      const end = this.#slices[1]?.start ?? this.#tail;
      const room = Math.max(1, Math.ceil((lengthMax - writer.length) / ENTRY_BYTES));
      const to = Math.min(end, this.#head + room);
      if (to > this.#head) {
        writer.varint(slice + 1);
        writer.varint(to - this.#head);
        writer.bytes(this.#slots.subarray(this.#head, to));
        writer.bytes(this.#values.subarray(this.#head, to));
        this.#head = to;
        isFirst = false;
      }
      if (to === end) this.#slices.shift();
    }
    writer.varint(0);
    if (this.isEmpty) this.clear();
    return this.isEmpty;
  }

  /** What is left moves to the front: it was seldom much. */
  #dropUnwanted(filterEnd: number, isWanted: (slot: number, place: number) => boolean): void {
    if (this.#gone + this.#head >= filterEnd) return;
    const [slots, values, slices] = [this.#slots, this.#values, this.#slices];
    const [head, tail, gone] = [this.#head, this.#tail, this.#gone];
    this.clear();
    let at = 0;
    for (let i = head; i < tail; i++) {
      while (at + 1 < slices.length && slices[at + 1].start <= i) at++;
      const place = gone + i;
      if (place >= filterEnd || isWanted(slots[i], place)) {
        this.add(slots[i], values[i], slices[at].slice);
      }
    }
    this.#taken = this.#tail;
  }

  #grow(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    slots.set(this.#slots);
    this.#slots = slots;
    const values = new Float64Array(this.#values.length * 2);
    values.set(this.#values);
    this.#values = values;
  }
}

/** Reads what one `write` wrote. Throws a RangeError when the bytes are others. */
export function readObservations(
  reader: ByteReader,
  observe: (slot: number, value: number, slice: number) => void,
): void {
  for (let slice = reader.varint() - 1; slice >= 0; slice = reader.varint() - 1) {
    const count = reader.varint();
    const slots = reader.bytes(count * Uint32Array.BYTES_PER_ELEMENT);
    const values = reader.bytes(count * Float64Array.BYTES_PER_ELEMENT);
    for (let i = 0; i < count; i++) {
      observe(slots.getUint32(i * 4, true), values.getFloat64(i * 8, true), slice);
    }
  }
}

const ENTRY_BYTES = Uint32Array.BYTES_PER_ELEMENT + Float64Array.BYTES_PER_ELEMENT;

/** 12 MiB. A checkpoint comes after a quarter of them. */
const ENTRIES_MAX = 1024 * 1024;
