import { mixBacklog } from "../backlog.ts";
import { type Drained, drain, startWarm } from "../drain.ts";
import type { Rig } from "../rig.ts";
import type { Group, Run } from "../row.ts";
import { resetSlowLog, type SlowScript, slowestScript } from "../slow-log.ts";

/** The same for a quick run: code that is not compiled yet would be what is measured. */
const WARM_UP = 200_000;
const BACKLOG = 1_000_000;

/** Turns from run to run, so that neither side is always the one that comes first. */
let isOnFirst = false;

interface CheckpointFigures {
  bytes: number;
  ms: number;
}

/** What checkpoints cost: drains with and without them, in turn. */
export const checkpointsGroup: Group<Rig> = {
  name: "checkpoints",
  runs: 7,
  quickRuns: 2,
  rows: [
    { name: "checkpoints.rate-ratio", what: "drain rate, checkpoints on / off", unit: "x" },
    { name: "checkpoints.cpu-ratio", what: "CPU a sample, checkpoints on / off", unit: "x" },
    {
      name: "checkpoints.bytes",
      what: "bytes of a checkpoint, 14,000 series change",
      unit: "bytes",
    },
    { name: "checkpoints.duration", what: "a checkpoint, from start to answer", unit: "ms" },
    { name: "checkpoints.script", what: "longest script in Redis meanwhile", unit: "ms" },
  ],
  measure,
};

async function measure(rig: Rig, run: Run): Promise<void> {
  const first = await drainWith(rig, isOnFirst);
  const second = await drainWith(rig, !isOnFirst);
  const [on, off] = isOnFirst ? [first, second] : [second, first];
  isOnFirst = !isOnFirst;
  run.ratio("checkpoints.rate-ratio", run.figure(on.drained.rate), run.figure(off.drained.rate));
  const [onCpu, offCpu] = [on.drained.cpuUsASample, off.drained.cpuUsASample];
  run.ratio("checkpoints.cpu-ratio", run.figure(onCpu), run.figure(offCpu));
  run.note("checkpoints.bytes", on.checkpoint.bytes);
  run.note("checkpoints.duration", on.checkpoint.ms);
  run.note("checkpoints.script", on.slowest.ms);
}

async function drainWith(
  rig: Rig,
  isEnabled: boolean,
): Promise<{ drained: Drained; checkpoint: CheckpointFigures; slowest: SlowScript }> {
  const warmUp = await mixBacklog(rig, WARM_UP);
  const backlog = await mixBacklog(rig, rig.size(BACKLOG));
  const { gateway } = await startWarm(rig, warmUp, `--Checkpoint.Enabled=${isEnabled}`);
  await resetSlowLog(rig);
  const drained = await drain(rig, gateway, backlog);
  const slowest = await slowestScript(rig);
  const checkpoint = {
    bytes: await meanOf("checkpoint_size_bytes"),
    ms: 1000 * (await meanOf("checkpoint_duration_seconds")),
  };
  await rig.clear();
  return { drained, checkpoint, slowest };

  async function meanOf(histogram: string): Promise<number> {
    const sum = await gateway.value(`prom_stream_gateway_${histogram}_sum`);
    const count = await gateway.value(`prom_stream_gateway_${histogram}_count`);
    return (sum ?? 0) / Math.max(count ?? 0, 1);
  }
}
