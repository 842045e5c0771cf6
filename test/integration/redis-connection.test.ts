import { afterAll, beforeAll, expect, test } from "bun:test";
import { tracingChannel } from "node:diagnostics_channel";
import { parseConnectionString } from "../../src/config/connection-string.ts";
import { NO_ACCESS } from "../../src/config/redis-access.ts";
import { connectRedis, untilReady } from "../../src/queue/redis-connection.ts";
import { type RedisServer, startRedis } from "../support/redis-server.ts";

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

test("what a command sends is made text only while somebody traces", async () => {
  const parsed = parseConnectionString(`localhost:${redis.port}`);
  if (!parsed.ok) throw new Error(parsed.fault);
  const { connection } = parsed;
  const target = {
    connection,
    access: NO_ACCESS,
    database: 0,
    queueKey: "queue",
    gatewayId: "test",
  };
  const client = connectRedis(target, "test", { connected: () => {}, failed: () => {} });
  await untilReady(client);
  let texts = 0;
  const bytes = Object.assign(Buffer.from("bytes"), { toString: () => `text ${++texts}` });
  const echo = () => client.eval("return ARGV[1]", 0, bytes);

  expect(await echo()).toBe("bytes");
  expect(texts).toBe(0);

  const traced: unknown[] = [];
  const subscriber = { start: (context: unknown) => void traced.push(context) };
  const channel = tracingChannel("ioredis:command");
  channel.subscribe(subscriber as Parameters<typeof channel.subscribe>[0]);
  expect(await echo()).toBe("bytes");
  expect(traced).toMatchObject([{ command: "eval", args: ["return ARGV[1]", "0", "text 1"] }]);

  channel.unsubscribe(subscriber as Parameters<typeof channel.unsubscribe>[0]);
  expect(await echo()).toBe("bytes");
  expect(texts).toBe(1);
  client.disconnect();
});

test("a Redis that closes connections at once is told from one that is not there", async () => {
  // Its one client is ours.
  const full = await startRedis("--maxclients", "1");
  try {
    const parsed = parseConnectionString(`localhost:${full.port}`);
    if (!parsed.ok) throw new Error(parsed.fault);
    const target = {
      ...{ connection: parsed.connection, access: NO_ACCESS },
      ...{ database: 0, queueKey: "queue", gatewayId: "test" },
    };
    const reasons = new Set<string>();
    const failed = (reason: string) => void reasons.add(reason);
    const client = connectRedis(target, "test", { connected: () => {}, failed });
    const error = await untilReady(client).catch((reason: Error) => reason);
    client.disconnect();
    expect([...reasons, String(error)].join("\n")).toMatch(
      /max number of clients reached|hangs up before it answers: .* full of clients/,
    );
    expect([...reasons].filter((reason) => /EPIPE|ECONNRESET/.test(reason))).toEqual([]);
  } finally {
    await full.stop();
  }
});
