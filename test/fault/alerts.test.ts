import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type GatewayProcess, QUEUE_KEY, startGateway } from "../support/gateway-process.ts";
import { type PrometheusServer, startPrometheus } from "../support/prometheus.ts";
import { freePort, type RedisServer, startRedis } from "../support/redis-server.ts";
import { scaledRules } from "../support/scaled-rules.ts";
import { isOwner } from "../support/stage.ts";
import { until } from "../support/until.ts";

/**
 * The alerts of deploy/prometheus at work: Prometheus scrapes an owner and its standby under load. No alert
 * fires while all that goes wrong is what goes wrong every day; and the right ones when it is more.
 */

/** How long nothing may fire. */
const CALM_SECONDS = Number(process.env.GATEWAY_TEST_SOAK_SECONDS ?? 20);
/** So many seconds of the rules' pass in one. */
const DIVISOR = CALM_SECONDS >= 300 ? 12 : 60;
const SCRAPE_SECONDS = DIVISOR === 60 ? 0.5 : 1;
/** Something of every day happens this often, in scrapes. */
const EVENT_SCRAPES = 300 / DIVISOR / SCRAPE_SECONDS;
const PAUSE_MS = 42_000 / DIVISOR;
const SERIES_MAX = 500;
const DEADLINE_MS = 3_600_000 / DIVISOR;

/** That there was something to bear. Each is 1. */
const SEEN = [
  "sum(job:prom_stream_gateway_processed_metrics:rate5m) > bool 0",
  "sum(max_over_time(prom_stream_gateway_redis_reconnects_total[1d])) > bool 0",
  "sum(changes(prom_stream_gateway_process_start_time_seconds[1d])) > bool 0",
  "sum(max_over_time(prom_stream_gateway_dropped_metrics_total[1d])) > bool 0",
];

const folder = mkdtempSync(join(tmpdir(), "alerts-"));
const ports: number[] = [];
const gateways: GatewayProcess[] = [];
let redis: RedisServer;
let prometheus: PrometheusServer;
let load: Load;

beforeAll(async () => {
  redis = await startRedis();
  for (let i = 0; i < 2; i++) {
    ports.push(await freePort());
    gateways.push(await start(ports[i]));
  }
  const rules = join(folder, "rules.yml");
  await Bun.write(rules, await scaledRules(DIVISOR, `${SCRAPE_SECONDS * 1000}ms`));
  const targets = ports.map((port) => `127.0.0.1:${port}`);
  const often = `scrape_interval: ${SCRAPE_SECONDS * 1000}ms, scrape_timeout: ${SCRAPE_SECONDS * 1000}ms`;
  prometheus = await startPrometheus(
    `rule_files: [${rules}]\nscrape_configs: [{ job_name: prom-stream-gateway, ${often}, static_configs: [{ targets: ${JSON.stringify(targets)} }] }]`,
  );
  load = new Load();
});

