import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type GatewayProcess, QUEUE_KEY, startGateway } from "../support/gateway-process.ts";
import { type PrometheusServer, startPrometheus } from "../support/prometheus.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

const TTL_SECONDS = 3;

/** Two gateways with a queue each: what makes a series end there, and what lets it stay. */
const GATEWAYS = [
  {
    ...{ job: "by_sample", what: "by the ttl of its samples" },
    ...{ flags: [], ends: { ttl: TTL_SECONDS }, stays: {} },
  },
  {
    ...{ job: "by_setting", what: "by Metrics.SeriesTtlSeconds" },
    ...{ flags: [`--Metrics.SeriesTtlSeconds=${TTL_SECONDS}`], ends: {}, stays: { ttl: 0 } },
  },
];

type Reader = "openmetrics" | "protobuf";

interface Kind {
  what: string;
  message: object;
  reader: Reader;
  /** Of one of its series, after the family's name. */
  suffix: string;
}

const KINDS: Kind[] = [
  kind("a counter", { type: "counter" }, "_total"),
  kind("a gauge", { type: "gauge" }, ""),
  kind("a histogram", { type: "histogram", buckets: [1] }, "_count"),
  kind("a summary", { type: "summary", quantiles: [0.5], epsilons: [0.1] }, "_count"),
  kind("a native histogram", { type: "histogram", native: true }, "", "protobuf"),
];

let redis: RedisServer;
const gateways: GatewayProcess[] = [];
let readers: Record<Reader, PrometheusServer>;

beforeAll(async () => {
  redis = await startRedis();
  for (const { job, flags } of GATEWAYS) {
    const own = [`--Redis.MetricQueueKey=${QUEUE_KEY}-${job}`, "--Metrics.CreatedTimestamps=true"];
    gateways.push(await startGateway(redis.port, [...flags, ...own]));
  }
  const jobs = GATEWAYS.map(({ job }, i) => {
    const targets = `static_configs: [{ targets: ["${new URL(gateways[i].url).host}"] }]`;
    return `{ job_name: ${job}, scrape_interval: 300ms, scrape_timeout: 300ms, ${targets} }`;
  });
  const config = `scrape_configs: [${jobs.join(", ")}]\n`;
  readers = {
    openmetrics: await startPrometheus(config),
    protobuf: await startPrometheus(config, ["native-histograms"]),
  };
  for (const reader of Object.values(readers)) {
    await until("it scrapes", async () => (await reader.query("sum(up)"))[0] === 2, 30_000);
  }
});

afterAll(async () => {
  for (const reader of Object.values(readers)) await reader.stop();
  for (const gateway of gateways) await gateway.stop();
  await redis.stop();
});

for (const { job, what: how, ends, stays } of GATEWAYS) {
  describe(`Prometheus sees the end of a series ${how}`, () => {
    beforeAll(async () => {
      const messages = KINDS.flatMap(({ message }, i) => [
        { ...message, name: `ended_${i}`, value: 1, ...ends },
        { ...message, name: `stays_${i}`, value: 1, ...stays },
      ]);
      await push(job, ...messages);
      for (const [i, { what, reader, suffix }] of KINDS.entries()) {
        await until(`${what} is there`, () => has(reader, `ended_${i}${suffix}{job="${job}"}`));
      }
    });

    for (const [i, { what, reader, suffix }] of KINDS.entries()) {
      test(`${what} that was silent, and no other`, async () => {
        const series = `ended_${i}${suffix}{job="${job}"}`;
        await until("it has ended", () => isGone(reader, series, job));
        const other = series.replace("ended", "stays");
        await until("the other one is there", () => has(reader, other));
      });
    }

    test("and that they are counted", async () => {
      const counter = `prom_stream_gateway_ended_series_total{job="${job}"}`;
      await until("all are counted", async () => {
        return (await readers.openmetrics.query(counter))[0] === KINDS.length;
      });
    });
  });

  test(`a counter that comes back after its end ${how} begins at 0, at another time`, async () => {
    const { query } = readers.openmetrics;
    const back = { type: "counter", name: "back_total", labels: { of: "x" }, ...ends };
    await push(job, { ...back, value: 5 }, { ...back, name: "kept_total", value: 1, ...stays });
    const series = `back_total{job="${job}"}`;
    await until("it is there", async () => (await query(series))[0] === 5);
    const lastCreated = `last_over_time(back_created{job="${job}"}[10m])`;
    const [created] = await query(lastCreated);
    await until("it has ended", () => isGone("openmetrics", series, job));
    expect(await query(`back_created{job="${job}"}`)).toEqual([]);
    await push(job, { ...back, value: 2 });
    await until("it is back", async () => (await query(series))[0] === 2);
    const [createdAgain] = await query(lastCreated);
    // Silence is counted in seconds of the clock.
    expect(Math.floor(createdAgain)).toBeGreaterThanOrEqual(Math.floor(created) + TTL_SECONDS);
    expect(await query(`resets(${series}[10m])`)).toEqual([1]);
    expect(await query(`resets(kept_total{job="${job}"}[10m])`)).toEqual([0]);
  });

  test(`a series that does not fall silent does not end ${how}`, async () => {
    const { query } = readers.openmetrics;
    const name = `silent_${job}`;
    await push(job, { type: "gauge", name, value: 1, ...ends });
    await until("it is there", () => has("openmetrics", name));
    let pushed = 0;
    await until("the silent one has ended", async () => {
      await push(job, { type: "counter", name: "busy_total", value: 1, ...ends });
      pushed++;
      return isGone("openmetrics", name, job);
    });
    const busy = `busy_total{job="${job}"}`;
    await until("all is there", async () => (await query(busy))[0] === pushed);
    expect(await query(`resets(${busy}[10m])`)).toEqual([0]);
  });
}

function kind(what: string, message: object, suffix: string, reader: Reader = "openmetrics"): Kind {
  return { what, message, suffix, reader };
}

function push(job: string, ...messages: object[]): Promise<number> {
  const texts = messages.map((message) => JSON.stringify(message));
  return redis.client.lpush(`${QUEUE_KEY}-${job}`, ...texts);
}

async function has(reader: Reader, series: string): Promise<boolean> {
  return (await readers[reader].query(`count(${series})`))[0] === 1;
}

/** Missing from a scrape that went well: after one that failed all is missing. */
async function isGone(reader: Reader, series: string, job: string) {
  return (await readers[reader].query(`up{job="${job}"} == 1 unless on() ${series}`))[0] === 1;
}
