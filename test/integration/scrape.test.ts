import { afterEach, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import {
  type CountedExposition,
  expositionOf,
  SECURITY_HEADERS,
  type Served,
  serveMetrics,
} from "../support/pages.ts";
import { until } from "../support/until.ts";

const served: Served[] = [];
const sockets: { terminate(): void }[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  for (const { server } of served.splice(0)) await server.stop(true);
});

const DECODERS = {
  identity: (bytes: Uint8Array) => bytes,
  gzip: (bytes: Uint8Array) => gunzipSync(bytes),
  zstd: (bytes: Uint8Array) => zstdDecompressSync(bytes),
};

const OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=dots";
const ACCEPT = "application/openmetrics-text;version=1.0.0;escaping=dots";
const SHAPES = {
  "text that repeats itself": (i: number) => `requests_total{shard="${i % 7}"} ${i}\n`.repeat(40),
  "bytes that cannot be made less": () => randomBytes(3000),
  "chunks of all sizes": (i: number) => randomBytes([1, 200_000, 0, 70_000, 5, 0][i % 6]),
};

for (const encoding of ["identity", "gzip", "zstd"] as const) {
  describe(`with ${encoding}`, () => {
    for (const [name, chunkOf] of Object.entries(SHAPES)) {
      test(`${name} come whole, and with the right headers`, async () => {
        const chunks = Array.from({ length: 300 }, (_, i) => Buffer.from(chunkOf(i)));
        const exposition = expositionOf(chunks);
        const { url, formats, scrapedBytes } = start(exposition);
        const response = await get(url, encoding);
        const whole = Buffer.concat(chunks);
        const got = DECODERS[encoding](await response.bytes());
        expect(Buffer.compare(got, whole)).toBe(0);
        expect(headersOf(response)).toEqual({
          ...SECURITY_HEADERS,
          "content-type": OPENMETRICS,
          vary: "Accept, Accept-Encoding",
          "transfer-encoding": "chunked",
          ...(encoding === "identity" ? {} : { "content-encoding": encoding }),
        });
        expect(formats).toEqual([{ kind: "openmetrics", version: "1.0.0", escaping: "dots" }]);
        expect([exposition.ends, scrapedBytes]).toEqual([1, [whole.length]]);
      });
    }

    test("the first bytes come before the last chunk is rendered", async () => {
      let isOpen = false;
      function* chunks() {
        for (let i = 0; i < 20; i++) yield randomBytes(65_536);
        while (!isOpen) yield Buffer.alloc(0);
        yield Buffer.from("the last\n");
      }
      const response = await get(start(expositionOf(chunks())).url, encoding);
      const reader = response.body!.getReader();
      const parts = [(await reader.read()).value!];
      isOpen = true;
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        parts.push(value);
      }
      const text = Buffer.from(DECODERS[encoding](Buffer.concat(parts)));
      expect(text.subarray(-9).toString()).toBe("the last\n");
    });

    test("a scraper that is stuck is rendered no more than the connection takes", async () => {
      const LENGTH = 100_000;
      const CHUNKS = 400;
      let rendered = 0;
      function* ofStuck() {
        for (; ; rendered++) yield randomBytes(LENGTH);
      }
      const expositions = [
        expositionOf(ofStuck()),
        expositionOf(Array.from({ length: CHUNKS }, () => randomBytes(LENGTH))),
      ];
      const { server, url } = start(async () => expositions.shift()!);
      await stuckScraper(server.port, encoding);
      await until("the stuck one has begun", () => rendered > 10);
      const other = await get(url, encoding);
      expect(DECODERS[encoding](await other.bytes()).length).toBe(CHUNKS * LENGTH);
      expect(rendered).toBeLessThan(CHUNKS / 2);
    });

    test("a scraper that goes away frees its place, and what it would have shown", async () => {
      const { url, expositions } = startEndless({ maxScrapesInFlight: 1 });
      for (let left = 1; left <= 5; left++) {
        const response = await until("there is room", async () => {
          const tried = await get(url, encoding);
          if (tried.status !== 200) await tried.bytes();
          return tried.status === 200 && tried;
        });
        const reader = response.body!.getReader();
        await reader.read();
        expect((await get(url, encoding)).status).toBe(503);
        await reader.cancel();
        await until("it is ended", () => expositions[left - 1].ends === 1);
      }
    });

    test("an answer that has begun is broken off when its time is over", async () => {
      function* chunks() {
        for (let i = 0; i < 20; i++) yield randomBytes(65_536);
        for (;;) yield Buffer.alloc(0);
      }
      const exposition = expositionOf(chunks());
      const { url, refused } = start(exposition, { scrapeTimeoutSeconds: 0.2 });
      const response = await get(url, encoding);
      expect(response.status).toBe(200);
      await expect(response.bytes()).rejects.toThrow();
      expect([exposition.ends, refused]).toEqual([1, ["timeout"]]);
    });

    test("an answer to a scraper that is stuck is broken off when its time is over", async () => {
      const { server, expositions, refused } = startEndless({ scrapeTimeoutSeconds: 0.2 });
      const isClosed = await stuckScraper(server.port, encoding);
      await until("it is ended", () => expositions[0]?.ends === 1);
      expect(refused).toEqual(["timeout"]);
      await until("the connection is closed", isClosed);
    });

    test("an exposition that may no longer be shown is broken off, so that no scraper takes a part for the whole", async () => {
      let isValid = true;
      function* chunks() {
        for (let i = 0; i < 5; i++) yield randomBytes(65_536);
        isValid = false;
        yield randomBytes(65_536);
      }
      const exposition = expositionOf(chunks(), () => isValid);
      const { url, refused, scrapedBytes } = start(exposition);
      await expect(get(url, encoding).then((response) => response.bytes())).rejects.toThrow();
      expect([exposition.ends, refused, scrapedBytes]).toEqual([1, ["not_ready"], []]);
    });

    test("an exposition that fails is broken off and ended", async () => {
      function* failing() {
        yield randomBytes(200_000);
        throw new Error("BUG: made for a test");
      }
      const exposition = expositionOf(failing());
      const taken = get(start(exposition).url, encoding).then((response) => response.bytes());
      await expect(taken).rejects.toThrow();
      expect(exposition.ends).toBe(1);
    });

    for (const [size, length] of [
      ["small", 1140],
      ["large", 300_000],
    ] as const) {
      test(`HEAD has the headers of GET, and ends what it would have shown, when that is ${size}`, async () => {
        const expositions: CountedExposition[] = [];
        const { url } = start(async () => {
          expositions.push(expositionOf([randomBytes(length)]));
          return expositions.at(-1)!;
        });
        const got = await get(url, encoding);
        await got.bytes();
        const headed = await get(url, encoding, "HEAD");
        expect(headersOf(headed)).toEqual(headersOf(got));
        expect((await headed.bytes()).length).toBe(0);
        await until("both are ended", () => expositions.every(({ ends }) => ends === 1));
        expect(expositions.length).toBe(2);
      });
    }
  });
}

