import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

let redis: RedisServer;
let queues = 0;
const running: GatewayProcess[] = [];

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
afterEach(async () => {
  for (const gateway of running.splice(0)) await gateway.stop();
});

const ADMIN = "--Web.EnableAdminApi=true";

/** A gateway that has applied some samples. */
async function startWith(
  flags: readonly string[] = [],
  environment: Record<string, string> = {},
  queueKey = `api-${queues++}`,
): Promise<GatewayProcess & { queueKey: string }> {
  const gateway = await startGateway(
    redis.port,
    [`--Redis.MetricQueueKey=${queueKey}`, "--Gateway.LeaseMs=1000", ...flags],
    environment,
  );
  running.push(gateway);
  return { ...gateway, queueKey };
}

async function push(queueKey: string, ...messages: object[]): Promise<void> {
  await redis.client.lpush(queueKey, ...messages.map((message) => JSON.stringify(message)));
}

async function pushSome(gateway: GatewayProcess & { queueKey: string }): Promise<void> {
  await push(gateway.queueKey, ...SOME);
  await until("all is applied", async () => (await gateway.value("last")) === 1);
}

const SEEN = {
  samplesPerSecond: expect.any(Number),
  firstSeenMs: expect.any(Number),
  lastSeenMs: expect.any(Number),
};

const SOME: readonly object[] = [
  ...["a", "b", "c"].map((host) => {
    const labels = { host, x: host };
    return { type: "counter", name: "jobs_total", help: "Jobs.", value: 2, labels };
  }),
  { type: "gauge", name: "size", unit: "bytes", value: 5 },
  { type: "gauge", name: "last", value: 1 },
];

async function ask(
  gateway: GatewayProcess,
  path: string,
  method = "GET",
): Promise<{ status: number; body: unknown }> {
  const response = await fetch(new URL(path, gateway.url), { method });
  return { status: response.status, body: await response.json() };
}

const selecting = (...selectors: string[]) =>
  `/api/v1/series?${selectors.map((text) => `match[]=${encodeURIComponent(text)}`).join("&")}`;

describe("the API", () => {
  test("shows what the gateway is and does", async () => {
    const gateway = await startWith(["--Gateway.Id=g1"]);
    await pushSome(gateway);
    const { status, body } = await ask(gateway, "/api/v1/status");
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: "success",
      data: { gatewayId: "g1", queueKey: gateway.queueKey, ready: true, reason: null, owner: true },
    });
    expect(body).toMatchObject({ data: { standby: false, families: 3, series: 5 } });
  });

  test("shows the families in the order of their names", async () => {
    const gateway = await startWith();
    await pushSome(gateway);
    const { body } = await ask(gateway, "/api/v1/families");
    expect((body as { data: object[] }).data).toEqual(
      [
        { name: "jobs_total", type: "counter", help: "Jobs.", unit: "", series: 3, growth: 3 },
        { name: "last", type: "gauge", help: "", unit: "", series: 1, growth: 1 },
        { name: "size_bytes", type: "gauge", help: "", unit: "bytes", series: 1, growth: 1 },
      ].map((family) => ({ ...family, ...SEEN })),
    );
  });

  test("shows the series that any selector takes, or all", async () => {
    const gateway = await startWith();
    await pushSome(gateway);
    const shown = async (...selectors: string[]) => {
      const { body } = await ask(gateway, selecting(...selectors));
      return (body as { data: Record<string, string>[] }).data.map(
        ({ __name__, host }) => `${__name__} ${host ?? ""}`,
      );
    };
    expect(await shown('jobs_total{host!="b"}', "size_bytes")).toEqual([
      ...["jobs_total a", "jobs_total c", "size_bytes "],
    ]);
    expect(await shown('{host=~"a|b"}')).toEqual(["jobs_total a", "jobs_total b"]);
    expect(await shown('{__name__=~".+"}')).toHaveLength(5);
    expect(await shown()).toHaveLength(5);
    expect(await shown("nothing")).toEqual([]);
  });

  test("says what is wrong with a selector, and where", async () => {
    const gateway = await startWith([ADMIN]);
    for (const method of ["GET", "DELETE"]) {
      const { status, body } = await ask(gateway, selecting('a{b="c"'), method);
      expect(status).toBe(400);
      expect(body).toMatchObject({ status: "error", errorType: "bad_data" });
      expect((body as { error: string }).error).toStartWith('invalid parameter "match[]": 1:');
    }
    const { status, body } = await ask(gateway, "/api/v1/series", "DELETE");
    expect(status).toBe(400);
    expect(body).toMatchObject({ error: "no match[] parameter provided" });
  });

  test("does not end series unless it is allowed to", async () => {
    const gateway = await startWith();
    await pushSome(gateway);
    for (const [path, method] of [
      [selecting("size_bytes"), "DELETE"],
      ["/api/v1/admin/wipe", "PUT"],
    ]) {
      const { status, body } = await ask(gateway, path, method);
      expect(status).toBe(403);
      expect((body as { error: string }).error).toEndWith("set Web.EnableAdminApi=true");
    }
    expect(await gateway.value("size_bytes")).toBe(5);
  });
});

