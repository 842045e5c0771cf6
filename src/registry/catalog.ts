import { METRIC_TYPES, type MetricType, type NativeLayout } from "../sample/sample.ts";
import { ChangedSlots } from "./changed-slots.ts";
import { Float64Column, Uint32List } from "./columns.ts";
import { FamiliesThen } from "./families-then.ts";
import type { Family, FamilyLimits, SeriesRef } from "./family.ts";
import { FamilyActivity } from "./family-activity.ts";
import { FamilyOrder } from "./family-order.ts";
import { shownNamesOf } from "./sample-names.ts";
import { SeriesTexts } from "./series-texts.ts";

/** A series that has ended, and whose index is not free yet. */
interface Ended {
  series: number;
  /** The snapshots up to this one may show it. */
  snapshot: number;
}

/** What became of an index. */
const IN_USE = 0;
const ENDED = 1;
/** Ended, and the journal says so. */
const ENDED_AND_WRITTEN = 2;
const NEVER_USED = 3;

/**
 * Which families and series there are. The series of a family stand in the order in which they came,
 * and a journal keeps that order.
 *
 * The index of a series that has ended is used again when no snapshot shows it any more, and when
 * the journal says that it ended: so in the journal the last word on an index stands behind all others,
 * in the order of what happened.
 */
export class Catalog {
  /** The series' label sets; a series has the same index here and there. */
  readonly texts = new SeriesTexts();
  /** For each series when it began, in ms since 1970. */
  readonly created = new Float64Column();
  readonly activity = new FamilyActivity();
  #isJournaled: boolean;
  #limitsOf: (name: string) => FamilyLimits;
  /** For each series its slot. */
  #slots = new Uint32List();
  #fates = new Uint8Array(64).fill(NEVER_USED);
  #seriesCount = 0;
  #byName = new Map<string, Family>();
  #families: (Family | undefined)[] = [];
  #freeFamilies: number[] = [];
  /** Every name that some family shows. */
  #sampleNames = new Set<string>();
  #order = new FamilyOrder();
  #changedFamilies = new ChangedSlots();
  #changedSeries = new ChangedSlots();
  /** What is left of all series when all are to be written: those of one family each, in order. */
  #unwritten: Uint32Array[] = [];
  #nextUnwritten = 0;
  /** Oldest first. */
  #ended: Ended[] = [];
  /** Snapshots that are not released, by their numbers, and how many there were. */
  #snapshots = new Map<number, FamiliesThen>();
  #snapshotCount = 0;

  /**
   * `isJournaled`: whether what has changed is taken and written. `limitsOf`: by the name of a family.
   */
  constructor(isJournaled: boolean, limitsOf: (name: string) => FamilyLimits) {
    this.#isJournaled = isJournaled;
    this.#limitsOf = limitsOf;
  }

  get seriesCount(): number {
    return this.#seriesCount;
  }

  get familyCount(): number {
    return this.#byName.size;
  }

  find(name: string): Family | undefined {
    return this.#byName.get(name);
  }

