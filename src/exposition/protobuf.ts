import { LabelScanner } from "../registry/label-scanner.ts";
import type { NativeBuckets, SparseBuckets } from "../registry/native-histogram.ts";
import type { Exemplar, NativeLayout } from "../sample/sample.ts";
import { unreachable } from "../unreachable.ts";
import { CHUNK_LENGTH, EMPTY_CHUNK, SUMMARY_CHUNK_LENGTH } from "./chunk.ts";
import { escapeMetricName } from "./escaping.ts";
import { exemplarLabels } from "./exemplar-text.ts";
import type { EscapingScheme } from "./format.ts";
import { LabelCursor } from "./label-cursor.ts";
import { MessageWriter } from "./message-writer.ts";
import { spansOf } from "./native-spans.ts";
import type { ExpositionOptions, ShownFamily } from "./render.ts";

/**
 * Messages of type io.prometheus.client.MetricFamily, each with its length in front. A family's
 * message is held until its length is known.
 * Source: prometheus/client_model, io/prometheus/client/metrics.proto, whose names the fields have.
 */
export function* renderProtobuf(
  families: Iterable<ShownFamily>,
  escaping: EscapingScheme,
  options: ExpositionOptions,
): Generator<Uint8Array, void, undefined> {
  const writer = new MessageWriter();
  const body = new MessageWriter();
  for (const shown of families) {
    const { family, snapshot } = shown;
    const { type, series, slots, unit } = family;
    const work = { ...shown, writer: body, escaping, hasCreated: options.createdTimestamps };
    body.textField(FAMILY.name, escapeMetricName(family.name, escaping));
    body.textField(FAMILY.help, family.help);
    body.wholeField(FAMILY.type, TYPES[type]);
    if (unit !== "") body.textField(FAMILY.unit, unit);
    const labels = new LabelCursor(snapshot.texts, escaping);
    const writeLabels = labelWriter(labels, body);
    const writeValue = valueWriter(work);
    const chunkLength = type === "summary" ? SUMMARY_CHUNK_LENGTH : CHUNK_LENGTH;
    const chunks: Uint8Array[] = [];
    let length = 0;
    for (let i = 0; i < series.length; i++) {
      if (labels.moveTo(series[i])) {
        const metric = body.begin(FAMILY.metric);
        writeLabels();
        writeValue(slots[i], series[i]);
        body.end(metric);
      }
      if (body.length < chunkLength) continue;
      length += body.length;
      chunks.push(body.take());
      yield EMPTY_CHUNK;
    }
    writer.varint(length + body.length);
    if (chunks.length > 0) {
      yield writer.take();
      yield* chunks;
    }
    writer.takeAll(body);
    if (writer.length >= CHUNK_LENGTH) yield writer.take();
  }
  if (writer.length > 0) yield writer.take();
}

const FAMILY = { name: 1, help: 2, type: 3, metric: 4, unit: 5 };
const TYPES = { counter: 0, gauge: 1, summary: 2, histogram: 4 };
const METRIC = { label: 1, gauge: 2, counter: 3, summary: 4, histogram: 7 };
const LABEL = { name: 1, value: 2 };
const GAUGE = { value: 1 };
const COUNTER = { value: 1, exemplar: 2, createdTimestamp: 3 };
const SUMMARY = { sampleCount: 1, sampleSum: 2, quantile: 3, createdTimestamp: 4 };
const QUANTILE = { quantile: 1, value: 2 };
const HISTOGRAM = {
  ...{ sampleCount: 1, sampleSum: 2, bucket: 3, createdTimestamp: 15 },
  ...{ schema: 5, zeroThreshold: 6, zeroCount: 7 },
};
const NEGATIVE = { span: 9, delta: 10 };
const POSITIVE = { span: 12, delta: 13 };
const SPAN = { offset: 1, length: 2 };
const BUCKET = { cumulativeCount: 1, upperBound: 2, exemplar: 3 };
const EXEMPLAR = { label: 1, value: 2, timestamp: 3 };
const TIMESTAMP = { seconds: 1, nanos: 2 };

