import { describe, expect, test } from "bun:test";
import type { Redis } from "ioredis";
import { QueueKeys } from "../../src/queue/queue-keys.ts";
import { QUEUE_KEY } from "../support/gateway-process.ts";
import type { RedisServer } from "../support/redis-server.ts";
import {
  hasLogged,
  notReadyReason,
  onStage,
  type Stage,
  scrape,
  untilConfirmed,
  untilExact,
} from "../support/stage.ts";
import { Truth } from "../support/truth.ts";
import { until } from "../support/until.ts";

const KEYS = new QueueKeys(QUEUE_KEY, "default");

/** Fields of the state that are the lease's: an attempt to become the owner may write them. */
const OF_THE_LEASE = ["owner", "token", "released", "formerOwner", "formerToken"];

test("a queue key that holds a string is named as the reason, and all goes on once it is deleted", () =>
  onStage(async (stage) => {
    const redis = await stage.startRedis();
    const truth = new Truth(redis.client);
    const gateway = await stage.startGateway(redis);
    await truth.push(100);
    await untilExact(gateway, truth);
    await until("the queue is empty", async () => {
      return (await redis.client.set(QUEUE_KEY, "a string", "NX")) === "OK";
    });
    const reason = await until("it is not ready", async () => {
      return (await notReadyReason(gateway)) || undefined;
    });
    expect(reason).toContain("the queue key holds a string, not a list");
    // What is in the totals is not in doubt.
    expect(truth.missingFrom(await scrape(gateway))).toEqual([]);

    await stage.kill(gateway);
    const next = await stage.startGateway(redis);
    await until("one that starts says so too", async () => {
      return (await notReadyReason(next)).includes("the queue key holds a string, not a list");
    });
    await untilExact(next, truth);
    await redis.client.del(QUEUE_KEY);
    await truth.push(100);
    await untilExact(next, truth);
    await until("it is ready", async () => (await notReadyReason(next)) === "");
  }));

describe("a state that cannot be read", () => {
  test("of a newer format is refused and left as it is, and all goes on when it can be read", () =>
    onStage(async (stage) => {
      const redis = await stage.startRedis();
      const truth = new Truth(redis.client);
      await leaveState(stage, redis, truth);
      const format = await redis.client.hget(KEYS.state, "format");
      await redis.client.hset(KEYS.state, "format", "99");
      const before = await dumpAll(redis.client);

      const gateway = await stage.startGateway(redis);
      await until("it says so", () => hasLogged(gateway, "checkpoint_refused"));
      expect(await notReadyReason(gateway)).toContain("NEWFORMAT the state is of format 99");
      // A second attempt changes nothing either.
      await untilTriedAgain(redis.client, 3);
      expect(await dumpAll(redis.client)).toEqual(before);
      expect(await scrape(gateway)).not.toContain("truth_");

      await redis.client.hset(KEYS.state, "format", String(format));
      await untilExact(gateway, truth);
      await until("it is ready", async () => (await notReadyReason(gateway)) === "");
      await truth.push(100);
      await untilExact(gateway, truth);
    }));

  test("because an entry of its journal is missing is refused and left as it is", () =>
    onStage(async (stage) => {
      const redis = await stage.startRedis();
      const truth = new Truth(redis.client);
      await leaveState(stage, redis, truth);
      const journal = KEYS.journal(String(await redis.client.hget(KEYS.state, "journal")));
      const entry = await redis.client.hgetBuffer(journal, "0");
      expect(await redis.client.hdel(journal, "0")).toBe(1);
      const before = await dumpAll(redis.client, OF_THE_LEASE);

      const gateway = await stage.startGateway(redis);
      await until("it says so", () => hasLogged(gateway, "checkpoint_refused"));
      expect(await notReadyReason(gateway)).toContain(`entry 0 of ${journal} is missing`);
      await untilTriedAgain(redis.client, 9);
      expect(await dumpAll(redis.client, OF_THE_LEASE)).toEqual(before);
      expect(await scrape(gateway)).not.toContain("truth_");

      await redis.client.hset(journal, "0", entry as Buffer);
      await untilExact(gateway, truth);
      await until("it is ready", async () => (await notReadyReason(gateway)) === "");
      await truth.push(100);
      await untilExact(gateway, truth);
    }));
});

