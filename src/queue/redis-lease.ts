import type { Redis } from "ioredis";
import { failpoint } from "../failpoint.ts";
import {
  identifyProcess,
  isProcessGone,
  type ProcessIdentity,
  parseIdentity,
} from "./process-identity.ts";
import { QueueError } from "./queue.ts";
import type { QueueKeys } from "./queue-keys.ts";
import { connectRedis, type RedisTarget, toQueueError, untilReady } from "./redis-connection.ts";
import { ACQUIRE, RELEASE, RENEW, STATE_FORMAT } from "./redis-scripts.ts";

/** A lease counts as over this much of its length early: clocks do not run at one speed. */
const LEASE_MARGIN = 0.1;

/** An owner that has lost its connection tries again after so long at the latest. */
const RECONNECT_MS = 2000;

type Script = (...args: (string | number)[]) => Promise<unknown>;
type Scripts = Record<"acquireLease" | "renewLease" | "releaseLease", Script>;

/** What the process knows of the queue when it acquires. */
export interface Known {
  /** Whether it holds the state that goes with its last ownership. */
  hasState: boolean;
  nextSegment: number;
  firstSegment: number;
}

/** What came of an attempt: the holder, or what the state says. */
export type LeaseAttempt =
  | { kind: "standby"; holder: ProcessIdentity | undefined; remainingMs: number; isLater: boolean }
  | { kind: "owner"; isContinued: boolean; isForgotten: boolean; found: FoundState };

/** The state as it was when the lease was acquired. */
export interface FoundState {
  token: number;
  first: number;
  next: number;
  /** Before our own claims were counted in. */
  nextBefore: number;
  checkpoint: number;
  journal: string;
  entries: number;
  building: string;
  /** Elements in the queue. */
  waiting: number;
}

/** Which process works under the gateway id. */
export class RedisLease {
  #keys: QueueKeys;
  #leaseMs: number;
  #deadLetterKey: string;
  /** A connection of its own: a renewal must not queue behind anything. */
  #redis: Redis & Scripts;
  #name = "";
  #identity = "";
  #token = 0;
  /** Whose ownership ours followed. */
  #former = { name: "", token: 0 };
  #ownedUntilMs = 0;
  /** The greatest token that we have seen; a state with a lesser one has forgotten something. */
  #seenToken = 0;
  #standBackUntilMs: number | undefined;

