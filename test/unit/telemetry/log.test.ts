import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { renderLogs } from "../../../docs/logs.ts";
import type { LogFormat, LogLevel } from "../../../src/config/setting-schemas.ts";
import { AREAS, EVENTS, type EventDeclaration } from "../../../src/telemetry/event-list.ts";
import { Log } from "../../../src/telemetry/log.ts";

interface Given {
  level?: LogLevel;
  levels?: [area: string, level: LogLevel][];
  format?: LogFormat;
  isTerminal?: boolean;
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const DROPPED = { reason: "unknown_type", count: 2, payload: 'a\n"b"' };
const REMEDY = EVENTS.samples_dropped.remedy;

describe("a line", () => {
  test("is a JSON object with the fields, and what to do about a warning", () => {
    const { log, lines } = makeLog({});
    log.write("samples_dropped", DROPPED, 7);
    const { time, ...others } = JSON.parse(lines[0]);
    expect(time).toMatch(TIME);
    expect(others).toEqual({
      ...{ level: "warning", area: "sample", event: "samples_dropped" },
      ...DROPPED,
      ...{ suppressed: 7, remedy: REMEDY },
    });
    expect(lines).toEqual([expect.stringMatching(/^[^\n]*\n$/)]);
  });

  test("is readable on a terminal, and no payload forges another one", () => {
    const { log, lines } = makeLog({ isTerminal: true });
    log.write("samples_dropped", DROPPED);
    const [time, ...rest] = lines[0].split(" ");
    expect(time).toMatch(TIME);
    expect(rest.join(" ")).toBe(
      `WARNING     sample: samples_dropped reason="unknown_type" count=2 payload="a\\n\\"b\\"" remedy=${JSON.stringify(REMEDY)}\n`,
    );
  });

  for (const [format, isTerminal, isJson] of [
    ["auto", false, true],
    ["auto", true, false],
    ["json", true, true],
    ["text", false, false],
  ] as const) {
    const where = isTerminal ? "a terminal" : "a pipe";
    test(`is ${isJson ? "JSON" : "text"} with Logging.Format=${format} on ${where}`, () => {
      const { log, lines } = makeLog({ format, isTerminal });
      log.write("gateway_stopping", { signal: "SIGTERM" });
      expect(lines[0].startsWith("{")).toBe(isJson);
    });
  }

  test("leaves out what is not there, and cuts what is long", () => {
    for (const isTerminal of [false, true]) {
      const { log, lines } = makeLog({ isTerminal });
      const fields = {
        listen: ":9091",
        metrics: "m",
        status: "s",
        workers: 2,
        queueKey: "q".repeat(5000),
      };
      log.write("gateway_started", { version: "1", push: undefined, ...fields });
      expect(lines[0]).not.toContain("push");
      expect(/q{10,}/.exec(lines[0])?.[0]).toHaveLength(1000);
    }
  });
});

test("a level holds for its area, and the default one for the others", () => {
  const levels: [string, LogLevel][] = [
    ["queue", "debug"],
    ["sample", "error"],
  ];
  const { log, lines } = makeLog({ level: "warning", levels });
  const committed = { bytes: 1, isWhole: false, deadLetters: 0, seconds: 0 };
  log.write("gateway_stopping", { signal: "SIGTERM" });
  log.write("worker_died", { worker: 1, reason: "x" });
  log.write("checkpoint_committed", committed);
  log.write("samples_dropped", DROPPED);
  expect(lines.map((line) => JSON.parse(line).event)).toEqual([
    "worker_died",
    "checkpoint_committed",
  ]);
  const silent = makeLog({ level: "none" });
  silent.log.write("worker_died", { worker: 1, reason: "x" });
  expect(silent.lines).toEqual([]);
});

test("what is not declared is not taken by the compiler", () => {
  const { log, lines } = makeLog({ level: "none" });
  // @ts-expect-error: no such event
  expect(() => log.write("gateway_exploded", {})).toThrow();
  // @ts-expect-error: no such field
  log.write("gateway_stopping", { signal: "SIGTERM", password: "canary" });
  // @ts-expect-error: a field is missing
  log.write("gateway_stopping", {});
  // @ts-expect-error: a text, not a number
  log.write("gateway_stopping", { signal: 15 });
  expect(lines).toEqual([]);
});

describe("docs/logs.md", () => {
  test("lists each event with its fields, and is not stale", async () => {
    const page = await Bun.file(join(import.meta.dir, "../../../docs/logs.md")).text();
    expect(page).toBe(renderLogs());
    for (const name of Object.keys(EVENTS)) expect(page).toContain(`\n### ${name}\n`);
    for (const area of Object.keys(AREAS)) expect(page).toContain(`\n## Area \`${area}\`\n`);
  });

  test("says of each warning and error what to do", () => {
    const events = Object.entries(EVENTS) as [string, EventDeclaration][];
    const bare = events.filter(([, { level, remedy }]) => {
      return (level === "warning" || level === "error") === (remedy === undefined);
    });
    expect(bare.map(([name]) => name)).toEqual([]);
  });
});

function makeLog({ level = "information", levels = [], format = "auto", ...given }: Given) {
  const lines: string[] = [];
  const log = new Log({
    ...{ level, levels: new Map(levels), format, isTerminal: given.isTerminal ?? false },
    write: (line) => lines.push(line),
  });
  return { log, lines };
}
