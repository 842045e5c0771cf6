import { METRIC_TYPES } from "../sample/sample.ts";
import { ByteReader, type ByteWriter } from "./bytes.ts";
import type { Catalog } from "./catalog.ts";
import type { ChangedSlots } from "./changed-slots.ts";
import type { Counters } from "./counter.ts";
import type { Family } from "./family.ts";
import type { Gauges } from "./gauge.ts";
import type { Histograms } from "./histogram.ts";
import { sortLabelSet } from "./label-set.ts";
import type { Summaries } from "./summary.ts";

/** What `writeChanges` writes. A reader refuses bytes of another format. */
export const RECORD_FORMAT = 2;

/** The parts of a registry that are kept in a checkpoint. */
export interface RegistryParts {
  catalog: Catalog;
  counters: Counters;
  gauges: Gauges;
  histograms: Histograms;
  summaries: Summaries;
}

/**
 * Sections of an entry: a section's kind, then its records. Each begins with an index plus one; a
 * zero ends the section.
 */
const FAMILIES = 1;
const SERIES = 2;
const COUNTERS = 3;
const GAUGES = 4;
const HISTOGRAMS = 5;
const SUMMARIES = 6;
/** Not records, but what `Summaries.writeObservations` writes. */
const OBSERVATIONS = 7;

/**
 * Writes what has changed since it was last written, until the writer holds `lengthMax` bytes: new
 * series first, then values. A value is written whole, so it may be written again later; the last
 * one read stands. Returns whether nothing is left.
 *
 * `isSorted`: whether label sets have their names in order.
 */
export function writeChanges(
  parts: RegistryParts,
  isSorted: boolean,
  writer: ByteWriter,
  lengthMax: number,
): boolean {
  writer.u8(RECORD_FORMAT);
  const { catalog, counters, gauges, histograms, summaries } = parts;
  return (
    writeFamilies(catalog, writer, lengthMax) &&
    writeSeries(catalog, isSorted, writer, lengthMax) &&
    writeValues(COUNTERS, counters, writer, lengthMax) &&
    writeValues(GAUGES, gauges, writer, lengthMax) &&
    writeValues(HISTOGRAMS, histograms, writer, lengthMax) &&
    writeValues(SUMMARIES, summaries, writer, lengthMax) &&
    writeObservations(summaries, writer, lengthMax)
  );
}

/**
 * Takes what one call of `writeChanges` wrote; entries are read in the order in which they were
 * written. `addSeries` makes a series.
 * Throws a RangeError or a TypeError when the bytes are damaged.
 */
export function readChanges(
  parts: RegistryParts,
  bytes: Uint8Array,
  addSeries: (family: Family, identity: Uint8Array, labelSet: Uint8Array) => void,
): void {
  const reader = new ByteReader(bytes);
  const format = reader.u8();
  if (format !== RECORD_FORMAT) throw new RangeError(`its format ${format} is not known`);
  while (!reader.isAtEnd) {
    const kind = reader.u8();
    if (kind === OBSERVATIONS) {
      parts.summaries.readObservations(reader);
      continue;
    }
    const isSorted = kind === SERIES && reader.u8() === 1;
    for (let index = reader.varint() - 1; index >= 0; index = reader.varint() - 1) {
      switch (kind) {
        case FAMILIES:
          readFamily(parts.catalog, index, reader);
          break;
        case SERIES: {
          const labelSet = reader.textBytes();
          const identity = isSorted ? labelSet : sortedBytes(labelSet);
          addSeries(parts.catalog.at(index), identity, labelSet);
          break;
        }
        case COUNTERS:
          parts.counters.read(existing(index, parts.counters), reader);
          break;
        case GAUGES:
          parts.gauges.read(existing(index, parts.gauges), reader);
          break;
        case HISTOGRAMS:
          parts.histograms.read(existing(index, parts.histograms), reader);
          break;
        case SUMMARIES:
          parts.summaries.read(existing(index, parts.summaries), reader);
          break;
        default:
          throw new RangeError(`section ${kind} is not known`);
      }
    }
  }
}

