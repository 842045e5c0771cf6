import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { $, type Socket } from "bun";
import { Redis } from "ioredis";
import type { Failpoint } from "../../src/failpoint.ts";
import {
  type EmbeddedProcess,
  type GatewayProcess,
  QUEUE_KEY,
  runBinary,
  startEmbedded,
} from "../support/gateway-process.ts";
import { Truth } from "../support/truth.ts";
import { until } from "../support/until.ts";

const CHECKPOINTS = `prom_stream_gateway_checkpoints_total{queueKey="${QUEUE_KEY}"}`;
const FAILURES = `prom_stream_gateway_checkpoint_failures_total{queueKey="${QUEUE_KEY}"}`;
const NEVER = "--Checkpoint.IntervalMs=3600000";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

describe("with a state file", () => {
  test("a stop loses nothing that was answered", async () => {
    const flags = [`--Embedded.StateFile=${makePath()}`, NEVER];
    const first = await start(flags);
    const truth = new Truth(connect(first));
    // So much that some of it is not even claimed when the signal comes.
    for (let i = 0; i < 10; i++) await truth.push(5000);
    first.signal("SIGTERM");
    expect(await first.exited).toBe(0);
    const next = await start(flags);
    await shows(next, "truth_seq", truth.rounds);
    expect(truth.missingFrom(await next.metrics())).toEqual([]);
  });

  test("a kill leaves an exact prefix, with all that the last checkpoint had", async () => {
    const flags = [`--Embedded.StateFile=${makePath()}`, "--Checkpoint.IntervalMs=50"];
    let rounds = 0;
    for (let kill = 0; kill < 5; kill++) {
      const gateway = await start(flags);
      const truth = Truth.after(rounds);
      truth.moveTo(connect(gateway));
      await truth.push(500);
      await shows(gateway, "truth_seq", truth.rounds);
      const safe = truth.rounds;
      const done = (await gateway.value(CHECKPOINTS)) ?? 0;
      // The one that is under way may have begun before.
      await until("it is written", async () => {
        await truth.push(1);
        return ((await gateway.value(CHECKPOINTS)) ?? 0) >= done + 2;
      });
      await truth.push(1000);
      gateway.signal("SIGKILL");
      await gateway.exited;
      const next = await startReady(flags);
      rounds = (await next.value("truth_seq")) ?? 0;
      expect(rounds).toBeGreaterThanOrEqual(safe);
      expect(rounds).toBeLessThanOrEqual(truth.rounds);
      expect(Truth.after(rounds).missingFrom(await next.metrics())).toEqual([]);
      next.signal("SIGTERM");
      await next.exited;
    }
  });

  const STEPS: [name: Failpoint, ...times: number[]][] = [
    ["acquire_before", 1],
    ["acquire_after", 1],
    ["restored", 1],
    ["claim_before", 1, 5],
    ["claim_after", 1, 5],
    ["range_sent", 1, 5],
    ["range_read", 1, 5],
    ["range_decoded", 1, 5],
    ["batch_posted", 1, 5],
    ["batch_received", 1, 5],
    ["batch_applied", 1, 5],
    ["entry_before", 1, 4],
    ["entry_after", 1, 4],
    ["commit_before", 1, 2, 5],
    ["commit_sent", 1, 2, 5],
    ["commit_after", 1, 2, 5],
  ];
  for (const [name, ...all] of STEPS) {
    for (const times of all) {
      test(`killed at ${name}, the ${times}. time, the next process has an exact prefix`, async () => {
        const small = ["--Checkpoint.IntervalMs=20", "--Redis.MetricQueuePopCount=20"];
        const flags = [`--Embedded.StateFile=${makePath()}`, ...small];
        const first = await start(flags);
        const truth = new Truth(connect(first));
        await truth.push(100);
        await shows(first, "truth_seq", 100);
        first.signal("SIGTERM");
        await first.exited;
        const killed = await startEmbedded(flags, {
          PROM_STREAM_GATEWAY_FAILPOINT: `${name}:${times}`,
        }).catch(() => undefined);
        if (killed !== undefined) {
          let hasDied = false;
          void killed.exited.then(() => {
            hasDied = true;
          });
          const client = connect(killed);
          truth.moveTo(client);
          await until(`it dies at ${name}`, async () => {
            await Promise.race([truth.push(5).catch(() => {}), killed.exited]);
            if (name.startsWith("entry")) await pushLongLabels(client).catch(() => {});
            return hasDied;
          });
          expect(await killed.exited).toBe(128 + 9);
          await killed.stop();
        }
        const next = await startReady(flags);
        const rounds = (await next.value("truth_seq")) ?? 0;
        expect(rounds).toBeGreaterThanOrEqual(100);
        expect(Truth.after(rounds).missingFrom(await next.metrics())).toEqual([]);
        const after = Truth.after(rounds);
        after.moveTo(connect(next));
        await after.push(10);
        await shows(next, "truth_seq", rounds + 10);
        expect(after.missingFrom(await next.metrics())).toEqual([]);
      });
    }
  }

  test("that is damaged it is moved aside, loudly, and the start goes on", async () => {
    const path = makePath();
    const flags = [`--Embedded.StateFile=${path}`];
    await leaveState(flags);
    const bytes = await readFile(path);
    bytes[40] ^= 1;
    await writeFile(path, bytes);
    const next = await start(flags);
    await pushOne(connect(next), "after");
    await shows(next, "after", 1);
    expect(await next.value("before")).toBeUndefined();
    const said = next.log().find(({ event }) => event === "checkpoint_set_aside");
    expect(said).toMatchObject({ level: "error", reason: expect.stringContaining("is damaged") });
    expect(await readFile(String(said?.aside))).toEqual(bytes);
    next.signal("SIGTERM");
    await next.exited;
    const last = await start(flags);
    await shows(last, "after", 1);
  });

  test("that another version has written it is moved aside as well", async () => {
    const path = makePath();
    await writeFile(path, "prom-stream-gateway state 2\nwhatever it holds");
    const gateway = await start([`--Embedded.StateFile=${path}`]);
    await pushOne(connect(gateway), "after");
    await shows(gateway, "after", 1);
    expect(readdirSync(join(path, "..")).some((name) => name.startsWith("state.damaged-"))).toBe(
      true,
    );
  });

  test("that ends in the middle of a checkpoint it goes on from the one before", async () => {
    const path = makePath();
    const flags = [`--Embedded.StateFile=${path}`];
    await leaveState(flags);
    await writeFile(path, Buffer.concat([await readFile(path), Buffer.from("torn")]));
    const next = await start(flags);
    await shows(next, "before", 1);
    expect(next.log()).toContainEqual(
      expect.objectContaining({ event: "checkpoint_torn", bytes: 4 }),
    );
  });

  test("a second process stands by, and goes on when the first one ends", async () => {
    const flags = [`--Embedded.StateFile=${makePath()}`];
    const first = await start(flags);
    await pushOne(connect(first), "before");
    await shows(first, "before", 1);
    const second = await start(flags);
    const ready = () => fetch(`${second.url}/-/ready`).then((response) => response.text());
    await until("it stands by", async () =>
      (await ready()).startsWith(`standby: process ${first.pid}`),
    );
    first.signal("SIGTERM");
    await first.exited;
    await shows(second, "before", 1);
    expect(await ready()).toBe("ok\n");
  });

  test("a process that stands by and is stopped says what it could not apply", async () => {
    const flags = [`--Embedded.StateFile=${makePath()}`];
    await start(flags);
    const second = await start(flags);
    for (let i = 0; i < 3; i++) await pushOne(connect(second), "lost");
    second.signal("SIGTERM");
    expect(await second.exited).toBe(0);
    expect(second.log()).toContainEqual(
      expect.objectContaining({ event: "samples_abandoned", level: "error", elements: 3 }),
    );
  });

  test("that cannot grow it fails and says so, shows totals, and goes on when there is room", async () => {
    const path = makePath();
    const gateway = await start([`--Embedded.StateFile=${path}`, "--Checkpoint.IntervalMs=20"]);
    await $`prlimit --pid ${gateway.pid} --fsize=2000:`.quiet();
    const client = connect(gateway);
    await pushLongLabels(client);
    await until("it fails", async () => ((await gateway.value(FAILURES)) ?? 0) > 2);
    await pushOne(client, "meanwhile");
    await shows(gateway, "meanwhile", 1);
    expect(gateway.log().some(({ event }) => event === "checkpoint_failed")).toBe(true);
    await $`prlimit --pid ${gateway.pid} --fsize=unlimited:`.quiet();
    await until("it works", async () => ((await gateway.value(CHECKPOINTS)) ?? 0) > 0);
    gateway.signal("SIGKILL");
    await gateway.exited;
    const next = await start([`--Embedded.StateFile=${path}`]);
    await shows(next, "meanwhile", 1);
  });

  test("in a folder that is not there it is not ready, and says why", async () => {
    const gateway = await start([`--Embedded.StateFile=${join(makePath(), "state")}`]);
    const ready = async () => (await fetch(`${gateway.url}/-/ready`)).text();
    await until("it says so", async () => (await ready()).includes("ENOENT"));
    expect(await ready()).toMatch(/^embedded queue unavailable: ENOENT.*\(Embedded.StateFile\)\n$/);
    const failed = gateway.log().find(({ event }) => event === "queue_failed");
    expect(failed).toMatchObject({ remedy: expect.stringContaining("Embedded.StateFile") });
  });

  test("and without checkpoints what it holds is deleted", async () => {
    const path = makePath();
    await leaveState([`--Embedded.StateFile=${path}`]);
    expect(existsSync(path)).toBe(true);
    await start([`--Embedded.StateFile=${path}`, "--Checkpoint.Enabled=false"]);
    await until("it is deleted", () => !existsSync(path));
  });
});

