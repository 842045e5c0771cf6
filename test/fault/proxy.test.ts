import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { unreachable } from "../../src/unreachable.ts";
import { type GatewayProcess, startGateway } from "../support/gateway-process.ts";
import {
  type ArmedFault,
  type Command,
  FAULTS,
  type Fault,
  HurtingProxy,
} from "../support/hurting-proxy.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { type Scraper, startScraper } from "../support/scraper.ts";
import { Truth } from "../support/truth.ts";
import { until } from "../support/until.ts";

const WORKERS = 2;
const FLAGS = [
  "--Checkpoint.IntervalMs=100",
  `--Redis.MetricQueueWorkers=${WORKERS}`,
  "--Redis.MetricQueuePopCount=50",
];
/** Each opens with a handshake: the commands, the lease, the watch, and one a worker. */
const CONNECTIONS = 3 + WORKERS;
/** Many gateways share few cores. */
const DEADLINE_MS = 40_000;

/** Those of a start come before a gateway shows anything: one before it has shown something. */
const AT_START: Command[] = ["acquire", "inspect", "HMGET", "INFO", "CLIENT SETNAME"];
const AT_WORK: Command[] = ["renew", "claim", "write entry", "commit", "LRANGE", "BLMOVE", "LLEN"];

let redis: RedisServer;
let queues = 0;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

describe("every total stays exact, and none goes back, when", () => {
  for (const fault of FAULTS) {
    for (const command of AT_START) {
      const times = command === "INFO" || command === "CLIENT SETNAME" ? CONNECTIONS : 1;
      test.concurrent(describeFault(command, fault), () => meetAtStart(command, fault, times));
    }
    for (const command of AT_WORK) {
      test.concurrent(describeFault(command, fault), () => meetAtWork(command, fault, 1));
    }
    test.concurrent(describeFault("release", fault), () => meetAtStop(fault));
  }
  for (const [command, meet] of [
    ["acquire", meetAtStart],
    ["claim", meetAtWork],
    ["commit", meetAtWork],
  ] as const) {
    const twice = `${describeFault(command, "cut after")}, twice in a row`;
    test.concurrent(twice, () => meet(command, "cut after", 2));
  }
});

test.concurrent("an owner whose link is a black hole for longer than its lease hides its totals before a standby shows them, and when the link heals it stands by", () =>
  withScene(async (scene) => {
    const { truth, proxy } = scene;
    const cutOff = await scene.start(proxy.port);
    await truth.push(100);
    await scene.untilExact(cutOff);
    const standby = await scene.start(redis.port);
    proxy.holdLink();
    await until(
      "the standby shows totals",
      async () => {
        await truth.push(5);
        const standbyShows = await showsTotals(standby);
        // Asked later: it must have stopped before.
        const bothShow = standbyShows && (await showsTotals(cutOff));
        expect(bothShow).toBe(false);
        return standbyShows;
      },
      DEADLINE_MS,
    );
    expect((await fetch(`${cutOff.url}/-/ready`)).status).toBe(503);
    await scene.untilExact(standby);

    // What it sent while it was the owner arrives now.
    proxy.healLink();
    await until(
      "it stands by",
      async () => {
        await truth.push(5);
        return (await (await fetch(`${cutOff.url}/-/ready`)).text()).startsWith("standby");
      },
      DEADLINE_MS,
    );
    expect(await showsTotals(cutOff)).toBe(false);
    await scene.untilExact(standby);

    standby.signal("SIGKILL");
    await standby.exited;
    await truth.push(5);
    await scene.untilExact(cutOff);
  }));

function describeFault(command: Command, fault: Fault): string {
  switch (fault) {
    case "cut before":
      return `the connection is cut before ${command} reaches Redis`;
    case "cut after":
      return `${command} takes effect and its connection is cut before the answer`;
    case "cut within":
      return `${command} takes effect and its connection is cut within the answer`;
    case "delay":
      return `the answer to ${command} is late`;
    case "black hole":
      return `${command} and all after it on its connection vanish`;
    case "drip":
      return `${command} and its answer come byte by byte`;
    default:
      return unreachable(fault);
  }
}

/** A gateway starts where another one was killed, and meets the fault. */
function meetAtStart(command: Command, fault: Fault, times: number): Promise<void> {
  return withScene(async (scene) => {
    const { proxy } = scene;
    // It has made a checkpoint, and has claimed segments that no checkpoint has.
    const killed = await scene.start(redis.port, { failpoint: "commit_before:2" });
    let hasDied = false;
    void killed.exited.then(() => {
      hasDied = true;
    });
    await scene.pushUntil("it is killed", () => hasDied);

    const armed = proxy.arm(command, fault, times);
    const gateway = await scene.start(proxy.port);
    await scene.pushUntilSurvived(armed, times);
    await scene.untilExact(gateway);
    await scene.killAndGoOn(gateway);
  });
}

/** A gateway that shows totals meets the fault while samples come. */
function meetAtWork(command: Command, fault: Fault, times: number): Promise<void> {
  return withScene(async (scene) => {
    const { truth, proxy } = scene;
    const gateway = await scene.start(proxy.port);
    await truth.push(50);
    await scene.untilExact(gateway);
    const armed = proxy.arm(command, fault, times);
    if (command === "write entry") await scene.pushLongLabels();
    await scene.pushUntilSurvived(armed, times);
    await scene.untilExact(gateway);
    await scene.killAndGoOn(gateway);
  });
}

