import type { Family } from "../registry/family.ts";
import { CHUNK_LENGTH, type GradualAnswers, NOTHING_YET } from "./gradual-answer.ts";
import { sortGradually } from "./gradual-sort.ts";
import { fail } from "./json-answer.ts";
import { faultOf, type PageQuery, readPageQuery } from "./page-query.ts";
import type { FamilyList, Pages } from "./pages.ts";
import type { FamilyEntry } from "./status-types.ts";

const PARAMETERS = ["search", "type", "sort", "limit", "offset"];
const TYPES: readonly string[] = ["counter", "gauge", "histogram", "summary"];
const SORT_KEYS = [
  "name",
  "type",
  "series",
  "samplesPerSecond",
  "growth",
  "firstSeenMs",
  "lastSeenMs",
] as const;

/** Series that are not older count as growth. */
const GROWTH_MS = 15 * 60 * 1000;

/** So many families are looked at in one step. */
const STEP_FAMILIES = 256;

interface FamiliesQuery extends PageQuery {
  /** Undefined: any. */
  type: string | undefined;
  sort: { key: (typeof SORT_KEYS)[number]; isDescending: boolean };
}

/** Each family and how it does: all of them, or, where a parameter asks for it, a page. */
export async function showFamilies(
  pages: Pages,
  answers: GradualAnswers,
  { signal }: Request,
  url: URL,
): Promise<Response> {
  const parameters = url.searchParams;
  const query = readQuery(parameters);
  if ("fault" in query) return fail("bad_data", query.fault);
  const isPage = PARAMETERS.some((name) => parameters.has(name));
  if (isPage) return answers.inTurn(() => answerPage(pages, answers, query));
  return answerAll(pages, answers, signal);
}

async function answerAll(
  pages: Pages,
  answers: GradualAnswers,
  signal: AbortSignal,
): Promise<Response> {
  const list = await pages.families();
  if ("refusal" in list) return fail("unavailable", list.refusal);
  const { isValid } = list;
  return answers.inChunks({ chunks: renderAll(list), isValid, end: () => {} }, signal);
}

async function answerPage(
  pages: Pages,
  answers: GradualAnswers,
  query: FamiliesQuery,
): Promise<Response> {
  const list = await pages.families();
  if ("refusal" in list) return fail("unavailable", list.refusal);
  const { isValid } = list;
  return answers.whole({ chunks: renderPage(list, query), isValid, end: () => {} });
}

function readQuery(parameters: URLSearchParams): FamiliesQuery | { fault: string } {
  const page = readPageQuery(parameters);
  if ("fault" in page) return page;
  const type = parameters.get("type") ?? undefined;
  if (type !== undefined && !TYPES.includes(type)) {
    return { fault: faultOf("type", TYPES.join(" or "), type) };
  }
  const sort = parameters.get("sort") ?? "name";
  const isDescending = sort.startsWith("-");
  const key = SORT_KEYS.find((name) => name === sort.slice(isDescending ? 1 : 0));
  if (key !== undefined) return { ...page, type, sort: { key, isDescending } };
  const allowed = `one of ${SORT_KEYS.join(", ")}, with "-" in front for the greatest first`;
  return { fault: faultOf("sort", allowed, sort) };
}

function* renderAll(list: FamilyList): Generator<Uint8Array> {
  let text = '{"status":"success","data":[';
  for (let i = 0; i < list.families.length; i++) {
    text += (i === 0 ? "" : ",") + JSON.stringify(entryOf(list, i));
    if (i % STEP_FAMILIES === 0) yield NOTHING_YET;
    if (text.length < CHUNK_LENGTH) continue;
    yield Buffer.from(text);
    text = "";
  }
  yield Buffer.from(`${text}]}\n`);
}

function* renderPage(list: FamilyList, query: FamiliesQuery): Generator<Uint8Array> {
  const { families } = list;
  const { type, sort, offset, limit } = query;
  const search = query.search.toLowerCase();
  const found = new Uint32Array(families.length);
  const keys = new Float64Array(sort.key === "name" ? 0 : families.length);
  let total = 0;
  for (let i = 0; i < families.length; i++) {
    if (i % STEP_FAMILIES === 0) yield NOTHING_YET;
    const family = families[i];
    if (type !== undefined && family.type !== type) continue;
    if (!contains(family.name, search) && !contains(family.help, search)) continue;
    found[total++] = i;
    if (sort.key !== "name") keys[i] = keyOf(entryOf(list, i), sort.key, sort.isDescending);
  }
  let order = found.subarray(0, total);
  if (sort.key !== "name") order = yield* sortGradually(order, keys);
  // In the order of their names they are already.
  else if (sort.isDescending) order.reverse();
  const shown = [...order.subarray(offset, offset + limit)].map((i) => entryOf(list, i));
  const data = { total, offset, families: shown };
  yield Buffer.from(`${JSON.stringify({ status: "success", data })}\n`);
}

function contains(text: string, search: string): boolean {
  return search === "" || text.toLowerCase().includes(search);
}

/** What is to be sorted ascending. What is not known stands last in either direction. */
function keyOf(
  entry: FamilyEntry,
  name: Exclude<FamiliesQuery["sort"]["key"], "name">,
  isDescending: boolean,
): number {
  const value = name === "type" ? TYPES.indexOf(entry.type) : entry[name];
  if (value === null) return Number.POSITIVE_INFINITY;
  return isDescending ? -value : value;
}

/** The `i`-th family of a list. */
function entryOf(list: FamilyList, i: number): FamilyEntry {
  const { index, name, type, help, unit, series } = list.families[i];
  return {
    ...{ name, type, help, unit },
    series: series.length,
    samplesPerSecond: list.activity.samplesPerSecond(index),
    firstSeenMs: series.length === 0 ? null : list.createdMs(series.data[0]),
    lastSeenMs: list.activity.lastSeenMs(index) ?? null,
    growth: series.length - countBefore(list, series, list.takenAtMs - GROWTH_MS),
  };
}

/** How many series began before that. They stand in the order in which they began. */
function countBefore(
  { createdMs }: FamilyList,
  series: Family["series"],
  beforeMs: number,
): number {
  let [low, high] = [0, series.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (createdMs(series.data[middle]) < beforeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