describe("without a state file", () => {
  test("totals start at zero, and nothing is written", async () => {
    const first = await start([]);
    await pushOne(connect(first), "before");
    await shows(first, "before", 1);
    expect(readdirSync(first.folder)).toEqual([]);
    first.signal("SIGTERM");
    expect(await first.exited).toBe(0);
    const next = await start([]);
    await pushOne(connect(next), "after");
    await shows(next, "after", 1);
    expect(await next.value("before")).toBeUndefined();
  });

  test("senders that are faster than the gateway wait, and nothing is lost", async () => {
    const most = 32 * 1024 * 1024;
    const gateway = await start([
      ...[`--Embedded.MaxBufferBytes=${most}`, "--Redis.MetricQueueWorkers=1"],
      "--Redis.MetricQueuePopCount=100",
    ]);
    // Each is read to its end before it is refused.
    const text = `{"type":"counter","name":"x","value":1,"labels":{"a":"${"y".repeat(300)}"},nul}`;
    const push = `*3\r\n$5\r\nLPUSH\r\n$${QUEUE_KEY.length}\r\n${QUEUE_KEY}\r\n$${text.length}\r\n${text}\r\n`;
    const each = 60_000;
    const clients = await Promise.all(
      Array.from({ length: 5 }, () => pushAll(gateway.port, Buffer.from(push.repeat(each)))),
    );
    const buffer = "prom_stream_gateway_embedded_buffer_bytes";
    await until("all is answered", async () => {
      expect((await gateway.value(buffer)) ?? 0).toBeLessThanOrEqual(most);
      return clients.every((client) => client.replies() === each);
    });
    const dropped = `prom_stream_gateway_dropped_metrics_total{queueKey="${QUEUE_KEY}",reason="invalid_json"}`;
    await shows(gateway, dropped, clients.length * each);
    expect(await gateway.value("prom_stream_gateway_embedded_pauses_total")).toBeGreaterThan(0);
    expect(gateway.log().filter(({ event }) => event === "senders_paused")).toHaveLength(1);
  });

  test("a port that is taken ends the start with a remedy", async () => {
    const first = await start([]);
    const flags = [`--Embedded.ListenAddress=127.0.0.1:${first.port}`, "--Web.ListenAddress=:0"];
    const { code, stderr } = await runBinary(flags);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /^embedded: cannot listen on .*; set Embedded.ListenAddress\n$/,
      ),
    });
  });
});

