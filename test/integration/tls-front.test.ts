import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { connect as connectTls, createSecureContext } from "node:tls";
import { connectionsMaxOf, TlsFront } from "../../src/http/tls-front.ts";
import type { Issued } from "../support/authority.ts";
import { type CountedExposition, expositionOf, SILENT } from "../support/pages.ts";
import { askTls } from "../support/tls-client.ts";
import { until } from "../support/until.ts";
import { listenerOf, makeWebFolder, type WebFolder } from "../support/web-server.ts";

let web: WebFolder;
let rogues: WebFolder;
let own: Issued;
let clients: Record<
  "none" | "good" | "other" | "ended" | "rogue" | "forServers",
  Issued | undefined
>;

beforeAll(async () => {
  web = await makeWebFolder();
  rogues = await makeWebFolder();
  own = await web.issue(["DNS:localhost", "IP:127.0.0.1"]);
  clients = {
    none: undefined,
    good: await web.issue(["DNS:prometheus.example", "URI:spiffe://mesh/prometheus"]),
    other: await web.issue(["DNS:other.example"]),
    ended: await web.issue(["DNS:prometheus.example"], { days: -1 }),
    rogue: await rogues.issue(["DNS:prometheus.example"]),
    forServers: await web.issue(["DNS:prometheus.example"], { use: "serverAuth" }),
  };
});
afterAll(async () => {
  await web?.end();
  await rogues?.end();
});

describe("TLS with", () => {
  type Client = keyof typeof clients;
  for (const [type, taken, sans] of [
    ["NoClientCert", ["none", "good", "other", "ended", "rogue", "forServers"], ""],
    ["RequestClientCert", ["none", "good", "other", "ended", "rogue", "forServers"], ""],
    ["RequireAnyClientCert", ["good", "other", "ended", "rogue", "forServers"], ""],
    ["RequireAnyClientCert", ["good", "ended", "rogue", "forServers"], "prometheus.example"],
    ["VerifyClientCertIfGiven", ["none", "good", "other"], ""],
    ["RequireAndVerifyClientCert", ["good", "other"], ""],
    ["RequireAndVerifyClientCert", ["good"], "a.example, prometheus.example"],
    ["RequireAndVerifyClientCert", ["good"], "spiffe://mesh/prometheus"],
    ["RequireAndVerifyClientCert", [], "PROMETHEUS.example, example, 127.0.0.1"],
  ] as [string, Client[], string][]) {
    test(`${type}${sans && ` and ${sans}`} lets in ${taken.join(", ") || "nobody"}`, async () => {
      const names = sans === "" ? "" : `client_allowed_sans: [${sans}]`;
      const ca = type.includes("Verify") ? "client_ca_file: ca.pem" : "";
      const { server, told } = web.serve(configOf(`client_auth_type: ${type}`, ca, names));
      const answered: Client[] = [];
      for (const [name, client] of Object.entries(clients) as [Client, Issued | undefined][]) {
        const { status } = await askTls(server.port, wordsOf(client));
        if (status === 200) answered.push(name);
      }
      expect(answered).toEqual(taken);
      expect(told.length).toBe(Object.keys(clients).length - taken.length);
      expect(told.filter((line) => !line.startsWith("certificate refused: "))).toEqual([]);
    });
  }

  for (const [versions, taken] of [
    ["", ["-tls1_2", "-tls1_3"]],
    ["min_version: TLS13", ["-tls1_3"]],
    ["max_version: TLS12", ["-tls1_2"]],
    ["min_version: TLS10", ["-tls1", "-tls1_1", "-tls1_2", "-tls1_3"]],
    ["min_version: TLS11, max_version: TLS11", ["-tls1_1"]],
  ] as const) {
    test(`${versions || "no word on versions"} takes ${taken.join(" ")}`, async () => {
      const { server, told } = web.serve(configOf(versions));
      const answered: string[] = [];
      for (const version of ["-tls1", "-tls1_1", "-tls1_2", "-tls1_3"]) {
        const words = [version, "-cipher", "ALL:@SECLEVEL=0"];
        if ((await askTls(server.port, words)).status === 200) answered.push(version);
      }
      expect(answered).toEqual([...taken]);
      expect(told.length).toBe(4 - taken.length);
      expect(told.filter((line) => !/^handshake failed: .*protocol/.test(line))).toEqual([]);
    });
  }

  test("cipher suites and curves takes those, in its own order or the client's", async () => {
    const suites = ["CHACHA20_POLY1305_SHA256", "AES_256_GCM_SHA384"].map(
      (name) => `TLS_ECDHE_ECDSA_WITH_${name}`,
    );
    const config = (order: boolean) =>
      configOf(
        "max_version: TLS12",
        `cipher_suites: [${suites}]`,
        `prefer_server_cipher_suites: ${order}`,
        "curve_preferences: [CurveP384]",
      );
    const AES = "ECDHE-ECDSA-AES256-GCM-SHA384";
    const CHACHA = "ECDHE-ECDSA-CHACHA20-POLY1305";
    const ours = web.serve(config(true)).server.port;
    const theirs = web.serve(config(false)).server.port;
    const words = ["-cipher", `${AES}:${CHACHA}`];
    expect((await askTls(ours, words)).cipher).toBe(CHACHA);
    expect((await askTls(theirs, words)).cipher).toBe(AES);
    const others = await askTls(ours, ["-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"]);
    expect(others.status).toBeUndefined();
    expect((await askTls(ours, ["-curves", "X25519:P-256"])).status).toBeUndefined();
    expect((await askTls(ours, ["-curves", "P-384:P-256"])).status).toBe(200);
  });
});

