import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { $ } from "bun";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import {
  type GatewayProcess,
  QUEUE_KEY,
  runBinary,
  startGateway,
} from "../support/gateway-process.ts";
import { freePort, type RedisServer, startRedis } from "../support/redis-server.ts";
import { hasLogged, notReadyReason } from "../support/stage.ts";
import { startTlsSentinel } from "../support/tls-sentinel.ts";
import { until } from "../support/until.ts";

/** A Redis that asks its clients for a certificate. */

let certificates: Certificates;
let others: Certificates;
let client: string;
let redis: RedisServer;
let tlsPort: number;
let named = 0;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  certificates = await makeCertificates(["DNS:localhost", "DNS:redis.test"]);
  others = await makeCertificates(["DNS:localhost"]);
  client = await certificates.issue("client");
  tlsPort = await freePort();
  const flags = tlsSettings().flatMap(([name, value]) => [`--${name}`, value]);
  redis = await startRedis("--tls-port", String(tlsPort), ...flags);
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await redis.client.config("SET", "tls-ca-cert-file", certificates.ca);
});
afterAll(async () => {
  await redis?.stop();
  certificates?.remove();
  others?.remove();
});

describe("Redis that asks for a certificate", () => {
  for (const [form, connection, ...flags] of [
    ["a URL", "rediss://localhost"],
    ["ssl=true", "localhost", ",ssl=true"],
    ["a server name", "rediss://127.0.0.1", "", "--Redis.TlsServerName=redis.test"],
    [
      "a server name over the connection string's",
      ...["127.0.0.1", ",ssl=true,sslHost=other.test", "--Redis.TlsServerName=redis.test"],
    ],
  ]) {
    test(`is shown it on each connection: ${form}`, async () => {
      const [options = "", ...more] = flags;
      const gateway = await start(client, `${connection}:${tlsPort}${options}`, ...more);
      await expectTaken(gateway);
    });
  }

  test("is shown it by push and load, too", async () => {
    const flags = [...flagsOf(client, `rediss://localhost:${tlsPort}`)];
    const push = await runBinary(["push", "gauge", "pushed", "1", ...flags]);
    expect([push.code, push.stderr]).toEqual([0, ""]);
    const load = await runBinary(["load", "--count=10", "--senders=2", ...flags]);
    expect([load.code, load.stderr]).toEqual([0, ""]);
    const gateway = await start(client);
    await until("it is shown", async () => (await gateway.value("pushed")) === 1);
  });

  test("is shown it where sentinels ask for it, too", async () => {
    const sentinel = await startTlsSentinel(certificates.folder, tlsPort, tlsSettings());
    ends.push(sentinel.stop);
    const connection = `localhost:${sentinel.port},serviceName=main,ssl=true`;
    await expectTaken(await start(client, connection, "--Redis.TlsServerName=redis.test"));
  });

  test("says why when it is shown none, or one of another authority", async () => {
    for (const [path, reason] of [
      ["", "it asks for a certificate: set Redis.TlsCertificateFile and Redis.TlsKeyFile"],
      [await others.issue("stranger"), "it refuses the certificate of Redis.TlsCertificateFile: "],
    ] as const) {
      const gateway = await start(path);
      await until("it says why", async () => (await notReadyReason(gateway)).includes(reason));
      expect((await fetch(`${gateway.url}/-/healthy`)).status).toBe(200);
    }
  });

  test("says why when TLS is an older one", async () => {
    await redis.client.config("SET", "tls-protocols", "TLSv1.2");
    ends.push(() => redis.client.config("SET", "tls-protocols", ""));
    const gateway = await start("");
    await until("it says why", async () => {
      return (await notReadyReason(gateway)).includes("does it ask for a certificate?");
    });
    await expectTaken(await start(client));
  });
});

