import { type LabelSet, readLabelSet } from "../registry/label-set.ts";
import { matches, parseSelector, type Selector } from "../registry/selector.ts";
import type { RegistrySnapshot } from "../registry/snapshot.ts";
import { CHUNK_LENGTH, type GradualAnswers, NOTHING_YET } from "./gradual-answer.ts";
import { fail, succeed } from "./json-answer.ts";
import type { Pages } from "./pages.ts";

/** The parameter that names series, as often as one likes. */
const MATCH = "match[]";

export async function showStatus(pages: Pages): Promise<Response> {
  return succeed(await pages.status());
}

export function showHistory(pages: Pages): Response {
  return succeed(pages.history());
}

export function showDrops(pages: Pages): Response {
  return succeed(pages.drops());
}

export function showSettings(pages: Pages): Response {
  return succeed(pages.settings);
}

/** The label sets of the series that any selector takes, all of them where there is none. */
export async function showSeries(
  pages: Pages,
  answers: GradualAnswers,
  { signal }: Request,
  url: URL,
): Promise<Response> {
  const read = readSelectors(url);
  if ("fault" in read) return fail("bad_data", read.fault);
  const totals = await pages.totals();
  if ("refusal" in totals) return fail("unavailable", totals.refusal);
  const { snapshot, isValid } = totals;
  const chunks = renderSeries(snapshot, predicateOf(read.selectors));
  return answers.inChunks({ chunks, isValid, end: () => snapshot.release() }, signal);
}

/** Ends the series that any selector takes. */
export async function removeSeries(pages: Pages, url: URL): Promise<Response> {
  const read = readSelectors(url);
  if ("fault" in read) return fail("bad_data", read.fault);
  if (read.selectors.length === 0) return fail("bad_data", `no ${MATCH} parameter provided`);
  return remove(pages, predicateOf(read.selectors));
}

export async function removeAll(pages: Pages): Promise<Response> {
  return remove(pages, () => true);
}

type Predicate = (family: string, labels: LabelSet) => boolean;

async function remove(pages: Pages, isMeant: Predicate): Promise<Response> {
  if (!pages.isAdminEnabled) {
    return fail("forbidden", "the admin API is off: set Web.EnableAdminApi=true");
  }
  const removed = await pages.removeSeries(isMeant);
  if ("refusal" in removed) return fail("unavailable", removed.refusal);
  return succeed({ removed: removed.count });
}

function readSelectors(url: URL): { selectors: Selector[] } | { fault: string } {
  const selectors: Selector[] = [];
  for (const text of url.searchParams.getAll(MATCH)) {
    const parsed = parseSelector(text);
    if (!parsed.ok) return { fault: `invalid parameter "${MATCH}": ${parsed.fault}` };
    selectors.push(parsed.selector);
  }
  return { selectors };
}

function predicateOf(selectors: readonly Selector[]): Predicate {
  if (selectors.length === 0) return () => true;
  return (family, { labelNames, labelValues }) =>
    selectors.some((selector) => matches(selector, family, labelNames, labelValues));
}

function* renderSeries(snapshot: RegistrySnapshot, isMeant: Predicate): Generator<Uint8Array> {
  const { texts } = snapshot;
  let text = '{"status":"success","data":[';
  let separator = "";
  let looks = 0;
  for (const { name, series } of snapshot.families) {
    for (const index of series) {
      const bytes = texts.pageOf(index);
      const labels = readLabelSet(bytes, texts.startOf(index), texts.lengthOf(index));
      // What is looked at in vain takes time, too.
      if (++looks % LOOKS_TOGETHER === 0) yield NOTHING_YET;
      if (!isMeant(name, labels)) continue;
      text += separator + renderLabels(name, labels);
      separator = ",";
      if (text.length < CHUNK_LENGTH) continue;
      yield Buffer.from(text);
      text = "";
    }
    yield NOTHING_YET;
  }
  yield Buffer.from(`${text}]}\n`);
}

/** Series, each by all selectors, until others may run: some milliseconds where these are costly. */
const LOOKS_TOGETHER = 250;

/** Not an object of ours: `__proto__` is a name like any other. */
function renderLabels(name: string, { labelNames, labelValues }: LabelSet): string {
  const pairs = labelNames.map((label, i) => [label, labelValues[i]]);
  const fields = [["__name__", name], ...pairs].map(
    ([label, value]) => `${JSON.stringify(label)}:${JSON.stringify(value)}`,
  );
  return `{${fields.join(",")}}`;
}
