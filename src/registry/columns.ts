/**
 * A column of doubles that grows, one number a slot, in pages. A snapshot shares its pages, and a page
 * that is shared is copied before it is written: so neither a snapshot nor growing copies all.
 */
export class Float64Column {
  #pages: Float64Array[] = [];
  /** For each page whether a snapshot may have it. */
  #isShared: boolean[] = [];
  length = 0;

  /** Adds `count` zeros and returns the index of the first. */
  extend(count: number): number {
    const start = this.length;
    this.length += count;
    while (this.#pages.length << PAGE_BITS < this.length) {
      this.#pages.push(new Float64Array(PAGE_LENGTH));
      this.#isShared.push(false);
    }
    return start;
  }

  /** Adds zeros until there are so many numbers. */
  ensure(length: number): void {
    if (length > this.length) this.extend(length - this.length);
  }

  at(index: number): number {
    return this.#pages[index >>> PAGE_BITS][index & PAGE_MASK];
  }

  set(index: number, value: number): void {
    const page = index >>> PAGE_BITS;
    if (this.#isShared[page]) this.#own(page);
    this.#pages[page][index & PAGE_MASK] = value;
  }

  add(index: number, value: number): void {
    const page = index >>> PAGE_BITS;
    if (this.#isShared[page]) this.#own(page);
    this.#pages[page][index & PAGE_MASK] += value;
  }

  /** The values as they are now. */
  snapshot(): Float64Snapshot {
    this.#isShared.fill(true);
    return new Float64Snapshot(this.#pages.slice());
  }

  #own(page: number): void {
    this.#pages[page] = this.#pages[page].slice();
    this.#isShared[page] = false;
  }
}

/** A column at one moment. */
export class Float64Snapshot {
  #pages: readonly Float64Array[];

  constructor(pages: readonly Float64Array[]) {
    this.#pages = pages;
  }

  at(index: number): number {
    return this.#pages[index >>> PAGE_BITS][index & PAGE_MASK];
  }
}

/** 8 KiB: to copy one takes about a microsecond. */
const PAGE_BITS = 10;
const PAGE_LENGTH = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_LENGTH - 1;

/** A list of integers below 2^32 that grows. What stands in it is not changed. */
export class Uint32List {
  data = new Uint32Array(4);
  length = 0;

  push(value: number): void {
    if (this.length === this.data.length) {
      const grown = new Uint32Array(this.length * 2);
      grown.set(this.data);
      this.data = grown;
    }
    this.data[this.length++] = value;
  }
}
