import { describe, expect, test } from "bun:test";
import { QueueKeys } from "../../src/queue/queue-keys.ts";
import { type GatewayProcess, QUEUE_KEY } from "../support/gateway-process.ts";
import type { RedisServer } from "../support/redis-server.ts";
import {
  hasLogged,
  LEASE_MS,
  notReadyReason,
  onStage,
  ownValue,
  type Stage,
  untilConfirmed,
  untilExact,
} from "../support/stage.ts";
import { SAMPLES_A_ROUND, Truth } from "../support/truth.ts";
import { until } from "../support/until.ts";

const KEYS = new QueueKeys(QUEUE_KEY, "default");

test("a replica that has everything is promoted under load: every total is exact", () =>
  onStage(async (stage) => {
    const { master, replica, truth } = await startPair(stage);
    const gateway = await stage.startGateway([master, replica], "--Redis.MetricQueuePopCount=50");
    await truth.push(100);
    await untilExact(gateway, truth);
    for (let i = 0; i < 4; i++) await truth.push(1000);
    await until("some is applied", async () => {
      return ((await gateway.value("truth_seq")) ?? 0) > 100;
    });
    // As FAILOVER does it.
    await master.client.call("CLIENT", "PAUSE", 60_000, "WRITE");
    await untilCaughtUp(master, replica);
    await master.kill();
    await promote(replica, truth);
    await truth.push(100);
    await untilExact(gateway, truth);
    expect(await ownValue(gateway, "lost_samples_total")).toBe(0);
    expect(await ownValue(gateway, "uncertain_samples_total")).toBe(0);
    expect(hasLogged(gateway, "queue_state_lost")).toBe(false);
    await expectAllWrittenBack(stage, replica, gateway, truth);
  }));

