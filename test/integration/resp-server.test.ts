import { afterEach, describe, expect, test } from "bun:test";
import { Redis } from "ioredis";
import { type EmbeddedStore, viewBlock } from "../../src/queue/embedded-store.ts";
import { ReplyWriter } from "../../src/resp/reply-writer.ts";
import type { RespServer, RespServerOptions } from "../../src/resp/server.ts";
import { PushBatch, Session } from "../../src/resp/session.ts";
import { startRedis } from "../support/redis-server.ts";
import {
  connectResp,
  RESP_KEY,
  type RespClient,
  request,
  serveResp,
} from "../support/resp-client.ts";
import { until } from "../support/until.ts";

const KEY = RESP_KEY;
const MIB = 1024 * 1024;

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const serve = (options?: Partial<RespServerOptions>) => serveResp(ends, options);
const connect = (port: number) => connectResp(ends, port);

/** The elements that wait, oldest first. */
function elementsOf(store: EmbeddedStore): string[] {
  const segment = store.claim(1000);
  if (segment === undefined) return [];
  const range = { sequence: 0, segment: segment.number, newer: 0, count: segment.length };
  return store.locate(range).flatMap(({ memory, from, count }) => {
    const { starts, ends, bytes } = viewBlock(memory);
    return Array.from({ length: count }, (_, i) =>
      Buffer.from(bytes.slice(starts[from + i], ends[from + i])).toString(),
    );
  });
}

describe("what the server says of itself", () => {
  /** The same commands as of the server's own table, from the server and from Redis. */
  test("COMMAND has the words, flags and keys that Redis has", async () => {
    const redis = await startRedis();
    ends.push(() => redis.stop());
    const { server } = serve();
    const client = new Redis({ port: server.port, protocol: 2 });
    ends.push(() => client.disconnect());
    const commands = (await client.call("COMMAND")) as unknown[][];
    expect(commands.length).toBe(Number(await client.call("COMMAND", "COUNT")));
    const names = commands.map(([name]) => String(name)).sort();
    expect(names).toEqual(
      ["auth", "client", "command", "config", "discard", "echo", "exec", "exists", "hello", "info"]
        .concat(["llen", "lpush", "multi", "ping", "quit", "reset", "rpush", "select", "type"])
        .sort(),
    );
    for (const [name, arity, flags, ...keys] of commands) {
      const [theirs] = (await redis.client.call("COMMAND", "INFO", String(name))) as unknown[][];
      expect([name, arity, ...keys.slice(0, 3)]).toEqual([name, theirs[1], ...theirs.slice(3, 6)]);
      expect(theirs[2]).toEqual(expect.arrayContaining(flags as string[]));
    }
  });

  for (const [protocol, head] of [
    ["2", "*2\r\n$5\r\nlpush\r\n*6\r\n"],
    ["3", "%1\r\n$5\r\nlpush\r\n%3\r\n"],
  ]) {
    test(`COMMAND DOCS tells what commands do, in RESP${protocol}`, async () => {
      const { server } = serve();
      const client = await connect(server.port);
      client.send(request("HELLO", protocol));
      await until("it is greeted", () => client.received().endsWith("modules\r\n*0\r\n"));
      const greeting = client.received();
      client.send(request("COMMAND", "DOCS", "LPUSH", "nosuch"));
      const words = ["summary", "Takes samples.", "since", "1.0.0", "group", "list"];
      const expected = head + words.map((word) => `$${word.length}\r\n${word}\r\n`).join("");
      await until("it is answered", () => client.received() === greeting + expected);
      client.send(request("COMMAND", "DOCS"));
      await until("all are told of", () => client.received().includes("client|setname"));
    });
  }

  test("INFO has what clients look for, all or by section", async () => {
    const { server, store } = serve();
    const client = new Redis({ port: server.port });
    ends.push(() => client.disconnect());
    const all = await client.info();
    const lines = ["redis_version:7.2.0", "redis_mode:standalone", "loading:0", "role:master"];
    for (const line of [...lines, `tcp_port:${server.port}`]) expect(all).toContain(`${line}\r\n`);
    expect(await client.info("replication")).toBe(
      "# Replication\r\nrole:master\r\nconnected_slaves:0\r\n",
    );
    expect(await client.info("everything")).toContain("# Clients\r\nconnected_clients:1\r\n");
    expect(await client.info("nosuch")).toBe("");
    expect(all).not.toContain("db0");
    await client.lpush(KEY, "a");
    expect(store.length).toBe(1);
    expect(await client.info("keyspace")).toContain("db0:keys=1");
  });

  test("each connection has a number of its own, and what a library says of itself is taken", async () => {
    const { server } = serve();
    const [one, two] = [await connect(server.port), await connect(server.port)];
    for (const client of [one, two]) {
      client.send(request("CLIENT", "ID"));
      client.send(request("CLIENT", "SETINFO", "LIB-NAME", "x"));
      client.send(request("CLIENT", "SETINFO", "lib-ver", "1"));
      client.send(request("CLIENT", "SETINFO", "other", "1"));
      await until("it is answered", () => client.received().includes("-ERR"));
    }
    const rest = "+OK\r\n+OK\r\n-ERR Unrecognized option 'other'\r\n";
    expect([one.received(), two.received()].sort()).toEqual([`:1\r\n${rest}`, `:2\r\n${rest}`]);
  });
});