describe("a certificate that is renewed on the disk", () => {
  test("is used for the next connections, without a restart", async () => {
    const path = copyOf(client);
    const gateway = await start(path);
    await expectTaken(gateway);
    await redis.client.config("SET", "tls-ca-cert-file", others.ca);
    renameSync(copyOf(await others.issue("renewed")), path);
    await cutAll();
    await expectTaken(gateway);
    await until("it says so", () => hasLogged(gateway, "credentials_changed"));
    expect(hasLogged(gateway, "credentials_refused")).toBe(false);
  });

  test("and is broken is named in the log, and the former one is used on", async () => {
    const path = copyOf(client);
    const gateway = await start(path);
    await expectTaken(gateway);
    writeFileSync(path, readFileSync(path, "utf8").replace(/KEY-----\n.*/, "KEY-----\ncanary"));
    await cutAll();
    await expectTaken(gateway);
    const line = await until("it says so", () =>
      gateway.log().find(({ event }) => event === "credentials_refused"),
    );
    expect(line.reason).toBe(`Redis.TlsKeyFile has a damaged key, got "${path}"`);
    expect(JSON.stringify(gateway.log())).not.toContain("canary");
    const { port } = new URL(gateway.url);
    const here = `--Web.ListenAddress=127.0.0.1:${port}`;
    const health = await runBinary(["healthcheck", here, ...flagsOf(path, "rediss://localhost")]);
    expect([health.code, health.stderr]).toEqual([0, ""]);
    // Mended, it is taken again.
    renameSync(copyOf(await certificates.issue("mended")), path);
    await cutAll();
    await expectTaken(gateway);
    await until("it says so", () => hasLogged(gateway, "credentials_changed"));
  });
});

describe("is refused at the start and by check-config", () => {
  const CERTIFICATE = "Redis.TlsCertificateFile";
  const KEY = "Redis.TlsKeyFile";

  test("a certificate without its key, and a key without its certificate", async () => {
    const tls = "--Redis.ConnectionString=rediss://h";
    expect(await faultOf(tls, `--${CERTIFICATE}=${client}`)).toBe(
      `config: ${CERTIFICATE} needs ${KEY}`,
    );
    expect(await faultOf(tls, `--${KEY}=${client}`)).toBe(`config: ${KEY} needs ${CERTIFICATE}`);
  });

  for (const flag of [`--${CERTIFICATE}=/x`, `--${KEY}=/x`, "--Redis.TlsServerName=x"]) {
    test(`${flag.split("=")[0]} where the connection would not be encrypted`, async () => {
      const name = flag.slice(2).split("=")[0];
      expect(await faultOf(flag)).toBe(
        `config: ${name} needs ssl=true or rediss:// in Redis.ConnectionString`,
      );
    });
  }

  const wrong: [what: string, name: string, make: () => unknown, fault: string][] = [
    ["a certificate that is not there", CERTIFICATE, () => "/none", "cannot be read: ENOENT"],
    ["a key that is not there", KEY, () => "/none", "cannot be read: ENOENT"],
    ["a folder", KEY, () => certificates.folder, "must be a file, not a folder"],
    [
      "a certificate that is none",
      CERTIFICATE,
      () => text("canary"),
      "must be certificates in PEM",
    ],
    ["a key that is none", KEY, () => text("canary"), "must be a key in PEM"],
    ["a key without its end", KEY, () => text(key("canary").slice(0, -10)), "must be a key in PEM"],
    ["a damaged key", KEY, () => text(key("canary")), "has a damaged key"],
    [
      "another's key",
      KEY,
      () => others.key,
      `is not the key of the first certificate in ${CERTIFICATE}`,
    ],
    ["an encrypted key", KEY, () => encrypted(), "must be a key without a passphrase"],
    [
      "one that is encrypted as of old",
      KEY,
      () => encrypted("-traditional"),
      "must be a key without",
    ],
  ];
  for (const [what, name, make, fault] of wrong) {
    test(what, async () => {
      const path = String(await make());
      const flags = flagsOf(client, "rediss://h").filter((flag) => !flag.startsWith(`--${name}=`));
      const line = await faultOf(...flags, `--${name}=${path}`);
      expect(line).toStartWith(`config: ${name} ${fault}`);
      expect(line).toEndWith(`, got ${JSON.stringify(path)}`);
      expect(line).not.toContain("canary");
    });
  }
});

