import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./redis-server.ts";
import { until } from "./until.ts";

/** A real Prometheus of this test's own. */
export interface PrometheusServer {
  /** Makes an instant query, and gives the values of its result. */
  query(expression: string): Promise<number[]>;
  /** Makes an instant query, and gives the label sets of its result. */
  labelSets(expression: string): Promise<Record<string, string>[]>;
  /** What its HTTP API answers as `data`; undefined while it does not answer, or refuses. */
  get<T>(path: string, parameters?: Record<string, string>): Promise<T | undefined>;
  stop(): Promise<void>;
}

/** Of Prometheus' HTTP API, an instant vector. A native histogram has no value. */
export interface Vector {
  result: {
    metric: Record<string, string>;
    value?: [seconds: number, value: string];
    histogram?: [seconds: number, histogram: VectorHistogram];
  }[];
}

export interface VectorHistogram {
  count: string;
  sum: string;
  /** `rule`: 0: open to the left, 1: to the right, 2: to both sides, 3: to none. */
  buckets?: [rule: number, lower: string, upper: string, count: string][];
}

/**
 * Starts it with a `scrape_configs` section; where that does not say otherwise, it scrapes ten times a
 * second. `features`: what is behind a flag.
 */
export async function startPrometheus(
  scrapeConfigs: string,
  features: readonly string[] = [],
): Promise<PrometheusServer> {
  const folder = mkdtempSync(join(tmpdir(), "prometheus-"));
  const port = await freePort();
  const file = join(folder, "prometheus.yml");
  writeFileSync(
    file,
    `global: { scrape_interval: 100ms, scrape_timeout: 100ms }\n${scrapeConfigs}`,
  );
  const prometheus = Bun.spawn(
    [
      "prometheus",
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      `--enable-feature=${features.join(",")}`,
    ],
    { stdout: "ignore", stderr: "ignore" },
  );
  const get = async <T>(
    path: string,
    parameters: Record<string, string> = {},
  ): Promise<T | undefined> => {
    const url = `http://127.0.0.1:${port}/api/v1/${path}?${new URLSearchParams(parameters)}`;
    const response = await fetch(url).catch(() => undefined);
    if (!response?.ok) return undefined; // It is starting still.
    return ((await response.json()) as { data: T }).data;
  };
  const query = async (expression: string): Promise<number[]> => {
    const vector = await get<Vector>("query", { query: expression });
    return (vector?.result ?? []).map(({ value }) => numberOf(value?.[1]));
  };
  await until("Prometheus answers", async () => (await query("vector(1)"))[0] === 1, 30_000);
  return {
    query,
    labelSets: async (expression) => {
      const vector = await get<Vector>("query", { query: expression });
      return (vector?.result ?? []).map(({ metric }) => metric);
    },
    get,
    stop: async () => {
      prometheus.kill("SIGKILL");
      await prometheus.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Of a number as Prometheus writes it. */
export function numberOf(text: string | number | undefined): number {
  return Number(text === undefined ? undefined : String(text).replace("Inf", "Infinity"));
}