describe("a body that a packet holds", () => {
  for (const [lengths, isSmall] of [
    [[], true],
    [[0, 0], true],
    [[900], true],
    [[0, 400, 0, 500], true],
    [[901], false],
    [[0, 400, 0, 501], false],
  ] as const) {
    const what = isSmall ? "is not compressed, and its length is told" : "no more is compressed";
    test(`${what}: ${lengths.join(" + ") || "no"} bytes`, async () => {
      const chunks = lengths.map((length) => Buffer.alloc(length, "a"));
      const { url } = start(expositionOf(chunks));
      const { headers } = await get(url, "gzip");
      const whole = Buffer.concat(chunks);
      expect(headers.get("content-encoding")).toBe(isSmall ? null : "gzip");
      if (isSmall) expect(headers.get("content-length")).toBe(String(whole.length));
      expect(headers.get("vary")).toBe("Accept, Accept-Encoding");
    });
  }
});

test("a scrape that gets nothing to show in time is refused, and what comes late is ended", async () => {
  const shown = Promise.withResolvers<CountedExposition>();
  const limits = { scrapeTimeoutSeconds: 0.1, maxScrapesInFlight: 1 };
  const { url, refused } = start(() => shown.promise, limits);
  for (let i = 0; i < 2; i++) {
    const response = await fetch(url);
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(await response.text()).toBe("not answered within 0.1 s\n");
  }
  expect(refused).toEqual(["timeout", "timeout"]);
  const exposition = expositionOf([Buffer.from("a 1\n")]);
  shown.resolve(exposition);
  await until("what both have got is ended", () => exposition.ends === 2);
});