function makePath(): string {
  const folder = mkdtempSync(join(tmpdir(), "gateway-state-"));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "state");
}

async function start(flags: string[]): Promise<EmbeddedProcess> {
  const gateway = await startEmbedded(flags);
  ends.push(() => gateway.stop());
  return gateway;
}

/** One that has loaded the state. */
async function startReady(flags: string[]): Promise<EmbeddedProcess> {
  const gateway = await start(flags);
  await until("it is ready", async () => (await fetch(`${gateway.url}/-/ready`)).ok);
  return gateway;
}

function connect({ port }: EmbeddedProcess): Redis {
  const client = new Redis({ port, retryStrategy: null, maxRetriesPerRequest: 0 });
  client.on("error", () => {});
  ends.push(() => client.disconnect());
  return client;
}

async function pushOne(client: Redis, name: string): Promise<void> {
  await client.lpush(QUEUE_KEY, JSON.stringify({ type: "counter", name, value: 1 }));
}

/** Sends all as fast as it is taken. */
async function pushAll(port: number, bytes: Buffer): Promise<{ replies(): number }> {
  let left = bytes;
  let replies = 0;
  const write = (socket: Socket) => {
    left = left.subarray(Math.max(0, socket.write(left)));
  };
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, chunk) => {
        for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) replies++;
      },
      drain: write,
    },
  });
  ends.push(() => socket.terminate());
  write(socket);
  return { replies: () => replies };
}

/** A checkpoint of many new series does not fit into one entry. */
async function pushLongLabels(client: Redis): Promise<void> {
  const padding = "x".repeat(3000);
  const messages = Array.from({ length: 500 }, () => {
    const labels = { id: crypto.randomUUID(), padding };
    return JSON.stringify({ type: "counter", name: "long_total", value: 1, labels });
  });
  await client.lpush(QUEUE_KEY, ...messages);
}

/** Lets a process leave a state with the counter `before`. */
async function leaveState(flags: string[]): Promise<void> {
  const gateway = await start(flags);
  await pushOne(connect(gateway), "before");
  await shows(gateway, "before", 1);
  gateway.signal("SIGTERM");
  await gateway.exited;
}

async function shows(gateway: GatewayProcess, name: string, value: number): Promise<void> {
  await until(`${name} is ${value}`, async () => (await gateway.value(name)) === value);
}
