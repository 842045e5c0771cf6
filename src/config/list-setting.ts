import type * as v from "valibot";
import { compilePattern } from "../pattern.ts";
import { parsed } from "./setting-schemas.ts";
import type { Settings } from "./settings.ts";

/** A field of a list's entries. */
export interface EntryField<T = unknown> {
  /** As Prometheus or a message has it; taken in any case, with underscores or without. */
  name: string;
  /** Whether it is a list itself; then `schema` is that of one element. */
  isList: boolean;
  /** Text in, typed value out; the message of its issue goes on from the field's name. */
  schema: v.GenericSchema<string, unknown>;
  /** Where it is not set. */
  defaultValue: T;
  /** What it takes, for the documentation. */
  takes: string;
  doc: string;
}

type Described<T> = Pick<EntryField<T>, "name" | "defaultValue" | "takes" | "doc">;

/** A field with one value. */
export function single<T>(
  schema: v.GenericSchema<string, NoInfer<Exclude<T, undefined>>>,
  described: Described<T>,
): EntryField<T> {
  return { ...described, schema, isList: false };
}

/** A field that is a list of values; one that is empty is not set. */
export function several<T>(
  schema: v.GenericSchema<string, T>,
  described: Omit<Described<T[] | undefined>, "defaultValue">,
): EntryField<T[] | undefined> {
  return { ...described, schema, isList: true, defaultValue: undefined };
}

/** The text of a regular expression that compiles. */
export const regex = parsed((text) => {
  const compiled = compilePattern(text);
  return compiled.ok ? { ok: true, value: text } : compiled;
});

/** A value as it was given, checked by its field's schema. */
interface Given {
  value: unknown;
  text: string;
  source: string;
}

/** What is given for one entry of a list. */
export class GivenEntry {
  readonly #values = new Map<string, Given>();

  set(field: EntryField, given: Given): void {
    this.#values.set(field.name, given);
  }

  get<T>(field: EntryField<T>): T {
    const given = this.#values.get(field.name);
    // What a field's schema gave out is what its type says.
    return given === undefined ? field.defaultValue : (given.value as T);
  }

  /** Undefined where the field is not set. */
  given(field: EntryField): Given | undefined {
    return this.#values.get(field.name);
  }

  /** Where it stands, for a person: as its first field does. */
  get source(): string {
    const [first] = this.#values.values();
    return first?.source ?? "";
  }
}

/** What other settings allow. */
export type EntryLimits = Pick<Settings["metrics"], "maxBuckets" | "nameValidation">;

/** An entry, or which of its fields is wrong, and how: that goes on from the field's name. */
export type Composed<E> = { ok: true; entry: E } | { ok: false; field: string; fault: string };

/** A setting that is a list of objects: `<name>.<index>.<field>`. */
export interface ListSetting<E> {
  name: string;
  fields: Record<string, EntryField>;
  /** Puts an entry together whose fields are right each by itself. */
  compose(given: GivenEntry, limits: EntryLimits): Composed<E>;
}
