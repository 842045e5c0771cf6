import { Uint32List } from "./columns.ts";
import { LabelScanner } from "./label-scanner.ts";

/**
 * The label sets of all series, as the bytes that stand in the exposition, and where to find a
 * series by its family and its label set.
 *
 * Texts stand in pages that never move, so that growing copies nothing; the hash table is in many
 * parts, each of which grows by itself. A series takes its text and about 24 bytes. The place of one
 * that has ended is used again for another that takes as many bytes, or fewer.
 *
 * Where label sets are shown in another way than that which tells them apart (names in order, and as
 * scrapers see them that know no UTF-8 names), that one follows the one that is shown.
 */
export class SeriesTexts {
  #pages: Buffer[] = [];
  #views: DataView[] = [];
  /** Bytes taken of the last page. */
  #used = 0;
  /** Places that are free, by their size. */
  #freePlaces = new Map<number, number[]>();
  #freeSeries: number[] = [];
  /** For each series: its page times the page size plus its place in it. */
  #positions = new Uint32List();
  /** For each series: the length of its text, times four, and `HAS_QUOTED` and `HAS_IDENTITY`. */
  #lengths = new Uint32List();
  #families = new Uint32List();
  #hashes = new Uint32List();
  /** Of those whose identity follows the text: how long that is, where it differs. */
  #identityLengths = new Map<number, number>();
  /** Series plus one, at the place that the hash names or one of the next; 0: free. */
  #parts: Uint32Array[] = [];
  #partCounts = new Uint32Array(PARTS);

  constructor() {
    for (let i = 0; i < PARTS; i++) this.#parts.push(new Uint32Array(4));
  }

  /** Indexes in use are below it. */
  get end(): number {
    return this.#positions.length;
  }

  /** Pieces of memory that texts stand in. */
  get pageCount(): number {
    return this.#pages.length;
  }

  /** The index of the family that a series belongs to. */
  familyOf(series: number): number {
    return this.#families.data[series];
  }

  /** The series of the family with this identity; -1 when there is none. */
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

  /** Adds a series that is not there yet, and returns its index: a free one, or the next. */
  add(family: number, identity: Uint8Array, shown: Uint8Array): number {
    const series = this.#freeSeries.pop() ?? this.#positions.length;
    this.put(series, family, identity, shown);
    return series;
  }

