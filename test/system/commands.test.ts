import { afterAll, beforeAll, expect, test } from "bun:test";
import { makeMessage } from "../../src/cli/load.ts";
import { QUEUE_KEY, startGateway } from "../support/gateway-process.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

/** What a drain takes that does not depend on the machine. */

const COUNT = 50_000;
const POP_COUNT = 1000;

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(async () => {
  await redis.stop();
});

/** Calls of a command since the statistics were reset. */
async function callsOf(command: string): Promise<number> {
  const info = await redis.client.info("commandstats");
  return Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, "m").exec(info)?.[1] ?? 0);
}

test("a backlog takes one LRANGE and one message a thousand samples, and hardly any scripts", async () => {
  for (let i = 0; i < COUNT; i += 5000) {
    await redis.client.lpush(QUEUE_KEY, ...Array.from({ length: 5000 }, () => makeMessage()));
  }
  await redis.client.config("RESETSTAT");
  const gateway = await startGateway(redis.port, [`--Redis.MetricQueuePopCount=${POP_COUNT}`]);
  try {
    const processed = async () => {
      let sum = 0;
      for (const worker of [0, 1]) {
        const labels = `{worker="${worker}",queueKey="${QUEUE_KEY}"}`;
        sum += (await gateway.value(`prom_stream_gateway_processed_metrics_total${labels}`)) ?? 0;
      }
      return sum;
    };
    await until("all are in the totals", async () => (await processed()) === COUNT);
    const unconfirmed = `prom_stream_gateway_redis_unconfirmed_samples{queueKey="${QUEUE_KEY}"}`;
    await until("all are committed", async () => (await gateway.value(unconfirmed)) === 0);
    const ranges = COUNT / POP_COUNT;
    expect(await callsOf("lrange")).toBe(ranges);
    expect(await gateway.value("prom_stream_gateway_batch_size_samples_count")).toBe(ranges);
    // Of the lease, some claims, and checkpoints of half a MiB each.
    expect((await callsOf("evalsha")) + (await callsOf("eval"))).toBeLessThan(ranges);
  } finally {
    await gateway.stop();
  }
});
