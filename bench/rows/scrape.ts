import { counterBacklog } from "../backlog.ts";
import { drain, startWarm } from "../drain.ts";
import { scrapeRaw } from "../raw-scrape.ts";
import type { Rig } from "../rig.ts";
import { type Group, median, type Run } from "../row.ts";

const SERIES = 100_000;
const ROUNDS = 7;
const QUICK_ROUNDS = 3;

interface RenderReport {
  oursMs: number[];
  promMs: number[];
  oursBytes: number;
  promBytes: number;
}

/** A scrape of many counters, by itself and over HTTP. */
export const scrapeGroup: Group<Rig> = {
  name: "scrape",
  runs: 3,
  quickRuns: 1,
  rows: [
    {
      name: "scrape.ratio",
      what: "prom-client / ours, 100,000 counters with 3 labels",
      unit: "x",
      budget: { wants: "more", atLeast: 10, aim: 30 },
      note: "in one process, to the last byte, all values changed in between",
    },
    { name: "scrape.ours", what: "snapshot and text of them, ours", unit: "ms" },
    { name: "scrape.prom-client", what: "metrics() of them, prom-client", unit: "ms" },
    { name: "scrape.bytes", what: "size of that text, ours", unit: "bytes" },
    { name: "scrape.http", what: "scrape of them over HTTP from the binary, idle", unit: "ms" },
  ],
  measure,
};

async function measure(rig: Rig, run: Run): Promise<void> {
  const rounds = rig.isQuick ? QUICK_ROUNDS : ROUNDS;
  const report = await rig.runChild<RenderReport>("children/render.ts", { series: SERIES, rounds });
  const ours = run.note("scrape.ours", median(report.oursMs));
  const prom = run.note("scrape.prom-client", median(report.promMs));
  run.ratio("scrape.ratio", prom, ours);
  run.note("scrape.bytes", report.oursBytes);

  const backlog = await counterBacklog(rig, 0, SERIES);
  const { gateway } = await startWarm(rig, backlog);
  const httpMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await drain(rig, gateway, backlog);
    httpMs.push(1000 * (await scrapeRaw(gateway.url)).seconds);
  }
  run.note("scrape.http", median(httpMs));
}
