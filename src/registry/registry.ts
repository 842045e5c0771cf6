import { DROP_REASONS, type DropReason } from "../sample/drop-reason.ts";
import type { Definition, Exemplar, MetricType, NativeLayout } from "../sample/sample.ts";
import { unreachable } from "../unreachable.ts";
import type { ByteWriter } from "./bytes.ts";
import { Catalog } from "./catalog.ts";
import type { Float64Snapshot } from "./columns.ts";
import { Counters } from "./counter.ts";
import type { Family, SeriesRef } from "./family.ts";
import { Gauges } from "./gauge.ts";
import { type HistogramSnapshot, Histograms } from "./histogram.ts";
import { renderLabelSet } from "./label-set.ts";
import { type RegistryParts, readChanges, writeChanges } from "./records.ts";
import { sampleNamesOf } from "./sample-names.ts";
import { SamplesByType } from "./samples-by-type.ts";
import type { SeriesTexts } from "./series-texts.ts";
import { type QuantileTargets, Summaries, type SummarySnapshot } from "./summary.ts";

export interface RegistryOptions {
  /** Label names in order in the exposition; otherwise as first sent. */
  sortLabels: boolean;
  /** Series over all families; 0 means no limit. */
  maxSeries: number;
  /** Whether a sample name belongs to the gateway's own families. */
  isReservedName: (name: string) => boolean;
  /** Called once a family, when a sample brings buckets or quantiles that differ from its own. */
  onOtherLayout?: (family: string) => void;
}

/**
 * All series of some families at one moment. Reading it later, once and in order, while samples are
 * applied, shows that moment.
 */
export interface RegistrySnapshot {
  /** In the order of their names. */
  families: readonly FamilySnapshot[];
  texts: SeriesTexts;
  /** For each series when it began, in ms since 1970. */
  created: Float64Snapshot;
  /** By slot; what was sent since the moment may be among them. */
  counterExemplars: ReadonlyMap<number, Exemplar>;
  counters: Float64Snapshot;
  gauges: Float64Snapshot;
  histograms: HistogramSnapshot;
  summaries: SummarySnapshot;
  /** Says that no more will be read. */
  release(): void;
}

export interface FamilySnapshot {
  name: string;
  type: MetricType;
  help: string;
  unit: string;
  bounds: Float64Array | undefined;
  native: NativeLayout | undefined;
  targets: QuantileTargets | undefined;
  /** Its series, in the order in which they came, and the slot of each. */
  series: Uint32Array;
  slots: Uint32Array;
}

/**
 * All families and series. One thread writes, in the order of the queue: the state is a function
 * of the samples applied, their order, and the clock that is handed in.
 */
export class Registry {
  #options: RegistryOptions;
  #samples = new SamplesByType();
  #catalog = new Catalog();
  #counters = new Counters();
  #gauges = new Gauges();
  #histograms = new Histograms();
  #summaryFamilies: Family[] = [];
  #summaries = new Summaries((slot) => this.#summaryFamilies[slot].targets);

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  get seriesCount(): number {
    return this.#catalog.seriesCount;
  }

  get familyCount(): number {
    return this.#catalog.familyCount;
  }

  /**
   * Finds or makes the series that a definition means, and gives its family what the definition
   * brings first (help, buckets, quantiles).
   *
   * Returns the reference, or for a refused sample a negative number: see `refusalOf`. A refusal
   * may end: buckets may come with a later sample.
   */
  resolve(definition: Definition): SeriesRef | number {
    let family = this.#catalog.find(definition.name);
    if (family === undefined) {
      const refusal = this.#familyRefusal(definition);
      if (refusal !== undefined) return refuse(refusal);
    } else if (family.type !== definition.type) {
      return refuse("type_conflict");
    }
    const identity = Buffer.from(renderLabelSet(definition, true));
    const known = family === undefined ? -1 : this.#catalog.findSeries(family, identity);
    if (known < 0) {
      const { maxSeries } = this.#options;
      if (maxSeries > 0 && this.seriesCount >= maxSeries) return refuse("series_limit");
    }
    family ??= this.#addFamily(definition);
    this.#adopt(family, definition);
    if (known >= 0) return known;
    const { sortLabels } = this.#options;
    const shown = sortLabels ? identity : Buffer.from(renderLabelSet(definition, false));
    return this.#catalog.addSeries(family, identity, shown, this.#addSlot(family));
  }

