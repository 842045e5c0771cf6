import { afterEach, describe, expect, test } from "bun:test";
import type { Settings } from "../../src/config/settings.ts";
import type { Writing } from "../../src/http/pages.ts";
import { expositionOf, type Served, SILENT, serveMetrics } from "../support/pages.ts";
import { until } from "../support/until.ts";

const served: Served[] = [];

afterEach(async () => {
  for (const { server } of served.splice(0)) await server.stop(true);
});

test("an exposition that stays valid is answered whole", async () => {
  const exposition = expositionOf(["a 1\n", "b 1\n"].map((text) => Buffer.from(text)));
  const { url, scrapedBytes } = start(exposition);
  expect(await (await fetch(url)).text()).toBe("a 1\nb 1\n");
  expect(exposition.ends).toBe(1);
  expect(scrapedBytes).toEqual([8]);
});

test("an exposition that may not be shown from the start on is refused", async () => {
  const exposition = expositionOf([Buffer.from("a 1\n")], () => false);
  const { url, refused } = start(exposition);
  const response = await fetch(url);
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await response.text()).toBe("the totals are no longer this process's to show\n");
  expect(exposition.ends).toBe(1);
  expect(refused).toEqual(["not_ready"]);
});

test("a bug behind a request is told, and the client learns nothing of it", async () => {
  const told: string[] = [];
  const listener = { ...SILENT, requestFailed: (...what: string[]) => told.push(what.join(": ")) };
  const one = serveMetrics(() => Promise.reject(new Error("BUG: made for a test")), {}, listener);
  served.push(one);
  const response = await fetch(one.url);
  expect([response.status, await response.text()]).toEqual([500, "internal error\n"]);
  expect(told).toEqual(["/metrics: BUG: made for a test"]);
});

test("an exposition that fails before the answer has begun is 500", async () => {
  function* failing() {
    yield Buffer.from("a 1\n");
    throw new Error("BUG: made for a test");
  }
  const exposition = expositionOf(failing());
  const response = await fetch(start(exposition).url);
  expect([response.status, await response.text()]).toEqual([500, "internal error\n"]);
  expect(exposition.ends).toBe(1);
});

test("what shows the metrics may fail, and leaves no scrape behind", async () => {
  let isFailing = true;
  const { url } = start(
    async () => {
      if (isFailing) throw new Error("BUG: made for a test");
      return expositionOf([Buffer.from("a 1\n")]);
    },
    { maxScrapesInFlight: 1 },
  );
  expect((await fetch(url)).status).toBe(500);
  isFailing = false;
  expect((await fetch(url)).status).toBe(200);
});

test("of many scrapers that are stuck the last are refused, until others have left", async () => {
  const { url, refused } = start(async () => expositionOf(endless()), { maxScrapesInFlight: 16 });
  const stuck: { cancel(): Promise<void> }[] = [];
  for (let i = 0; i < 16; i++) stuck.push(await begun(url));
  const response = await fetch(url);
  expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await response.text()).toBe("16 scrapes are being answered already\n");
  expect(refused).toEqual(["in_flight"]);
  await stuck.pop()!.cancel();
  await until("there is room", async () => {
    const again = await fetch(url);
    await again.body!.cancel();
    return again.status === 200;
  });
  for (const reader of stuck) await reader.cancel();
});

test("without a limit no scraper is refused", async () => {
  const { url, refused } = start(async () => expositionOf(endless()));
  const stuck = await Promise.all(Array.from({ length: 40 }, () => begun(url)));
  expect(refused).toEqual([]);
  for (const reader of stuck) await reader.cancel();
});

test("a refusal is 503 with the reason and when to come again, for HEAD too", async () => {
  const { url, refused } = start({ refusal: "recovering: 5 samples left" });
  for (const method of ["GET", "HEAD"]) {
    const response = await fetch(url, { method });
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    if (method === "GET") expect(await response.text()).toBe("recovering: 5 samples left\n");
  }
  expect(refused).toEqual(["not_ready", "not_ready"]);
});

test("the families that are wanted are asked for, and other parameters are ignored", async () => {
  const { url } = start(async (isWanted) =>
    expositionOf([Buffer.from(["a", "b", "c"].filter(isWanted).join(" "))]),
  );
  const shown = async (query: string) => (await fetch(url + query)).text();
  expect(await shown("")).toBe("a b c");
  expect(await shown("?name[]=b&name%5B%5D=a&x=c&name=c")).toBe("a b");
  expect(await shown("?unknown=1")).toBe("a b c");
});

const REQUESTS: [method: string, path: string, status: number, allow: string | null][] = [
  ["GET", "/", 200, null],
  ["HEAD", "/", 200, null],
  ["HEAD", "/-/healthy", 200, null],
  ["HEAD", "/-/ready", 200, null],
  ["POST", "/", 405, "GET, HEAD"],
  ["PUT", "/metrics", 405, "GET, HEAD"],
  ["DELETE", "/-/ready", 405, "GET, HEAD"],
  ["OPTIONS", "/metrics", 405, "GET, HEAD"],
  ["GET", "/metrics/", 404, null],
  ["HEAD", "/nowhere", 404, null],
  ["POST", "/nowhere", 404, null],
];

describe("the answer to", () => {
  for (const [method, path, status, allow] of REQUESTS) {
    test(`${method} ${path} is ${status}`, async () => {
      const { server } = start({ refusal: "never asked" });
      const response = await fetch(new URL(path, server.url), { method });
      expect([response.status, response.headers.get("allow")]).toEqual([status, allow]);
      const text = await response.text();
      if (method === "HEAD") expect(text).toBe("");
      if (status === 405) expect(text).toBe("method not allowed: use GET or HEAD\n");
    });
  }
});

function* endless() {
  for (;;) yield Buffer.alloc(1_000_000, "a 1\n");
}

async function begun(url: string): Promise<{ cancel(): Promise<void> }> {
  const reader = (await fetch(url)).body!.getReader();
  await reader.read();
  return reader;
}

function start(
  shown: Writing | { refusal: string } | Parameters<typeof serveMetrics>[0],
  limits?: Partial<Omit<Settings["web"], "listen">>,
): Served {
  const started = serveMetrics(typeof shown === "function" ? shown : async () => shown, limits);
  served.push(started);
  return started;
}
