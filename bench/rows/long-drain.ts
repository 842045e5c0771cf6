import { mixBacklog } from "../backlog.ts";
import { drain, startWarm } from "../drain.ts";
import { rssBytesOf } from "../process-figures.ts";
import type { Rig } from "../rig.ts";
import type { Group, Run } from "../row.ts";

const WARM_UP = 500_000;
const BACKLOG = 5_000_000;
const LOOK_AGAIN_MS = 500;
const QUICK_LOOK_AGAIN_MS = 50;

/** Memory does not grow with the backlog. */
export const longDrainGroup: Group<Rig> = {
  name: "long-drain",
  runs: 2,
  quickRuns: 1,
  rows: [
    {
      name: "long-drain.growth",
      what: "peak RSS in the last quarter / in the second, 5,000,000 samples",
      unit: "x",
      budget: { wants: "less", atLeast: 1.1 },
      note: "flat: not above what a garbage collector does by itself",
    },
    { name: "long-drain.second", what: "peak RSS in the second quarter", unit: "MB" },
    { name: "long-drain.last", what: "peak RSS in the last quarter", unit: "MB" },
    { name: "long-drain.rate", what: "drain rate meanwhile", unit: "samples/s" },
  ],
  measure,
};

async function measure(rig: Rig, run: Run): Promise<void> {
  const warmUp = await mixBacklog(rig, rig.size(WARM_UP));
  const backlog = await mixBacklog(rig, rig.size(BACKLOG));
  const { gateway } = await startWarm(rig, warmUp);
  const rss: number[] = [];
  const look = () => rss.push(rssBytesOf(gateway.pid) / 1e6);
  const looking = setInterval(look, rig.isQuick ? QUICK_LOOK_AGAIN_MS : LOOK_AGAIN_MS);
  try {
    run.note("long-drain.rate", (await drain(rig, gateway, backlog)).rate);
  } finally {
    clearInterval(looking);
  }
  const quarter = Math.max(1, rss.length >> 2);
  const second = run.note("long-drain.second", Math.max(...rss.slice(quarter, 2 * quarter)));
  const last = run.note("long-drain.last", Math.max(...rss.slice(-quarter)));
  run.ratio("long-drain.growth", last, second);
  await backlog.drop();
}
