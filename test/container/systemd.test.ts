import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  attempt,
  engine,
  makeSystemd,
  prepareEngine,
  SYSTEMD_IMAGE,
} from "../support/container-engine.ts";
import { BINARY, QUEUE_KEY, readSample } from "../support/gateway-process.ts";
import { freePort, type RedisServer, startRedis } from "../support/redis-server.ts";
import { until } from "../support/until.ts";

/** The unit of deploy/systemd, on a machine that systemd has started. */

const BUILD_MS = 600_000;
const UNIT = "prom-stream-gateway.service";
const UNIT_FILE = join(import.meta.dir, "../../deploy/systemd", UNIT);
const PASSWORD_FILE = join(import.meta.dir, "../../deploy/systemd/redis-password.conf");
const MACHINE = `prom-stream-gateway-systemd-${process.pid}`;
const EXPOSURE_MAX = 2;

let redis: RedisServer;
let port: number;
let settings: string;

beforeAll(async () => {
  await prepareEngine();
  await makeSystemd();
  redis = await startRedis();
  port = await freePort();
  settings = mkdtempSync(join(tmpdir(), "gateway-settings-"));
  await engine(
    "podman",
    "run",
    "--detach",
    `--name=${MACHINE}`,
    "--pull=never",
    "--network=host",
    "--systemd=always",
    `--volume=${BINARY}:/usr/local/bin/prom-stream-gateway:ro`,
    `--volume=${settings}:/etc/prom-stream-gateway:ro`,
    SYSTEMD_IMAGE,
    "/lib/systemd/systemd",
  );
  await until("systemd is up", async () => {
    return /running|degraded/.test((await systemctl("is-system-running")).output);
  });
  // Only now: at its first boot systemd starts what it finds.
  await engine("podman", "cp", UNIT_FILE, `${MACHINE}:/etc/systemd/system/${UNIT}`);
  await systemctl("daemon-reload");
}, BUILD_MS);
afterEach(async () => {
  await systemctl("stop", UNIT);
  await systemctl("reset-failed", UNIT);
});
afterAll(async () => {
  await engine("podman", "rm", "--force", "--time=0", MACHINE);
  await redis?.stop();
  rmSync(settings, { recursive: true, force: true });
}, BUILD_MS);

test("the service serves when systemd says that it has started", async () => {
  writeSettings({});
  expect(await systemctl("start", UNIT)).toEqual({ code: 0, output: "" });
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
  await redis.client.lpush(QUEUE_KEY, '{"type":"gauge","name":"seen","value":1}');
  await until("the sample is shown", async () => (await readValue("seen")) === 1);
});

test("the service goes on from its totals after kill -9", async () => {
  writeSettings({});
  await systemctl("start", UNIT);
  await redis.client.lpush(QUEUE_KEY, '{"type":"counter","name":"kept_total","value":2}');
  await until("it is shown", async () => (await readValue("kept_total")) === 2);
  const killed = await show("MainPID");
  await systemctl("kill", "--signal=KILL", UNIT);
  await until("another process is there", async () => {
    const pid = await show("MainPID");
    return pid !== "0" && pid !== killed;
  });
  await until("it goes on", async () => (await readValue("kept_total")) === 2);
});

test("the service ends by itself when it is stopped", async () => {
  writeSettings({});
  await systemctl("start", UNIT);
  expect(await systemctl("stop", UNIT)).toEqual({ code: 0, output: "" });
  expect(await show("Result")).toBe("success");
  expect(await show("ExecMainStatus")).toBe("0");
});

test("the service keeps a state file in its folder", async () => {
  const pushPort = await freePort();
  writeSettings({
    Embedded__ListenAddress: `127.0.0.1:${pushPort}`,
    Embedded__StateFile: "/var/lib/prom-stream-gateway/totals",
  });
  await systemctl("start", UNIT);
  await run("prom-stream-gateway", "push", "counter", "held_total", "3", embeddedAt(pushPort));
  await until("it is shown", async () => (await readValue("held_total")) === 3);
  await systemctl("restart", UNIT);
  await until("it goes on", async () => (await readValue("held_total")) === 3);
});

test("the service logs in with a password that systemd gives it in a file", async () => {
  const dropIn = `/etc/systemd/system/${UNIT}.d/redis-password.conf`;
  writeSettings({});
  writeFileSync(join(settings, "redis-password"), "s3cret\n", { mode: 0o600 });
  await run("mkdir", "-p", dirname(dropIn));
  await engine("podman", "cp", PASSWORD_FILE, `${MACHINE}:${dropIn}`);
  await systemctl("daemon-reload");
  await redis.client.config("SET", "requirepass", "s3cret");
  try {
    expect(await systemctl("start", UNIT)).toEqual({ code: 0, output: "" });
    await redis.client.lpush(QUEUE_KEY, '{"type":"gauge","name":"let_in","value":1}');
    await until("the sample is shown", async () => (await readValue("let_in")) === 1);
  } finally {
    await redis.client.config("SET", "requirepass", "");
    await run("rm", dropIn);
    await systemctl("daemon-reload");
  }
});

test("the service is not started again and again with a wrong setting, and says which", async () => {
  writeSettings({ Redis__MetricQueueWorkers: "0" });
  expect((await systemctl("start", UNIT)).code).not.toBe(0);
  expect(await show("ExecMainStatus")).toBe("2");
  expect(await show("ActiveState")).toBe("failed");
  const { output } = await run("journalctl", "--unit", UNIT, "--no-pager", "--lines=20");
  expect(output).toContain("config: Redis.MetricQueueWorkers must be 1..64");
});

test("the service is exposed as little as its work allows", async () => {
  const { output } = await run("systemd-analyze", "security", "--no-pager", UNIT);
  const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(output)?.[1]);
  expect(exposure).toBeLessThan(EXPOSURE_MAX);
});

function writeSettings(environment: Record<string, string>): void {
  const all = {
    Redis__ConnectionString: `localhost:${redis.port}`,
    Web__ListenAddress: `127.0.0.1:${port}`,
    ...environment,
  };
  const lines = Object.entries(all).map(([variable, text]) => `${variable}=${text}\n`);
  writeFileSync(join(settings, "environment"), lines.join(""));
}

function embeddedAt(pushPort: number): string {
  return `--Embedded.ListenAddress=127.0.0.1:${pushPort}`;
}

function run(...words: string[]): Promise<{ code: number; output: string }> {
  return attempt("exec", MACHINE, ...words);
}

function systemctl(...words: string[]): Promise<{ code: number; output: string }> {
  return run("systemctl", ...words);
}

async function show(property: string): Promise<string> {
  const { output } = await systemctl("show", "--value", `--property=${property}`, UNIT);
  return output.trim();
}

async function readValue(sample: string): Promise<number | undefined> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined);
  return answer && readSample(await answer.text(), sample);
}