describe("what is pushed", () => {
  test("stands in the store in the order in which it came, whichever way", async () => {
    const { server, store } = serve();
    const client = await connect(server.port);
    client.send(request("LPUSH", KEY, "1", "2"));
    client.send(`RPUSH ${KEY} 3\r\n`);
    client.send(request("MULTI"));
    client.send(request("LPUSH", KEY, "4"));
    client.send(request("LPUSH", KEY, "5", "6"));
    client.send(request("EXEC"));
    client.send(request("LPUSH", KEY, "7"));
    await until("all is taken", () => store.length === 7);
    expect(elementsOf(store)).toEqual(["1", "2", "3", "4", "5", "6", "7"]);
  });

  test("is the same in chunks of any size", async () => {
    const samples = Array.from({ length: 300 }, (_, i) => `${i}`.repeat((i * 7) % 50));
    const pushes: Buffer[] = [];
    for (let i = 0; i < samples.length; i += 3) {
      pushes.push(request("LPUSH", KEY, ...samples.slice(i, i + 3)));
    }
    const all = Buffer.concat(pushes);
    for (const size of [1, 2, 3, 7, 64, 1000, all.length]) {
      const { store, session } = makeSession();
      for (let at = 0; at < all.length; at += size) session.take(all.subarray(at, at + size));
      expect(elementsOf(store)).toEqual(samples);
    }
  });

  test("is told from a push to a key that differs in any one byte", async () => {
    for (const key of ["q", "qu", "que", "queue", "a longer key of some words"]) {
      const { server, store } = serve({ queueKey: key });
      const client = await connect(server.port);
      for (let at = 0; at < key.length; at++) {
        const other = `${key.slice(0, at)}!${key.slice(at + 1)}`;
        client.send(request("LPUSH", key, "a"));
        client.send(request("LPUSH", other, "a"));
        client.send(request("LPUSI", key, "a"));
      }
      await until("all is answered", () => countLines(client) === 3 * key.length);
      expect(client.received().match(/-ERR samples/g)).toHaveLength(key.length);
      expect(client.received().match(/-ERR unknown/g)).toHaveLength(key.length);
      expect(store.length).toBe(key.length);
    }
  });

  test("is taken whole or not at all", async () => {
    const { server, store } = serve();
    const client = await connect(server.port);
    const whole = request("LPUSH", KEY, "a", "b", "c");
    client.send(whole.subarray(0, whole.length - 3));
    const other = await connect(server.port);
    other.send(request("LPUSH", KEY, "other"));
    await until("the other one is taken", () => store.length === 1);
    client.socket.end();
    await until("the connection has ended", () => server.figures.clients === 1);
    expect(elementsOf(store)).toEqual(["other"]);
    expect(server.inputBytes).toBe(0);
  });

  test("in a transaction that is cut off is not taken", async () => {
    const { server, store } = serve();
    const client = await connect(server.port);
    client.send(request("MULTI"));
    client.send(request("LPUSH", KEY, "a"));
    await until("it is queued", () => client.received().includes("QUEUED"));
    client.socket.end();
    await until("the connection has ended", () => server.figures.clients === 0);
    expect(store.length).toBe(0);
    expect(server.inputBytes).toBe(0);
  });

  test("to another key is refused with the right one", async () => {
    const { server, store } = serve();
    const client = await connect(server.port);
    client.send(request("LPUSH", "other", "a"));
    client.send(request("MULTI"));
    client.send(request("RPUSH", "other", "a"));
    client.send(request("EXEC"));
    const refusal = `-ERR samples are taken on key '${KEY}' only (Redis.MetricQueueKey), got 'other'\r\n`;
    const aborted = "-EXECABORT Transaction discarded because of previous errors.\r\n";
    await until("all is answered", () => client.received().endsWith(aborted));
    expect(client.received()).toBe(`${refusal}+OK\r\n${refusal}${aborted}`);
    expect(store.length).toBe(0);
  });
});

