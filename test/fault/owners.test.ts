import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { type GatewayProcess, QUEUE_KEY, startGateway } from "../support/gateway-process.ts";
import { randomOf } from "../support/random.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { startScraper } from "../support/scraper.ts";
import { Truth } from "../support/truth.ts";
import { until } from "../support/until.ts";

/** Kills in the random test; `npm run test:nightly` sets more. */
const KILLS = Number(process.env.GATEWAY_TEST_KILLS ?? 20);
const SEED = Number(process.env.GATEWAY_TEST_SEED ?? Date.now() % 1_000_000);

const FLAGS = ["--Checkpoint.IntervalMs=50", "--Gateway.LeaseMs=1000"];

let redis: RedisServer;
const running = new Set<GatewayProcess>();

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
afterEach(async () => {
  for (const gateway of running) await gateway.stop();
  running.clear();
  await redis.client.flushall();
});

test(`owner and standby killed at ${KILLS} random moments under load leave every total exact (seed ${SEED})`, async () => {
  const random = randomOf(SEED);
  const truth = new Truth(redis.client);
  const urls = () => [...running].map((gateway) => gateway.url);
  const scraper = startScraper(urls);
  let isPushing = true;
  const pushing = (async () => {
    while (isPushing) await truth.push(1 + Math.floor(random() * 200));
  })();
  const start = () => startOne([`--Redis.MetricQueuePopCount=${1 + Math.floor(random() * 300)}`]);
  await start();
  for (let kill = 0; kill < KILLS; kill++) {
    const standby = await start();
    const seen = truth.rounds;
    // A moment after something happened, chosen at random: in start, recovery or work.
    const target = seen + Math.floor(random() ** 2 * 3000);
    await until("the moment comes", () => truth.rounds >= target);
    const victim = random() < 0.8 ? [...running][0] : standby;
    victim.signal("SIGKILL");
    await victim.exited;
    running.delete(victim);
  }
  isPushing = false;
  await pushing;
  const [last] = [...running];
  await until(
    "all is applied",
    async () => (await last.value("truth_seq")) === truth.rounds,
    60_000,
  );
  expect(truth.missingFrom(await last.metrics())).toEqual([]);
  expect(await scraper.stop()).toEqual([]);
  expect(scraper.scrapes()).toBeGreaterThan(0);
}, 3_600_000);

test("an owner that was frozen for longer than its lease shows no totals when it wakes, and nothing counts twice", async () => {
  const truth = new Truth(redis.client);
  const frozen = await startOne();
  await truth.push(1000);
  await until("it works", async () => (await frozen.value("truth_seq")) === truth.rounds);
  const standby = await startOne();
  const scraper = startScraper(() => [standby.url, frozen.url]);
  // With ranges claimed, read, and on their way.
  const backlog = truth.push(20_000);
  frozen.signal("SIGSTOP");
  await backlog;
  await until("the standby has taken over", async () => {
    return (await standby.value("truth_seq")) === truth.rounds;
  });
  await truth.push(100);
  frozen.signal("SIGCONT");
  const first = await frozen.metrics();
  expect(first).not.toContain("truth_");
  await until("the woken one stands by", async () => {
    return (await (await fetch(`${frozen.url}/-/ready`)).text()).startsWith("standby");
  });
  expect(frozen.log().some((line) => line.event === "gateway_superseded")).toBe(true);
  await until("all is applied", async () => (await standby.value("truth_seq")) === truth.rounds);
  expect(truth.missingFrom(await standby.metrics())).toEqual([]);
  const lost = `prom_stream_gateway_lost_samples_total{queueKey="${QUEUE_KEY}"}`;
  expect(await frozen.value(lost)).toBe(0);

  // And back again: what it held before counts no more.
  standby.signal("SIGKILL");
  await standby.exited;
  await truth.push(100);
  await until("it works again", async () => (await frozen.value("truth_seq")) === truth.rounds);
  expect(truth.missingFrom(await frozen.metrics())).toEqual([]);
  expect(await scraper.stop()).toEqual([]);
});

test("a restart after kill -9 takes over at once, long before the lease is over", async () => {
  const lease = ["--Gateway.LeaseMs=600000"];
  const truth = new Truth(redis.client);
  const first = await startOne(lease);
  await truth.push(10);
  await until("it works", async () => (await first.value("truth_seq")) === truth.rounds);
  first.signal("SIGKILL");
  await first.exited;
  const next = await startOne(lease);
  await until("it has taken over", async () => (await next.value("truth_seq")) === truth.rounds);
});

test("SIGTERM hands over to a standby at once, long before the lease is over", async () => {
  const lease = ["--Gateway.LeaseMs=600000"];
  const truth = new Truth(redis.client);
  const first = await startOne(lease);
  const standby = await startOne(lease);
  await truth.push(5000);
  await until("it has begun", () => first.value("truth_seq"));
  first.signal("SIGTERM");
  expect(await first.exited).toBe(0);
  await until("it has taken over", async () => (await standby.value("truth_seq")) === truth.rounds);
  expect(truth.missingFrom(await standby.metrics())).toEqual([]);
});

async function startOne(flags: readonly string[] = []): Promise<GatewayProcess> {
  const gateway = await startGateway(redis.port, [...FLAGS, ...flags]);
  running.add(gateway);
  return gateway;
}
