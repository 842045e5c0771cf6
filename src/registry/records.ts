import { METRIC_TYPES, type NativeLayout } from "../sample/sample.ts";
import { ByteReader, type ByteWriter } from "./bytes.ts";
import { areEqual, type Catalog } from "./catalog.ts";
import type { ChangedSlots } from "./changed-slots.ts";
import type { Exemplars } from "./exemplars.ts";
import type { Family } from "./family.ts";
import type { Lifetimes } from "./lifetimes.ts";
import type { Slots } from "./slots.ts";
import type { Summaries } from "./summary.ts";

/** What `writeChanges` writes. A reader refuses bytes of another format. */
export const RECORD_FORMAT = 3;

/** The series of one type. */
export interface Aggregation {
  readonly changed: ChangedSlots;
  readonly slots: Slots;
  write(slot: number, writer: ByteWriter): void;
  read(slot: number, reader: ByteReader): void;
}

/** The parts of a registry that are kept in a checkpoint. */
export interface RegistryParts {
  catalog: Catalog;
  /** In the order of `METRIC_TYPES`, as are `lifetimes`. */
  aggregations: readonly Aggregation[];
  lifetimes: readonly Lifetimes[];
  /** In the order of `METRIC_TYPES`; undefined for a type that has none. */
  exemplars: readonly (Exemplars | undefined)[];
  summaries: Summaries;
  /** Whether label sets have their names in order. */
  isSorted: boolean;
}

/** A series as it stands in a record. */
export interface SeriesRecord {
  series: number;
  family: Family;
  labelSet: Uint8Array;
  /** Whether its names are in order. */
  isSorted: boolean;
  slot: number;
  createdMs: number;
}

/** What a reader makes of what was written. */
export interface RecordReceiver {
  clock(nowMs: number): void;
  series(record: SeriesRecord): void;
}

/**
 * An entry is the format, the clock, and sections: a section's kind, then its records. Each begins with
 * an index plus one; a zero ends the section. The kinds of values and of exemplars are in the order of
 * `METRIC_TYPES`.
 */
const FAMILIES = 1;
const SERIES = 2;
const VALUES = 3;
/** Not records, but what `Summaries.writeObservations` writes. */
const OBSERVATIONS = 7;
const EXEMPLARS = 8;

/**
 * Writes what has changed since it was last written, until the writer holds `lengthMax` bytes:
 * families and series first, then values. A value is written whole, so it may be written again later;
 * the last one read stands. Returns whether nothing is left. `nowMs`: the clock of the samples.
 */
export function writeChanges(
  parts: RegistryParts,
  nowMs: number,
  writer: ByteWriter,
  lengthMax: number,
): boolean {
  const { catalog, aggregations, exemplars, summaries, isSorted } = parts;
  writer.u8(RECORD_FORMAT);
  writer.f64(nowMs);
  if (!writeFamilies(catalog, writer, lengthMax)) return false;
  if (!writeSeries(catalog, isSorted, nowMs, writer, lengthMax)) return false;
  for (let type = 0; type < aggregations.length; type++) {
    if (!writeValues(parts, type, secondsOf(nowMs), writer, lengthMax)) return false;
  }
  for (let type = 0; type < exemplars.length; type++) {
    if (!writeExemplars(EXEMPLARS + type, exemplars[type], writer, lengthMax)) return false;
  }
  return writeObservations(summaries, writer, lengthMax);
}

/**
 * Takes what one call of `writeChanges` wrote; entries are read in the order in which they were
 * written. Throws a RangeError or a TypeError when the bytes are damaged.
 */