test("a session is not taken up again, since its certificate may have ended", async () => {
  const { server } = web.serve(configOf());
  for (const version of ["-tls1_2", "-tls1_3"]) {
    const session = `${web.folder}/session`;
    await askTls(server.port, [version, "-sess_out", session]);
    const again = await askTls(server.port, [version, "-sess_in", session]).catch(() => undefined);
    expect(again?.isReused ?? false).toBe(false);
  }
});

test("of HTTP only 1.1 is spoken, and a client that wants another is told so", async () => {
  const { server } = web.serve(configOf());
  expect((await askTls(server.port, ["-alpn", "h2,http/1.1"])).status).toBe(200);
  expect((await askTls(server.port, ["-alpn", "h2"])).status).toBeUndefined();
});

test("a request in the clear is not answered, and a look at the port is no fault", async () => {
  const { server, told } = web.serve(configOf());
  const look = connect(server.port, "127.0.0.1");
  look.end();
  await closed(look);
  const plain = connect(server.port, "127.0.0.1");
  plain.write("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await closed(plain);
  await until("it is told", () => told.length > 0);
  expect(told).toEqual(["handshake failed: http request"]);
});

test("the last answer on a connection is whole, however late a client takes it", async () => {
  const { front, stop } = makeFront({ max: 10, timeoutMs: 60_000 });
  const tls = { rejectUnauthorized: false };
  // Somewhere among these the server behind has said all while the front still has some of it.
  for (let size = 1_000_000; size < 7_000_000; size += 50_000) {
    const client = await open(front.port);
    client.pause();
    client.write(`GET /${size} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    // As long as others take to be answered, it takes nothing.
    for (let i = 0; i < 5; i++)
      await (await fetch(`https://127.0.0.1:${front.port}/1`, { tls })).text();
    let received = 0;
    client.on("data", (chunk) => {
      received += chunk.length;
    });
    await closed(client);
    expect(received).toBeGreaterThan(size);
  }
  stop();
});

test("a scraper that is stuck is rendered no more than the connection takes; one that leaves ends its scrape", async () => {
  let rendered = 0;
  const expositions: CountedExposition[] = [];
  const { server } = web.serve(configOf(), { maxScrapesInFlight: 2 }, () => {
    function* endless() {
      for (; ; rendered++) yield Buffer.alloc(100_000, "a");
    }
    expositions.push(expositionOf(endless()));
    return expositions.at(-1)!;
  });
  const stuck = connectTls({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false });
  stuck.on("error", () => {});
  stuck.pause();
  stuck.write("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await until("it has begun", () => rendered > 10);
  const other = await fetch(`${server.url}metrics`, { tls: { rejectUnauthorized: false } });
  const reader = other.body!.getReader();
  for (let taken = 0; taken < 50_000_000; ) taken += (await reader.read()).value!.length;
  const before = rendered;
  expect(before - 500).toBeLessThan(400);
  await reader.cancel();
  await until("the other is ended", () => expositions[1]!.ends === 1);
  expect(expositions[0]!.ends).toBe(0);
  stuck.destroy();
  await until("the stuck one is ended", () => expositions[0]!.ends === 1);
});

test("what is behind the front answers nobody else on this host", async () => {
  const before = listeningPorts();
  const { server } = web.serve(configOf(`client_auth_type: RequireAnyClientCert`));
  const behind = listeningPorts().filter((port) => !before.includes(port) && port !== server.port);
  expect(behind.length).toBe(1);
  for (const path of ["/metrics", "/-/healthy"]) {
    const response = await fetch(`http://127.0.0.1:${behind[0]}${path}`);
    expect([response.status, await response.text()]).toEqual([
      403,
      "forbidden: not by the front\n",
    ]);
  }
});

test("what is behind the front does not take another's connection for the front's, whatever its port", async () => {
  const before = listeningPorts();
  const { server } = web.serve(configOf());
  const behind = listeningPorts().find((port) => !before.includes(port) && port !== server.port)!;
  const client = await open(server.port);
  const ask = "GET /-/healthy HTTP/1.1\r\nHost: localhost\r\n\r\n";
  client.write(ask);
  await new Promise((resolve) => client.once("data", resolve));
  const port = portsTo(behind).find((from) => from !== behind)!;
  const other = connect({
    ...{ port: behind, host: "127.0.0.1", localAddress: "127.0.0.2", localPort: port },
  });
  other.write(ask);
  const answered = await new Promise((resolve) => other.once("data", resolve));
  expect(String(answered)).toStartWith("HTTP/1.1 403 ");
  for (const socket of [client, other]) socket.destroy();
});

test("a certificate with an address that is no host of a URL is refused like any other", async () => {
  const zoned = await web.issue(["DNS:fe80::1%eth0"]);
  const { server, told } = web.serve(
    configOf("client_auth_type: RequireAnyClientCert", "client_allowed_sans: ['::1']"),
  );
  expect((await askTls(server.port, wordsOf(zoned))).status).toBeUndefined();
  expect(told).toEqual(["certificate refused: certificate: no name in it is allowed"]);
});

test("failures are laid to the client, not to the front", async () => {
  const hash = await Bun.password.hash("right", { algorithm: "bcrypt", cost: 4 });
  const { server, told } = web.serve(`${configOf()}\nbasic_auth_users: {a: ${hash}}`, {
    maxFailedLogins: 1,
  });
  const ask = async (host: string, login: string) => {
    const headers = { authorization: `Basic ${btoa(login)}` };
    const tls = { rejectUnauthorized: false };
    return (await fetch(`https://${host}:${server.port}/metrics`, { headers, tls })).status;
  };
  expect(await ask("127.0.0.1", "a:wrong")).toBe(401);
  expect(await ask("127.0.0.1", "a:right")).toBe(429);
  expect(told).toEqual(["request refused: unauthorized", "request refused: too_many_failures"]);
});

describe("handshakes", () => {
  test("that take too long are broken off", async () => {
    const { front, told, stop } = makeFront({ max: 10, timeoutMs: 50 });
    const idle = connect(front.port, "127.0.0.1");
    await closed(idle);
    expect(told).toEqual(["handshake failed: it took too long"]);
    stop();
  });

  test("that are too many push out the oldest, and a whole one gets through", async () => {
    const { front, told, stop } = makeFront({ max: 5, timeoutMs: 60_000 });
    const idle: Socket[] = [];
    for (let i = 0; i < 50; i++) {
      const socket = connect(front.port, "127.0.0.1");
      socket.on("error", () => {});
      idle.push(socket);
    }
    await until("45 are broken off", () => told.length === 45);
    expect((await askTls(front.port)).status).toBe(200);
    expect(new Set(told)).toEqual(new Set(["handshake failed: there were too many"]));
    for (const socket of idle) socket.destroy();
    stop();
  });
});

test("parts of a handshake, rubbish and clients that go away leave nothing behind", async () => {
  const { front, told, stop } = makeFront({ max: 1000, timeoutMs: 200 });
  const hello = await firstOf(front.port);
  // What the first question leaves open is the runtime's own.
  await askTls(front.port);
  const before = readdirSync("/proc/self/fd").length;
  for (let length = 1; length <= hello.length; length += 37) {
    const part = connect(front.port, "127.0.0.1");
    const ends = [closed(part)];
    part.write(hello.subarray(0, length));
    part.end();
    const rubbish = connect(front.port, "127.0.0.1");
    ends.push(closed(rubbish));
    const changed = Buffer.from(hello);
    changed[length - 1]! ^= 0xff;
    rubbish.write(Buffer.concat([changed, Buffer.alloc(64, length)]));
    const leaving = await open(front.port);
    leaving.write("GET /5000000 HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await new Promise((resolve) => leaving.once("data", resolve));
    leaving.destroy();
    await Promise.all(ends);
  }
  expect((await askTls(front.port)).status).toBe(200);
  await until("all is closed", () => readdirSync("/proc/self/fd").length <= before);
  expect(told.every((line) => line.startsWith("handshake failed: "))).toBe(true);
  stop();
});

test("of connections that are too many the one that is silent for longest ends, and a new one gets through", async () => {
  const { front, told, stop } = makeFront({ max: 10, timeoutMs: 60_000 }, 0, 5);
  const silent: Socket[] = [];
  for (let i = 0; i < 5; i++) silent.push(await open(front.port));
  const ask = () => {
    silent[0]!.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return new Promise((resolve) => silent[0]!.once("data", resolve));
  };
  await ask();
  const [second, third] = [closed(silent[1]!), closed(silent[2]!)];
  expect((await askTls(front.port)).status).toBe(200);
  await second;
  for (let i = 0; i < 2; i++) silent.push(await open(front.port));
  await third;
  await ask();
  expect(new Set(told)).toEqual(new Set(["request refused: connection_limit"]));
  stop();
});

test("so many connections may be made as the process may have files open", () => {
  expect([524_288, 20_000, 3384, 1024, 256].map(connectionsMaxOf)).toEqual([
    1000, 1000, 1000, 213, 1,
  ]);
  expect(connectionsMaxOf(Infinity)).toBe(1000);
});

test("an address that is taken is said at once, with the setting", () => {
  const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  const { port } = taken;
  expect(() => makeFront({ max: 1, timeoutMs: 1 }, port)).toThrow(
    /^web: cannot listen on 127\.0\.0\.1:\d+: .*; set Web\.ListenAddress$/,
  );
  taken.stop(true);
});

/** A front before a server whose answer is as long as the path says. */
function makeFront(
  handshakes: { max: number; timeoutMs: number },
  port = 0,
  connectionsMax?: number,
) {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: ({ url }) =>
      new Response(Buffer.alloc(Number(new URL(url).pathname.slice(1)) || 1, "a")),
  });
  const told: string[] = [];
  const context = createSecureContext({
    cert: readFileSync(own.certificate),
    key: readFileSync(own.key),
  });
  const front = new TlsFront({
    listen: { hostname: "127.0.0.1", port },
    setting: "Web.ListenAddress",
    terms: () => ({ context, clientAuth: "NoClientCert", allowedSans: undefined, expiresMs: 0 }),
    portBehind: server.port!,
    handshakes,
    connectionsMax,
    listener: { ...SILENT, ...listenerOf(told) },
  });
  const stop = () => {
    front.stop(true);
    void server.stop(true);
  };
  return { front, told, stop };
}

/** What a client of TLS says first. */
function firstOf(port: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const peek = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data: (socket, chunk) => {
          resolve(Buffer.from(chunk));
          socket.end();
          peek.stop();
        },
      },
    });
    const client = connectTls({ port: peek.port, host: "127.0.0.1", servername: `${port}.test` });
    client.on("error", () => {});
  });
}

