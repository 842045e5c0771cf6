import { describe, expect, test } from "bun:test";
import type { Redis } from "ioredis";
import { QueueKeys } from "../../src/queue/queue-keys.ts";
import { type GatewayProcess, QUEUE_KEY } from "../support/gateway-process.ts";
import {
  hasLogged,
  isOwner,
  LEASE_MS,
  notReadyReason,
  onStage,
  ownValue,
  scrape,
  untilConfirmed,
  untilExact,
} from "../support/stage.ts";
import { Truth } from "../support/truth.ts";
import { until } from "../support/until.ts";

const KEYS = new QueueKeys(QUEUE_KEY, "default");

interface Stall {
  name: string;
  begin(client: Redis, ms: number): Promise<unknown>;
  /** Whether `begin` is answered when the stall is over, not when it begins. */
  isAnsweredLast?: boolean;
}

/** How Redis comes to answer nobody for a while, and then does what it was sent meanwhile. */
const STALLS: Stall[] = [
  {
    name: "CLIENT PAUSE ALL",
    begin: (client, ms) => client.call("CLIENT", "PAUSE", ms, "ALL"),
  },
  {
    name: "CLIENT PAUSE WRITE",
    begin: (client, ms) => client.call("CLIENT", "PAUSE", ms, "WRITE"),
  },
  {
    name: "DEBUG SLEEP",
    begin: (client, ms) => client.call("DEBUG", "SLEEP", ms / 1000),
    isAnsweredLast: true,
  },
];
const SHORT_MS = LEASE_MS * 0.4;
const LONG_MS = LEASE_MS * 1.8;

for (const stall of STALLS) {
  describe(`Redis stalls by ${stall.name}`, () => {
    test("for less than the lease, several times under load: it goes on, nothing counts twice", () =>
      onStage(async (stage) => {
        const redis = await stage.startRedis("--enable-debug-command", "yes");
        const truth = new Truth(redis.client);
        const gateway = await stage.startGateway(redis);
        for (let i = 0; i < 3; i++) {
          await truth.push(2000);
          await stall.begin(redis.client, SHORT_MS);
        }
        await truth.push(100);
        await untilExact(gateway, truth);
        expect(await ownValue(gateway, "lost_samples_total")).toBe(0);
      }));

    test("for longer than the lease: no totals are shown once it is over, then it goes on", () =>
      onStage(async (stage) => {
        const redis = await stage.startRedis("--enable-debug-command", "yes");
        const truth = new Truth(redis.client);
        const gateway = await stage.startGateway(redis);
        await truth.push(100);
        await untilExact(gateway, truth);
        await truth.push(2000);
        await expectNothingShownDuring(stall, redis.client, [gateway]);
        await truth.push(100);
        await untilExact(gateway, truth);
        expect(await notReadyReason(gateway)).toBe("");
        expect(await ownValue(gateway, "lost_samples_total")).toBe(0);
        expect(hasLogged(gateway, "gateway_superseded")).toBe(false);
      }));

    test("for longer than the lease, with a standby: afterwards exactly one is the owner", () =>
      onStage(async (stage) => {
        const redis = await stage.startRedis("--enable-debug-command", "yes");
        const truth = new Truth(redis.client);
        const gateways = [await stage.startGateway(redis), await stage.startGateway(redis)];
        await truth.push(100);
        await until("one of them works", async () => (await findOwners(gateways)).length === 1);
        await truth.push(2000);
        await expectNothingShownDuring(stall, redis.client, gateways);
        await truth.push(100);
        const owner = await until("one of them has all", async () => {
          const owners = await findOwners(gateways);
          const seq = await owners[0]?.value("truth_seq");
          return owners.length === 1 && seq === truth.rounds && owners[0];
        });
        await untilExact(owner, truth);
        const [other] = gateways.filter((gateway) => gateway !== owner);
        await until("the other stands by", async () => {
          return (await notReadyReason(other)).startsWith("standby: process");
        });
        expect(await scrape(other)).not.toContain("truth_");
        expect(await findOwners(gateways)).toEqual([owner]);
        expect(await ownValue(owner, "lost_samples_total")).toBe(0);
      }));
  });
}