/** A family, and all that is needed to write its metrics. */
interface Work extends ShownFamily {
  writer: MessageWriter;
  escaping: EscapingScheme;
  hasCreated: boolean;
}

/** Writes what belongs to the type; labels are there already. */
type ValueWriter = (slot: number, series: number) => void;

/** Writes the labels of the series where the cursor is. */
function labelWriter(labels: LabelCursor, writer: MessageWriter): () => void {
  const scanner = new LabelScanner();
  return () => {
    scanner.begin(labels.page, labels.start, labels.length);
    const { view } = labels;
    while (scanner.next()) {
      const { nameStart, nameEnd, valueStart, valueEnd } = scanner;
      const pair = writer.begin(METRIC.label);
      if (scanner.isNameQuoted) writer.textField(LABEL.name, scanner.name());
      else writer.bytesField(LABEL.name, view, nameStart, nameEnd - nameStart);
      if (scanner.isValueEscaped) writer.textField(LABEL.value, scanner.value());
      else writer.bytesField(LABEL.value, view, valueStart, valueEnd - valueStart);
      writer.end(pair);
    }
  };
}

function valueWriter(work: Work): ValueWriter {
  const { type } = work.family;
  switch (type) {
    case "counter":
      return counterWriter(work);
    case "gauge":
      return gaugeWriter(work);
    case "histogram":
      return histogramWriter(work);
    case "summary":
      return summaryWriter(work);
    default:
      return unreachable(type);
  }
}

function gaugeWriter({ snapshot, writer }: Work): ValueWriter {
  const { gauges } = snapshot;
  return (slot) => {
    const gauge = writer.begin(METRIC.gauge);
    writer.doubleField(GAUGE.value, gauges.at(slot));
    writer.end(gauge);
  };
}

function counterWriter(work: Work): ValueWriter {
  const { counters, counterExemplars } = work.snapshot;
  const { writer } = work;
  return (slot, series) => {
    const counter = writer.begin(METRIC.counter);
    writer.doubleField(COUNTER.value, counters.at(slot));
    writeExemplar(COUNTER.exemplar, counterExemplars.get(slot)?.[0], work);
    writeCreated(COUNTER.createdTimestamp, series, work);
    writer.end(counter);
  };
}

function summaryWriter(work: Work): ValueWriter {
  const { family, writer } = work;
  const { summaries } = work.snapshot;
  const quantiles = family.targets?.quantiles ?? [];
  return (slot, series) => {
    const summary = writer.begin(METRIC.summary);
    writer.wholeField(SUMMARY.sampleCount, summaries.counts.at(slot));
    writer.doubleField(SUMMARY.sampleSum, summaries.sums.at(slot));
    const values = summaries.takeQuantiles(slot);
    for (let i = 0; i < quantiles.length; i++) {
      const quantile = writer.begin(SUMMARY.quantile);
      writer.doubleField(QUANTILE.quantile, quantiles[i]);
      writer.doubleField(QUANTILE.value, values ? values[i] : Number.NaN);
      writer.end(quantile);
    }
    writeCreated(SUMMARY.createdTimestamp, series, work);
    writer.end(summary);
  };
}

function histogramWriter(work: Work): ValueWriter {
  const { family, writer } = work;
  const { sums, starts, counts, nativeOf, exemplars } = work.snapshot.histograms;
  const bounds = family.bounds ?? new Float64Array(0);
  return (slot, series) => {
    const histogram = writer.begin(METRIC.histogram);
    const ofSlot = exemplars.get(slot);
    const start = starts[slot];
    let cumulative = 0;
    for (let i = 0; i < bounds.length; i++) {
      cumulative += counts.at(start + i);
      writeBucket(cumulative, bounds[i], ofSlot?.[i], work);
    }
    cumulative += counts.at(start + bounds.length);
    // It may be left out, and that is how client_golang does it, but for an exemplar.
    const last = ofSlot?.[bounds.length];
    if (last !== undefined) writeBucket(cumulative, Number.POSITIVE_INFINITY, last, work);
    writer.wholeField(HISTOGRAM.sampleCount, cumulative);
    writer.doubleField(HISTOGRAM.sampleSum, sums.at(slot));
    if (family.native !== undefined) writeNative(nativeOf(slot) ?? emptyOf(family.native), writer);
    writeCreated(HISTOGRAM.createdTimestamp, series, work);
    writer.end(histogram);
  };
}