export function readChanges(
  parts: RegistryParts,
  bytes: Uint8Array,
  receiver: RecordReceiver,
): void {
  const reader = new ByteReader(bytes);
  const format = reader.u8();
  if (format !== RECORD_FORMAT) throw new RangeError(`its format ${format} is not known`);
  const nowMs = reader.f64();
  receiver.clock(nowMs);
  while (!reader.isAtEnd) {
    const kind = reader.u8();
    if (kind === FAMILIES) readFamilies(parts.catalog, reader);
    else if (kind === SERIES) readSeries(parts.catalog, nowMs, reader, receiver);
    else if (kind >= VALUES && kind < VALUES + METRIC_TYPES.length) {
      readValues(parts, kind - VALUES, secondsOf(nowMs), reader);
    } else if (kind === OBSERVATIONS) parts.summaries.readObservations(reader);
    else readExemplars(parts, kind - EXEMPLARS, reader);
  }
}

function writeFamilies(catalog: Catalog, writer: ByteWriter, lengthMax: number): boolean {
  let index = catalog.takeChangedFamily();
  if (index < 0) return true;
  writer.u8(FAMILIES);
  while (index >= 0) {
    writer.varint(index + 1);
    writeFamily(catalog.familyAt(index), writer);
    index = writer.length < lengthMax ? catalog.takeChangedFamily() : -1;
  }
  writer.varint(0);
  return writer.length < lengthMax;
}

function readFamilies(catalog: Catalog, reader: ByteReader): void {
  for (let index = reader.varint() - 1; index >= 0; index = reader.varint() - 1) {
    readFamily(catalog, index, reader);
  }
}

/**
 * Whether label sets are sorted (1); then for each series its family's index plus one, or 0 for one
 * that has ended; its label set, slot, and how long ago it began, in ms.
 */
function writeSeries(
  catalog: Catalog,
  isSorted: boolean,
  nowMs: number,
  writer: ByteWriter,
  lengthMax: number,
): boolean {
  const { texts } = catalog;
  let series = catalog.takeChangedSeries();
  if (series < 0) return true;
  writer.u8(SERIES);
  writer.u8(isSorted ? 1 : 0);
  while (series >= 0) {
    writer.varint(series + 1);
    if (catalog.isThere(series)) {
      writer.varint(texts.familyOf(series) + 1);
      writer.textBytes(texts.pageOf(series), texts.startOf(series), texts.lengthOf(series));
      writer.varint(catalog.slotOf(series));
      writer.varint(nowMs - catalog.created.at(series));
    } else writer.varint(0);
    series = writer.length < lengthMax ? catalog.takeChangedSeries() : -1;
  }
  writer.varint(0);
  return writer.length < lengthMax;
}

function readSeries(
  catalog: Catalog,
  nowMs: number,
  reader: ByteReader,
  receiver: RecordReceiver,
): void {
  const isSorted = reader.u8() === 1;
  for (let series = reader.varint() - 1; series >= 0; series = reader.varint() - 1) {
    const index = reader.varint() - 1;
    if (index < 0) {
      catalog.restoreEnd(series);
      continue;
    }
    const family = catalog.familyAt(index);
    if (family === undefined) throw new RangeError(`there is no family ${index}`);
    const labelSet = reader.textBytes();
    const slot = reader.varint();
    const createdMs = nowMs - reader.varint();
    receiver.series({ series, family, labelSet, isSorted, slot, createdMs });
  }
}

/** Whether lifetimes are noted (1), then for each slot its value and its lifetime. */
function writeValues(
  { aggregations, lifetimes }: RegistryParts,
  type: number,
  nowSeconds: number,
  writer: ByteWriter,
  lengthMax: number,
): boolean {
  const values = aggregations[type];
  let slot = values.changed.take();
  if (slot < 0) return true;
  const { isTracked } = lifetimes[type];
  writer.u8(VALUES + type);
  writer.u8(isTracked ? 1 : 0);
  while (slot >= 0) {
    // Of one that has ended meanwhile there is nothing to say.
    if (values.slots.isUsed(slot)) {
      writer.varint(slot + 1);
      values.write(slot, writer);
      if (isTracked) lifetimes[type].write(slot, writer, nowSeconds);
    }
    slot = writer.length < lengthMax ? values.changed.take() : -1;
  }
  writer.varint(0);
  return writer.length < lengthMax;
}

