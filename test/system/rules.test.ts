import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { $, YAML } from "bun";
import { ALERT_CASES, type Series } from "../support/alert-cases.ts";

/** The alerts and recording rules of deploy/prometheus/rules.yml, and what docs/runbook.md says of them. */

const ROOT = join(import.meta.dir, "../..");
const RULES = join(ROOT, "deploy/prometheus/rules.yml");
const PREFIX = "PromStreamGateway";
const LEVELS =
  /^(job|instance|instance_reason|instance_stage|gateway):prom_stream_gateway_\w+:\w+$/;

interface Rule {
  alert?: string;
  record?: string;
  expr: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

const { groups } = YAML.parse(await Bun.file(RULES).text()) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);
const alerts = rules.filter(({ alert }) => alert !== undefined);
const runbook = await Bun.file(join(ROOT, "docs/runbook.md")).text();

const folder = mkdtempSync(join(tmpdir(), "rules-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("promtool finds nothing to complain about", async () => {
  const { exitCode, stderr } = await $`promtool check rules --lint=all --lint-fatal ${RULES}`
    .nothrow()
    .quiet();
  expect(stderr.toString()).toBe("");
  expect(exitCode).toBe(0);
});

describe("alerts", () => {
  for (const { alert, series, at, before, never, labels, ...texts } of ALERT_CASES) {
    const alertname = `${PREFIX}${alert}`;
    const runbook_url = `docs/runbook.md#${alertname.toLowerCase()}`;

    test(`${alertname} fires at ${at}; and never: ${Object.keys(never).join("; ")}`, async () => {
      const { summary, description } = texts;
      const exp_annotations = { summary, description, runbook_url };
      const fires = testOf(series, [
        { alertname, eval_time: before, exp_alerts: [] },
        { alertname, eval_time: at, exp_alerts: [{ exp_labels: labels, exp_annotations }] },
      ]);
      const looks = Array.from({ length: 85 }, (_, i) => {
        return { alertname, eval_time: `${i}m`, exp_alerts: [] };
      });
      const quiet = Object.values(never).map((others) => testOf(others, looks));
      expect(await runPromtool(fires, ...quiet)).toBe("");
    });
  }

  test("all have cases here", () => {
    const tested = new Set(ALERT_CASES.map(({ alert }) => `${PREFIX}${alert}`));
    expect(alerts.map(({ alert }) => alert)).toEqual([...tested]);
  });

  test("have a severity, and texts that name what they are about", () => {
    for (const { alert, labels, annotations = {} } of alerts) {
      expect([alert, labels?.severity]).toEqual([
        alert,
        expect.stringMatching(/^(warning|critical)$/),
      ]);
      expect(Object.keys(annotations)).toEqual(["summary", "description", "runbook_url"]);
      const { summary, description } = annotations;
      expect(summary.length).toBeLessThan(100);
      // Where there is no target nothing has a name; and of one that is down the queue is not known.
      if (alert === `${PREFIX}Absent`) continue;
      expect(`${summary} ${description}`).toMatch(/\$labels\.(instance|gatewayId)/);
      if (alert !== `${PREFIX}Down`)
        expect(`${summary} ${description}`).toContain("$labels.queueKey");
    }
  });
});

