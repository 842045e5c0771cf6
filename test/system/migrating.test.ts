import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { $, RedisClient } from "bun";
import { SETTINGS } from "../../src/config/settings.ts";
import { decodeMessage } from "../../src/sample/decode.ts";
import { LIMITS } from "../support/arbitrary-messages.ts";
import { readTitledBlocks } from "../support/fenced-blocks.ts";
import { QUEUE_KEY, runBinary, startEmbedded } from "../support/gateway-process.ts";
import { until } from "../support/until.ts";

/** What docs/migrating.md says is so: its settings, messages, results and rules. */

const DOCS = join(import.meta.dir, "../../docs");

const page = await Bun.file(join(DOCS, "migrating.md")).text();
const blocks = new Map(readTitledBlocks(page).map(({ title, text }) => [title, text]));
const folder = mkdtempSync(join(tmpdir(), "migrating-"));

afterAll(() => rmSync(folder, { recursive: true }));

for (const name of ["migrating.md", "senders.md"]) {
  test(`each setting that ${name} names is one`, async () => {
    const text = (await Bun.file(join(DOCS, name)).text()).replace(/^```[\s\S]*?^```$/gm, "");
    const sections = new Set(Object.values(SETTINGS).map((setting) => setting.name.split(".")[0]));
    const known = new Set(Object.values(SETTINGS).map((setting) => setting.name));
    const named = [...text.matchAll(/`([A-Z]\w+(?:\.\w+)+)/g)].map((match) => match[1]);
    const ours = named.filter((setting) => sections.has(setting.split(".")[0]));
    expect(ours.length).toBeGreaterThan(3);
    // What .NET has in a section that is ours as well.
    const foreign = ["Logging.Console", "Logging.LogLevel"];
    expect(ours.filter((setting) => !known.has(setting) && !foreign.includes(setting))).toEqual([]);
  });
}

describe("the C# gateway's", () => {
  test("appsettings.json is taken", async () => {
    const shown = await checkConfig(["--config", write("csharp.json", blockOf("csharp-settings"))]);
    for (const line of [
      "Redis.ConnectionString = redis:6379,abortConnect=false # file",
      "Redis.MetricQueuePopCount = 25 # file",
      "Metrics.SortIncomingLabels = true # file",
      "Logging.LogLevel.Default = Information # file",
    ]) {
      expect(shown).toContain(line);
    }
  });

  test("environment is taken", async () => {
    const pairs = blockOf("csharp-environment")
      .trim()
      .split("\n")
      .map((line) => line.split("=", 2));
    const others = { ASPNETCORE_URLS: "http://+:8080", ASPNETCORE_HTTP_PORTS: "8080" };
    const shown = await checkConfig([], { ...Object.fromEntries(pairs), ...others });
    expect(pairs).toHaveLength(5);
    for (const [name, value] of pairs) {
      const setting = name.replace("__", ".");
      expect(shown).toContain(`${setting} = ${value} # environment ${name}`);
    }
    expect(shown).toContain("Web.ListenAddress = :9091 # default");
  });

  const rows = [...page.matchAll(/^\| `([[{].*?)` +\| [^|]+\| (.*?) +\|$/gm)];

  test("messages are told where they fare otherwise here", () => {
    expect(rows).toHaveLength(8);
  });

  for (const [, message, fate] of rows) {
    test(`message ${message} fares as the page says: ${fate}`, () => {
      const [decoded] = decodeMessage(Buffer.from(message), LIMITS);
      expect(decoded.ok ? "taken" : `\`${decoded.reason}\``).toBe(fate.split(",")[0]);
    });
  }
});

for (const tool of ["pushgateway", "aggregation", "statsd"]) {
  test(`of the messages in the example of ${tool} comes what the page shows`, async () => {
    const settings = blocks.get(`${tool}-settings`) ?? "{}";
    const gateway = await startEmbedded(["--config", write(`${tool}.json`, settings)]);
    const client = new RedisClient(`redis://127.0.0.1:${gateway.port}`);
    try {
      const messages = blockOf(`${tool}-messages`).trim().split("\n");
      await client.send("LPUSH", [QUEUE_KEY, ...messages]);
      const readSeries = async () =>
        (await gateway.totals()).split("\n").filter((line) => line !== "" && line[0] !== "#");
      const expected = blockOf(`${tool}-shown`).trim().split("\n");
      await until("all is shown", async () => (await readSeries()).length >= expected.length);
      expect(await readSeries()).toEqual(expected);
    } finally {
      client.close();
      await gateway.stop();
    }
  });
}

for (const title of [...blocks.keys()].filter((name) => name.endsWith("-rules"))) {
  test(`Prometheus takes ${title}`, async () => {
    const file = write(`${title}.yml`, blockOf(title));
    const { exitCode, stdout, stderr } = await $`promtool check rules ${file}`.nothrow().quiet();
    expect([exitCode, `${stdout}${stderr}`]).toEqual([0, expect.stringContaining("SUCCESS")]);
  });
}

/** The settings in force, a line each. */
async function checkConfig(
  words: string[],
  environment: Record<string, string> = {},
): Promise<string> {
  const { code, stdout, stderr } = await runBinary(["check-config", ...words], { environment });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout.replace(/ +#/g, " #");
}

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function blockOf(title: string): string {
  const text = blocks.get(title);
  if (text === undefined) throw new Error(`no block of docs/migrating.md has the title ${title}`);
  return text;
}
