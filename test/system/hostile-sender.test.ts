import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type EmbeddedProcess, QUEUE_KEY, startEmbedded } from "../support/gateway-process.ts";
import { connectResp, request } from "../support/resp-client.ts";
import { until } from "../support/until.ts";

const MIB = 1024 * 1024;
const OWN = "prom_stream_gateway_";
const running: EmbeddedProcess[] = [];
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) end();
  for (const gateway of running.splice(0)) {
    const errors = gateway.errors();
    await gateway.stop();
    expect(errors).toBe("");
  }
});

/** One message each, of nearly a mebibyte, and why it is dropped; undefined: it is taken. */
const LARGE: [what: string, message: string, reason: string | undefined][] = [
  ["open brackets", "[".repeat(MIB), "invalid_json"],
  ["brackets in brackets", "[".repeat(MIB / 2) + "]".repeat(MIB / 2), "not_an_object"],
  ["objects in objects", nested(170_000), "unknown_type"],
  ["labels in labels", counter({ labels: "@" }).replace('"@"', nested(150_000)), "invalid_labels"],
  [
    "a number of many digits",
    counter({ value: "@" }).replace('"@"', "9".repeat(MIB - 200)),
    "invalid_value",
  ],
  [
    "a fraction of many digits",
    counter({ value: "@" }).replace('"@"', `0.${"3".repeat(MIB - 200)}`),
    undefined,
  ],
  [
    "an exponent of many digits",
    counter({ value: "@" }).replace('"@"', `1e-${"9".repeat(MIB - 200)}`),
    undefined,
  ],
  [
    "one key again and again",
    `{${'"value":1,'.repeat(90_000)}"type":"counter","name":"hostile_total"}`,
    undefined,
  ],
  [
    "a label again and again",
    counter({ labels: "@" }).replace('"@"', `{${'"a":"b",'.repeat(100_000)}"a":"b"}`),
    undefined,
  ],
  [
    "a hundred thousand labels",
    counter({
      labels: Object.fromEntries(Array.from({ length: 60_000 }, (_, i) => [`l${i}`, "v"])),
    }),
    "too_many_labels",
  ],
  ["a label of a mebibyte", counter({ labels: { a: "x".repeat(MIB - 200) } }), "label_too_long"],
  ["a name of a mebibyte", counter({ name: "x".repeat(MIB - 200) }), "label_too_long"],
  ["a help of a mebibyte", counter({ help: "x".repeat(MIB - 200) }), undefined],
  [
    "buckets without end",
    counter({ type: "histogram", buckets: Array.from({ length: 150_000 }, (_, i) => i) }),
    "invalid_buckets",
  ],
  [
    "quantiles without end",
    counter({
      type: "summary",
      quantiles: Array(90_000).fill(0.5),
      epsilons: Array(90_000).fill(0.1),
    }),
    "invalid_quantiles",
  ],
  [
    "counts without end",
    counter({
      type: "histogram",
      buckets: [1],
      value: undefined,
      sum: 1,
      counts: Array(250_000).fill(1),
    }),
    "invalid_counts",
  ],
  [
    "an array of nothing, ten thousand times",
    JSON.stringify(Array(10_000).fill({})),
    "unknown_type",
  ],
  ["a NUL for a mebibyte", "\0".repeat(MIB), "invalid_json"],
  [
    "bytes that are no UTF-8",
    counter({ name: "@" }).replace("@", "\xff".repeat(1000)),
    "invalid_json",
  ],
  [
    "escapes",
    counter({ labels: { a: "@" } }).replace("@", "\\u0000".repeat(170_000)),
    "label_too_long",
  ],
  [
    "the keys of objects",
    `{"__proto__":{"type":"counter"},"constructor":{"name":"x"},"toString":1}`,
    "unknown_type",
  ],
  ["one byte too many", " ".repeat(MIB + 1), "too_large"],
];

describe("a message of", () => {
  let gateway: EmbeddedProcess;
  beforeAll(async () => {
    gateway = await startEmbedded();
  });
  afterAll(async () => {
    const restarts = (await gateway.metrics()).match(/worker_restarts_total\{.*\} [1-9]/g);
    const errors = gateway.errors();
    await gateway.stop();
    expect([restarts, errors]).toEqual([null, ""]);
  });

  for (const [what, message, reason] of LARGE) {
    test(`${what} is ${reason === undefined ? "taken" : `dropped as ${reason}`}, and the next is taken`, async () => {
      const before = await droppedOf(gateway);
      const next = (await gateway.value("next_total")) ?? 0;
      await push(
        gateway,
        message,
        JSON.stringify({ type: "counter", name: "next_total", value: 1 }),
      );
      await until(
        "the next is taken",
        async () => (await gateway.value("next_total")) === next + 1,
      );
      const after = await droppedOf(gateway);
      const rises = [...after].filter(([name, count]) => count > (before.get(name) ?? 0));
      expect(rises.map(([name]) => name)).toEqual(reason === undefined ? [] : [reason]);
    });
  }
});

