import type { FamilySnapshot, RegistrySnapshot } from "../registry/registry.ts";
import { unreachable } from "../unreachable.ts";
import { formatLabelNumber, formatValue } from "./number.ts";

export const TEXT_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** A family that is text already, complete with HELP and TYPE: the gateway's own. */
export interface RenderedFamily {
  name: string;
  text: string;
}

/** A chunk is given out when it has this many characters. */
const CHUNK_LENGTH = 64 * 1024;

/**
 * Renders the text format 0.0.4, families in the order of their names.
 *
 * `own`: in the order of their names; no name stands in both. `isWanted`: whether a family is
 * shown. Yields chunks of about 64 Ki characters, each ending with a line, so that the caller can
 * let others run in between.
 */
export function* renderText(
  snapshot: RegistrySnapshot | undefined,
  own: readonly RenderedFamily[],
  isWanted: (family: string) => boolean,
): Generator<string, void, undefined> {
  let chunk = "";
  let nextOwn = 0;
  for (const family of snapshot?.families ?? []) {
    while (nextOwn < own.length && own[nextOwn].name < family.name) {
      if (isWanted(own[nextOwn].name)) chunk += own[nextOwn].text;
      nextOwn++;
    }
    if (!isWanted(family.name) || snapshot === undefined) continue;
    chunk += renderHead(family);
    const renderSeries = seriesRenderer(family, snapshot);
    for (let i = 0; i < family.seriesCount; i++) {
      chunk += renderSeries(family.labelSets[i], family.slots[i]);
      if (chunk.length >= CHUNK_LENGTH) {
        yield chunk;
        chunk = "";
      }
    }
  }
  for (; nextOwn < own.length; nextOwn++) {
    if (isWanted(own[nextOwn].name)) chunk += own[nextOwn].text;
  }
  if (chunk !== "") yield chunk;
}

function renderHead(family: FamilySnapshot): string {
  const help = family.help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return `# HELP ${family.name} ${help}\n# TYPE ${family.name} ${family.type}\n`;
}

type SeriesRenderer = (labelSet: string, slot: number) => string;

function seriesRenderer(family: FamilySnapshot, snapshot: RegistrySnapshot): SeriesRenderer {
  switch (family.type) {
    case "counter":
      return valueRenderer(family.name, snapshot.counters);
    case "gauge":
      return valueRenderer(family.name, snapshot.gauges);
    case "histogram":
      return histogramRenderer(family, snapshot);
    case "summary":
      return summaryRenderer(family, snapshot);
    default:
      return unreachable(family.type);
  }
}

function valueRenderer(name: string, values: Float64Array): SeriesRenderer {
  return (labelSet, slot) => `${name}${braced(labelSet)} ${formatValue(values[slot])}\n`;
}

function histogramRenderer(family: FamilySnapshot, snapshot: RegistrySnapshot): SeriesRenderer {
  const { name } = family;
  const { sums, starts, counts } = snapshot.histograms;
  const bounds = [...(family.bounds ?? []), Number.POSITIVE_INFINITY];
  const ends = bounds.map((bound) => `le="${formatLabelNumber(bound)}"} `);
  return (labelSet, slot) => {
    const bucket = `${name}_bucket{${labelSet}${labelSet === "" ? "" : ","}`;
    const start = starts[slot];
    let text = "";
    let cumulative = 0;
    for (let i = 0; i < ends.length; i++) {
      cumulative += counts[start + i];
      text += `${bucket}${ends[i]}${cumulative}\n`;
    }
    const braces = braced(labelSet);
    return `${text}${name}_sum${braces} ${formatValue(sums[slot])}\n${name}_count${braces} ${cumulative}\n`;
  };
}

function summaryRenderer(family: FamilySnapshot, snapshot: RegistrySnapshot): SeriesRenderer {
  const { name } = family;
  const { sums, counts, quantiles } = snapshot.summaries;
  const targets = family.targets?.quantiles ?? [];
  const ends = targets.map((quantile) => `quantile="${formatLabelNumber(quantile)}"} `);
  return (labelSet, slot) => {
    const quantile = `${name}{${labelSet}${labelSet === "" ? "" : ","}`;
    const values = quantiles[slot];
    let text = "";
    for (let i = 0; i < ends.length; i++) {
      text += `${quantile}${ends[i]}${formatValue(values ? values[i] : Number.NaN)}\n`;
    }
    const braces = braced(labelSet);
    return `${text}${name}_sum${braces} ${formatValue(sums[slot])}\n${name}_count${braces} ${counts[slot]}\n`;
  };
}

function braced(labelSet: string): string {
  return labelSet === "" ? "" : `{${labelSet}}`;
}
