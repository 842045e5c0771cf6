import { afterEach, expect, test } from "bun:test";
import { parseConnectionString } from "../../src/config/connection-string.ts";
import { NO_ACCESS } from "../../src/config/redis-access.ts";
import { RedisQueue } from "../../src/queue/redis-queue.ts";
import { freePort, type RedisServer, startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(...options: string[]): Promise<RedisServer> {
  const redis = await startRedis(...options);
  ends.push(() => redis.stop());
  return redis;
}

function open(connectionString: string): RedisQueue {
  const parsed = parseConnectionString(connectionString);
  if (!parsed.ok) throw new Error(parsed.fault);
  const { connection } = parsed;
  const access = NO_ACCESS;
  const target = { connection, access, database: 0, queueKey: "q", gatewayId: "g" };
  const listener = { connected: () => {}, failed: () => {} };
  const queue = new RedisQueue({ target, leaseMs: 3000, deadLetters: undefined, listener });
  ends.push(() => queue.close());
  return queue;
}

/** How often the server was asked INFO, before this time; `field`: of its statistics. */
async function asked(redis: RedisServer, field: "calls" | "rejected_calls"): Promise<number> {
  const stats = await redis.client.info("commandstats");
  return Number(new RegExp(`^cmdstat_info:.*\\b${field}=(\\d+)`, "m").exec(stats)?.[1] ?? 0);
}

test("a queue on Redis tells which Redis it is, how fast it answers and what memory it takes", async () => {
  const redis = await start("--maxmemory", "100mb");
  const queue = open(`localhost:${redis.port}`);
  await queue.length();
  const { server } = await queue.facts();
  const info = await redis.client.info("server");
  expect(server).toEqual({
    address: `localhost:${redis.port}`,
    version: /^(?:redis|valkey)_version:(.*)$/m.exec(info)?.[1].trim(),
    latencyMs: expect.any(Number),
    usedMemoryBytes: expect.any(Number),
    maxMemoryBytes: 100 * 1024 * 1024,
  });
  expect(server?.latencyMs).toBeGreaterThan(0);
  expect(server?.usedMemoryBytes).toBeGreaterThan(100_000);
});

test("it asks for that when somebody wants to know, and not again at once", async () => {
  const redis = await start();
  const queue = open(`localhost:${redis.port}`);
  await queue.length();
  await redis.client.config("RESETSTAT");
  await queue.length();
  expect(await asked(redis, "calls")).toBe(0);
  for (let i = 0; i < 5; i++) await queue.facts();
  // Two of the queue's, and ours from before.
  expect(await asked(redis, "calls")).toBe(3);
});

test("it leaves out what a user may not ask for, and asks no more", async () => {
  const redis = await start();
  const rights = ["on", ">secret", "~*", "+@all", "-info"];
  await redis.client.call("ACL", "SETUSER", "quiet", ...rights);
  const queue = open(`localhost:${redis.port},user=quiet,password=secret`);
  await queue.length();
  await queue.facts();
  const refused = await asked(redis, "rejected_calls");
  expect(refused).toBeGreaterThan(0);
  const unknown = { version: undefined, usedMemoryBytes: undefined, maxMemoryBytes: undefined };
  for (let i = 0; i < 3; i++) {
    const { server } = await queue.facts();
    expect(server).toEqual({
      address: `localhost:${redis.port}`,
      latencyMs: expect.any(Number),
      ...unknown,
    });
  }
  expect(JSON.stringify(await queue.facts())).not.toContain("secret");
  expect(await asked(redis, "rejected_calls")).toBe(refused);
});

test("it tells what it knows when Redis is not there, goes, and is back", async () => {
  const port = await freePort();
  const away = await open(`127.0.0.1:${port}`).facts();
  expect(away.server).toMatchObject({ address: `127.0.0.1:${port}`, latencyMs: undefined });

  const redis = await start();
  const queue = open(`localhost:${redis.port}`);
  await queue.length();
  await queue.facts();
  await redis.kill();
  await until("it has noticed", async () => {
    return (await queue.facts()).server?.version === undefined;
  });
  expect((await queue.facts()).server).toMatchObject({ latencyMs: undefined });
  await redis.restart();
  await until("it is back", async () => (await queue.facts()).server?.version !== undefined);
  await queue.length();
  expect((await queue.facts()).server?.latencyMs).toBeGreaterThan(0);
});