test("all connections are cut by CLIENT KILL, again and again under load: every total is exact", () =>
  onStage(async (stage) => {
    const redis = await stage.startRedis();
    const truth = new Truth(redis.client);
    const gateway = await stage.startGateway(redis, "--Redis.MetricQueuePopCount=50");
    let killed = 0;
    for (let kill = 0; kill < 10; kill++) {
      await truth.push(500);
      killed += Number(
        await redis.client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"),
      );
      const seen = (await gateway.value("truth_seq")) ?? 0;
      await truth.push(100);
      await until("it works again", async () => ((await gateway.value("truth_seq")) ?? 0) > seen);
    }
    await truth.push(100);
    await untilExact(gateway, truth);
    expect(killed).toBeGreaterThan(20);
    expect(await ownValue(gateway, "redis_reconnects_total")).toBeGreaterThan(0);
    expect(await ownValue(gateway, "lost_samples_total")).toBe(0);
  }));

test("SCRIPT FLUSH, again and again under load: every total is exact", () =>
  onStage(async (stage) => {
    const redis = await stage.startRedis();
    const truth = new Truth(redis.client);
    const gateway = await stage.startGateway(redis, "--Redis.MetricQueuePopCount=50");
    for (let flush = 0; flush < 30; flush++) {
      await truth.push(100);
      await redis.client.script("FLUSH");
    }
    await truth.push(100);
    await untilExact(gateway, truth);
    expect(hasLogged(gateway, "queue_failed")).toBe(false);
    expect(hasLogged(gateway, "checkpoint_failed")).toBe(false);
  }));

test("a Redis that is over its maxmemory is drained, checkpoints and renewals work, and a kill loses nothing", () =>
  onStage(async (stage) => {
    const redis = await stage.startRedis();
    const truth = new Truth(redis.client);
    const gateway = await stage.startGateway(redis, "--Redis.MetricQueuePopCount=50");
    await truth.push(100);
    await untilExact(gateway, truth);
    await truth.push(10_000);
    // Below what an empty Redis uses: it stays full when the backlog is gone.
    await redis.client.config("SET", "maxmemory", "1");
    expect(await redis.client.lpush("other", "x").catch(String)).toContain("OOM");
    await untilExact(gateway, truth);
    await untilConfirmed(gateway);
    await untilRenewed(redis.client, 3);
    expect(hasLogged(gateway, "checkpoint_failed")).toBe(false);
    expect(hasLogged(gateway, "queue_failed")).toBe(false);

    await stage.kill(gateway);
    const next = await stage.startGateway(redis);
    await untilExact(next, truth);
    await redis.client.config("SET", "maxmemory", "0");
    await truth.push(100);
    await untilExact(next, truth);
  }));

/**
 * Stalls Redis for longer than the lease. In the time in which the lease is over for certain, no
 * gateway may show a total or be ready.
 */
async function expectNothingShownDuring(
  stall: Stall,
  client: Redis,
  gateways: readonly GatewayProcess[],
): Promise<void> {
  // Where the machine holds up the test itself no look falls into that time.
  const judged = await until("looks fall into the stall", async () => {
    const looks = await lookDuring(stall, client, gateways);
    return looks.length > 0 && looks;
  });
  expect(judged.filter(({ isShown, reason }) => isShown || reason === "")).toEqual([]);
}

/** Looks at the gateways all through a stall; returns the looks of the time that counts. */
async function lookDuring(stall: Stall, client: Redis, gateways: readonly GatewayProcess[]) {
  // Redis counts in whole milliseconds.
  const endsAtMs = performance.now() + LONG_MS - 10;
  const answered = stall.begin(client, LONG_MS).then(() => performance.now());
  const looks: { fromMs: number; toMs: number; isShown: boolean; reason: string }[] = [];
  await until("the stall is over", async () => {
    for (const gateway of gateways) {
      const fromMs = performance.now();
      const [text, reason] = await Promise.all([scrape(gateway), notReadyReason(gateway)]);
      const toMs = performance.now();
      looks.push({ fromMs, toMs, isShown: text.includes("truth_"), reason });
    }
    return performance.now() > endsAtMs;
  });
  // Until then a renewal may have been answered.
  const beganAtMs = (await answered) - (stall.isAnsweredLast ? LONG_MS : 0);
  return looks.filter(({ fromMs, toMs }) => fromMs > beganAtMs + LEASE_MS && toMs < endsAtMs);
}

async function findOwners(gateways: readonly GatewayProcess[]): Promise<GatewayProcess[]> {
  const are = await Promise.all(gateways.map(isOwner));
  return gateways.filter((_, i) => are[i]);
}

async function untilRenewed(client: Redis, times: number): Promise<void> {
  let renewals = 0;
  let last = Number.POSITIVE_INFINITY;
  await until("the lease is renewed", async () => {
    const leftMs = await client.pttl(KEYS.lease);
    if (leftMs > last) renewals++;
    last = leftMs;
    return renewals >= times;
  });
}