  /** The reference of a family's series by its identity, see `identityOf`; -1 when there is none. */
  findSeries(family: Family, identity: Uint8Array): SeriesRef {
    const series = this.texts.find(family.index, identity);
    return series < 0 ? -1 : refOf(family, this.#slots.data[series]);
  }

  /** Whether a family shows that name already. */
  hasSampleName(name: string): boolean {
    return this.#sampleNames.has(name);
  }

  /** The families in the order of their names; another array when one came or went. */
  sorted(): readonly Family[] {
    return this.#order.list();
  }

  /** `bounds` and `native`: a histogram's. `index`: its place, which is free; else any. */
  addFamily(
    name: string,
    type: MetricType,
    bounds: Float64Array | undefined,
    native: NativeLayout | undefined,
    index = this.#freeFamilies.pop() ?? this.#families.length,
  ): Family {
    const family: Family = {
      index,
      name,
      type,
      help: "",
      unit: "",
      bounds,
      native,
      targets: undefined,
      hasOtherLayout: false,
      limits: this.#limitsOf(name),
      bornAt: this.#snapshotCount,
      isGone: false,
      series: new Uint32List(),
      slots: new Uint32List(),
    };
    this.#byName.set(name, family);
    while (this.#families.length <= index) this.#families.push(undefined);
    this.#families[index] = family;
    this.activity.begin(index);
    for (const sampleName of shownNamesOf(name, type)) this.#sampleNames.add(sampleName);
    this.#order.add(family);
    this.#changedFamilies.extend(this.#families.length);
    this.#changedFamilies.mark(index);
    return family;
  }

  /** Takes a family away that has no series any more. */
  removeFamily(family: Family): void {
    this.#dropFamily(family);
    this.#freeFamilies.push(family.index);
    this.#changedFamilies.mark(family.index);
  }

  /** Says that what a family knows of itself (help, quantiles) is about to change. */
  noteChange(family: Family): void {
    this.#keepFor(family);
    this.#changedFamilies.mark(family.index);
  }

  /** `identity`: see `identityOf`; `shown`: the label set as it is shown. */
  addSeries(
    family: Family,
    identity: Uint8Array,
    shown: Uint8Array,
    slot: number,
    createdMs: number,
  ): SeriesRef {
    this.#freeEnded();
    const series = this.texts.add(family.index, identity, shown);
    this.#enter(series, family, slot, createdMs);
    this.#changedSeries.mark(series);
    return refOf(family, slot);
  }

  /** Takes series of a family away: `isOver` tells which, by their slots. Returns how many. */
  removeSeries(family: Family, isOver: (series: number, slot: number) => boolean): number {
    const [series, slots] = [family.series, family.slots];
    const [keptSeries, keptSlots] = [new Uint32List(), new Uint32List()];
    for (let i = 0; i < series.length; i++) {
      if (isOver(series.data[i], slots.data[i])) {
        this.#end(series.data[i]);
        continue;
      }
      keptSeries.push(series.data[i]);
      keptSlots.push(slots.data[i]);
    }
    const count = series.length - keptSeries.length;
    if (count === 0) return 0;
    this.#keepFor(family);
    // In other arrays: snapshots have the former ones.
    family.series = keptSeries;
    family.slots = keptSlots;
    return count;
  }

  /** Makes a snapshot of families, which is there until `release` is called with its number. */
  hold(isWanted: (family: string) => boolean): { snapshot: number; families: FamiliesThen } {
    const families = new FamiliesThen(this.sorted(), isWanted);
    this.#snapshots.set(++this.#snapshotCount, families);
    return { snapshot: this.#snapshotCount, families };
  }

  release(snapshot: number): void {
    this.#snapshots.delete(snapshot);
  }

  /** From now on everything counts as new. */
  markAll(): void {
    this.#changedFamilies.markAll();
    this.#changedSeries.clear();
    this.#unwritten = this.sorted().map(({ series }) => series.data.subarray(0, series.length));
    this.#nextUnwritten = 0;
    // In a new journal there is no word on them.
    for (const { series } of this.#ended) this.#fates[series] = ENDED_AND_WRITTEN;
  }

  /** Whether there are families or series to write. */
  get hasChanges(): boolean {
    return !this.#changedSeries.isEmpty || !this.#changedFamilies.isEmpty;
  }

  /** Takes the index of a family that is new, has changed or is gone; -1 when there is none. */
  takeChangedFamily(): number {
    return this.#changedFamilies.take();
  }

  /** Takes the next series that is new or has ended; -1 when there is none. */
  takeChangedSeries(): number {
    for (;;) {
      const list = this.#unwritten[0];
      if (list === undefined) break;
      if (this.#nextUnwritten === list.length) {
        this.#unwritten.shift();
        this.#nextUnwritten = 0;
        continue;
      }
      const series = list[this.#nextUnwritten++];
      if (this.isThere(series)) return series;
    }
    const series = this.#changedSeries.take();
    if (series >= 0 && this.#fates[series] === ENDED) this.#fates[series] = ENDED_AND_WRITTEN;
    return series;
  }

  /** Whether an index stands for a series that is there. */
  isThere(series: number): boolean {
    return this.#fates[series] === IN_USE;
  }

  slotOf(series: number): number {
    return this.#slots.data[series];
  }

  /** The family with that index; undefined when there is none. */
  familyAt(index: number): Family | undefined {
    return this.#families[index];
  }

  /** Reads back a family, in the place of whatever its index stood for. */
  restoreFamily(
    index: number,
    name: string,
    type: MetricType,
    bounds: Float64Array | undefined,
    native: NativeLayout | undefined,
  ): Family {
    const known = this.#families[index];
    const isSame =
      known?.name === name &&
      known.type === type &&
      areEqual(known.bounds ?? [], bounds ?? []) &&
      areEqual(layoutOf(known.native), layoutOf(native));
    if (isSame) return known;
    this.restoreFamilyEnd(index);
    return this.addFamily(name, type, bounds, native, index);
  }

  /** Reads back that a family is gone. */
  restoreFamilyEnd(index: number): void {
    const known = this.#families[index];
    if (known !== undefined) this.#dropFamily(known);
  }

  /** Reads back a series, in the place of whatever its index stood for. */
  restoreSeries(
    series: number,
    family: Family,
    texts: { identity: Uint8Array; shown: Uint8Array },
    slot: number,
    createdMs: number,
  ): void {
    this.restoreEnd(series);
    this.texts.put(series, family.index, texts.identity, texts.shown);
    this.#enter(series, family, slot, createdMs);
  }

  /** Reads back that a series has ended. */
  restoreEnd(series: number): void {
    if (series >= this.#fates.length || this.#fates[series] !== IN_USE) return;
    this.texts.detach(series);
    this.texts.freeText(series);
    this.#fates[series] = NEVER_USED;
    this.#seriesCount--;
  }

  /** All is read: what it is counts as written. */
  restored(): void {
    this.#changedFamilies.clear();
    this.#changedSeries.clear();
    // A series is of one family in the end, so one array does for all.
    const isMet = new Uint8Array(this.texts.end);
    for (let index = 0; index < this.#families.length; index++) {
      const family = this.#families[index];
      if (family === undefined) this.#freeFamilies.push(index);
      else this.#dropFormer(family, isMet);
    }
    this.#order = new FamilyOrder(this.#byName.values());
    this.#sampleNames.clear();
    for (const { name, type } of this.#byName.values()) {
      for (const sampleName of shownNamesOf(name, type)) this.#sampleNames.add(sampleName);
    }
    for (let series = this.texts.end - 1; series >= 0; series--) {
      if (this.#fates[series] !== IN_USE) this.texts.freeIndex(series);
    }
  }

  /** Of an index that was used more than once the last word counts. `isMet`: 1 where it was met. */
  #dropFormer(family: Family, isMet: Uint8Array): void {
    const { series, slots } = family;
    const places: number[] = [];
    for (let place = series.length - 1; place >= 0; place--) {
      const index = series.data[place];
      const isOurs = this.isThere(index) && this.texts.familyOf(index) === family.index;
      if (!isOurs || isMet[index] === 1) continue;
      isMet[index] = 1;
      places.push(place);
    }
    if (places.length === series.length) return;
    family.series = new Uint32List();
    family.slots = new Uint32List();
    for (const place of places.reverse()) {
      family.series.push(series.data[place]);
      family.slots.push(slots.data[place]);
    }
  }

  #enter(series: number, family: Family, slot: number, createdMs: number): void {
    if (series >= this.#fates.length) {
      const grown = new Uint8Array(Math.max(series + 1, this.#fates.length * 2)).fill(NEVER_USED);
      grown.set(this.#fates);
      this.#fates = grown;
    }
    this.#fates[series] = IN_USE;
    while (this.#slots.length <= series) {
      this.#slots.push(0);
      this.created.extend(1);
    }
    this.#slots.data[series] = slot;
    this.created.set(series, createdMs);
    this.#changedSeries.extend(this.texts.end);
    this.#seriesCount++;
    this.#keepFor(family);
    family.series.push(series);
    family.slots.push(slot);
  }

  /** A family is about to change: snapshots that have it must not. */
  #keepFor(family: Family): void {
    if (this.#snapshots.size === 0) return;
    for (const [snapshot, families] of this.#snapshots) {
      if (family.bornAt < snapshot) families.keep(family);
    }
  }

  #end(series: number): void {
    this.texts.detach(series);
    this.#seriesCount--;
    this.#fates[series] = this.#isJournaled ? ENDED : ENDED_AND_WRITTEN;
    this.#ended.push({ series, snapshot: this.#snapshotCount });
    if (this.#isJournaled) this.#changedSeries.mark(series);
  }

  /** Frees the indexes that nobody needs any more; in the order in which they ended. */
  #freeEnded(): void {
    const oldest = this.#snapshots.keys().next().value ?? Number.POSITIVE_INFINITY;
    let count = 0;
    for (; count < this.#ended.length; count++) {
      const { series, snapshot } = this.#ended[count];
      if (this.#fates[series] !== ENDED_AND_WRITTEN || oldest <= snapshot) break;
      this.texts.freeText(series);
      this.texts.freeIndex(series);
    }
    if (count > 0) this.#ended = this.#ended.slice(count);
  }

  #dropFamily(family: Family): void {
    this.#families[family.index] = undefined;
    family.isGone = true;
    this.#order.noteGone();
    // When states are read back, another one may have taken the name already.
    if (this.#byName.get(family.name) !== family) return;
    this.#byName.delete(family.name);
    for (const name of shownNamesOf(family.name, family.type)) this.#sampleNames.delete(name);
  }
}

function layoutOf(native: NativeLayout | undefined): number[] {
  return native === undefined ? [] : [native.schema, native.zeroThreshold, native.maxBuckets];
}

/** Whether two lists of numbers are the same. */
export function areEqual(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function refOf(family: Family, slot: number): SeriesRef {
  return slot * 4 + METRIC_TYPES.indexOf(family.type);
}
