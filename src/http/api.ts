import { type LabelSet, readLabelSet } from "../registry/label-set.ts";
import { matches, parseSelector, type Selector } from "../registry/selector.ts";
import type { RegistrySnapshot } from "../registry/snapshot.ts";
import type { Pages } from "./pages.ts";
import { Rendering } from "./rendering.ts";

/** The parameter that names series, as often as one likes. */
const MATCH = "match[]";

/** A chunk of JSON is given out when it has this many characters. */
const CHUNK_LENGTH = 64 * 1024;

/** Source: Prometheus, "HTTP API": the form of answers, and what an error is called. */
type ErrorType = "bad_data" | "unavailable" | "forbidden";

const STATUS_OF: Record<ErrorType, number> = { bad_data: 400, unavailable: 503, forbidden: 403 };

export function showStatus(pages: Pages): Response {
  return succeed(pages.status());
}

/** Each family with its type, help, unit and how many series it has. */
export async function showFamilies(pages: Pages): Promise<Response> {
  const totals = await pages.totals();
  if ("refusal" in totals) return fail("unavailable", totals.refusal);
  const { snapshot } = totals;
  const families = snapshot.families.map(({ name, type, help, unit, series }) => ({
    ...{ name, type, help, unit, series: series.length },
  }));
  snapshot.release();
  return succeed(families);
}

/** The label sets of the series that any selector takes, all of them where there is none. */
export async function showSeries(pages: Pages, url: URL): Promise<Response> {
  const read = readSelectors(url);
  if ("fault" in read) return fail("bad_data", read.fault);
  const totals = await pages.totals();
  if ("refusal" in totals) return fail("unavailable", totals.refusal);
  const { snapshot, isValid } = totals;
  const isMeant = predicateOf(read.selectors);
  const rendering = new Rendering(
    { chunks: renderSeries(snapshot, isMeant), isValid, end: () => snapshot.release() },
    pages.isBusy,
  );
  return new Response(
    new ReadableStream({
      pull: async (controller) => {
        const bytes = await rendering.next();
        if (bytes !== undefined) controller.enqueue(bytes);
        else {
          rendering.end();
          controller.close();
        }
      },
      cancel: () => rendering.end(),
    }),
    { headers: JSON_HEADERS },
  );
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
  for (const { name, series } of snapshot.families) {
    for (const index of series) {
      const bytes = texts.pageOf(index);
      const labels = readLabelSet(bytes, texts.startOf(index), texts.lengthOf(index));
      if (!isMeant(name, labels)) continue;
      text += separator + renderLabels(name, labels);
      separator = ",";
      if (text.length < CHUNK_LENGTH) continue;
      yield Buffer.from(text);
      text = "";
    }
    // What is looked at in vain takes time, too.
    yield EMPTY;
  }
  yield Buffer.from(`${text}]}\n`);
}

const EMPTY = new Uint8Array(0);

/** Not an object of ours: `__proto__` is a name like any other. */
function renderLabels(name: string, { labelNames, labelValues }: LabelSet): string {
  const pairs = labelNames.map((label, i) => [label, labelValues[i]]);
  const fields = [["__name__", name], ...pairs].map(
    ([label, value]) => `${JSON.stringify(label)}:${JSON.stringify(value)}`,
  );
  return `{${fields.join(",")}}`;
}

const JSON_HEADERS = { "Content-Type": "application/json" };

function succeed(data: unknown): Response {
  const body = `${JSON.stringify({ status: "success", data })}\n`;
  return new Response(body, { headers: JSON_HEADERS });
}

function fail(errorType: ErrorType, error: string): Response {
  const body = `${JSON.stringify({ status: "error", errorType, error })}\n`;
  return new Response(body, { status: STATUS_OF[errorType], headers: JSON_HEADERS });
}