  /** `deadLetterKey`: a key that must be a list where it is there. */
  constructor(target: RedisTarget, keys: QueueKeys, leaseMs: number, deadLetterKey: string) {
    this.#keys = keys;
    this.#leaseMs = leaseMs;
    this.#deadLetterKey = deadLetterKey;
    this.#rename();
    // Its failures show on the connection that carries the commands, too.
    const silent = { connected: () => {}, failed: () => {} };
    // One renewal that gets no answer must leave time for another.
    const timeoutMs = Math.ceil(leaseMs / 3);
    this.#redis = connectRedis(target, "lease", silent, {
      commandTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      scripts: {
        acquireLease: { lua: ACQUIRE, numberOfKeys: 6 },
        renewLease: { lua: RENEW, numberOfKeys: 3 },
        releaseLease: { lua: RELEASE, numberOfKeys: 3 },
      },
    }) as Redis & Scripts;
  }

  get isOwner(): boolean {
    return performance.now() < this.#ownedUntilMs;
  }

  /** How long `isOwner` holds unless the lease is renewed. */
  get leftMs(): number {
    return Math.max(0, this.#ownedUntilMs - performance.now());
  }

  /** What a script checks: our name, and the token of our ownership. */
  get credentials(): [name: string, token: number] {
    return [this.#name, this.#token];
  }

  async acquire(known: Known): Promise<LeaseAttempt> {
    let reply = await this.#attempt(known, "");
    let holder = reply[0] === 0 ? parseIdentity(reply[1]) : undefined;
    if (reply[0] === 0 && holder !== undefined && isProcessGone(holder)) {
      reply = await this.#attempt(known, reply[1]);
      holder = reply[0] === 0 ? parseIdentity(reply[1]) : undefined;
    }
    if (reply[0] === 1) return this.#enter(reply, known.hasState);
    const [, , remainingMs, token] = reply;
    return { kind: "standby", holder, remainingMs, isLater: token > this.#token };
  }

  async renew(): Promise<void> {
    const { state, lease, absent } = this.#keys;
    const askedAtMs = performance.now();
    await this.#run(async () => {
      failpoint("renew_before");
      await this.#redis.renewLease(
        ...[state, lease, absent, ...this.credentials, this.#identity, this.#leaseMs],
      );
      failpoint("renew_after");
    });
    this.#note(askedAtMs);
  }

  async release(): Promise<void> {
    this.#ownedUntilMs = 0;
    const { state, lease, released } = this.#keys;
    const credentials = this.credentials;
    // Should this call take effect late, it must not hit what we acquire later.
    this.#rename();
    await this.#run(async () => {
      failpoint("release_before");
      await this.#redis.releaseLease(state, lease, released, ...credentials);
      failpoint("release_after");
    });
  }

  /** Another process may be the owner: whatever we know of the lease is void. */
  lose(): void {
    this.#ownedUntilMs = 0;
  }

  close(): void {
    this.#redis.disconnect();
  }

  /** `gone`: the identity of a holder that is gone, or "". */
  async #attempt(known: Known, gone: string): Promise<Reply> {
    const { hasState, nextSegment, firstSegment } = known;
    const { state, lease, released, absent, queue } = this.#keys;
    const standsBack =
      !hasState && performance.now() < (this.#standBackUntilMs ?? Number.POSITIVE_INFINITY);
    const askedAtMs = performance.now();
    const reply = (await this.#run(async () => {
      failpoint("acquire_before");
      const answer = await this.#redis.acquireLease(
        ...[state, lease, released, absent, this.#deadLetterKey, queue],
        ...[this.#name, this.#identity, this.#leaseMs, gone],
        ...[this.#seenToken, standsBack ? 1 : 0, nextSegment, firstSegment, STATE_FORMAT],
      );
      failpoint("acquire_after");
      return answer;
    })) as Reply;
    if (!Array.isArray(reply)) {
      throw new QueueError("unavailable", `a script answered ${JSON.stringify(reply)}`);
    }
    if (reply[0] === 0) {
      const [, holder, , token] = reply;
      // Redis has forgotten the state. Its former owner can write it back: it goes first.
      if (holder === "") this.#standBackUntilMs ??= askedAtMs + 2 * this.#leaseMs + RECONNECT_MS;
      this.#seenToken = Math.max(this.#seenToken, token);
    } else this.#note(askedAtMs);
    return reply;
  }

  #enter(reply: OwnerReply, hasState: boolean): LeaseAttempt {
    const [, token, former, formerToken, first, next, nextBefore, ...saved] = reply;
    const [checkpoint, journal, entries, building, waiting] = saved;
    const isSame = token === this.#token;
    const isForgotten = !isSame && former === "";
    const isOurs = former === this.#name && formerToken <= this.#token;
    // Redis went back to before our time: those that followed us, if any, it has forgotten, too.
    const isBefore = former === this.#former.name && formerToken === this.#former.token;
    this.#token = token;
    this.#former = { name: former, token: formerToken };
    this.#seenToken = token;
    this.#standBackUntilMs = undefined;
    return {
      kind: "owner",
      isContinued: hasState && (isSame || isForgotten || isOurs || isBefore),
      isForgotten,
      found: { token, first, next, nextBefore, checkpoint, journal, entries, building, waiting },
    };
  }

  #rename(): void {
    this.#name = crypto.randomUUID();
    this.#identity = JSON.stringify(identifyProcess(this.#name));
    this.#token = 0;
  }

  #note(askedAtMs: number): void {
    this.#ownedUntilMs = askedAtMs + this.#leaseMs * (1 - LEASE_MARGIN);
  }

  async #run<T>(call: () => Promise<T>): Promise<T> {
    try {
      await untilReady(this.#redis);
      return await call();
    } catch (error) {
      const fault = toQueueError(error);
      if (fault.fault !== "unavailable") this.lose();
      throw fault;
    }
  }
}

type OwnerReply = [
  kind: 1,
  token: number,
  former: string,
  formerToken: number,
  first: number,
  next: number,
  nextBefore: number,
  checkpoint: number,
  journal: string,
  entries: number,
  building: string,
  waiting: number,
];
type Reply = [kind: 0, holder: string, remainingMs: number, token: number] | OwnerReply;
