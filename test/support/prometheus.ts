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
  stop(): Promise<void>;
}

/** Of Prometheus' HTTP API, what an instant query answers. */
interface QueryAnswer {
  data?: { result?: { metric: Record<string, string>; value: [number, string] }[] };
}

/** Starts it with a `scrape_configs` section; it scrapes ten times a second. */
export async function startPrometheus(scrapeConfigs: string): Promise<PrometheusServer> {
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
    ],
    { stdout: "ignore", stderr: "ignore" },
  );
  const api = `http://127.0.0.1:${port}/api/v1/query?query=`;
  const ask = async (expression: string) => {
    const response = await fetch(api + encodeURIComponent(expression)).catch(() => undefined);
    if (!response?.ok) return []; // It is starting still.
    const { data } = (await response.json()) as QueryAnswer;
    return data?.result ?? [];
  };
  const query = async (expression: string) =>
    (await ask(expression)).map(({ value }) => Number(value[1]));
  await until("Prometheus answers", async () => (await query("vector(1)"))[0] === 1, 30_000);
  return {
    query,
    labelSets: async (expression) => (await ask(expression)).map(({ metric }) => metric),
    stop: async () => {
      prometheus.kill("SIGKILL");
      await prometheus.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
