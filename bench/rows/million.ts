import { type GatewayProcess, readSample } from "../../test/support/gateway-process.ts";
import { type Backlog, counterBacklog, mixBacklog } from "../backlog.ts";
import { type Drained, drain, untilCommitted, untilProcessed } from "../drain.ts";
import { rssBytesOf, settledRssBytesOf } from "../process-figures.ts";
import type { RawScrape } from "../raw-scrape.ts";
import type { Rig } from "../rig.ts";
import { type Group, median, type Run } from "../row.ts";

const SERIES = 1_000_000;
const FIRST_SERIES = 300_000;
const WARM_UP = 500_000;
const BACKLOG = 1_000_000;
const PAIRS = 3;
const SETTLE_MS = 15_000;
const IDLE_PROBE_MS = 3000;

const MEMORY_BUDGET = { wants: "less", atLeast: 400, aim: 200 } as const;
const PAUSE_BUDGET = { wants: "less", atLeast: 20, aim: 5 } as const;
const LAG = "prom_stream_gateway_event_loop_lag_seconds";

/** A million counter series: what they weigh, and what scraping them does to a drain. */
export const millionGroup: Group<Rig> = {
  name: "million",
  runs: 2,
  quickRuns: 1,
  rows: [
    {
      name: "million.memory-300k",
      what: "memory a counter series with 3 labels, 300,000 of them",
      unit: "bytes",
      budget: MEMORY_BUDGET,
      note: "RSS of the binary, less its RSS when idle and empty, once it has settled",
    },
    {
      name: "million.memory-1m",
      what: "memory a counter series with 3 labels, 1,000,000 of them",
      unit: "bytes",
      budget: MEMORY_BUDGET,
    },
    {
      name: "million.rate-ratio",
      what: "drain rate while 1,000,000 series are scraped / not scraped",
      unit: "x",
      budget: { wants: "more", atLeast: 0.8, aim: 0.95 },
      note: "one scrape after the other all through the drain, bodies thrown away; in turns",
    },
    { name: "million.rate", what: "drain rate meanwhile, not scraped", unit: "samples/s" },
    { name: "million.scrape", what: "scrape of 1,000,000 series during a drain", unit: "s" },
    { name: "million.scrape-idle", what: "the same, nothing to drain", unit: "s" },
    {
      name: "million.pause-both",
      what: "longest pause of the event loop, drain and scrape",
      unit: "ms",
      budget: PAUSE_BUDGET,
      note: "longest answer to / asked every ms from outside; waiting for a core is in it",
    },
    {
      name: "million.pause-added",
      what: "the same, less the longest of the drain alone before it",
      unit: "ms",
      budget: PAUSE_BUDGET,
    },
    { name: "million.pause-drain", what: "longest answer to /, drain alone", unit: "ms" },
    { name: "million.pause-scrape", what: "longest answer to /, scrape alone", unit: "ms" },
    { name: "million.pause-idle", what: "longest answer to /, neither", unit: "ms" },
    {
      name: "million.lag",
      what: "event_loop_lag_seconds after drain and scrape",
      unit: "ms",
      note: "the gateway's own figure: how late a timer of 1 s was, so it misses most pauses",
    },
  ],
  measure,
};

async function measure(rig: Rig, run: Run): Promise<void> {
  const first = await counterBacklog(rig, 0, rig.size(FIRST_SERIES));
  const others = await counterBacklog(rig, rig.size(FIRST_SERIES), rig.size(SERIES));
  const gateway = await rig.startGateway("--Metrics.MaxSeries=0");
  const idleBytes = await settledRssBytesOf(gateway.pid, SETTLE_MS);
  await load(rig, gateway, first, 0);
  const afterFirst = await settledRssBytesOf(gateway.pid, SETTLE_MS);
  run.note("million.memory-300k", (afterFirst - idleBytes) / first.count);
  await load(rig, gateway, others, first.count);
  const afterAll = await settledRssBytesOf(gateway.pid, SETTLE_MS);
  run.note("million.memory-1m", (afterAll - idleBytes) / (first.count + others.count));
  await first.drop();
  await others.drop();

  await drain(rig, gateway, await mixBacklog(rig, rig.size(WARM_UP)));
  run.note("million.pause-idle", (await watched(rig, gateway, false, waitIdle)).longestMs);
  const scrapedAlone = await watched(rig, gateway, true, waitIdle);
  run.note("million.pause-scrape", scrapedAlone.longestMs);
  run.note("million.scrape-idle", medianSeconds(scrapedAlone.scrapes));
  const backlog = await mixBacklog(rig, rig.size(BACKLOG));
  for (let pair = 0; pair < PAIRS; pair++) await compare(rig, gateway, backlog, run);
}

/** Drains with and without a scraper; which comes first does not matter: both follow a drain. */
async function compare(
  rig: Rig,
  gateway: GatewayProcess,
  backlog: Backlog,
  run: Run,
): Promise<void> {
  const drainIt = () => drain(rig, gateway, backlog);
  const alone = await watched<Drained>(rig, gateway, false, drainIt);
  const both = await watched<Drained>(rig, gateway, true, drainIt);
  const lagSeconds = readSample(await gateway.metrics(`?name[]=${LAG}`), LAG) ?? Number.NaN;
  const aloneRate = run.note("million.rate", alone.result.rate);
  run.ratio("million.rate-ratio", run.figure(both.result.rate), aloneRate);
  run.note("million.pause-drain", alone.longestMs);
  run.note("million.pause-both", both.longestMs);
  run.note("million.pause-added", Math.max(0, both.longestMs - alone.longestMs));
  run.note("million.lag", lagSeconds * 1000);
  if (both.scrapes.length > 0) run.note("million.scrape", medianSeconds(both.scrapes));
}

/** Does something while the event loop is probed from outside, and, if wanted, scraped. */
async function watched<T>(
  rig: Rig,
  { url }: GatewayProcess,
  isScraped: boolean,
  work: () => Promise<T>,
): Promise<{ result: T; longestMs: number; scrapes: RawScrape[] }> {
  const prober = rig.startChild<{ longestMs: number }>("children/prober.ts", { url });
  const scraper = isScraped
    ? rig.startChild<{ scrapes: RawScrape[] }>("children/scraper.ts", { url })
    : undefined;
  // Both are up and at work by then.
  await Bun.sleep(300);
  const result = await work();
  const { longestMs } = await prober.stop();
  const scrapes = (await scraper?.stop())?.scrapes ?? [];
  return { result, longestMs, scrapes };
}

async function waitIdle(): Promise<void> {
  await Bun.sleep(IDLE_PROBE_MS);
}

function medianSeconds(scrapes: readonly RawScrape[]): number {
  return median(scrapes.map(({ seconds }) => seconds));
}

/** Lets the gateway learn new series, without a copy of the backlog in between. */
async function load(
  rig: Rig,
  gateway: GatewayProcess,
  backlog: Backlog,
  before: number,
): Promise<void> {
  await backlog.stage();
  await backlog.release();
  await untilProcessed(gateway, before, backlog.count);
  await untilCommitted(rig);
  // Throws when it has died, as it may without memory.
  rssBytesOf(gateway.pid);
}
