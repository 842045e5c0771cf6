import { mixBacklog } from "../backlog.ts";
import { leftInRedis, processedBy, startWarm } from "../drain.ts";
import { cpuSecondsOf } from "../process-figures.ts";
import { KEYS, type Rig } from "../rig.ts";
import type { Group, Run } from "../row.ts";

const WARM_UP = 500_000;
const PRODUCERS = 3;
const SECONDS = 15;
/** Until producers push and what they find has passed. */
const RAMP_SECONDS = 2;
const LOOK_AGAIN_MS = 200;

/** The gateway keeps up with producers that push as fast as Redis takes it. */
export const producersGroup: Group<Rig> = {
  name: "producers",
  runs: 3,
  quickRuns: 1,
  rows: [
    {
      name: "producers.cores",
      what: "gateway CPU while producers push at full speed",
      unit: "cores",
      budget: { wants: "less", atLeast: 0.7, aim: 0.4 },
      note: `${PRODUCERS} processes, LPUSH of one sample, pipelined; 2 workers`,
    },
    {
      name: "producers.kept",
      what: "rise of the backlog's peak, of what was pushed",
      unit: "%",
      budget: { wants: "less", atLeast: 5 },
      note: "second half against first half; not above noise means that the backlog is bounded",
    },
    { name: "producers.peak", what: "longest backlog, not committed included", unit: "samples" },
    { name: "producers.taken", what: "samples taken", unit: "samples/s" },
    { name: "producers.pushed", what: "samples pushed", unit: "samples/s" },
    { name: "producers.cpu", what: "gateway CPU a sample meanwhile", unit: "us" },
  ],
  measure,
};

async function measure(rig: Rig, run: Run): Promise<void> {
  const warmUp = await mixBacklog(rig, rig.size(WARM_UP));
  const { gateway } = await startWarm(rig, warmUp);
  const options = { port: rig.redisPort, key: KEYS.queue, file: rig.mixFile };
  for (let i = 0; i < PRODUCERS; i++) rig.startChild("children/producer.ts", options);
  await Bun.sleep(RAMP_SECONDS * 1000);
  const seconds = rig.isQuick ? SECONDS / 3 : SECONDS;
  const before = await stand();
  const backlogs: number[] = [];
  const startedAt = performance.now();
  while (performance.now() - startedAt < seconds * 1000) {
    await Bun.sleep(LOOK_AGAIN_MS);
    backlogs.push(await leftInRedis(rig));
  }
  const after = await stand();
  const elapsed = after.at - before.at;
  const [taken, pushed] = [after.taken - before.taken, after.pushed - before.pushed];
  const half = backlogs.length >> 1;
  const [first, second] = [backlogs.slice(0, half), backlogs.slice(half)];
  run.note("producers.cores", (after.cpu - before.cpu) / elapsed);
  run.note("producers.cpu", ((after.cpu - before.cpu) / taken) * 1e6);
  run.note("producers.taken", taken / elapsed);
  run.note("producers.pushed", pushed / elapsed);
  run.note("producers.peak", Math.max(...backlogs));
  const rise = Math.max(...second) - Math.max(...first);
  run.note("producers.kept", (Math.max(0, rise) / (pushed / 2)) * 100);

  async function stand() {
    return {
      at: performance.now() / 1000,
      cpu: cpuSecondsOf(gateway.pid),
      taken: await processedBy(gateway),
      pushed: await pushCalls(rig),
    };
  }
}

/** How often `LPUSH` was called, by Redis' own count. */
async function pushCalls(rig: Rig): Promise<number> {
  const calls = /^cmdstat_lpush:calls=(\d+)/m.exec(await rig.redis.info("commandstats"))?.[1];
  return Number(calls ?? 0);
}