describe("series that are removed", () => {
  test("are gone, begin anew with the next sample, and stay gone after a crash", async () => {
    const gateway = await startWith([ADMIN, "--Checkpoint.IntervalMs=3600000"]);
    await pushSome(gateway);
    const path = selecting('jobs_total{host="a"}', "size_bytes");
    expect(await ask(gateway, path, "DELETE")).toEqual({
      status: 200,
      body: { status: "success", data: { removed: 2 } },
    });
    expect(await gateway.totals()).not.toMatch(/host="a"|size_bytes/);
    gateway.signal("SIGKILL");
    await gateway.exited;
    const next = await startWith([ADMIN], {}, gateway.queueKey);
    await until("it has recovered", async () => (await next.value("last")) === 1);
    expect(await next.totals()).not.toMatch(/host="a"|size_bytes/);
    expect(await next.value('jobs_total{host="b",x="b"}')).toBe(2);
    await pushSome(next);
    await until("more is applied", async () => {
      return (await next.value('jobs_total{host="b",x="b"}')) === 4;
    });
    expect(await next.value('jobs_total{host="a",x="a"}')).toBe(2);
  });

  test("are all of them when everything is wiped, whatever comes meanwhile", async () => {
    const gateway = await startWith([ADMIN]);
    await pushSome(gateway);
    const pushing = Promise.all(Array.from({ length: 20 }, () => push(gateway.queueKey, ...SOME)));
    const { status } = await ask(gateway, "/api/v1/admin/wipe", "PUT");
    expect(status).toBe(200);
    await pushing;
    await push(gateway.queueKey, { type: "gauge", name: "end", value: 1 });
    await until("all is applied", async () => (await gateway.value("end")) === 1);
    expect((await ask(gateway, "/api/v1/admin/wipe", "PUT")).body).toMatchObject({
      data: { removed: 6 },
    });
    expect(await gateway.totals()).toBe("");
    expect((await ask(gateway, "/api/v1/families")).body).toMatchObject({ data: [] });
  });

  test("are there still when it is killed before the checkpoint, and gone when after", async () => {
    for (const [failpoint, isGone] of [
      ["commit_before", false],
      ["commit_after", true],
    ] as const) {
      const gateway = await startWith(
        [ADMIN, "--Checkpoint.IntervalMs=3600000"],
        // The first checkpoint is the one that the removal waits for.
        { PROM_STREAM_GATEWAY_FAILPOINT: `${failpoint}:1` },
      );
      await pushSome(gateway);
      const asked = ask(gateway, selecting("size_bytes"), "DELETE").then(
        () => "answered",
        () => "broken off",
      );
      expect(await gateway.exited).toBe(128 + 9);
      expect(await asked).toBe("broken off");
      const next = await startWith([], {}, gateway.queueKey);
      await until("it has recovered", async () => (await next.value("last")) === 1);
      expect((await next.totals()).includes("size_bytes")).toBe(!isGone);
      expect(await next.value('jobs_total{host="b",x="b"}')).toBe(2);
    }
  });
});
