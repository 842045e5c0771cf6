import { expect, test } from "bun:test";
import type { Redis } from "ioredis";
import { QueueKeys } from "../../src/queue/queue-keys.ts";
import { type GatewayProcess, QUEUE_KEY } from "../support/gateway-process.ts";
import type { RedisServer } from "../support/redis-server.ts";
import { onStage, type Stage, untilConfirmed, untilExact } from "../support/stage.ts";
import { SAMPLES_A_ROUND, Truth } from "../support/truth.ts";
import { until } from "../support/until.ts";

/**
 * A checkpoint that is too large for one entry writes the others ahead of its commit. When Redis
 * loses those and nothing else, the number of the last commit does not tell.
 */

const KEYS = new QueueKeys(QUEUE_KEY, "default");

/** A checkpoint begins when so many samples are applied, and only then: none is in a segment still. */
const LONG_LABELS = 5000;
const ROUNDS = LONG_LABELS / SAMPLES_A_ROUND;
const FLAGS = ["--Checkpoint.IntervalMs=3600000", `--Checkpoint.MaxSamples=${LONG_LABELS}`];

test("Redis loses what the first checkpoint has written ahead: the next process has every total", () =>
  onStage(async (stage) => {
    const redis = await stage.startRedis();
    const truth = new Truth(redis.client);
    const gateway = await stage.startGateway(redis, ...FLAGS);
    await pushLongLabels(redis.client);
    await freezeInWriteAhead(gateway, redis.client, 0);
    expect(await redis.client.hexists(KEYS.state, "checkpoint")).toBe(0);
    await redis.kill();
    await redis.restart();
    gateway.signal("SIGCONT");
    await expectRestored(stage, redis, gateway, truth);
  }));

test("a replica is promoted that lacks what a checkpoint has written ahead: the next process has every total", () =>
  onStage(async (stage) => {
    const master = await stage.startRedis("--repl-diskless-sync-delay", "0");
    const replica = await stage.startRedis();
    const truth = new Truth(master.client);
    const gateway = await stage.startGateway([master, replica], ...FLAGS);
    await truth.push(ROUNDS);
    await untilExact(gateway, truth);
    await untilConfirmed(gateway);
    await replica.client.replicaof("127.0.0.1", master.port);
    await until("the replica has the commit", async () => {
      const of = await master.client.hget(KEYS.state, "checkpoint");
      return of !== null && (await replica.client.hget(KEYS.state, "checkpoint")) === of;
    });
    await replica.client.replicaof("127.0.0.1", 1);
    const entries = Number(await replica.client.hget(KEYS.state, "entries"));
    await pushLongLabels(master.client);
    await freezeInWriteAhead(gateway, master.client, entries);
    expect(await master.client.hget(KEYS.state, "entries")).toBe(String(entries));
    await master.kill();
    await replica.client.replicaof("NO", "ONE");
    truth.moveTo(replica.client);
    gateway.signal("SIGCONT");
    await expectRestored(stage, replica, gateway, truth);
  }));

/** New series whose changes take tens of entries. */
async function pushLongLabels(client: Redis): Promise<void> {
  const padding = "x".repeat(3000);
  const messages = Array.from({ length: LONG_LABELS }, (_, id) =>
    JSON.stringify({ type: "counter", name: "long_total", value: 1, labels: { id, padding } }),
  );
  await client.lpush(QUEUE_KEY, ...messages);
}

/** Stops the gateway when it has written entries ahead, beside the `entries` that count. */
async function freezeInWriteAhead(
  gateway: GatewayProcess,
  client: Redis,
  entries: number,
): Promise<void> {
  await until("entries are written ahead", async () => {
    const [journal] = await client.keys("*:journal:*");
    return journal !== undefined && (await client.hlen(journal)) > entries;
  });
  gateway.signal("SIGSTOP");
}

/** What the gateway has committed must be read by the process after it. */
async function expectRestored(
  stage: Stage,
  redis: RedisServer,
  gateway: GatewayProcess,
  truth: Truth,
): Promise<void> {
  await truth.push(ROUNDS);
  await untilExact(gateway, truth);
  await untilConfirmed(gateway);
  await stage.kill(gateway);
  const next = await stage.startGateway(redis);
  await untilExact(next, truth);
  expect((await next.metrics()).match(/^long_total\{.* 1$/gm)).toHaveLength(LONG_LABELS);
}
