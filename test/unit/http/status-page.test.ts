import { describe, expect, test } from "bun:test";
import { ASSETS, showAsset } from "../../../src/http/status-page.ts";

async function ask(headers: Record<string, string>, query = ""): Promise<Response> {
  const request = new Request(`http://localhost${ASSETS.js.path}${query}`, { headers });
  return showAsset("js", request, new URL(request.url));
}

describe("what the status page loads", () => {
  for (const [accepted, encoding] of [
    ["gzip, deflate, br, zstd", "gzip"],
    ["zstd", null],
    ["gzip;q=0", null],
    ["", null],
  ] as const) {
    test(`is ${encoding ?? "not compressed"} for who takes "${accepted}"`, async () => {
      const { headers } = await ask({ "Accept-Encoding": accepted });
      expect(headers.get("content-encoding")).toBe(encoding);
      expect(headers.get("vary")).toBe("Accept-Encoding");
    });
  }

  test("is the same bytes, compressed or not", async () => {
    const [plain, gzipped] = await Promise.all([ask({}), ask({ "Accept-Encoding": "gzip" })]);
    expect(Bun.gunzipSync(await gzipped.bytes())).toEqual(await plain.bytes());
  });

  test("is kept for good under the address that names it, and asked for again under another", async () => {
    const tag = (await ask({})).headers.get("etag")!.slice(1, -1);
    expect((await ask({}, `?v=${tag}`)).headers.get("cache-control")).toContain("immutable");
    expect((await ask({}, "?v=other")).headers.get("cache-control")).toBe("no-cache");
    const again = await ask({ "If-None-Match": `"${tag}"` });
    expect([again.status, await again.text()]).toEqual([304, ""]);
  });
});
