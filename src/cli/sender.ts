import type { Redis } from "ioredis";
import type { RedisConnection } from "../config/connection-string.ts";
import type { ListenAddress } from "../config/listen-address.ts";
import type { Settings } from "../config/settings.ts";
import { connectRedis, untilReady } from "../queue/redis-connection.ts";

/** Connects as a sender does; says on standard error why it cannot, and returns undefined. */
export async function connectSender(settings: Settings): Promise<Redis | undefined> {
  const { redis, gateway, embedded } = settings;
  const connection = embedded.listen ? toEmbedded(settings, embedded.listen) : redis.connection;
  const target = { ...redis, connection, gatewayId: gateway.id };
  const sender = connectRedis(target, "sender", { connected: () => {}, failed: () => {} });
  try {
    await untilReady(sender);
    return sender;
  } catch (error) {
    sender.disconnect();
    process.stderr.write(
      embedded.listen
        ? `embedded queue: ${(error as Error).message}; is the gateway running?\n`
        : `redis: ${(error as Error).message}; check Redis.ConnectionString and Redis itself\n`,
    );
    return undefined;
  }
}

/** The gateway on this host that has the same settings. */
function toEmbedded({ redis, embedded }: Settings, listen: ListenAddress): RedisConnection {
  return {
    ...redis.connection,
    endpoints: [{ host: listen.hostname ?? "127.0.0.1", port: listen.port }],
    sentinelName: undefined,
    username: undefined,
    password: embedded.password === "" ? undefined : embedded.password,
    tls: false,
  };
}
