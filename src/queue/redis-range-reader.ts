import type { Redis } from "ioredis";
import type { Elements } from "./elements.ts";
import { QueueError, type Range, type RangeReader } from "./queue.ts";
import { QueueKeys } from "./queue-keys.ts";
import { RangeReplies } from "./range-replies.ts";
import {
  type ConnectionListener,
  connectRedis,
  type RedisTarget,
  toQueueError,
  untilReady,
} from "./redis-connection.ts";
import { VERIFY } from "./redis-scripts.ts";

type Scripts = Record<"verifySegment", (...args: (string | number)[]) => Promise<unknown>>;

/** Reads ranges with `LRANGE`, over a connection of its own, whose arrays `RangeReplies` keeps. */
export class RedisRangeReader implements RangeReader {
  #redis: Redis & Scripts;
  #keys: QueueKeys;
  /** Of the present connection. */
  #replies: RangeReplies | undefined;

  constructor(target: RedisTarget, role: string, listener: ConnectionListener) {
    this.#keys = new QueueKeys(target.queueKey, target.gatewayId);
    this.#redis = connectRedis(target, role, listener, {
      scripts: { verifySegment: { lua: VERIFY, numberOfKeys: 3 } },
    }) as Redis & Scripts;
    this.#redis.on("connect", () => this.#keepArrays());
  }

  async read(range: Range): Promise<Elements> {
    const { segment, newer, count } = range;
    try {
      await untilReady(this.#redis);
      // Senders push at the head: the newest element has index 0.
      const key = this.#keys.segment(segment);
      const replies = this.#replies;
      const id = Number(await this.#redis.call("LRANGE", key, newer, newer + count - 1));
      const elements = replies?.take(id);
      if (elements === undefined) throw new Error("BUG: a range was read and not kept");
      if (elements.count < count) await this.#verify(segment, newer + elements.count);
      return elements;
    } catch (error) {
      // An array that comes too late must not be there when the next one is asked for.
      if ((error as Error).message === "Command timed out") this.#redis.disconnect(true);
      throw toQueueError(error);
    }
  }

  recycle(elements: Elements): void {
    this.#replies?.recycle(elements);
  }

  /**
   * Lets the arrays not reach ioredis, which keeps doing all the rest: it connects, logs in, pairs
   * commands with replies, times out and reconnects. Its listener is the first on its `stream`; no
   * byte has come yet, since the event is given in the tick in which the listener was added.
   */
  #keepArrays(): void {
    const { stream } = this.#redis;
    const [listener] = stream.listeners("data") as ((bytes: Buffer) => void)[];
    if (listener === undefined) throw new Error("BUG: nobody listens to the connection");
    const replies = new RangeReplies((bytes) => listener.call(stream, bytes));
    this.#replies = replies;
    stream.off("data", listener);
    stream.prependListener("data", (bytes: Buffer) => {
      try {
        replies.write(bytes);
      } catch (error) {
        stream.destroy(error as Error);
      }
    });
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
