import { type GatewayProcess, readSample } from "../../test/support/gateway-process.ts";
import { until } from "../../test/support/until.ts";
import { counterBacklog, counterName } from "../backlog.ts";
import { drain, startWarm } from "../drain.ts";
import { KEYS, type Rig } from "../rig.ts";
import type { Group, Run } from "../row.ts";
import { resetSlowLog, slowestScript } from "../slow-log.ts";

const SERIES = 300_000;

/** A large state: its size in Redis, how it holds Redis up, and how soon it is back after a kill. */
export const stateGroup: Group<Rig> = {
  name: "state",
  runs: 3,
  quickRuns: 1,
  rows: [
    { name: "state.size", what: "state in Redis, 300,000 counters with 3 labels", unit: "MB" },
    { name: "state.script", what: "longest script in Redis while it is written", unit: "ms" },
    { name: "state.restart", what: "start to its totals after kill -9", unit: "ms" },
  ],
  measure,
};

async function measure(rig: Rig, run: Run): Promise<void> {
  const backlog = await counterBacklog(rig, 0, rig.size(SERIES));
  await resetSlowLog(rig);
  const { gateway } = await startWarm(rig, backlog);
  // The second time the journal has outgrown the state, so all of it is written anew.
  await drain(rig, gateway, backlog);
  run.note("state.script", (await slowestScript(rig)).ms);
  const journal = await rig.redis.hget(KEYS.state, "journal");
  const bytes = await rig.redis.call(
    "MEMORY",
    "USAGE",
    KEYS.journal(journal ?? ""),
    "SAMPLES",
    "0",
  );
  run.note("state.size", Number(bytes) / 1e6);
  await gateway.stop();
  const startedAt = performance.now();
  const next = await rig.startGateway();
  await until("totals are shown", () => areShown(next));
  run.note("state.restart", performance.now() - startedAt);
  await backlog.drop();
}

/** Each series has had a sample twice; those of one family stand for all. */
async function areShown(gateway: GatewayProcess): Promise<boolean> {
  const name = counterName(7);
  const text = await gateway.metrics(`?name[]=${name}`);
  const line = text.split("\n").find((line) => line.startsWith(`${name}{`));
  return line !== undefined && readSample(text, line.slice(0, line.lastIndexOf(" "))) === 2;
}
