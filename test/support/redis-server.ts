import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { until } from "./until.ts";

/** A real `redis-server` of this test's own. */
export interface RedisServer {
  port: number;
  client: Redis;
  /** Ends the process at once, as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>;
  /** Ends all, and removes its folder. */
  stop(): Promise<void>;
}

/** Starts `redis-server` without persistence on a free port. `options` are more of its own flags. */
export async function startRedis(...options: string[]): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), "gateway-redis-"));
  for (let attempt = 0; ; attempt++) {
    const port = await freePort();
    let process = await launch(port, folder, options);
    // Somebody else may have taken the port in between.
    if (process === undefined && attempt < 5) continue;
    if (process === undefined) throw new Error("redis-server does not start");
    const client = new Redis({ port, protocol: 2, retryStrategy: () => 20 });
    client.on("error", () => {});
    const kill = async () => {
      process?.kill("SIGKILL");
      await process?.exited;
    };
    return {
      port,
      client,
      kill,
      restart: async () => {
        process = await until("redis-server starts again", () => launch(port, folder, options));
        await until("the client is back", () => client.status === "ready");
      },
      stop: async () => {
        client.disconnect();
        await kill();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  }
}

/** A port that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

async function launch(port: number, folder: string, options: string[]) {
  const flags = ["--port", String(port), "--dir", folder, "--save", "", "--bind", "127.0.0.1"];
  const process = Bun.spawn(["redis-server", ...flags, ...options], {
    stdout: "ignore",
    stderr: "ignore",
  });
  let hasExited = false;
  void process.exited.then(() => {
    hasExited = true;
  });
  const answered = await until("redis-server answers or ends", async () => {
    if (hasExited) return "no";
    return (await ping(port)) ? "yes" : undefined;
  });
  return answered === "yes" ? process : undefined;
}

async function ping(port: number): Promise<boolean> {
  const options = { lazyConnect: true, retryStrategy: null, enableReadyCheck: false };
  const client = new Redis({ port, protocol: 2, ...options });
  client.on("error", () => {});
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    client.disconnect();
  }
}
