import { type Backlog, mixBacklog } from "../backlog.ts";
import { type Drained, drain, startWarm } from "../drain.ts";
import type { Rig } from "../rig.ts";
import type { Group, Run } from "../row.ts";

/** The same for a quick run: code that is not compiled yet would be what is measured. */
const WARM_UP = 500_000;
const BACKLOG = 2_000_000;
const RANGE_LENGTH = 1000;
const WORKERS = [1, 2, 4] as const;
const CPU_BUDGET = { wants: "less", atLeast: 1.4, aim: 0.6 } as const;
const TWO_CORES = "workers beyond the cores cannot help; Redis needs one of them";

/** What a sample costs, and how fast a backlog is drained, beside what the parts can do at best. */
export const drainGroup: Group<Rig> = {
  name: "drain",
  runs: 5,
  quickRuns: 2,
  rows: [
    {
      name: "drain.cpu-ratio-1",
      what: "CPU a sample / JSON.parse of it, 1 worker",
      unit: "x",
      budget: CPU_BUDGET,
      note: `all threads, checkpoints on, after ${WARM_UP + BACKLOG} samples; JSON.parse of strings that are there already`,
    },
    {
      name: "drain.cpu-ratio-2",
      what: "CPU a sample / JSON.parse of it, 2 workers",
      unit: "x",
      budget: CPU_BUDGET,
    },
    { name: "drain.cpu-1", what: "CPU a sample, 1 worker", unit: "us" },
    { name: "drain.cpu-2", what: "CPU a sample, 2 workers", unit: "us" },
    {
      name: "drain.cpu-cold",
      what: "CPU a sample, 2 workers, start and warm-up included",
      unit: "us",
      note: `of the ${WARM_UP} samples of the warm-up`,
    },
    { name: "drain.json-parse", what: "CPU of JSON.parse a sample", unit: "us" },
    {
      name: "drain.rate-ratio",
      what: "drain rate, 1 worker / plain LRANGE rate",
      unit: "x",
      budget: { wants: "more", atLeast: 0.35, aim: 0.6 },
      note: "plain: raw TCP, LRANGE of 1000, 3 outstanding, replies thrown away",
    },
    { name: "drain.rate-ratio-ioredis", what: "the same / ioredis lrangeBuffer rate", unit: "x" },
    { name: "drain.rate-1", what: "drain rate, 1 worker", unit: "samples/s" },
    { name: "drain.rate-2", what: "drain rate, 2 workers", unit: "samples/s" },
    { name: "drain.rate-4", what: "drain rate, 4 workers", unit: "samples/s" },
    { name: "drain.lrange-raw", what: "LRANGE rate, raw client", unit: "samples/s" },
    { name: "drain.lrange-ioredis", what: "LRANGE rate, ioredis lrangeBuffer", unit: "samples/s" },
    {
      name: "drain.workers-2",
      what: "drain rate, 2 workers / 1 worker",
      unit: "x",
      note: TWO_CORES,
    },
    {
      name: "drain.workers-4",
      what: "drain rate, 4 workers / 1 worker",
      unit: "x",
      note: TWO_CORES,
    },
  ],
  measure,
};

async function measure(rig: Rig, run: Run): Promise<void> {
  const warmUp = await mixBacklog(rig, WARM_UP);
  const backlog = await mixBacklog(rig, rig.size(BACKLOG));
  const parseBefore = await jsonParseUs(rig);
  const drains = new Map<number, Drained>();
  for (const workers of WORKERS) {
    const flag = `--Redis.MetricQueueWorkers=${workers}`;
    const { gateway, coldCpuUsASample } = await startWarm(rig, warmUp, flag);
    if (workers === 2) run.note("drain.cpu-cold", coldCpuUsASample);
    // What runs once a range is compiled in full only after some thousands of them.
    await drain(rig, gateway, backlog);
    drains.set(workers, await drain(rig, gateway, backlog));
    await rig.clear();
  }
  // Before and after, so that a machine that slows down meanwhile slows down both sides.
  const parse = run.note("drain.json-parse", (parseBefore + (await jsonParseUs(rig))) / 2);
  for (const workers of [1, 2]) {
    const cpu = run.note(`drain.cpu-${workers}`, drains.get(workers)?.cpuUsASample ?? Number.NaN);
    run.ratio(`drain.cpu-ratio-${workers}`, cpu, parse);
  }
  const [one, two, four] = WORKERS.map((workers) =>
    run.note(`drain.rate-${workers}`, drains.get(workers)?.rate ?? Number.NaN),
  );
  run.ratio("drain.workers-2", two, one);
  run.ratio("drain.workers-4", four, one);
  const raw = run.note("drain.lrange-raw", await lrangeRate(rig, backlog, "raw"));
  const ioredis = run.note("drain.lrange-ioredis", await lrangeRate(rig, backlog, "ioredis"));
  run.ratio("drain.rate-ratio", one, raw);
  run.ratio("drain.rate-ratio-ioredis", one, ioredis);
}

async function jsonParseUs(rig: Rig): Promise<number> {
  const options = { file: rig.mixFile, count: rig.size(BACKLOG) };
  const report = await rig.runChild<{ cpuUsASample: number }>("children/json-parse.ts", options);
  return report.cpuUsASample;
}

async function lrangeRate(rig: Rig, backlog: Backlog, client: "raw" | "ioredis"): Promise<number> {
  const { key, count } = backlog;
  const options = { port: rig.redisPort, key, count, rangeLength: RANGE_LENGTH };
  const report = await rig.runChild<{ rate: number }>("children/lrange-reader.ts", {
    ...options,
    file: rig.mixFile,
    client,
  });
  return report.rate;
}
