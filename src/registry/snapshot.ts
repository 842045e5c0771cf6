import type { Exemplar, MetricType, NativeLayout } from "../sample/sample.ts";
import type { Float64Snapshot } from "./columns.ts";
import type { HistogramSnapshot } from "./histogram.ts";
import type { SeriesTexts } from "./series-texts.ts";
import type { QuantileTargets, SummarySnapshot } from "./summary.ts";

/**
 * All series of some families at one moment. Reading it later, once and in order, while samples are
 * applied, shows that moment.
 */
export interface RegistrySnapshot {
  /** In the order of their names; each is made when it is asked for. */
  families: Iterable<FamilySnapshot>;
  /** All that there are, wanted or not; the same array until a family comes or goes. */
  allFamilies: readonly { readonly name: string; readonly type: MetricType }[];
  texts: SeriesTexts;
  /** For each series when it began, in ms since 1970. */
  created: Float64Snapshot;
  /** By slot, each with one; what was sent since the moment may be among them. */
  counterExemplars: ReadonlyMap<number, readonly (Exemplar | undefined)[]>;
  counters: Float64Snapshot;
  gauges: Float64Snapshot;
  histograms: HistogramSnapshot;
  summaries: SummarySnapshot;
  /** Says that no more will be read. */
  release(): void;
}

/** Of a snapshot of everything: that it is known beforehand saves asking for each. */
export const ALL_FAMILIES = (_family: string): boolean => true;

export interface FamilySnapshot {
  /** Its number among the families. */
  index: number;
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