describe("docs/runbook.md", () => {
  const entries = [
    ...runbook.matchAll(/^## (PromStreamGateway\w+)\n([\s\S]*?)(?=^## |(?![\s\S]))/gm),
  ];

  test("has an entry for each alert, in the same order, and none besides", () => {
    expect(entries.map(([, name]) => name)).toEqual(alerts.map(({ alert }) => alert ?? ""));
    for (const { alert, annotations } of alerts) {
      expect(annotations?.runbook_url).toBe(`docs/runbook.md#${alert?.toLowerCase()}`);
    }
  });

  for (const [, name, text] of entries) {
    test(`says what there is to say of ${name}`, () => {
      const parts = [...text.matchAll(/^\*\*(.*?)\.?\*\* /gm)].map(([, part]) => part);
      const wanted = [
        "It means",
        "What users notice",
        "How to look",
        "What to do",
        "Harmless when",
      ];
      expect(parts).toEqual(wanted);
    });
  }

  test("names metrics, settings and events that there are", async () => {
    const readme = await Bun.file(join(ROOT, "README.md")).text();
    const settings = await Bun.file(join(ROOT, "docs/configuration.md")).text();
    const logs = await Bun.file(join(ROOT, "docs/logs.md")).text();
    for (const [, metric] of runbook.matchAll(/\bprom_stream_gateway_(\w+?)(?:_bucket)?\b(?!:)/g)) {
      expect([metric, new RegExp(`^\\| \`${metric}[\`{]`, "m").test(readme)]).toEqual([
        metric,
        true,
      ]);
    }
    for (const [, setting] of runbook.matchAll(
      /`((?:Redis|Gateway|Checkpoint|Metrics|Web|Embedded)\.\w+)/g,
    )) {
      expect(settings).toContain(`\`${setting}\``);
    }
    for (const [, event] of runbook.matchAll(/\[`(\w+)`\]\(logs\.md/g)) {
      expect(logs).toContain(`### ${event}\n`);
    }
  });
});

describe("recording rules", () => {
  const records = rules.flatMap(({ record }) => record ?? []);

  test("are named level:metric:operations, and each is used", async () => {
    const dashboard = await Bun.file(join(ROOT, "deploy/grafana/gateway.json")).text();
    const users = rules.map(({ expr }) => expr).join("\n") + dashboard + runbook;
    for (const record of records) {
      expect(record).toMatch(LEVELS);
      expect([record, users.includes(record)]).toEqual([record, true]);
    }
  });

  const own = (name: string, labels: string) =>
    `prom_stream_gateway_${name}{instance="a",job="j"${labels}}`;
  const Q = ',queueKey="q"';
  const scraped: Series = {
    [own("processed_metrics_total", `${Q},worker="0"`)]: "0+540x20",
    [own("processed_metrics_total", `${Q},worker="1"`)]: "0+540x20",
    [own("dropped_metrics_total", `${Q},reason="too_old"`)]: "0+60x20",
    [own("dropped_metrics_total", `${Q},reason="invalid_json"`)]: "0+60x20",
    [own("series", "")]: "30x20",
    [own("series_limit", "")]: "40x20",
    [own("batch_duration_seconds_bucket", ',stage="read",le="0.1"')]: "0+100x20",
    [own("batch_duration_seconds_bucket", ',stage="read",le="+Inf"')]: "0+100x20",
  };
  for (const name of ["scrape_duration", "sample_age"]) {
    for (const [le, values] of Object.entries({
      1: "0+80x20",
      2: "0+100x20",
      "+Inf": "0+100x20",
    })) {
      scraped[own(`${name}_seconds_bucket`, `,le="${le}"`)] = values;
    }
  }
  const ofA = '{instance="a",job="j"}';
  const ofQueue = '{instance="a",job="j",queueKey="q"}';
  const VALUES: Record<string, [labels: string, value: number][]> = {
    "instance:prom_stream_gateway_processed_metrics:rate5m": [[ofQueue, 18]],
    "job:prom_stream_gateway_processed_metrics:rate5m": [['{job="j",queueKey="q"}', 18]],
    "instance_reason:prom_stream_gateway_dropped_metrics:rate5m": [
      ['{instance="a",job="j",queueKey="q",reason="invalid_json"}', 1],
      ['{instance="a",job="j",queueKey="q",reason="too_old"}', 1],
    ],
    "instance:prom_stream_gateway_dropped_metrics:ratio_rate5m": [[ofQueue, 0.1]],
    "instance_stage:prom_stream_gateway_batch_duration_seconds:p99_rate5m": [
      ['{instance="a",job="j",stage="read"}', 0.099],
    ],
    "instance:prom_stream_gateway_scrape_duration_seconds:p99_rate5m": [[ofA, 1.95]],
    "instance:prom_stream_gateway_sample_age_seconds:p90_rate5m": [[ofA, 1.5]],
    "instance:prom_stream_gateway_series:ratio": [[ofA, 0.75]],
  };
  for (const [record, wanted] of Object.entries(VALUES)) {
    test(`${record} has its value`, async () => {
      const exp_samples = wanted.map(([labels, value]) => ({ labels, value }));
      const look = { expr: `round(${record}, 0.001)`, eval_time: "15m", exp_samples };
      expect(await runPromtool(testOf(scraped, [], [look]))).toBe("");
    });
  }

  test("about processes under one id count those that stand by, those there should be, and see one that works", async () => {
    const pair = (name: string, instance: string, value: number): Series => ({
      [`prom_stream_gateway_${name}{job="prom-stream-gateway",instance="${instance}",gatewayId="g",queueKey="q"}`]: `${value}x20`,
    });
    const series = {
      ...{ ...pair("ready", "a", 1), ...pair("ready", "b", 0) },
      ...{ ...pair("standby", "a", 0), ...pair("standby", "b", 1) },
      ...pair("ready", "gone", 0),
      'up{job="prom-stream-gateway",instance="a"}': "1x20",
      'up{job="prom-stream-gateway",instance="b"}': "0x20",
    };
    const labels = '{gatewayId="g",job="prom-stream-gateway",queueKey="q"}';
    const looks = Object.entries({ "ready:sum": 1, "standby:sum": 1, "targets:count": 2 }).map(
      ([name, value]) => {
        const record = `gateway:prom_stream_gateway_${name}`;
        return {
          expr: record,
          eval_time: "15m",
          exp_samples: [{ labels: record + labels, value }],
        };
      },
    );
    expect(await runPromtool(testOf(series, [], looks))).toBe("");
  });

  test("all have their values looked at here", () => {
    const ofGateways = records.filter((record) => record.startsWith("gateway:"));
    expect(records.toSorted()).toEqual([...Object.keys(VALUES), ...ofGateways].toSorted());
    expect(ofGateways).toHaveLength(3);
  });
});

let files = 0;

interface PromtoolTest {
  interval: "1m";
  input_series: { series: string; values: string }[];
  alert_rule_test: readonly object[];
  promql_expr_test: readonly object[];
}

/** A test with a sample a minute. */
function testOf(
  series: Series,
  alert_rule_test: readonly object[],
  promql_expr_test: readonly object[] = [],
): PromtoolTest {
  const input_series = Object.entries(series).map(([name, values]) => ({ series: name, values }));
  return { interval: "1m", input_series, alert_rule_test, promql_expr_test };
}

/** Returns what promtool says; empty when the tests pass. */
async function runPromtool(...tests: readonly PromtoolTest[]): Promise<string> {
  const file = join(folder, `test-${files++}.yml`);
  // JSON is YAML.
  await Bun.write(file, JSON.stringify({ rule_files: [RULES], evaluation_interval: "1m", tests }));
  const { exitCode, stdout, stderr } = await $`promtool test rules ${file}`.nothrow().quiet();
  return exitCode === 0 ? "" : `${stdout}${stderr}`;
}
