import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { type GatewayProcess, QUEUE_KEY, startGateway } from "../support/gateway-process.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

const KEY = "dead-letters";

interface DeadLetter {
  time: string;
  reason: string;
  payload: string;
}

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

test("dropped samples are listed with reason, time and payload, those of an array one by one", async () => {
  const gateway = await start();
  const before = Date.now();
  const counter = { type: "counter", name: "a", value: 1 };
  const array = [counter, { ...counter, value: -1 }, { bad: [1, 2] }];
  // Refused where it is applied: another sample made it a counter first.
  const gauge = {
    type: "gauge",
    name: "a",
    help: "A.",
    value: 1e300,
    labels: { b: "c", d: "1.50" },
  };
  await push("{", JSON.stringify(array), JSON.stringify(gauge).replace('"1.50"', "1.50"));
  const letters = await listed(4);
  expect(letters.map(({ reason, payload }) => [reason, payload]).sort()).toEqual([
    ["invalid_json", "{"],
    ["negative_counter", JSON.stringify({ ...counter, value: -1 })],
    ["type_conflict", JSON.stringify(gauge)],
    ["unknown_type", '{"bad":[1,2]}'],
  ]);
  for (const { time } of letters) {
    expect(new Date(time).getTime()).toBeGreaterThanOrEqual(before);
    expect(new Date(time).getTime()).toBeLessThanOrEqual(Date.now());
  }
  const counted = `prom_stream_gateway_dead_letters_total{queueKey="${QUEUE_KEY}"}`;
  expect(await gateway.value(counted)).toBe(4);
});

test("only the newest are kept, newest first", async () => {
  await start("--Redis.DeadLetterMax=3");
  await push(...["1", "2", "3", "4", "5"]);
  await until("all are dropped", async () => (await payloads())[0] === "5");
  expect(await payloads()).toEqual(["5", "4", "3"]);
  await push("6");
  await until("one more is dropped", async () => (await payloads())[0] === "6");
  expect(await payloads()).toEqual(["6", "5", "4"]);
});

test("a payload is cut, and bytes that are no text do not break the list", async () => {
  await start();
  await push("x".repeat(100_000));
  await redis.client.lpush(QUEUE_KEY, Buffer.from([0xff, 0xfe]));
  const [bytes, long] = await listed(2);
  expect(bytes.payload).toBe("\ufffd\ufffd");
  expect(long.payload).toBe("x".repeat(16 * 1024));
});

test("more bytes than a checkpoint takes are cut to the newest, and the rest is counted", async () => {
  const gateway = await start("--Checkpoint.IntervalMs=100");
  const bad = Array.from({ length: 2000 }, (_, i) => `${i} ${"y".repeat(10_000)}`);
  await push(...bad);
  const discarded = `prom_stream_gateway_dead_letters_discarded_total{queueKey="${QUEUE_KEY}"}`;
  await until("all are dropped", async () => (await payloads())[0]?.startsWith("1999 "));
  await until("all are accounted for", async () => {
    const kept = await redis.client.llen(KEY);
    return kept + ((await gateway.value(discarded)) ?? 0) === bad.length;
  });
  expect(await redis.client.llen(KEY)).toBeGreaterThan(300);
});

test("a kill at a random moment duplicates none and loses none", async () => {
  for (let round = 0; round < 5; round++) {
    const gateway = await start("--Checkpoint.IntervalMs=20", "--Redis.MetricQueuePopCount=5");
    for (let i = 0; i < 20; i++)
      await push(...Array.from({ length: 10 }, (_, k) => `${round} ${i} ${k}`));
    await until("some are listed", async () =>
      (await payloads()).some((p) => p.startsWith(`${round} `)),
    );
    gateway.signal("SIGKILL");
    await gateway.exited;
  }
  await start();
  const all = await until("all are listed", async () => {
    const found = await payloads();
    return found.length >= 1000 && found;
  });
  expect(new Set(all).size).toBe(1000);
  expect(all.length).toBe(1000);
});

test("a list key of another type is named, and nothing is taken", async () => {
  await redis.client.set(KEY, "text");
  const gateway = await start();
  await push("1");
  await until("it says so", async () => {
    const ready = await fetch(`${gateway.url}/-/ready`);
    return (await ready.text()).includes("Redis.DeadLetterKey holds a string");
  });
  expect(await redis.client.llen(QUEUE_KEY)).toBe(1);
  await redis.client.del(KEY);
  expect((await listed(1))[0].payload).toBe("1");
});

async function start(...flags: string[]): Promise<GatewayProcess> {
  const gateway = await startGateway(redis.port, [`--Redis.DeadLetterKey=${KEY}`, ...flags]);
  running.push(gateway);
  return gateway;
}

async function push(...elements: string[]): Promise<void> {
  await redis.client.lpush(QUEUE_KEY, ...elements);
}

async function listed(count: number): Promise<DeadLetter[]> {
  await until("they are listed", async () => (await redis.client.llen(KEY)) >= count);
  return (await redis.client.lrange(KEY, 0, -1)).map((text) => JSON.parse(text));
}

async function payloads(): Promise<string[]> {
  return (await redis.client.lrange(KEY, 0, -1)).map((text) => JSON.parse(text).payload);
}
