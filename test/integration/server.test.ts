import { afterEach, expect, test } from "bun:test";
import type { Server } from "bun";
import { type Pages, serve } from "../../src/http/server.ts";
import { until } from "../support/until.ts";

const servers: Server<undefined>[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true);
});

test("an exposition that may no longer be shown is broken off, so that no scraper takes a part for the whole", async () => {
  let isValid = true;
  function* chunks() {
    yield Buffer.from("a 1\n".repeat(50_000));
    isValid = false;
    yield Buffer.from("b 1\n".repeat(50_000));
  }
  const exposition = of(chunks(), () => isValid);
  const taken = fetch(`${start(exposition)}metrics`).then((response) => response.text());
  await expect(taken).rejects.toThrow();
  expect(exposition.ends).toBe(1);
});

test("an exposition that stays valid is answered whole", async () => {
  const exposition = of(["a 1\n", "b 1\n"].map((text) => Buffer.from(text)).values());
  expect(await (await fetch(`${start(exposition)}metrics`)).text()).toBe("a 1\nb 1\n");
  expect(exposition.ends).toBe(1);
});

test("an exposition that nobody reads, or nobody reads to its end, is ended", async () => {
  const headed = of([Buffer.from("a 1\n")].values());
  await fetch(`${start(headed)}metrics`, { method: "HEAD" });
  expect(headed.ends).toBe(1);
  function* endless() {
    for (;;) yield Buffer.alloc(100_000, "a 1\n");
  }
  const left = of(endless());
  const reader = (await fetch(`${start(left)}metrics`)).body!.getReader();
  await reader.read();
  await reader.cancel();
  await until("it is ended", () => left.ends === 1);
});

test("an exposition that fails is broken off and ended", async () => {
  function* failing() {
    yield Buffer.from("a 1\n");
    throw new Error("BUG: made for a test");
  }
  const exposition = of(failing());
  const taken = fetch(`${start(exposition)}metrics`).then((response) => response.text());
  await expect(taken).rejects.toThrow();
  expect(exposition.ends).toBe(1);
});

test("of many scrapers that are stuck the last are refused, until others have left", async () => {
  function* endless() {
    for (;;) yield Buffer.alloc(1_000_000, "a 1\n");
  }
  const url = start(of(endless()));
  const stuck: { cancel(): Promise<void> }[] = [];
  for (let i = 0; i < 16; i++) {
    const reader = (await fetch(`${url}metrics`)).body!.getReader();
    await reader.read();
    stuck.push(reader);
  }
  const refused = await fetch(`${url}metrics`);
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await refused.text()).toBe("16 scrapes are being answered already\n");
  await stuck.pop()!.cancel();
  await until("there is room", async () => {
    const response = await fetch(`${url}metrics`);
    await response.body!.cancel();
    return response.status === 200;
  });
  for (const reader of stuck) await reader.cancel();
});

test("a refusal is 503 with the reason and when to come again, for HEAD too", async () => {
  const url = start({ refusal: "recovering: 5 samples left" });
  for (const method of ["GET", "HEAD"]) {
    const response = await fetch(`${url}metrics`, { method });
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    if (method === "GET") expect(await response.text()).toBe("recovering: 5 samples left\n");
  }
});

/** An exposition that counts how often it was ended. */
function of(chunks: Iterator<Uint8Array>, isValid = () => true) {
  const exposition = {
    ...{ chunks, isValid, ends: 0 },
    end: () => {
      exposition.ends++;
    },
  };
  return exposition;
}

function start(answer: Awaited<ReturnType<Pages["metrics"]>>): string {
  const server = serve(
    { hostname: "127.0.0.1", port: 0 },
    {
      metrics: async () => answer,
      notReadyReason: () => undefined,
      isStandby: () => false,
      scraped: () => {},
      isBusy: () => true,
    },
  );
  servers.push(server);
  return String(server.url);
}
