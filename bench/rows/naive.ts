import { type Backlog, mixBacklog } from "../backlog.ts";
import { drain, startWarm } from "../drain.ts";
import { cpuSecondsOf } from "../process-figures.ts";
import { KEYS, type Rig } from "../rig.ts";
import type { Group, Run } from "../row.ts";

const WARM_UP = 200_000;
const BACKLOG = 400_000;
const LOOK_AGAIN_MS = 20;

/** Beside what everybody would write first: `bench/naive-gateway.ts`. */
export const naiveGroup: Group<Rig> = {
  name: "naive",
  runs: 3,
  quickRuns: 1,
  rows: [
    {
      name: "naive.rate-ratio",
      what: "drain rate, ours / naive",
      unit: "x",
      note: "naive: one RPOP a sample, JSON.parse, valibot, prom-client; ours: 2 workers",
    },
    { name: "naive.cpu-ratio", what: "CPU a sample, naive / ours", unit: "x" },
    {
      name: "naive.rate-ratio-1000",
      what: "drain rate, ours / naive with RPOP of 1000",
      unit: "x",
    },
    {
      name: "naive.cpu-ratio-1000",
      what: "CPU a sample, naive with RPOP of 1000 / ours",
      unit: "x",
    },
    { name: "naive.rate", what: "drain rate, naive", unit: "samples/s" },
    { name: "naive.cpu", what: "CPU a sample, naive", unit: "us" },
    { name: "naive.rate-1000", what: "drain rate, naive with RPOP of 1000", unit: "samples/s" },
    { name: "naive.cpu-1000", what: "CPU a sample, naive with RPOP of 1000", unit: "us" },
    { name: "naive.ours-rate", what: "drain rate, ours, same backlog", unit: "samples/s" },
    { name: "naive.ours-cpu", what: "CPU a sample, ours, same backlog", unit: "us" },
  ],
  measure,
};

async function measure(rig: Rig, run: Run): Promise<void> {
  const warmUp = await mixBacklog(rig, rig.size(WARM_UP));
  const backlog = await mixBacklog(rig, rig.size(BACKLOG));
  const { gateway } = await startWarm(rig, warmUp);
  const drained = await drain(rig, gateway, backlog);
  const rate = run.note("naive.ours-rate", drained.rate);
  const cpu = run.note("naive.ours-cpu", drained.cpuUsASample);
  await rig.clear();
  for (const [popCount, suffix] of [
    [1, ""],
    [1000, "-1000"],
  ] as const) {
    const naive = await drainNaively(rig, popCount, warmUp, backlog);
    const naiveRate = run.note(`naive.rate${suffix}`, naive.rate);
    const naiveCpu = run.note(`naive.cpu${suffix}`, naive.cpuUsASample);
    run.ratio(`naive.rate-ratio${suffix}`, rate, naiveRate);
    run.ratio(`naive.cpu-ratio${suffix}`, naiveCpu, cpu);
    await rig.clear();
  }
}

async function drainNaively(
  rig: Rig,
  popCount: number,
  warmUp: Backlog,
  backlog: Backlog,
): Promise<{ rate: number; cpuUsASample: number }> {
  const options = { port: rig.redisPort, key: KEYS.queue, popCount };
  const child = rig.startChild("naive-gateway.ts", options);
  const { url } = JSON.parse(await child.firstLine) as { url: string };
  await takeAll(warmUp);
  const before = cpuSecondsOf(child.pid);
  const seconds = await takeAll(backlog);
  const cpuUsASample = ((cpuSecondsOf(child.pid) - before) / backlog.count) * 1e6;
  const text = await (await fetch(url)).text();
  if (!text.includes("load_counter_1_total{")) throw new Error("BUG: the naive gateway shows none");
  return { rate: backlog.count / seconds, cpuUsASample };

  async function takeAll(list: Backlog): Promise<number> {
    await list.stage();
    const startedAt = performance.now();
    await list.release();
    while ((await rig.redis.exists(KEYS.queue)) === 1) await Bun.sleep(LOOK_AGAIN_MS);
    return (performance.now() - startedAt) / 1000;
  }
}
