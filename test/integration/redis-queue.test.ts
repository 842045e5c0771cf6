import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseConnectionString } from "../../src/config/connection-string.ts";
import { NO_ACCESS } from "../../src/config/redis-access.ts";
import { elementAt } from "../../src/queue/elements.ts";
import type { Commit, Position } from "../../src/queue/queue.ts";
import type { RedisTarget } from "../../src/queue/redis-connection.ts";
import { RedisQueue } from "../../src/queue/redis-queue.ts";
import { RedisRangeReader } from "../../src/queue/redis-range-reader.ts";
import { freePort, type RedisServer, startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";
import { describeSharedQueueContract, faultOf } from "./queue-contract.ts";

const KEY = "queue";
const DEAD_LETTERS = `{${KEY}}:dead`;
const SILENT = { connected: () => {}, failed: () => {} };

let redis: RedisServer;
const opened: { close(): void }[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
afterEach(() => {
  for (const each of opened.splice(0)) each.close();
});

describeSharedQueueContract("the queue on Redis", async () => {
  await redis.client.flushall();
  return {
    open: () => open(target(`localhost:${redis.port}`)),
    openReader: () => openReader(target(`localhost:${redis.port}`)),
    push: async (...elements) => void (await redis.client.lpush(KEY, ...elements)),
    die: expireLease,
    expireLease,
    forget: async () => void (await redis.client.flushall()),
    remember: async () => {
      remembered = await dumpAll();
    },
    goBack: async () => {
      await redis.client.flushall();
      for (const [key, value] of remembered) await redis.client.restore(key, 0, value);
    },
    deadLetters: () => redis.client.lrange(DEAD_LETTERS, 0, -1),
    kept: async () => (await redis.client.keys(`{${KEY}}:gateway:*`)).sort(),
  };
});

async function expireLease(): Promise<void> {
  await redis.client.del(`{${KEY}}:gateway:test:lease`);
}

let remembered: [key: string, value: Buffer][] = [];

/** Every key but the lease, which would last for ever when it is restored. */
async function dumpAll(): Promise<[string, Buffer][]> {
  const keys = (await redis.client.keys("*")).filter((key) => !key.endsWith(":lease"));
  const values = await Promise.all(keys.map((key) => redis.client.dumpBuffer(key)));
  return keys.map((key, i) => [key, values[i]]);
}

describe("the queue on Redis, on its own", () => {
  test("makes only keys that share the queue's hash slot", async () => {
    await redis.client.flushall();
    const queue = open(target(`localhost:${redis.port}`));
    await queue.acquire(false);
    await redis.client.lpush(KEY, "a");
    await queue.claim(1000);
    for (const key of await redis.client.keys("*")) expect(key).toStartWith(`{${KEY}}:`);
  });

  test("keeps no word on segments that are done", async () => {
    await redis.client.flushall();
    const queue = open(target(`localhost:${redis.port}`));
    await queue.acquire(false);
    for (let i = 0; i < 3; i++) {
      await redis.client.lpush(KEY, "a");
      await queue.claim(1000 + i);
    }
    const [state] = (await redis.client.keys("*gateway*")).filter((key) => key.endsWith("state"));
    const claims = async () =>
      (await redis.client.hkeys(state)).filter((field) => field.startsWith("claimed:")).sort();
    expect(await claims()).toEqual(["claimed:0", "claimed:1", "claimed:2"]);
    await queue.commit(firstCommit({ segment: 1, left: 0 }));
    expect(await claims()).toEqual(["claimed:2"]);
  });

  test("leaves a key that is no list alone and says so", async () => {
    await redis.client.flushall();
    await redis.client.set(KEY, "text");
    const queue = open(target(`localhost:${redis.port}`));
    await queue.acquire(false);
    await expect(queue.claim(1000)).rejects.toThrow("WRONGTYPE the queue key holds a string");
    expect(await redis.client.get(KEY)).toBe("text");
  });

  test("drains a Redis that is over its memory limit", async () => {
    const full = await startRedis("--maxmemory-policy", "noeviction");
    try {
      const queue = open(target(`localhost:${full.port}`));
      const reader = openReader(target(`localhost:${full.port}`));
      for (let i = 0; i < 100; i++) await full.client.lpush(KEY, "x".repeat(50_000));
      await full.client.config("SET", "maxmemory", "3mb");
      await expect(full.client.lpush(KEY, "y").catch(String)).resolves.toContain("OOM");
      await queue.acquire(false);
      const segment = (await queue.claim(1000))!;
      const all = { sequence: 0, segment: segment.number, newer: 0, count: segment.length };
      expect((await reader.read(all)).count).toBe(segment.length);
      await queue.commit(firstCommit({ segment: segment.number, left: 0 }));
      // Redis frees the memory in the background.
      await until("Redis takes again", () => full.client.lpush(KEY, "y").catch(() => false));
      await queue.release();
      const next = open(target(`localhost:${full.port}`));
      await next.acquire(false);
      expect((await next.claim(1000))?.length).toBe(1);
    } finally {
      await full.stop();
    }
  });

  test("fails while Redis is away, and works when it is back", async () => {
    const own = await startRedis();
    try {
      const queue = open(target(`localhost:${own.port}`));
      await queue.acquire(false);
      await own.kill();
      expect(await faultOf(queue.claim(1000))).toBe("unavailable");
      await own.restart();
      await until(
        "the queue answers",
        async () => (await faultOf(queue.claim(1000))) === "state_lost",
      );
      expect(await queue.acquire(true)).toMatchObject({ kind: "owner", segments: [] });
    } finally {
      await own.stop();
    }
  });

  test("goes on after SCRIPT FLUSH and CLIENT KILL", async () => {
    await redis.client.flushall();
    const queue = open(target(`localhost:${redis.port}`));
    await queue.acquire(false);
    await redis.client.script("FLUSH");
    await redis.client.lpush(KEY, "a");
    expect((await queue.claim(1000))?.length).toBe(1);
    await redis.client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    await redis.client.lpush(KEY, "b");
    await until("it claims again", async () => {
      return (await queue.claim(1000).catch(() => undefined))?.length === 1;
    });
  });

  test("tries the next endpoint when one does not answer", async () => {
    await redis.client.flushall();
    const nobody = await freePort();
    const queue = open(target(`localhost:${nobody},localhost:${redis.port}`));
    await until("it got through", async () => (await faultOf(queue.acquire(false))) === undefined);
  });

  test("says what a wrong password was answered with, without the password", async () => {
    const locked = await startRedis("--requirepass", "right");
    try {
      const queue = open(target(`localhost:${locked.port},password=canary-secret`));
      const error = await queue.acquire(false).catch((reason: Error) => reason);
      expect(String(error)).toContain("WRONGPASS");
      expect(String(error)).not.toContain("canary-secret");
      const right = open(target(`localhost:${locked.port},password=right`));
      expect(await right.acquire(false)).toMatchObject({ kind: "owner" });
    } finally {
      await locked.stop();
    }
  });
});

describe("Redis Cluster", () => {
  test("follows MOVED to the node that has the queue's slot", async () => {
    const nodes = await Promise.all([1, 2].map(() => startRedis("--cluster-enabled", "yes")));
    try {
      const [first, second] = nodes;
      const slot = Number(await first.client.cluster("KEYSLOT", KEY));
      // The second node has the queue's slot and nothing else.
      const ranges = [0, slot - 1, slot + 1, 16_383];
      await first.client.call("CLUSTER", "ADDSLOTSRANGE", ...ranges);
      await second.client.call("CLUSTER", "ADDSLOTS", slot);
      await first.client.call("CLUSTER", "SET-CONFIG-EPOCH", 1);
      await second.client.call("CLUSTER", "SET-CONFIG-EPOCH", 2);
      await first.client.call("CLUSTER", "MEET", "127.0.0.1", second.port);
      for (const { client } of nodes) {
        await until("the cluster is whole", async () => {
          return String(await client.cluster("INFO")).includes("cluster_state:ok");
        });
      }
      const queue = open(target(`localhost:${first.port}`));
      const reader = openReader(target(`localhost:${first.port}`));
      const astray = open(target(`localhost:${first.port}`), "dead");
      const refusal = await astray.acquire(false).catch((error: Error) => error.message);
      expect(refusal).toContain("Redis.DeadLetterKey must have the queue's hash tag");
      await until("it has moved", async () => (await faultOf(queue.acquire(false))) === undefined);
      await second.client.lpush(KEY, "a");
      const segment = await until("the commands have moved too", () =>
        queue.claim(1000).catch(() => undefined),
      );
      const all = { sequence: 0, segment: segment.number, newer: 0, count: 1 };
      const elements = await until("the reader has moved", () =>
        reader.read(all).catch(() => undefined),
      );
      expect(elementAt(elements, 0).toString()).toBe("a");
      await queue.commit(firstCommit({ segment: segment.number, left: 0 }));
    } finally {
      for (const node of nodes) await node.stop();
    }
  });
});

describe("Redis Sentinel", () => {
  test("finds the master by the service's name", async () => {
    const sentinelPort = await freePort();
    const folder = mkdtempSync(join(tmpdir(), "gateway-sentinel-"));
    const config = join(folder, "sentinel.conf");
    writeFileSync(
      config,
      `port ${sentinelPort}\nbind 127.0.0.1\nsentinel monitor main 127.0.0.1 ${redis.port} 1\n`,
    );
    const sentinel = Bun.spawn(["redis-server", config, "--sentinel"], {
      stdout: "ignore",
      stderr: "ignore",
    });
    try {
      await redis.client.flushall();
      await redis.client.lpush(KEY, "a");
      const queue = open(target(`localhost:${sentinelPort},serviceName=main`));
      await until(
        "it found the master",
        async () => (await faultOf(queue.acquire(false))) === undefined,
      );
      expect((await queue.claim(1000))?.length).toBe(1);
      expect((await queue.facts()).server?.address).toMatch(
        new RegExp(`^main by Sentinel localhost:${sentinelPort}, now .*:${redis.port}$`),
      );
    } finally {
      sentinel.kill("SIGKILL");
      await sentinel.exited;
      rmSync(folder, { recursive: true });
    }
  });
});

function target(connectionString: string): RedisTarget {
  const parsed = parseConnectionString(connectionString);
  if (!parsed.ok) throw new Error(parsed.fault);
  return {
    connection: parsed.connection,
    access: NO_ACCESS,
    database: 0,
    queueKey: KEY,
    gatewayId: "test",
  };
}

function firstCommit(position: Position): Commit {
  const entry = { journal: "j", index: 0, bytes: new Uint8Array(100) };
  return { number: 1, after: 0, position, entry, isBegun: false, deadLetters: [] };
}

function open(redisTarget: RedisTarget, deadLetterKey = DEAD_LETTERS): RedisQueue {
  const queue = new RedisQueue({
    target: redisTarget,
    leaseMs: 3000,
    deadLetters: { key: deadLetterKey, max: 3 },
    listener: SILENT,
  });
  opened.push(queue);
  return queue;
}

function openReader(redisTarget: RedisTarget): RedisRangeReader {
  const reader = new RedisRangeReader(redisTarget, "reader", SILENT);
  opened.push(reader);
  return reader;
}
