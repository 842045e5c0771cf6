import type { Uint32List } from "./columns.ts";
import type { Family } from "./family.ts";
import type { FamilySnapshot } from "./snapshot.ts";

/**
 * Families at one moment, in the order of their names. Nothing is copied at that moment, but what a
 * family was is kept when it is about to change: so of a hundred thousand it costs nothing to begin.
 */
export class FamiliesThen implements Iterable<FamilySnapshot> {
  #families: readonly Family[];
  #isWanted: (family: string) => boolean;
  #kept = new Map<Family, FamilySnapshot>();

  /** `families`: an array that is not changed. */
  constructor(families: readonly Family[], isWanted: (family: string) => boolean) {
    this.#families = families;
    this.#isWanted = isWanted;
  }

  /** One of them is about to change. */
  keep(family: Family): void {
    if (!this.#kept.has(family)) this.#kept.set(family, snapshotOf(family));
  }

  *[Symbol.iterator](): Generator<FamilySnapshot, void, undefined> {
    for (const family of this.#families) {
      if (this.#isWanted(family.name)) yield this.#kept.get(family) ?? snapshotOf(family);
    }
  }
}

/** What stands in its lists is not changed: so long ones are shared. */
function snapshotOf(family: Family): FamilySnapshot {
  const { index, name, type, help, unit, bounds, native, targets, series, slots } = family;
  return {
    ...{ index, name, type, help, unit, bounds, native, targets },
    series: startOf(series),
    slots: startOf(slots),
  };
}

/** A view needs a buffer of its own to be made, which costs more than to copy some numbers. */
function startOf({ data, length }: Uint32List): Uint32Array {
  return length <= COPIED_MAX ? data.slice(0, length) : data.subarray(0, length);
}

const COPIED_MAX = 64;
