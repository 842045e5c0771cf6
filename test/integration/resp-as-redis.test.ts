import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { type RedisServer, startRedis } from "../support/redis-server.ts";
import { connectResp, RESP_KEY, request, serveResp } from "../support/resp-client.ts";
import { until } from "../support/until.ts";

const KEY = RESP_KEY;
const MIB = 1024 * 1024;

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

describe("as Redis answers", () => {
  let redis: RedisServer;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(async () => {
    await redis.stop();
  });

  const CASES: [what: string, ...requests: (string | Buffer)[]][] = [
    ["one push", request("LPUSH", KEY, "a")],
    ["pushes of several samples", request("LPUSH", KEY, "a", "b", "c"), request("RPUSH", KEY, "d")],
    ["a push in lower case", request("lpush", KEY, "a"), request("lPuSh", KEY, "a")],
    ["a pipeline", ...Array.from({ length: 100 }, (_, i) => request("LPUSH", KEY, `${i}`))],
    [
      "pushes with others between them",
      request("LPUSH", KEY, "a"),
      request("PING"),
      request("LPUSH", KEY, "b"),
      request("ECHO", "a longer text than a push has up to its key, and some more"),
      request("LPUSH", KEY, "c"),
      request("EXISTS", KEY, "other"),
      request("LPUSH", KEY, "d"),
      request("LPUSH", KEY),
      request("LPUSH", KEY, "e", "f"),
      request("LPUSH", KEY, "g", "h"),
      request("EXISTS", KEY, "x".repeat(2000)),
      request("EXISTS", "x".repeat(2000), KEY),
      request("LPUSH", KEY, "i"),
      `LPUSH ${KEY} j\r\n`,
      request("RPUSH", KEY, "k"),
      request("LPUSH", KEY, "l"),
      request("MULTI"),
      request("PING"),
      request("LPUSH", KEY, "m"),
      request("ECHO", "x"),
      request("LPUSH", KEY, "n"),
      request("EXEC"),
      request("LLEN", KEY),
    ],
    ["an empty sample", request("LPUSH", KEY, "")],
    ["a large sample", request("LPUSH", KEY, "x".repeat(3 * MIB))],
    ["many samples in one push", request("LPUSH", KEY, ...Array(20_000).fill("some sample"))],
    ["bytes that are no text", request("LPUSH", KEY, Buffer.from([0, 13, 10, 255]))],
    ["LLEN", request("LLEN", KEY), request("LPUSH", KEY, "a"), request("LLEN", KEY)],
    ["LLEN of another key", request("LLEN", "other")],
    ["EXISTS", request("LPUSH", KEY, "a"), request("EXISTS", KEY, "other", KEY)],
    ["EXISTS of nothing", request("EXISTS", KEY)],
    ["TYPE", request("TYPE", KEY), request("LPUSH", KEY, "a"), request("TYPE", KEY)],
    ["PING", request("PING"), request("PING", "hello"), request("PING", "a", "b")],
    ["ECHO", request("ECHO", "hello"), request("ECHO")],
    ["an unknown command", request("GETT", "a", "b")],
    ["an unknown command of many arguments", request("X".repeat(200), ...Array(50).fill("abcdef"))],
    ["an unknown command with a line break", request("a\r\nb", "c\nd")],
    ["a wrong number of words", request("LPUSH", KEY), request("LLEN"), request("SELECT")],
    ["SELECT", request("SELECT", "0"), request("SELECT", "15")],
    ["SELECT of none", request("SELECT", "16"), request("SELECT", "-1"), request("SELECT", "x")],
    ["CLIENT", request("CLIENT", "GETNAME"), request("CLIENT", "SETNAME", "me")],
    ["CLIENT GETNAME", request("CLIENT", "SETNAME", "me"), request("CLIENT", "GETNAME")],
    ["CLIENT SETNAME of a wrong name", request("CLIENT", "SETNAME", "a b")],
    [
      "CLIENT in a wrong way",
      request("CLIENT"),
      request("CLIENT", "SETNAME"),
      request("client", "x"),
    ],
    ["AUTH without a password", request("AUTH", "secret"), request("AUTH", "default", "any")],
    [
      "AUTH in a wrong way",
      request("AUTH"),
      request("AUTH", "a", "b", "c"),
      request("AUTH", "x", "y"),
    ],
    [
      "HELLO in a wrong way",
      request("HELLO", "4"),
      request("HELLO", "x"),
      request("HELLO", "3", "no"),
    ],
    [
      "HELLO with a wrong name",
      request("HELLO", "3", "SETNAME", "a b"),
      request("CLIENT", "GETNAME"),
    ],
    ["RESP3's null", request("HELLO", "3"), request("CLIENT", "GETNAME")],
    ["CONFIG GET", request("CONFIG", "GET", "no-such"), request("CONFIG", "GET")],
    ["CONFIG GET in RESP3", request("HELLO", "3"), request("CONFIG", "GET", "no-such")],
    ["COMMAND in a wrong way", request("COMMAND", "NO"), request("COMMAND", "COUNT", "x")],
    [
      "a transaction",
      request("MULTI"),
      request("LPUSH", KEY, "a"),
      request("LLEN", KEY),
      request("EXEC"),
    ],
    ["an empty transaction", request("MULTI"), request("EXEC")],
    [
      "a transaction given up",
      request("MULTI"),
      request("LPUSH", KEY, "a"),
      request("DISCARD"),
      request("LLEN", KEY),
    ],
    [
      "a transaction with a fault",
      request("MULTI"),
      request("NOSUCH"),
      request("LPUSH", KEY, "a"),
      request("EXEC"),
      request("LLEN", KEY),
    ],
    ["a transaction with a wrong count", request("MULTI"), request("LPUSH", KEY), request("EXEC")],
    [
      "transactions in a wrong way",
      request("EXEC"),
      request("DISCARD"),
      request("MULTI"),
      request("MULTI"),
      request("EXEC"),
    ],
    ["HELLO in a transaction", request("MULTI"), request("HELLO", "3"), request("EXEC")],
    [
      "RESET",
      request("MULTI"),
      request("CLIENT", "SETNAME", "me"),
      request("RESET"),
      request("CLIENT", "GETNAME"),
      request("EXEC"),
    ],
    ["RESET of RESP3", request("HELLO", "3"), request("RESET"), request("CLIENT", "GETNAME")],
    ["QUIT", request("QUIT"), request("PING")],
    ["requests of no words", "*0\r\n", "*-1\r\n", request("PING")],
    ["a line", `LPUSH ${KEY} a\r\n`, "PING\n", "  LLEN   queue  \r\n", "\r\n", "PING\r\n"],
    [
      "a line with quotes",
      `LPUSH ${KEY} "a b" 'c "d"' "\\x41\\n\\"\\\\" 'it\\'s'\r\n`,
      'ECHO "a\\tb\\q"\r\n',
      "ECHO ''\r\n",
    ],
    ["a line with a quote too much", 'PING "a\r\n', "PING\r\n"],
    ["a line with a quote in a word", 'PING "a"b\r\n'],
    ["a line that is unknown", "NOSUCH thing\r\n", "PING\r\n"],
    ["a count that is no number", "*x\r\n", "PING\r\n"],
    ["a count that is too large", "*2147483648\r\n"],
    ["something else than a string", "*1\r\n:1\r\n"],
    ["a length that is no number", "*1\r\n$x\r\n"],
    ["a length that is negative", "*1\r\n$-1\r\n"],
    ["a length that is too large", "*1\r\n$536870913\r\n"],
    ["HTTP", "POST / HTTP/1.1\r\n", "PING\r\n"],
    ["HTTP's host", "Host: x\r\n", "PING\r\n"],
  ];

  /** Those differ from one server to the other. */
  function normal(text: string): string {
    return text
      .replace(/\$7\r\nversion\r\n\$\d+\r\n[\d.]+\r\n/, "")
      .replace(/(id\r\n):\d+/, "$1:0")
      .replace("<proto> ", "");
  }

  /** All that a server answers to requests and a last one, in one go or byte by byte. */
  async function answers(port: number, requests: (string | Buffer)[], isSplit: boolean) {
    const client = await connectResp(ends, port);
    const all = Buffer.concat(requests.map((text) => Buffer.from(text)));
    if (isSplit)
      for (const byte of all) client.socket.write(Buffer.from([byte])) || client.send("");
    else client.send(all);
    client.send(request("QUIT"));
    await until("it is closed", () => client.isClosed());
    return normal(client.received());
  }

  for (const [what, ...requests] of CASES) {
    const size = requests.reduce((sum, text) => sum + text.length, 0);
    for (const isSplit of size < 500 ? [false, true] : [false]) {
      test(`${what}${isSplit ? ", byte by byte" : ""}`, async () => {
        await redis.client.flushall();
        const { server } = serveResp(ends);
        const expected = await answers(redis.port, requests, isSplit);
        expect(await answers(server.port, requests, isSplit)).toEqual(expected);
      });
    }
  }

  const LOGINS: [what: string, ...requests: (string | Buffer)[]][] = [
    ["a push before the login", request("LPUSH", KEY, "a")],
    [
      "any command before the login",
      request("PING"),
      request("MULTI"),
      request("NOSUCH"),
      request("LLEN"),
    ],
    ["the right password", request("AUTH", "secret"), request("LPUSH", KEY, "a")],
    ["the right password and user", request("AUTH", "default", "secret"), request("PING")],
    ["a wrong password", request("AUTH", "wrong"), request("PING")],
    ["a wrong user", request("AUTH", "me", "secret"), request("PING")],
    ["a password that is too long", request("AUTH", "secret2")],
    ["HELLO before the login", request("HELLO", "3"), request("PING")],
    [
      "HELLO with a wrong login",
      request("HELLO", "3", "AUTH", "default", "wrong"),
      request("CLIENT", "GETNAME"),
    ],
    [
      "HELLO with a login",
      request("HELLO", "3", "AUTH", "default", "secret", "SETNAME", "me"),
      request("CLIENT", "GETNAME"),
    ],
    ["RESET of a login", request("AUTH", "secret"), request("RESET"), request("PING")],
    ["QUIT before the login", request("QUIT")],
    ["many words before the login", request(...Array(11).fill("PING"))],
    ["a long word before the login", request("PING", "x".repeat(16_385))],
    [
      "many words after the login",
      request("AUTH", "secret"),
      request("EXISTS", ...Array(11).fill("a")),
    ],
  ];

  for (const [what, ...requests] of LOGINS) {
    test(`with a password: ${what}`, async () => {
      await redis.client.flushall();
      await redis.client.config("SET", "requirepass", "secret");
      ends.push(() => redis.client.config("SET", "requirepass", ""));
      const { server } = serveResp(ends, { password: "secret" });
      const expected = await answers(redis.port, requests, false);
      expect(await answers(server.port, requests, false)).toEqual(expected);
    });
  }
});
