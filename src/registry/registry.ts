import { DROP_REASONS, type DropReason } from "../sample/drop-reason.ts";
import {
  type Definition,
  METRIC_TYPES,
  type MetricType,
  type SampleDetail,
} from "../sample/sample.ts";
import { unreachable } from "../unreachable.ts";
import type { ByteWriter } from "./bytes.ts";
import { areEqual, Catalog } from "./catalog.ts";
import type { Uint32List } from "./columns.ts";
import { Counters } from "./counter.ts";
import type { Family, FamilyLimits, SeriesRef } from "./family.ts";
import type { FamilyActivity } from "./family-activity.ts";
import { Gauges } from "./gauge.ts";
import { type HistogramLayout, Histograms } from "./histogram.ts";
import { identityOf, type LabelSet, readLabelSet, renderLabelSet } from "./label-set.ts";
import { Lifetimes } from "./lifetimes.ts";
import type { RegistryOptions } from "./options.ts";
import { type RegistryParts, readChanges, type SeriesRecord, writeChanges } from "./records.ts";
import { RemovedSeries } from "./removed-series.ts";
import { shownNamesOf } from "./sample-names.ts";
import { SamplesByType } from "./samples-by-type.ts";
import { hasQuotedName } from "./series-texts.ts";
import { ALL_FAMILIES, type RegistrySnapshot } from "./snapshot.ts";
import { Summaries } from "./summary.ts";

/**
 * All families and series. One thread writes, in the order of the queue: the state is a function
 * of the samples applied, their order, and the clock that is handed in with them.
 */
export class Registry {
  #options: RegistryOptions;
  #samples = new SamplesByType();
  #catalog: Catalog;
  #counters = new Counters();
  #gauges = new Gauges();
  #histograms = new Histograms();
  #summaryFamilies: Family[] = [];
  #summaries = new Summaries((slot) => this.#summaryFamilies[slot].targets);
  /** In the order of `METRIC_TYPES`. */
  #aggregations = [this.#counters, this.#gauges, this.#histograms, this.#summaries];
  #lifetimes = METRIC_TYPES.map(() => new Lifetimes());
  #clockMs = 0;

  constructor(options: RegistryOptions) {
    this.#options = options;
    const { families, isJournaled, seriesTtlSeconds } = options;
    this.#catalog = new Catalog(isJournaled, (name) => families?.limitsOf(name) ?? NO_LIMITS);
    if (seriesTtlSeconds > 0 || families?.hasLifetimes) this.#trackLifetimes();
  }

  get seriesCount(): number {
    return this.#catalog.seriesCount;
  }

  get familyCount(): number {
    return this.#catalog.familyCount;
  }

  /** When the samples came that are applied now, in ms since 1970. */
  get clockMs(): number {
    return this.#clockMs;
  }