describe("limits", () => {
  test("a client that sends garbage is closed, and the others go on", async () => {
    const { server, store, events } = serve();
    const good = await connect(server.port);
    const garbage = [
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n",
      "GET / HTTP/1.1\r\nHost: x\r\n",
      "*3\r\n$5\r\nLPUSH\r\n5\r\n",
      "\0".repeat(70_000),
      `*1\r\n$${"1".repeat(70_000)}`,
      "$5\r\nhello\r\n",
    ];
    for (const text of garbage) {
      const bad = await connect(server.port);
      bad.send(Buffer.from(text, "latin1"));
      await until("it is closed", () => bad.isClosed());
      good.send(request("LPUSH", KEY, "a"));
    }
    await until("all is taken", () => store.length === garbage.length);
    expect(server.figures.protocolErrors).toBe(garbage.length);
    expect(events.length).toBe(garbage.length);
    expect(good.isClosed()).toBe(false);
  });

  test("a request that is larger than an eighth of the buffer is refused", async () => {
    const { server, events } = serve({ bufferBytesMax: 32 * MIB });
    const large = await connect(server.port);
    large.send(`*3\r\n$5\r\nLPUSH\r\n$5\r\n${KEY}\r\n$${4 * MIB + 1}\r\n`);
    await until("it is closed", () => large.isClosed());
    expect(large.received()).toBe("-ERR Protocol error: invalid bulk length\r\n");
    const many = await connect(server.port);
    many.send(request("LPUSH", KEY, ...Array(45_000).fill("x".repeat(100))));
    await until("it is closed", () => many.isClosed());
    expect(many.received()).toBe("-ERR Protocol error: too big request, at most 4194304 bytes\r\n");
    const words = await connect(server.port);
    words.send("*49153\r\n");
    await until("it is closed", () => words.isClosed());
    expect(words.received()).toBe("-ERR Protocol error: invalid multibulk length\r\n");
    expect(events.length).toBe(3);
    expect(server.inputBytes).toBe(0);
  });

  test("a transaction that is larger than that is given up", async () => {
    const { server, store } = serve({ bufferBytesMax: 32 * MIB });
    const client = await connect(server.port);
    client.send(request("MULTI"));
    for (let i = 0; i < 5; i++) client.send(request("LPUSH", KEY, "x".repeat(MIB)));
    client.send(request("EXEC"));
    const end = "-EXECABORT Transaction discarded because of previous errors.\r\n";
    await until("all is answered", () => client.received().endsWith(end));
    const refused = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";
    const queued = "+QUEUED\r\n".repeat(3);
    expect(client.received()).toBe(`+OK\r\n${queued}${refused}${refused}${end}`);
    expect(store.length).toBe(0);
    expect(server.inputBytes).toBe(0);
  });

  test("more clients than there may be are refused with Redis' word", async () => {
    const { server, events } = serve();
    Object.defineProperty(server, "clientsMax", { value: 2 });
    const clients = [await connect(server.port), await connect(server.port)];
    const third = await connect(server.port);
    await until("it is closed", () => third.isClosed());
    expect(third.received()).toBe("-ERR max number of clients reached\r\n");
    expect(events).toEqual(["refused"]);
    clients[0].socket.end();
    await until("there is room", () => server.figures.clients === 1);
    const fourth = await connect(server.port);
    fourth.send(request("PING"));
    await until("it is answered", () => fourth.received() === "+PONG\r\n");
  });
});

