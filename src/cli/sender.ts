import type { Redis } from "ioredis";
import type { ListenAddress } from "../config/listen-address.ts";
import { NO_ACCESS } from "../config/redis-access.ts";
import type { Settings } from "../config/settings.ts";
import { connectRedis, type RedisTarget, untilReady } from "../queue/redis-connection.ts";

/** Connects as a sender does; says on standard error why it cannot, and returns undefined. */
export async function connectSender(settings: Settings): Promise<Redis | undefined> {
  const { redis, gateway, embedded } = settings;
  const own = embedded.listen ? toEmbedded(settings, embedded.listen) : {};
  const target = { ...redis, ...own, gatewayId: gateway.id };
  const sender = connectRedis(target, "sender", { connected: () => {}, failed: () => {} });
  try {
    await untilReady(sender);
    return sender;
  } catch (error) {
    sender.disconnect();
    const reason = (error as Error).message.replace(/\.$/, "");
    process.stderr.write(
      embedded.listen
        ? `embedded queue: ${reason}; is the gateway running?\n`
        : `redis: ${reason}; check Redis.ConnectionString, the login, and Redis itself\n`,
    );
    return undefined;
  }
}

/** The gateway on this host that has the same settings. */
function toEmbedded(
  { redis, embedded }: Settings,
  listen: ListenAddress,
): Pick<RedisTarget, "connection" | "access"> {
  return {
    connection: {
      ...redis.connection,
      endpoints: [{ host: listen.hostname ?? "127.0.0.1", port: listen.port }],
      sentinelName: undefined,
      username: undefined,
      password: undefined,
      tls: false,
    },
    access: { ...NO_ACCESS, password: embedded.password },
  };
}