describe("a replica that lags is promoted", () => {
  test("without claims and commits: the gateway has their samples, and every total is exact", () =>
    onStage(async (stage) => {
      const { master, replica, truth } = await startPair(stage);
      const gateway = await stage.startGateway([master, replica]);
      await truth.push(100);
      await untilExact(gateway, truth);
      await untilConfirmed(gateway);
      await untilCaughtUp(master, replica);
      await cutReplication(replica);
      for (let i = 0; i < 5; i++) {
        await truth.push(100);
        await untilExact(gateway, truth);
      }
      await untilConfirmed(gateway);
      await master.kill();
      await untilToldReadOnly(gateway);
      await promote(replica, truth);
      await until("it says so", () => hasLogged(gateway, "queue_state_lost"));
      await untilExact(gateway, truth);
      await truth.push(100);
      await untilExact(gateway, truth);
      // Nothing stood in the queue that could be counted twice.
      expect(hasLogged(gateway, "claims_undone")).toBe(false);
      expect(await ownValue(gateway, "lost_samples_total")).toBe(0);
      await expectAllWrittenBack(stage, replica, gateway, truth);
    }));

  test("with claims, and without the commit of them: every total is exact", () =>
    onStage(async (stage) => {
      const { master, replica, truth } = await startPair(stage);
      const gateway = await stage.startGateway([master, replica], "--Checkpoint.IntervalMs=500");
      await until("the replica has a claim that has no commit", async () => {
        gateway.signal("SIGCONT");
        await truth.push(10);
        await untilExact(gateway, truth);
        gateway.signal("SIGSTOP");
        await untilCaughtUp(master, replica);
        return (await replica.client.keys("*:segment:*")).length > 0;
      });
      await cutReplication(replica);
      gateway.signal("SIGCONT");
      await untilConfirmed(gateway);
      expect(await master.client.keys("*:segment:*")).toEqual([]);
      await master.kill();
      await untilToldReadOnly(gateway);
      await promote(replica, truth);
      await truth.push(100);
      await untilExact(gateway, truth);
      await until("it says so", () => hasLogged(gateway, "queue_state_lost"));
      expect(await ownValue(gateway, "lost_samples_total")).toBe(0);
      expect(await ownValue(gateway, "uncertain_samples_total")).toBe(0);
      await expectAllWrittenBack(stage, replica, gateway, truth);
      expect(await replica.client.keys("*:segment:*")).toEqual([]);
    }));

  test("with samples in its queue that the gateway had taken: they are said to be uncertain, and new ones count exactly", () =>
    onStage(
      async (stage) => {
        const { master, replica, truth } = await startPair(stage);
        const gateway = await stage.startGateway([master, replica]);
        await truth.push(100);
        await untilExact(gateway, truth);
        // Claims nothing for a moment, so that the replica is left with a queue.
        gateway.signal("SIGSTOP");
        const waiting = 300;
        await truth.push(waiting);
        await untilCaughtUp(master, replica);
        await cutReplication(replica);
        gateway.signal("SIGCONT");
        await truth.push(100);
        await untilExact(gateway, truth);
        await untilConfirmed(gateway);
        const before = truth.rounds;
        await master.kill();
        await untilToldReadOnly(gateway);
        await promote(replica, truth);
        await until("it says so", () => hasLogged(gateway, "claims_undone"));
        expect(hasLogged(gateway, "queue_state_lost")).toBe(true);
        const uncertain = await ownValue(gateway, "uncertain_samples_total");
        expect(uncertain).toBe(waiting * SAMPLES_A_ROUND);
        expect(gateway.log().find((line) => line.event === "claims_undone")).toMatchObject({
          elements: uncertain,
        });

        // Those in the queue came again, and the new ones on top.
        await truth.push(50);
        await until("all is applied", async () => {
          return (await gateway.value("truth_seq")) === truth.rounds;
        });
        expect(await gateway.value("truth_size_count")).toBe(before + waiting + 50);
        expect(await ownValue(gateway, "lost_samples_total")).toBe(0);
        await until("it is ready", async () => (await notReadyReason(gateway)) === "");
        await untilConfirmed(gateway);
        const totals = await gateway.totals();
        await stage.kill(gateway);
        const next = await stage.startGateway(replica);
        await until("the next one shows them", () => next.value("truth_seq"));
        expect(await next.totals()).toBe(totals);
        // A gauge is what the last sample says, and older ones came again.
      },
      ["truth_seq"],
    ));

  test("from before the gateway's first claim: the whole state is written to it", () =>
    onStage(async (stage) => {
      const { master, replica, truth } = await startPair(stage);
      await cutReplication(replica);
      const gateway = await stage.startGateway([master, replica]);
      await truth.push(500);
      await untilExact(gateway, truth);
      await master.kill();
      await untilToldReadOnly(gateway);
      await promote(replica, truth);
      await until("it says so", () => hasLogged(gateway, "queue_state_lost"));
      await truth.push(100);
      await untilExact(gateway, truth);
      await expectAllWrittenBack(stage, replica, gateway, truth);
    }));

  test("from before the gateway took over: what that one says of the lease makes it forget nothing", () =>
    onStage(async (stage) => {
      const { master, replica, truth } = await startPair(stage);
      // Of a process on another host nobody can tell that it is gone.
      const former = { name: "former", host: "elsewhere", pid: 1, boot: "", pidNamespace: "" };
      const lease = JSON.stringify({ ...former, startedAt: "" });
      await master.client.hset(KEYS.state, { owner: former.name, token: 1, first: 0, next: 0 });
      await master.client.set(KEYS.lease, lease, "PX", 3 * LEASE_MS);
      await untilCaughtUp(master, replica);
      await cutReplication(replica);
      // As it gives the lease up.
      await master.client.hset(KEYS.state, "released", 1);
      await master.client.del(KEYS.lease);
      const gateway = await stage.startGateway([master, replica]);
      await truth.push(100);
      await untilExact(gateway, truth);
      await master.kill();
      await until("it has asked the replica", async () => {
        return /READONLY|standby/.test(await notReadyReason(gateway));
      });
      await promote(replica, truth);
      await truth.push(100);
      await untilExact(gateway, truth);
      await expectAllWrittenBack(stage, replica, gateway, truth);
    }));
});