function readValues(
  { aggregations, lifetimes }: RegistryParts,
  type: number,
  nowSeconds: number,
  reader: ByteReader,
): void {
  const isTracked = reader.u8() === 1;
  for (let slot = reader.varint() - 1; slot >= 0; slot = reader.varint() - 1) {
    aggregations[type].read(existing(slot, aggregations[type]), reader);
    if (isTracked) lifetimes[type].read(slot, reader, nowSeconds);
  }
}

function writeExemplars(
  kind: number,
  exemplars: Exemplars | undefined,
  writer: ByteWriter,
  lengthMax: number,
): boolean {
  let slot = exemplars?.takeChanged() ?? -1;
  if (exemplars === undefined || slot < 0) return true;
  writer.u8(kind);
  while (slot >= 0) {
    writer.varint(slot + 1);
    exemplars.write(slot, writer);
    slot = writer.length < lengthMax ? exemplars.takeChanged() : -1;
  }
  writer.varint(0);
  return writer.length < lengthMax;
}

function readExemplars(
  { aggregations, exemplars }: RegistryParts,
  type: number,
  reader: ByteReader,
): void {
  const known = exemplars[type];
  if (known === undefined) throw new RangeError(`section ${type + EXEMPLARS} is not known`);
  for (let slot = reader.varint() - 1; slot >= 0; slot = reader.varint() - 1) {
    known.read(existing(slot, aggregations[type]), reader);
  }
}

function writeObservations(summaries: Summaries, writer: ByteWriter, lengthMax: number): boolean {
  if (!summaries.hasObservations) return true;
  writer.u8(OBSERVATIONS);
  return summaries.writeObservations(writer, lengthMax);
}

function existing(slot: number, values: Aggregation): number {
  if (!values.slots.isUsed(slot)) throw new RangeError(`there is no slot ${slot}`);
  return slot;
}

/** An empty name: it is gone. */
function writeFamily(family: Family | undefined, writer: ByteWriter): void {
  writer.text(family?.name ?? "");
  if (family === undefined) return;
  writer.u8(METRIC_TYPES.indexOf(family.type));
  writer.text(family.help);
  writer.text(family.unit);
  writer.u8(family.hasOtherLayout ? 1 : 0);
  writeNumbers(family.bounds ?? [], writer);
  const { native, targets } = family;
  writeNumbers(native ? [native.schema, native.zeroThreshold, native.maxBuckets] : [], writer);
  writeNumbers(targets?.quantiles ?? [], writer);
  writer.f64(targets?.epsilon ?? 0);
}

function readFamily(catalog: Catalog, index: number, reader: ByteReader): void {
  const name = reader.text();
  if (name === "") {
    catalog.restoreFamilyEnd(index);
    return;
  }
  const type = METRIC_TYPES[reader.u8()];
  if (type === undefined) throw new RangeError("a family's type is not known");
  const help = reader.text();
  const unit = reader.text();
  const hasOtherLayout = reader.u8() === 1;
  const bounds = Float64Array.from(readNumbers(reader));
  const native = toNative(readNumbers(reader));
  const quantiles = readNumbers(reader);
  const epsilon = reader.f64();
  const isHistogram = type === "histogram";
  const family = catalog.restoreFamily(index, name, type, isHistogram ? bounds : undefined, native);
  family.help = help;
  family.unit = unit;
  family.hasOtherLayout = hasOtherLayout;
  if (!areEqual(quantiles, family.targets?.quantiles ?? [])) family.targets = undefined;
  if (quantiles.length > 0) family.targets ??= { quantiles, epsilon };
}

function toNative(numbers: readonly number[]): NativeLayout | undefined {
  if (numbers.length === 0) return undefined;
  const [schema, zeroThreshold, maxBuckets] = numbers;
  return { schema, zeroThreshold, maxBuckets };
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

function secondsOf(nowMs: number): number {
  return Math.floor(nowMs / 1000);
}