const MESSAGES = 100_000;

test(`${MESSAGES} bad messages of all kinds are a few lines in the log`, async () => {
  const gateway = await start();
  const kinds = [
    () => "{",
    () => "1",
    (i: number) => counter({ type: `t${i}` }),
    (i: number) => counter({ name: `${i}` }),
    (i: number) => counter({ value: -i - 1 }),
    (i: number) => counter({ value: `${i}` }),
    (i: number) => counter({ name: `${OWN}${i}` }),
    (i: number) => counter({ name: `h${i}`, type: "histogram" }),
    (i: number) => counter({ name: `h${i % 500}`, type: "histogram", buckets: [i] }),
    (i: number) => counter({ name: `h${i % 500}`, type: "gauge" }),
    (i: number) =>
      counter({ name: `s${i % 500}`, type: "summary", quantiles: [i / MESSAGES], epsilons: [0.1] }),
    (i: number) => counter({ labels: { a: [i] } }),
    (i: number) => counter({ times: -i }),
    (i: number) => counter({ timestamp: `${i}` }),
    (i: number) => counter({ ttl: -i }),
  ];
  const startedAt = performance.now();
  const messages = Array.from({ length: MESSAGES }, (_, i) => kinds[i % kinds.length](i));
  for (let i = 0; i < MESSAGES; i += 5000) await push(gateway, ...messages.slice(i, i + 5000));
  await push(gateway, counter({ name: "last_total" }));
  await until("all are taken", async () => (await gateway.value("last_total")) === 1);
  const tensOfSeconds = Math.ceil((performance.now() - startedAt) / 10_000);
  // A line for each of the kinds of trouble, each ten seconds, besides those of a start.
  expect(gateway.log().length).toBeLessThan(20 + 20 * tensOfSeconds);
});

