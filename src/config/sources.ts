import { readJsonLeaves } from "./json-leaves.ts";
import { LIST_NAMES, LOG_LEVEL_PREFIX, SECTIONS, SETTING_NAMES } from "./settings.ts";

/** One value that a source gives for a name, which may be no setting's. */
export interface Entry {
  /** As it was given, with dots between its parts. */
  name: string;
  text: string;
  /** Where it stands, for a person: `environment Redis__MetricQueueKey`. */
  source: string;
}

export interface SourceRead {
  entries: Entry[];
  faults: string[];
}

/**
 * The entries of an `appsettings.json`: keys nested, or flat with `:` or `.` between the parts.
 * Lists count by their elements, whose indexes are parts of their names, as in .NET. Other programs'
 * sections are left out. `path` names the file in faults.
 */
export function readFileEntries(text: string, path: string): SourceRead {
  const read = readJsonLeaves(text);
  if (!read.ok) return { entries: [], faults: [`config: ${path} ${read.fault}`] };
  const entries: Entry[] = [];
  const faults: string[] = [];
  const source = `file ${path}`;
  let refused: string | undefined; // a list whose elements follow it
  for (const leaf of read.leaves) {
    const name = leaf.path.join(".").replaceAll(":", ".");
    if (refused !== undefined && name.startsWith(`${refused}.`)) continue;
    refused = leaf.kind === "list" && !isInList(name) ? name : undefined;
    if (leaf.kind === "null") continue;
    if (isSection(name)) faults.push(`config: ${name} must be an object of settings (${source})`);
    if (!isOurs(name)) continue;
    if (refused !== undefined) {
      faults.push(`config: ${shownName(name)} must not be a list (${source})`);
    } else if (leaf.kind === "value") entries.push({ name, text: leaf.text, source });
  }
  return { entries, faults: [...faults, ...repetitionFaults(entries)] };
}

/** The entries of the environment: variables such as `Redis__ConnectionString`, in any case. */
export function readEnvironmentEntries(
  environment: Readonly<Record<string, string | undefined>>,
): SourceRead {
  const entries: Entry[] = [];
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.includes("__") || text === undefined || text === "") continue;
    const name = variable.replaceAll("__", ".");
    const shown = shownName(name);
    const source = `environment ${shown === name ? variable : shown}`;
    if (isOurs(name)) entries.push({ name, text, source });
  }
  return { entries, faults: repetitionFaults(entries) };
}

/** The entries of flags such as `--Redis.ConnectionString=...`; of a repeated one the last counts. */
export function readFlagEntries(flags: readonly { name: string; value: string }[]): SourceRead {
  const entries = flags.map(({ name, value }) => ({
    name: name.replaceAll(":", "."),
    text: value,
    source: `flag --${shownName(name)}`,
  }));
  return { entries, faults: [] };
}

/**
 * A name that is no setting's, fit to be shown: what stands behind a setting's name, or behind a
 * character that no name has, may be a value that went astray, and that a credential.
 */
export function shownName(name: string): string {
  const lower = name.toLowerCase().replaceAll(":", ".");
  const prefix = SETTING_NAMES.find((known) => lower.startsWith(`${known.toLowerCase()}.`));
  if (prefix !== undefined) return `${prefix}...`;
  const shown = /^[\w.:-]{0,60}/.exec(name)?.[0] ?? "";
  return shown.length < name.length ? `${shown}...` : shown;
}

/** Whether a name is that of a whole section, which has no value of its own. */
function isSection(name: string): boolean {
  const dotted = `${name.toLowerCase()}.`;
  return (
    dotted === LOG_LEVEL_PREFIX.toLowerCase() ||
    SECTIONS.some((section) => dotted === `${section.toLowerCase()}.`)
  );
}

/** Whether a name is that of a setting that is a list, or of something in it. */
function isInList(name: string): boolean {
  const dotted = `${name.toLowerCase()}.`;
  return LIST_NAMES.some((list) => dotted.startsWith(`${list.toLowerCase()}.`));
}

/**
 * What names that mean the same have in common. In a list underscores do not count either: a field
 * may be named as in Prometheus (`source_labels`) or as in .NET (`SourceLabels`).
 */
export function entryKey(name: string): string {
  const lower = name.toLowerCase();
  return isInList(name) ? lower.replaceAll("_", "") : lower;
}

/** `Logging` has children for other loggers; of them only the levels and the format are ours. */
function isOurs(name: string): boolean {
  if (isInList(name)) return true;
  const lower = name.toLowerCase();
  if (lower === "logging.format") return true;
  if (lower.startsWith("logging.")) return lower.startsWith(LOG_LEVEL_PREFIX.toLowerCase());
  return SECTIONS.some((section) => lower.startsWith(`${section.toLowerCase()}.`));
}

function repetitionFaults(entries: readonly Entry[]): string[] {
  const faults: string[] = [];
  const seen = new Map<string, Entry>();
  for (const entry of entries) {
    const first = seen.get(entryKey(entry.name));
    if (first) {
      const sources = `${first.source}, ${entry.source}`;
      faults.push(`config: ${shownName(first.name)} is set twice (${sources})`);
    } else seen.set(entryKey(entry.name), entry);
  }
  return faults;
}
