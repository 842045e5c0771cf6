import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { type GatewayProcess, QUEUE_KEY, startGateway } from "../support/gateway-process.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { Truth } from "../support/truth.ts";
import { until } from "../support/until.ts";

const NEVER = "--Checkpoint.IntervalMs=3600000";

let redis: RedisServer;
const running: GatewayProcess[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
beforeEach(async () => void (await redis.client.flushall()));
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop();
});

test("without checkpoints samples are deleted once applied, and totals start at zero", async () => {
  const truth = new Truth(redis.client);
  const first = await start("--Checkpoint.Enabled=false", NEVER);
  await truth.push(100);
  await applied(first, truth);
  await until("they are deleted", async () => (await keys("segment")).length === 0);
  expect(await keys("journal")).toEqual([]);
  first.signal("SIGKILL");
  await first.exited;
  const next = await start("--Checkpoint.Enabled=false", NEVER);
  await redis.client.lpush(QUEUE_KEY, '{"type":"gauge","name":"g","value":1}');
  await until("it works", async () => (await next.value("g")) === 1);
  expect(await next.value("truth_seq")).toBeUndefined();
});

test("totals that were kept are deleted by a start without checkpoints, and do not come back", async () => {
  const truth = new Truth(redis.client);
  const first = await start();
  await truth.push(10);
  await applied(first, truth);
  first.signal("SIGTERM");
  await first.exited;
  expect(await keys("journal")).toHaveLength(1);
  const without = await start("--Checkpoint.Enabled=false");
  await until("they are deleted", async () => (await keys("journal")).length === 0);
  without.signal("SIGTERM");
  await without.exited;
  const again = await start();
  await redis.client.lpush(QUEUE_KEY, '{"type":"gauge","name":"g","value":1}');
  await until("it works", async () => (await again.value("g")) === 1);
  expect(await again.value("truth_seq")).toBeUndefined();
});

test("so many samples make a checkpoint before its time", async () => {
  const truth = new Truth(redis.client);
  const gateway = await start(NEVER, "--Checkpoint.MaxSamples=1000");
  await truth.push(200);
  await applied(gateway, truth);
  const unconfirmed = `prom_stream_gateway_redis_unconfirmed_samples{queueKey="${QUEUE_KEY}"}`;
  expect(await gateway.value(unconfirmed)).toBe(800);
  await truth.push(50);
  await until("all is committed", async () => (await gateway.value(unconfirmed)) === 0);
  expect(await keys("segment")).toEqual([]);
});

test("a state of many series is written in pieces, anew when its journal has outgrown it, and read back", async () => {
  const series = 40_000;
  const gateway = await start("--Checkpoint.IntervalMs=50");
  for (let round = 1; round <= 4; round++) {
    for (let from = 0; from < series; from += 10_000) {
      const messages = Array.from({ length: 10_000 }, (_, i) => {
        const labels = { id: `a-label-that-is-not-short-${from + i}` };
        return JSON.stringify({ type: "counter", name: "many_total", value: 1, labels });
      });
      await redis.client.lpush(QUEUE_KEY, ...messages);
    }
    const last = `many_total{id="a-label-that-is-not-short-${series - 1}"}`;
    await until("all are applied", async () => (await gateway.value(last)) === round);
  }
  const bytes = async (from: string) =>
    gateway.value(`prom_stream_gateway_checkpoint_size_${from}`);
  // More than one script takes.
  await until("a large one was written", async () => {
    return ((await bytes('bytes_bucket{le="1000000"}')) ?? 0) < ((await bytes("bytes_count")) ?? 0);
  });
  gateway.signal("SIGTERM");
  await gateway.exited;
  const [journal, ...others] = await keys("journal");
  expect(others).toEqual([]);
  const state = await redis.client.hgetall((await keys("state"))[0]);
  expect(Number(state.entries)).toBe(await redis.client.hlen(journal));
  // Twice the state at most, and a MiB.
  const size = Number(await redis.client.call("MEMORY", "USAGE", journal, "SAMPLES", "0"));
  expect(size).toBeLessThan(2 * series * 60 + 2 * 1024 * 1024);
  const next = await start();
  const totals = await until("it shows totals", async () => {
    const text = await next.totals();
    return text.includes("many_total{") && text;
  });
  const lines = totals.split("\n").filter((line) => line.startsWith("many_total{"));
  expect(lines.length).toBe(series);
  expect(lines.every((line) => line.endsWith(" 4"))).toBe(true);
});

async function start(...flags: string[]): Promise<GatewayProcess> {
  const gateway = await startGateway(redis.port, flags);
  running.push(gateway);
  return gateway;
}

async function applied(gateway: GatewayProcess, truth: Truth): Promise<void> {
  await until("all is applied", async () => (await gateway.value("truth_seq")) === truth.rounds);
  expect(truth.missingFrom(await gateway.metrics())).toEqual([]);
}

/** The gateway's keys of one kind. */
function keys(kind: string): Promise<string[]> {
  return redis.client.keys(`{${QUEUE_KEY}}:gateway:default:${kind}*`);
}