test("series beyond Metrics.MaxSeries are dropped, named in few words, and do not fill the memory", async () => {
  const gateway = await start("--Metrics.MaxSeries=1000");
  const [rounds, size] = [20, 5000];
  for (let round = 0; round < rounds; round++) {
    const some = Array.from({ length: size }, (_, i) => {
      const n = round * size + i;
      const name = `f${n % 3 === 0 ? n : 0}_total`;
      return counter({ name, labels: { n: `${n}`, x: "x".repeat(500) } });
    });
    await push(gateway, ...some);
  }
  const dropped = async () => (await droppedOf(gateway)).get("series_limit");
  await until("all are applied", async () => (await dropped()) === rounds * size - 1000);
  const text = await gateway.metrics();
  expect(text).toContain(`${OWN}series 1000\n`);
  expect(text.match(/limited_samples_total\{/g)!.length).toBe(101);
  expect(await gateway.value(`${OWN}process_resident_memory_bytes`)).toBeLessThan(800e6);
  expect(gateway.log().length).toBeLessThan(20);
});

/** Texts that are to do something to who shows them. */
const TEXTS = [
  ...[
    "\n# TYPE forged counter\nforged 1\n",
    'a"} 1\nforged 1\n{x="',
    "\\",
    "\\n",
    "\r\nforged 1",
    "\0",
  ],
  ...[
    "\u202eforged",
    "\u2028forged 1",
    "\x1b[2Jforged",
    "<script>alert(1)</script>",
    "{{ forged }}",
    "$(forged)",
  ],
];

test("no text forges a line, in a label, a help, or the log", async () => {
  const gateway = await start();
  for (const [i, text] of TEXTS.entries()) {
    await push(gateway, counter({ name: `text${i}_total`, help: text, labels: { text } }));
    await push(gateway, text, counter({ type: text }), counter({ name: text }));
  }
  await until("all is taken", async () => (await gateway.value(`${OWN}families`)) === TEXTS.length);
  for (const accept of ["text/plain", "application/openmetrics-text;version=1.0.0"]) {
    const response = await fetch(`${gateway.url}/metrics`, { headers: { Accept: accept } });
    const lines = (await response.text())
      .split("\n")
      .filter((line) => /^(# \w+ )?text\d/.test(line));
    expect(lines.length).toBe(3 * TEXTS.length);
  }
  const starts = (await gateway.metrics()).split("\n").map((line) => line.split(/[ {]/)[0]);
  expect(starts).not.toContain("forged");
  // Each is one line of JSON, or this throws.
  expect(gateway.log().every(({ event }) => typeof event === "string")).toBe(true);
});

/** What a sender may do to a family that another one has. */
test("the first sender of a family says its type and buckets; another changes neither", async () => {
  const gateway = await start();
  await push(gateway, counter({ name: "h", type: "histogram", buckets: [1, 2], help: "first" }));
  await until("it is there", async () => (await gateway.value("h_count")) === 1);
  await push(
    gateway,
    counter({ name: "h", type: "histogram", buckets: [5], help: "second" }),
    counter({ name: "h", type: "gauge" }),
    counter({ name: "h_count" }),
    counter({ name: "h_bucket", type: "gauge" }),
    counter({ name: "h", type: "histogram", labels: { le: "1" } }),
    counter({ name: `${OWN}series`, type: "gauge", value: 0 }),
    counter({ name: "h", labels: { __name__: `${OWN}series` } }),
    counter({ name: "last_total" }),
  );
  await until("all is taken", async () => (await gateway.value("last_total")) === 1);
  expect(await gateway.totals()).toBe(
    [
      "# HELP h first",
      "# TYPE h histogram",
      'h_bucket{le="1"} 2',
      'h_bucket{le="2"} 2',
      'h_bucket{le="+Inf"} 2',
      "h_sum 2",
      "h_count 2",
      "# HELP last_total ",
      "# TYPE last_total counter",
      "last_total 1",
      "",
    ].join("\n"),
  );
  expect([...(await droppedOf(gateway))].filter(([, count]) => count > 0).sort()).toEqual([
    ["invalid_labels", 1],
    ["name_collision", 2],
    ["reserved_label", 1],
    ["reserved_name", 1],
    ["type_conflict", 1],
  ]);
});

test("numbers at the end of all numbers stay numbers, through a restart", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hostile-"));
  ends.push(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "state");
  const gateway = await start(`--Embedded.StateFile=${file}`);
  await push(
    gateway,
    counter({ name: "huge_total", value: 1e308 }),
    counter({ name: "huge_total", value: 1e308 }),
    counter({ name: "tiny_total", value: 5e-324 }),
    counter({ name: "down", type: "gauge", op: "sub", value: 1.7e308, times: 1e9 }),
    counter({ name: "many_total", value: 1, times: 9e15 }),
    counter({ name: "often_count", type: "histogram", buckets: [1], value: 1e308, times: 1e9 }),
    counter({ name: "future_total", timestamp: 9e9 }),
    counter({ name: "brief_total", ttl: 1 }),
    counter({ name: "last_total" }),
  );
  await until("all is taken", async () => (await gateway.value("last_total")) === 1);
  expect(await gateway.value("huge_total")).toBe(Number.POSITIVE_INFINITY);
  const before = await gateway.totals();
  expect(before).not.toContain("NaN");
  await until("it is written", () => existsSync(file));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  gateway.signal("SIGTERM");
  await gateway.exited;
  const next = await start(`--Embedded.StateFile=${file}`);
  const restored = await until(
    "it is restored",
    async () => (await next.value("last_total")) === 1 && next.totals(),
  );
  const lasting = (text: string) => text.split("\n").filter((line) => !line.includes("brief"));
  expect(lasting(restored)).toEqual(lasting(before));
});

function nested(depth: number): string {
  return `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
}

function counter(fields: Record<string, unknown>): string {
  return JSON.stringify({ type: "counter", name: "hostile_total", value: 1, ...fields });
}

async function start(...flags: string[]): Promise<EmbeddedProcess> {
  const gateway = await startEmbedded(flags);
  running.push(gateway);
  return gateway;
}

/** Pushes messages, each character a byte where all are below 256, and waits until they are taken off it. */
async function push(gateway: EmbeddedProcess, ...messages: string[]): Promise<void> {
  const client = await connectResp(ends, gateway.port);
  const bytes = messages.map((text) =>
    Buffer.from(text, /^[\0-\xff]*$/.test(text) ? "latin1" : "utf8"),
  );
  client.send(request("LPUSH", QUEUE_KEY, ...bytes.toReversed()));
  await until("it is answered", () => client.received().endsWith("\r\n"));
  expect(client.received()).toStartWith(":");
  client.socket.end();
}

/** How many samples were dropped, by reason. */
async function droppedOf(gateway: EmbeddedProcess): Promise<Map<string, number>> {
  const lines = (await gateway.metrics()).matchAll(
    /dropped_metrics_total\{.*reason="(\w+)"\} (\d+)/g,
  );
  return new Map([...lines].map(([, reason, count]) => [reason, Number(count)]));
}
