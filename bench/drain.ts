import type { GatewayProcess } from "../test/support/gateway-process.ts";
import type { Backlog } from "./backlog.ts";
import { cpuSecondsOf } from "./process-figures.ts";
import { KEYS, type Rig } from "./rig.ts";

const PROCESSED = "prom_stream_gateway_processed_metrics_total";
/** Each look costs the gateway about half a millisecond, so there are some dozens in a drain. */
const LOOK_MIN_MS = 10;
const LOOK_MAX_MS = 500;
const STUCK_MS = 60_000;

export interface Drained {
  /** Samples a second, from the moment that the queue is there until all of it is in the totals. */
  rate: number;
  /** All threads of the gateway, until what was drained is committed as well. */
  cpuUsASample: number;
  cpuSeconds: number;
  seconds: number;
}

/** Lets an idle gateway drain a backlog. */
export async function drain(rig: Rig, gateway: GatewayProcess, backlog: Backlog): Promise<Drained> {
  await backlog.stage();
  const before = await processedBy(gateway);
  const cpuBefore = cpuSecondsOf(gateway.pid);
  const startedAt = performance.now();
  await backlog.release();
  await untilProcessed(gateway, before, backlog.count);
  const seconds = (performance.now() - startedAt) / 1000;
  await untilCommitted(rig);
  const cpuSeconds = cpuSecondsOf(gateway.pid) - cpuBefore;
  return {
    rate: backlog.count / seconds,
    cpuUsASample: (cpuSeconds / backlog.count) * 1e6,
    cpuSeconds,
    seconds,
  };
}

/**
 * Starts a gateway on a backlog and returns it when all is drained and committed, with its code
 * compiled, and with the CPU time that this took, start included.
 */
export async function startWarm(
  rig: Rig,
  warmUp: Backlog,
  ...flags: string[]
): Promise<{ gateway: GatewayProcess; coldCpuUsASample: number }> {
  await warmUp.stage();
  await warmUp.release();
  const gateway = await rig.startGateway(...flags);
  await untilProcessed(gateway, 0, warmUp.count);
  await untilCommitted(rig);
  return { gateway, coldCpuUsASample: (cpuSecondsOf(gateway.pid) / warmUp.count) * 1e6 };
}

/**
 * Returns when `count` samples more than `before` are in the totals. It looks again when, at the
 * rate so far, most of the rest should be done.
 */
export async function untilProcessed(
  gateway: GatewayProcess,
  before: number,
  count: number,
): Promise<void> {
  const startedAt = performance.now();
  let seen = 0;
  let seenAt = startedAt;
  for (;;) {
    const done = (await processedBy(gateway)) - before;
    const now = performance.now();
    if (done >= count) return;
    if (done > seen) seenAt = now;
    if (now - seenAt > STUCK_MS) throw new Error(`bench: stuck at ${done} of ${count} samples`);
    seen = done;
    const elapsedMs = now - startedAt;
    const leftMs = done > 0 ? (elapsedMs * (count - done)) / done : 0;
    // Not longer than a tenth of the time so far: the rate so far may be less than the one to come.
    const pauseMs = Math.min(0.8 * leftMs, 0.1 * elapsedMs, LOOK_MAX_MS);
    await Bun.sleep(Math.max(LOOK_MIN_MS, pauseMs));
  }
}

/** Samples in the totals, over all workers; 0 while it is not shown. */
export async function processedBy(gateway: GatewayProcess): Promise<number> {
  let sum = 0;
  for (const line of (await gateway.metrics(`?name[]=${PROCESSED}`)).split("\n")) {
    if (line.startsWith(PROCESSED)) sum += Number(line.slice(line.lastIndexOf(" ") + 1));
  }
  return sum;
}

/** Asks Redis alone whether anything is left in the queue or claimed. */
export async function untilCommitted(rig: Rig): Promise<void> {
  const deadline = performance.now() + STUCK_MS;
  while ((await leftInRedis(rig)) > 0) {
    if (performance.now() > deadline) throw new Error("bench: what was drained is not committed");
    await Bun.sleep(LOOK_MIN_MS);
  }
}

/** List elements in the queue, and claimed but not committed. */
export async function leftInRedis(rig: Rig): Promise<number> {
  const { redis } = rig;
  const [first, next] = await redis.hmget(KEYS.state, "first", "next");
  const pipeline = redis.pipeline().llen(KEYS.queue);
  for (let n = Number(first ?? 0); n < Number(next ?? 0); n++) pipeline.llen(KEYS.segment(n));
  const replies = (await pipeline.exec()) ?? [];
  return replies.reduce((sum, [, length]) => sum + Number(length), 0);
}
