import type { Redis } from "ioredis";
import { QueueError, type Range, type RangeReader } from "./queue.ts";
import { QueueKeys } from "./queue-keys.ts";
import {
  type ConnectionListener,
  connectRedis,
  type RedisTarget,
  toQueueError,
  untilReady,
} from "./redis-connection.ts";
import { VERIFY } from "./redis-scripts.ts";

type Scripts = Record<"verifySegment", (...args: (string | number)[]) => Promise<unknown>>;

/** Reads ranges with `LRANGE`, over a connection of its own. */
export class RedisRangeReader implements RangeReader {
  #redis: Redis & Scripts;
  #keys: QueueKeys;

  constructor(target: RedisTarget, role: string, listener: ConnectionListener) {
    this.#keys = new QueueKeys(target.queueKey, target.gatewayId);
    this.#redis = connectRedis(target, role, listener, {
      scripts: { verifySegment: { lua: VERIFY, numberOfKeys: 3 } },
    }) as Redis & Scripts;
  }

  async read(range: Range): Promise<Uint8Array[]> {
    const { segment, newer, count } = range;
    try {
      await untilReady(this.#redis);
      // Senders push at the head: the newest element has index 0.
      const key = this.#keys.segment(segment);
      const elements = await this.#redis.lrangeBuffer(key, newer, newer + count - 1);
      if (elements.length < count) await this.#verify(segment, newer + elements.length);
      return elements.reverse();
    } catch (error) {
      throw toQueueError(error);
    }
  }

  /**
   * Makes sure that a segment has no more than `length` elements where its owner works. This may be
   * another node, which has them: a replica answers `LRANGE` with what it has.
   */
  async #verify(segment: number, length: number): Promise<void> {
    const { state, absent } = this.#keys;
    const key = this.#keys.segment(segment);
    try {
      const found = await this.#redis.verifySegment(state, key, absent, segment);
      if (Number(found) <= length) return;
    } catch (error) {
      // The next endpoint may be the right one.
      if (toQueueError(error).fault !== "unavailable") this.#redis.disconnect(true);
      throw error;
    }
    throw new QueueError("unavailable", "a range was read before it was there");
  }

  close(): void {
    this.#redis.disconnect();
  }
}
