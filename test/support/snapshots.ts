import { Float64Column } from "../../src/registry/columns.ts";
import type { NativeBuckets } from "../../src/registry/native-histogram.ts";
import { SeriesTexts } from "../../src/registry/series-texts.ts";
import type { FamilySnapshot, RegistrySnapshot } from "../../src/registry/snapshot.ts";
import type { Exemplar, MetricType, NativeLayout } from "../../src/sample/sample.ts";

/** A family of a snapshot that no registry made. What is not given is empty. */
export interface GivenFamily {
  name: string;
  type: MetricType;
  help?: string;
  unit?: string;
  bounds?: readonly number[];
  native?: NativeLayout;
  quantiles?: readonly number[];
  series: GivenSeries[];
}

export interface GivenSeries {
  labels?: Record<string, string>;
  /** Of a histogram or summary the sum. */
  value: number;
  /** 0: not known. */
  createdMs?: number;
  /** Histogram: observations a bucket, not cumulative, one more than there are bounds. */
  counts?: number[];
  /** Summary. */
  count?: number;
  /** Summary: the values of its quantiles. */
  quantiles?: number[];
  /** Counter: one; histogram: one a bucket. */
  exemplars?: (Exemplar | undefined)[];
  native?: NativeBuckets;
}

export function exemplar(
  labels: Record<string, string>,
  value: number,
  timestampSeconds?: number,
): Exemplar {
  return {
    labelNames: Object.keys(labels),
    labelValues: Object.values(labels),
    value,
    timestampSeconds,
  };
}

/** A label set as the registry keeps it: names in quotes that are no legacy ones. */
export function labelText(labels: Record<string, string>): string {
  const escaped = (text: string) =>
    text.replace(/[\\"]/g, (character) => `\\${character}`).replaceAll("\n", "\\n");
  return Object.entries(labels)
    .map(([name, value]) => {
      const shown = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : `"${escaped(name)}"`;
      return `${shown}="${escaped(value)}"`;
    })
    .join(",");
}

/** `families`: in the order of their names. `isWanted`: as for `Registry.snapshot`. */
export function snapshotOfGiven(
  families: GivenFamily[],
  isWanted: (name: string) => boolean = () => true,
): RegistrySnapshot {
  const texts = new SeriesTexts();
  const columns = { created: new Float64Column(), values: new Float64Column() };
  const counts = new Float64Column();
  const observed = new Float64Column();
  const starts: number[] = [];
  const natives: (NativeBuckets | undefined)[] = [];
  const exemplars = new Map<number, (Exemplar | undefined)[]>();
  const quantiles: (Float64Array | undefined)[] = [];
  const addSeries = (index: number, given: GivenSeries): number => {
    const labels = Buffer.from(labelText(given.labels ?? {}));
    const slot = texts.add(index, labels, labels);
    columns.created.set(columns.created.extend(1), given.createdMs ?? 0);
    columns.values.set(columns.values.extend(1), given.value);
    counts.set(counts.extend(1), given.count ?? 0);
    starts.push(observed.length);
    for (const count of given.counts ?? []) observed.set(observed.extend(1), count);
    natives.push(given.native);
    quantiles.push(given.quantiles && Float64Array.from(given.quantiles));
    if (given.exemplars) exemplars.set(slot, given.exemplars);
    return slot;
  };
  const all = families.map((given, index): FamilySnapshot => {
    const slots = Uint32Array.from(given.series, (one) => addSeries(index, one));
    return {
      index,
      name: given.name,
      type: given.type,
      help: given.help ?? "",
      unit: given.unit ?? "",
      bounds: given.bounds && Float64Array.from(given.bounds),
      native: given.native,
      targets: given.quantiles && { quantiles: given.quantiles, epsilon: 0.01 },
      series: slots,
      slots,
    };
  });
  const sums = columns.values.snapshot();
  return {
    families: all.filter(({ name }) => isWanted(name)),
    allFamilies: all,
    texts,
    created: columns.created.snapshot(),
    counterExemplars: exemplars,
    counters: sums,
    gauges: sums,
    histograms: {
      sums,
      starts,
      counts: observed.snapshot(),
      nativeOf: (slot) => natives[slot],
      exemplars,
    },
    summaries: {
      sums,
      counts: counts.snapshot(),
      takeQuantiles: (slot) => quantiles[slot],
      release() {},
    },
    release() {},
  };
}
