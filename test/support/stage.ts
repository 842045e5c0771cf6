import { expect } from "bun:test";
import { type GatewayProcess, QUEUE_KEY, readSample, startGateway } from "./gateway-process.ts";
import { type RedisServer, startRedis } from "./redis-server.ts";
import { type Scraper, startScraper } from "./scraper.ts";
import type { Truth } from "./truth.ts";
import { until } from "./until.ts";

export const LEASE_MS = 1000;

/** Checkpoints come often, and a lease is soon over. */
const FLAGS = ["--Checkpoint.IntervalMs=100", `--Gateway.LeaseMs=${LEASE_MS}`];

/**
 * Gives a test a stage, and ends all that was started on it. Fails when the scraper, which looked
 * at all gateways of the stage throughout, saw a total go back that is not among `mayGoBack`.
 */
export async function onStage(
  play: (stage: Stage) => Promise<void>,
  mayGoBack: readonly string[] = [],
): Promise<void> {
  const stage = new Stage();
  try {
    await play(stage);
    await until("the scraper has seen totals", () => stage.scraper.scrapes() > 0);
    const faults = await stage.scraper.stop();
    expect(faults.filter((fault) => !mayGoBack.includes(fault.split(" ")[0]))).toEqual([]);
  } finally {
    await stage.end();
  }
}

/** Where Redis servers of a test's own and gateways play. */
export class Stage {
  readonly scraper: Scraper;
  #servers: RedisServer[] = [];
  #gateways = new Set<GatewayProcess>();

  constructor() {
    this.scraper = startScraper(() => [...this.#gateways].map((gateway) => gateway.url));
  }

  async startRedis(...options: string[]): Promise<RedisServer> {
    const server = await startRedis(...options);
    this.#servers.push(server);
    return server;
  }

  /** Of several servers the gateway knows all; later flags override ours. */
  async startGateway(
    servers: RedisServer | readonly RedisServer[],
    ...flags: string[]
  ): Promise<GatewayProcess> {
    const endpoints = [servers].flat().map(({ port }) => `localhost:${port}`);
    const connection = `--Redis.ConnectionString=${endpoints.join(",")}`;
    const [{ port }] = [servers].flat();
    const gateway = await startGateway(port, [...FLAGS, connection, ...flags]);
    this.#gateways.add(gateway);
    return gateway;
  }

  /** As `kill -9`. */
  async kill(gateway: GatewayProcess): Promise<void> {
    // Its port may be another's as soon as it is gone.
    this.#gateways.delete(gateway);
    await gateway.stop();
  }

  async end(): Promise<void> {
    await this.scraper.stop();
    for (const gateway of this.#gateways) await gateway.stop();
    for (const server of this.#servers) await server.stop();
  }
}

/** Waits until a gateway shows all that was pushed, and every total is exact. */
export async function untilExact(
  gateway: GatewayProcess,
  truth: Truth,
  deadlineMs?: number,
): Promise<void> {
  const shown = await until(
    "all is applied",
    async () => {
      const text = await scrape(gateway);
      return readSample(text, "truth_seq") === truth.rounds && text;
    },
    deadlineMs,
  );
  expect(truth.missingFrom(shown)).toEqual([]);
}

/** Waits until all that a gateway has claimed is applied, and in a checkpoint that counts. */
export async function untilConfirmed(gateway: GatewayProcess): Promise<void> {
  await until("all is in a checkpoint", async () => {
    return (await ownValue(gateway, "redis_unconfirmed_samples")) === 0;
  });
}

/** What `/metrics` answers; empty when it was cut off because the lease ended in the middle. */
export async function scrape(gateway: GatewayProcess): Promise<string> {
  return gateway.metrics().catch(() => "");
}

/** The value of one of the gateway's own families. */
export async function ownValue(gateway: GatewayProcess, name: string): Promise<number | undefined> {
  return readSample(await scrape(gateway), `prom_stream_gateway_${name}{queueKey="${QUEUE_KEY}"}`);
}

export async function isOwner(gateway: GatewayProcess): Promise<boolean> {
  return readSample(await scrape(gateway), "prom_stream_gateway_is_owner") === 1;
}

/** Empty when it is ready, else the reason why not. */
export async function notReadyReason(gateway: GatewayProcess): Promise<string> {
  const response = await fetch(`${gateway.url}/-/ready`);
  const text = await response.text();
  if (response.status === 200) return "";
  if (response.status !== 503) throw new Error(`/-/ready: ${response.status} ${text}`);
  return text.trim();
}

export function hasLogged(gateway: GatewayProcess, event: string): boolean {
  return gateway.log().some((line) => line.event === event);
}
