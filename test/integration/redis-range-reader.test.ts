import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { parseConnectionString } from "../../src/config/connection-string.ts";
import { NO_ACCESS } from "../../src/config/redis-access.ts";
import { type Elements, elementAt } from "../../src/queue/elements.ts";
import { RedisQueue } from "../../src/queue/redis-queue.ts";
import { RedisRangeReader } from "../../src/queue/redis-range-reader.ts";
import { HurtingProxy } from "../support/hurting-proxy.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

const KEY = "queue";
const SEGMENT = `{${KEY}}:gateway:test:segment:0`;
const DATABASE = 3;
const PASSWORD = "secret";
const SILENT = { connected: () => {}, failed: () => {} };
const RANGE = { sequence: 0, segment: 0, newer: 0, count: 2 };

let redis: RedisServer;
const opened: { close(): void }[] = [];

beforeAll(async () => {
  redis = await startRedis();
  await redis.client.select(DATABASE);
  await redis.client.config("SET", "requirepass", PASSWORD);
});
afterAll(() => redis.stop());
afterEach(async () => {
  for (const each of opened.splice(0)) each.close();
  await redis.client.flushall();
});

function open(port = redis.port) {
  const parsed = parseConnectionString(`localhost:${port},password=${PASSWORD}`);
  if (!parsed.ok) throw new Error(parsed.fault);
  const { connection } = parsed;
  const target = {
    connection,
    access: NO_ACCESS,
    database: DATABASE,
    queueKey: KEY,
    gatewayId: "test",
  };
  const queue = new RedisQueue({ target, leaseMs: 3000, deadLetters: undefined, listener: SILENT });
  const reader = new RedisRangeReader(target, "reader", SILENT);
  opened.push(queue, reader);
  return { queue, reader };
}

function textsOf(elements: Elements): string[] {
  return Array.from({ length: elements.count }, (_, i) => elementAt(elements, i).toString());
}

async function claim(queue: RedisQueue, ...elements: string[]): Promise<void> {
  await queue.acquire(false);
  await redis.client.lpush(KEY, ...elements);
  await queue.claim(1000);
}

test("ranges are read of another database, behind a password", async () => {
  const { queue, reader } = open();
  await claim(queue, "a", "b");
  expect(textsOf(await reader.read(RANGE))).toEqual(["a", "b"]);
});

test("a range is read whole again after its connection was lost", async () => {
  const { queue, reader } = open();
  await claim(queue, "a", "b");
  await reader.read(RANGE);
  for (let i = 0; i < 3; i++) {
    await redis.client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    const elements = await until("it is read", () => reader.read(RANGE).catch(() => undefined));
    expect(textsOf(elements)).toEqual(["a", "b"]);
  }
});

test("a range whose answer is cut off is an error, and is read whole again", async () => {
  const proxy = new HurtingProxy(redis.port);
  try {
    const { queue } = open();
    const { reader } = open(proxy.port);
    const texts = Array.from({ length: 3000 }, (_, i) => `${i} ${"x".repeat(i % 100)}`);
    await claim(queue, ...texts);
    const all = { ...RANGE, count: texts.length };
    for (const fault of ["cut within", "cut after", "cut before", "cut within"] as const) {
      const armed = proxy.arm("LRANGE", fault);
      // One more waits for its answer behind the one that is cut.
      const reads = await Promise.allSettled([reader.read(all), reader.read(RANGE)]);
      expect(reads.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
      expect(armed.hits).toBe(1);
      const elements = await until("it is read", () => reader.read(all).catch(() => undefined));
      expect(textsOf(elements)).toEqual(texts);
      reader.recycle(elements);
    }
    proxy.arm("LRANGE", "drip");
    expect(textsOf(await reader.read(all))).toEqual(texts);
  } finally {
    proxy.stop();
  }
});

test("reads that are under way at once are answered each with its own range", async () => {
  const { queue, reader } = open();
  const all = Array.from({ length: 500 }, (_, i) => String(i));
  await claim(queue, ...all);
  const reads = all.map((_, i) => reader.read({ sequence: i, segment: 0, newer: i, count: 1 }));
  const elements = await Promise.all(reads);
  expect(elements.flatMap(textsOf)).toEqual(all.toReversed());
});

test("a segment that is no list, and one that Redis has lost, are told and hold nothing up", async () => {
  const { queue, reader } = open();
  await claim(queue, "a", "b");
  await redis.client.set(SEGMENT, "text");
  await expect(reader.read(RANGE)).rejects.toThrow("WRONGTYPE");
  await redis.client.del(SEGMENT);
  expect((await reader.read(RANGE)).count).toBe(0);
  await redis.client.lpush(SEGMENT, "a", "b");
  expect(textsOf(await reader.read(RANGE))).toEqual(["a", "b"]);
  await redis.client.flushall();
  await expect(reader.read(RANGE)).rejects.toThrow("STATELOST");
});
