import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { FAILPOINTS, type Failpoint } from "../../src/failpoint.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { startScraper } from "../support/scraper.ts";
import { Truth } from "../support/truth.ts";
import { until } from "../support/until.ts";

/** Checkpoints and ranges are small, so that every step is met often. */
const FLAGS = [
  "--Checkpoint.IntervalMs=50",
  "--Gateway.LeaseMs=1000",
  "--Redis.MetricQueuePopCount=20",
];

let redis: RedisServer;
let queues = 0;
const running: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop();
});

describe("killed at a step between two effects, the next process has every total exact", () => {
  for (const name of FAILPOINTS) {
    for (const times of isOnceALife(name) ? [1] : [1, 4]) {
      test(`${name}, the ${times === 1 ? "first" : `${times}th`} time`, async () => {
        const queueKey = `queue-${queues++}`;
        const truth = new Truth(redis.client, queueKey);
        const urls: string[] = [];
        const scraper = startScraper(() => urls);
        await truth.push(50);
        if (isMetAtStart(name)) await leaveClaimed(queueKey, truth, urls);
        const killed = await start(queueKey, urls, `${name}:${times}`);
        let isAsked = false;
        let hasDied = killed === undefined;
        void killed?.exited.then(() => {
          hasDied = true;
        });
        await until(`it dies at ${name}`, async () => {
          if (hasDied) return true;
          if (name.startsWith("entry")) await pushLongLabels(queueKey);
          await truth.push(10);
          // A second signal would end it at once.
          if (name.startsWith("release") && !isAsked) {
            isAsked = true;
            killed?.signal("SIGTERM");
          }
          return false;
        });
        // As SIGKILL leaves it, not with an error of its own.
        if (killed !== undefined) expect(await killed.exited).toBe(128 + 9);
        const next = (await start(queueKey, urls))!;
        await truth.push(10);
        await until("all is applied", async () => (await next.value("truth_seq")) === truth.rounds);
        expect(truth.missingFrom(await next.metrics())).toEqual([]);
        expect(await scraper.stop()).toEqual([]);
      });
    }
  }
});

/** These come before totals are shown. */
function isMetAtStart(name: Failpoint): boolean {
  return /^(acquire|inspect|restored)/.test(name);
}

/** These it comes to once in its life. */
function isOnceALife(name: Failpoint): boolean {
  return isMetAtStart(name) || name.startsWith("release");
}

/** Lets a process die with segments claimed that no checkpoint has. */
async function leaveClaimed(queueKey: string, truth: Truth, urls: string[]): Promise<void> {
  const first = (await start(queueKey, urls))!;
  for (let i = 0; i < 5; i++) await truth.push(500);
  await until("some are applied", () => first.value("truth_seq"));
  first.signal("SIGKILL");
  await first.exited;
}

/** A checkpoint of many new series does not fit into one entry. */
async function pushLongLabels(queueKey: string): Promise<void> {
  const padding = "x".repeat(3000);
  const messages = Array.from({ length: 500 }, () => {
    const labels = { id: crypto.randomUUID(), padding };
    return JSON.stringify({ type: "counter", name: "long_total", value: 1, labels });
  });
  await redis.client.lpush(queueKey, ...messages);
}

/** Undefined when it was killed before it served. */
async function start(
  queueKey: string,
  urls: string[],
  failpoint?: string,
): Promise<GatewayProcess | undefined> {
  const flags = [`--Redis.MetricQueueKey=${queueKey}`, ...FLAGS];
  const environment = failpoint ? { PROM_STREAM_GATEWAY_FAILPOINT: failpoint } : undefined;
  try {
    const gateway = await startGateway(redis.port, flags, environment);
    running.push(gateway);
    urls.push(gateway.url);
    return gateway;
  } catch (error) {
    if (failpoint === undefined) throw error;
    return undefined;
  }
}
