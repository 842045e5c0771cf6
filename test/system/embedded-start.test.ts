import { afterEach, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { join } from "node:path";
import { makeMessage } from "../../src/cli/load.ts";
import {
  type EmbeddedProcess,
  QUEUE_KEY,
  runBinary,
  startEmbedded,
  startGateway,
} from "../support/gateway-process.ts";
import { startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

const ROOT = join(import.meta.dir, "../..");

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

describe("npm start", () => {
  /** What it would add to the command line, and what it tells a person. */
  async function flagsOf(flags: string[], environment: Record<string, string> = {}) {
    const child = Bun.spawn([process.execPath, join(ROOT, "start.ts"), ...flags], {
      cwd: import.meta.dir,
      env: { PATH: process.env.PATH, ...environment },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    return { stdout, stderr, code: await child.exited };
  }

  const SAYS = [
    "dist/prom-stream-gateway push counter demo_total 1 source=demo",
    "http://localhost:1234/status",
    QUEUE_KEY,
  ];
  const NOTHING = { stdout: "", stderr: "", code: 0 };

  test("takes samples itself only when no Redis is there", async () => {
    const isFree = await listenOnRedisPort();
    expect(await flagsOf([])).toEqual(NOTHING);
    for (const end of ends.splice(0)) await end();
    const { stdout, stderr } = await flagsOf(["--Web.ListenAddress=:1234"]);
    // Where a Redis runs on this machine there is only the first half to see.
    expect(stdout).toBe(isFree ? "--embedded\n" : "");
    for (const said of isFree ? SAYS : []) expect(stderr).toContain(said);
  });

  const SAID: [how: string, flags: string[], environment?: Record<string, string>][] = [
    ["a flag names Redis", ["--Redis.ConnectionString=redis.example"]],
    ["a variable names Redis", [], { Redis__ConnectionString: "redis.example" }],
    ["an address to listen on is set", ["--Embedded.ListenAddress=127.0.0.1:7000"]],
    ["it is asked to", ["--embedded"]],
    ["a command is given", ["check-config"]],
    ["help is asked for", ["--help"]],
    ["a setting is wrong", ["--Redis.MetricQueueWorkers=0"]],
  ];
  for (const [how, flags, environment] of SAID) {
    test(`leaves it to the gateway when ${how}`, async () => {
      expect(await flagsOf(flags, environment)).toEqual(NOTHING);
    });
  }
});

describe("the command line", () => {
  test("--embedded stands for Redis' port on this host", async () => {
    const { stdout } = await runBinary(["check-config", "--embedded"]);
    expect(stdout).toMatch(/^Embedded.ListenAddress = 127.0.0.1:6379 +# flag/m);
    const { stdout: other } = await runBinary([
      ...["check-config", "--embedded", "--Embedded.ListenAddress=127.0.0.1:7000"],
      "--Embedded.Password=secret",
    ]);
    expect(other).toMatch(/^Embedded.ListenAddress = 127.0.0.1:7000 +# flag/m);
    expect(other).toMatch(/^Embedded.Password = \*\*\* +# flag/m);
    expect(other).not.toContain("secret");
    const { code, stderr } = await runBinary(["--embedded=6380"]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: "--embedded takes no value; see Embedded.ListenAddress\n",
    });
  });

  test("an address that others reach is refused without a password", async () => {
    const { code, stderr } = await runBinary(["--Embedded.ListenAddress=:6379"]);
    expect(code).toBe(2);
    expect(stderr).toStartWith("config: Embedded.ListenAddress is reached by other hosts: set ");
  });

  test("push and load find the gateway that has the same settings", async () => {
    const gateway = await start(["--Embedded.Password=secret"]);
    const flags = [
      `--Embedded.ListenAddress=127.0.0.1:${gateway.port}`,
      "--Embedded.Password=secret",
    ];
    const pushed = await runBinary(["push", "counter", "pushed", "3", ...flags]);
    expect(pushed).toEqual({ code: 0, stdout: `pushed 1 to ${QUEUE_KEY}\n`, stderr: "" });
    const loaded = await runBinary(["load", "--count", "5000", "--rate", "100000", ...flags]);
    expect(loaded.code).toBe(0);
    await until("it is shown", async () => (await gateway.value("pushed")) === 3);
    await until("all is there", async () => (await countProcessed(gateway)) === 5001);
    const wrong = await runBinary(["push", "counter", "pushed", "3", flags[0]]);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain("NOAUTH");
  });

  test("push says when no gateway is there", async () => {
    const { code, stderr } = await runBinary([
      ...["push", "counter", "a", "1", "--Embedded.ListenAddress=127.0.0.1:1"],
    ]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /^embedded queue: .*ECONNREFUSED.*; is the gateway running\?\n$/,
      ),
    });
  });
});

test("totals are the same to the byte as with Redis, with one worker and with many", async () => {
  const redis = await startRedis();
  ends.push(() => redis.stop());
  const withRedis = await startGateway(redis.port);
  ends.push(() => withRedis.stop());
  const one = await start(["--Redis.MetricQueueWorkers=1", "--Redis.MetricQueuePopCount=7"]);
  const many = await start(["--Redis.MetricQueueWorkers=8", "--Redis.MetricQueuePopCount=100"]);
  // Made up once, and sent to each.
  const lines = makeLines(20_000);
  for (const gateway of [withRedis, one, many]) {
    const to =
      gateway === withRedis
        ? `--Redis.ConnectionString=localhost:${redis.port}`
        : `--Embedded.ListenAddress=127.0.0.1:${(gateway as EmbeddedProcess).port}`;
    expect((await runBinary(["push", "--json", to], { input: lines })).code).toBe(0);
  }
  const totals: string[] = [];
  for (const gateway of [withRedis, one, many]) {
    await until("all is there", async () => (await countProcessed(gateway)) === 20_000);
    totals.push(await gateway.totals());
  }
  expect(totals[0].length).toBeGreaterThan(10_000);
  expect(totals[1]).toBe(totals[0]);
  expect(totals[2]).toBe(totals[0]);
});

async function start(flags: string[]): Promise<EmbeddedProcess> {
  const gateway = await startEmbedded(flags);
  ends.push(() => gateway.stop());
  return gateway;
}

/** Samples that are in the totals, over all workers. */
async function countProcessed(gateway: { metrics(): Promise<string> }): Promise<number> {
  const lines = (await gateway.metrics()).matchAll(/^\S+processed_metrics_total\{.*\} (\d+)$/gm);
  return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** The load tool's mix, a message a line. */
function makeLines(count: number): string {
  return Array.from({ length: count }, () => makeMessage()).join("\n");
}

/** Whether it could; ends with the test. */
async function listenOnRedisPort(): Promise<boolean> {
  const server = createServer((socket) => socket.destroy());
  const { promise, resolve } = Promise.withResolvers<boolean>();
  server.once("error", () => resolve(false));
  server.listen(6379, "127.0.0.1", () => resolve(true));
  ends.push(() => new Promise((done) => server.close(done)));
  return promise;
}
