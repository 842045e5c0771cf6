import { QUEUE_KEY } from "../../test/support/gateway-process.ts";
import { untilProcessed } from "../drain.ts";
import { cpuSecondsOf, rssBytesOf } from "../process-figures.ts";
import type { Rig } from "../rig.ts";
import type { Group, Run } from "../row.ts";

const LOAD = { clients: 20, pipeline: 16 };
const WARM_UP = 400_000;
const COUNT = 1_600_000;

/** The embedded queue takes what Redis takes, and has it in the totals by then. */
export const embeddedGroup: Group<Rig> = {
  name: "embedded",
  runs: 7,
  quickRuns: 1,
  rows: [
    {
      name: "embedded.ratio",
      what: "embedded queue against redis-server, samples taken",
      unit: "x",
      budget: { wants: "more", atLeast: 1 },
      note: `${LOAD.clients} clients, ${LOAD.pipeline} LPUSH at a time; Redis only takes them`,
    },
    { name: "embedded.taken", what: "pushed and in the totals", unit: "samples/s" },
    { name: "embedded.redis", what: "pushed to redis-server", unit: "samples/s" },
    { name: "embedded.cpu", what: "gateway CPU a sample, all threads", unit: "us" },
    { name: "embedded.redis-cpu", what: "redis-server CPU a sample", unit: "us" },
    { name: "embedded.state", what: "the same with a state file", unit: "samples/s" },
    { name: "embedded.rss", what: "RSS of the gateway afterwards", unit: "MB" },
  ],
  measure,
};

async function measure(rig: Rig, run: Run): Promise<void> {
  const count = rig.size(COUNT);
  const before = await pushToRedis(rig, run);
  const gateway = await rig.startEmbedded();
  await push(rig, gateway.port, rig.size(WARM_UP));
  await untilProcessed(gateway, 0, rig.size(WARM_UP));
  const cpuBefore = cpuSecondsOf(gateway.pid);
  const { startedAt } = await push(rig, gateway.port, count);
  await untilProcessed(gateway, rig.size(WARM_UP), count);
  const rate = run.note("embedded.taken", (count / (Date.now() - startedAt)) * 1000);
  run.note("embedded.cpu", ((cpuSecondsOf(gateway.pid) - cpuBefore) / count) * 1e6);
  run.note("embedded.rss", rssBytesOf(gateway.pid) / 1e6);
  await gateway.stop();
  // Before and after: the machine's speed drifts.
  const after = await pushToRedis(rig, run);
  run.ratio("embedded.ratio", rate, run.figure((before + after) / 2));

  const keeping = await rig.startEmbedded("--Embedded.StateFile=state");
  await push(rig, keeping.port, rig.size(WARM_UP));
  await untilProcessed(keeping, 0, rig.size(WARM_UP));
  const kept = await push(rig, keeping.port, count);
  await untilProcessed(keeping, rig.size(WARM_UP), count);
  run.note("embedded.state", (count / (Date.now() - kept.startedAt)) * 1000);
}

async function pushToRedis(rig: Rig, run: Run): Promise<number> {
  const count = rig.size(COUNT);
  const pid = Number(/^process_id:(\d+)/m.exec(await rig.redis.info("server"))?.[1]);
  const cpuBefore = cpuSecondsOf(pid);
  const { startedAt, endedAt } = await push(rig, rig.redisPort, count);
  run.note("embedded.redis-cpu", ((cpuSecondsOf(pid) - cpuBefore) / count) * 1e6);
  await rig.redis.del(QUEUE_KEY);
  return run.note("embedded.redis", (count / (endedAt - startedAt)) * 1000).value;
}

function push(rig: Rig, port: number, count: number) {
  const options = { port, key: QUEUE_KEY, file: rig.mixFile, ...LOAD, count };
  return rig.runChild<{ startedAt: number; endedAt: number }>("children/pushers.ts", options);
}
