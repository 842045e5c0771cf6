import { formatLabelNumber, formatValue } from "../exposition/number.ts";
import { escapeQuoted } from "../registry/escapes.ts";
import { readLabelSet } from "../registry/label-set.ts";
import type { FamilySnapshot } from "../registry/snapshot.ts";
import { unreachable } from "../unreachable.ts";
import { type GradualAnswers, NOTHING_YET } from "./gradual-answer.ts";
import { fail } from "./json-answer.ts";
import { type PageQuery, readPageQuery } from "./page-query.ts";
import type { Pages, Totals } from "./pages.ts";
import type { FamilyPage, JsonValue, SeriesEntry } from "./status-types.ts";

/** So many series are looked at in one step. */
const STEP_SERIES = 256;

/** A page of the series of one family, with their values. */
export async function showFamily(
  pages: Pages,
  answers: GradualAnswers,
  url: URL,
): Promise<Response> {
  const parameters = url.searchParams;
  const query = readPageQuery(parameters);
  if ("fault" in query) return fail("bad_data", query.fault);
  const name = parameters.get("name") ?? "";
  if (name === "") return fail("bad_data", "no name parameter provided");
  return answers.inTurn(() => answerPage(pages, answers, name, query));
}

async function answerPage(
  pages: Pages,
  answers: GradualAnswers,
  name: string,
  query: PageQuery,
): Promise<Response> {
  const totals = await pages.totals((family) => family === name);
  if ("refusal" in totals) return fail("unavailable", totals.refusal);
  const { snapshot, isValid } = totals;
  const [family] = snapshot.families;
  if (family !== undefined) {
    const chunks = renderPage(totals, family, query);
    return answers.whole({ chunks, isValid, end: () => snapshot.release() });
  }
  snapshot.release();
  return fail("not_found", "there is no such family: see /api/v1/families");
}

function* renderPage(
  totals: Totals,
  family: FamilySnapshot,
  query: PageQuery,
): Generator<Uint8Array> {
  const { name, type, help, unit } = family;
  const found = new Uint32Array(query.limit);
  let total = 0;
  if (query.search === "") total = family.series.length;
  const isMeant = query.search === "" ? undefined : matcherOf(query.search, totals);
  for (let i = 0; isMeant !== undefined && i < family.series.length; i++) {
    if (i % STEP_SERIES === 0) yield NOTHING_YET;
    if (!isMeant(family.series[i])) continue;
    const place = total++ - query.offset;
    if (place >= 0 && place < found.length) found[place] = i;
  }
  const head: Omit<FamilyPage, "series"> = {
    ...{ name, type, help, unit, total, offset: query.offset },
  };
  const opened = JSON.stringify({ status: "success", data: { ...head, series: [] } });
  yield Buffer.from(opened.slice(0, -"]}}".length));
  const count = Math.max(0, Math.min(query.limit, total - query.offset));
  for (let place = 0; place < count; place++) {
    const i = isMeant === undefined ? query.offset + place : found[place];
    const entry = entryOf(totals, family, i);
    yield Buffer.from((place === 0 ? "" : ",") + JSON.stringify(entry));
  }
  yield Buffer.from("]}}\n");
}

/**
 * Whether the label set of a series, as the text format shows it, contains what is searched for, in
 * any case; which may be written as it was sent, or as it stands there.
 */
function matcherOf(search: string, { snapshot }: Totals): (series: number) => boolean {
  const { texts } = snapshot;
  const shown = search.toLowerCase();
  const sent = escapeQuoted(shown);
  return (series) => {
    const start = texts.startOf(series);
    const page = texts.pageOf(series);
    const text = page.toString("utf8", start, start + texts.lengthOf(series)).toLowerCase();
    return text.includes(shown) || (sent !== shown && text.includes(sent));
  };
}

/** The `i`-th series of a family. */
function entryOf(totals: Totals, family: FamilySnapshot, i: number): SeriesEntry {
  const { texts, created } = totals.snapshot;
  const series = family.series[i];
  const set = readLabelSet(texts.pageOf(series), texts.startOf(series), texts.lengthOf(series));
  return {
    labels: set.labelNames.map((name, at) => [name, set.labelValues[at]]),
    firstSeenMs: created.at(series),
    lastSeenMs: totals.lastSeenMs(family.type, series) ?? null,
    ...shownValueOf(totals, family, family.slots[i]),
  };
}

function shownValueOf(
  { snapshot }: Totals,
  family: FamilySnapshot,
  slot: number,
): Omit<SeriesEntry, "labels" | "firstSeenMs" | "lastSeenMs"> {
  switch (family.type) {
    case "counter":
      return { value: jsonOf(snapshot.counters.at(slot)) };
    case "gauge":
      return { value: jsonOf(snapshot.gauges.at(slot)) };
    case "histogram": {
      const { sums, starts, counts } = snapshot.histograms;
      let count = 0;
      const buckets = [...(family.bounds ?? []), Number.POSITIVE_INFINITY].map(
        (bound, at): [string, number] => {
          count += counts.at(starts[slot] + at);
          return [formatLabelNumber(bound), count];
        },
      );
      return { value: null, count, sum: jsonOf(sums.at(slot)), buckets };
    }
    case "summary": {
      const { sums, counts } = snapshot.summaries;
      const values = snapshot.summaries.takeQuantiles(slot);
      const quantiles = (family.targets?.quantiles ?? []).map(
        (quantile, at): [string, JsonValue] => {
          return [formatLabelNumber(quantile), jsonOf(values?.[at] ?? Number.NaN)];
        },
      );
      return { value: null, count: counts.at(slot), sum: jsonOf(sums.at(slot)), quantiles };
    }
    default:
      return unreachable(family.type);
  }
}

function jsonOf(value: number): JsonValue {
  return Number.isFinite(value) ? value : (formatValue(value) as JsonValue);
}