function writeBucket(
  cumulative: number,
  bound: number,
  exemplar: Exemplar | undefined,
  work: Work,
): void {
  const { writer } = work;
  const bucket = writer.begin(HISTOGRAM.bucket);
  writer.wholeField(BUCKET.cumulativeCount, cumulative);
  writer.doubleField(BUCKET.upperBound, bound);
  writeExemplar(BUCKET.exemplar, exemplar, work);
  writer.end(bucket);
}

function writeNative(buckets: NativeBuckets, writer: MessageWriter): void {
  const { schema, zeroThreshold, zeroCount, positive, negative } = buckets;
  writer.signedField(HISTOGRAM.schema, schema);
  writer.doubleField(HISTOGRAM.zeroThreshold, zeroThreshold);
  writer.wholeField(HISTOGRAM.zeroCount, zeroCount);
  writeBuckets(NEGATIVE, negative, writer);
  writeBuckets(POSITIVE, positive, writer);
  const hasBuckets = positive.indexes.length > 0 || negative.indexes.length > 0;
  if (zeroThreshold > 0 || zeroCount > 0 || hasBuckets) return;
  // A span of nothing: otherwise none could tell that it is native.
  writeSpan(POSITIVE.span, 0, 0, writer);
}

function writeBuckets(
  fields: typeof POSITIVE,
  buckets: SparseBuckets,
  writer: MessageWriter,
): void {
  const { offsets, lengths, deltas } = spansOf(buckets);
  for (let i = 0; i < offsets.length; i++) writeSpan(fields.span, offsets[i], lengths[i], writer);
  for (const delta of deltas) writer.signedField(fields.delta, delta);
}

function writeSpan(field: number, offset: number, length: number, writer: MessageWriter): void {
  const span = writer.begin(field);
  writer.signedField(SPAN.offset, offset);
  writer.wholeField(SPAN.length, length);
  writer.end(span);
}

function emptyOf({ schema, zeroThreshold }: NativeLayout): NativeBuckets {
  const none = { indexes: [], counts: [] };
  return { schema, zeroThreshold, zeroCount: 0, positive: none, negative: none };
}

function writeExemplar(
  field: number,
  exemplar: Exemplar | undefined,
  { writer, escaping }: Work,
): void {
  const labels = exemplar && exemplarLabels(exemplar, escaping);
  if (labels === undefined) return;
  const message = writer.begin(field);
  labels.names.forEach((name, i) => {
    const pair = writer.begin(EXEMPLAR.label);
    writer.textField(LABEL.name, name);
    writer.textField(LABEL.value, labels.values[i]);
    writer.end(pair);
  });
  writer.doubleField(EXEMPLAR.value, exemplar!.value);
  const seconds = exemplar!.timestampSeconds;
  if (seconds !== undefined) writeTimestamp(EXEMPLAR.timestamp, seconds * 1e6, writer);
  writer.end(message);
}

/** Writes when a series began, if that is wanted and known. */
function writeCreated(field: number, series: number, { snapshot, writer, hasCreated }: Work): void {
  if (!hasCreated) return;
  const createdMs = snapshot.created.at(series);
  if (createdMs !== 0) writeTimestamp(field, createdMs * 1000, writer);
}

/** Rounded to microseconds: a double of seconds since 1970 has no more. */
function writeTimestamp(field: number, microseconds: number, writer: MessageWriter): void {
  const whole = Math.round(microseconds);
  const message = writer.begin(field);
  writer.wholeField(TIMESTAMP.seconds, Math.floor(whole / 1e6));
  writer.wholeField(TIMESTAMP.nanos, (whole % 1e6) * 1000);
  writer.end(message);
}
