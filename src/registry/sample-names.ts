import { escapeWithUnderscores } from "../sample/names.ts";
import type { MetricType } from "../sample/sample.ts";
import { unreachable } from "../unreachable.ts";

/**
 * The names that a family takes in an exposition: its own and those of its samples. Two families
 * that share one would show two meanings under one name.
 */
export function sampleNamesOf(name: string, type: MetricType): string[] {
  switch (type) {
    case "counter":
    case "gauge":
      return [name];
    case "histogram":
      return [name, `${name}_bucket`, `${name}_sum`, `${name}_count`];
    case "summary":
      return [name, `${name}_sum`, `${name}_count`];
    default:
      return unreachable(type);
  }
}

/** The same as scrapers see them that know legacy names only: two that differ to no one else are one. */
export function shownNamesOf(name: string, type: MetricType): string[] {
  return sampleNamesOf(escapeWithUnderscores(name, "metric"), type);
}
