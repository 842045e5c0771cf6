import { BINARY } from "../../test/support/gateway-process.ts";
import { freePort } from "../../test/support/redis-server.ts";
import type { Rig } from "../rig.ts";
import type { Group, Run } from "../row.ts";

const PAUSE_MS = 1;
const DEADLINE_MS = 10_000;

/** How soon a new process answers. */
export const startGroup: Group<Rig> = {
  name: "start",
  runs: 20,
  quickRuns: 5,
  rows: [
    {
      name: "start.scrape",
      what: "start to the first answered scrape",
      unit: "ms",
      budget: { wants: "less", atLeast: 100, aim: 40 },
      note: "from before the process is made; asked every ms",
    },
    { name: "start.ready", what: "start to ready", unit: "ms" },
  ],
  measure,
};

async function measure(rig: Rig, run: Run): Promise<void> {
  const port = await freePort();
  const redis = `--Redis.ConnectionString=localhost:${rig.redisPort}`;
  const startedAt = performance.now();
  const child = rig.spawn([BINARY, redis, `--Web.ListenAddress=127.0.0.1:${port}`]);
  // A pipe that nobody reads would stop it in the end; it prints a few lines only.
  const url = `http://127.0.0.1:${port}`;
  await untilAnswered(`${url}/metrics`, startedAt);
  run.note("start.scrape", performance.now() - startedAt);
  await untilAnswered(`${url}/-/ready`, startedAt);
  run.note("start.ready", performance.now() - startedAt);
  child.kill("SIGKILL");
  await child.exited;
}

async function untilAnswered(url: string, startedAt: number): Promise<void> {
  while (!(await isAnswered(url))) {
    if (performance.now() - startedAt > DEADLINE_MS) throw new Error(`bench: no answer at ${url}`);
    await Bun.sleep(PAUSE_MS);
  }
}

async function isAnswered(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.bytes();
    return response.ok;
  } catch {
    return false;
  }
}
