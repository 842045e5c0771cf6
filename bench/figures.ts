/**
 * Prints the figures that stand in `docs/architecture.md`: what the binary weighs, how soon it
 * answers, what it takes when idle, and how fast it drains. Needs `npm run build` and
 * `redis-server`; run it on a machine with nothing else to do: `npm run bench`.
 */
import { statSync } from "node:fs";
import { cpus } from "node:os";
import { BINARY, QUEUE_KEY, readSample, startGateway } from "../test/support/gateway-process.ts";
import { startRedis } from "../test/support/redis-server.ts";
import { cpuSeconds, median, print, pushBacklog, untilApplied } from "./measure.ts";

const RUNS = 5;
const BACKLOG = 500_000;
const IDLE_SECONDS = 10;

const redis = await startRedis();
try {
  print("machine", `${cpus().length} x ${cpus()[0].model}`);
  print("binary", `${(statSync(BINARY).size / 1e6).toFixed(1)} MB`);
  print("start to first answered scrape", `${median(await repeat(startMs)).toFixed(0)} ms`);
  await measureIdle();
  const drains = await repeat(drain);
  const bytes = drains[0].bytes / BACKLOG;
  print("samples", `${BACKLOG} of ${bytes.toFixed(0)} bytes on average, 2 workers`);
  print("drain", `${Math.round(median(drains.map((run) => run.rate)))} samples/s`);
  print("CPU a sample", `${median(drains.map((run) => run.cpuUs)).toFixed(2)} us, all threads`);
  print("RSS after the drain", `${(median(drains.map((run) => run.rss)) / 1e6).toFixed(0)} MB`);
} finally {
  await redis.stop();
}

async function startMs(): Promise<number> {
  const startedAt = performance.now();
  const gateway = await startGateway(redis.port);
  await gateway.metrics();
  const ms = performance.now() - startedAt;
  await gateway.stop();
  return ms;
}

async function measureIdle(): Promise<void> {
  const gateway = await startGateway(redis.port);
  const before = await cpuSeconds(gateway);
  await Bun.sleep(IDLE_SECONDS * 1000);
  const share = ((await cpuSeconds(gateway)) - before) / IDLE_SECONDS;
  const rss = (await gateway.value("prom_stream_gateway_process_resident_memory_bytes")) ?? 0;
  print("RSS idle, 2 workers", `${(rss / 1e6).toFixed(0)} MB`);
  print("CPU idle", `${(share * 100).toFixed(2)} % of a core`);
  const latencies: number[] = [];
  for (let i = 1; i <= 200; i++) {
    const startedAt = performance.now();
    await redis.client.lpush(QUEUE_KEY, '{"type":"counter","name":"c","value":1}');
    while (readSample(await gateway.metrics("?name[]=c"), "c") !== i);
    latencies.push(performance.now() - startedAt);
  }
  latencies.sort((a, b) => a - b);
  print(
    "push to visible, idle",
    `${median(latencies).toFixed(1)} ms, p99 ${latencies[197].toFixed(1)} ms`,
  );
  await gateway.stop();
}

/** Drains a preloaded backlog: samples/s, CPU time a sample, and memory at the end in bytes. */
async function drain(): Promise<{ rate: number; cpuUs: number; rss: number; bytes: number }> {
  await redis.client.flushall();
  const bytes = await pushBacklog(redis.client, BACKLOG);
  const gateway = await startGateway(redis.port);
  const startedAt = performance.now();
  const before = await cpuSeconds(gateway);
  await untilApplied(gateway);
  const seconds = (performance.now() - startedAt) / 1000;
  const cpuUs = (((await cpuSeconds(gateway)) - before) / BACKLOG) * 1e6;
  const rss = (await gateway.value("prom_stream_gateway_process_resident_memory_bytes")) ?? 0;
  await gateway.stop();
  return { rate: BACKLOG / seconds, cpuUs, rss, bytes };
}

async function repeat<T>(measure: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let run = 0; run < RUNS; run++) results.push(await measure());
  return results;
}
