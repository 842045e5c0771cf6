// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what Prometheus has in its rules
import { afterAll, expect, test } from "bun:test";
import { loadSettings } from "../../src/config/load.ts";
import { isRuleLabel } from "../../src/config/relabel-rules.ts";
import { compileRules, LabelBuilder, relabel } from "../../src/sample/relabel.ts";
import { startPrometheus } from "../support/prometheus.ts";
import { randomOf } from "../support/random.ts";
import { until } from "../support/until.ts";

const SEED = Number(process.env.GATEWAY_TEST_SEED ?? Date.now() % 2 ** 32);
const JOBS = 150;

console.log(`relabel: GATEWAY_TEST_SEED=${SEED}`);
const random = randomOf(SEED);

function pick<T>(...choices: T[]): T {
  return choices[Math.floor(random() * choices.length)];
}

/** What senders could have sent: the labels of a dozen series. */
const SERIES = Array.from({ length: 12 }, (_, i) => {
  const labels: Record<string, string> = { __name__: pick("jobs_total", "wait", "x:y"), i: `${i}` };
  const values = ["1", "Az", "É ß ĳ", "x;y", "$1", "a.b-c", "foo-bar-7", "12", "ſK"];
  for (const name of ["a", "b", "c", "ab"]) if (random() < 0.7) labels[name] = pick(...values);
  return labels;
});

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: () =>
    new Response(
      SERIES.map(({ __name__, ...labels }) => {
        const pairs = Object.entries(labels).map(
          ([name, text]) => `${name}=${JSON.stringify(text)}`,
        );
        return `${__name__}{${pairs.join(",")}} 1\n`;
      }).join(""),
    ),
});

afterAll(() => server.stop(true));

const labelName = () => pick("a", "b", "c", "ab", "__tmp", "d", "__name__", "gone");
const sources = () => Array.from({ length: pick(0, 1, 1, 2, 3) }, labelName);
const separator = () => pick({}, {}, { separator: "" }, { separator: "-" });

const EXPRESSIONS = [
  ..."(.*) (.)(.*) (\\w+)-(\\w+)-.* [a-m].* 1|2 (?P<n>\\d+)(?P<m>\\D*) (?i)A(z) .+? (.*?)(.*)".split(
    " ",
  ),
  ..."\\pL+ \\p{Lu}.* (?i)\\x{17f}k [[:alpha:]]+ (?:(a)|(b)|1)+ ^1$ \\Qa.b\\E.* (a|ab)(c|bcd)?.* (?U)(.+)(.*)".split(
    " ",
  ),
  "",
  "([^;]*);([^;]*)(;.*)?",
  "(?s).*",
  "\\b.*",
];
const TEMPLATES = [
  "$1",
  "${1}",
  "$2$1",
  "$1x",
  "${1}x",
  "$n_$m",
  "${n}",
  "$$1",
  "$",
  "${",
  "${1",
  "$0",
  "é$1",
  "",
];

/** Rules that leave each series its name and its job, without which a scrape fails. */
function rule(): object {
  const [regex, source_labels] = [pick(...EXPRESSIONS), sources()];
  const target_label = pick("a", "b", "d", "__tmp");
  switch (Math.floor(random() * 10)) {
    case 0:
      return { action: pick("keep", "drop"), source_labels, regex, ...separator() };
    case 1:
      return {
        // No two names to one: which of them counts has changed in Prometheus 2.43.
        action: "labelmap",
        regex: pick("(.)", "([ab]b?)", "a(.*)", "(?i)([A-C])"),
        replacement: pick("m_$1", "m_${1}_"),
      };
    case 2:
      return pick(
        { action: "labeldrop", regex: pick("[ab]", "m_.*|i", "__tmp", "a", "") },
        { action: "labelkeep", regex: pick("__name__|job|a.*", "(__name__|job|i|[bc]|m_.)") },
      );
    case 3:
      return {
        action: pick("lowercase", "uppercase"),
        source_labels,
        target_label,
        ...separator(),
      };
    case 4:
      return {
        action: "hashmod",
        source_labels,
        target_label,
        modulus: pick(1, 7, 1000, 2 ** 53 - 1),
      };
    case 5:
      return { action: pick("keepequal", "dropequal"), source_labels, target_label: labelName() };
    case 6:
      return {
        source_labels: ["__name__"],
        regex: "(.)(.*)",
        target_label: "__name__",
        replacement: "n_$1",
      };
    case 7:
      // Never empty: up to Prometheus 2.42 that removes another label than the one that is meant.
      return {
        source_labels,
        regex,
        target_label: pick("$1", "t_$1", "t_${1}_$2", "${n}_t"),
        replacement: `x${pick(...TEMPLATES)}`,
        ...separator(),
      };
    default:
      return {
        source_labels,
        regex,
        target_label,
        replacement: pick(...TEMPLATES),
        ...separator(),
      };
  }
}

test("a real Prometheus makes the same of series, by the same rules", async () => {
  const jobs = Array.from({ length: JOBS }, (_, i) => ({
    job: `j${i}`,
    rules: Array.from({ length: 1 + Math.floor(random() * 4) }, rule),
  }));
  const instance = `127.0.0.1:${server.port}`;
  const scrapes = jobs.map(({ job, rules }) => ({
    job_name: job,
    scrape_interval: "1s",
    scrape_timeout: "1s",
    static_configs: [{ targets: [instance] }],
    metric_relabel_configs: rules,
  }));
  const prometheus = await startPrometheus(`scrape_configs: ${JSON.stringify(scrapes)}\n`);
  try {
    const isUp = async () => (await prometheus.query("up == 1")).length === JOBS;
    await until("all jobs are scraped", isUp, 60_000);
    let [series, changed] = [0, 0];
    for (const { job, rules } of jobs) {
      const expected = relabelAll(rules, { job, instance });
      const got = await prometheus.labelSets(`{job="${job}", __name__!~"up|scrape_.+"}`);
      expect({ rules, series: distinct(got) }).toEqual({ rules, series: distinct(expected) });
      series += got.length;
      changed += Bun.deepEquals(distinct(got), distinct(relabelAll([], { job, instance }))) ? 0 : 1;
    }
    expect(series).toBeGreaterThan(JOBS);
    expect(changed).toBeGreaterThan(JOBS / 3);
  } finally {
    await prometheus.stop();
  }
}, 120_000);

const isLabelName = (name: string) => isRuleLabel(name, "legacy");

function relabelAll(rules: object[], target: Record<string, string>): Record<string, string>[] {
  const loaded = loadSettings({
    fileText: JSON.stringify({ Relabel: rules }),
    ...{ filePath: "", environment: {}, flags: [] },
  });
  if (!loaded.ok) throw new Error(loaded.faults.join("\n"));
  const compiled = compileRules(loaded.settings.relabel);
  const all: Record<string, string>[] = [];
  for (const labels of SERIES) {
    const builder = new LabelBuilder(Object.entries({ ...labels, ...target }));
    if (relabel(builder, compiled, isLabelName)) all.push(Object.fromEntries(builder.snapshot()));
  }
  return all;
}

/** As texts: label sets that are equal are one series. */
function distinct(all: Record<string, string>[]): string[] {
  const texts = all.map((labels) => JSON.stringify(Object.entries(labels).sort()));
  return [...new Set(texts)].sort();
}
