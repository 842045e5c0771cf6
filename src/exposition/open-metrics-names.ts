import { sampleNamesOf } from "../registry/sample-names.ts";
import type { RegistrySnapshot } from "../registry/snapshot.ts";
import type { MetricType } from "../sample/sample.ts";
import { EMPTY_CHUNK } from "./chunk.ts";
import { escapeMetricName } from "./escaping.ts";
import type { EscapingScheme } from "./format.ts";

const TOTAL = "_total";

/** A counter's name in metadata, to which `_total` and `_created` are added. */
export function counterBase(name: string): string {
  return name.endsWith(TOTAL) ? name.slice(0, -TOTAL.length) : name;
}

/**
 * Finds the families whose type would take a name in OpenMetrics that is another's, as a counter
 * `jobs_total` beside a gauge `jobs`: its type takes `jobs`, `jobs_total` and `jobs_created`. Those
 * are shown as families of type unknown, which take just the names that their samples have.
 *
 * It is found for all families, shown or not, so that a filter changes no name. Yields empty chunks
 * to let others run. Source: OpenMetrics 1.0, "MetricFamily: Suffixes".
 */
export function* findUntypable(
  families: RegistrySnapshot["allFamilies"],
  escaping: EscapingScheme,
): Generator<Uint8Array, ReadonlySet<string>, undefined> {
  const known = untypable.get(families)?.get(escaping);
  if (known !== undefined) return known;
  const taken = new Set<string>();
  for (let i = 0; i < families.length; i++) {
    const { name, type } = families[i];
    for (const own of sampleNamesOf(escapeMetricName(name, escaping), type)) taken.add(own);
    if (i % TURN === 0) yield EMPTY_CHUNK;
  }
  const found = new Set<string>();
  // Of the others by each name that is added who wants it: who stands back already wants none.
  const wanted = new Map<string, string>();
  for (let i = 0; i < families.length; i++) {
    const { name, type } = families[i];
    if (i % TURN === 0) yield EMPTY_CHUNK;
    const added = addedNames(escapeMetricName(name, escaping), type);
    if (added.some((other) => taken.has(other))) found.add(name);
    else for (const other of added) claim(other, name, wanted, found);
  }
  const bySchemes = untypable.get(families) ?? new Map<EscapingScheme, ReadonlySet<string>>();
  untypable.set(families, bySchemes.set(escaping, found));
  return found;
}

/** Two that want one name both stand back: which of them came first is not to matter. */
function claim(
  wantedName: string,
  family: string,
  wanted: Map<string, string>,
  found: Set<string>,
): void {
  const other = wanted.get(wantedName);
  wanted.set(wantedName, family);
  if (other !== undefined) found.add(other).add(family);
}

/** The names that a type takes in OpenMetrics beside those in `sampleNamesOf`. */
function addedNames(name: string, type: MetricType): string[] {
  if (type === "gauge") return [];
  if (type !== "counter") return [`${name}_created`];
  const base = counterBase(name);
  return [base === name ? `${name}${TOTAL}` : base, `${base}_created`];
}

/** Of lists of families, which are new ones when a family came. */
const untypable = new WeakMap<object, Map<EscapingScheme, ReadonlySet<string>>>();
/** Families between two empty chunks: less than a millisecond's work. */
const TURN = 512;
