import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { startPrometheus } from "../support/prometheus.ts";
import { freePort, type RedisServer, startRedis } from "../support/redis-server.ts";
import { Truth } from "../support/truth.ts";
import { until } from "../support/until.ts";

let redis: RedisServer;
const ends: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  redis = await startRedis();
  ends.push(() => redis.stop());
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

test("Prometheus sees no counter reset when the gateway is killed and started again, again and again", async () => {
  const port = await freePort();
  const { query } = await run(scrapeConfig([port]));
  const truth = new Truth(redis.client);
  for (let round = 0; round < 5; round++) {
    const gateway = await start(port);
    for (let i = 0; i < 20; i++) await truth.push(50);
    await until("Prometheus has seen them", async () => {
      return (await query("truth_seq"))[0] === truth.rounds;
    });
    for (let i = 0; i < 20; i++) await truth.push(50);
    gateway.signal("SIGKILL");
    await gateway.exited;
  }
  await start(port);
  await until("it has seen all", async () => (await query("truth_seq"))[0] === truth.rounds);
  expect(await query("sum(resets(truth_total[10m]))")).toEqual([0]);
  expect(await query("sum(resets(truth_size_bucket[10m]))")).toEqual([0]);
  expect(await query("truth_size_count")).toEqual([truth.rounds]);
});

test("owner and standby, scraped as documented, are one series over a take-over, without a reset", async () => {
  const page = await Bun.file(join(import.meta.dir, "../../docs/reliability.md")).text();
  const documented = /```yaml\n([\s\S]*?)```/.exec(page)![1];
  const ports = [await freePort(), await freePort()];
  const config = documented
    .replace("gateway-a:9091", `127.0.0.1:${ports[0]}`)
    .replace("gateway-b:9091", `127.0.0.1:${ports[1]}`);
  expect(config).not.toContain("gateway-a");
  const { query } = await run(config);
  const truth = new Truth(redis.client);
  let gateways = [await start(ports[0]), await start(ports[1])];
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 10; i++) await truth.push(50);
    await until("Prometheus has seen them", async () => {
      return (await query("truth_seq"))[0] === truth.rounds;
    });
    const [owner, standby] = gateways;
    owner.signal("SIGKILL");
    await owner.exited;
    await truth.push(50);
    await until("the standby works", async () => {
      return (await standby.value("truth_seq")) === truth.rounds;
    });
    gateways = [standby, await start(Number(new URL(owner.url).port))];
  }
  await until("it has seen all", async () => (await query("truth_seq"))[0] === truth.rounds);
  expect(await query("count(truth_size_count)")).toEqual([1]);
  expect(await query("sum(resets(truth_size_count[10m]))")).toEqual([0]);
  await until("both are scraped", async () => {
    return (await query("count(prom_stream_gateway_is_owner)"))[0] === 2;
  });
});

async function start(port: number): Promise<GatewayProcess> {
  const flags = [`--Web.ListenAddress=127.0.0.1:${port}`, "--Gateway.LeaseMs=1000"];
  const gateway = await startGateway(redis.port, flags);
  ends.push(() => gateway.stop());
  return gateway;
}

async function run(config: string) {
  const prometheus = await startPrometheus(config);
  ends.push(() => prometheus.stop());
  return prometheus;
}

function scrapeConfig(ports: readonly number[]): string {
  const targets = ports.map((port) => `"127.0.0.1:${port}"`).join(", ");
  return `scrape_configs:\n  - job_name: gateway\n    static_configs: [{ targets: [${targets}] }]\n`;
}
