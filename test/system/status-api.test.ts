import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Redis } from "ioredis";
import type {
  DropEntry,
  FamiliesPage,
  FamilyEntry,
  FamilyPage,
  History,
  SettingEntry,
  Status,
} from "../../src/http/status-types.ts";
import {
  type GatewayProcess,
  QUEUE_KEY,
  startEmbedded,
  startGateway,
} from "../support/gateway-process.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

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

type Started = GatewayProcess & { queueKey: string };

async function start(
  flags: readonly string[] = [],
  environment: Record<string, string> = {},
  queueKey = `status-${queues++}`,
): Promise<Started> {
  const own = [`--Redis.MetricQueueKey=${queueKey}`, "--Gateway.LeaseMs=1000"];
  const gateway = await startGateway(redis.port, [...own, ...flags], environment);
  running.push(gateway);
  return { ...gateway, queueKey };
}

/** Pushes messages, the last of which tells when all are applied. */
async function push(gateway: Started, ...messages: (object | string)[]): Promise<void> {
  const texts = messages.map((each) => (typeof each === "string" ? each : JSON.stringify(each)));
  const end = `end_${crypto.randomUUID().replaceAll("-", "")}`;
  const last = JSON.stringify({ type: "gauge", name: end, value: 1 });
  await redis.client.lpush(gateway.queueKey, ...texts, last);
  await until("all is applied", async () => (await gateway.value(end)) === 1);
}

interface Answer<T> {
  status: number;
  data: T;
  error: string | undefined;
  errorType: string | undefined;
}

async function ask<T>(gateway: GatewayProcess, path: string): Promise<Answer<T>> {
  const response = await fetch(`${gateway.url}/api/v1/${path}`);
  expect(response.headers.get("content-type")).toBe("application/json");
  const body = (await response.json()) as Omit<Answer<T>, "status">;
  return { ...body, status: response.status };
}

const get = async <T>(gateway: GatewayProcess, path: string) => (await ask<T>(gateway, path)).data;

const counter = (name: string, labels: Record<string, string> = {}, value = 1) => {
  return { type: "counter", name, value, labels };
};

