import type { FamilySnapshot, RegistrySnapshot } from "../registry/registry.ts";
import { unreachable } from "../unreachable.ts";
import { CHUNK_LENGTH, ChunkWriter, paddedText } from "./chunk-writer.ts";
import { formatLabelNumber } from "./number.ts";

export const TEXT_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** A family that is text already, complete with HELP and TYPE: the gateway's own. */
export interface RenderedFamily {
  name: string;
  text: string;
}

/** A summary's quantiles take some ten times as long as its lines: less of them in one go. */
const SUMMARY_CHUNK_LENGTH = 8 * 1024;

/**
 * Renders the text format 0.0.4, families in the order of their names, as UTF-8.
 *
 * `own`: in the order of their names; no name stands in both. Yields chunks of about 64 KiB or less,
 * each ending with a line, so that the caller can let others run in between. A chunk is the caller's.
 */
export function* renderText(
  snapshot: RegistrySnapshot | undefined,
  own: readonly RenderedFamily[],
): Generator<Uint8Array, void, undefined> {
  const writer = new ChunkWriter();
  let nextOwn = 0;
  for (const family of snapshot?.families ?? []) {
    while (nextOwn < own.length && own[nextOwn].name < family.name) {
      writer.text(own[nextOwn++].text);
    }
    writer.text(renderHead(family));
    const writeSeries = seriesWriter(family, snapshot!, writer);
    const chunkLength = family.type === "summary" ? SUMMARY_CHUNK_LENGTH : CHUNK_LENGTH;
    const { series, slots } = family;
    for (let i = 0; i < series.length; i++) {
      writeSeries(series[i], slots[i]);
      if (writer.length >= chunkLength) yield writer.take();
    }
  }
  for (; nextOwn < own.length; nextOwn++) writer.text(own[nextOwn].text);
  if (writer.length > 0) yield writer.take();
}

function renderHead(family: FamilySnapshot): string {
  const help = family.help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return `# HELP ${family.name} ${help}\n# TYPE ${family.name} ${family.type}\n`;
}

/** Writes the lines of one series. */
type SeriesWriter = (series: number, slot: number) => void;

function seriesWriter(
  family: FamilySnapshot,
  snapshot: RegistrySnapshot,
  writer: ChunkWriter,
): SeriesWriter {
  switch (family.type) {
    case "counter":
      return valueWriter(family, snapshot, snapshot.counters, writer);
    case "gauge":
      return valueWriter(family, snapshot, snapshot.gauges, writer);
    case "histogram":
      return histogramWriter(family, snapshot, writer);
    case "summary":
      return summaryWriter(family, snapshot, writer);
    default:
      return unreachable(family.type);
  }
}

function valueWriter(
  { name }: FamilySnapshot,
  { texts }: RegistrySnapshot,
  values: RegistrySnapshot["counters"],
  writer: ChunkWriter,
): SeriesWriter {
  const writeStart = plainStart(name, texts, writer);
  return (series, slot) => {
    writeStart(series);
    writer.valueLine(values.at(slot));
  };
}

function histogramWriter(
  { name, bounds }: FamilySnapshot,
  { texts, histograms }: RegistrySnapshot,
  writer: ChunkWriter,
): SeriesWriter {
  const { sums, starts, counts } = histograms;
  const writeBucket = startWithLabel(`${name}_bucket`, texts, writer);
  const writeSum = plainStart(`${name}_sum`, texts, writer);
  const writeCount = plainStart(`${name}_count`, texts, writer);
  const ends = [...(bounds ?? []), Number.POSITIVE_INFINITY].map((bound) =>
    paddedText(`le="${formatLabelNumber(bound)}"} `),
  );
  return (series, slot) => {
    const start = starts[slot];
    let cumulative = 0;
    for (let i = 0; i < ends.length; i++) {
      cumulative += counts.at(start + i);
      writeBucket(series, ends[i]);
      writer.valueLine(cumulative);
    }
    writeSum(series);
    writer.valueLine(sums.at(slot));
    writeCount(series);
    writer.valueLine(cumulative);
  };
}

function summaryWriter(
  { name, targets }: FamilySnapshot,
  { texts, summaries }: RegistrySnapshot,
  writer: ChunkWriter,
): SeriesWriter {
  const { sums, counts } = summaries;
  const writeQuantile = startWithLabel(name, texts, writer);
  const writeSum = plainStart(`${name}_sum`, texts, writer);
  const writeCount = plainStart(`${name}_count`, texts, writer);
  const ends = (targets?.quantiles ?? []).map((quantile) =>
    paddedText(`quantile="${formatLabelNumber(quantile)}"} `),
  );
  return (series, slot) => {
    const values = summaries.takeQuantiles(slot);
    for (let i = 0; i < ends.length; i++) {
      writeQuantile(series, ends[i]);
      writer.valueLine(values ? values[i] : Number.NaN);
    }
    writeSum(series);
    writer.valueLine(sums.at(slot));
    writeCount(series);
    writer.valueLine(counts.at(slot));
  };
}

type Texts = RegistrySnapshot["texts"];

/** Writes a line up to its value: `name{labels} `. */
function plainStart(name: string, texts: Texts, writer: ChunkWriter): (series: number) => void {
  const bare = paddedText(`${name} `);
  const open = paddedText(`${name}{`);
  return (series) => {
    const length = texts.lengthOf(series);
    if (length === 0) {
      writer.copy(bare.view, 0, bare.length);
      return;
    }
    writer.copy(open.view, 0, open.length);
    writer.copy(texts.viewOf(series), texts.startOf(series), length);
    writer.copy(CLOSE.view, 0, CLOSE.length);
  };
}

/** The same with one label more: `name{labels,` and then `end`, as in `le="0.5"} `. */
function startWithLabel(
  name: string,
  texts: Texts,
  writer: ChunkWriter,
): (series: number, end: ReturnType<typeof paddedText>) => void {
  const open = paddedText(`${name}{`);
  return (series, end) => {
    writer.copy(open.view, 0, open.length);
    const length = texts.lengthOf(series);
    if (length > 0) {
      writer.copy(texts.viewOf(series), texts.startOf(series), length);
      writer.copy(COMMA.view, 0, COMMA.length);
    }
    writer.copy(end.view, 0, end.length);
  };
}

const CLOSE = paddedText("} ");
const COMMA = paddedText(",");
