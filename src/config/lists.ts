import * as v from "valibot";
import { FAMILIES, type FamilyEntry } from "./family-entries.ts";
import { faultLine } from "./fault.ts";
import { type EntryField, type EntryLimits, GivenEntry, type ListSetting } from "./list-setting.ts";
import { nearestName } from "./nearest-name.ts";
import { RELABEL, type RelabelRule } from "./relabel-rules.ts";
import { type Entry, entryKey, shownName } from "./sources.ts";

/** A line of what is in force. */
interface Shown {
  name: string;
  text: string;
  source: string;
}

const INDEX = /^(?:0|[1-9]\d{0,5})$/;

/** The texts of one entry: by field, and there by place; a field that is no list has one at 0. */
type EntryTexts = Map<EntryField, Map<number, Entry>>;

/**
 * Takes the lists out of `chosen`, which has the entries of all sources by their keys.
 */
export function takeLists(
  chosen: Map<string, Entry>,
  limits: EntryLimits,
  effective: Shown[],
  faults: string[],
): { relabel: RelabelRule[]; families: FamilyEntry[] } {
  return {
    relabel: takeList(RELABEL, chosen, limits, effective, faults),
    families: takeList(FAMILIES, chosen, limits, effective, faults),
  };
}

/** The entries in the order of their indexes, which need not follow each other. */
function takeList<E>(
  setting: ListSetting<E>,
  chosen: Map<string, Entry>,
  limits: EntryLimits,
  effective: Shown[],
  faults: string[],
): E[] {
  const given = new Map<number, EntryTexts>();
  const wrong = new Set<string>(); // each once: the elements of a list are all wrong in the same way
  const key = entryKey(setting.name);
  for (const [name, entry] of [...chosen]) {
    if (name !== key && !name.startsWith(`${key}.`)) continue;
    chosen.delete(name);
    const fault = place(setting, entry, given);
    if (fault !== undefined) wrong.add(fault);
  }
  faults.push(...wrong);
  const entries: E[] = [];
  for (const index of [...given.keys()].sort((a, b) => a - b)) {
    const name = `${setting.name}.${index}`;
    const before = faults.length;
    const entry = readEntry(name, given.get(index)!, setting, effective, faults);
    if (faults.length > before) continue;
    const composed = setting.compose(entry, limits);
    if (composed.ok) entries.push(composed.entry);
    else {
      const field = Object.values(setting.fields).find((other) => other.name === composed.field)!;
      const { text = undefined, source = entry.source } = entry.given(field) ?? {};
      faults.push(faultLine(`${name}.${field.name}`, composed.fault, text, source));
    }
  }
  return entries;
}

/** Puts an entry's text in its place in `given`. Returns the fault where it has none. */
function place(
  setting: ListSetting<unknown>,
  { name, text, source }: Entry,
  given: Map<number, EntryTexts>,
): string | undefined {
  const [, index, field, element, ...more] = name.split(".");
  if (index === undefined)
    return faultLine(setting.name, "must be a list of objects", text, source);
  if (!INDEX.test(index)) {
    return faultLine(shownName(`${setting.name}.${index}`), "must be a number", undefined, source);
  }
  const path = `${setting.name}.${index}`;
  if (field === undefined) return faultLine(path, "must be an object", text, source);
  const fields = Object.values(setting.fields);
  const known = fields.find(
    (other) => entryKey(`${path}.${other.name}`) === entryKey(`${path}.${field}`),
  );
  if (known === undefined) {
    const near = nearestName(
      field,
      fields.map((other) => other.name),
    );
    const remedy = near === undefined ? "" : `; did you mean ${path}.${near}?`;
    return `config: ${shownName(`${path}.${field}`)} is no setting (${source})${remedy}`;
  }
  const fieldPath = `${path}.${known.name}`;
  if (known.isList && element === undefined) {
    return faultLine(fieldPath, `must be a list, as ${fieldPath}.0`, text, source);
  }
  if (element !== undefined && (!known.isList || !INDEX.test(element) || more.length > 0)) {
    return faultLine(
      fieldPath,
      known.isList ? "must be a list of values" : "must not be a list",
      undefined,
      source,
    );
  }
  const texts = given.get(Number(index)) ?? new Map<EntryField, Map<number, Entry>>();
  given.set(Number(index), texts);
  const places = texts.get(known) ?? new Map<number, Entry>();
  texts.set(known, places);
  places.set(Number(element ?? 0), { name, text, source });
  return undefined;
}

/** Reads the fields of one entry, in the order of the documentation. */
function readEntry(
  path: string,
  texts: EntryTexts,
  { fields }: ListSetting<unknown>,
  effective: Shown[],
  faults: string[],
): GivenEntry {
  const entry = new GivenEntry();
  for (const field of Object.values(fields)) {
    const places = texts.get(field);
    if (places === undefined) continue;
    const values: unknown[] = [];
    const shown: Entry[] = [];
    for (const at of [...places.keys()].sort((a, b) => a - b)) {
      const { text, source } = places.get(at)!;
      const name = field.isList ? `${path}.${field.name}.${at}` : `${path}.${field.name}`;
      shown.push({ name, text, source });
      const result = v.safeParse(field.schema, text);
      if (result.success) values.push(result.output);
      else faults.push(faultLine(name, result.issues[0].message, text, source));
    }
    effective.push(...shown);
    entry.set(field, {
      value: field.isList ? values : values[0],
      text: shown.map(({ text }) => text).join(", "),
      source: shown[0]!.source,
    });
  }
  return entry;
}
