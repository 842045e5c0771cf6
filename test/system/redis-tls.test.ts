import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import {
  type GatewayProcess,
  QUEUE_KEY,
  runBinary,
  startGateway,
} from "../support/gateway-process.ts";
import { freePort, type RedisServer, startRedis } from "../support/redis-server.ts";
import { notReadyReason } from "../support/stage.ts";
import { startTlsSentinel } from "../support/tls-sentinel.ts";
import { until } from "../support/until.ts";

/** What TLS says of a certificate whose authority is not known, or is another. */
const UNTRUSTED = /self.signed|unable to (verify|get)|signature/i;

let certificates: Certificates;
let others: Certificates;
let redis: RedisServer;
let tlsPort: number;
let pushed = 0;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  certificates = await makeCertificates(["DNS:localhost", "DNS:redis.test"]);
  others = await makeCertificates(["DNS:localhost"]);
  tlsPort = await freePort();
  const flags = tlsSettings().flatMap(([name, value]) => [`--${name}`, value]);
  redis = await startRedis("--tls-port", String(tlsPort), ...flags);
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
afterAll(async () => {
  await redis?.stop();
  certificates?.remove();
  others?.remove();
});

describe("Redis with a certificate of a private authority", () => {
  for (const [form, of] of [
    ["a URL", (port: number) => `rediss://localhost:${port}`],
    ["ssl=true", (port: number) => `localhost:${port},ssl=true`],
    ["a name of its own", (port: number) => `127.0.0.1:${port},ssl=true,sslHost=redis.test`],
  ] as const) {
    test(`is trusted with Redis.TlsCaFile: ${form}`, async () => {
      await expectTaken(await start(of(tlsPort), certificates.ca));
    });
  }

  test("takes samples of the push command, too", async () => {
    const name = `pushed_${++pushed}`;
    const flags = [
      `--Redis.ConnectionString=rediss://localhost:${tlsPort}`,
      caFlag(certificates.ca),
    ];
    const push = await runBinary(["push", "gauge", name, "1", ...flags]);
    expect([push.code, push.stderr]).toEqual([0, ""]);
    const gateway = await start(`rediss://localhost:${tlsPort}`, certificates.ca);
    await until("it is shown", async () => (await gateway.value(name)) === 1);
  });

  for (const [fault, connection, ca, reason] of [
    ["without its authority", "rediss://localhost", "", UNTRUSTED],
    ["with another authority", "rediss://localhost", "other", UNTRUSTED],
    ["under another name", "rediss://127.0.0.1", "own", /IP|altname|hostname/i],
  ] as const) {
    test(`is refused ${fault}, and told why`, async () => {
      const file = { "": "", other: others.ca, own: certificates.ca }[ca];
      const gateway = await start(`${connection}:${tlsPort}`, file);
      const told = await until("it says why", async () => {
        const text = await notReadyReason(gateway);
        return reason.test(text) && text;
      });
      expect(told).toStartWith("redis unavailable: ");
      expect((await fetch(`${gateway.url}/-/healthy`)).status).toBe(200);
    });
  }

  test("is named as what it may be when the connection string lacks TLS", async () => {
    const gateway = await start(`localhost:${tlsPort}`, "");
    await until("it says what it may be", async () => {
      return (await notReadyReason(gateway)).includes("does it want TLS");
    });
  });

  test("is reached in the clear by nothing: neither the sentinel nor the Redis that it names", async () => {
    const sentinel = await startTlsSentinel(certificates.folder, tlsPort, tlsSettings());
    ends.push(sentinel.stop);
    const connection = `localhost:${sentinel.port},serviceName=main,ssl=true,sslHost=redis.test`;
    await expectTaken(await start(connection, certificates.ca));
  });
});

describe("Redis.TlsCaFile is refused at the start", () => {
  for (const [what, content, fault] of [
    ["that is not there", undefined, "cannot be read: ENOENT"],
    ["without certificates", "a text", "must be certificates in PEM, got"],
    [
      "with a damaged certificate",
      "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n",
      "has a damaged certificate, its number 1",
    ],
  ] as const) {
    test(`a file ${what}`, async () => {
      const path = join(certificates.folder, `ca-${++pushed}.pem`);
      if (content !== undefined) writeFileSync(path, content);
      const flags = ["--Redis.ConnectionString=rediss://localhost", caFlag(path)];
      const { code, stderr } = await runBinary(flags);
      expect(code).toBe(2);
      expect(stderr).toStartWith(`config: Redis.TlsCaFile ${fault}`);
      expect(stderr).not.toContain("a text");
    });
  }

  test("when the connection would not be encrypted", async () => {
    const { code, stderr } = await runBinary(["check-config", caFlag(certificates.ca)]);
    expect(code).toBe(2);
    expect(stderr).toBe(
      "config: Redis.TlsCaFile needs ssl=true or rediss:// in Redis.ConnectionString\n",
    );
  });
});

/** A sample that is pushed in the clear is taken by the gateway. */
async function expectTaken(gateway: GatewayProcess): Promise<void> {
  const name = `taken_${++pushed}`;
  await redis.client.lpush(QUEUE_KEY, `{"type":"gauge","name":"${name}","value":1}`);
  await until("the sample is shown", async () => (await gateway.value(name)) === 1);
}

async function start(connection: string, caFile: string): Promise<GatewayProcess> {
  const flags = [`--Redis.ConnectionString=${connection}`, caFlag(caFile)];
  const gateway = await startGateway(redis.port, flags);
  ends.push(() => gateway.stop());
  return gateway;
}

function caFlag(path: string): string {
  return `--Redis.TlsCaFile=${path}`;
}

/** What a `redis-server` needs to speak TLS. */
function tlsSettings(): [name: string, value: string][] {
  return [
    ["tls-cert-file", certificates.certificate],
    ["tls-key-file", certificates.key],
    ["tls-ca-cert-file", certificates.ca],
    ["tls-auth-clients", "no"],
  ];
}
