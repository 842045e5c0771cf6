import { METRIC_TYPES, type MetricType, type NativeLayout } from "../sample/sample.ts";
import { ChangedSlots } from "./changed-slots.ts";
import { Float64Column, Uint32List } from "./columns.ts";
import type { Family, SeriesRef } from "./family.ts";
import { sampleNamesOf } from "./sample-names.ts";
import { SeriesTexts } from "./series-texts.ts";

/** Which families and series there are, in the order in which they came. */
export class Catalog {
  /** The series' label sets; a series has the same index here and there. */
  readonly texts = new SeriesTexts();
  /** For each series when it began, in ms since 1970. */
  readonly created = new Float64Column();
  /** For each series its place in its family. */
  #places = new Uint32List();
  #byName = new Map<string, Family>();
  #families: Family[] = [];
  /** Every name that some family shows. */
  #sampleNames = new Set<string>();
  /** In the order of their names; undefined when a family came since. */
  #sorted: Family[] | undefined;
  #changedFamilies = new ChangedSlots();
  #writtenSeries = 0;

  get seriesCount(): number {
    return this.texts.count;
  }

  get familyCount(): number {
    return this.#families.length;
  }

  find(name: string): Family | undefined {
    return this.#byName.get(name);
  }

  /** The reference of a family's series by its label set, names in order; -1 when there is none. */
  findSeries(family: Family, identity: Uint8Array): SeriesRef {
    const series = this.texts.find(family.index, identity);
    return series < 0 ? -1 : refOf(family, family.slots.data[this.#places.data[series]]);
  }

  /** Whether a family shows that name already. */
  hasSampleName(name: string): boolean {
    return this.#sampleNames.has(name);
  }

  /** The families in the order of their names. */
  sorted(): readonly Family[] {
    this.#sorted ??= [...this.#families].sort((a, b) => (a.name < b.name ? -1 : 1));
    return this.#sorted;
  }

  /** `bounds` and `native`: a histogram's. */
  addFamily(
    name: string,
    type: MetricType,
    bounds: Float64Array | undefined,
    native: NativeLayout | undefined,
  ): Family {
    const family: Family = {
      index: this.#families.length,
      name,
      type,
      help: "",
      unit: "",
      bounds,
      native,
      targets: undefined,
      hasOtherLayout: false,
      series: new Uint32List(),
      slots: new Uint32List(),
    };
    this.#byName.set(name, family);
    this.#families.push(family);
    for (const sampleName of sampleNamesOf(name, type)) this.#sampleNames.add(sampleName);
    this.#sorted = undefined;
    this.#changedFamilies.extend(this.#families.length);
    this.#changedFamilies.mark(family.index);
    return family;
  }

  /** Says that what a family knows of itself (help, quantiles) is not what it was. */
  noteChange(family: Family): void {
    this.#changedFamilies.mark(family.index);
  }

  /** `identity`: the label set, names in order; `shown`: as it is shown. */
  addSeries(family: Family, identity: Uint8Array, shown: Uint8Array, slot: number): SeriesRef {
    this.#places.push(family.series.length);
    this.created.extend(1);
    family.series.push(this.texts.add(family.index, identity, shown));
    family.slots.push(slot);
    return refOf(family, slot);
  }

  /** From now on everything counts as new. */
  markAll(): void {
    this.#changedFamilies.markAll();
    this.#writtenSeries = 0;
  }

  /** Takes a family that is new or has changed; undefined when there is none. */
  takeChangedFamily(): Family | undefined {
    const index = this.#changedFamilies.take();
    return index < 0 ? undefined : this.#families[index];
  }

  /** Takes the next series that was not written yet; -1 when there is none. */
  takeUnwrittenSeries(): number {
    return this.#writtenSeries === this.seriesCount ? -1 : this.#writtenSeries++;
  }

  /** The family that came as the `index`-th. Throws a RangeError when there is none. */
  at(index: number): Family {
    const family = this.#families[index];
    if (family === undefined) throw new RangeError(`there is no family ${index}`);
    return family;
  }
}

function refOf(family: Family, slot: number): SeriesRef {
  return slot * 4 + METRIC_TYPES.indexOf(family.type);
}
