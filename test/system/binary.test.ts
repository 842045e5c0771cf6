import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type GatewayProcess,
  QUEUE_KEY,
  readSample,
  runBinary,
  startEmbedded,
  startGateway,
} from "../support/gateway-process.ts";
import { freePort, type RedisServer, startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

let redis: RedisServer;
const running: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
beforeEach(async () => void (await redis.client.flushall()));
afterEach(async () => {
  for (const each of running.splice(0)) await each.stop();
});

describe("the way of a sample", () => {
  test("all four types come out on /metrics", async () => {
    const gateway = await start();
    await push(
      { type: "counter", name: "c_total", help: "C.", value: 2, labels: { b: "2", a: "1" } },
      { type: "Counter", name: "c_total", value: 3, labels: { a: "1", b: "2" } },
      { type: "gauge", name: "g", help: "G.", value: 7 },
      { type: "gauge", name: "g", value: -1.5 },
      { type: "histogram", name: "h", help: "H.", value: 0.3, buckets: [0.1, 1, "+Inf"] },
      { type: "summary", name: "s", help: "S.", value: 4, quantiles: [0.5], epsilons: [0.05] },
    );
    await until("all are applied", async () => (await gateway.value("s_count")) === 1);
    expect(await gateway.totals()).toBe(`# HELP c_total C.
# TYPE c_total counter
c_total{a="1",b="2"} 5
# HELP g G.
# TYPE g gauge
g -1.5
# HELP h H.
# TYPE h histogram
h_bucket{le="0.1"} 0
h_bucket{le="1"} 1
h_bucket{le="+Inf"} 1
h_sum 0.3
h_count 1
# HELP s S.
# TYPE s summary
s{quantile="0.5"} 4
s_sum 4
s_count 1
`);
  });

  test("several values in one LPUSH, RPUSH and JSON arrays are all taken", async () => {
    const gateway = await start();
    const one = JSON.stringify({ type: "counter", name: "c", value: 1 });
    await redis.client.lpush(QUEUE_KEY, one, one, `[${one},${one}]`);
    await redis.client.rpush(QUEUE_KEY, one, one);
    await until("all are counted", async () => (await gateway.value("c")) === 6);
  });

  test("bad input is counted by reason, logged cut to 200 characters, and the rest goes on", async () => {
    const gateway = await start();
    await redis.client.lpush(QUEUE_KEY, "[".repeat(100_000), "5", `{"type":"x${"y".repeat(500)}"}`);
    await redis.client.lpush(QUEUE_KEY, Buffer.from([0xff, 0xfe]), "a".repeat(3_000_000));
    await push({ type: "counter", name: "prom_stream_gateway_x", value: 1 });
    await push({ type: "counter", name: "good", value: 1 });
    await until("the good one is there", async () => (await gateway.value("good")) === 1);
    const dropped = async (reason: string) =>
      gateway.value(
        `prom_stream_gateway_dropped_metrics_total{queueKey="${QUEUE_KEY}",reason="${reason}"}`,
      );
    expect(await dropped("invalid_json")).toBe(2);
    expect(await dropped("not_an_object")).toBe(1);
    expect(await dropped("unknown_type")).toBe(1);
    expect(await dropped("too_large")).toBe(1);
    expect(await dropped("reserved_name")).toBe(1);
    const lines = gateway.log().filter((line) => line.event === "samples_dropped");
    expect(lines.map((line) => line.reason).sort()).toEqual(
      ["invalid_json", "not_an_object", "reserved_name", "too_large", "unknown_type"].sort(),
    );
    for (const line of lines) expect(String(line.payload).length).toBeLessThanOrEqual(200);
  });

  test("one worker and eight give the same bytes", async () => {
    const messages = mixedMessages(20_000);
    const totals: string[] = [];
    for (const [workers, popCount] of [
      [1, 1000],
      [8, 37],
    ]) {
      await redis.client.flushall();
      await pushAll(messages);
      const gateway = await start(
        `--Redis.MetricQueueWorkers=${workers}`,
        `--Redis.MetricQueuePopCount=${popCount}`,
      );
      await until("all are applied", async () => (await gateway.value("last")) === 1, 30_000);
      totals.push(await gateway.totals());
      gateway.signal("SIGTERM");
      await gateway.exited;
    }
    expect(totals[0].length).toBeGreaterThan(1000);
    expect(totals[1]).toBe(totals[0]);
  });
});

describe("endpoints", () => {
  test("answer as documented", async () => {
    const gateway = await start();
    const get = (path: string, method = "GET") => fetch(gateway.url + path, { method });
    await until("it is ready", async () => (await get("/-/ready")).status === 200);
    for (const path of ["/", "/-/healthy", "/-/ready"]) {
      const response = await get(path);
      expect([response.status, await response.text()]).toEqual([200, "ok\n"]);
    }
    const metrics = await get("/metrics");
    expect(metrics.headers.get("content-type")).toBe(
      "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
    );
    const head = await get("/metrics", "HEAD");
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const post = await get("/metrics", "POST");
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    expect((await get("/nothing")).status).toBe(404);
  });

  test("?name[] filters families, own ones too", async () => {
    const gateway = await start();
    await push({ type: "gauge", name: "a", value: 1 }, { type: "gauge", name: "b", value: 1 });
    await until("both are there", async () => (await gateway.value("b")) === 1);
    const names = async (query: string) =>
      [...(await gateway.metrics(query)).matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]);
    expect(await names("?name[]=b")).toEqual(["b"]);
    expect(await names("?name[]=b&name[]=prom_stream_gateway_info&name[]=a")).toEqual([
      "a",
      "b",
      "prom_stream_gateway_info",
    ]);
    const all = await names("");
    expect(all).toEqual(all.toSorted());
  });

  test("the own metrics are those of the README's table", async () => {
    const gateway = await start();
    await push({ type: "counter", name: "c", value: 1 }, { type: "?" });
    await until("it counts", async () => (await gateway.value("c")) === 1);
    const embedded = await startEmbedded();
    running.push(embedded);
    const readme = await Bun.file(join(import.meta.dir, "../../README.md")).text();
    const table = readme.slice(readme.indexOf("## Own metrics"), readme.indexOf("Worth an alert"));
    const rows = [...table.matchAll(/^\| `(\w+)(?:\{[\w,]+\})?` +\| (\w+) /gm)];
    const documented = rows.map(([, name, type]) => `prom_stream_gateway_${name} ${type}`);
    const shown = [await gateway.metrics(), await embedded.metrics()].map((text) =>
      [...text.matchAll(/^# TYPE (prom_stream_\S+ \w+)$/gm)].map(([, family]) => family).toSorted(),
    );
    // Without TLS there is no certificate: see web-access.test.ts.
    const inTheClear = documented.filter((family) => !family.includes("_web_certificate_"));
    expect(inTheClear.length).toBe(documented.length - 1);
    expect(shown[1]).toEqual(inTheClear.toSorted());
    expect(shown[0]).toEqual(shown[1].filter((family) => !family.includes("_embedded_")));
  });

  test("DisableMetaMetrics leaves prom_stream_gateway_info only", async () => {
    const gateway = await start("--Metrics.DisableMetaMetrics=true");
    const text = await gateway.metrics();
    expect([...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1])).toEqual([
      "prom_stream_gateway_info",
    ]);
  });

  test("a scraper that takes nothing holds up nobody", async () => {
    const gateway = await start();
    await pushAll(manyCounters(60_000));
    await until("all are there", async () => (await gateway.value("last")) === 1, 30_000);
    const stuck = connect(Number(new URL(gateway.url).port), "127.0.0.1");
    stuck.on("error", () => {});
    stuck.pause();
    stuck.write("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    await push({ type: "counter", name: "after", value: 1 });
    await until("others are served", async () => (await gateway.value("after")) === 1);
    stuck.destroy();
  });
});

describe("Redis away", () => {
  test("is said once, health stays good, ready does not, and it goes on by itself", async () => {
    const own = await startRedis();
    running.push(own);
    await own.kill();
    const gateway = await startGateway(own.port);
    running.push(gateway);
    const failed = () => gateway.log().filter((line) => line.event === "queue_failed");
    await until("it says so", () => failed().length > 0);
    expect(failed()[0].reason).toContain("ECONNREFUSED");
    expect((await fetch(`${gateway.url}/`)).status).toBe(200);
    expect((await fetch(`${gateway.url}/metrics`)).status).toBe(200);
    const ready = await fetch(`${gateway.url}/-/ready`);
    expect([ready.status, await ready.text()]).toEqual([
      503,
      expect.stringContaining("redis unavailable: "),
    ]);
    await own.restart();
    await until("it is ready", async () => (await fetch(`${gateway.url}/-/ready`)).status === 200);
    expect(failed()).toHaveLength(1);
    const message = JSON.stringify({ type: "counter", name: "c", value: 1 });
    await own.client.lpush(QUEUE_KEY, message);
    await until("it counts", async () => (await gateway.value("c")) === 1);
    await own.kill();
    await until("it is not ready", async () => {
      return (await fetch(`${gateway.url}/-/ready`)).status === 503;
    });
    await own.restart();
    await own.client.lpush(QUEUE_KEY, message);
    await until("it counts on", async () => (await gateway.value("c")) === 2);
  });
});

describe("stop and crash", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`${signal} applies what is claimed, confirms it and exits 0`, async () => {
      const gateway = await start();
      await push({ type: "counter", name: "c", value: 1 });
      await until("it is there", async () => (await gateway.value("c")) === 1);
      gateway.signal(signal);
      expect(await gateway.exited).toBe(0);
      expect(await redis.client.keys("*:segment:*")).toEqual([]);
      expect(gateway.log().at(-1)?.event).toBe("gateway_stopped");
    });
  }

  test("SIGTERM in a backlog leaves the rest to the next start, and loses nothing", async () => {
    const messages = Array.from(
      { length: 200_000 },
      () => '{"type":"counter","name":"c","value":1}',
    );
    await pushAll(messages);
    const gateway = await start("--Redis.MetricQueuePopCount=10");
    const before = await until("it has begun", () => gateway.value("c"));
    expect(before).toBeGreaterThan(0);
    gateway.signal("SIGTERM");
    expect(await gateway.exited).toBe(0);
    const next = await start();
    await push({ type: "gauge", name: "last", value: 1 });
    await until("all is applied", async () => (await next.value("last")) === 1);
    expect(await next.value("c")).toBe(messages.length);
  });

  test("signals that come together, as from a terminal and npm, are one: it ends as after one", async () => {
    const gateway = await start();
    await push({ type: "counter", name: "c", value: 1 });
    await until("it is there", async () => (await gateway.value("c")) === 1);
    // The last checkpoint is kept waiting until both have come.
    await redis.client.call("CLIENT", "PAUSE", "300", "WRITE");
    gateway.signal("SIGINT");
    gateway.signal("SIGTERM");
    expect(await gateway.exited).toBe(0);
    expect(gateway.log().at(-1)?.event).toBe("gateway_stopped");
  });

  test("a later signal ends it at once", async () => {
    const gateway = await start();
    await push({ type: "counter", name: "c", value: 1 });
    await until("it is there", async () => (await gateway.value("c")) === 1);
    // The last checkpoint is kept waiting.
    await redis.client.call("CLIENT", "PAUSE", "10000", "WRITE");
    const again = setInterval(() => gateway.signal("SIGTERM"), 100);
    expect(await gateway.exited.finally(() => clearInterval(again))).toBe(1);
    expect(gateway.log().at(-1)?.event).toBe("gateway_stopping");
    await redis.client.call("CLIENT", "UNPAUSE");
  });

  test("totals and what was claimed before kill -9 are there after the next start", async () => {
    await pushAll(manyCounters(100_000));
    const gateway = await start("--Redis.MetricQueuePopCount=10");
    await until("it has begun", () => gateway.value('many_total{i="0"}'));
    gateway.signal("SIGKILL");
    await gateway.exited;
    const next = await start();
    const scraped = await until("it shows totals", async () => {
      const response = await fetch(`${next.url}/metrics`);
      if (response.status === 503) {
        expect(response.headers.get("retry-after")).toBe("1");
        expect(await response.text()).toMatch(/^recovering: /);
        return undefined;
      }
      const text = await response.text();
      return text.includes("many_total") && text;
    });
    // Everything that was claimed is there at once: a scrape never goes back.
    expect(readSample(scraped, "last")).toBe(1);
    expect(readSample(scraped, "prom_stream_gateway_series")).toBe(100_000);
    const totals = scraped.split("\n").filter((line) => line.startsWith("many_total{"));
    expect(totals.every((line) => line.endsWith(" 1"))).toBe(true);
  });

  test("of two with the same id one works and one stands by; SIGTERM hands over at once", async () => {
    const first = await start();
    await push({ type: "counter", name: "c", value: 1 });
    await until("it is there", async () => (await first.value("c")) === 1);
    const second = await start();
    const ready = async () => (await fetch(`${second.url}/-/ready`)).text();
    await until("it stands by", async () => (await ready()).startsWith("standby"));
    expect((await fetch(`${second.url}/`)).status).toBe(200);
    expect((await fetch(`${second.url}/-/ready`)).status).toBe(503);
    expect((await fetch(`${second.url}/-/ready?standbyok=false`)).status).toBe(503);
    expect((await fetch(`${second.url}/-/ready?standbyok=true`)).status).toBe(200);
    expect(await second.value("c")).toBeUndefined();
    expect(await second.value("prom_stream_gateway_is_owner")).toBe(0);
    const flag = `--Web.ListenAddress=127.0.0.1:${new URL(second.url).port}`;
    expect((await runBinary(["healthcheck", flag])).code).toBe(0);
    first.signal("SIGTERM");
    expect(await first.exited).toBe(0);
    await until("the second shows the totals", async () => (await second.value("c")) === 1);
    await push({ type: "counter", name: "c", value: 1 });
    await until("it works", async () => (await second.value("c")) === 2);
  });

  test("two with different ids share a queue and take each sample once", async () => {
    const gateways = [await start("--Gateway.Id=a"), await start("--Gateway.Id=b")];
    for (let i = 0; i < 200; i++) {
      await redis.client.lpush(QUEUE_KEY, '{"type":"counter","name":"c","value":1}');
    }
    await until("all are counted once", async () => {
      const counts = await Promise.all(gateways.map((gateway) => gateway.value("c")));
      return (counts[0] ?? 0) + (counts[1] ?? 0) === 200;
    });
  });
});