describe("/api/v1/status", () => {
  test("tells of the queue, the workers and the process", async () => {
    const gateway = await start(["--Checkpoint.IntervalMs=50", "--Metrics.MaxSeries=500"]);
    await push(gateway, counter("a"), counter("b"), "no JSON");
    const status = await until("it is committed", async () => {
      const now = await get<Status>(gateway, "status");
      return now.unconfirmedElements === 0 && now.queue.segments === 0 && now;
    });
    expect(status).toMatchObject({
      queueKey: gateway.queueKey,
      ...{ ready: true, reason: null, owner: true, standby: false },
      ...{ families: 3, series: 3, seriesMax: 500, pendingElements: 0 },
      ...{ samplesTotal: 3, droppedTotal: 1, lostTotal: 0, isAdminEnabled: false },
    });
    expect(Math.abs(status.nowMs - Date.now())).toBeLessThan(60_000);
    expect(status.startedAtMs).toBeLessThanOrEqual(status.nowMs);
    expect(status.memoryBytes).toBeGreaterThan(1e7);
    expect(status.cpuSeconds).toBeGreaterThan(0);
    expect(status.headline).toMatchObject({ backlog: 0, lagSeconds: 0, series: 3 });
    const { queue, workers } = status;
    expect(queue).toMatchObject({ kind: "redis", leaseMs: 1000, embedded: null });
    expect(queue.holder).toStartWith(`process ${gateway.pid} on `);
    expect(queue.leaseLeftMs).toBeGreaterThan(0);
    expect(queue.leaseLeftMs).toBeLessThanOrEqual(1000);
    expect(queue.position).toEqual({ segment: expect.any(Number), left: 0 });
    expect(queue.checkpointFailures).toBe(0);
    expect(queue.lastCheckpoint?.number).toBeGreaterThan(0);
    expect(queue.lastCheckpoint?.bytes).toBeGreaterThan(0);
    expect(queue.redis).toMatchObject({ address: `localhost:${redis.port}`, maxMemoryBytes: 0 });
    expect(queue.redis?.usedMemoryBytes).toBeGreaterThan(0);
    expect(workers.map(({ worker }) => worker)).toEqual([0, 1]);
    expect(workers.reduce((sum, { samples }) => sum + samples, 0)).toBe(3);
    const busy = workers.find(({ batches }) => batches > 0);
    expect(busy).toMatchObject({ outstandingRanges: 0, restarts: 0 });
    expect(busy?.cpuSeconds).toBeGreaterThan(0);
  });

  test("tells the rates, and the history keeps them", async () => {
    const gateway = await start();
    const pushing = setInterval(() => {
      const message = JSON.stringify(counter("a"));
      void redis.client.lpush(gateway.queueKey, message, message, "no JSON");
    }, 50);
    try {
      const history = await until("there is a point", async () => {
        const now = await get<History>(gateway, "history");
        return now.samplesPerSecond.length > 0 && now;
      });
      expect(history.stepMs).toBe(5000);
      expect(Math.abs((history.endMs ?? 0) - Date.now())).toBeLessThan(60_000);
      expect(history.series).toEqual([1]);
      expect(history.samplesPerSecond[0]).toBeGreaterThan(0);
      expect(history.samplesPerSecond[0]).toBeCloseTo(2 * (history.droppedPerSecond[0] ?? 0), 5);
      const { headline } = await get<Status>(gateway, "status");
      expect(headline.samplesPerSecond).toBeGreaterThan(0);
      expect(headline.droppedPerSecond).toBeGreaterThan(0);
      const [family] = await get<FamilyEntry[]>(gateway, "families");
      expect(family.samplesPerSecond).toBeGreaterThan(1);
    } finally {
      clearInterval(pushing);
    }
  });

  test("names what is in the way while Redis is away, and shows no values then", async () => {
    const own = await startRedis();
    running.push(own);
    const gateway = await startGateway(own.port, ["--Gateway.LeaseMs=1000"]);
    running.push(gateway);
    await own.client.lpush(QUEUE_KEY, '{"type":"counter","name":"a","value":1}', "no JSON");
    await until("it is applied", async () => (await gateway.value("a")) === 1);
    await own.kill();
    const status = await until("the lease is over, and the backlog asked for", async () => {
      const now = await get<Status>(gateway, "status");
      return !now.owner && now.headline.backlog === null && now;
    });
    expect(status).toMatchObject({ ready: false, samplesTotal: 1, droppedTotal: 1 });
    expect(status.reason).toStartWith("redis unavailable: ");
    expect(status.queue).toMatchObject({ leaseLeftMs: null, holder: null });
    expect(status.queue.redis).toMatchObject({ version: null, latencyMs: null });
    for (const path of ["families", "families?limit=1", "family?name=a"]) {
      expect(await ask(gateway, path)).toMatchObject({ status: 503, errorType: "unavailable" });
    }
    expect(await get<DropEntry[]>(gateway, "drops")).toHaveLength(1);
    for (const path of ["history", "settings"]) {
      expect((await ask(gateway, path)).status).toBe(200);
    }
  });

  test("answers while Redis hangs, and does not pretend to know the backlog", async () => {
    const own = await startRedis();
    running.push(own);
    const gateway = await startGateway(own.port);
    running.push(gateway);
    const info = await own.client.info("server");
    const pid = Number(/^process_id:(\d+)/m.exec(info)?.[1]);
    await until("it works", async () => (await get<Status>(gateway, "status")).owner);
    process.kill(pid, "SIGSTOP");
    try {
      await until("it is not known", async () => {
        const { headline } = await get<Status>(gateway, "status");
        return headline.backlog === null;
      });
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await until("it is known again", async () => {
      const { headline } = await get<Status>(gateway, "status");
      return headline.backlog === 0;
    });
  });

  test("names who works while it stands by", async () => {
    const gateway = await start();
    await push(gateway, counter("a"));
    const standby = await start([], {}, gateway.queueKey);
    const status = await until("it stands by", async () => {
      const now = await get<Status>(standby, "status");
      return now.standby && now;
    });
    expect(status).toMatchObject({ ready: false, owner: false, families: 0, series: 0 });
    expect(status.queue.holder).toStartWith(`process ${gateway.pid} on `);
    expect(status.queue).toMatchObject({ position: null, segments: 0, lastCheckpoint: null });
    const refused = await ask(standby, "families");
    expect(refused).toMatchObject({ status: 503, error: expect.stringContaining("standby: ") });
  });

  test("tells how far it is while it recovers, and shows no values then", async () => {
    const gateway = await start(["--Checkpoint.IntervalMs=3600000"]);
    await push(gateway, counter("a"), counter("a"));
    gateway.signal("SIGKILL");
    await gateway.exited;
    // Its workers cannot read what it has to recover.
    await redis.client.call("ACL", "SETUSER", "blind", "on", ">blind", "~*", "+@all", "-lrange");
    const login = `--Redis.ConnectionString=localhost:${redis.port},user=blind,password=blind`;
    const next = await start([login], {}, gateway.queueKey);
    const status = await until("it recovers", async () => {
      const now = await get<Status>(next, "status");
      return now.reason?.endsWith("samples left") && now;
    });
    expect(status).toMatchObject({
      ...{ ready: false, owner: true, standby: false, reason: "recovering: 3 samples left" },
      ...{ pendingElements: 3, samplesTotal: 0 },
    });
    expect(status.queue.position).toBeNull();
    expect(status.queue.segments).toBeGreaterThan(0);
    expect(status.workers.some(({ outstandingRanges }) => outstandingRanges > 0)).toBe(true);
    for (const path of ["families", "families?limit=1", "family?name=a"]) {
      expect(await ask(next, path)).toMatchObject({
        ...{ status: 503, error: "recovering: 3 samples left" },
      });
    }
    for (const path of ["history", "drops", "settings"]) {
      expect((await ask(next, path)).status).toBe(200);
    }
  });

  test("tells of an embedded queue what it holds", async () => {
    const gateway = await startEmbedded(["--Embedded.MaxBufferBytes=33554432"]);
    running.push(gateway);
    const client = new Redis({ port: gateway.port });
    try {
      await client.lpush(QUEUE_KEY, '{"type":"gauge","name":"g","value":5}');
      await until("it is applied", async () => (await gateway.value("g")) === 5);
      const { queue } = await get<Status>(gateway, "status");
      expect(queue).toMatchObject({ kind: "embedded", redis: null, leaseLeftMs: null });
      // Without a state file there is no checkpoint.
      expect(queue.lastCheckpoint).toBeNull();
      expect(queue.embedded).toEqual({
        address: `127.0.0.1:${gateway.port}`,
        clients: 1,
        bufferBytes: expect.any(Number),
        bufferBytesMax: 33_554_432,
      });
    } finally {
      client.disconnect();
    }
  });
});

describe("/api/v1/families", () => {
  async function startWithSome(): Promise<Started> {
    const gateway = await start(["--Web.EnableAdminApi=true"]);
    const hosts = ["x", "y", "z"].map((host) => counter("jobs_total", { host }));
    await push(
      gateway,
      ...hosts,
      { type: "gauge", name: "size", help: "How LARGE it is.", value: 1 },
      { type: "histogram", name: "took", buckets: [1], value: 1 },
      ...Array(50).fill(counter("busy_total")),
    );
    return gateway;
  }

  const names = async (gateway: Started, parameters: string) => {
    const { families } = await get<FamiliesPage>(gateway, `families?${parameters}`);
    return families.map(({ name }) => name).filter((name) => !name.startsWith("end_"));
  };

  test("searches names and help, sorts, and cuts pages", async () => {
    const gateway = await startWithSome();
    expect(await names(gateway, "search=TOTAL")).toEqual(["busy_total", "jobs_total"]);
    expect(await names(gateway, "search=large")).toEqual(["size"]);
    expect(await names(gateway, "type=histogram")).toEqual(["took"]);
    expect(await names(gateway, "sort=-name")).toEqual([
      "took",
      "size",
      "jobs_total",
      "busy_total",
    ]);
    expect(await names(gateway, "sort=-series")).toEqual([
      ...["jobs_total", "busy_total", "size", "took"],
    ]);
    expect((await names(gateway, "sort=-growth"))[0]).toBe("jobs_total");
    expect(await names(gateway, "sort=type")).toEqual([
      ...["busy_total", "jobs_total", "size", "took"],
    ]);
    await until("a rate is known", async () => {
      return (await names(gateway, "sort=-samplesPerSecond"))[0] === "busy_total";
    });
    const page = await get<FamiliesPage>(gateway, "families?search=total&limit=1&offset=1");
    expect(page).toMatchObject({ total: 2, offset: 1 });
    expect(page.families.map(({ name }) => name)).toEqual(["jobs_total"]);
    expect(await get<FamiliesPage>(gateway, "families?search=no+such")).toEqual({
      ...{ total: 0, offset: 0, families: [] },
    });
    expect(await get<FamiliesPage>(gateway, "families?offset=2000000000")).toMatchObject({
      total: 5,
      families: [],
    });
  });

  test("forgets a family that is removed, and one that comes back begins anew", async () => {
    const gateway = await startWithSome();
    const before = Date.now();
    await until("the clock has moved on", () => Date.now() > before);
    const path = `${gateway.url}/api/v1/series?match[]=busy_total`;
    expect((await fetch(path, { method: "DELETE" })).status).toBe(200);
    expect(await names(gateway, "search=busy")).toEqual([]);
    expect((await ask(gateway, "family?name=busy_total")).status).toBe(404);
    await push(gateway, counter("busy_total"));
    const { families } = await get<FamiliesPage>(gateway, "families?search=busy");
    expect(families).toMatchObject([{ series: 1, growth: 1 }]);
    expect(families[0].firstSeenMs).toBeGreaterThanOrEqual(before);
  });

  for (const [parameters, fault] of [
    ["limit=0", 'invalid parameter "limit": must be 1..1000, got "0"'],
    ["limit=1001", 'invalid parameter "limit": must be 1..1000, got "1001"'],
    ["limit=", 'invalid parameter "limit": must be 1..1000, got ""'],
    ["limit=1e2", 'invalid parameter "limit": must be 1..1000, got "1e2"'],
    ["offset=-1", 'invalid parameter "offset": must be 0..2147483647, got "-1"'],
    ["type=meter", 'invalid parameter "type": must be counter or gauge or'],
    ["sort=help", 'invalid parameter "sort": must be one of name, type,'],
    ["sort=--name", 'invalid parameter "sort": must be one of name, type,'],
    [`sort=${"x".repeat(5000)}`, 'invalid parameter "sort": must be one of name, type,'],
  ]) {
    test(`says what is wrong with ${parameters.slice(0, 20)}`, async () => {
      const gateway = await start();
      await push(gateway, counter("a"));
      const refused = await ask(gateway, `families?${parameters}`);
      expect(refused).toMatchObject({ status: 400, errorType: "bad_data" });
      expect(refused.error).toStartWith(fault);
      expect(refused.error?.length).toBeLessThan(300);
    });
  }
});

describe("/api/v1/family", () => {
  const family = (gateway: Started, parameters: string) =>
    get<FamilyPage>(gateway, `family?name=${parameters}`);

  test("shows the values of each type", async () => {
    const gateway = await start();
    const quantiles = { quantiles: [0.5, 0.99], epsilons: [0.01, 0.001] };
    await push(
      gateway,
      counter("c", { b: "2", a: "1" }, 2.5),
      { type: "gauge", name: "g", value: -3 },
      { type: "histogram", name: "h", buckets: [0.5, 1e7], value: 0.1 },
      { type: "histogram", name: "h", buckets: [0.5, 1e7], value: 3 },
      { type: "summary", name: "s", value: 4, ...quantiles },
      { type: "summary", name: "bare", value: 4 },
    );
    const time = { firstSeenMs: expect.any(Number), lastSeenMs: null };
    expect(await family(gateway, "c")).toEqual({
      ...{ name: "c", type: "counter", help: "", unit: "", total: 1, offset: 0 },
      series: [
        {
          labels: [
            ["a", "1"],
            ["b", "2"],
          ],
          ...{ value: 2.5, ...time },
        },
      ],
    });
    expect((await family(gateway, "g")).series).toEqual([{ labels: [], value: -3, ...time }]);
    expect((await family(gateway, "h")).series).toEqual([
      {
        ...{ labels: [], value: null, count: 2, sum: 3.1, ...time },
        buckets: [
          ["0.5", 1],
          ["1e+07", 2],
          ["+Inf", 2],
        ],
      },
    ]);
    expect((await family(gateway, "s")).series).toEqual([
      {
        ...{ labels: [], value: null, count: 1, sum: 4, ...time },
        quantiles: [
          ["0.5", 4],
          ["0.99", 4],
        ],
      },
    ]);
    expect((await family(gateway, "bare")).series).toMatchObject([{ count: 1, quantiles: [] }]);
  });

  test("writes as text what JSON has no number for", async () => {
    const gateway = await start();
    const huge = 1.5e308;
    await push(gateway, counter("inf", {}, huge), counter("inf", {}, huge));
    expect((await family(gateway, "inf")).series).toMatchObject([{ value: "+Inf" }]);
  });

  test("finds series by their labels, and cuts pages", async () => {
    const gateway = await start(["--Metrics.SeriesTtlSeconds=3600"]);
    const paths = Array.from({ length: 2500 }, (_, i) => counter("c", { path: `/p/${i}`, x: "Y" }));
    await push(gateway, ...paths, counter("c", { path: 'C:\\new "one"\n' }));
    const whole = await family(gateway, "c");
    expect(whole).toMatchObject({ total: 2501, offset: 0 });
    expect(whole.series).toHaveLength(100);
    expect(Math.abs((whole.series[0].lastSeenMs ?? 0) - Date.now())).toBeLessThan(60_000);
    const pathsOf = ({ series }: FamilyPage) => series.map(({ labels }) => labels[0][1]);
    expect(pathsOf(await family(gateway, "c&offset=2499"))).toEqual([
      ...["/p/2499", 'C:\\new "one"\n'],
    ]);
    const found = await family(gateway, "c&search=/P/99&limit=3&offset=1");
    expect(found).toMatchObject({ total: 11, offset: 1 });
    expect(pathsOf(found)).toEqual(["/p/990", "/p/991", "/p/992"]);
    expect(await family(gateway, 'c&search=path="/p/7",x="y"')).toMatchObject({ total: 1 });
    // As it was sent, and as the text format has it.
    for (const text of ['C:\\new "one', 'C:\\\\new \\"one']) {
      const one = await family(gateway, `c&search=${encodeURIComponent(text)}`);
      expect(one).toMatchObject({ total: 1 });
    }
  });

  test("says which parameter is missing or wrong, and which family is not there", async () => {
    const gateway = await start();
    await push(gateway, counter("a"));
    expect(await ask(gateway, "family")).toMatchObject({
      ...{ status: 400, errorType: "bad_data", error: "no name parameter provided" },
    });
    expect(await ask(gateway, "family?name=a&limit=x")).toMatchObject({ status: 400 });
    expect(await ask(gateway, "family?name=b")).toMatchObject({
      ...{ status: 404, errorType: "not_found" },
    });
  });

  test("gives what senders wrote as data, whatever it looks like", async () => {
    const gateway = await start(["--Metrics.NameValidation=utf8"]);
    const evil = `</script><script>alert(1)</script>"'&\u2028\u0000`;
    await push(gateway, {
      ...{ type: "gauge", name: evil, value: 1, help: evil },
      labels: { [evil]: evil },
    });
    const page = await family(gateway, encodeURIComponent(evil));
    expect(page).toMatchObject({ name: evil, help: evil });
    expect(page.series[0].labels).toContainEqual([evil, evil]);
    const [entry] = await get<FamilyEntry[]>(gateway, "families");
    expect([entry.name, entry.help]).toEqual([evil, evil]);
  });
});

test("one page is looked up after the other, and no more wait than can be answered soon", async () => {
  const gateway = await start();
  await push(gateway, counter("a"));
  const paths = Array.from({ length: 200 }, (_, i) =>
    i % 2 ? "family?name=a" : "families?limit=1",
  );
  const answers = await Promise.all(paths.map((path) => ask(gateway, path)));
  for (const { status, error } of answers) {
    expect([200, 503]).toContain(status);
    if (status === 503) expect(error).toEndWith("ask again");
  }
  expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(16);
  expect((await ask(gateway, "family?name=a")).status).toBe(200);
});

describe("/api/v1/drops", () => {
  test("has each reason with what to do and the last payloads", async () => {
    const gateway = await start();
    expect(await get<DropEntry[]>(gateway, "drops")).toEqual([]);
    const script = '<script>alert("x")</script>';
    const long = `{"type":"meter","name":"${"n".repeat(1000)}"}`;
    for (let i = 0; i < 7; i++) await push(gateway, `${script} ${i}`);
    await push(gateway, long);
    const [most, least, ...rest] = await get<DropEntry[]>(gateway, "drops");
    expect(rest).toEqual([]);
    expect(most).toMatchObject({ reason: "invalid_json", count: 7 });
    expect(most.advice).toBe("Use the language's JSON encoder.");
    expect(most.payloads.map(({ payload }) => payload)).toEqual(
      [6, 5, 4, 3, 2].map((i) => `${script} ${i}`),
    );
    expect(least).toMatchObject({ reason: "unknown_type", count: 1 });
    expect(least.payloads[0].payload).toBe(long.slice(0, 200));
    expect(least.payloads[0].bytes).toBe(long.length);
    expect(Math.abs(least.payloads[0].atMs - Date.now())).toBeLessThan(60_000);
  });
});

describe("/api/v1/settings", () => {
  test("has the settings in force, where each is from, and no secret", async () => {
    const canary = "canary-7f3a9";
    await redis.client.call("ACL", "SETUSER", "canary", "on", `>${canary}`, "~*", "+@all");
    const settings = { Metrics: { MaxSeries: 123 }, Embedded: { Password: canary } };
    const file = join(import.meta.dir, `../../dist/settings-${crypto.randomUUID()}.json`);
    writeFileSync(file, JSON.stringify(settings));
    try {
      const gateway = await start(
        [`--Redis.ConnectionString=localhost:${redis.port},user=canary,password=${canary}`].concat(
          `--config=${file}`,
        ),
        { Metrics__MaxLabels: "17" },
      );
      await push(gateway, counter("a"));
      const list = await get<SettingEntry[]>(gateway, "settings");
      const named = new Map(list.map((setting) => [setting.name, setting]));
      expect(named.get("Metrics.MaxSeries")).toMatchObject({ text: "123", source: `file ${file}` });
      expect(named.get("Metrics.MaxLabels")).toMatchObject({
        ...{ text: "17", source: "environment Metrics__MaxLabels" },
      });
      expect(named.get("Metrics.MaxBuckets")?.source).toBe("default");
      expect(named.get("Redis.ConnectionString")?.text).toContain("password=***");
      const paths = ["status", "history", "families", "family?name=a", "drops", "settings"];
      for (const path of [...paths, "families?limit=5"]) {
        expect(JSON.stringify(await ask(gateway, path))).not.toContain(canary);
      }
    } finally {
      await Bun.file(file).delete();
    }
  });
});