afterAll(async () => {
  load?.stop();
  await prometheus?.stop();
  for (const gateway of gateways) await gateway.stop();
  await redis?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test(
  "no alert fires under a load that varies, with a restart, a short pause of Redis and a few bad samples",
  async () => {
    const events = [pauseRedis, restartOwner, pushSomeBad];
    const wanted = CALM_SECONDS / SCRAPE_SECONDS;
    for (let i = 0; (i + 1) * EVENT_SCRAPES < wanted; i++) {
      await untilScraped((i + 1) * EVENT_SCRAPES);
      await events[i % events.length]();
    }
    await untilScraped(wanted);
    for (const seen of SEEN) expect([seen, await prometheus.query(seen)]).toEqual([seen, [1]]);
    expect(await prometheus.labelSets('count_over_time(ALERTS{alertstate="firing"}[1d])')).toEqual(
      [],
    );
  },
  CALM_SECONDS * 4000 + 60_000,
);

test(
  "the right ones fire when samples are refused, series become too many, and the standby is gone",
  async () => {
    load.isBad = true;
    load.makesSeries = true;
    const [first] = await Promise.all(gateways.map(isOwner));
    const standby = first ? 1 : 0;
    await gateways[standby].stop();
    const owner = `127.0.0.1:${ports[1 - standby]}`;
    await untilFiring([
      `Down 127.0.0.1:${ports[standby]}`,
      `SamplesDropped ${owner} invalid_json`,
      `SamplesLimited ${owner}`,
      `SeriesLimitNear ${owner}`,
      "StandbyMissing default",
    ]);
  },
  DEADLINE_MS,
);

test(
  "the right ones fire when Redis goes, and then the last gateway",
  async () => {
    const [first] = await Promise.all(gateways.map(isOwner));
    const [owner, other] = first ? ports : ports.toReversed();
    await redis.kill();
    // What was refused, and that there was no standby, is past; the series are there still.
    await untilFiring([
      `Down 127.0.0.1:${other}`,
      `RedisAway 127.0.0.1:${owner}`,
      `SeriesLimitNear 127.0.0.1:${owner}`,
    ]);
    await gateways[first ? 0 : 1].stop();
    await untilFiring([...ports.map((port) => `Down 127.0.0.1:${port}`), "NotReady default"]);
  },
  DEADLINE_MS,
);

function start(port: number): Promise<GatewayProcess> {
  return startGateway(redis.port, [
    `--Web.ListenAddress=127.0.0.1:${port}`,
    `--Metrics.MaxSeries=${SERIES_MAX}`,
  ]);
}

async function restartOwner(): Promise<void> {
  const [first] = await Promise.all(gateways.map(isOwner));
  const i = first ? 0 : 1;
  gateways[i].signal("SIGTERM");
  await gateways[i].exited;
  await gateways[i].stop();
  gateways[i] = await start(ports[i]);
}

/** It closes all connections, and takes no command for almost a minute of the rules' time. */
async function pauseRedis(): Promise<void> {
  const commands = redis.client.pipeline().call("CLIENT", "KILL", "TYPE", "normal");
  await commands.call("CLIENT", "PAUSE", PAUSE_MS, "ALL").exec();
}

/** Somebody notices within two minutes of the rules' time. */
async function pushSomeBad(): Promise<void> {
  load.isBad = true;
  await untilScraped((await scrapes()) + 120 / DIVISOR / SCRAPE_SECONDS);
  load.isBad = false;
}

async function untilScraped(times: number): Promise<void> {
  const isThere = async () => (await scrapes()) >= times;
  await until(`${times} scrapes of each`, isThere, CALM_SECONDS * 3000 + 30_000);
}

/** Of the instance that was scraped less often. */
async function scrapes(): Promise<number> {
  const [count = 0] = await prometheus.query(
    'min(count_over_time(up{job="prom-stream-gateway"}[1d]))',
  );
  return count;
}

/** Waits until these alerts fire and no other ones: each with what it is about. */
async function untilFiring(wanted: readonly string[]): Promise<void> {
  let firing: string[] = [];
  const areThere = async () => {
    const alerts = await prometheus.labelSets('ALERTS{alertstate="firing"}');
    firing = alerts.map(({ alertname, instance, gatewayId, reason }) =>
      [alertname.replace("PromStreamGateway", ""), instance ?? gatewayId, reason]
        .filter((part) => part !== undefined)
        .join(" "),
    );
    return Bun.deepEquals(firing.toSorted(), wanted.toSorted());
  };
  await until(`these fire: ${wanted}`, areThere, DEADLINE_MS / 3).catch((error) => {
    throw new Error(`${(error as Error).message}; firing: ${firing}`);
  });
}

/** Pushes samples all the while, now more, now fewer. */
class Load {
  isBad = false;
  makesSeries = false;
  #pushes = 0;
  #timer = setInterval(() => void this.#push(), 20);

  stop(): void {
    clearInterval(this.#timer);
  }

  async #push(): Promise<void> {
    const count = Math.round(30 + 25 * Math.sin(this.#pushes++ / 40));
    const timestamp = Date.now() / 1000;
    const messages = Array.from({ length: count }, (_, i) => {
      const labels = { label: String(this.makesSeries ? this.#pushes * 100 + i : i) };
      return JSON.stringify({ type: "counter", name: "c", value: 1, labels, timestamp });
    });
    if (this.isBad) messages.push("{");
    // While Redis is away nobody waits for it.
    await redis.client.lpush(QUEUE_KEY, ...messages).catch(() => {});
  }
}
