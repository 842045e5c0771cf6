import { escapeQuoted } from "../registry/escapes.ts";
import type { Exemplar } from "../sample/sample.ts";
import { unreachable } from "../unreachable.ts";
import { CHUNK_LENGTH, SUMMARY_CHUNK_LENGTH } from "./chunk.ts";
import { ChunkWriter } from "./chunk-writer.ts";
import { escapeMetricName, quoteMetricName } from "./escaping.ts";
import { exemplarText } from "./exemplar-text.ts";
import type { EscapingScheme } from "./format.ts";
import { LabelCursor } from "./label-cursor.ts";
import { labelEnd, plainStart, startWithLabel } from "./line-starts.ts";
import { formatCanonicalNumber } from "./number.ts";
import { counterBase, findUntypable } from "./open-metrics-names.ts";
import type { ExpositionOptions, ShownFamily } from "./render.ts";

/**
 * OpenMetrics, 1.0.0 and 0.0.1, which differ in nothing that is written here. What its rules do not
 * allow (a counter that is NaN, a negative sum) is left out, line by line.
 * Source: OpenMetrics 1.0; prometheus_client.openmetrics.parser, which holds to it.
 */
export function* renderOpenMetrics(
  families: Iterable<ShownFamily>,
  escaping: EscapingScheme,
  options: ExpositionOptions,
): Generator<Uint8Array, void, undefined> {
  const writer = new ChunkWriter();
  for (const { family, snapshot } of families) {
    const untypable = yield* findUntypable(snapshot.allFamilies, escaping);
    const work: Work = {
      name: escapeMetricName(family.name, escaping),
      family,
      snapshot,
      labels: new LabelCursor(snapshot.texts, escaping),
      writer,
      escaping,
      hasCreated: options.createdTimestamps,
    };
    const parts = untypable.has(family.name) ? untypedParts(work) : [typedPart(work)];
    const chunkLength = family.type === "summary" ? SUMMARY_CHUNK_LENGTH : CHUNK_LENGTH;
    const { series, slots } = family;
    for (const { name, type, writeSeries } of parts) {
      writer.text(headOf(name, type, family.unit, family.help));
      for (let i = 0; i < series.length; i++) {
        if (work.labels.moveTo(series[i])) writeSeries(slots[i], series[i]);
        if (writer.length >= chunkLength) yield writer.take();
      }
    }
  }
  writer.text("# EOF\n");
  yield writer.take();
}

/** A family, and all that is needed to write its lines. */
interface Work extends ShownFamily {
  /** As it is shown. */
  name: string;
  labels: LabelCursor;
  writer: ChunkWriter;
  escaping: EscapingScheme;
  hasCreated: boolean;
}

/** A family as OpenMetrics sees it. */
interface Part {
  name: string;
  type: string;
  /** Writes the lines of the series where the labels' cursor is. */
  writeSeries: (slot: number, series: number) => void;
}

/** In the order in which the specification names them. */
function headOf(name: string, type: string, unit: string, help: string): string {
  const quoted = quoteMetricName(name);
  let head = `# TYPE ${quoted} ${type}\n`;
  // A unit that is no part of the name is not allowed.
  if (/^[a-zA-Z0-9_:]+$/.test(unit) && name.endsWith(`_${unit}`)) {
    head += `# UNIT ${quoted} ${unit}\n`;
  }
  if (help !== "") head += `# HELP ${quoted} ${escapeQuoted(help)}\n`;
  return head;
}

function typedPart(work: Work): Part {
  const { family, name } = work;
  const { type } = family;
  switch (type) {
    case "counter":
      return { name: counterBase(name), type, writeSeries: counterWriter(work) };
    case "gauge":
      return { name, type, writeSeries: valueWriter(name, work.snapshot.gauges, work) };
    case "histogram":
      return { name, type, writeSeries: histogramWriter(work) };
    case "summary":
      return { name, type, writeSeries: summaryWriter(work) };
    default:
      return unreachable(type);
  }
}

/** A family for each name that its samples have, since those of type unknown have one. */
function untypedParts(work: Work): Part[] {
  const { family, snapshot, name } = work;
  const part = (suffix: string, writeSeries: Part["writeSeries"]): Part => ({
    name: name + suffix,
    type: "unknown",
    writeSeries,
  });
  switch (family.type) {
    case "counter":
    case "gauge":
      return [part("", valueWriter(name, snapshot[`${family.type}s`], work))];
    case "histogram": {
      const { sums } = snapshot.histograms;
      return [
        part("_bucket", bucketWriter(work, false)),
        part("_sum", valueWriter(`${name}_sum`, sums, work)),
        part("_count", valueWriter(`${name}_count`, { at: (slot) => countOf(slot, work) }, work)),
      ];
    }
    case "summary": {
      const { sums, counts } = snapshot.summaries;
      return [
        part("", quantileWriter(work, true)),
        part("_sum", valueWriter(`${name}_sum`, sums, work)),
        part("_count", valueWriter(`${name}_count`, counts, work)),
      ];
    }
    default:
      return unreachable(family.type);
  }
}