  /**
   * Takes the first `count` samples, in their order: for each the series, which comes from `resolve`,
   * and a value that the series' type takes.
   */
  observe(refs: ArrayLike<SeriesRef>, values: Float64Array, count: number, nowMs: number): void {
    const samples = this.#samples;
    samples.sort(refs, values, count);
    // Series do not know of each other, so their order among types is nobody's concern.
    samples.give("counter", (slots, added) => this.#counters.observe(slots, added));
    samples.give("gauge", (slots, set) => this.#gauges.observe(slots, set));
    samples.give("histogram", (slots, seen) => this.#histograms.observe(slots, seen));
    samples.give("summary", (slots, seen) => this.#summaries.observe(slots, seen, nowMs));
  }

  /**
   * Takes hardly any time: values are shared with the snapshot until they change. It must be
   * released. `isWanted`: which families it is to show.
   */
  snapshot(nowMs: number, isWanted: (family: string) => boolean = () => true): RegistrySnapshot {
    const { texts } = this.#catalog;
    const families = this.#catalog.sorted().filter((family) => isWanted(family.name));
    const wanted = families.filter(({ type }) => type === "summary");
    const summaries = this.#summaries.snapshot(
      nowMs,
      wanted.map(({ slots }) => slots.data.subarray(0, slots.length)),
    );
    return {
      families: families.map(
        ({ name, type, help, unit, bounds, native, targets, series, slots }) => ({
          ...{ name, type, help, unit, bounds, native, targets },
          series: series.data.subarray(0, series.length),
          slots: slots.data.subarray(0, slots.length),
        }),
      ),
      texts,
      created: this.#catalog.created.snapshot(),
      counterExemplars: new Map(),
      counters: this.#counters.snapshot(),
      gauges: this.#gauges.snapshot(),
      histograms: this.#histograms.snapshot(),
      summaries,
      release: () => summaries.release(),
    };
  }

  /**
   * Writes what has changed since it was last written, up to about `lengthMax` bytes. Returns
   * whether nothing is left. `restore` makes the same state of all that was written.
   */
  writeChanges(writer: ByteWriter, lengthMax: number): boolean {
    return writeChanges(this.#parts(), this.#options.sortLabels, writer, lengthMax);
  }

  /** From now on `writeChanges` writes everything, not only what has changed. */
  markAllChanged(): void {
    this.#catalog.markAll();
    this.#counters.changed.markAll();
    this.#gauges.changed.markAll();
    this.#histograms.changed.markAll();
    this.#summaries.markAll();
  }

  /**
   * Takes what one `writeChanges` wrote: each in turn, into a registry that is new. It counts as
   * written. Throws a RangeError or a TypeError when the bytes are damaged.
   */
  restore(bytes: Uint8Array): void {
    const parts = this.#parts();
    readChanges(parts, bytes, (family, identity, labelSet) => {
      const shown = this.#options.sortLabels ? identity : labelSet;
      this.#catalog.addSeries(family, identity, shown, this.#addSlot(family));
    });
    while (parts.catalog.takeChangedFamily() !== undefined);
    while (parts.catalog.takeUnwrittenSeries() >= 0);
  }

  #parts(): RegistryParts {
    return {
      catalog: this.#catalog,
      counters: this.#counters,
      gauges: this.#gauges,
      histograms: this.#histograms,
      summaries: this.#summaries,
    };
  }

  #familyRefusal(definition: Definition): DropReason | undefined {
    const names = sampleNamesOf(definition.name, definition.type);
    if (names.some(this.#options.isReservedName)) return "reserved_name";
    if (definition.type === "histogram" && !definition.buckets) return "invalid_buckets";
    if (names.some((name) => this.#catalog.hasSampleName(name))) return "name_collision";
    return undefined;
  }

  #addFamily(definition: Definition): Family {
    const { name, type, buckets, native } = definition;
    const bounds = type === "histogram" ? Float64Array.from(buckets ?? []) : undefined;
    return this.#catalog.addFamily(name, type, bounds, native);
  }

  #adopt(family: Family, definition: Definition): void {
    if (family.help === "" && definition.help !== "") {
      family.help = definition.help;
      this.#catalog.noteChange(family);
    }
    const { buckets, quantiles, epsilons } = definition;
    if (quantiles && epsilons && family.targets === undefined) {
      family.targets = { quantiles, epsilon: Math.min(...epsilons) };
      this.#catalog.noteChange(family);
    }
    const isOther =
      (buckets && !areEqual(buckets, family.bounds)) ||
      (quantiles && !areEqual(quantiles, family.targets?.quantiles));
    if (isOther && !family.hasOtherLayout) {
      family.hasOtherLayout = true;
      this.#catalog.noteChange(family);
      this.#options.onOtherLayout?.(family.name);
    }
  }

  #addSlot(family: Family): number {
    switch (family.type) {
      case "counter":
        return this.#counters.add();
      case "gauge":
        return this.#gauges.add();
      case "histogram":
        return this.#histograms.add(family.bounds ?? new Float64Array(0));
      case "summary":
        this.#summaryFamilies.push(family);
        return this.#summaries.add();
      default:
        return unreachable(family.type);
    }
  }
}

/** The reason behind a negative result of `Registry.resolve`. */
export function refusalOf(result: number): DropReason {
  return DROP_REASONS[-result - 1];
}

function refuse(reason: DropReason): number {
  return -DROP_REASONS.indexOf(reason) - 1;
}

function areEqual(sent: readonly number[], kept: ArrayLike<number> | undefined): boolean {
  return sent.length === kept?.length && sent.every((number, i) => number === kept[i]);
}
