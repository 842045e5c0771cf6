import type { Redis } from "ioredis";
import type { Range, RangeReader } from "./queue.ts";
import { QueueKeys } from "./queue-keys.ts";
import {
  type ConnectionListener,
  connectRedis,
  type RedisTarget,
  toQueueError,
  untilReady,
} from "./redis-connection.ts";

/** Reads ranges with `LRANGE`, over a connection of its own. */
export class RedisRangeReader implements RangeReader {
  #redis: Redis;
  #keys: QueueKeys;

  constructor(target: RedisTarget, role: string, listener: ConnectionListener) {
    this.#keys = new QueueKeys(target.queueKey, target.gatewayId);
    this.#redis = connectRedis(target, role, listener);
  }

  async read(range: Range): Promise<Uint8Array[]> {
    const { newer, count } = range;
    const key = this.#keys.segment(range.segment);
    try {
      await untilReady(this.#redis);
      // Senders push at the head: the newest element has index 0.
      const elements = await this.#redis.lrangeBuffer(key, newer, newer + count - 1);
      return elements.reverse();
    } catch (error) {
      throw toQueueError(error);
    }
  }

  close(): void {
    this.#redis.disconnect();
  }
}
