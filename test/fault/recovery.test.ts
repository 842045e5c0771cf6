import { expect, test } from "bun:test";
import { QUEUE_KEY, startGateway } from "../support/gateway-process.ts";
import { HurtingProxy } from "../support/hurting-proxy.ts";
import { startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

const DEADLINE_MS = 40_000;
const ELEMENTS = 2400;
const RANGES = 24;
const FLAGS = ["--Redis.MetricQueueWorkers=1", `--Redis.MetricQueuePopCount=${ELEMENTS / RANGES}`];

test("a long recovery says in the log how much is left, how quickly it goes and how long it takes", async () => {
  const redis = await startRedis();
  const proxy = new HurtingProxy(redis.port);
  const one = JSON.stringify({ type: "counter", name: "c", value: 1 });
  await redis.client.lpush(QUEUE_KEY, ...Array.from({ length: ELEMENTS }, () => one));
  const environment = { PROM_STREAM_GATEWAY_FAILPOINT: "range_sent:1" };
  const killed = await startGateway(redis.port, FLAGS, environment);
  await killed.exited;

  // Each answer takes 0.3 seconds, one after the other: seven in all.
  proxy.arm("LRANGE", "delay", RANGES);
  const gateway = await startGateway(proxy.port, FLAGS);
  try {
    const lineOf = (event: string) => gateway.log().find((line) => line.event === event);
    const line = await until("it says so", () => lineOf("gateway_recovering"), DEADLINE_MS);
    expect(line).toMatchObject({ level: "information", area: "queue" });
    const left = Number(line.elementsLeft);
    const perSecond = Number(line.elementsPerSecond);
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(ELEMENTS);
    // Rounded, the rate is off by 0.5 at most.
    expect(perSecond).toBeGreaterThan(0);
    expect(Number(line.secondsLeft)).toBeGreaterThanOrEqual(Math.floor(left / (perSecond + 0.5)));
    expect(Number(line.secondsLeft)).toBeLessThanOrEqual(Math.ceil(left / (perSecond - 0.5)));
    await until("it is done", () => lineOf("gateway_recovered"), DEADLINE_MS);
    expect(await gateway.value("c")).toBe(ELEMENTS);
    const lines = gateway.log().filter(({ event }) => event === "gateway_recovering");
    expect(lines.length).toBeLessThan(4);
  } finally {
    await gateway.stop();
    await killed.stop();
    proxy.stop();
    await redis.stop();
  }
});
