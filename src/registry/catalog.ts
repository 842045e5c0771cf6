import { METRIC_TYPES, type MetricType } from "../sample/sample.ts";
import { ChangedSlots } from "./changed-slots.ts";
import type { Family } from "./family.ts";
import { sampleNamesOf } from "./sample-names.ts";

/** Which families and series there are, in the order in which they came. */
export class Catalog {
  #byName = new Map<string, Family>();
  #families: Family[] = [];
  /** Every name that some family shows. */
  #sampleNames = new Set<string>();
  /** In the order of their names; undefined when a family came since. */
  #sorted: Family[] | undefined;
  /** For each series the index of its family, in the order in which the series came. */
  #seriesFamilies = new Uint32Array(64);
  #seriesCount = 0;
  #changedFamilies = new ChangedSlots();
  #writtenSeries = 0;

  get seriesCount(): number {
    return this.#seriesCount;
  }

  get familyCount(): number {
    return this.#families.length;
  }

  find(name: string): Family | undefined {
    return this.#byName.get(name);
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

  /** `bounds`: a histogram's. */
  addFamily(name: string, type: MetricType, bounds: Float64Array | undefined): Family {
    const family: Family = {
      index: this.#families.length,
      name,
      type,
      help: "",
      bounds,
      targets: undefined,
      hasOtherLayout: false,
      refs: new Map(),
      labelSets: [],
      slots: [],
      writtenSeries: 0,
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
  addSeries(family: Family, identity: string, shown: string, slot: number): number {
    const ref = slot * 4 + METRIC_TYPES.indexOf(family.type);
    family.refs.set(identity, ref);
    family.labelSets.push(shown);
    family.slots.push(slot);
    if (this.#seriesCount === this.#seriesFamilies.length) {
      const grown = new Uint32Array(this.#seriesCount * 2);
      grown.set(this.#seriesFamilies);
      this.#seriesFamilies = grown;
    }
    this.#seriesFamilies[this.#seriesCount++] = family.index;
    return ref;
  }

  /** From now on everything counts as new. */
  markAll(): void {
    this.#changedFamilies.markAll();
    this.#writtenSeries = 0;
    for (const family of this.#families) family.writtenSeries = 0;
  }

  /** Takes a family that is new or has changed; undefined when there is none. */
  takeChangedFamily(): Family | undefined {
    const index = this.#changedFamilies.take();
    return index < 0 ? undefined : this.#families[index];
  }

  /** Takes the next series that was not written yet: its family; undefined when there is none. */
  takeUnwrittenSeries(): { family: Family; labelSet: string } | undefined {
    if (this.#writtenSeries === this.#seriesCount) return undefined;
    const family = this.#families[this.#seriesFamilies[this.#writtenSeries++]];
    return { family, labelSet: family.labelSets[family.writtenSeries++] };
  }

  /** The family that came as the `index`-th. Throws a RangeError when there is none. */
  at(index: number): Family {
    const family = this.#families[index];
    if (family === undefined) throw new RangeError(`there is no family ${index}`);
    return family;
  }
}
