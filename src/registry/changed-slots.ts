/** Which slots have changed since they were last taken, each once, in the order of the change. */
export class ChangedSlots {
  #isChanged = new Uint8Array(64);
  #queue = new Uint32Array(64);
  #head = 0;
  #tail = 0;
  /** Of all that were marked at once, those from `#next` to `#end` are not taken yet. */
  #next = 0;
  #end = 0;
  /** Slots that there are. */
  slotCount = 0;

  /** Makes room for slots below `slotCount`. */
  extend(slotCount: number): void {
    this.slotCount = Math.max(this.slotCount, slotCount);
    if (slotCount <= this.#isChanged.length) return;
    const grown = new Uint8Array(Math.max(slotCount, this.#isChanged.length * 2));
    grown.set(this.#isChanged);
    this.#isChanged = grown;
  }

  mark(slot: number): void {
    if (this.#isChanged[slot] === 1 || (slot < this.#end && slot >= this.#next)) return;
    this.#isChanged[slot] = 1;
    if (this.#tail === this.#queue.length) this.#makeRoom();
    this.#queue[this.#tail++] = slot;
  }

  /** Marks every slot, and puts all into their own order. */
  markAll(): void {
    this.clear();
    this.#end = this.slotCount;
  }

  get isEmpty(): boolean {
    return this.#next === this.#end && this.#head === this.#tail;
  }

  /** Marks none. */
  clear(): void {
    this.#isChanged.fill(0);
    this.#head = 0;
    this.#tail = 0;
    this.#next = 0;
    this.#end = 0;
  }

  /** Takes the one that changed first; -1 when there is none. */
  take(): number {
    if (this.#next < this.#end) return this.#next++;
    if (this.#head === this.#tail) {
      this.#head = 0;
      this.#tail = 0;
      return -1;
    }
    const slot = this.#queue[this.#head++];
    this.#isChanged[slot] = 0;
    return slot;
  }

  #makeRoom(): void {
    const count = this.#tail - this.#head;
    const isHalfFree = count <= this.#queue.length / 2;
    const room = isHalfFree ? this.#queue : new Uint32Array(this.#queue.length * 2);
    room.set(this.#queue.subarray(this.#head, this.#tail));
    this.#queue = room;
    this.#head = 0;
    this.#tail = count;
  }
}
