import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { REQUEST_REFUSAL_REASONS } from "../../src/http/pages.ts";
import { type EmbeddedProcess, startEmbedded } from "../support/gateway-process.ts";
import { SECURITY_HEADERS } from "../support/pages.ts";
import { exchange } from "../support/raw-http.ts";
import { CHUNKED, GET, HOST, LINES, PUT, type Row, SMUGGLING } from "../support/raw-requests.ts";

let gateway: EmbeddedProcess;
let port: number;

beforeAll(async () => {
  gateway = await startEmbedded(["--Web.EnableAdminApi=true"]);
  port = Number(new URL(gateway.url).port);
});
afterAll(async () => {
  const errors = gateway.errors();
  await gateway.stop();
  expect(errors).toBe("");
});

const PATHS: [target: string, status: number][] = [
  ["/-/healthy", 200],
  ["/-/healthy#fragment", 200],
  ["/-/healthy?%zz=%e0%a4", 200],
  ["/api/../-/healthy", 200],
  ["/%2e%2e/-/healthy", 200],
  ["http://b/-/healthy", 200],
  ["//-/healthy", 404],
  ["///-/healthy", 404],
  ["//b/-/healthy", 404],
  ["/\\-/healthy", 404],
  ["/-/healthy/", 404],
  ["/-/healthy/.", 404],
  ["/-%2fhealthy", 404],
  ["/-/healthy%00", 404],
  ["/-/HEALTHY", 404],
  ["/..;/-/healthy", 404],
  ["/.env", 404],
  ["/../../../../etc/passwd", 404],
  ["/constructor", 404],
  ["/__proto__", 404],
  ["/\xff\xfe", 404],
];

describe("a request that could be read in two ways", () => testEach(SMUGGLING));

describe("a request", () => testEach(LINES));

function testEach(rows: Row[]): void {
  for (const [name, sent, statuses, end] of rows) {
    const said = [...new Set(statuses)].join(", ") || "not answered";
    test(`${name}: ${said}, ${end}`, async () => {
      const isClosed = end === "closed";
      const seen = await exchange(port, sent, { answers: statuses.length, isClosed });
      expect(seen).toEqual(statuses);
    });
  }
}

describe("the path", () => {
  for (const [target, status] of PATHS) {
    test(`${JSON.stringify(target)} is ${status}`, async () => {
      const sent = `GET ${target} HTTP/1.1\r\n${HOST}\r\n`;
      const seen = await exchange(port, sent, { answers: 1, isClosed: false });
      expect(seen).toEqual([status]);
    });
  }
  test("is the same with HTTP/1.0 and no host", async () => {
    for (const [target, status] of PATHS) {
      const sent = `GET ${target} HTTP/1.0\r\n\r\n`;
      const seen = await exchange(port, sent, { answers: 1, isClosed: true });
      expect([target, ...seen]).toEqual([target, status]);
    }
  });
});

const SAME = { Host: "gateway:9091" };
const ORIGINS: [what: string, headers: Record<string, string>, isRefused: boolean][] = [
  ["a program", {}, false],
  [
    "a page of the gateway",
    { "Sec-Fetch-Site": "same-origin", Origin: "http://gateway:9091" },
    false,
  ],
  ["a person, from the address bar", { "Sec-Fetch-Site": "none" }, false],
  [
    "a page behind a proxy that renames the host",
    { "Sec-Fetch-Site": "same-origin", Origin: "http://b" },
    false,
  ],
  ["a page of the gateway in an old browser", { Origin: "http://gateway:9091" }, false],
  ["a page of another site", { "Sec-Fetch-Site": "cross-site", Origin: "http://b" }, true],
  [
    "a page of a neighbouring host",
    { "Sec-Fetch-Site": "same-site", Origin: "http://b.gateway" },
    true,
  ],
  ["a page of another port in an old browser", { Origin: "http://gateway:9092" }, true],
  ["a page of another site in an old browser", { Origin: "http://b" }, true],
  ["a page in a sandbox", { Origin: "null" }, true],
];

describe("a change that is asked for by", () => {
  for (const [what, headers, isRefused] of ORIGINS) {
    test(`${what} is ${isRefused ? "refused" : "made"}`, async () => {
      const lines = Object.entries({ ...SAME, ...headers }).map((pair) => `${pair.join(": ")}\r\n`);
      for (const [method, path] of [
        ["DELETE", "/api/v1/series?match[]=none"],
        ["PUT", "/api/v1/admin/wipe"],
      ]) {
        const sent = `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
        const seen = await exchange(port, sent, { answers: 1, isClosed: isRefused });
        expect(seen).toEqual([isRefused ? 403 : 200]);
      }
    });
  }
});

test("each answer says that it is no page, once", async () => {
  for (const path of ["/", "/metrics", "/nowhere", "/api/v1/status", "/api/v1/series?match[]={"]) {
    const { headers } = await fetch(new URL(path, gateway.url));
    expect(Object.fromEntries(headers)).toMatchObject(SECURITY_HEADERS);
    expect(headers.get("server")).toBe(null);
    expect(headers.get("access-control-allow-origin")).toBe(null);
  }
  // The status page says more of its own, and of what it loads, how long to keep it.
  const { "cache-control": noStore, "content-security-policy": _, ...rest } = SECURITY_HEADERS;
  const page = await fetch(new URL("/status", gateway.url));
  const script = await fetch(new URL("/status/page.js", gateway.url));
  expect(Object.fromEntries(page.headers)).toMatchObject({ ...rest, "cache-control": noStore });
  expect(Object.fromEntries(script.headers)).toMatchObject({
    ...rest,
    "cache-control": "no-cache",
  });
});

test("refused requests are counted by reason", async () => {
  const counts = async () => {
    const line = (reason: string) =>
      `prom_stream_gateway_http_requests_refused_total{reason="${reason}"}`;
    const text = await gateway.metrics();
    return REQUEST_REFUSAL_REASONS.map((reason) => {
      const [, rest] = text.split(`${line(reason)} `);
      return [reason, Number(rest.slice(0, rest.indexOf("\n")))] as const;
    });
  };
  const before = new Map(await counts());
  const sent: [text: string, isClosed: boolean][] = [
    [`${GET}Host: a b\r\n\r\n`, true],
    [`GET /nowhere HTTP/1.1\r\n${HOST}\r\n`, false],
    [`PUT /metrics HTTP/1.1\r\n${HOST}\r\n`, false],
    [`${PUT}${HOST}${CHUNKED}\r\n0\r\n\r\n`, true],
    [`PUT /api/v1/admin/wipe HTTP/1.1\r\n${HOST}Origin: null\r\n\r\n`, true],
  ];
  for (const [text, isClosed] of sent) await exchange(port, text, { answers: 1, isClosed });
  const rises = (await counts())
    .map(([reason, count]) => [reason, count - before.get(reason)!] as const)
    .filter(([, rise]) => rise !== 0);
  expect(Object.fromEntries(rises)).toEqual({
    ...{ bad_request: 1, not_found: 1, method_not_allowed: 1, body_too_large: 1, cross_site: 1 },
  });
});
