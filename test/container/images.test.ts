import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { $ } from "bun";
import { Redis } from "ioredis";
import { version } from "../../package.json";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { BASE_IMAGE, engine, prepareEngine } from "../support/container-engine.ts";
import {
  buildImage,
  type Container,
  readProcess,
  startContainer,
  TARGETS,
  withFiles,
} from "../support/containers.ts";
import { BINARY, QUEUE_KEY, readSample } from "../support/gateway-process.ts";
import { type NameServer, startNameServer } from "../support/name-server.ts";
import { freePort, type RedisServer, startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

const BUILD_MS = 600_000;
const REDIS_NAME = "redis.test";
const USER = 65532;
const GLIBC_BYTES_MAX = 3.1e6;
const AUTHORITIES_BYTES_MAX = 0.3e6;
const SLACK_BYTES = 0.1e6;

let revision: string;
let redis: RedisServer;
let tlsPort: number;
let certificates: Certificates;
let names: NameServer;
const containers: Container[] = [];

beforeAll(async () => {
  await prepareEngine();
  revision = (await $`git rev-parse --short=12 HEAD`.text()).trim();
  certificates = await makeCertificates([`DNS:${REDIS_NAME}`]);
  names = await startNameServer(REDIS_NAME);
  tlsPort = await freePort();
  const { certificate, key, ca } = certificates;
  const files = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", ca];
  redis = await startRedis("--tls-port", String(tlsPort), ...files, "--tls-auth-clients", "no");
}, BUILD_MS);
afterEach(async () => {
  for (const container of containers.splice(0)) await container.remove();
});
afterAll(async () => {
  names?.stop();
  await redis?.stop();
  certificates?.remove();
  // What earlier runs have left.
  await engine("podman", "image", "prune", "--force");
}, BUILD_MS);

for (const target of TARGETS) {
  describe(`the ${target} image`, () => {
    let image: string;
    beforeAll(async () => {
      image = await buildImage(target, "amd64", revision);
    }, BUILD_MS);

    const start = async (environment: Record<string, string>, ...options: string[]) => {
      const container = await startContainer(image, environment, options);
      containers.push(container);
      return container;
    };
    const startAtWork = async () => {
      const container = await start({ Redis__ConnectionString: `localhost:${redis.port}` });
      await until("it is ready", () => isReady(container));
      return container;
    };

    test("says what it is and how to run it", async () => {
      const [{ Config, Healthcheck }] = await inspectImage(image);
      const label = (name: string) => Config.Labels[`org.opencontainers.image.${name}`];
      expect(Config.User).toBe(String(USER));
      expect(Config.Entrypoint).toEqual(["/prom-stream-gateway"]);
      expect(Config.Cmd ?? []).toEqual([]);
      expect(Object.keys(Config.ExposedPorts)).toEqual(["9091/tcp"]);
      expect(Healthcheck.Test).toEqual(["CMD", "/prom-stream-gateway", "healthcheck"]);
      expect(label("title")).toBe("prom-stream-gateway");
      expect(label("version")).toBe(version);
      expect(label("revision")).toBe(revision);
      expect(label("licenses")).toBe("MIT");
    });

    test("holds the very bytes that a build outside of it makes", async () => {
      await withFiles(image, async (folder) => {
        const inside = Bun.file(join(folder, "prom-stream-gateway"));
        const outside = Bun.file(BINARY);
        expect(inside.size).toBe(outside.size);
        const isSame = Buffer.from(await inside.bytes()).equals(await outside.bytes());
        expect(isSame).toBe(true);
      });
    });

    test("has no file more than it needs, and none that the gateway could change", async () => {
      const files = await withFiles(image, listFiles);
      const base = await withFiles(BASE_IMAGE, listFiles);
      const needed = [
        "/etc/passwd",
        "/etc/ssl/certs/ca-certificates.crt",
        "/lib/libc.so.6",
        "/lib/libdl.so.2",
        "/lib/libm.so.6",
        "/lib/libpthread.so.0",
        "/lib64/ld-linux-x86-64.so.2",
        "/prom-stream-gateway",
      ];
      const isBase = new Set(base.map(({ path }) => path));
      const own = files.filter(({ path }) => target === "scratch" || !isBase.has(path));
      expect(own.map(({ path }) => path).sort()).toEqual(
        target === "scratch" ? needed : ["/prom-stream-gateway"],
      );
      expect(own.filter(({ mode, uid }) => (mode & 0o6022) !== 0 || uid !== 0)).toEqual([]);
      const names = files.map(({ path }) => path.slice(path.lastIndexOf("/") + 1));
      expect(names.filter((name) => /^(sh|bash|dash|busybox|apt|dpkg|apk)$/.test(name))).toEqual(
        [],
      );
    });

    test("weighs hardly more than what is in it", async () => {
      const [{ Size }] = await inspectImage(image);
      const [base] = await inspectImage(BASE_IMAGE);
      const compressed = await compressedBytes(image);
      const binary = statSync(BINARY).size;
      const shown = [Size, compressed, binary].map((bytes) => (bytes / 1e6).toFixed(1));
      process.stdout.write(
        `${image}: ${shown[0]} MB, compressed ${shown[1]} MB; the executable ${shown[2]} MB\n`,
      );
      const others = target === "scratch" ? GLIBC_BYTES_MAX + AUTHORITIES_BYTES_MAX : base.Size;
      expect(Size - binary).toBeLessThan(others + SLACK_BYTES);
    });

    test("runs as 65532, without a capability, on a root that is read-only", async () => {
      const container = await startAtWork();
      const status = readProcess(container, "status");
      const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1];
      expect(field("Uid")).toBe([USER, USER, USER, USER].join("\t"));
      for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
        expect([set, field(set)]).toEqual([set, "0000000000000000"]);
      }
      expect(field("NoNewPrivs")).toBe("1");
      const mounts = readProcess(container, "mountinfo").split("\n");
      const root = mounts.find((line) => line.split(" ")[4] === "/");
      expect(root?.split(" ")[5]).toStartWith("ro,");
    });

    test("answers, and shows a sample that was pushed", async () => {
      const container = await startAtWork();
      const name = await pushOne();
      await until("it is shown", async () => (await readValue(container, name)) === 1);
      expect((await fetch(container.url)).status).toBe(200);
      const text = await (await fetch(`${container.url}/metrics`)).text();
      expect(text).toContain(`revision="${revision}"`);
    });

    test("has its worker threads at work", async () => {
      const container = await startAtWork();
      const tasks = join("/proc", String(container.pid), "task");
      const workers = readdirSync(tasks).filter(
        (task) => readProcess(container, `task/${task}/comm`).trim() === "Worker",
      );
      expect(workers.length).toBe(2);
    });

    test("ends with 0 within a second after SIGTERM, as PID 1", async () => {
      const container = await startAtWork();
      expect(readProcess(container, "status")).toMatch(/^NSpid:\s+\d+\s+1$/m);
      expect(await container.stop()).toBe(0);
      expect(await container.log()).toContain('"event":"gateway_stopped"');
    });

    test("has a health check, which says 0 when it is ready and 1 when it is not", async () => {
      const ready = await startAtWork();
      expect(await ready.healthcheck()).toBe(0);
      expect(await ready.exec("healthcheck")).toBe(0);
      const away = await start({ Redis__ConnectionString: `localhost:${await freePort()}` });
      expect(await away.healthcheck()).toBe(1);
      expect(await away.exec("healthcheck")).toBe(1);
    });

    for (const [how, option] of [
      ["/etc/hosts", () => `--add-host=${REDIS_NAME}:127.0.0.1`],
      ["a name server", () => `--dns=${names.address}`],
    ] as const) {
      test(`finds Redis by its name from ${how}, and trusts a private authority`, async () => {
        const container = await start(
          {
            Redis__ConnectionString: `rediss://${REDIS_NAME}:${tlsPort}`,
            Redis__TlsCaFile: "/redis-ca.pem",
          },
          option(),
          `--volume=${certificates.ca}:/redis-ca.pem:ro`,
        );
        await until("it is ready", () => isReady(container));
        const name = await pushOne();
        await until("it is shown", async () => (await readValue(container, name)) === 1);
      });
    }

    test("keeps totals of its embedded queue in a volume", async () => {
      const folder = mkdtempSync(join(tmpdir(), "gateway-volume-"));
      try {
        await $`chown ${USER}:${USER} ${folder}`;
        const port = await freePort();
        const startEmbedded = () =>
          start(
            {
              Embedded__ListenAddress: `127.0.0.1:${port}`,
              Embedded__StateFile: "/state/totals",
            },
            `--volume=${folder}:/state`,
          );
        const first = await startEmbedded();
        const client = new Redis({ port, protocol: 2 });
        await client.lpush(QUEUE_KEY, '{"type":"counter","name":"kept_total","value":2}');
        client.disconnect();
        expect(await first.stop()).toBe(0);
        const next = await startEmbedded();
        await until("it goes on", async () => (await readValue(next, "kept_total")) === 2);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  });

  test(
    `the ${target} image for arm64 works`,
    async () => {
      const image = await buildImage(target, "arm64", revision);
      const [{ Architecture }] = await inspectImage(image);
      expect(Architecture).toBe("arm64");
      const emulator = "/usr/bin/qemu-aarch64-static";
      const container = await startContainer(
        image,
        { Redis__ConnectionString: `localhost:${redis.port}` },
        [`--volume=${emulator}:/emulator:ro`, `--entrypoint=["/emulator","/prom-stream-gateway"]`],
      );
      containers.push(container);
      await until("it is ready", () => isReady(container));
      const name = await pushOne();
      await until("it is shown", async () => (await readValue(container, name)) === 1);
      expect(await container.stop()).toBe(0);
    },
    BUILD_MS,
  );
}

test("the executable runs on a processor of 2008, which has SSE4.2 and no AVX", async () => {
  const emulated = await $`qemu-x86_64-static -cpu Nehalem ${BINARY} --version`.nothrow().quiet();
  expect(emulated.stderr.toString()).toBe("");
  expect(emulated.stdout.toString()).toStartWith(`prom-stream-gateway ${version} `);
});

let pushed = 0;

/** Pushes a gauge sample of 1, and returns its name. */
async function pushOne(): Promise<string> {
  const name = `pushed_${++pushed}`;
  await redis.client.lpush(QUEUE_KEY, `{"type":"gauge","name":"${name}","value":1}`);
  return name;
}

async function isReady({ url }: Container): Promise<boolean> {
  return (await fetch(`${url}/-/ready`)).ok;
}

async function readValue({ url }: Container, sample: string): Promise<number | undefined> {
  return readSample(await (await fetch(`${url}/metrics`)).text(), sample);
}

async function inspectImage(image: string) {
  return JSON.parse(await engine("podman", "image", "inspect", image));
}

/** All files in a folder, but for symbolic links. */
async function listFiles(folder: string): Promise<{ path: string; mode: number; uid: number }[]> {
  const lines = await $`find ${folder} -type f -printf ${"/%P\\t%m\\t%U\\n"}`.text();
  return lines
    .split("\n")
    .slice(0, -1)
    .map((line) => line.split("\t"))
    .map(([path, mode, uid]) => ({ path, mode: Number.parseInt(mode, 8), uid: Number(uid) }));
}

/** As a registry would keep it. */
async function compressedBytes(image: string): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "gateway-image-"));
  try {
    await engine("buildah", "push", "--quiet", "--compression-format=gzip", image, `dir:${folder}`);
    const { layers } = await Bun.file(join(folder, "manifest.json")).json();
    return (layers as { size: number }[]).reduce((sum, { size }) => sum + size, 0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