test("the ACL user of the README has what a gateway needs, through a crash and a restart", async () => {
  const readme = await Bun.file(join(import.meta.dir, "../../README.md")).text();
  const command = /^ACL SETUSER [^`]+/m.exec(readme)![0].replace("PASSWORD", "secret");
  const locked = await startRedis();
  running.push(locked);
  await locked.client.call("ACL", ...command.trim().split(/\s+/).slice(1));
  const login = `--Redis.ConnectionString=localhost:${locked.port},user=gateway,password=secret`;
  const message = '{"type":"counter","name":"c","value":1}';
  for (const [ends, total] of [
    ["SIGKILL", 1],
    ["SIGTERM", 2],
    ["SIGKILL", 3],
  ] as const) {
    const gateway = await startGateway(locked.port, [login, "--Checkpoint.IntervalMs=50"]);
    running.push(gateway);
    await locked.client.lpush(QUEUE_KEY, message);
    await until("it counts", async () => (await gateway.value("c")) === total);
    const commits = `prom_stream_gateway_checkpoints_total{queueKey="${QUEUE_KEY}"}`;
    await until("it is committed", async () => ((await gateway.value(commits)) ?? 0) > 0);
    gateway.signal(ends);
    await gateway.exited;
  }
  const log = (await locked.client.call("ACL", "LOG")) as unknown[];
  expect(log).toEqual([]);
});

describe("the command line", () => {
  test("--version and --help print and exit 0", async () => {
    const version = await runBinary(["--version"]);
    expect(version.stdout).toMatch(
      /^prom-stream-gateway \d+\.\d+\.\d+ \(commit \w+, Bun [\d.]+\)\n$/,
    );
    const help = await runBinary(["--help"]);
    expect([help.code, help.stdout]).toEqual([
      0,
      expect.stringContaining("--Redis.ConnectionString"),
    ]);
  });

  test("wrong settings stop the start with a line each and exit 2", async () => {
    const words = ["--Redis.MetricQueueWorkers=0", "--Web.ListenAdress=:1"];
    const { code, stderr, stdout } = await runBinary(words);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain(
      'config: Redis.MetricQueueWorkers must be 1..64, got "0" (flag --Redis.MetricQueueWorkers)\n',
    );
    expect(stderr).toContain("did you mean Web.ListenAddress?");
  });

  test("check-config shows what is in force and where it comes from, without credentials", async () => {
    const folder = mkdtempSync(join(tmpdir(), "gateway-"));
    writeFileSync(
      join(folder, "appsettings.json"),
      '{ "Redis": { "connectionstring": "redis-host:6380,password=canary-secret,ssl=true" } }',
    );
    const environment = { redis__metricqueueworkers: "3" };
    const { code, stdout } = await runBinary(["check-config"], { environment, cwd: folder });
    rmSync(folder, { recursive: true });
    expect(code).toBe(0);
    expect(stdout).toContain("password=***");
    expect(stdout).not.toContain("canary-secret");
    expect(stdout).toMatch(/Redis.MetricQueueWorkers = 3 +# environment redis__metricqueueworkers/);
  });

  test("nothing else in the working directory is read", async () => {
    const folder = mkdtempSync(join(tmpdir(), "gateway-"));
    writeFileSync(join(folder, ".env"), "Redis__MetricQueueWorkers=0\n");
    writeFileSync(join(folder, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
    writeFileSync(join(folder, "preload.ts"), 'console.log("preloaded");\n');
    const { code, stdout } = await runBinary(["check-config"], { cwd: folder });
    rmSync(folder, { recursive: true });
    expect(code).toBe(0);
    expect(stdout).not.toContain("preloaded");
  });

  test("healthcheck exits 0 when ready and 1 when not", async () => {
    const gateway = await start();
    const flag = `--Web.ListenAddress=127.0.0.1:${new URL(gateway.url).port}`;
    await until("it is ready", async () => (await runBinary(["healthcheck", flag])).code === 0);
    const nobody = `--Web.ListenAddress=127.0.0.1:${await freePort()}`;
    const { code, stderr } = await runBinary(["healthcheck", nobody]);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/: nothing listens there\n$/)]);
  });

  test("an address that is taken ends the start with one line", async () => {
    const gateway = await start();
    const words = [`--Web.ListenAddress=127.0.0.1:${new URL(gateway.url).port}`];
    const { code, stderr } = await runBinary(words);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^web: cannot listen on .*; set Web.ListenAddress\n$/);
  });

  test("push sends one sample, or lines of JSON", async () => {
    const gateway = await start();
    const flag = `--Redis.ConnectionString=localhost:${redis.port}`;
    const one = await runBinary(["push", "counter", "c", "10", "source=demo", "category=x", flag]);
    expect([one.code, one.stderr]).toEqual([0, ""]);
    const input = '{"type":"gauge","name":"g","value":1}\n{"type":"gauge","name":"g","value":2}\n';
    expect((await runBinary(["push", "--json", flag], { input })).code).toBe(0);
    await until("both are there", async () => {
      const text = await gateway.metrics();
      return (
        readSample(text, 'c{category="x",source="demo"}') === 10 && readSample(text, "g") === 2
      );
    });
    const bad = await runBinary(["push", "counter", "c", "-1", flag]);
    expect([bad.code, bad.stderr]).toEqual([1, expect.stringContaining("negative_counter")]);
    expect(bad.stderr).toEndWith("; use a gauge for what goes down\n");
  });

  test("load pushes as many samples as asked", async () => {
    const gateway = await start();
    const words = ["load", "--rate", "5000", "--senders", "3", "--count", "2000"];
    const load = await runBinary([...words, `--Redis.ConnectionString=localhost:${redis.port}`]);
    // One line: no log is filled with progress.
    expect(load.stdout).toMatch(/^pushed 2000 samples, \d+\/s\n$/);
    expect(load.code).toBe(0);
    await until("all are applied", async () => {
      const lines = (await gateway.metrics()).split("\n");
      const counts = lines.filter((line) => /_processed_metrics_total\{/.test(line));
      return counts.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0) === 2000;
    });
  });

  test("load says what failed, and pushes none of it again", async () => {
    await redis.client.set("no-list", "text");
    const words = ["load", "--rate", "5000", "--count", "500", "--Redis.MetricQueueKey=no-list"];
    const load = await runBinary([...words, `--Redis.ConnectionString=localhost:${redis.port}`]);
    expect(load.stdout).toMatch(/^pushed 0 samples, \d+\/s, 500 failed\n$/);
    expect(load.code).toBe(1);
  });
});

async function start(...flags: string[]): Promise<GatewayProcess> {
  const gateway = await startGateway(redis.port, flags);
  running.push(gateway);
  return gateway;
}

async function push(...messages: object[]): Promise<void> {
  await redis.client.lpush(QUEUE_KEY, ...messages.map((message) => JSON.stringify(message)));
}

async function pushAll(messages: readonly string[]): Promise<void> {
  for (let i = 0; i < messages.length; i += 10_000) {
    await redis.client.lpush(QUEUE_KEY, ...messages.slice(i, i + 10_000));
  }
}

/** A counter a message, and a gauge at the end. */
function manyCounters(count: number): string[] {
  const messages = Array.from({ length: count - 1 }, (_, i) =>
    JSON.stringify({ type: "counter", name: "many_total", value: 1, labels: { i: String(i) } }),
  );
  return [...messages, '{"type":"gauge","name":"last","value":1}'];
}

/** All types, colliding names, sums that depend on their order, and a gauge at the end. */
function mixedMessages(count: number): string[] {
  const messages: string[] = [];
  for (let i = 0; i < count; i++) {
    const value = (i % 997) / 10 + 0.1;
    const labels = { worker: String(i % 13), shard: i % 7 };
    const name = `mixed_${i % 5}`;
    if (i % 4 === 0) messages.push(JSON.stringify({ type: "counter", name, value, labels }));
    else if (i % 4 === 1) messages.push(JSON.stringify({ type: "gauge", name, value, labels }));
    else if (i % 4 === 2) {
      const layout = i % 3 === 0 ? { buckets: [1, 10, 50 + (i % 2)] } : {};
      messages.push(
        JSON.stringify({ type: "histogram", name: `h${name}`, value, labels, ...layout }),
      );
    } else {
      const layout = { quantiles: [0.5, 0.9], epsilons: [0.01, 0.01] };
      messages.push(
        JSON.stringify({ type: "summary", name: `s${name}`, value, labels, ...layout }),
      );
    }
  }
  return [...messages, '{"type":"gauge","name":"last","value":1}'];
}
