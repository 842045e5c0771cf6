import type { Family } from "./family.ts";

/** So many are put in their places together: a few milliseconds, whoever asks and whenever. */
const ADDED_MAX = 2048;

/** Families in the order of their names, while they come and go: no one waits for all to be sorted. */
export class FamilyOrder {
  #sorted: readonly Family[];
  /** Those that have no place yet. */
  #added: Family[] = [];
  #hasGone = false;

  constructor(families: Iterable<Family> = []) {
    this.#sorted = [...families].sort(byName);
  }

  /** Another array when one came or went since the last call. */
  list(): readonly Family[] {
    if (this.#added.length > 0 || this.#hasGone) this.#settle();
    return this.#sorted;
  }

  add(family: Family): void {
    this.#added.push(family);
    if (this.#added.length === ADDED_MAX) this.#settle();
  }

  /** Families have gone, and say so themselves. */
  noteGone(): void {
    this.#hasGone = true;
  }

  #settle(): void {
    const sorted = this.#hasGone ? this.#sorted.filter(isThere) : this.#sorted;
    const merged: Family[] = [];
    let from = 0;
    for (const family of this.#added.filter(isThere).sort(byName)) {
      const place = placeOf(sorted, family.name, from);
      for (; from < place; from++) merged.push(sorted[from]);
      merged.push(family);
    }
    for (; from < sorted.length; from++) merged.push(sorted[from]);
    this.#sorted = merged;
    this.#added = [];
    this.#hasGone = false;
  }
}

function byName(a: Family, b: Family): number {
  return a.name < b.name ? -1 : 1;
}

function isThere(family: Family): boolean {
  return !family.isGone;
}

/** The first place from `from` on whose name is not less. */
function placeOf(sorted: readonly Family[], name: string, from: number): number {
  let [low, high] = [from, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle].name < name) low = middle + 1;
    else high = middle;
  }
  return low;
}