function writeFamilies(catalog: Catalog, writer: ByteWriter, lengthMax: number): boolean {
  let family = catalog.takeChangedFamily();
  if (family === undefined) return true;
  writer.u8(FAMILIES);
  while (family !== undefined) {
    writer.varint(family.index + 1);
    writeFamily(family, writer);
    family = writer.length < lengthMax ? catalog.takeChangedFamily() : undefined;
  }
  writer.varint(0);
  return writer.length < lengthMax;
}

function writeSeries(
  catalog: Catalog,
  isSorted: boolean,
  writer: ByteWriter,
  lengthMax: number,
): boolean {
  const { texts } = catalog;
  let series = catalog.takeUnwrittenSeries();
  if (series < 0) return true;
  writer.u8(SERIES);
  writer.u8(isSorted ? 1 : 0);
  while (series >= 0) {
    writer.varint(texts.familyOf(series) + 1);
    writer.textBytes(texts.pageOf(series), texts.startOf(series), texts.lengthOf(series));
    series = writer.length < lengthMax ? catalog.takeUnwrittenSeries() : -1;
  }
  writer.varint(0);
  return writer.length < lengthMax;
}

interface Values {
  readonly changed: ChangedSlots;
  write(slot: number, writer: ByteWriter): void;
}

function writeValues(kind: number, values: Values, writer: ByteWriter, lengthMax: number): boolean {
  let slot = values.changed.take();
  if (slot < 0) return true;
  writer.u8(kind);
  while (slot >= 0) {
    writer.varint(slot + 1);
    values.write(slot, writer);
    slot = writer.length < lengthMax ? values.changed.take() : -1;
  }
  writer.varint(0);
  return writer.length < lengthMax;
}

function writeObservations(summaries: Summaries, writer: ByteWriter, lengthMax: number): boolean {
  if (!summaries.hasObservations) return true;
  writer.u8(OBSERVATIONS);
  return summaries.writeObservations(writer, lengthMax);
}

function existing(slot: number, values: Values): number {
  if (slot >= values.changed.slotCount) throw new RangeError(`there is no slot ${slot}`);
  return slot;
}

/** Throws a TypeError when they are no text. */
function sortedBytes(labelSet: Uint8Array): Uint8Array {
  return Buffer.from(sortLabelSet(utf8.decode(labelSet)));
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function writeFamily(family: Family, writer: ByteWriter): void {
  writer.text(family.name);
  writer.u8(METRIC_TYPES.indexOf(family.type));
  writer.text(family.help);
  writer.u8(family.hasOtherLayout ? 1 : 0);
  writeNumbers(family.bounds ?? [], writer);
  writeNumbers(family.targets?.quantiles ?? [], writer);
  writer.f64(family.targets?.epsilon ?? 0);
}

function readFamily(catalog: Catalog, index: number, reader: ByteReader): void {
  const name = reader.text();
  const type = METRIC_TYPES[reader.u8()];
  if (type === undefined) throw new RangeError("a family's type is not known");
  const help = reader.text();
  const hasOtherLayout = reader.u8() === 1;
  const bounds = Float64Array.from(readNumbers(reader));
  const quantiles = readNumbers(reader);
  const epsilon = reader.f64();
  const family =
    index === catalog.familyCount
      ? catalog.addFamily(name, type, type === "histogram" ? bounds : undefined, undefined)
      : catalog.at(index);
  if (family.name !== name) throw new RangeError("the families are out of order");
  family.help = help;
  family.hasOtherLayout = hasOtherLayout;
  if (quantiles.length > 0) family.targets ??= { quantiles, epsilon };
}

function writeNumbers(numbers: ArrayLike<number>, writer: ByteWriter): void {
  writer.varint(numbers.length);
  for (let i = 0; i < numbers.length; i++) writer.f64(numbers[i]);
}

function readNumbers(reader: ByteReader): number[] {
  const numbers: number[] = [];
  for (let left = reader.varint(); left > 0; left--) numbers.push(reader.f64());
  return numbers;
}
