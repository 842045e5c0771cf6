import type { MetricType } from "./sample.ts";

/**
 * The name of a family that has a unit: it ends in it, before `_total` of a counter. In every format,
 * so that a family has one name. Source: OpenMetrics 1.0, "Unit"; client_python does the same.
 *
 * `unit`: empty where there is none.
 */
export function nameWithUnit(type: MetricType, name: string, unit: string): string {
  if (unit === "") return name;
  const hasTotal = type === "counter" && name.endsWith(TOTAL);
  const base = hasTotal ? name.slice(0, -TOTAL.length) : name;
  if (base.endsWith(`_${unit}`)) return name;
  return `${base}_${unit}${hasTotal ? TOTAL : ""}`;
}

const TOTAL = "_total";
