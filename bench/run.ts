/**
 * Measures what the gateway is to keep to, prints a table, and writes `bench/results/`. Needs
 * `npm run build` and `redis-server`; run it on a machine with nothing else to do: `npm run bench`.
 *
 *   npm run bench -- --only drain,scrape    some groups of rows
 *   npm run bench -- --quick                smaller and fewer: for a look, not for a figure
 */
import { relative } from "node:path";
import { parseArgs } from "node:util";
import { describeMachine, tableOf, writeResults } from "./report.ts";
import { Rig } from "./rig.ts";
import { type Group, type Outcome, outcomesOf, Run } from "./row.ts";
import { checkpointsGroup } from "./rows/checkpoints.ts";
import { drainGroup } from "./rows/drain.ts";
import { embeddedGroup } from "./rows/embedded.ts";
import { idleGroup } from "./rows/idle.ts";
import { latencyGroup } from "./rows/latency.ts";
import { longDrainGroup } from "./rows/long-drain.ts";
import { millionGroup } from "./rows/million.ts";
import { naiveGroup } from "./rows/naive.ts";
import { producersGroup } from "./rows/producers.ts";
import { scrapeGroup } from "./rows/scrape.ts";
import { startGroup } from "./rows/start.ts";
import { stateGroup } from "./rows/state.ts";

const GROUPS: readonly Group<Rig>[] = [
  drainGroup,
  producersGroup,
  embeddedGroup,
  latencyGroup,
  scrapeGroup,
  millionGroup,
  idleGroup,
  longDrainGroup,
  startGroup,
  naiveGroup,
  checkpointsGroup,
  stateGroup,
];

process.exit(await main());

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { quick: { type: "boolean", default: false }, only: { type: "string" } },
  });
  const only = values.only?.split(",") ?? [];
  const unknown = only.filter((name) => !GROUPS.some((group) => group.name === name));
  if (unknown.length > 0) {
    const known = GROUPS.map(({ name }) => name).join(", ");
    process.stderr.write(`bench: --only takes ${known}, got "${unknown.join(",")}"\n`);
    return 2;
  }
  const groups = GROUPS.filter(({ name }) => only.length === 0 || only.includes(name));
  const rig = await Rig.start(values.quick);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void rig.end().finally(() => process.exit(130)));
  }
  try {
    return await measureAll(rig, groups, only);
  } finally {
    await rig.end();
  }
}

/** Returns the exit code: a group that fails costs its own rows only, and the code. */
async function measureAll(
  rig: Rig,
  groups: readonly Group<Rig>[],
  only: readonly string[],
): Promise<number> {
  const startedAt = new Date();
  const machine = await describeMachine(rig);
  const outcomes: Outcome[] = [];
  const failed: string[] = [];
  for (const group of groups) {
    try {
      outcomes.push(...outcomesOf(group.rows, await measureGroup(rig, group)));
    } catch (error) {
      failed.push(group.name);
      process.stderr.write(`bench: ${group.name} failed: ${Bun.inspect(error)}\n`);
      if (rig.isEnding) throw error;
      await rig.clear();
    }
  }
  const { cpu, cores, kernel, redis, bun, revision } = machine;
  process.stdout.write(`\n${revision} on ${cores} cores of ${cpu}, Linux ${kernel}, `);
  process.stdout.write(`Redis ${redis}, Bun ${bun}\n`);
  if (rig.isQuick) process.stdout.write("--quick: smaller and fewer, for a look only\n");
  process.stdout.write(`\n${tableOf(outcomes)}\n\n`);
  const path = await writeResults(machine, outcomes, { isQuick: rig.isQuick, only, startedAt });
  process.stdout.write(`${relative(process.cwd(), path)}\n`);
  if (failed.length > 0) process.stderr.write(`bench: failed: ${failed.join(", ")}\n`);
  return failed.length === 0 ? 0 : 1;
}

async function measureGroup(rig: Rig, group: Group<Rig>): Promise<Run[]> {
  const runs: Run[] = [];
  const count = rig.isQuick ? group.quickRuns : group.runs;
  for (let i = 1; i <= count; i++) {
    process.stderr.write(`${group.name}: run ${i} of ${count}\n`);
    const run = new Run(group.rows);
    await group.measure(rig, run);
    await rig.clear();
    runs.push(run);
  }
  return runs;
}
