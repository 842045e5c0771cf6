import { Float64Column } from "../registry/columns.ts";
import { renderLabelSet } from "../registry/label-set.ts";
import { SeriesTexts } from "../registry/series-texts.ts";
import type { FamilySnapshot, RegistrySnapshot } from "../registry/snapshot.ts";

/** A family that no registry keeps: one of the gateway's own. */
export interface PlainFamily {
  name: string;
  type: "counter" | "gauge" | "histogram";
  help: string;
  /** When its series began, in ms since 1970. */
  createdMs: number;
  /** Histogram: ascending upper bounds, +Inf implied. */
  bounds: number[] | undefined;
  series: PlainSeries[];
}

export interface PlainSeries {
  labels: Record<string, string | number>;
  /** Histogram: the sum. */
  value: number;
  /** Histogram: observations a bucket, not cumulative, one more than there are bounds, for +Inf. */
  counts: number[] | undefined;
}

/** Families as the encoders take them. Nothing of it needs to be released. */
export function snapshotOf(
  families: readonly PlainFamily[],
): RegistrySnapshot & { families: readonly FamilySnapshot[] } {
  const texts = new SeriesTexts();
  const created = new Float64Column();
  const values = new Float64Column();
  const counts = new Float64Column();
  const starts: number[] = [];
  const snapshots = families.map((family, index): FamilySnapshot => {
    const series = family.series.map((plain) => {
      const labels = Buffer.from(labelSetOf(plain.labels));
      values.set(values.extend(1), plain.value);
      created.set(created.extend(1), family.createdMs);
      starts.push(counts.extend(plain.counts?.length ?? 0));
      plain.counts?.forEach((count, i) => {
        counts.set(starts[starts.length - 1] + i, count);
      });
      return texts.add(index, labels, labels);
    });
    const { name, type, help } = family;
    const bounds = family.bounds && Float64Array.from(family.bounds);
    const none = { unit: "", native: undefined, targets: undefined };
    return {
      index,
      name,
      type,
      help,
      bounds,
      ...none,
      series: Uint32Array.from(series),
      slots: Uint32Array.from(series),
    };
  });
  const scalars = values.snapshot();
  const none = new Float64Column().snapshot();
  return {
    families: snapshots,
    allFamilies: snapshots,
    texts,
    created: created.snapshot(),
    counterExemplars: new Map(),
    counters: scalars,
    gauges: scalars,
    histograms: {
      sums: scalars,
      starts,
      counts: counts.snapshot(),
      nativeOf: () => undefined,
      exemplars: new Map(),
    },
    summaries: { sums: none, counts: none, takeQuantiles: () => undefined, release() {} },
    release() {},
  };
}

function labelSetOf(labels: PlainSeries["labels"]): string {
  const labelNames = Object.keys(labels);
  return renderLabelSet({ labelNames, labelValues: Object.values(labels).map(String) }, false);
}
