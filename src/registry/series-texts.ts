import { Uint32List } from "./columns.ts";

/**
 * The label sets of all series, as the bytes that stand in the exposition, and where to find a
 * series by its family and its label set.
 *
 * Texts stand in pages that never move, so that growing copies nothing; the hash table is in many
 * parts, each of which grows by itself. A series takes its text and about 24 bytes.
 *
 * Where label sets are shown in another order than that of their names, the ordered one follows the
 * one that is shown, and has the same length.
 */
export class SeriesTexts {
  #pages: Buffer[] = [];
  #views: DataView[] = [];
  /** Bytes taken of the last page. */
  #used = 0;
  /** For each series: its page times the page size plus its place in it. */
  #positions = new Uint32List();
  /** For each series: the length of its text, times two; plus one where the ordered one follows. */
  #lengths = new Uint32List();
  #families = new Uint32List();
  #hashes = new Uint32List();
  /** Series plus one, at the place that the hash names or one of the next; 0: free. */
  #parts: Uint32Array[] = [];
  #partCounts = new Uint32Array(PARTS);

  constructor() {
    for (let i = 0; i < PARTS; i++) this.#parts.push(new Uint32Array(4));
  }

  get count(): number {
    return this.#positions.length;
  }

  /** The index of the family that a series belongs to. */
  familyOf(series: number): number {
    return this.#families.data[series];
  }

  /** The series of the family with this label set, names in order; -1 when there is none. */
  find(family: number, identity: Uint8Array): number {
    const hash = hashOf(family, identity);
    const part = this.#parts[hash >>> PART_SHIFT];
    const mask = part.length - 1;
    for (let at = hash & mask; part[at] !== 0; at = (at + 1) & mask) {
      const series = part[at] - 1;
      if (this.#hashes.data[series] !== hash || this.#families.data[series] !== family) continue;
      if (this.#isIdentity(series, identity)) return series;
    }
    return -1;
  }

  /** Adds a series that is not there yet, and returns its index: they ascend from 0. */
  add(family: number, identity: Uint8Array, shown: Uint8Array): number {
    const series = this.count;
    const isOrdered = Buffer.compare(identity, shown) === 0;
    this.#positions.push(this.#place(isOrdered ? shown : Buffer.concat([shown, identity])));
    this.#lengths.push(shown.length * 2 + (isOrdered ? 0 : 1));
    this.#families.push(family);
    const hash = hashOf(family, identity);
    this.#hashes.push(hash);
    const index = hash >>> PART_SHIFT;
    if (++this.#partCounts[index] * 4 > this.#parts[index].length * 3) this.#grow(index);
    putSeries(this.#parts[index], hash, series);
    return series;
  }

  /**
   * Where a series' text is, as it is shown: the page, `startOf` and `lengthOf` say. At least
   * seven bytes follow it.
   */
  viewOf(series: number): DataView {
    return this.#views[this.#positions.data[series] >>> PAGE_BITS];
  }

  /** The same page. */
  pageOf(series: number): Buffer {
    return this.#pages[this.#positions.data[series] >>> PAGE_BITS];
  }

  startOf(series: number): number {
    return this.#positions.data[series] & PAGE_MASK;
  }

  lengthOf(series: number): number {
    return this.#lengths.data[series] >>> 1;
  }

  #isIdentity(series: number, identity: Uint8Array): boolean {
    const packed = this.#lengths.data[series];
    const length = packed >>> 1;
    if (length !== identity.length) return false;
    const start = this.startOf(series) + (packed & 1) * length;
    return this.pageOf(series).compare(identity, 0, length, start, start + length) === 0;
  }

  /** A text that is longer than a page has one of its own size. */
  #place(text: Uint8Array): number {
    let page = this.#pages.length - 1;
    if (page < 0 || this.#used + text.length + PADDING > this.#pages[page].length) {
      const bytes = Buffer.alloc(Math.max(PAGE_LENGTH, text.length + PADDING));
      this.#pages.push(bytes);
      this.#views.push(new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
      this.#used = 0;
      page++;
    }
    const start = this.#used;
    this.#pages[page].set(text, start);
    this.#used = start + text.length;
    // The next one would have no place in the page that can be named.
    if (this.#used > PAGE_MASK) this.#used = this.#pages[page].length;
    return page * PAGE_LENGTH + start;
  }

  #grow(index: number): void {
    const old = this.#parts[index];
    const grown = new Uint32Array(old.length * 2);
    for (const entry of old) {
      if (entry !== 0) putSeries(grown, this.#hashes.data[entry - 1], entry - 1);
    }
    this.#parts[index] = grown;
  }
}

/** 64 KiB a page, and 65,536 of them: texts of 4 GiB. */
const PAGE_BITS = 16;
const PAGE_LENGTH = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_LENGTH - 1;
/** Texts are read eight bytes at a time. */
const PADDING = 7;

/** Parts of the hash table: of a million series, 4,000 each. */
const PARTS = 256;
const PART_SHIFT = 24;

function putSeries(part: Uint32Array, hash: number, series: number): void {
  const mask = part.length - 1;
  let at = hash & mask;
  while (part[at] !== 0) at = (at + 1) & mask;
  part[at] = series + 1;
}

/** Spreads well; that series are made to collide is bounded by how many there may be. */
function hashOf(family: number, identity: Uint8Array): number {
  let hash = Math.imul(family + 1, 0x9e3779b1);
  for (let i = 0; i < identity.length; i++) hash = Math.imul(hash ^ identity[i], 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