describe("a password", () => {
  test("is asked for ten seconds long, and nobody keeps a place without it", async () => {
    const { server, events } = serve({ password: "secret" });
    Object.defineProperty(server, "loginSecondsMax", { value: 1 });
    const stranger = await connect(server.port);
    const friend = await connect(server.port);
    friend.send(request("AUTH", "secret"));
    const trickling = await connect(server.port);
    await until("who does not log in is closed", () => {
      if (!trickling.isClosed()) trickling.send(request("PING"));
      return stranger.isClosed() && trickling.isClosed();
    });
    expect(events).toEqual(["no login within 1 s", "no login within 1 s"]);
    expect(server.figures.clients).toBe(1);
    friend.send(request("PING"));
    await until("it is answered", () => friend.received() === "+OK\r\n+PONG\r\n");
  });

  test("is guessed three times on a connection, and each guess is counted", async () => {
    const { server, events, store } = serve({ password: "secret" });
    const client = await connect(server.port);
    const guesses = [
      ["AUTH", "secre"],
      ["AUTH", "root", "secret"],
      ["HELLO", "3", "AUTH", "default", "x"],
    ];
    for (const words of guesses) client.send(request(...words));
    client.send(Buffer.concat([request("AUTH", "secret"), request("LPUSH", KEY, "a")]));
    await until("it is closed", () => client.isClosed());
    expect(client.received().match(/^-WRONGPASS/gm)).toHaveLength(3);
    expect(client.received()).not.toContain("+OK");
    expect(server.figures.loginsFailed).toBe(3);
    expect(events).toEqual(["3 wrong passwords"]);
    expect(store.length).toBe(0);
  });
});

