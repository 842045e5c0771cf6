import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EVENTS, type EventDeclaration, type EventName } from "../../src/telemetry/event-list.ts";
import { BINARY, QUEUE_KEY, startGateway } from "../support/gateway-process.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

/** What the binary writes to its log. */

const TEXT_LINE = /^\S+Z INFORMATION main: gateway_started version="[^"]+" listen="[^"]+"/m;
const FAMILIES = 3000;

const ends: (() => unknown)[] = [];
let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
  ends.push(() => redis.stop());
});

afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

describe("a log is", () => {
  test("text on a terminal", async () => {
    const said = await logOf([], true);
    expect(said).toMatch(TEXT_LINE);
  });

  test("JSON on a terminal with Logging.Format=json", async () => {
    const said = await logOf(["--Logging.Format=json"], true);
    expect(JSON.parse(said.split("\n")[0])).toMatchObject({ event: "gateway_started" });
  });

  test("text in a pipe with Logging.Format=text", async () => {
    expect(await logOf(["--Logging.Format=text"], false)).toMatch(TEXT_LINE);
  });
});

test("a sender who sends what is wrong in thousands of ways makes few lines, each as it is declared", async () => {
  const gateway = await startGateway(redis.port, ["--Metrics.MaxSeriesPerFamily=1"]);
  ends.push(() => gateway.stop());
  const messages: string[] = [];
  for (let i = 0; i < FAMILIES; i++) {
    const family = { type: "histogram", name: `f${i}`, value: 1 };
    messages.push(JSON.stringify({ ...family, buckets: [1] }));
    messages.push(JSON.stringify({ ...family, buckets: [1, 2] }));
    messages.push(JSON.stringify({ ...family, labels: { another: "series" } }));
    messages.push(JSON.stringify({ type: `meter${i}` }), `{"broken":${i}`, `[${i}]`);
  }
  messages.push('{"type":"counter","name":"last","value":1}');
  for (let i = 0; i < messages.length; i += 3000) {
    await redis.client.lpush(QUEUE_KEY, ...messages.slice(i, i + 3000));
  }
  await until("all is applied", async () => (await gateway.value("last")) === 1, 30_000);
  const own = "prom_stream_gateway_";
  const queue = `queueKey="${QUEUE_KEY}"`;
  expect(await gateway.value(`${own}layout_conflicts_total{${queue}}`)).toBe(FAMILIES);
  const dropped = `${own}dropped_metrics_total{${queue},reason="unknown_type"}`;
  expect(await gateway.value(dropped)).toBe(FAMILIES);

  const lines = gateway.log();
  const times = lines.map(({ time }) => Date.parse(String(time)));
  const tens = Math.ceil((Math.max(...times) - Math.min(...times) + 1) / 10_000);
  const count = (event: EventName) => lines.filter((line) => line.event === event).length;
  for (const event of ["other_layout_met", "series_limited", "samples_dropped"] as const) {
    expect([event, count(event) > 0]).toEqual([event, true]);
  }
  expect(count("other_layout_met")).toBeLessThanOrEqual(tens);
  expect(count("series_limited")).toBeLessThanOrEqual(tens);
  // Of four reasons.
  expect(count("samples_dropped")).toBeLessThanOrEqual(4 * tens);
  for (const { time, event, level, area, remedy, suppressed, ...fields } of lines) {
    const declared: EventDeclaration = EVENTS[event as EventName];
    expect([event, level, area]).toEqual([event, declared.level, declared.area]);
    const names = Object.keys(declared.fields);
    expect(Object.keys(fields).filter((name) => !names.includes(name))).toEqual([]);
  }
});

/** Runs it until it has said that it serves, and returns what it has said. */
async function logOf(flags: readonly string[], isOnTerminal: boolean): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "gateway-"));
  let said = "";
  const decoder = new TextDecoder();
  const take = (bytes: Uint8Array) => {
    said += decoder.decode(bytes, { stream: true });
  };
  const child = Bun.spawn(
    [
      ...[BINARY, "--Web.ListenAddress=127.0.0.1:0"],
      ...[`--Redis.ConnectionString=localhost:${redis.port}`, "--Gateway.Id=logs", ...flags],
    ],
    {
      cwd: folder,
      env: { PATH: process.env.PATH },
      ...(isOnTerminal
        ? { terminal: { cols: 1000, data: (_, bytes) => take(bytes) } }
        : { stdout: "pipe", stderr: "ignore" }),
    },
  );
  if (child.stdout) void child.stdout.pipeTo(new WritableStream({ write: take }));
  try {
    return await until(
      "it says that it serves",
      () => /gateway_started[^\n]*\n/.test(said) && said,
    );
  } finally {
    child.kill("SIGKILL");
    await child.exited;
    child.terminal?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
