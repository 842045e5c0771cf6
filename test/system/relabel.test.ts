import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RedisClient } from "bun";
import {
  type EmbeddedProcess,
  QUEUE_KEY,
  runBinary,
  startEmbedded,
} from "../support/gateway-process.ts";
import { until } from "../support/until.ts";

/** The compiled program with lists: the library for their expressions must be in it, for its workers too. */

const LISTS = {
  Relabel: [
    { source_labels: ["host"], regex: "([^.]+)[.].*", target_label: "host" },
    { source_labels: ["__name__"], regex: "debug_.*", action: "drop" },
    { SourceLabels: ["pod"], Action: "HashMod", TargetLabel: "shard", Modulus: 4 },
    { regex: "pod", action: "labeldrop" },
  ],
  Families: [
    { match: "wait_.*", buckets: [1, 10], help: "Waiting." },
    { match: "size", quantiles: [0.5] },
  ],
};

let folder: string;
let file: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "lists-"));
  file = join(folder, "lists.json");
  writeFileSync(file, JSON.stringify(LISTS));
});

afterAll(() => rmSync(folder, { recursive: true }));

describe("check-config", () => {
  test("shows each value of a list and where it comes from", async () => {
    const environment = { Relabel__3__regex: "pod|node", Families__7__match: "x" };
    const words = ["check-config", "--config", file, "--Families:0:buckets:2=100"];
    const { code, stdout, stderr } = await runBinary(words, { environment });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const line of [
      `Relabel.0.source_labels.0 = host # file ${file}`,
      `Relabel.2.action = HashMod # file ${file}`,
      "Relabel.3.regex = pod|node # environment Relabel__3__regex",
      "Families.0.buckets.2 = 100 # flag --Families:0:buckets:2",
      "Families.7.match = x # environment Families__7__match",
    ]) {
      expect(stdout.replace(/ +#/g, " #").split("\n")).toContain(line);
    }
  });

  test("refuses bad ones, one line a fault", async () => {
    const bad = join(folder, "bad.json");
    writeFileSync(
      bad,
      JSON.stringify({
        Relabel: [{ action: "keep", regex: "(" }, { action: "replace" }, { acton: "keep" }],
        Families: [{ match: "a", buckets: [2, 1] }],
      }),
    );
    const { code, stdout, stderr } = await runBinary(["check-config", "--config", bad]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr.trim().split("\n")).toEqual([
      `config: Relabel.2.acton is no setting (file ${bad}); did you mean Relabel.2.action?`,
      `config: Relabel.0.regex must be a regular expression (RE2): missing closing ): \`(\`, got "(" (file ${bad})`,
      `config: Relabel.1.target_label must be set for the action replace (file ${bad})`,
      `config: Families.0.buckets must be numbers, each greater than the one before, got "2, 1" (file ${bad})`,
    ]);
  });
});

describe("samples", () => {
  let gateway: EmbeddedProcess;
  let client: RedisClient;

  beforeAll(async () => {
    gateway = await startEmbedded(["--config", file]);
    client = new RedisClient(`redis://127.0.0.1:${gateway.port}`);
  });

  afterAll(async () => {
    client.close();
    await gateway.stop();
  });

  test("are relabelled, dropped, and given what they lack, the second time as the first", async () => {
    const [host, pod] = ["web.example.com", "web-7f"];
    const labels = { host, pod };
    const none = shardOf("");
    for (const round of [1, 2]) {
      for (const message of [
        { type: "counter", name: "jobs_total", value: 2, labels },
        { type: "counter", name: "debug_total", value: 2, labels },
        { type: "histogram", name: "wait_seconds", value: 5 },
        { type: "summary", name: "size", value: 5 },
        { type: "gauge", name: "last", value: round },
      ]) {
        await client.send("LPUSH", [QUEUE_KEY, JSON.stringify(message)]);
      }
      await until(
        "all is applied",
        async () => (await gateway.value(`last{shard="${none}"}`)) === round,
      );
    }
    const totals = await gateway.totals();
    for (const line of [
      `jobs_total{host="web",shard="${shardOf(pod)}"} 4`,
      "# HELP wait_seconds Waiting.",
      `wait_seconds_bucket{shard="${none}",le="1"} 0`,
      `wait_seconds_bucket{shard="${none}",le="10"} 2`,
      `size{shard="${none}",quantile="0.5"} 5`,
    ]) {
      expect(totals.split("\n")).toContain(line);
    }
    expect(totals).not.toContain("debug_total");
    const dropped = `prom_stream_gateway_dropped_metrics_total{queueKey="${QUEUE_KEY}",reason="relabel"}`;
    expect(await gateway.value(dropped)).toBe(2);
  });
});

/** The last eight bytes of the MD5 modulo 4: its last digit is enough. */
function shardOf(pod: string): number {
  return Number.parseInt(new Bun.CryptoHasher("md5").update(pod).digest("hex").slice(-1), 16) % 4;
}
