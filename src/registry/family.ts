import type { MetricType, NativeLayout } from "../sample/sample.ts";
import type { Uint32List } from "./columns.ts";
import type { QuantileTargets } from "./summary.ts";

/** What the settings say of a family; undefined: what they say of all. */
export interface FamilyLimits {
  /** A series that was silent for so long ends; 0: never. */
  ttlSeconds: number | undefined;
  /** 0: no limit. */
  maxSeries: number | undefined;
}

/** A metric family and where its series are. New ones are added at the end. */
export interface Family {
  /** Its number among the families. */
  readonly index: number;
  readonly name: string;
  readonly type: MetricType;
  /** The first help sent that is not empty. */
  help: string;
  /** The first unit sent that is not empty. */
  unit: string;
  /** Histogram: the first bounds sent, ascending, +Inf implied. */
  readonly bounds: Float64Array | undefined;
  /** Histogram: how its native buckets are kept; undefined when it has none. */
  readonly native: NativeLayout | undefined;
  /** Summary: the first quantiles sent. */
  targets: QuantileTargets | undefined;
  /** Whether a sample brought other buckets or quantiles than the family has. */
  hasOtherLayout: boolean;
  readonly limits: FamilyLimits;
  /** How many snapshots there were before it: only later ones have it. */
  readonly bornAt: number;
  /** Whether it was taken away. */
  isGone: boolean;
  /** Its series, in the order in which they came, and the slot of each. */
  series: Uint32List;
  slots: Uint32List;
}

/** Names a series: its slot among the aggregations of its type, times four, plus the type's index. */
export type SeriesRef = number;
