import { afterAll, beforeAll, expect, test } from "bun:test";
import { type GatewayProcess, QUEUE_KEY, startGateway } from "../support/gateway-process.ts";
import { startPrometheus } from "../support/prometheus.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

let redis: RedisServer;
let gateway: GatewayProcess;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startGateway(redis.port);
  const messages: object[] = [];
  for (let i = 0; i < 1000; i++) {
    const labels = { shard: String(i % 4), note: 'quote " backslash \\ line\nend' };
    messages.push(
      { type: "counter", name: "jobs_total", help: "Jobs\ndone \\ all.", value: 2, labels },
      { type: "gauge", name: "temperature", help: "Degrees.", value: i, labels },
      { type: "histogram", name: "size", help: "Bytes.", value: i, labels, buckets: [10, 1e6] },
      {
        type: "summary",
        name: "wait",
        help: "Waiting.",
        value: i,
        labels,
        quantiles: [0.5, 0.99],
        epsilons: [0.01, 0.001],
      },
    );
  }
  await redis.client.lpush(QUEUE_KEY, ...messages.map((message) => JSON.stringify(message)));
  await redis.client.lpush(QUEUE_KEY, '{"type":"gauge","name":"last","value":1,"help":"Last."}');
  await until("all is applied", async () => (await gateway.value("last")) === 1);
});

afterAll(async () => {
  await gateway.stop();
  await redis.stop();
});

test("promtool parses the exposition, and finds only names to dislike", async () => {
  const child = Bun.spawn(["promtool", "check", "metrics"], {
    stdin: new Blob([await gateway.metrics()]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const said =
    (await new Response(child.stderr).text()) + (await new Response(child.stdout).text());
  // 0: fine, 3: fine but for matters of style, 1: not parsed.
  expect([0, 3]).toContain(await child.exited);
  // The label queueKey is the name that users of the earlier gateway have in their dashboards.
  const other = said.split("\n").filter((line) => line !== "" && !line.includes("'camelCase'"));
  expect(other).toEqual([]);
});

test("a real Prometheus scrapes it and answers with the right totals", async () => {
  const target = new URL(gateway.url).host;
  const prometheus = await startPrometheus(
    `scrape_configs: [{ job_name: gateway, static_configs: [{ targets: ["${target}"] }] }]\n`,
  );
  try {
    const query = async (expression: string) => (await prometheus.query(expression))[0];
    await until("Prometheus has scraped", async () => (await query("last")) === 1, 30_000);
    expect(await query("sum(jobs_total)")).toBe(2000);
    expect(await query("count(jobs_total)")).toBe(4);
    expect(await query("sum(size_count)")).toBe(1000);
    expect(await query("sum(size_sum)")).toBe(499_500);
    expect(await query('sum(size_bucket{le="10"})')).toBe(11);
    expect(await query('sum(size_bucket{le="1e+06"})')).toBe(1000);
    expect(await query('sum(size_bucket{le="+Inf"})')).toBe(1000);
    expect(await query('temperature{shard="3"}')).toBe(999);
    expect(await query("sum(wait_sum)")).toBe(499_500);
    expect(await query('wait{shard="0",quantile="0.5"}')).toBeGreaterThan(470);
    expect(await query('wait{shard="0",quantile="0.5"}')).toBeLessThan(530);
    expect(await query('up{job="gateway"}')).toBe(1);
  } finally {
    await prometheus.stop();
  }
});
