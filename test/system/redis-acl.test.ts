import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type GatewayProcess, runBinary, startGateway } from "../support/gateway-process.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { hasLogged, notReadyReason } from "../support/stage.ts";
import { until } from "../support/until.ts";

/** A Redis whose default user is off: the gateway and its senders have what the README gives them. */

const README = await Bun.file(join(import.meta.dir, "../../README.md")).text();
const QUEUE = "prom-stream-gateway:metric-queue";
const ADMIN = "admin-secret";
/** Of the gateway's line: without them it works, if less well. */
const OPTIONAL = ["memory|usage", "blmove", "client|setname", "info", "select"];

const folder = mkdtempSync(join(tmpdir(), "gateway-acl-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

for (const [form, queue, options] of [
  ["a plain queue key", QUEUE, []],
  ["a hash tag, on a node of Redis Cluster", "{metrics}:queue", ["--cluster-enabled", "yes"]],
] as const) {
  test(`gateway and senders of their own do all that they do: ${form}`, async () => {
    const redis = await lockedRedis(queue, ...options);
    const gateway = await start(redis, queue);
    const flags = flagsOf(redis, queue, "sender");
    const push = await runBinary(["push", "counter", "pushed_total", "2", ...flags]);
    expect([push.code, push.stdout]).toEqual([0, `pushed 1 to ${queue}\n`]);
    const load = await runBinary(["load", "--count=500", "--rate=100000", "--senders=2", ...flags]);
    expect(load.code).toBe(0);
    const nothing = await runBinary(["push", "--json", ...flags], { input: '{"type":"x"}' });
    expect(nothing.code).toBe(1);
    await redis.client.lpush(queue, "no sample");
    const processed = async () => {
      const text = await gateway.metrics();
      const lines = text.matchAll(/^prom_stream_gateway_processed_metrics_total\{.*\} (\d+)$/gm);
      return [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
    };
    await until("all is applied", async () => (await processed()) === 501);
    expect(await gateway.value("pushed_total")).toBe(2);
    await until("the dead letter is there", async () => {
      return (await redis.client.llen(deadLettersOf(queue))) === 1;
    });
    gateway.signal("SIGTERM");
    await gateway.exited;
    const next = await start(redis, queue);
    await until("the totals are back", async () => (await next.value("pushed_total")) === 2);
    const refused = (await redis.client.call("ACL", "LOG")) as string[][];
    // What `push` and `load` would like to do beside pushing.
    const what = new Set(refused.map((entry) => entry[entry.indexOf("object") + 1]));
    expect([...what].sort()).toEqual(["client|setname", "info"]);
    const who = new Set(refused.map((entry) => entry[entry.indexOf("username") + 1]));
    expect([...who]).toEqual(["sender"]);
  });
}

test("a sender may push to the queue and do nothing else", async () => {
  const redis = await lockedRedis(QUEUE);
  const push = await runBinary([
    ...["push", "counter", "c", "1", ...flagsOf(redis, "other", "sender")],
  ]);
  expect(push.code).toBe(1);
  expect(push.stderr).toContain("push: NOPERM");
  for (const words of [
    ["LRANGE", QUEUE, "0", "-1"],
    ["DEL", QUEUE],
    ["RPOP", QUEUE],
  ]) {
    const allowed = await redis.client.call("ACL", "DRYRUN", "sender", ...words);
    expect(String(allowed)).toContain("no permissions");
  }
});

describe("a command that the gateway may not use is named, and nothing is lost", () => {
  const required = commandsOf(lineOf("gateway")).filter((name) => !OPTIONAL.includes(name));

  test("of each command that is needed", () => {
    expect(required.length).toBeGreaterThan(15);
  });

  for (const command of required) {
    // Asked when another process has the lease; without EVALSHA scripts are not there to be asked for.
    if (command === "pttl" || command === "eval") continue;
    test(command, async () => {
      const redis = await lockedRedis(QUEUE);
      await redis.client.call("ACL", "SETUSER", "gateway", `-${command}`);
      const gateway = await start(redis, QUEUE, "--Checkpoint.IntervalMs=20");
      const messages = Array.from({ length: 10 }, () => '{"type":"counter","name":"c","value":1}');
      await redis.client.lpush(QUEUE, ...messages, "no sample");
      await until("it is named", async () => {
        const told = [await notReadyReason(gateway), JSON.stringify(gateway.log())].join();
        return new RegExp(`NOPERM [^;]*'${command}'[^;]*; the README`).test(told);
      });
      expect((await fetch(`${gateway.url}/-/healthy`)).status).toBe(200);
      // Whatever was done by halves must be found by the next one.
      gateway.signal("SIGKILL");
      await gateway.exited;
      const next = await start(redis, QUEUE, "--Checkpoint.IntervalMs=20");
      await redis.client.call("ACL", "SETUSER", "gateway", `+${command}`);
      await until("all is counted once", async () => (await next.value("c")) === 10);
      await redis.client.lpush(QUEUE, ...messages);
      await until("and what comes", async () => (await next.value("c")) === 20);
      await until("the dead letter is there", async () => {
        return (await redis.client.llen(deadLettersOf(QUEUE))) === 1;
      });
    });
  }

  for (const command of ["hset", "ltrim", "unlink", "hdel"]) {
    test(`${command}, taken away before the first checkpoint, which a crash follows`, async () => {
      const redis = await lockedRedis(QUEUE);
      const gateway = await start(redis, QUEUE, "--Checkpoint.IntervalMs=1000");
      const message = '{"type":"counter","name":"c","value":1}';
      await redis.client.lpush(QUEUE, ...Array.from({ length: 10 }, () => message));
      await until("it is shown", async () => (await gateway.value("c")) === 10);
      await redis.client.call("ACL", "SETUSER", "gateway", `-${command}`);
      // The checkpoint fails; of UNLINK the renewal of the lease does, too, and may come first.
      await until("it is named", () => JSON.stringify(gateway.log()).includes(`'${command}'`));
      gateway.signal("SIGKILL");
      await gateway.exited;
      await redis.client.call("ACL", "SETUSER", "gateway", `+${command}`);
      const next = await start(redis, QUEUE);
      await until("all is counted once", async () => (await next.value("c")) === 10);
    });
  }
});

test("a command that the gateway may use on the keys alone that it is for is enough", async () => {
  const redis = await lockedRedis(QUEUE);
  const rights = ["-ltrim", `(+ltrim ~{${QUEUE}}:gateway:*:segment:* ~${deadLettersOf(QUEUE)})`];
  await redis.client.call("ACL", "SETUSER", "gateway", ...rights);
  const gateway = await start(redis, QUEUE, "--Checkpoint.IntervalMs=20");
  await redis.client.lpush(QUEUE, '{"type":"counter","name":"c","value":1}', "no sample");
  await until("the dead letter is there, by a checkpoint", async () => {
    return (await redis.client.llen(deadLettersOf(QUEUE))) === 1;
  });
  expect(await gateway.value("c")).toBe(1);
});

describe("a password that is changed is taken from its file, without a restart", () => {
  const CHANGED = "p,a=s@s/w%6frd";
  const forms: [name: string, content: (password: string, port: number) => string, flag: string][] =
    [
      ["Redis.PasswordFile", (password) => password, "--Redis.User=gateway"],
      [
        "Redis.ConnectionStringFile",
        (password, port) => `redis://gateway:${encodeURIComponent(password)}@localhost:${port}`,
        "--Redis.ConnectionString=",
      ],
    ];
  for (const [name, content, flag] of forms) {
    test(name, async () => {
      const redis = await lockedRedis(QUEUE);
      const file = join(folder, `changed-${redis.port}`);
      writeFileSync(file, content("gateway-secret", redis.port));
      const gateway = await startGateway(redis.port, [flag, `--${name}=${file}`]);
      ends.push(() => gateway.stop());
      await redis.client.lpush(QUEUE, '{"type":"counter","name":"c","value":1}');
      await until("it is shown", async () => (await gateway.value("c")) === 1);
      await redis.client.call("ACL", "SETUSER", "gateway", "resetpass", `>${CHANGED}`);
      await redis.client.call("CLIENT", "KILL", "USER", "gateway");
      await until("it is refused", async () =>
        (await notReadyReason(gateway)).includes("WRONGPASS"),
      );
      writeFileSync(file, `${content(CHANGED, redis.port)}\n`);
      await redis.client.lpush(QUEUE, '{"type":"counter","name":"c","value":1}');
      await until("it goes on", async () => (await gateway.value("c")) === 2);
      expect(hasLogged(gateway, "credentials_changed")).toBe(true);
    });
  }
});

/** The line of the README that makes a user. */
function lineOf(user: string): string {
  const line = new RegExp(`^ACL SETUSER ${user} [^\`]+?\\n(?! )`, "m").exec(README)?.[0];
  if (line === undefined) throw new Error(`the README has no ACL of ${user}`);
  return line.replaceAll(/\s+/g, " ").trim();
}

function commandsOf(line: string): string[] {
  return [...line.matchAll(/ \+(\S+)/g)].map(([, name]) => name);
}

/** One with the README's users for this queue, and an administrator who is the test. */
async function lockedRedis(queue: string, ...options: string[]): Promise<RedisServer> {
  const redis = await startRedis(...options);
  ends.push(() => redis.stop());
  const { client } = redis;
  if (options.length > 0) await client.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
  if (options.length > 0) {
    await until("the cluster is up", async () => {
      return (await client.cluster("INFO")).includes("cluster_state:ok");
    });
  }
  const keys = queue.includes("{") ? queue : `{${queue}}`;
  for (const user of ["gateway", "sender"]) {
    const words = lineOf(user)
      .replaceAll(`{${QUEUE}}`, keys)
      .replaceAll(`~${QUEUE}`, `~${queue}`)
      .replace("PASSWORD", `${user}-secret`)
      .split(" ");
    await client.call("ACL", ...words.slice(1));
    writeFileSync(passwordFile(redis, user), `${user}-secret\n`);
  }
  await client.call("ACL", "SETUSER", "gateway", `~${deadLettersOf(queue)}`);
  await client.call("ACL", "SETUSER", "admin", "on", `>${ADMIN}`, "allkeys", "allcommands");
  await client.auth("admin", ADMIN);
  await client.call("ACL", "SETUSER", "default", "off");
  return redis;
}

async function start(
  redis: RedisServer,
  queue: string,
  ...flags: string[]
): Promise<GatewayProcess> {
  const all = [...flagsOf(redis, queue, "gateway"), ...flags, "--Gateway.LeaseMs=500"];
  const dead = `--Redis.DeadLetterKey=${deadLettersOf(queue)}`;
  const gateway = await startGateway(redis.port, [...all, dead]);
  ends.push(() => gateway.stop());
  return gateway;
}

function flagsOf(redis: RedisServer, queue: string, user: string): string[] {
  return [
    `--Redis.ConnectionString=localhost:${redis.port}`,
    `--Redis.MetricQueueKey=${queue}`,
    `--Redis.User=${user}`,
    `--Redis.PasswordFile=${passwordFile(redis, user)}`,
  ];
}

function deadLettersOf(queue: string): string {
  return queue.includes("{") ? `${queue}:dead-letters` : `{${queue}}:dead-letters`;
}

function passwordFile(redis: RedisServer, user: string): string {
  return join(folder, `${user}-${redis.port}`);
}
