import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { createConnection } from "node:net";
import { type EmbeddedProcess, startEmbedded } from "../support/gateway-process.ts";
import { connectRaw, type RawHttp } from "../support/raw-http.ts";
import { request } from "../support/resp-client.ts";
import { until } from "../support/until.ts";

/** Of `Web.IdleTimeoutSeconds`; and at most so much later the runtime looks. */
const IDLE_SECONDS = 2;
const LATE_MS = 40_000;
/** Of a scrape while others hold on to connections, however busy the machine is. */
const IN_TIME_MS = 5000;
const TRICKLE_MS = 500;
const CLIENTS = 1000;
const SERIES = 100_000;

let gateway: EmbeddedProcess;
let port: number;
const held: RawHttp[] = [];
const running: EmbeddedProcess[] = [];

beforeAll(async () => {
  gateway = await startEmbedded([`--Web.IdleTimeoutSeconds=${IDLE_SECONDS}`]);
  port = portOf(gateway);
});
afterEach(async () => {
  for (const connection of held.splice(0)) connection.end();
  for (const one of running.splice(0)) {
    const errors = one.errors();
    await one.stop();
    expect(errors).toBe("");
  }
});
afterAll(async () => {
  const errors = gateway.errors();
  await gateway.stop();
  expect(errors).toBe("");
});

const HEAD = "GET /metrics HTTP/1.1\r\nHost: a\r\n";
const PUT = "PUT /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n";

/** What is sent first, and then again and again. */
const SLOW: [who: string, first: string, trickle: string][] = [
  ["says nothing", "", ""],
  ["sends a header now and then", HEAD, "X: y\r\n"],
  ["sends a byte of a header now and then", `${HEAD}X: `, "y"],
  ["says nothing after an answer", `${HEAD}\r\n`, ""],
  ["sends a byte of a body now and then", PUT, "x"],
  ["sends a header of a second request now and then", `${HEAD}\r\n${HEAD}`, "X: y\r\n"],
];

describe("a connection is closed whose client", () => {
  const connections = new Map<string, Trickle>();
  beforeAll(async () => {
    for (const [who, first, trickle] of SLOW) {
      connections.set(who, trickleOf(await connectRaw(port), first, trickle));
    }
    // All at once: each row alone would take as long. Those that stay open are told by their tests.
    const left = () => [...connections.values()].filter((isClosed) => !isClosed());
    await until("all are closed", () => left().length === 0, LATE_MS).catch(() => {});
  });
  for (const [who] of SLOW) {
    test(who, () => expect(connections.get(who)!()).toBe(true));
  }
});

test(`${CLIENTS} connections whose requests never end hold up no scrape`, async () => {
  const slow = await Promise.all(
    Array.from({ length: CLIENTS }, async () => trickleOf(await hold(port), HEAD, "X: y\r\n")),
  );
  let scrapes = 0;
  await until(
    "all are closed",
    async () => {
      const left = slow.filter((isClosed) => !isClosed());
      const startedAt = performance.now();
      expect(await gateway.metrics()).toContain("prom_stream_gateway_info");
      expect(performance.now() - startedAt).toBeLessThan(IN_TIME_MS);
      if (left.length === CLIENTS) scrapes++;
      return left.length === 0;
    },
    LATE_MS,
  );
  expect(scrapes).toBeGreaterThan(10);
});

test(`${CLIENTS} scrapers that take nothing lose their places to one that takes, and fill no memory`, async () => {
  const patient = await startOwn();
  await fill(patient);
  const before = await memoryBytes(patient);
  const stuck = Array.from({ length: CLIENTS }, () => hold(portOf(patient), true));
  for (const connection of await Promise.all(stuck)) connection.send(`${HEAD}\r\n`);
  const scrape = () => fetch(`${patient.url}/metrics`);
  await until("the places are taken", async () => (await scrape()).status === 503, LATE_MS);
  for (const path of ["/-/healthy", "/-/ready", "/api/v1/status"]) {
    expect((await fetch(patient.url + path)).status).toBe(200);
  }
  await until(
    "one that takes is answered whole",
    async () => {
      const response = await scrape();
      return response.ok && (await response.text()).includes(`fill{i="${SERIES - 1}",`);
    },
    LATE_MS,
  );
  expect((await memoryBytes(patient)) - before).toBeLessThan(300e6);
  const reason = 'prom_stream_gateway_scrapes_refused_total{reason="stuck"}';
  expect(await patient.value(reason)).toBeGreaterThan(0);
});

