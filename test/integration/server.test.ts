import { afterEach, expect, test } from "bun:test";
import type { Server } from "bun";
import { type Pages, serve } from "../../src/http/server.ts";

const servers: Server<undefined>[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop(true);
});

test("an exposition that may no longer be shown is broken off, so that no scraper takes a part for the whole", async () => {
  let isValid = true;
  function* chunks() {
    yield "a 1\n".repeat(50_000);
    isValid = false;
    yield "b 1\n".repeat(50_000);
  }
  const url = start({ chunks: chunks(), isValid: () => isValid });
  const taken = fetch(`${url}metrics`).then((response) => response.text());
  await expect(taken).rejects.toThrow();
});

test("an exposition that stays valid is answered whole", async () => {
  const url = start({ chunks: ["a 1\n", "b 1\n"].values(), isValid: () => true });
  expect(await (await fetch(`${url}metrics`)).text()).toBe("a 1\nb 1\n");
});

test("a refusal is 503 with the reason and when to come again, for HEAD too", async () => {
  const url = start({ refusal: "recovering: 5 samples left" });
  for (const method of ["GET", "HEAD"]) {
    const response = await fetch(`${url}metrics`, { method });
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    if (method === "GET") expect(await response.text()).toBe("recovering: 5 samples left\n");
  }
});

function start(answer: Awaited<ReturnType<Pages["metrics"]>>): string {
  const server = serve(
    { hostname: "127.0.0.1", port: 0 },
    { metrics: async () => answer, notReadyReason: () => undefined, scraped: () => {} },
  );
  servers.push(server);
  return String(server.url);
}
