import { DROP_REASONS, type DropReason } from "../sample/drop-reason.ts";
import { type Definition, METRIC_TYPES, type MetricType } from "../sample/sample.ts";
import { unreachable } from "../unreachable.ts";
import { Counters } from "./counter.ts";
import type { Family, SeriesRef } from "./family.ts";
import { Gauges } from "./gauge.ts";
import { type HistogramSnapshot, Histograms } from "./histogram.ts";
import { renderLabelSet } from "./label-set.ts";
import { sampleNamesOf } from "./sample-names.ts";
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

/** All series at one moment. Reading it later, while samples are applied, shows that moment. */
export interface RegistrySnapshot {
  /** In the order of their names. */
  families: readonly FamilySnapshot[];
  counters: Float64Array;
  gauges: Float64Array;
  histograms: HistogramSnapshot;
  summaries: SummarySnapshot;
}

export interface FamilySnapshot {
  name: string;
  type: MetricType;
  help: string;
  bounds: Float64Array | undefined;
  targets: QuantileTargets | undefined;
  /** Only the first `seriesCount` entries belong to the moment. */
  labelSets: readonly string[];
  slots: readonly number[];
  seriesCount: number;
}

const COUNTER = METRIC_TYPES.indexOf("counter");
const GAUGE = METRIC_TYPES.indexOf("gauge");
const HISTOGRAM = METRIC_TYPES.indexOf("histogram");

/**
 * All families and series. One thread writes, in the order of the queue: the state is a function
 * of the samples applied, their order, and the clock that is handed in.
 */
export class Registry {
  #options: RegistryOptions;
  #families = new Map<string, Family>();
  /** Every name that some family shows, with that family's name. */
  #sampleNames = new Set<string>();
  /** In the order of their names; undefined when a family came since. */
  #sorted: Family[] | undefined;
  #seriesCount = 0;
  #counters = new Counters();
  #gauges = new Gauges();
  #histograms = new Histograms();
  #summaries = new Summaries();
  #summaryFamilies: Family[] = [];

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  get seriesCount(): number {
    return this.#seriesCount;
  }

  get familyCount(): number {
    return this.#families.size;
  }

  /**
   * Finds or makes the series that a definition means, and gives its family what the definition
   * brings first (help, buckets, quantiles).
   *
   * Returns the reference, or for a refused sample a negative number: see `refusalOf`. A refusal
   * may end: buckets may come with a later sample.
   */
  resolve(definition: Definition): SeriesRef | number {
    let family = this.#families.get(definition.name);
    if (family === undefined) {
      const refusal = this.#familyRefusal(definition);
      if (refusal !== undefined) return refuse(refusal);
    } else if (family.type !== definition.type) {
      return refuse("type_conflict");
    }
    const identity = renderLabelSet(definition, true);
    const known = family?.refs.get(identity);
    if (known === undefined) {
      const { maxSeries } = this.#options;
      if (maxSeries > 0 && this.#seriesCount >= maxSeries) return refuse("series_limit");
    }
    family ??= this.#addFamily(definition);
    this.#adopt(family, definition);
    return known ?? this.#addSeries(family, definition, identity);
  }

  /** Takes one sample. `ref` comes from `resolve`; `value` is one that the series' type takes. */
  observe(ref: SeriesRef, value: number, nowMs: number): void {
    const slot = ref >>> 2;
    switch (ref & 3) {
      case COUNTER:
        this.#counters.observe(slot, value);
        break;
      case GAUGE:
        this.#gauges.observe(slot, value);
        break;
      case HISTOGRAM:
        this.#histograms.observe(slot, value);
        break;
      default:
        this.#summaries.observe(slot, value, this.#summaryFamilies[slot].targets, nowMs);
    }
  }

  snapshot(nowMs: number): RegistrySnapshot {
    this.#sorted ??= [...this.#families.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return {
      families: this.#sorted.map((family) => ({
        name: family.name,
        type: family.type,
        help: family.help,
        bounds: family.bounds,
        targets: family.targets,
        labelSets: family.labelSets,
        slots: family.slots,
        seriesCount: family.slots.length,
      })),
      counters: this.#counters.snapshot(),
      gauges: this.#gauges.snapshot(),
      histograms: this.#histograms.snapshot(),
      summaries: this.#summaries.snapshot(nowMs),
    };
  }

  #familyRefusal(definition: Definition): DropReason | undefined {
    const names = sampleNamesOf(definition.name, definition.type);
    if (names.some(this.#options.isReservedName)) return "reserved_name";
    if (definition.type === "histogram" && !definition.buckets) return "invalid_buckets";
    if (names.some((name) => this.#sampleNames.has(name))) return "name_collision";
    return undefined;
  }

  #addFamily(definition: Definition): Family {
    const { name, type, buckets } = definition;
    const family: Family = {
      name,
      type,
      help: "",
      bounds: type === "histogram" ? Float64Array.from(buckets ?? []) : undefined,
      targets: undefined,
      hasOtherLayout: false,
      refs: new Map(),
      labelSets: [],
      slots: [],
    };
    this.#families.set(name, family);
    for (const sampleName of sampleNamesOf(name, type)) this.#sampleNames.add(sampleName);
    this.#sorted = undefined;
    return family;
  }

  #adopt(family: Family, definition: Definition): void {
    if (family.help === "") family.help = definition.help;
    const { buckets, quantiles, epsilons } = definition;
    if (quantiles && epsilons && family.targets === undefined) {
      family.targets = { quantiles, epsilon: Math.min(...epsilons) };
    }
    const isOther =
      (buckets && !areEqual(buckets, family.bounds)) ||
      (quantiles && !areEqual(quantiles, family.targets?.quantiles));
    if (isOther && !family.hasOtherLayout) {
      family.hasOtherLayout = true;
      this.#options.onOtherLayout?.(family.name);
    }
  }

  #addSeries(family: Family, definition: Definition, identity: string): SeriesRef {
    const slot = this.#addSlot(family);
    const ref = slot * 4 + METRIC_TYPES.indexOf(family.type);
    family.refs.set(identity, ref);
    const shown = this.#options.sortLabels ? identity : renderLabelSet(definition, false);
    family.labelSets.push(shown);
    family.slots.push(slot);
    this.#seriesCount++;
    return ref;
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
