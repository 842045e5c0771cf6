import { unreachable } from "../unreachable.ts";
import { CHUNK_LENGTH, SUMMARY_CHUNK_LENGTH } from "./chunk.ts";
import { ChunkWriter } from "./chunk-writer.ts";
import { escapeMetricName, quoteMetricName } from "./escaping.ts";
import type { EscapingScheme } from "./format.ts";
import { LabelCursor } from "./label-cursor.ts";
import { labelEnd, plainStart, startWithLabel } from "./line-starts.ts";
import { formatLabelNumber } from "./number.ts";
import type { ShownFamily } from "./render.ts";

/**
 * The text format, 0.0.4 and 1.0.0: where names are to be legacy ones, there is no difference.
 * Source: Prometheus, "Exposition formats".
 */
export function* renderText(
  families: Iterable<ShownFamily>,
  escaping: EscapingScheme,
): Generator<Uint8Array, void, undefined> {
  const writer = new ChunkWriter();
  for (const shown of families) {
    const { type, help, series, slots } = shown.family;
    const name = escapeMetricName(shown.family.name, escaping);
    writer.text(headOf(name, type, help));
    const labels = new LabelCursor(shown.snapshot.texts, escaping);
    const writeSeries = seriesWriter(name, shown, labels, writer);
    const chunkLength = type === "summary" ? SUMMARY_CHUNK_LENGTH : CHUNK_LENGTH;
    for (let i = 0; i < series.length; i++) {
      if (labels.moveTo(series[i])) writeSeries(slots[i]);
      if (writer.length >= chunkLength) yield writer.take();
    }
  }
  if (writer.length > 0) yield writer.take();
}

function headOf(name: string, type: string, help: string): string {
  const quoted = quoteMetricName(name);
  const escaped = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return `# HELP ${quoted} ${escaped}\n# TYPE ${quoted} ${type}\n`;
}

/** Writes the lines of the series where the labels' cursor is. */
type SeriesWriter = (slot: number) => void;

function seriesWriter(
  name: string,
  shown: ShownFamily,
  labels: LabelCursor,
  writer: ChunkWriter,
): SeriesWriter {
  const { family, snapshot } = shown;
  switch (family.type) {
    case "counter":
      return valueWriter(name, snapshot.counters, labels, writer);
    case "gauge":
      return valueWriter(name, snapshot.gauges, labels, writer);
    case "histogram":
      return histogramWriter(name, shown, labels, writer);
    case "summary":
      return summaryWriter(name, shown, labels, writer);
    default:
      return unreachable(family.type);
  }
}

function valueWriter(
  name: string,
  values: ShownFamily["snapshot"]["counters"],
  labels: LabelCursor,
  writer: ChunkWriter,
): SeriesWriter {
  const writeStart = plainStart(name, labels, writer);
  return (slot) => {
    writeStart();
    writer.valueLine(values.at(slot));
  };
}

function histogramWriter(
  name: string,
  { family, snapshot }: ShownFamily,
  labels: LabelCursor,
  writer: ChunkWriter,
): SeriesWriter {
  const { sums, starts, counts } = snapshot.histograms;
  const writeBucket = startWithLabel(`${name}_bucket`, labels, writer);
  const writeSum = plainStart(`${name}_sum`, labels, writer);
  const writeCount = plainStart(`${name}_count`, labels, writer);
  const ends = [...(family.bounds ?? []), Number.POSITIVE_INFINITY].map((bound) =>
    labelEnd("le", formatLabelNumber(bound)),
  );
  return (slot) => {
    const start = starts[slot];
    let cumulative = 0;
    for (let i = 0; i < ends.length; i++) {
      cumulative += counts.at(start + i);
      writeBucket(ends[i]);
      writer.valueLine(cumulative);
    }
    writeSum();
    writer.valueLine(sums.at(slot));
    writeCount();
    writer.valueLine(cumulative);
  };
}

function summaryWriter(
  name: string,
  { family, snapshot }: ShownFamily,
  labels: LabelCursor,
  writer: ChunkWriter,
): SeriesWriter {
  const { summaries } = snapshot;
  const { sums, counts } = summaries;
  const writeQuantile = startWithLabel(name, labels, writer);
  const writeSum = plainStart(`${name}_sum`, labels, writer);
  const writeCount = plainStart(`${name}_count`, labels, writer);
  const ends = (family.targets?.quantiles ?? []).map((quantile) =>
    labelEnd("quantile", formatLabelNumber(quantile)),
  );
  return (slot) => {
    const values = summaries.takeQuantiles(slot);
    for (let i = 0; i < ends.length; i++) {
      writeQuantile(ends[i]);
      writer.valueLine(values ? values[i] : Number.NaN);
    }
    writeSum();
    writer.valueLine(sums.at(slot));
    writeCount();
    writer.valueLine(counts.at(slot));
  };
}