for (const when of ["before it has anything to show", "before anything is rendered"]) {
  test(`a scraper that goes away ${when} frees its place, and what it would have shown`, async () => {
    const shown = Promise.withResolvers<void>();
    let isRendering = false;
    function* idle() {
      for (isRendering = true; ; ) yield Buffer.alloc(0);
    }
    const expositions: CountedExposition[] = [];
    const limits = { maxScrapesInFlight: 1 };
    const { url, formats } = start(async () => {
      if (when.includes("show")) await shown.promise;
      expositions.push(expositionOf(idle()));
      return expositions.at(-1)!;
    }, limits);
    const leave = new AbortController();
    const left = fetch(url, { signal: leave.signal });
    await until(
      "it is asked for",
      () => formats.length === 1 && (isRendering || when.includes("show")),
    );
    leave.abort();
    await expect(left).rejects.toThrow();
    shown.resolve();
    await until("it is ended", () => expositions[0]?.ends === 1);
    const timeout = { "X-Prometheus-Scrape-Timeout-Seconds": "0.05" };
    const next = await fetch(url, { headers: timeout });
    expect(await next.text()).toBe("not answered within 0.05 s\n");
  });
}

test("a scraper that takes a little now and then loses its place when its time is over", async () => {
  const { url, refused } = startEndless({ maxScrapesInFlight: 1, scrapeTimeoutSeconds: 0.3 });
  const reader = (await get(url, "identity")).body!.getReader();
  await reader.read();
  expect((await get(url, "identity")).status).toBe(503);
  await until("there is room", async () => {
    await reader.read().catch(() => {});
    return (await get(url, "identity")).status === 200;
  });
  expect(refused).toContain("timeout");
});

test("a scrape of which nothing is rendered in time is refused", async () => {
  function* idle() {
    for (;;) yield Buffer.alloc(0);
  }
  const exposition = expositionOf(idle());
  const { url } = start(exposition);
  const headers = { "X-Prometheus-Scrape-Timeout-Seconds": "0.1" };
  const response = await fetch(url, { headers });
  expect([response.status, await response.text()]).toEqual([503, "not answered within 0.1 s\n"]);
  expect(exposition.ends).toBe(1);
});

function get(url: string, encoding: string, method = "GET"): Promise<Response> {
  const headers = { Accept: ACCEPT, "Accept-Encoding": encoding };
  return fetch(url, { method, headers, decompress: false });
}

/** But for the time, which is not the same twice. */
function headersOf({ headers }: Response): Record<string, string> {
  const { date: _, connection: __, ...rest } = Object.fromEntries(headers);
  return rest;
}

/** Asks and never reads. What it gives says whether its connection is closed. */
async function stuckScraper(port: number, encoding: string): Promise<() => boolean> {
  let isClosed = false;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      open: (opened) => {
        opened.pause();
        opened.write(`GET /metrics HTTP/1.1\r\nHost: x\r\nAccept-Encoding: ${encoding}\r\n\r\n`);
      },
      data: () => {},
      close: () => {
        isClosed = true;
      },
    },
  });
  sockets.push(socket);
  return () => {
    if (!isClosed) socket.resume();
    return isClosed;
  };
}

function start(
  shown: CountedExposition | Parameters<typeof serveMetrics>[0],
  limits?: Parameters<typeof serveMetrics>[1],
): Served {
  const started = serveMetrics(typeof shown === "function" ? shown : async () => shown, limits);
  served.push(started);
  return started;
}

/** Each scrape is of an exposition without end. */
function startEndless(limits: Parameters<typeof serveMetrics>[1]) {
  const expositions: CountedExposition[] = [];
  function* endless() {
    for (;;) yield randomBytes(100_000);
  }
  const started = start(async () => {
    expositions.push(expositionOf(endless()));
    return expositions.at(-1)!;
  }, limits);
  return { ...started, expositions };
}