/** A connection that is made, and says nothing. */
function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }, () =>
      resolve(socket),
    );
    socket.on("error", reject);
  });
}

function configOf(...fields: readonly string[]): string {
  const pair = [`cert_file: ${own.certificate}`, `key_file: ${own.key}`];
  return `tls_server_config: {${[...pair, ...fields].filter((field) => field !== "").join(", ")}}`;
}

function wordsOf(client: Issued | undefined): string[] {
  return client === undefined ? [] : ["-cert", client.certificate, "-key", client.key];
}

function closed(socket: Socket): Promise<void> {
  socket.on("error", () => {});
  socket.resume();
  return new Promise((resolve) => socket.on("close", () => resolve()));
}

/** From which connections to this one come. Source: proc(5), `/proc/net/tcp`. */
function portsTo(port: number): number[] {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  const line = new RegExp(`^ *\\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:${hex} 01`, "gm");
  return [...readFileSync("/proc/net/tcp", "latin1").matchAll(line)].map(([, from]) =>
    Number.parseInt(from!, 16),
  );
}

/** Of TCP, those of this process. Source: proc(5), `/proc/net/tcp` and `/proc/pid/fd`. */
function listeningPorts(): number[] {
  const own = new Set(
    readdirSync("/proc/self/fd").map((name) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${name}`))?.[1];
      } catch {
        return undefined; // It was closed meanwhile.
      }
    }),
  );
  const text = ["tcp", "tcp6"].map((name) => readFileSync(`/proc/net/${name}`, "latin1")).join("");
  return [...text.matchAll(/^ *\d+: [0-9A-F]+:([0-9A-F]{4}) \S+ 0A (?:\S+ +){5}(\d+)/gm)]
    .filter(([, , inode]) => own.has(inode))
    .map(([, port]) => Number.parseInt(port!, 16));
}
