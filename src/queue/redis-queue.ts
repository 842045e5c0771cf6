import type { Redis } from "ioredis";
import type { Position, Queue, Segment } from "./queue.ts";
import { QueueError } from "./queue.ts";
import { QueueKeys } from "./queue-keys.ts";
import {
  type ConnectionListener,
  connectRedis,
  type RedisTarget,
  toQueueError,
  untilReady,
} from "./redis-connection.ts";
import { ACQUIRE, CLAIM, CONFIRM, INSPECT } from "./redis-scripts.ts";

/** How long `wait` takes when Redis lets us not watch the list. */
const UNWATCHED_WAIT_MS = 10;

/** Keys in one call of a script: Redis' Lua unpacks no more than about 8,000. */
const CONFIRMED_SEGMENTS_MAX = 1000;

type Script = (...args: (string | number)[]) => Promise<unknown>;
type Scripts = Record<
  "acquireState" | "claimSegment" | "inspectSegment" | "confirmPosition",
  Script
>;

/** The queue on a Redis list: senders `LPUSH`, so the oldest element is the last one. */
export class RedisQueue implements Queue {
  #keys: QueueKeys;
  #owner = crypto.randomUUID();
  #commands: Redis & Scripts;
  /** For the blocking command, which would hold up all others. */
  #watch: Redis;
  /** Once we were the owner we never take over from another: it came after us. */
  #hasAcquired = false;
  #nextSegment = 0;
  /** The oldest segment that is not confirmed. */
  #firstSegment = 0;

  /** `listener` hears of the connection that carries the commands. */
  constructor(target: RedisTarget, listener: ConnectionListener) {
    this.#keys = new QueueKeys(target.queueKey, target.gatewayId);
    this.#commands = connectRedis(target, "queue", listener, {
      scripts: {
        acquireState: { lua: ACQUIRE, numberOfKeys: 2 },
        claimSegment: { lua: CLAIM, numberOfKeys: 3 },
        inspectSegment: { lua: INSPECT, numberOfKeys: 2 },
        confirmPosition: { lua: CONFIRM },
      },
    }) as Redis & Scripts;
    // Its failures show on the first connection too.
    const silent = { connected: () => {}, failed: () => {} };
    this.#watch = connectRedis(target, "watch", silent);
  }

  async acquire(): Promise<Segment[]> {
    return this.#run(async () => {
      const { state, absent } = this.#keys;
      const [first, next] = (await this.#commands.acquireState(
        state,
        absent,
        this.#owner,
        this.#nextSegment,
        this.#firstSegment,
        this.#hasAcquired ? 0 : 1,
      )) as [number, number];
      const segments: Segment[] = [];
      // What this process has claimed itself it knows already.
      for (let number = first; number < next; number++) {
        if (number >= this.#firstSegment && number < this.#nextSegment) continue;
        const key = this.#keys.segment(number);
        const found = await this.#commands.inspectSegment(state, key, this.#owner);
        const segment = toSegment(number, found);
        if (segment !== undefined) segments.push(segment);
      }
      if (!this.#hasAcquired) this.#firstSegment = first;
      this.#nextSegment = next;
      this.#hasAcquired = true;
      return segments;
    });
  }

  async claim(): Promise<Segment | undefined> {
    return this.#run(async () => {
      const number = this.#nextSegment;
      const { state, queue } = this.#keys;
      const claimed = await this.#commands.claimSegment(
        state,
        queue,
        this.#keys.segment(number),
        this.#owner,
        number,
      );
      if (isGone(claimed)) {
        this.#nextSegment = number + 1;
        return this.claim();
      }
      const segment = toSegment(number, claimed);
      if (segment !== undefined) this.#nextSegment = number + 1;
      return segment;
    });
  }

  async wait(timeoutMs: number): Promise<void> {
    const { queue } = this.#keys;
    const timeout = String(timeoutMs / 1000);
    try {
      // Takes the last element and puts it back where it was: the list stays as it is, and the
      // answer comes as soon as there is one.
      await this.#watch.call("BLMOVE", queue, queue, "RIGHT", "RIGHT", timeout);
    } catch {
      // No connection, no permission, no memory, a key that is no list: `claim` finds out.
      await Bun.sleep(UNWATCHED_WAIT_MS);
    }
  }

  async confirm(position: Position): Promise<void> {
    return this.#run(async () => {
      const { state, absent } = this.#keys;
      for (let isLast = false; !isLast; ) {
        const first = Math.min(position.segment, this.#firstSegment + CONFIRMED_SEGMENTS_MAX);
        isLast = first === position.segment;
        const done: string[] = [];
        for (let n = this.#firstSegment; n < first; n++) done.push(this.#keys.segment(n));
        const keys = [state, isLast ? this.#keys.segment(first) : absent, ...done];
        const left = isLast ? position.left : 0;
        await this.#commands.confirmPosition(keys.length, ...keys, this.#owner, first, left);
        this.#firstSegment = first;
      }
    });
  }

  async length(): Promise<number> {
    return this.#run(() => this.#commands.llen(this.#keys.queue));
  }

  close(): void {
    this.#commands.disconnect();
    this.#watch.disconnect();
  }

  async #run<T>(call: () => Promise<T>): Promise<T> {
    try {
      await untilReady(this.#commands);
      return await call();
    } catch (error) {
      throw toQueueError(error);
    }
  }
}

/** The answer to a repeated claim whose segment Redis has lost in between. */
function isGone(reply: unknown): boolean {
  return (reply as [number, number])[0] < 0;
}

function toSegment(number: number, reply: unknown): Segment | undefined {
  const [length, bytes] = reply as [number, number];
  if (!Number.isInteger(length)) {
    throw new QueueError("unavailable", `a script answered ${JSON.stringify(reply)}`);
  }
  return length > 0 ? { number, length, elementBytes: bytes / length } : undefined;
}
