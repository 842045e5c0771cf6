import { describe, expect, test } from "bun:test";
import type { Redis } from "ioredis";
import { QueueKeys } from "../../src/queue/queue-keys.ts";
import { type GatewayProcess, QUEUE_KEY, readSample } from "../support/gateway-process.ts";
import type { RedisServer } from "../support/redis-server.ts";
import {
  hasLogged,
  isOwner,
  notReadyReason,
  onStage,
  ownValue,
  scrape,
  untilConfirmed,
  untilExact,
} from "../support/stage.ts";
import { SAMPLES_A_ROUND, Truth } from "../support/truth.ts";
import { until } from "../support/until.ts";

const KEYS = new QueueKeys(QUEUE_KEY, "default");

/** Elements that stand in a segment for a while: as many as take thousands of ranges. */
const BACKLOG_ROUNDS = 30_000;
const SMALL_RANGES = "--Redis.MetricQueuePopCount=10";

describe("Redis is killed and comes back empty", () => {
  for (const outage of ["shorter", "longer"] as const) {
    test(`for ${outage} than the lease: the whole state is written back, and the next process has it`, () =>
      onStage(async (stage) => {
        const redis = await stage.startRedis();
        const truth = new Truth(redis.client);
        const gateway = await stage.startGateway(redis);
        await truth.push(500);
        await untilExact(gateway, truth);

        await redis.kill();
        if (outage === "longer") await untilLeaseIsOver(gateway);
        await redis.restart();
        await until("it says so", () => hasLogged(gateway, "queue_state_lost"));
        await untilExact(gateway, truth);
        await truth.push(100);
        await untilExact(gateway, truth);
        expect(await ownValue(gateway, "lost_samples_total")).toBe(0);

        await untilWrittenBack(redis.client);
        await untilConfirmed(gateway);
        await stage.kill(gateway);
        const next = await stage.startGateway(redis);
        await untilExact(next, truth);
        await truth.push(100);
        await untilExact(next, truth);
      }));
  }

  test("with a claimed backlog: what was not read is counted as lost, what was read stays", () =>
    onStage(async (stage) => {
      const redis = await stage.startRedis();
      const truth = new Truth(redis.client);
      const gateway = await stage.startGateway(redis, SMALL_RANGES);
      await truth.push(100);
      await untilExact(gateway, truth);
      await truth.push(BACKLOG_ROUNDS);
      // Only what is claimed can be known to be lost.
      await until("all is claimed", async () => (await redis.client.llen(QUEUE_KEY)) === 0);
      await redis.kill();
      await redis.restart();

      await until("each sample is applied or lost", async () => {
        const text = await scrape(gateway);
        return readProcessed(text) + readLost(text) === truth.rounds * SAMPLES_A_ROUND;
      });
      expect(readLost(await scrape(gateway))).toBeGreaterThan(0);
      expect(hasLogged(gateway, "queue_state_lost")).toBe(true);
      expect(hasLogged(gateway, "samples_lost")).toBe(true);

      const before = await gateway.value("truth_size_count");
      await truth.push(10);
      await until("it counts on", async () => (await gateway.value("truth_seq")) === truth.rounds);
      expect(await gateway.value("truth_size_count")).toBe(Number(before) + 10);

      await untilWrittenBack(redis.client);
      await untilConfirmed(gateway);
      const totals = await gateway.totals();
      await stage.kill(gateway);
      const next = await stage.startGateway(redis);
      await until("the next one shows them", () => next.value("truth_seq"));
      expect(await next.totals()).toBe(totals);
    }));

  for (const outage of ["shorter", "longer"] as const) {
    test(`for ${outage} than the lease, with a standby: the former owner keeps its place`, () =>
      onStage(async (stage) => {
        // Once Redis is back, the owner must find it within two leases, and it looks every two
        // seconds at worst.
        const lease = "--Gateway.LeaseMs=2500";
        const redis = await stage.startRedis();
        const truth = new Truth(redis.client);
        const owner = await stage.startGateway(redis, lease);
        await truth.push(500);
        await untilExact(owner, truth);
        const standby = await stage.startGateway(redis, lease);
        await until("it stands by", async () => {
          return (await notReadyReason(standby)).startsWith("standby");
        });

        await redis.kill();
        if (outage === "longer") await untilLeaseIsOver(owner);
        await redis.restart();
        await untilWrittenBack(redis.client);
        await truth.push(100);
        await untilExact(owner, truth);
        await until("the other stands by still", async () => {
          return (await notReadyReason(standby)).startsWith("standby: process");
        });
        expect(await isOwner(owner)).toBe(true);
        expect(hasLogged(standby, "lease_acquired")).toBe(false);
        expect(hasLogged(owner, "gateway_superseded")).toBe(false);

        await untilConfirmed(owner);
        await stage.kill(owner);
        await untilExact(standby, truth);
      }));
  }
});

