import type { Redis } from "ioredis";
import type { RedisConnection } from "../config/connection-string.ts";
import type { ServerFacts } from "./queue.ts";

/** What INFO says is asked for at most this often, and only when somebody wants to know. */
const REFRESH_MS = 10_000;
/** How long who asks may have to wait for it. */
const WAIT_MS = 250;

/** What the Redis behind a connection is, and how it does. */
export class RedisFacts {
  #redis: Redis;
  #connection: RedisConnection;
  #latencyMs: number | undefined;
  /** Not before this. */
  #askAtMs = 0;
  #asking: Promise<void> = Promise.resolve();
  #known: Pick<ServerFacts, "version" | "usedMemoryBytes" | "maxMemoryBytes"> = NOTHING_KNOWN;

  constructor(redis: Redis, connection: RedisConnection) {
    this.#redis = redis;
    this.#connection = connection;
    // The next connection may go to another server.
    redis.on("close", () => {
      this.#latencyMs = undefined;
      this.#known = NOTHING_KNOWN;
      this.#askAtMs = 0;
    });
  }

  /** Takes the time of a call, which is handed through, as the latency. */
  async time<T>(call: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    try {
      const result = await call();
      this.#latencyMs = performance.now() - startedAt;
      return result;
    } catch (error) {
      this.#latencyMs = undefined;
      throw error;
    }
  }

  /** Never fails: what cannot be found out is undefined. */
  async read(): Promise<ServerFacts> {
    const now = performance.now();
    if (this.#redis.status === "ready" && now >= this.#askAtMs) {
      this.#askAtMs = now + REFRESH_MS;
      this.#asking = this.#ask();
    }
    await Promise.race([this.#asking, Bun.sleep(WAIT_MS)]);
    return { address: this.#address, latencyMs: this.#latencyMs, ...this.#known };
  }

  get #address(): string {
    const { sentinelName, endpoints } = this.#connection;
    if (sentinelName === undefined) {
      const { host, port } = this.#redis.options;
      return joined(host ?? "", port ?? 0);
    }
    const { remoteAddress, remotePort } = this.#redis.stream ?? {};
    const known = remoteAddress && remotePort ? `, now ${joined(remoteAddress, remotePort)}` : "";
    const sentinels = endpoints.map(({ host, port }) => joined(host, port)).join(", ");
    return `${sentinelName} by Sentinel ${sentinels}${known}`;
  }

  /** What goes wrong is nobody's trouble. A user that may not ask is not asked for it again. */
  async #ask(): Promise<void> {
    const asked = [this.#redis.info("server"), this.#redis.info("memory")];
    const [server, memory] = await Promise.allSettled(asked);
    if (server.status === "rejected" && String(server.reason).includes("NOPERM")) {
      this.#askAtMs = Number.POSITIVE_INFINITY;
    }
    this.#known = {
      version: versionIn(textOf(server)),
      usedMemoryBytes: numberIn(textOf(memory), "used_memory"),
      maxMemoryBytes: numberIn(textOf(memory), "maxmemory"),
    };
  }
}

const NOTHING_KNOWN = {
  version: undefined,
  usedMemoryBytes: undefined,
  maxMemoryBytes: undefined,
};

function joined(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function textOf(settled: PromiseSettledResult<string>): string {
  return settled.status === "fulfilled" ? settled.value : "";
}

/** Valkey calls itself a Redis, too, for those who look for one. */
function versionIn(info: string): string | undefined {
  const valkey = valueIn(info, "valkey_version");
  return valkey === undefined ? valueIn(info, "redis_version") : `Valkey ${valkey}`;
}

function numberIn(info: string, field: string): number | undefined {
  const value = valueIn(info, field);
  return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
}

function valueIn(info: string, field: string): string | undefined {
  const line = info.split("\r\n").find((text) => text.startsWith(`${field}:`));
  return line?.slice(field.length + 1);
}
