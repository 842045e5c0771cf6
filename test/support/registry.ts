import type { RegistryOptions } from "../../src/registry/options.ts";
import { Registry } from "../../src/registry/registry.ts";
import type { Definition, MetricType } from "../../src/sample/sample.ts";

/** A registry without limits, but for what is given. */
export function makeRegistry(options: Partial<RegistryOptions> = {}): Registry {
  return new Registry({
    sortIncomingLabels: true,
    isJournaled: true,
    maxSeries: 0,
    maxSeriesPerFamily: 0,
    onLimit: "drop",
    seriesTtlSeconds: 0,
    families: undefined,
    isReservedName: () => false,
    listener: { otherLayoutMet: () => {}, seriesLimited: () => {} },
    ...options,
  });
}

/** A plain definition, but for what is given. */
export function define(
  type: MetricType,
  name: string,
  labels: Record<string, string> = {},
  more: Partial<Definition> = {},
): Definition {
  return {
    ...{ type, name, help: "", unit: "" },
    labelNames: Object.keys(labels),
    labelValues: Object.values(labels),
    ...{ buckets: undefined, quantiles: undefined, epsilons: undefined },
    ...{ native: undefined, handling: undefined },
    ...more,
  };
}