describe("Redis is killed and has all that it acknowledged", () => {
  const AOF = ["--appendonly", "yes", "--appendfsync", "always"];

  test("several times under load: nothing is lost, nothing counts twice", () =>
    onStage(async (stage) => {
      const redis = await stage.startRedis(...AOF);
      const truth = new Truth(redis.client);
      const gateway = await stage.startGateway(redis, "--Redis.MetricQueuePopCount=100");
      for (let kill = 0; kill < 4; kill++) {
        await pushBacklog(truth, redis, gateway);
        await redis.kill();
        await redis.restart();
      }
      await truth.push(10);
      await untilExact(gateway, truth);
      expect(await ownValue(gateway, "lost_samples_total")).toBe(0);
      expect(await ownValue(gateway, "uncertain_samples_total")).toBe(0);
      expect(hasLogged(gateway, "queue_state_lost")).toBe(false);
    }));

  test("together with the gateway: the next process has every total exact", () =>
    onStage(async (stage) => {
      const redis = await stage.startRedis(...AOF);
      const truth = new Truth(redis.client);
      let gateway = await stage.startGateway(redis, "--Redis.MetricQueuePopCount=100");
      for (let kill = 0; kill < 3; kill++) {
        await pushBacklog(truth, redis, gateway);
        await Promise.all([redis.kill(), stage.kill(gateway)]);
        await redis.restart();
        gateway = await stage.startGateway(redis, "--Redis.MetricQueuePopCount=100");
      }
      await truth.push(10);
      await untilExact(gateway, truth);
      expect(await ownValue(gateway, "lost_samples_total")).toBe(0);
    }));
});

/** Leaves the gateway in the middle of it, with more in the queue that is not claimed. */
async function pushBacklog(
  truth: Truth,
  redis: RedisServer,
  gateway: GatewayProcess,
): Promise<void> {
  for (let i = 0; i < 4; i++) await truth.push(1000);
  await until("some of it is applied", async () => {
    const seq = (await gateway.value("truth_seq")) ?? 0;
    return seq > truth.rounds - 4000 || (await redis.client.llen(QUEUE_KEY)) === 0;
  });
}

async function untilLeaseIsOver(gateway: GatewayProcess): Promise<void> {
  await until("the lease is over", async () => !(await isOwner(gateway)));
  expect(await scrape(gateway)).not.toContain("truth_");
}

/** Waits until a Redis that came back empty has a checkpoint: it is one of the whole state. */
async function untilWrittenBack(client: Redis): Promise<void> {
  await until("a checkpoint is there", async () => {
    return (await client.hexists(KEYS.state, "checkpoint")) === 1;
  });
}

function readProcessed(exposition: string): number {
  const counts = exposition.matchAll(/^prom_stream_gateway_processed_metrics_total\{.*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

function readLost(exposition: string): number {
  const name = "prom_stream_gateway_lost_samples_total";
  return readSample(exposition, `${name}{queueKey="${QUEUE_KEY}"}`) ?? 0;
}
