/**
 * Prints what checkpoints cost: the drain of a backlog with and without them, in turn, so that the
 * ratio holds on a noisy machine; and how long Redis is held up by them, also for a large state.
 * Needs `npm run build` and `redis-server`; run it with nothing else to do: `npm run bench`.
 */
import { type GatewayProcess, QUEUE_KEY, startGateway } from "../test/support/gateway-process.ts";
import { type RedisServer, startRedis } from "../test/support/redis-server.ts";
import { until } from "../test/support/until.ts";
import { cpuSeconds, median, print, pushBacklog, pushInChunks, untilApplied } from "./measure.ts";

const PAIRS = 7;
const BACKLOG = 1_000_000;
const LARGE_SERIES = 300_000;

const redis = await startRedis();
try {
  await redis.client.config("SET", "slowlog-log-slower-than", "500");
  await redis.client.config("SET", "slowlog-max-len", "10000");
  await compareDrains();
  await measureLargeState();
} finally {
  await redis.stop();
}

interface Drain {
  rate: number;
  cpuUs: number;
  checkpointBytes: number;
  checkpointMs: number;
}

async function compareDrains(): Promise<void> {
  const withThem: Drain[] = [];
  const without: Drain[] = [];
  await redis.client.call("SLOWLOG", "RESET");
  let slowest = 0;
  for (let pair = 0; pair < PAIRS; pair++) {
    without.push(await drain("--Checkpoint.Enabled=false"));
    await redis.client.call("SLOWLOG", "RESET");
    withThem.push(await drain("--Checkpoint.Enabled=true"));
    slowest = Math.max(slowest, await slowestScriptMs(redis));
  }
  print("backlog", `${BACKLOG} samples of the load tool's mix, ${PAIRS} pairs of drains`);
  for (const [what, runs] of [
    ["with checkpoints", withThem],
    ["without", without],
  ] as const) {
    const rate = Math.round(median(runs.map((run) => run.rate)));
    print(
      what,
      `${rate} samples/s, ${median(runs.map((run) => run.cpuUs)).toFixed(2)} us CPU each`,
    );
  }
  const ratios = withThem.map((run, i) => run.rate / without[i].rate);
  print("rate with / without, pair by pair", spread(ratios));
  print("CPU with / without", spread(withThem.map((run, i) => run.cpuUs / without[i].cpuUs)));
  const bytes = median(withThem.map((run) => run.checkpointBytes));
  const ms = median(withThem.map((run) => run.checkpointMs));
  print("a checkpoint", `${(bytes / 1e3).toFixed(0)} kB, ${ms.toFixed(1)} ms from start to answer`);
  print("longest script in Redis", `${slowest.toFixed(1)} ms`);
}

async function drain(flag: string): Promise<Drain> {
  await redis.client.flushall();
  await pushBacklog(redis.client, BACKLOG);
  const startedAt = performance.now();
  const gateway = await startGateway(redis.port, [flag]);
  await untilApplied(gateway);
  const seconds = (performance.now() - startedAt) / 1000;
  const cpuUs = ((await cpuSeconds(gateway)) / BACKLOG) * 1e6;
  const checkpointBytes = await meanOf(gateway, "checkpoint_size_bytes");
  const checkpointMs = 1000 * (await meanOf(gateway, "checkpoint_duration_seconds"));
  await gateway.stop();
  return { rate: BACKLOG / seconds, cpuUs, checkpointBytes, checkpointMs };
}

async function measureLargeState(): Promise<void> {
  await redis.client.flushall();
  await redis.client.call("SLOWLOG", "RESET");
  const gateway = await startGateway(redis.port);
  const messages = Array.from({ length: LARGE_SERIES }, (_, i) => {
    const labels = { instance: `instance-${i}`, region: "eu-west-1", job: "large" };
    return JSON.stringify({ type: "counter", name: "large_total", value: 1, labels });
  });
  await pushInChunks(redis.client, [...messages, '{"type":"gauge","name":"last","value":1}']);
  await untilApplied(gateway);
  await until("all is committed", async () => (await unconfirmed(gateway)) === 0, 60_000);
  // The next one writes the whole state: the journal has outgrown it.
  await pushInChunks(redis.client, messages);
  await until("all is committed again", async () => {
    return (await unconfirmed(gateway)) === 0 && (await redis.client.exists(QUEUE_KEY)) === 0;
  });
  const key = (await redis.client.keys("*:journal:*"))[0];
  const bytes = Number(await redis.client.call("MEMORY", "USAGE", key, "SAMPLES", "0"));
  print("state", `${LARGE_SERIES} counters with 3 labels, ${(bytes / 1e6).toFixed(1)} MB in Redis`);
  print("longest script in Redis", `${(await slowestScriptMs(redis)).toFixed(1)} ms`);
  gateway.signal("SIGKILL");
  await gateway.exited;
  const startedAt = performance.now();
  const next = await startGateway(redis.port);
  await until("totals are shown", async () => {
    return (await fetch(`${next.url}/metrics?name[]=last`)).ok && (await next.value("last")) === 1;
  });
  print("start to totals after kill -9", `${(performance.now() - startedAt).toFixed(0)} ms`);
  await next.stop();
}

async function unconfirmed(gateway: GatewayProcess): Promise<number | undefined> {
  return gateway.value(`prom_stream_gateway_redis_unconfirmed_samples{queueKey="${QUEUE_KEY}"}`);
}

async function meanOf(gateway: GatewayProcess, histogram: string): Promise<number> {
  const sum = await gateway.value(`prom_stream_gateway_${histogram}_sum`);
  const count = await gateway.value(`prom_stream_gateway_${histogram}_count`);
  return (sum ?? 0) / Math.max(count ?? 0, 1);
}

/** Of all scripts that the gateway ran since the log was emptied. */
async function slowestScriptMs({ client }: RedisServer): Promise<number> {
  const entries = (await client.call("SLOWLOG", "GET", "-1")) as [
    number,
    number,
    number,
    string[],
  ][];
  const scripts = entries.filter(([, , , args]) => /^eval/i.test(args[0]));
  return Math.max(0, ...scripts.map(([, , us]) => us)) / 1000;
}

function spread(ratios: readonly number[]): string {
  const sorted = ratios.toSorted((a, b) => a - b);
  const at = (i: number) => sorted[i].toFixed(3);
  return `median ${median(ratios).toFixed(3)}, from ${at(0)} to ${at(sorted.length - 1)}`;
}
