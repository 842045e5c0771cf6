import { statSync } from "node:fs";
import { BINARY } from "../../test/support/gateway-process.ts";
import { cpuSecondsOf, rssBytesOf } from "../process-figures.ts";
import type { Rig } from "../rig.ts";
import type { Group, Run } from "../row.ts";

const SETTLE_SECONDS = 3;
const IDLE_SECONDS = 10;

/** What the program takes when there is nothing to do. */
export const idleGroup: Group<Rig> = {
  name: "idle",
  runs: 3,
  quickRuns: 1,
  rows: [
    {
      name: "idle.rss",
      what: "RSS idle, 2 workers",
      unit: "MB",
      budget: { wants: "less", atLeast: 80, aim: 50 },
    },
    { name: "idle.cpu", what: "CPU idle, of a core", unit: "%" },
    { name: "idle.binary", what: "size of the binary", unit: "MB" },
  ],
  measure,
};

async function measure(rig: Rig, run: Run): Promise<void> {
  const { pid } = await rig.startGateway();
  await Bun.sleep(SETTLE_SECONDS * 1000);
  const seconds = rig.isQuick ? IDLE_SECONDS / 2 : IDLE_SECONDS;
  const before = cpuSecondsOf(pid);
  await Bun.sleep(seconds * 1000);
  run.note("idle.cpu", ((cpuSecondsOf(pid) - before) / seconds) * 100);
  run.note("idle.rss", rssBytesOf(pid) / 1e6);
  run.note("idle.binary", statSync(BINARY).size / 1e6);
}
