import type { FamilyEntry } from "../config/family-entries.ts";
import { compilePattern, type Pattern } from "../pattern.ts";
import type { Definition } from "./sample.ts";
import { nameWithUnit } from "./unit.ts";

/** Entries of `Families` that are ready for use, in order. */
export type CompiledFamilies = readonly (FamilyEntry & { pattern: Pattern })[];

/** The entries have been checked: one that is wrong is a bug. */
export function compileFamilies(entries: readonly FamilyEntry[]): CompiledFamilies {
  return entries.map((entry) => {
    const compiled = compilePattern(entry.match);
    if (!compiled.ok) throw new Error(`BUG: a family's match ${compiled.fault}`);
    return { ...entry, pattern: compiled.pattern };
  });
}

/**
 * What the settings say of a family: what they do not say is undefined, 0 is no limit.
 * `name`: as it is shown. To be asked once a family: each entry is matched.
 */
export function familyLimitsOf(
  families: CompiledFamilies,
  name: string,
): { ttlSeconds: number | undefined; maxSeries: number | undefined } {
  const names = [name, ...namesWithoutUnit(families, name)];
  const matching = families.filter(({ pattern }) => names.some((each) => pattern.matches(each)));
  return {
    ttlSeconds: firstOf(matching, ({ ttlSeconds }) => ttlSeconds),
    maxSeries: firstOf(matching, ({ maxSeries }) => maxSeries),
  };
}

/** What samples of the family may be named that get their unit here. */
function namesWithoutUnit(families: CompiledFamilies, name: string): string[] {
  const names: string[] = [];
  for (const unit of new Set(families.map((entry) => entry.unit ?? ""))) {
    const end = [`_${unit}`, `_${unit}_total`].find((each) => name.endsWith(each));
    if (unit === "" || end === undefined) continue;
    const bare = name.slice(0, -end.length) + end.slice(unit.length + 1);
    if (unitOf(families, bare) === unit) names.push(bare);
  }
  return names;
}

function unitOf(families: CompiledFamilies, name: string): string | undefined {
  return firstOf(
    families.filter(({ pattern }) => pattern.matches(name)),
    ({ unit }) => unit,
  );
}

/**
 * The definition with what it lacks; itself where it lacks nothing that is known. For each field the
 * first entry counts that has it. What belongs together comes from one entry: buckets and the native
 * layout, quantiles and their errors.
 */
export function applyFamilyDefaults(
  families: CompiledFamilies,
  definition: Definition,
): Definition {
  const matching = families.filter(({ pattern }) => pattern.matches(definition.name));
  if (matching.length === 0) return definition;
  const { type, buckets, native, quantiles } = definition;
  const lacksLayout = type === "histogram" && buckets === undefined && native === undefined;
  const layout = lacksLayout
    ? matching.find((entry) => entry.buckets !== undefined || entry.native !== undefined)
    : undefined;
  const lacksQuantiles = type === "summary" && quantiles === undefined;
  const aims = lacksQuantiles ? matching.find((entry) => entry.quantiles !== undefined) : undefined;
  const help = definition.help || firstOf(matching, (entry) => entry.help);
  const unit = definition.unit || (firstOf(matching, (entry) => entry.unit) ?? "");
  return {
    ...definition,
    name: nameWithUnit(type, definition.name, unit),
    help: help ?? "",
    unit,
    buckets: layout === undefined ? buckets : layout.buckets,
    native: layout === undefined ? native : layout.native,
    quantiles: aims === undefined ? quantiles : aims.quantiles,
    epsilons: aims === undefined ? definition.epsilons : aims.epsilons,
  };
}

/** What the first entry says that says anything. */
function firstOf<T>(
  entries: CompiledFamilies,
  fieldOf: (entry: FamilyEntry) => T | undefined,
): T | undefined {
  for (const entry of entries) {
    const value = fieldOf(entry);
    if (value !== undefined) return value;
  }
  return undefined;
}
