import type { Redis } from "ioredis";
import type { Settings } from "../config/settings.ts";
import { connectRedis, untilReady } from "../queue/redis-connection.ts";

/** Connects as a sender does; says on standard error why it cannot, and returns undefined. */
export async function connectSender(settings: Settings): Promise<Redis | undefined> {
  const { redis, gateway } = settings;
  const target = { ...redis, gatewayId: gateway.id };
  const sender = connectRedis(target, "sender", { connected: () => {}, failed: () => {} });
  try {
    await untilReady(sender);
    return sender;
  } catch (error) {
    sender.disconnect();
    process.stderr.write(
      `redis: ${(error as Error).message}; check Redis.ConnectionString and Redis itself\n`,
    );
    return undefined;
  }
}