  /** The same for an index that is not in use. */
  put(series: number, family: number, identity: Uint8Array, shown: Uint8Array): void {
    while (this.#positions.length <= series) {
      this.#positions.push(0);
      this.#lengths.push(0);
      this.#families.push(0);
      this.#hashes.push(0);
    }
    const isSame = identity === shown || Buffer.compare(identity, shown) === 0;
    const text = isSame ? shown : Buffer.concat([shown, identity]);
    if (identity.length !== shown.length) this.#identityLengths.set(series, identity.length);
    const marks = (hasQuotedName(shown) ? HAS_QUOTED : 0) | (isSame ? 0 : HAS_IDENTITY);
    this.#positions.data[series] = this.#place(text);
    this.#lengths.data[series] = shown.length * 4 + marks;
    this.#families.data[series] = family;
    const hash = hashOf(family, identity);
    this.#hashes.data[series] = hash;
    const index = hash >>> PART_SHIFT;
    if (++this.#partCounts[index] * 4 > this.#parts[index].length * 3) this.#grow(index);
    putSeries(this.#parts[index], hash, series);
  }

  /** From now on it is not found. Its text stays until `freeText`. */
  detach(series: number): void {
    const { data: hashes } = this.#hashes;
    const index = hashes[series] >>> PART_SHIFT;
    const part = this.#parts[index];
    const mask = part.length - 1;
    let at = hashes[series] & mask;
    while (part[at] !== series + 1) at = (at + 1) & mask;
    // What was put further on because of it moves up, or it would not be found any more.
    for (let next = (at + 1) & mask; part[next] !== 0; next = (next + 1) & mask) {
      const home = hashes[part[next] - 1] & mask;
      if (((next - home) & mask) < ((next - at) & mask)) continue;
      part[at] = part[next];
      at = next;
    }
    part[at] = 0;
    this.#partCounts[index]--;
  }

  /** The place of the text of one that was detached may be used again. */
  freeText(series: number): void {
    const hasIdentity = (this.#lengths.data[series] & HAS_IDENTITY) !== 0;
    const length = this.lengthOf(series) + (hasIdentity ? this.#identityLengthOf(series) : 0);
    this.#freePlace(this.#positions.data[series], length);
    this.#identityLengths.delete(series);
  }

  /** An index that is not in use may be used again. */
  freeIndex(series: number): void {
    this.#freeSeries.push(series);
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
    return this.#lengths.data[series] >>> 2;
  }

  /** Whether a label's name stands in quotes, since not every scraper takes it as it is. */
  hasQuoted(series: number): boolean {
    return (this.#lengths.data[series] & HAS_QUOTED) !== 0;
  }

  #identityLengthOf(series: number): number {
    return this.#identityLengths.get(series) ?? this.lengthOf(series);
  }

  #isIdentity(series: number, identity: Uint8Array): boolean {
    const isApart = (this.#lengths.data[series] & HAS_IDENTITY) !== 0;
    const length = identity.length;
    if (this.#identityLengthOf(series) !== length) return false;
    const start = this.startOf(series) + (isApart ? this.lengthOf(series) : 0);
    return this.pageOf(series).compare(identity, 0, length, start, start + length) === 0;
  }

  /** A text that is longer than a page has one of its own size. */
  #place(text: Uint8Array): number {
    const size = sizeOf(text.length);
    const free = this.#takeFreePlace(size);
    if (free !== undefined) {
      this.#pages[free >>> PAGE_BITS].set(text, free & PAGE_MASK);
      return free;
    }
    let page = this.#pages.length - 1;
    if (page < 0 || this.#used + size + PADDING > this.#pages[page].length) {
      const bytes = Buffer.alloc(Math.max(PAGE_LENGTH, size + PADDING));
      this.#pages.push(bytes);
      this.#views.push(new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
      this.#used = 0;
      page++;
    }
    const start = this.#used;
    this.#pages[page].set(text, start);
    this.#used = start + size;
    // The next one would have no place in the page that can be named.
    if (this.#used > PAGE_MASK) this.#used = this.#pages[page].length;
    return page * PAGE_LENGTH + start;
  }

  /** One of that size, or a part of a larger one. */
  #takeFreePlace(size: number): number | undefined {
    const same = this.#freePlaces.get(size)?.pop();
    if (same !== undefined || this.#freePlaces.size === 0) return same;
    for (const [larger, places] of this.#freePlaces) {
      if (larger <= size || places.length === 0) continue;
      const place = places.pop()!;
      this.#addFreePlace(place + size, larger - size);
      return place;
    }
    return undefined;
  }

  #freePlace(position: number, length: number): void {
    const size = sizeOf(length);
    if (size + PADDING > PAGE_LENGTH) {
      // The page was its own.
      const page = position >>> PAGE_BITS;
      this.#pages[page] = Buffer.alloc(0);
      this.#views[page] = new DataView(new ArrayBuffer(0));
      if (page === this.#pages.length - 1) this.#used = 0;
    } else if (size > 0) this.#addFreePlace(position, size);
  }

  #addFreePlace(place: number, size: number): void {
    const places = this.#freePlaces.get(size);
    if (places === undefined) this.#freePlaces.set(size, [place]);
    else places.push(place);
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

const HAS_IDENTITY = 1;
const HAS_QUOTED = 2;

/** 64 KiB a page, and 65,536 of them: texts of 4 GiB. */
const PAGE_BITS = 16;
const PAGE_LENGTH = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_LENGTH - 1;
/** Texts are read eight bytes at a time. */
const PADDING = 7;

/** Parts of the hash table: of a million series, 4,000 each. */
const PARTS = 256;
const PART_SHIFT = 24;

/** What a text takes: few sizes, so that a place that is free again fits another text. */
function sizeOf(length: number): number {
  return (length + 7) & ~7;
}

/** Whether a label set, as it is shown, has a name in quotes. */
export function hasQuotedName(shown: Uint8Array): boolean {
  // Hardly any has; and hardly any has these two bytes in a value.
  let mayHave = shown[0] === QUOTE;
  for (let i = 1; i < shown.length && !mayHave; i++) {
    mayHave = shown[i] === QUOTE && shown[i - 1] === COMMA;
  }
  if (!mayHave) return false;
  const scanner = new LabelScanner();
  scanner.begin(shown, 0, shown.length);
  while (scanner.next()) if (scanner.isNameQuoted) return true;
  return false;
}

const QUOTE = 0x22;
const COMMA = 0x2c;

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