for (const setting of ["Web.IdleTimeoutSeconds", "Web.ScrapeTimeoutSeconds"]) {
  test(`${CLIENTS} clients that ask for all series and take nothing fill no memory, and ${setting} ends them`, async () => {
    const patient = await startOwn([`--${setting}=2`]);
    await fill(patient);
    const before = await memoryBytes(patient);
    const stuck = Array.from({ length: CLIENTS }, () => hold(portOf(patient), true));
    for (const connection of await Promise.all(stuck)) {
      connection.send("GET /api/v1/series HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    const ask = () => fetch(`${patient.url}/api/v1/families`);
    await until("the places are taken", async () => (await ask()).status === 503, LATE_MS);
    expect((await fetch(`${patient.url}/metrics`)).status).toBe(200);
    await until("their time is over", async () => (await ask()).status === 200, LATE_MS);
    expect((await memoryBytes(patient)) - before).toBeLessThan(300e6);
  });
}

test("selectors that are costly, of series that are not there, hold up nobody", async () => {
  const busy = await startOwn();
  await fill(busy);
  const costly = `{label=~"(x+x+)+y",i=~".*(${"a|".repeat(300)}b){50}"}`;
  let isOver = false;
  const listed = fetch(`${busy.url}/api/v1/series?match[]=${encodeURIComponent(costly)}`)
    .then((response) => response.text())
    .finally(() => {
      isOver = true;
    });
  let answers = 0;
  while (!isOver) {
    expect((await fetch(`${busy.url}/-/healthy`)).status).toBe(200);
    answers++;
  }
  expect(await listed).toBe('{"status":"success","data":[]}\n');
  expect(answers).toBeGreaterThan(20);
});

test("who finds no place among the files that may be open is served once others have gone", async () => {
  const files = 200;
  const limited = await startOwn([], files);
  const others = await Promise.all(Array.from({ length: files + 10 }, () => hold(portOf(limited))));
  const waiting = await hold(portOf(limited));
  waiting.send("GET /-/ready HTTP/1.1\r\nHost: a\r\n\r\n");
  for (const connection of others) connection.end();
  await until("it is answered", () => waiting.statuses().length === 1);
  expect(waiting.statuses()).toEqual([200]);
});

/** Sends a little more each time when it is asked, once a while; says whether the connection is closed. */
type Trickle = () => boolean;

function trickleOf(connection: RawHttp, first: string, trickle: string): Trickle {
  connection.send(first);
  let sentAt = performance.now();
  return () => {
    if (connection.isClosed()) return true;
    if (performance.now() - sentAt < TRICKLE_MS) return false;
    sentAt = performance.now();
    connection.send(trickle);
    return false;
  };
}

async function hold(to: number, isStuck = false): Promise<RawHttp> {
  const connection = await connectRaw(to, { isStuck });
  held.push(connection);
  return connection;
}

/** A gateway that ends with its test. */
async function startOwn(flags: string[] = [], filesMax?: number): Promise<EmbeddedProcess> {
  const own = await startEmbedded(flags, {}, filesMax);
  running.push(own);
  return own;
}

function portOf({ url }: EmbeddedProcess): number {
  return Number(new URL(url).port);
}

/** Enough series that no connection's buffers hold an answer. */
async function fill(gateway: EmbeddedProcess): Promise<void> {
  const socket = createConnection(gateway.port, "127.0.0.1");
  const label = "x".repeat(200);
  for (let i = 0; i < SERIES; i += 1000) {
    const samples = Array.from({ length: 1000 }, (_, n) =>
      JSON.stringify({
        type: "gauge",
        name: "fill",
        value: 1,
        labels: { i: String(i + n), label },
      }),
    );
    socket.write(request("LPUSH", "prom-stream-gateway:metric-queue", ...samples));
  }
  await until(
    "all are applied",
    async () => (await gateway.value("prom_stream_gateway_series")) === SERIES,
    LATE_MS,
  );
  socket.destroy();
}

async function memoryBytes(gateway: EmbeddedProcess): Promise<number> {
  return (await gateway.value("prom_stream_gateway_process_resident_memory_bytes")) ?? Number.NaN;
}