/** A gateway meets the fault when it gives the lease up; the next one goes on. */
function meetAtStop(fault: Fault): Promise<void> {
  return withScene(async (scene) => {
    const { truth, proxy } = scene;
    // Where the lease is over by then, as on a machine with much to do, there is nothing to give up.
    const gateway = await scene.start(proxy.port, { leaseMs: 10_000 });
    await truth.push(50);
    await scene.untilExact(gateway);
    const armed = proxy.arm("release", fault);
    gateway.signal("SIGTERM");
    await scene.pushUntilSurvived(armed, 1);
    expect(await gateway.exited).toBe(0);
    await scene.untilExact(await scene.start(redis.port));
  });
}

interface StartOptions {
  leaseMs?: number;
  /** Where it dies: `<failpoint>:<n>`. */
  failpoint?: string;
}

/** A queue of its own with a sender and a scraper, and the way to Redis that hurts. */
class Scene {
  readonly queueKey = `queue-${queues++}`;
  readonly truth = new Truth(redis.client, this.queueKey);
  readonly proxy = new HurtingProxy(redis.port);
  readonly #gateways: GatewayProcess[] = [];
  /** Of those that run: another process may be given the port of one that has ended. */
  readonly #urls = new Set<string>();
  readonly #scraper: Scraper = startScraper(() => [...this.#urls]);

  async start(port: number, options: StartOptions = {}): Promise<GatewayProcess> {
    const { leaseMs = 1000, failpoint = "" } = options;
    const own = [`--Redis.MetricQueueKey=${this.queueKey}`, `--Gateway.LeaseMs=${leaseMs}`];
    const environment = { PROM_STREAM_GATEWAY_FAILPOINT: failpoint };
    const gateway = await startGateway(port, [...own, ...FLAGS], environment);
    this.#gateways.push(gateway);
    this.#urls.add(gateway.url);
    void gateway.exited.then(() => this.#urls.delete(gateway.url));
    return gateway;
  }

  /** Samples come until it is so, and some more. */
  async pushUntil(what: string, look: () => boolean): Promise<void> {
    await until(
      what,
      async () => {
        await this.truth.push(5);
        return look();
      },
      DEADLINE_MS,
    );
    await this.truth.push(5);
  }

  /** Samples come while the fault happens, and until no connection waits in a black hole. */
  async pushUntilSurvived(armed: ArmedFault, times: number): Promise<void> {
    const isHit = () => armed.hits === times;
    await this.pushUntil(`${armed.fault} at ${armed.command}`, isHit);
    if (armed.fault !== "black hole") return;
    await this.pushUntil("the gateway gives it up", () => armed.givenUp === times);
  }

  /** A checkpoint of all these series does not fit into one entry. */
  async pushLongLabels(): Promise<void> {
    const padding = "x".repeat(1000);
    const messages = Array.from({ length: 2000 }, (_, i) => {
      return JSON.stringify({ type: "counter", name: "long", value: 1, labels: { i, padding } });
    });
    await redis.client.lpush(this.queueKey, ...messages);
  }

  async untilExact(gateway: GatewayProcess): Promise<void> {
    const { truth } = this;
    const exposition = await until(
      "all is applied",
      async () => {
        const shown = await scrapeTotals(gateway);
        return shown.includes(`\ntruth_seq ${truth.rounds}\n`) && shown;
      },
      DEADLINE_MS,
    );
    expect(truth.missingFrom(exposition)).toEqual([]);
  }

  /** What Redis keeps must be exact, too: the next gateway knows nothing else. */
  async killAndGoOn(gateway: GatewayProcess): Promise<void> {
    gateway.signal("SIGKILL");
    await gateway.exited;
    await this.untilExact(await this.start(redis.port));
  }

  /** Whether the scraper was content, too. */
  async expectNothingWentBack(): Promise<void> {
    await until("a scrape shows totals", () => this.#scraper.scrapes() > 0);
    expect(await this.#scraper.stop()).toEqual([]);
  }

  async stop(): Promise<void> {
    await this.#scraper.stop();
    for (const gateway of this.#gateways) await gateway.stop();
    this.proxy.stop();
  }
}

async function withScene(play: (scene: Scene) => Promise<void>): Promise<void> {
  const scene = new Scene();
  try {
    await play(scene);
    await scene.expectNothingWentBack();
  } finally {
    await scene.stop();
  }
}

/** What is shown of the truth; empty when nothing is. */
async function scrapeTotals(gateway: GatewayProcess): Promise<string> {
  const families = ["truth_total", "truth_size", "truth_wait", "truth_seq"];
  try {
    return await gateway.metrics(`?${families.map((name) => `name[]=${name}`).join("&")}`);
  } catch {
    // An answer breaks off when the lease is over before its end.
    return "";
  }
}

async function showsTotals(gateway: GatewayProcess): Promise<boolean> {
  return (await scrapeTotals(gateway)).includes("truth_");
}
