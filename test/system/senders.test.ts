import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { decodeMessage } from "../../src/sample/decode.ts";
import { LIMITS } from "../support/arbitrary-messages.ts";
import { readTitledBlocks } from "../support/fenced-blocks.ts";
import {
  type EmbeddedProcess,
  type GatewayProcess,
  QUEUE_KEY,
  startEmbedded,
  startGateway,
} from "../support/gateway-process.ts";
import { HurtingProxy } from "../support/hurting-proxy.ts";
import { freePort, type RedisServer, startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

/** The programs of docs/senders.md, run as they stand there. */

const ROOT = join(import.meta.dir, "../..");
const PASSWORD = "p/ss:w@rd 1%";
const USER = "sender";
const WRONG_PASSWORD = "canary-of-a-password";
const DEADLINE_MS = 20_000;

interface Program {
  /** What a block is written to. */
  file: string;
  /** What runs it. */
  command: string[];
  /** In its language: flushes, counts once more and flushes again. */
  again?: string;
}

const PHP_AGAIN = "Metrics::flush(); Metrics::count('jobs_total'); Metrics::flush();";
const JS_AGAIN = 'await flush(); count("jobs_total"); await flush(); close();';

interface Login {
  user?: string;
  password: string;
}

/** By title. */
const PROGRAMS: Record<string, Program> = {
  phpredis: { file: "metrics.php", command: ["php"], again: PHP_AGAIN },
  predis: { file: "metrics.php", command: ["php"], again: PHP_AGAIN },
  laravel: { file: "app/Metrics.php", command: ["php"], again: PHP_AGAIN },
  ioredis: { file: "metrics.mjs", command: ["node"], again: JS_AGAIN },
  "node-redis": { file: "metrics.mjs", command: ["node"], again: JS_AGAIN },
  bun: { file: "metrics.ts", command: [process.execPath], again: JS_AGAIN },
  "redis-py": {
    file: "metrics.py",
    command: ["/usr/bin/python3"],
    again: "flush(); count('jobs_total'); flush()",
  },
  "redis-rb": {
    file: "metrics.rb",
    command: ["ruby"],
    again: "Metrics.flush; Metrics.count('jobs_total'); Metrics.flush",
  },
  "redis-cli": { file: "metrics.sh", command: ["bash"] },
};

const page = await Bun.file(join(ROOT, "docs/senders.md")).text();
const blocks = new Map(readTitledBlocks(page).map(({ title, text }) => [title, text]));

const folder = mkdtempSync(join(tmpdir(), "senders-"));
let redis: RedisServer;
/** With a password. */
let locked: RedisServer;
/** With a text where the list should be. */
let occupied: RedisServer;
let gateway: GatewayProcess;
let embedded: EmbeddedProcess;
let silent: Bun.TCPSocketListener;
let closedPort: number;

beforeAll(async () => {
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  symlinkSync(join(ROOT, "schema"), join(folder, "schema"));
  redis = await startRedis();
  locked = await startRedis("--requirepass", "another");
  occupied = await startRedis();
  await occupied.client.set(QUEUE_KEY, "text");
  // As much as the README says that a sender needs.
  const rights = ["resetkeys", `~${QUEUE_KEY}`, "nocommands", "+lpush"];
  await redis.client.call("ACL", "SETUSER", USER, "on", `>${PASSWORD}`, ...rights);
  gateway = await startGateway(redis.port);
  embedded = await startEmbedded([`--Embedded.Password=${PASSWORD}`]);
  silent = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  closedPort = await freePort();
});
afterAll(async () => {
  silent?.stop(true);
  await gateway?.stop();
  await embedded?.stop();
  await redis?.stop();
  await locked?.stop();
  await occupied?.stop();
  rmSync(folder, { recursive: true });
});

test("the page's table says of each program whether the tests run it", () => {
  const rows = page.split("\n").flatMap((line) => {
    const [, , , title, run] = line.split("|").map((cell) => cell.trim());
    return title?.startsWith("`") && run !== undefined ? [{ title: title.slice(1, -1), run }] : [];
  });
  const titles = readTitledBlocks(page).map(({ title }) => title);
  const others = ["laravel-config", "schema"];
  expect(rows.map(({ title }) => title)).toEqual(titles.filter((title) => !others.includes(title)));
  const saidToRun = rows.filter(({ run }) => run.startsWith("yes")).map(({ title }) => title);
  expect(saidToRun).toEqual(Object.keys(PROGRAMS));
});

test("each message that the page shows is taken", () => {
  const inline = [...page.matchAll(/`(\{[^`]*"type"[^`]*\})`/g)].map((match) => match[1]);
  const fenced = [...page.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map((match) => match[1]);
  expect([inline.length, fenced.length]).toEqual([2, 1]);
  for (const message of [...inline, ...fenced]) {
    const decoded = decodeMessage(Buffer.from(message), LIMITS);
    expect(decoded).toEqual([expect.objectContaining({ ok: true })]);
  }
});

for (const title of Object.keys(PROGRAMS)) {
  describe(`the program for ${title}`, () => {
    test("pushes to Redis what it counts, and says nothing", () =>
      expectPushed(title, gateway, redis.port));

    test("pushes to the embedded queue, with a password", () =>
      expectPushed(title, embedded, embedded.port, { password: PASSWORD }));

    // Laravel 8 logs in with a password alone.
    if (title !== "laravel") {
      test("pushes as a user who may do nothing else", () =>
        expectPushed(title, gateway, redis.port, { user: USER, password: PASSWORD }));
    }

    const faults: [what: string, port: () => number, login?: Login][] = [
      ["Redis is down", () => closedPort],
      ["Redis takes the connection and never answers", () => silent.port],
      ["the password is wrong", () => locked.port, { password: WRONG_PASSWORD }],
      ["a password is missing", () => locked.port],
      ["the key is no list", () => occupied.port],
    ];
    for (const [what, port, login] of faults) {
      test(`ends well and says so in one line when ${what}`, async () => {
        const output = await expectDropped(title, port(), login);
        expect(output).not.toContain(WRONG_PASSWORD);
      });
    }

    const { again } = PROGRAMS[title];
    if (again !== undefined) {
      test("says nothing more, and does not try again, in the pause after a fault", async () => {
        const server = countConnections("hold");
        await expectDropped(title, server.port, undefined, again);
        expect(server.count()).toBe(1);
        server.stop();
      });
    }

    test("gives up when Redis closes each connection at once", async () => {
      const server = countConnections("close");
      await expectDropped(title, server.port);
      // Some look whether a connection is alive before they send, and make another one.
      expect(server.count()).toBeLessThanOrEqual(2);
      server.stop();
    });

    test("pushes nothing twice when the answer is lost", async () => {
      const unread = await startRedis();
      const proxy = new HurtingProxy(unread.port);
      try {
        const armed = proxy.arm("LPUSH", "cut after");
        await expectDropped(title, proxy.port);
        expect(armed.hits).toBe(1);
        expect(await unread.client.llen(QUEUE_KEY)).toBe(2);
      } finally {
        proxy.stop();
        await unread.stop();
      }
    });
  });
}

test("the schema takes and refuses what the page says", async () => {
  writeFileSync(join(folder, "schema.mjs"), blockOf("schema"));
  expect(await runProgram(["node", "schema.mjs"], {})).toEqual({
    code: 0,
    output: "true\nfalse\n",
  });
});

/** Runs a program and waits until the gateway shows what it has pushed. */
async function expectPushed(
  title: string,
  shown: GatewayProcess,
  port: number,
  login?: Login,
): Promise<void> {
  const readTotals = async () => {
    const jobs = await shown.value('jobs_total{queue="mail"}');
    const rows = await shown.value("imported_rows_total");
    return [jobs ?? 0, rows ?? 0];
  };
  const [jobs, rows] = await readTotals();
  expect(await run(title, port, login)).toEqual({ code: 0, output: "" });
  await until("the samples are shown", async () => {
    const totals = await readTotals();
    return totals[0] === jobs + 1 && totals[1] === rows + 250;
  });
}

/** Takes connections, counts them, and answers nothing. */
function countConnections(fate: "hold" | "close") {
  let count = 0;
  const open = (socket: Bun.Socket) => {
    count++;
    if (fate === "close") socket.end();
  };
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { open, data: () => {} } });
  return { port: server.port, count: () => count, stop: () => server.stop(true) };
}

