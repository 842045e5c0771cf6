import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Redis } from "ioredis";
import { QUEUE_KEY, startEmbedded, startGateway } from "../support/gateway-process.ts";
import { type PrometheusServer, startPrometheus } from "../support/prometheus.ts";
import { startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";
import { makeWebFolder } from "../support/web-server.ts";

/** deploy/grafana/gateway.json: each query has an answer, and it shows all that there is. */

const ROOT = join(import.meta.dir, "../..");
const DEADLINE_MS = 120_000;

/** What is looked at here. */
interface Dashboard {
  panels: Panel[];
  annotations: { list: { expr: string }[] };
  templating: { list: { name: string; type: string; definition?: string }[] };
}

interface Panel {
  id: number;
  title: string;
  type: string;
  description?: string;
  datasource?: { uid: string };
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr: string; refId: string; datasource: { uid: string } }[];
  links?: { title: string; url: string }[];
}

const text = await Bun.file(join(ROOT, "deploy/grafana/gateway.json")).text();
const dashboard = JSON.parse(text) as Dashboard;
const panels = dashboard.panels.filter(({ type }) => type !== "row");

const ends: (() => unknown)[] = [];
let prometheus: PrometheusServer;

/** Two gateways at work, one with an embedded queue and TLS; samples are also refused, and find no room. */
beforeAll(async () => {
  const redis = await startRedis();
  ends.push(() => redis.stop());
  const flags = ["--Metrics.MaxSeriesPerFamily=2", "--Redis.DeadLetterKey=dead"];
  const gateway = await startGateway(redis.port, flags);
  ends.push(() => gateway.stop());
  const web = await makeWebFolder();
  ends.push(() => web.end());
  const { certificate, key } = await web.issue(["IP:127.0.0.1"]);
  const tls = `tls_server_config: {cert_file: ${certificate}, key_file: ${key}}`;
  const embedded = await startEmbedded([`--Web.ConfigFile=${web.write("web.yml", tls)}`]);
  ends.push(() => embedded.stop());
  const sender = new Redis({ port: embedded.port, protocol: 2 });
  ends.push(() => sender.disconnect());
  const jobs = [gateway, embedded].map(({ url }) => {
    const { protocol, host } = new URL(url);
    return {
      job_name: host,
      scheme: protocol.slice(0, -1),
      tls_config: { ca_file: web.ca },
      static_configs: [{ targets: [host] }],
    };
  });
  prometheus = await startPrometheus(`scrape_configs: ${JSON.stringify(jobs)}`);
  ends.push(() => prometheus.stop());
  let pushes = 0;
  const push = setInterval(() => {
    const timestamp = Date.now() / 1000;
    const labels = { label: String(pushes++ % 5) };
    const sample = { type: "counter", name: "c_total", value: 1, labels, timestamp };
    for (const client of [redis.client, sender]) {
      void client.lpush(QUEUE_KEY, JSON.stringify(sample), "{}");
    }
  }, 20);
  ends.push(() => clearInterval(push));
}, DEADLINE_MS);

afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

describe("each query has an answer", () => {
  for (const { title, targets = [] } of panels) {
    test(
      title,
      async () => {
        for (const { expr } of targets) await untilAnswered(expr);
      },
      DEADLINE_MS,
    );
  }

  test("the variables' and the annotations'", async () => {
    const definitions = dashboard.templating.list.flatMap(({ definition }) => definition ?? []);
    expect(definitions).toHaveLength(2);
    for (const definition of definitions) {
      const [, metric, label] = /^label_values\((.*), (\w+)\)$/.exec(definition) ?? [];
      await untilAnswered(`count by (${label}) (${metric} != 0)`);
    }
    for (const { expr } of dashboard.annotations.list) {
      // Nothing is wrong here, so it has no answer; but it is a query.
      const vector = await prometheus.get("query", { query: filled(expr) });
      expect(vector).toMatchObject({ resultType: "vector" });
    }
  });
});

describe("the dashboard", () => {
  test("shows each of the gateway's own metrics", async () => {
    const readme = await Bun.file(join(ROOT, "README.md")).text();
    const table = readme.slice(readme.indexOf("## Own metrics"), readme.indexOf("Worth an alert"));
    const names = [...table.matchAll(/^\| `(\w+)/gm)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(40);
    expect(names.filter((name) => !text.includes(`prom_stream_gateway_${name}`))).toEqual([]);
  });

  test("says of each panel what it shows, and asks the chosen data source, queue and instance", () => {
    for (const { title, description = "", datasource, targets = [] } of panels) {
      expect([title, description.length > 10]).toEqual([title, true]);
      for (const source of [datasource, ...targets.map((target) => target.datasource)]) {
        expect([title, source?.uid]).toEqual([title, expect.stringMatching(/^\$\{datasource\}$/)]);
      }
      expect(targets.length).toBeGreaterThan(0);
      for (const { expr } of targets) {
        expect(expr).toContain('instance=~"$instance"');
        expect(expr).toContain('queueKey=~"$queueKey"');
      }
    }
  });

  test("has no two panels in one place, or with one number, and none beyond the edge", () => {
    const taken = new Set<string>();
    for (const { title, gridPos } of dashboard.panels) {
      expect([title, gridPos.x + gridPos.w <= 24]).toEqual([title, true]);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect([title, taken.has(`${x} ${y}`)]).toEqual([title, false]);
          taken.add(`${x} ${y}`);
        }
      }
    }
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("leads to the runbook's entry of each alert that has to do with it", async () => {
    const runbook = await Bun.file(join(ROOT, "docs/runbook.md")).text();
    const entries = [...runbook.matchAll(/^## (\w+)$/gm)].map(([, name]) => name.toLowerCase());
    const urls = panels.flatMap(({ links = [] }) => links.map(({ url }) => url));
    const named = urls.map((url) => /^\$\{runbook\}#(\w+)$/.exec(url)?.[1] ?? url);
    // Where there is no instance there is nothing to show.
    expect([...new Set(named), "promstreamgatewayabsent"].toSorted()).toEqual(entries.toSorted());
  });
});

/** Waits until a query gives a number. */
async function untilAnswered(expr: string): Promise<void> {
  const query = filled(expr);
  expect(query).not.toContain("$");
  await until(
    query,
    async () => (await prometheus.query(query)).some((value) => !Number.isNaN(value)),
    DEADLINE_MS / 4,
  );
}

/** As Grafana does it, with all instances and queues chosen. */
function filled(expr: string): string {
  return expr
    .replaceAll("$instance", ".*")
    .replaceAll("$queueKey", ".*")
    .replaceAll("$__rate_interval", "10s");
}