  /**
   * Moves the clock on to when the next samples came; it never goes back. Series end whose time is
   * over: they are returned, and must be forgotten before anything else is called.
   */
  advance(nowMs: number): RemovedSeries | undefined {
    if (nowMs <= this.#clockMs) return undefined;
    const seconds = this.#clockSeconds;
    this.#clockMs = nowMs;
    this.#summaries.moveTo(nowMs);
    return this.#clockSeconds === seconds ? undefined : this.#removeOver();
  }

  /** Ends the series that `isMeant`. They must be forgotten before anything else is called. */
  remove(isMeant: (family: string, labels: LabelSet) => boolean): RemovedSeries | undefined {
    const removed = new RemovedSeries();
    for (const family of this.#catalog.sorted()) {
      this.#removeFrom(family, removed, (series) => isMeant(family.name, this.#labelsOf(series)));
    }
    return removed.count > 0 ? removed : undefined;
  }

  /**
   * Finds or makes the series that a definition means, and gives its family what the definition
   * brings first (help, unit, quantiles). `detail` is the sample's: a sample that is refused leaves
   * nothing behind.
   *
   * Returns the reference; or for a refused sample a negative number: see `refusalOf`. A refusal
   * may end: buckets may come with a later sample. Or, where there is no room for a series of its
   * own, `OVERFLOWED` plus the reference of one that takes it: this one sample, since there may be
   * room for the next.
   */
  resolve(definition: Definition, detail?: SampleDetail): SeriesRef | number {
    let family = this.#catalog.find(definition.name);
    if (family === undefined) {
      const refusal = this.#familyRefusal(definition);
      if (refusal !== undefined) return refuse(refusal);
    } else if (family.type !== definition.type) {
      return refuse("type_conflict");
    }
    if (detail?.counts !== undefined && !takesCounts(family ?? definition, detail.counts)) {
      return refuse("invalid_counts");
    }
    const identity = Buffer.from(identityOf(definition));
    const known = family === undefined ? -1 : this.#catalog.findSeries(family, identity);
    if (known < 0 && !this.#hasRoom(family)) {
      this.#options.listener.seriesLimited(definition.name);
      return this.#overflow(family, definition);
    }
    family ??= this.#addFamily(definition);
    this.#adopt(family, definition);
    if (known >= 0) return known;
    return this.#addSeries(
      family,
      identity,
      renderLabelSet(definition, this.#options.sortIncomingLabels),
    );
  }

  /**
   * Takes the first `count` samples, in their order: for each the series, which comes from `resolve`,
   * and a value that the series' type takes.
   */
  observe(refs: ArrayLike<SeriesRef>, values: Float64Array, count: number): void {
    const samples = this.#samples;
    const { activity } = this.#catalog;
    samples.sort(refs, values, count);
    // Series do not know of each other, so their order among types is nobody's concern.
    for (let type = 0; type < METRIC_TYPES.length; type++) {
      samples.give(METRIC_TYPES[type], (slots, given) => {
        this.#aggregations[type].observe(slots, given);
        this.#lifetimes[type].touch(slots, this.#clockSeconds);
        activity.count(type, slots);
      });
    }
  }

  /** Takes one sample with all that its definition says. Returns why it is refused, if it is. */
  observeOne(
    ref: SeriesRef,
    { type, handling }: Definition,
    value: number,
    detail: SampleDetail | undefined,
  ): DropReason | undefined {
    const slot = ref >>> 2;
    const times = handling?.times ?? 1;
    switch (type) {
      case "counter":
        this.#counters.observeOne(slot, value, times, detail?.exemplar);
        break;
      case "gauge":
        this.#gauges.observeOne(slot, handling?.op ?? "set", value, times);
        break;
      case "histogram":
        if (detail?.counts === undefined) {
          this.#histograms.observeOne(slot, value, times, detail?.exemplar);
        } else if (!this.#histograms.addCounts(slot, detail.counts, value)) {
          return "invalid_counts";
        }
        break;
      case "summary":
        if (detail?.count === undefined) this.#summaries.observeOne(slot, value, times);
        else this.#summaries.addTotals(slot, detail.count, value);
        break;
      default:
        return unreachable(type);
    }
    if (handling?.ttlSeconds) this.#trackLifetimes();
    this.#lifetimes[ref & 3].touchOne(slot, this.#clockSeconds, handling?.ttlSeconds);
    this.#catalog.activity.countOne(ref & 3, slot);
    return undefined;
  }

  /**
   * Takes hardly any time: values are shared with the snapshot until they change. It must be
   * released. `isWanted`: which families it is to show.
   */
  snapshot(nowMs: number, isWanted = ALL_FAMILIES): RegistrySnapshot {
    const { texts } = this.#catalog;
    const allFamilies = this.#catalog.sorted();
    const { snapshot, families } = this.#catalog.hold(isWanted);
    const wanted = isWanted === ALL_FAMILIES ? "all" : this.#summarySlots(isWanted);
    const summaries = this.#summaries.snapshot(nowMs, wanted);
    return {
      families,
      allFamilies,
      texts,
      created: this.#catalog.created.snapshot(),
      counterExemplars: this.#counters.exemplars.view,
      counters: this.#counters.snapshot(),
      gauges: this.#gauges.snapshot(),
      histograms: this.#histograms.snapshot(),
      summaries,
      release: () => {
        summaries.release();
        this.#catalog.release(snapshot);
      },
    };
  }

  /** In the order of their names; another array when one comes or goes. */
  get families(): readonly Readonly<Family>[] {
    return this.#catalog.sorted();
  }

  /** When a series of a family began, in ms since 1970. */
  createdMs(series: number): number {
    return this.#catalog.created.at(series);
  }

  /** How active the families are, see there. */
  get activity(): FamilyActivity {
    return this.#catalog.activity;
  }

  /**
   * The second in which a sample of a series of a snapshot came last, in ms since 1970. Undefined
   * where that is not noted, since no series ends by time, or the series has ended.
   */
  lastSeenMs(type: MetricType, series: number): number | undefined {
    const lifetimes = this.#lifetimes[METRIC_TYPES.indexOf(type)];
    if (!lifetimes.isTracked || !this.#catalog.isThere(series)) return undefined;
    return lifetimes.seenSeconds(this.#catalog.slotOf(series)) * 1000;
  }

  /**
   * Writes what has changed since it was last written, up to about `lengthMax` bytes. Returns
   * whether nothing is left. `restore` makes the same state of all that was written.
   */
  writeChanges(writer: ByteWriter, lengthMax: number): boolean {
    return writeChanges(this.#parts, this.#clockMs, writer, lengthMax);
  }

  /** Whether families or series are new or gone. */
  get hasChangedSeries(): boolean {
    return this.#catalog.hasChanges;
  }

  /** From now on `writeChanges` writes everything, not only what has changed. */
  markAllChanged(): void {
    this.#catalog.markAll();
    this.#counters.changed.markAll();
    this.#gauges.changed.markAll();
    this.#histograms.changed.markAll();
    this.#summaries.markAll();
    this.#counters.exemplars.markAll();
    this.#histograms.exemplars.markAll();
  }

  /**
   * Takes what one `writeChanges` wrote: each in turn, into a registry that is new, then `restored`
   * is called. Throws a RangeError or a TypeError when the bytes are damaged.
   */
  restore(bytes: Uint8Array): void {
    readChanges(this.#parts, bytes, {
      clock: (nowMs) => {
        this.#clockMs = Math.max(this.#clockMs, nowMs);
        this.#summaries.moveTo(this.#clockMs);
      },
      series: (record) => this.#restoreSeries(record),
    });
  }

  /** Everything is restored, and counts as written. */
  restored(): void {
    this.#catalog.restored();
    const areUsed = METRIC_TYPES.map(() => new Uint8Array(this.#catalog.seriesCount));
    for (const { type, slots } of this.#catalog.sorted()) {
      const index = METRIC_TYPES.indexOf(type);
      for (let i = 0; i < slots.length; i++) {
        areUsed[index] = withRoom(areUsed[index], slots.data[i]);
        areUsed[index][slots.data[i]] = 1;
      }
    }
    areUsed.forEach((isUsed, type) => {
      const aggregation = this.#aggregations[type];
      for (let slot = aggregation.slots.count - 1; slot >= 0; slot--) {
        if (isUsed[slot] !== 1) aggregation.release(slot);
      }
    });
  }

  get #clockSeconds(): number {
    return Math.floor(this.#clockMs / 1000);
  }

  get #parts(): RegistryParts {
    return {
      catalog: this.#catalog,
      aggregations: this.#aggregations,
      lifetimes: this.#lifetimes,
      exemplars: [this.#counters.exemplars, undefined, this.#histograms.exemplars, undefined],
      summaries: this.#summaries,
      isSorted: this.#options.sortIncomingLabels,
    };
  }

  #restoreSeries({ series, family, labelSet, isSorted, slot, createdMs }: SeriesRecord): void {
    let [identity, shown] = [labelSet, labelSet];
    if (!isSorted || hasQuotedName(labelSet)) {
      const labels = readLabelSet(labelSet, 0, labelSet.length);
      identity = Buffer.from(identityOf(labels));
      const { sortIncomingLabels } = this.#options;
      if (!isSorted && sortIncomingLabels) shown = Buffer.from(renderLabelSet(labels, true));
    }
    this.#aggregations[METRIC_TYPES.indexOf(family.type)].begin(slot, layoutOf(family));
    this.#enter(family, slot);
    this.#catalog.restoreSeries(series, family, { identity, shown }, slot, createdMs);
  }

  #labelsOf(series: number): LabelSet {
    const { texts } = this.#catalog;
    return readLabelSet(texts.pageOf(series), texts.startOf(series), texts.lengthOf(series));
  }

  #removeOver(): RemovedSeries | undefined {
    const now = this.#clockSeconds;
    const removed = new RemovedSeries();
    for (const family of this.#catalog.sorted()) {
      const lifetimes = this.#lifetimes[METRIC_TYPES.indexOf(family.type)];
      const ttl = family.limits.ttlSeconds ?? this.#options.seriesTtlSeconds;
      if (!lifetimes.isTracked || (ttl === 0 && !lifetimes.hasOwn)) continue;
      this.#removeFrom(family, removed, (_, slot) => lifetimes.isOver(slot, now, ttl));
    }
    return removed.count > 0 ? removed : undefined;
  }

  #removeFrom(
    family: Family,
    removed: RemovedSeries,
    isOver: (series: number, slot: number) => boolean,
  ): void {
    const type = METRIC_TYPES.indexOf(family.type);
    this.#catalog.removeSeries(family, (series, slot) => {
      if (!isOver(series, slot)) return false;
      removed.add(slot * 4 + type);
      this.#aggregations[type].release(slot);
      return true;
    });
    if (family.series.length === 0) this.#catalog.removeFamily(family);
  }

  #trackLifetimes(): void {
    for (const lifetimes of this.#lifetimes) lifetimes.track(this.#clockSeconds);
  }

  #hasRoom(family: Family | undefined): boolean {
    const { maxSeries, maxSeriesPerFamily } = this.#options;
    if (maxSeries > 0 && this.seriesCount >= maxSeries) return false;
    const familyMax = family?.limits.maxSeries ?? maxSeriesPerFamily;
    return family === undefined || familyMax === 0 || family.series.length < familyMax;
  }

  /** A family that is new has no such series: there would be no end of them. */
  #overflow(family: Family | undefined, definition: Definition): number {
    if (family === undefined || this.#options.onLimit === "drop") return refuse("series_limit");
    this.#adopt(family, definition);
    const identity = Buffer.from(renderLabelSet(OVERFLOW_LABELS, true));
    const known = this.#catalog.findSeries(family, identity);
    return OVERFLOWED + (known >= 0 ? known : this.#addSeries(family, identity, undefined));
  }

  #familyRefusal(definition: Definition): DropReason | undefined {
    const names = shownNamesOf(definition.name, definition.type);
    if (names.some(this.#options.isReservedName)) return "reserved_name";
    if (definition.type === "histogram" && !definition.buckets && !definition.native)
      return "invalid_buckets";
    if (names.some((name) => this.#catalog.hasSampleName(name))) return "name_collision";
    return undefined;
  }

  #addFamily(definition: Definition): Family {
    const { name, type, buckets, native } = definition;
    const bounds = type === "histogram" ? Float64Array.from(buckets ?? []) : undefined;
    return this.#catalog.addFamily(name, type, bounds, native);
  }

  /** `shown`: undefined where it is as its identity. */
  #addSeries(family: Family, identity: Buffer, shown: string | undefined): SeriesRef {
    const slot = this.#addSlot(family);
    const text = shown === undefined ? identity : Buffer.from(shown);
    return this.#catalog.addSeries(family, identity, text, slot, this.#clockMs);
  }

  #adopt(family: Family, definition: Definition): void {
    if (family.help === "" && definition.help !== "") {
      this.#catalog.noteChange(family);
      family.help = definition.help;
    }
    if (family.unit === "" && definition.unit !== "") {
      this.#catalog.noteChange(family);
      family.unit = definition.unit;
    }
    const { buckets, quantiles, epsilons } = definition;
    if (quantiles && epsilons && family.targets === undefined) {
      this.#catalog.noteChange(family);
      family.targets = { quantiles, epsilon: Math.min(...epsilons) };
    }
    const isOther =
      (buckets && !areEqual(buckets, family.bounds ?? [])) ||
      (quantiles && !areEqual(quantiles, family.targets?.quantiles ?? []));
    if (isOther && !family.hasOtherLayout) {
      this.#catalog.noteChange(family);
      family.hasOtherLayout = true;
      this.#options.listener.otherLayoutMet(family.name);
    }
  }

  /** Those whose quantiles will be asked for. */
  #summarySlots(isWanted: (family: string) => boolean): Uint32List[] {
    const lists: Uint32List[] = [];
    if (this.#summaries.slots.count === 0) return lists;
    for (const { type, name, slots } of this.#catalog.sorted()) {
      if (type === "summary" && isWanted(name)) lists.push(slots);
    }
    return lists;
  }

  #addSlot(family: Family): number {
    const type = METRIC_TYPES.indexOf(family.type);
    const slot = this.#aggregations[type].add(layoutOf(family));
    this.#enter(family, slot);
    return slot;
  }

  #enter(family: Family, slot: number): void {
    if (family.type === "summary") this.#summaryFamilies[slot] = family;
    const type = METRIC_TYPES.indexOf(family.type);
    this.#lifetimes[type].begin(slot, this.#clockSeconds);
    this.#catalog.activity.enter(type, slot, family.index);
  }
}