/** Runs a program that fails to push; returns what it says. */
async function expectDropped(
  title: string,
  port: number,
  login?: Login,
  again?: string,
): Promise<string> {
  const { code, output } = await run(title, port, login, again);
  expect({ code, output }).toEqual({ code: 0, output: expect.any(String) });
  expect(output.trim().split("\n")).toEqual([
    expect.stringMatching(/(^|:)metrics: 2 samples dropped: \S.*$/),
  ]);
  return output;
}

/** Runs a program, and `again` behind it. */
function run(
  title: string,
  port: number,
  login: Partial<Login> = {},
  again = "",
): Promise<{ code: number | null; output: string }> {
  const { file, command } = PROGRAMS[title];
  const isLaravel = title === "laravel";
  const path = join(title, file);
  mkdirSync(join(folder, dirname(path)), { recursive: true });
  writeFileSync(join(folder, path), `${blockOf(title)}${isLaravel ? "" : again}\n`);
  const { user = "", password = "" } = login;
  const before = password === "" ? "" : `${user}:${encodeURIComponent(password)}@`;
  const started = isLaravel ? writeLaravel(title, again) : path;
  return runProgram([...command, started], {
    REDIS_URL: `redis://${before}127.0.0.1:${port}`,
    REDIS_PORT: String(port),
    ...(password !== "" && { REDISCLI_AUTH: password }),
    ...(user !== "" && { REDIS_USER: user }),
  });
}

/** Its exit code, and what it wrote; a program that does not end is ended, and has no code. */
async function runProgram(
  command: string[],
  environment: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  const child = Bun.spawn(command, {
    cwd: folder,
    env: { PATH: process.env.PATH, ...environment },
    stdout: "pipe",
    stderr: "pipe",
    timeout: DEADLINE_MS,
  });
  const [out, err] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  await child.exited;
  return { code: child.exitCode, output: out + err };
}

/** As much of Laravel as the class needs: its connections with a prefix, and a log. */
function writeLaravel(title: string, again: string): string {
  const path = join(title, "main.php");
  const text = `<?php
    use App\\Metrics;
    require 'Illuminate/Redis/autoload.php';
    function env(string $name, $default = null) { return getenv($name) ?: $default; }
    $config = ['options' => ['prefix' => 'laravel_database_'], ${blockOf("laravel-config")}];
    Illuminate\\Support\\Facades\\Facade::setFacadeApplication([
      'redis' => new Illuminate\\Redis\\RedisManager(null, 'phpredis', $config),
      'log' => new class { public function warning($text) { error_log($text); } },
    ]);
    require __DIR__ . '/app/Metrics.php';
    Metrics::count('jobs_total', ['queue' => 'mail']);
    Metrics::count('imported_rows_total', [], 250);
    Metrics::flush(); ${again}`;
  writeFileSync(join(folder, path), text);
  return path;
}

function blockOf(title: string): string {
  const text = blocks.get(title);
  if (text === undefined) throw new Error(`no block of docs/senders.md has the title ${title}`);
  return text;
}