test("a state as the version before wrote it is read, and its segments are applied", () =>
  onStage(async (stage) => {
    const redis = await stage.startRedis();
    const truth = new Truth(redis.client);
    for (const number of [3, 4]) {
      await truth.push(100);
      await redis.client.rename(QUEUE_KEY, KEYS.segment(number));
    }
    await redis.client.hset(KEYS.state, { owner: crypto.randomUUID(), first: 3, next: 5 });
    const gateway = await stage.startGateway(redis);
    await untilExact(gateway, truth);
    await truth.push(100);
    await untilExact(gateway, truth);
    await untilConfirmed(gateway);
    expect(await redis.client.keys("*:segment:*")).toEqual([]);
    await stage.kill(gateway);
    await untilExact(await stage.startGateway(redis), truth);
  }));

test("after SIGTERM the state, its journal and the mark of the release are all that is left", () =>
  onStage(async (stage) => {
    const redis = await stage.startRedis();
    const truth = new Truth(redis.client);
    for (let life = 0; life < 2; life++) {
      const killed = await stage.startGateway(redis);
      await truth.push(2000);
      await until("it has begun", () => killed.value("truth_seq"));
      await stage.kill(killed);
    }
    const gateway = await stage.startGateway(redis);
    await truth.push(100);
    await untilExact(gateway, truth);
    await until("the scraper has seen it", () => stage.scraper.scrapes() > 0);
    gateway.signal("SIGTERM");
    expect(await gateway.exited).toBe(0);
    const journal = KEYS.journal(String(await redis.client.hget(KEYS.state, "journal")));
    const expected = [journal, KEYS.released, KEYS.state].sort();
    expect((await redis.client.keys("*")).sort()).toEqual(expected);

    // Of a queue that nobody reads only the queue is left beside them.
    await truth.push(1);
    expect((await redis.client.keys("*")).sort()).toEqual([...expected, QUEUE_KEY].sort());
  }));

/** Leaves a journal of several entries, a segment that no checkpoint has, and a queue. */
async function leaveState(stage: Stage, redis: RedisServer, truth: Truth): Promise<void> {
  const { client } = redis;
  const gateway = await stage.startGateway(redis);
  for (let i = 0; i < 3; i++) {
    await truth.push(100);
    await untilExact(gateway, truth);
    await untilConfirmed(gateway);
  }
  await stage.kill(gateway);
  await truth.push(100);
  // As a claim does it.
  const next = Number(await client.hget(KEYS.state, "next"));
  await client.rename(QUEUE_KEY, KEYS.segment(next));
  await client.hset(KEYS.state, "next", next + 1);
  await truth.push(100);
  expect(Number(await client.hget(KEYS.state, "entries"))).toBeGreaterThan(1);
}

/** What Redis holds, but for the lease itself, which ends by itself, and fields of `ignored`. */
async function dumpAll(
  client: Redis,
  ignored: readonly string[] = [],
): Promise<Record<string, unknown>> {
  const dump: Record<string, unknown> = {};
  for (const key of (await client.keys("*")).sort()) {
    if (key === KEYS.lease || key === KEYS.released) continue;
    if (key === KEYS.state) {
      const fields = Object.entries(await client.hgetall(key));
      dump[key] = Object.fromEntries(fields.filter(([field]) => !ignored.includes(field)));
    } else dump[key] = (await client.dumpBuffer(key)).toString("base64");
  }
  return dump;
}

/** Waits until a gateway that is refused has called the scripts `times` more. */
async function untilTriedAgain(client: Redis, times: number): Promise<void> {
  const countCalls = async () => {
    const stats = await client.info("commandstats");
    const calls = [...stats.matchAll(/^cmdstat_eval(?:sha)?:calls=(\d+)/gm)];
    return calls.reduce((sum, [, count]) => sum + Number(count), 0);
  };
  const before = await countCalls();
  await until("it tries again", async () => (await countCalls()) >= before + times);
}