test("keys of each kind are taken", async () => {
  for (const [name, algorithm] of [
    ["rsa", ["rsa:2048"]],
    ["ec", ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]],
    ["ed25519", ["ed25519"]],
  ] as const) {
    const path = join(certificates.folder, `self-${name}`);
    const words = ["-x509", "-nodes", "-newkey", ...algorithm, "-subj", "/CN=x"];
    await $`openssl req ${words} -keyout ${path}.key -out ${path}.pem`.quiet();
    const flags = [`--Redis.TlsCertificateFile=${path}.pem`, `--Redis.TlsKeyFile=${path}.key`];
    const { code, stderr } = await runBinary([
      ...["check-config", "--Redis.ConnectionString=rediss://h", ...flags],
    ]);
    expect([name, stderr, code]).toEqual([name, "", 0]);
  }
});

/** Ends all connections to Redis but the test's own. */
async function cutAll(): Promise<void> {
  await redis.client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
}

/** A sample that is pushed in the clear is taken by the gateway, over connections of now. */
async function expectTaken(gateway: GatewayProcess): Promise<void> {
  const name = `taken_${++named}`;
  await redis.client.lpush(QUEUE_KEY, `{"type":"gauge","name":"${name}","value":1}`);
  await until("the sample is shown", async () => (await gateway.value(name)) === 1);
}

async function start(
  path: string,
  connection = `rediss://localhost:${tlsPort}`,
  ...flags: string[]
): Promise<GatewayProcess> {
  const gateway = await startGateway(redis.port, [...flagsOf(path, connection), ...flags]);
  ends.push(() => gateway.stop());
  return gateway;
}

/** `path`: the file of certificate and key. */
function flagsOf(path: string, connection: string): string[] {
  return [
    `--Redis.ConnectionString=${connection}`,
    `--Redis.TlsCaFile=${certificates.ca}`,
    `--Redis.TlsCertificateFile=${path}`,
    `--Redis.TlsKeyFile=${path}`,
  ];
}

/** The one line that the start and check-config end with. */
async function faultOf(...flags: string[]): Promise<string> {
  const [started, checked] = await Promise.all([
    runBinary(["run", ...flags]),
    runBinary(["check-config", ...flags]),
  ]);
  expect(started).toEqual(checked);
  expect([checked.code, checked.stdout]).toEqual([2, ""]);
  return checked.stderr.trimEnd();
}

function copyOf(path: string): string {
  const copy = join(certificates.folder, `copy-${++named}.pem`);
  copyFileSync(path, copy);
  return copy;
}

function text(content: string): string {
  const path = join(certificates.folder, `text-${++named}.pem`);
  writeFileSync(path, content);
  return path;
}

function key(content: string): string {
  return `-----BEGIN PRIVATE KEY-----\n${content}\n-----END PRIVATE KEY-----\n`;
}

async function encrypted(...words: string[]): Promise<string> {
  const path = join(certificates.folder, `encrypted-${++named}.pem`);
  const form = [...words, "-aes256", "-passout", "pass:canary"];
  await $`openssl rsa -in ${certificates.key} ${form} -out ${path}`.quiet();
  return path;
}

/** What a `redis-server` needs to speak TLS with whom it knows alone. */
function tlsSettings(): [name: string, value: string][] {
  return [
    ["tls-cert-file", certificates.certificate],
    ["tls-key-file", certificates.key],
    ["tls-ca-cert-file", certificates.ca],
    ["tls-auth-clients", "yes"],
  ];
}