/** In a result of `Registry.resolve`: the sample goes into a series that is not its own. */
export const OVERFLOWED = 2 ** 31;

const OVERFLOW_LABELS: LabelSet = { labelNames: ["overflow"], labelValues: ["true"] };

const NO_LIMITS: FamilyLimits = { ttlSeconds: undefined, maxSeries: undefined };

/** Whether counts of so many buckets can be added to histograms of that family, or of that definition. */
function takesCounts(layout: Family | Definition, counts: readonly number[]): boolean {
  const bounds = "series" in layout ? layout.bounds : layout.buckets;
  return counts.length === (bounds?.length ?? 0) + 1 && layout.native === undefined;
}

function layoutOf({ bounds, native }: Family): HistogramLayout {
  return { bounds: bounds ?? NO_BOUNDS, native };
}

const NO_BOUNDS = new Float64Array(0);

function withRoom(bytes: Uint8Array<ArrayBuffer>, index: number): Uint8Array<ArrayBuffer> {
  if (index < bytes.length) return bytes;
  const grown = new Uint8Array(Math.max(index + 1, bytes.length * 2));
  grown.set(bytes);
  return grown;
}

/** The reason behind a negative result of `Registry.resolve`. */
export function refusalOf(result: number): DropReason {
  return DROP_REASONS[-result - 1];
}

function refuse(reason: DropReason): number {
  return -DROP_REASONS.indexOf(reason) - 1;
}