function valueWriter(
  name: string,
  values: { at(slot: number): number },
  { labels, writer }: Work,
): Part["writeSeries"] {
  const writeStart = plainStart(name, labels, writer);
  return (slot) => {
    writeStart();
    writer.valueLine(values.at(slot));
  };
}

function counterWriter(work: Work): Part["writeSeries"] {
  const { name, snapshot, labels, writer } = work;
  const { counters, counterExemplars } = snapshot;
  const writeStart = plainStart(`${counterBase(name)}_total`, labels, writer);
  const writeCreated = createdWriter(counterBase(name), work);
  return (slot, series) => {
    const value = counters.at(slot);
    if (!(value >= 0)) return;
    writeStart();
    writeValue(value, counterExemplars.get(slot)?.[0], work);
    writeCreated(series);
  };
}

function histogramWriter(work: Work): Part["writeSeries"] {
  const { name, family, snapshot, labels, writer } = work;
  const { sums } = snapshot.histograms;
  const writeBuckets = bucketWriter(work, true);
  const writeSum = plainStart(`${name}_sum`, labels, writer);
  const writeCount = plainStart(`${name}_count`, labels, writer);
  const writeCreated = createdWriter(name, work);
  const mayHaveSum = !((family.bounds?.[0] ?? 0) < 0);
  return (slot, series) => {
    const count = writeBuckets(slot);
    const sum = sums.at(slot);
    // Neither is allowed without the other.
    if (mayHaveSum && sum >= 0) {
      writeSum();
      writer.valueLine(sum);
      writeCount();
      writer.valueLine(count);
    }
    writeCreated(series);
  };
}

/** Writes the buckets of a slot, and returns how many observations they have together. */
function bucketWriter(work: Work, hasExemplars: boolean): (slot: number) => number {
  const { name, family, snapshot, labels, writer } = work;
  const { starts, counts, exemplars } = snapshot.histograms;
  const writeBucket = startWithLabel(`${name}_bucket`, labels, writer);
  const ends = [...(family.bounds ?? []), Number.POSITIVE_INFINITY].map((bound) =>
    labelEnd("le", formatCanonicalNumber(bound)),
  );
  return (slot) => {
    const start = starts[slot];
    const ofSlot = hasExemplars ? exemplars.get(slot) : undefined;
    let cumulative = 0;
    for (let i = 0; i < ends.length; i++) {
      cumulative += counts.at(start + i);
      writeBucket(ends[i]);
      writeValue(cumulative, ofSlot?.[i], work);
    }
    return cumulative;
  };
}

function countOf(slot: number, { family, snapshot }: Work): number {
  const { starts, counts } = snapshot.histograms;
  const end = starts[slot] + (family.bounds?.length ?? 0);
  let count = 0;
  for (let i = starts[slot]; i <= end; i++) count += counts.at(i);
  return count;
}

function summaryWriter(work: Work): Part["writeSeries"] {
  const { name, snapshot, labels, writer } = work;
  const { sums, counts } = snapshot.summaries;
  const writeQuantiles = quantileWriter(work, false);
  const writeSum = plainStart(`${name}_sum`, labels, writer);
  const writeCount = plainStart(`${name}_count`, labels, writer);
  const writeCreated = createdWriter(name, work);
  return (slot, series) => {
    writeQuantiles(slot);
    const sum = sums.at(slot);
    if (sum >= 0) {
      writeSum();
      writer.valueLine(sum);
    }
    writeCount();
    writer.valueLine(counts.at(slot));
    writeCreated(series);
  };
}

function quantileWriter(work: Work, mayBeNegative: boolean): (slot: number) => void {
  const { name, family, snapshot, labels, writer } = work;
  const writeQuantile = startWithLabel(name, labels, writer);
  const ends = (family.targets?.quantiles ?? []).map((quantile) =>
    labelEnd("quantile", formatCanonicalNumber(quantile)),
  );
  return (slot) => {
    const values = snapshot.summaries.takeQuantiles(slot);
    for (let i = 0; i < ends.length; i++) {
      const value = values ? values[i] : Number.NaN;
      if (value < 0 && !mayBeNegative) continue;
      writeQuantile(ends[i]);
      writer.valueLine(value);
    }
  };
}

/** Writes when a series began, if that is wanted and known. */
function createdWriter(
  name: string,
  { snapshot, labels, writer, hasCreated }: Work,
): (series: number) => void {
  if (!hasCreated) return () => {};
  const { created } = snapshot;
  const writeStart = plainStart(`${name}_created`, labels, writer);
  return (series) => {
    const createdMs = created.at(series);
    if (createdMs === 0) return;
    writeStart();
    writer.valueLine(createdMs / 1000);
  };
}

function writeValue(
  value: number,
  exemplar: Exemplar | undefined,
  { writer, escaping }: Work,
): void {
  if (exemplar === undefined) {
    writer.valueLine(value);
    return;
  }
  writer.value(value);
  writer.text(`${exemplarText(exemplar, escaping)}\n`);
}