describe("a replica that is nobody's master yet is among the endpoints", () => {
  test("first, and follows: nothing is read from it, and every total is exact", () =>
    onStage(async (stage) => {
      const { master, replica, truth } = await startPair(stage);
      const gateway = await stage.startGateway([replica, master], "--Redis.MetricQueuePopCount=50");
      for (let i = 0; i < 20; i++) await truth.push(200);
      await untilExact(gateway, truth);
      expect(await ownValue(gateway, "lost_samples_total")).toBe(0);
    }));

  test("first, and has lost its master: nothing is read from it, and every total is exact", () =>
    onStage(async (stage) => {
      const { master, replica, truth } = await startPair(stage);
      await cutReplication(replica);
      const gateway = await stage.startGateway([replica, master]);
      await truth.push(500);
      await untilExact(gateway, truth);
      await truth.push(500);
      await untilExact(gateway, truth);
      expect(await ownValue(gateway, "lost_samples_total")).toBe(0);
    }));

  test("second and has lost its master, while that one is killed and comes back: every total is exact", () =>
    onStage(async (stage) => {
      const { master, replica, truth } = await startPair(stage);
      const gateway = await stage.startGateway([master, replica], "--Redis.MetricQueuePopCount=50");
      for (let i = 0; i < 4; i++) await truth.push(1000);
      await until("some is applied", () => gateway.value("truth_seq"));
      await cutReplication(replica);
      await master.kill();
      await untilToldReadOnly(gateway);
      await master.restart();
      for (let i = 0; i < 20; i++) await truth.push(200);
      await untilExact(gateway, truth);
      expect(await ownValue(gateway, "lost_samples_total")).toBe(0);
    }));

  test("and was the master until FAILOVER: nothing is read from it, and every total is exact", () =>
    onStage(async (stage) => {
      const { master, replica, truth } = await startPair(stage);
      const gateway = await stage.startGateway([master, replica], "--Redis.MetricQueuePopCount=50");
      for (let i = 0; i < 4; i++) await truth.push(1000);
      await until("some is applied", () => gateway.value("truth_seq"));
      await master.client.call("FAILOVER");
      await until("the replica is the master", async () => {
        return (await replica.client.info("replication")).includes("role:master");
      });
      await cutReplication(master);
      truth.moveTo(replica.client);
      for (let i = 0; i < 20; i++) await truth.push(200);
      await untilExact(gateway, truth);
      expect(await ownValue(gateway, "lost_samples_total")).toBe(0);
    }));
});

/** A master that keeps all that it has acknowledged, and a replica that follows it. */
async function startPair(
  stage: Stage,
): Promise<{ master: RedisServer; replica: RedisServer; truth: Truth }> {
  const master = await stage.startRedis(
    ...["--repl-diskless-sync-delay", "0", "--appendonly", "yes", "--appendfsync", "always"],
  );
  const replica = await stage.startRedis();
  await replica.client.replicaof("127.0.0.1", master.port);
  await untilCaughtUp(master, replica);
  return { master, replica, truth: new Truth(master.client) };
}

async function untilCaughtUp(master: RedisServer, replica: RedisServer): Promise<void> {
  await until("the replica has caught up", async () => {
    const [of, at] = await Promise.all([
      master.client.info("replication"),
      replica.client.info("replication"),
    ]);
    const isLinked = at.includes("master_link_status:up");
    return isLinked && readOffset(at, "slave") >= readOffset(of, "master");
  });
}

function readOffset(info: string, role: string): number {
  return Number(new RegExp(`^${role}_repl_offset:(\\d+)`, "m").exec(info)?.[1] ?? Number.NaN);
}

/** It stays a replica, of a master that it does not find, with what it has. */
async function cutReplication(replica: RedisServer): Promise<void> {
  await replica.client.replicaof("127.0.0.1", 1);
}

/** From now on senders push to it. */
async function promote(replica: RedisServer, truth: Truth): Promise<void> {
  await replica.client.replicaof("NO", "ONE");
  truth.moveTo(replica.client);
}

/** Waits until the gateway has met a replica that takes no writes. */
async function untilToldReadOnly(gateway: GatewayProcess): Promise<void> {
  await until("it is told READONLY", async () => {
    return (await notReadyReason(gateway)).includes("READONLY");
  });
}

/** Starts another process in the place of the one that knew it all. */
async function expectAllWrittenBack(
  stage: Stage,
  redis: RedisServer,
  gateway: GatewayProcess,
  truth: Truth,
): Promise<void> {
  await untilConfirmed(gateway);
  await until("it is ready", async () => (await notReadyReason(gateway)) === "");
  await stage.kill(gateway);
  await untilExact(await stage.startGateway(redis), truth);
}
