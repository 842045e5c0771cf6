import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { RedisClient } from "bun";
import { Redis } from "ioredis";
import { createClient } from "redis";
import handshakes from "../golden/handshakes.json";
import {
  type EmbeddedProcess,
  type GatewayProcess,
  QUEUE_KEY,
  startEmbedded,
} from "../support/gateway-process.ts";
import { connectPeer } from "../support/tcp-peer.ts";
import { until } from "../support/until.ts";

/** Clients as their makers ship them push to the embedded queue, and what they pushed is shown. */

const PASSWORD = "pass word'\"";

let open: EmbeddedProcess;
let closed: EmbeddedProcess;

beforeAll(async () => {
  open = await startEmbedded();
  closed = await startEmbedded([`--Embedded.Password=${PASSWORD}`]);
});
afterAll(async () => {
  await open?.stop();
  await closed?.stop();
});

function sample(name: string, value: number): string {
  return JSON.stringify({ type: "counter", name, value });
}

async function shows(gateway: GatewayProcess, name: string, value: number): Promise<void> {
  await until(`${name} is ${value}`, async () => (await gateway.value(name)) === value);
}

/** Runs a program to its end; fails with what it wrote when it failed. */
async function run(command: string[], input = ""): Promise<string> {
  const child = Bun.spawn(command, {
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
    env: { ...process.env, KEY: QUEUE_KEY, PASSWORD },
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  expect({ code: await child.exited, err }).toEqual({ code: 0, err: expect.any(String) });
  return out;
}

describe("ioredis", () => {
  for (const protocol of [2, 3] as const) {
    test(`pushes, pipelines and runs transactions in RESP${protocol}`, async () => {
      const name = `ioredis_${protocol}`;
      const client = new Redis({ port: open.port, protocol, connectionName: "sender" });
      expect(await client.lpush(QUEUE_KEY, sample(name, 1))).toBeGreaterThan(0);
      await client.lpush(QUEUE_KEY, sample(name, 1), sample(name, 1));
      await client.rpush(QUEUE_KEY, sample(name, 1));
      const piped = await client
        .pipeline()
        .lpush(QUEUE_KEY, sample(name, 1))
        .ping()
        .lpush(QUEUE_KEY, sample(name, 1))
        .exec();
      expect(piped?.map(([error]) => error)).toEqual([null, null, null]);
      const both = await client
        .multi()
        .lpush(QUEUE_KEY, sample(name, 1))
        .lpush(QUEUE_KEY, sample(name, 1))
        .exec();
      expect(both?.map(([error]) => error)).toEqual([null, null]);
      expect(await client.client("GETNAME")).toBe("sender");
      await expect(client.get("x")).rejects.toThrow("ERR unknown command 'get'");
      await expect(client.lpush("other", "x")).rejects.toThrow(`'${QUEUE_KEY}' only`);
      client.disconnect();
      await shows(open, name, 8);
    });
  }

  test("logs in", async () => {
    const client = new Redis({ port: closed.port, password: PASSWORD });
    await client.lpush(QUEUE_KEY, sample("ioredis_login", 1));
    client.disconnect();
    await shows(closed, "ioredis_login", 1);
  });
});

describe("the npm package redis", () => {
  for (const RESP of [2, 3] as const) {
    test(`pushes and runs transactions in RESP${RESP}`, async () => {
      const name = `node_redis_${RESP}`;
      const client = createClient({ url: `redis://127.0.0.1:${open.port}`, RESP, name: "sender" });
      await client.connect();
      await client.lPush(QUEUE_KEY, [sample(name, 1), sample(name, 1)]);
      await client.multi().lPush(QUEUE_KEY, sample(name, 1)).lLen(QUEUE_KEY).exec();
      expect(await client.ping()).toBe("PONG");
      await client.close();
      await shows(open, name, 3);
    });
  }

  test("logs in", async () => {
    const client = createClient({ password: PASSWORD, socket: { port: closed.port } });
    await client.connect();
    await client.lPush(QUEUE_KEY, sample("node_redis_login", 1));
    await client.close();
    await shows(closed, "node_redis_login", 1);
  });
});

test("Bun's client pushes", async () => {
  const client = new RedisClient(`redis://127.0.0.1:${open.port}/3`);
  await client.send("LPUSH", [QUEUE_KEY, sample("bun_client", 1)]);
  await Promise.all(
    Array.from({ length: 100 }, () => client.send("LPUSH", [QUEUE_KEY, sample("bun_client", 1)])),
  );
  client.close();
  await shows(open, "bun_client", 101);
});

test("Bun's client logs in", async () => {
  const password = encodeURIComponent(PASSWORD);
  const client = new RedisClient(`redis://default:${password}@127.0.0.1:${closed.port}`);
  await client.send("LPUSH", [QUEUE_KEY, sample("bun_login", 1)]);
  client.close();
  await shows(closed, "bun_login", 1);
});

describe("redis-cli", () => {
  test("pushes what it is given", async () => {
    const cli = ["redis-cli", "-p", String(open.port)];
    expect(await run([...cli, "LPUSH", QUEUE_KEY, sample("cli", 2)])).toMatch(/^[1-9]\d*\n$/);
    await run([...cli, "-3", "LPUSH", QUEUE_KEY, sample("cli", 1)]);
    const lines = [`LPUSH ${QUEUE_KEY} '${sample("cli", 1)}'`, "PING", "NOSUCH 1"].join("\n");
    expect(await run(cli, lines)).toContain(
      "PONG\nERR unknown command 'NOSUCH', with args beginning with: '1'",
    );
    await shows(open, "cli", 4);
  });

  test("sends a whole protocol dump with --pipe", async () => {
    const text = sample("cli_pipe", 1);
    const one = `*3\r\n$5\r\nLPUSH\r\n$${QUEUE_KEY.length}\r\n${QUEUE_KEY}\r\n$${text.length}\r\n${text}\r\n`;
    const out = await run(["redis-cli", "-p", String(open.port), "--pipe"], one.repeat(5000));
    expect(out).toContain("errors: 0, replies: 5000");
    await shows(open, "cli_pipe", 5000);
  });

  test("logs in, and is refused without", async () => {
    const cli = ["redis-cli", "-p", String(closed.port)];
    expect(await run([...cli, "LPUSH", QUEUE_KEY, "x"])).toContain(
      "NOAUTH Authentication required.",
    );
    expect(await run([...cli, "-a", "wrong", "PING"])).toContain("NOAUTH");
    await run([...cli, "-a", PASSWORD, "LPUSH", QUEUE_KEY, sample("cli_login", 1)]);
    await shows(closed, "cli_login", 1);
  });
});

test("redis-benchmark pushes, 20 clients and 16 commands at a time", async () => {
  const size = ["-n", "50000", "-P", "16", "-c", "20", "-q"];
  const benchmark = ["redis-benchmark", "-p", String(open.port), ...size];
  await run([...benchmark, "-d", "200", "-t", "ping"]);
  const out = await run([...benchmark, "LPUSH", QUEUE_KEY, sample("benchmark", 1)]);
  expect(out).toContain("requests per second");
  await shows(open, "benchmark", 50_000);
});

test("redis-benchmark -t lpush pushes to the key that it has built in", async () => {
  const gateway = await startEmbedded(["--Redis.MetricQueueKey=mylist"]);
  try {
    const size = ["-n", "20000", "-P", "16", "-c", "20", "-d", "200"];
    const command = ["redis-benchmark", "-p", String(gateway.port), "-t", "lpush", "-q", ...size];
    expect(await run(command)).toMatch(/LPUSH: .* requests per second/);
    // What it pushes is no JSON.
    const dropped =
      'prom_stream_gateway_dropped_metrics_total{queueKey="mylist",reason="invalid_json"}';
    await shows(gateway, dropped, 20_000);
  } finally {
    await gateway.stop();
  }
});

/**
 * What clients sent that are not to be had here, byte for byte as they sent it to a gateway: from the
 * handshake to a push, a transaction, and the end. They live with an error for what is not known.
 */
describe("a recorded", () => {
  const UNKNOWN = /^-ERR unknown command '(SENTINEL|CLUSTER|GET|SUBSCRIBE)'/;

  for (const { client, sample, pushed, connections } of handshakes) {
    test(`${client} is answered, request by request`, async () => {
      for (const bytes of connections) {
        const peer = await connectPeer(open.port);
        await peer.write(Buffer.from(bytes, "latin1"));
        const requests = bytes.match(/\*\d+\r\n\$/g)?.length ?? 0;
        for (let i = 0; i < requests; i++) {
          const reply = (await peer.read())?.bytes.toString("latin1");
          if (reply === undefined || (reply.startsWith("-") && !UNKNOWN.test(reply))) {
            throw new Error(`${i} was answered with ${reply}`);
          }
        }
        peer.end();
      }
      await shows(open, sample, pushed);
    });
  }
});

describe("php-redis", () => {
  const script = (port: number, login: string, name: string) => `
    $redis = new Redis();
    $redis->connect('127.0.0.1', ${port}, 2.5);
    ${login}
    $one = '${sample(name, 1)}';
    if ($redis->lPush(getenv('KEY'), $one) < 1) exit(2);
    $redis->lPush(getenv('KEY'), $one, $one);
    $redis->multi()->lPush(getenv('KEY'), $one)->lPush(getenv('KEY'), $one)->exec();
    $pipe = $redis->multi(Redis::PIPELINE);
    for ($i = 0; $i < 10; $i++) $pipe->lPush(getenv('KEY'), $one);
    $pipe->exec();
    $redis->close();`;

  test("pushes, pipelines and runs transactions", async () => {
    await run(["php", "-r", script(open.port, "", "php")]);
    await shows(open, "php", 15);
  });

  test("logs in", async () => {
    const login = "$redis->auth(getenv('PASSWORD')); $redis->select(1);";
    await run(["php", "-r", script(closed.port, login, "php_login")]);
    await shows(closed, "php_login", 15);
  });
});

describe("python3-redis", () => {
  const script = (port: number, more: string, name: string) => `
import os, redis
r = redis.Redis(port=${port}${more}, client_name='sender')
one = '${sample(name, 1)}'
key = os.environ['KEY']
r.lpush(key, one, one)
with r.pipeline(transaction=True) as p:
    p.lpush(key, one)
    p.lpush(key, one)
    p.execute()
with r.pipeline(transaction=False) as p:
    for i in range(10): p.lpush(key, one)
    p.execute()
r.llen(key)
assert r.info()['redis_mode'] == 'standalone'
`;

  test("pushes, pipelines and runs transactions", async () => {
    await run(["/usr/bin/python3", "-c", script(open.port, "", "python")]);
    await shows(open, "python", 14);
  });

  test("logs in, to a database", async () => {
    const more = ", db=2, password=os.environ['PASSWORD']";
    await run(["/usr/bin/python3", "-c", script(closed.port, more, "python_login")]);
    await shows(closed, "python_login", 14);
  });
});

test("libredis-perl pushes, logs in and runs transactions", async () => {
  await run([
    "perl",
    "-MRedis",
    "-e",
    `my $r = Redis->new(server => '127.0.0.1:${closed.port}', password => $ENV{PASSWORD}, name => 'sender');
     my $one = '${sample("perl", 1)}';
     $r->lpush($ENV{KEY}, $one);
     $r->multi; $r->lpush($ENV{KEY}, $one); $r->exec;
     $r->lpush($ENV{KEY}, $one, sub {}) for 1 .. 10;
     $r->wait_all_responses;
     $r->quit;`,
  ]);
  await shows(closed, "perl", 12);
});