describe("back-pressure", () => {
  const BUFFER = 32 * MIB;

  /** Takes what waits, as the gateway does, and frees it. */
  function drain(store: EmbeddedStore): number {
    const segment = store.claim(1000);
    if (segment === undefined) return 0;
    store.release({ segment: segment.number, left: 0 });
    return segment.length;
  }

  const LOADS: [what: string, clients: number, samples: number, value: string][] = [
    ["one sample a push", 5, 1, "x".repeat(1000)],
    ["as many tiny samples in a push as there may be", 5, 49_150, "x"],
    ["pushes that are as large as they may be", 1, 4000, "x".repeat(1000)],
    ["samples that are larger than a block", 3, 1, "x".repeat(2 * MIB)],
  ];
  for (const [what, count, samples, value] of LOADS) {
    test(`lets senders wait while the buffer is full, and loses nothing: ${what}`, async () => {
      let most = 0;
      const { server, store } = serve({
        bufferBytesMax: BUFFER,
        listener: {
          ...{ clientRefused: () => {}, clientClosed: () => {} },
          // It is never fuller than at the chunk that made it so.
          sendersPaused: (usedBytes) => {
            most = Math.max(most, usedBytes);
          },
        },
      });
      const clients = await Promise.all(Array.from({ length: count }, () => connect(server.port)));
      const push = request("LPUSH", KEY, ...Array(samples).fill(value));
      const pushes = Math.ceil((40 * MIB) / push.length / clients.length);
      for (const client of clients) client.send(Buffer.concat(Array(pushes).fill(push)));
      const all = clients.length * pushes * samples;
      let taken = 0;
      while (taken < all) {
        const before = server.figures.pauses;
        await until("the buffer is full, or all is there", () => {
          return server.figures.pauses > before || taken + store.length === all;
        });
        // Nobody gets an answer for what is not taken.
        const answered = clients.reduce((sum, client) => sum + countReplies(client), 0);
        expect(answered * samples).toBeLessThanOrEqual(taken + store.length);
        taken += drain(store);
      }
      expect(taken).toBe(all);
      expect(server.figures.pauses).toBeGreaterThan(1);
      expect(most).toBeGreaterThan(BUFFER / 2);
      expect(most).toBeLessThanOrEqual(BUFFER);
      await until("all is answered", () => {
        return clients.every((client) => countReplies(client) === pushes);
      });
    });
  }

  test("takes not one chunk more of any of many senders", async () => {
    const { server, store } = serve({ bufferBytesMax: BUFFER });
    const others = await Promise.all(Array.from({ length: 200 }, () => connect(server.port)));
    const client = await connect(server.port);
    const push = request("LPUSH", KEY, "x".repeat(10_000));
    client.send(Buffer.concat(Array(3000).fill(push)));
    await until("the buffer is full", () => server.figures.pauses === 1);
    const { usedBytes } = server;
    for (const other of others) other.send(Buffer.concat(Array(20).fill(push)));
    // By now it would have come: a server of the same thread has answered so often.
    const second = await connect(serve().server.port);
    for (let i = 1; i <= 100; i++) {
      second.send(request("PING"));
      await until("it is answered", () => countReplies(second) === i);
    }
    expect(server.usedBytes).toBe(usedBytes);
    expect(server.figures.pauses).toBe(1);
    let taken = 0;
    await until("all is taken", () => {
      taken += drain(store);
      return taken === 3000 + others.length * 20;
    });
  });

  test("refuses the largest request that came in part when nothing else could make room", async () => {
    const { server, store } = serve({ bufferBytesMax: BUFFER });
    const clients = await Promise.all(Array.from({ length: 60 }, () => connect(server.port)));
    const part = request("LPUSH", KEY, "x".repeat(MIB)).subarray(0, -2);
    for (const client of clients) client.send(part);
    await until("some are closed", () => clients.some((client) => client.isClosed()));
    const closed = clients.find((client) => client.isClosed());
    expect(closed?.received()).toBe("-OOM command not allowed when used memory > 'maxmemory'.\r\n");
    expect(server.usedBytes).toBeLessThanOrEqual(BUFFER);
    for (const client of clients) client.send("\r\n");
    let taken = 0;
    await until("the others are taken", () => {
      taken += drain(store);
      return clients.every((client) => client.isClosed() || countReplies(client) === 1);
    });
    const left = clients.filter((client) => !client.isClosed());
    expect(left.length).toBeGreaterThan(3);
    expect(taken).toBe(left.length);
  });

  test("reads on from a client that does not read its replies only when it does", async () => {
    const { server } = serve();
    const client = await connect(server.port);
    client.socket.pause();
    const text = "x".repeat(10_000);
    client.send(Buffer.concat(Array(5000).fill(request("ECHO", text))));
    await until("the server has stopped", () => server.figures.requests > 0 && isQuiet(server));
    expect(server.figures.requests).toBeLessThan(5000);
    client.socket.resume();
    await until("all is answered", () => countReplies(client) === 5000);
  });
});

test("a stop answers what was taken, and takes nothing more", async () => {
  const { server, store } = serve();
  const client = await connect(server.port);
  client.send(Buffer.concat(Array(2000).fill(request("LPUSH", KEY, "x".repeat(1000)))));
  await until("some are taken", () => store.length > 0);
  server.stop();
  const taken = store.length;
  client.send(request("LPUSH", KEY, "late"));
  await until("it is closed", () => client.isClosed());
  expect(countReplies(client)).toBe(taken);
  expect(store.length).toBe(taken);
});

test("an address that is taken is a clear error", () => {
  const { server } = serve();
  const listen = { hostname: "127.0.0.1", port: server.port };
  expect(() => serve({ listen })).toThrow(
    /^embedded: cannot listen on 127.0.0.1:\d+: .*; set Embedded.ListenAddress$/,
  );
});

/** Replies of one line, or of a line and a text. */
function countReplies(client: RespClient): number {
  return client.received().match(/[:+$][^\r]*\r\n/g)?.length ?? 0;
}

function countLines(client: RespClient): number {
  return client.received().split("\r\n").length - 1;
}

/** Whether it has taken no request since the last look. */
function isQuiet({ figures }: RespServer): boolean {
  const isSame = looked === figures.requests;
  looked = figures.requests;
  return isSame;
}

let looked = -1;

/** A connection without a socket. */
function makeSession() {
  const { server, store } = serve();
  const session = new Session(server, 1);
  const [replies, pushes] = [new ReplyWriter(), new PushBatch()];
  return { store, session: { take: (bytes: Buffer) => session.take(bytes, replies, pushes) } };
}
