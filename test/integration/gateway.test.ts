import { afterEach, expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { Redis } from "ioredis";
import { loadSettings } from "../../src/config/load.ts";
import { type Gateway, startGateway } from "../../src/gateway.ts";
import { crashMarker } from "../support/crash-marker.ts";
import { QUEUE_KEY, readSample } from "../support/gateway-process.ts";
import { startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const CRASHING = new URL("../support/crashing-worker.ts", import.meta.url);

test("a worker that dies is started again, is counted, and loses nothing", async () => {
  const redis = await startRedis();
  ends.push(() => redis.stop());
  await redis.client.lpush(QUEUE_KEY, ...MESSAGES);
  await expectAll(start("Redis.ConnectionString", `localhost:${redis.port}`));
});

test("so it is with an embedded queue", async () => {
  const gateway = start("Embedded.ListenAddress", "127.0.0.1:0");
  const client = new Redis({ port: gateway.embeddedPort ?? 0 });
  ends.push(() => client.disconnect());
  await client.lpush(QUEUE_KEY, ...MESSAGES);
  await expectAll(gateway);
});

test("run from source, the status page is bundled when it is asked for", async () => {
  const gateway = start("Embedded.ListenAddress", "127.0.0.1:0");
  const page = await (await fetch(new URL("/status", gateway.url))).text();
  expect(page).toContain("<h1");
  const [, script] = /src="([^"]+)"/.exec(page) ?? [];
  const answer = await fetch(new URL(script ?? "", gateway.url));
  expect(answer.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
  expect((await answer.text()).length).toBeGreaterThan(10_000);
});

const MESSAGES = Array.from({ length: 5000 }, (_, i) =>
  JSON.stringify({ type: "counter", name: "c", value: 1, labels: { i: i % 10 } }),
);

/** All of the messages, and that a worker died meanwhile. */
async function expectAll(gateway: Gateway): Promise<void> {
  const text = await until("all is applied", async () => {
    const metrics = await (await fetch(new URL("/metrics", gateway.url))).text();
    return readSample(metrics, 'c{i="9"}') === 500 && metrics;
  });
  expect(existsSync(crashMarker())).toBe(true);
  for (let i = 0; i < 10; i++) expect(readSample(text, `c{i="${i}"}`)).toBe(500);
  const restarts = [0, 1].map((worker) =>
    readSample(text, `prom_stream_gateway_worker_restarts_total{worker="${worker}"}`),
  );
  expect((restarts[0] ?? 0) + (restarts[1] ?? 0)).toBe(1);
}

function start(setting: string, value: string): Gateway {
  ends.push(() => rmSync(crashMarker(), { force: true }));
  const loaded = loadSettings({
    fileText: undefined,
    filePath: "",
    environment: {},
    flags: [
      { name: setting, value },
      { name: "Redis.MetricQueuePopCount", value: "100" },
      { name: "Web.ListenAddress", value: "127.0.0.1:0" },
      { name: "Logging.LogLevel.Default", value: "None" },
    ],
  });
  if (!loaded.ok) throw new Error(loaded.faults.join("\n"));
  const gateway = startGateway(loaded.settings, CRASHING);
  ends.push(() => gateway.stop());
  return gateway;
}
