import type { Redis } from "ioredis";
import { failpoint } from "../failpoint.ts";
import { identifyProcess, isProcessGone, parseIdentity } from "./process-identity.ts";
import type {
  Acquired,
  Commit,
  JournalEntry,
  Queue,
  QueueFault,
  SavedCheckpoint,
  Segment,
} from "./queue.ts";
import { QueueError } from "./queue.ts";
import { QueueKeys } from "./queue-keys.ts";
import {
  type ConnectionListener,
  connectRedis,
  type RedisTarget,
  toQueueError,
  untilReady,
} from "./redis-connection.ts";
import {
  ACQUIRE,
  CLAIM,
  COMMIT,
  INSPECT,
  RELEASE,
  RENEW,
  STATE_FORMAT,
  WRITE_ENTRY,
} from "./redis-scripts.ts";

export interface RedisQueueOptions {
  target: RedisTarget;
  leaseMs: number;
  /** The list for dropped payloads, and how long it may become; undefined: none is kept. */
  deadLetters: { key: string; max: number } | undefined;
  /** Hears of the connection that carries the commands. */
  listener: ConnectionListener;
}

/** How long `wait` takes when Redis lets us not watch the list. */
const UNWATCHED_WAIT_MS = 10;
const UNWATCHED_RELEASE_WAIT_MS = 100;

/** A lease counts as over this much of its length early: clocks do not run at one speed. */
const LEASE_MARGIN = 0.1;

/** Entries of a journal in one reply; each is about a MiB at most. */
const ENTRIES_READ_MAX = 16;

type Script = (...args: (string | number | Buffer)[]) => Promise<unknown>;
type LeaseScripts = Record<"acquireLease" | "renewLease" | "releaseLease", Script>;
type Scripts = Record<
  "claimSegment" | "inspectSegment" | "writeJournalEntry" | "commitCheckpoint",
  Script
>;

/** The queue on a Redis list: senders `LPUSH`, so the oldest element is the last one. */
export class RedisQueue implements Queue {
  #options: RedisQueueOptions;
  #keys: QueueKeys;
  #name = "";
  #identity = "";
  #commands: Redis & Scripts;
  /** A connection of its own: a renewal must not queue behind anything. */
  #lease: Redis & LeaseScripts;
  /** For the blocking commands, which would hold up all others. */
  #watch: Redis;
  #token = 0;
  #ownedUntilMs = 0;
  /** The greatest token that we have seen; a state with a lesser one has forgotten something. */
  #seenToken = 0;
  #standBackUntilMs: number | undefined;
  #nextSegment = 0;
  /** The oldest segment that is not done. */
  #firstSegment = 0;
  /** The journal that counts. */
  #journal = "";
  /** Journals that were begun and will never count. */
  #abandoned = new Set<string>();

  constructor(options: RedisQueueOptions) {
    this.#options = options;
    this.#rename();
    const { target, leaseMs, listener } = options;
    this.#keys = new QueueKeys(target.queueKey, target.gatewayId);
    this.#commands = connectRedis(target, "queue", listener, {
      scripts: {
        claimSegment: { lua: CLAIM, numberOfKeys: 3 },
        inspectSegment: { lua: INSPECT, numberOfKeys: 2 },
        writeJournalEntry: { lua: WRITE_ENTRY },
        commitCheckpoint: { lua: COMMIT },
      },
    }) as Redis & Scripts;
    // Their failures show on the first connection too.
    const silent = { connected: () => {}, failed: () => {} };
    // One renewal that gets no answer must leave time for another.
    const timeoutMs = Math.ceil(leaseMs / 3);
    this.#lease = connectRedis(target, "lease", silent, {
      commandTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      scripts: {
        acquireLease: { lua: ACQUIRE, numberOfKeys: 6 },
        renewLease: { lua: RENEW, numberOfKeys: 3 },
        releaseLease: { lua: RELEASE, numberOfKeys: 3 },
      },
    }) as Redis & LeaseScripts;
    this.#watch = connectRedis(target, "watch", silent);
  }

  get isOwner(): boolean {
    return performance.now() < this.#ownedUntilMs;
  }

  async acquire(hasState: boolean): Promise<Acquired> {
    return this.#run(this.#lease, async () => {
      let found = await this.#tryAcquire(hasState, "");
      const holder = found.kind === "standby" ? parseIdentity(found.holder) : undefined;
      if (found.kind === "standby" && holder && isProcessGone(holder)) {
        found = await this.#tryAcquire(hasState, found.holder);
      }
      if (found.kind === "owner") return this.#enter(found.reply, hasState);
      const holderText = holder ? `process ${holder.pid} on ${holder.host}` : "nobody yet";
      return { kind: "standby", holder: holderText, remainingMs: found.remainingMs };
    });
  }

  async renew(): Promise<void> {
    await this.#run(this.#lease, async () => {
      const { state, lease, absent } = this.#keys;
      const askedAtMs = performance.now();
      failpoint("renew_before");
      await this.#lease.renewLease(
        ...[state, lease, absent, this.#name, this.#token],
        ...[this.#identity, this.#options.leaseMs],
      );
      failpoint("renew_after");
      this.#noteLease(askedAtMs);
    });
  }

  async release(): Promise<void> {
    this.#ownedUntilMs = 0;
    await this.#run(this.#lease, async () => {
      const { state, lease, released } = this.#keys;
      const [name, token] = [this.#name, this.#token];
      // Should this call take effect late, it must not hit what we acquire later.
      this.#rename();
      failpoint("release_before");
      await this.#lease.releaseLease(state, lease, released, name, token);
      failpoint("release_after");
    });
  }

  async waitForRelease(timeoutMs: number): Promise<void> {
    await this.#waitFor(this.#keys.released, timeoutMs, UNWATCHED_RELEASE_WAIT_MS);
  }

  async claim(): Promise<Segment | undefined> {
    return this.#run(this.#commands, async () => {
      const number = this.#nextSegment;
      const { state, queue } = this.#keys;
      failpoint("claim_before");
      const claimed = await this.#commands.claimSegment(
        ...[state, queue, this.#keys.segment(number)],
        ...[this.#name, this.#token, number],
      );
      failpoint("claim_after");
      if (isClaimGone(claimed)) {
        this.#nextSegment = number + 1;
        return this.claim();
      }
      const segment = toSegment(number, claimed);
      if (segment !== undefined) this.#nextSegment = number + 1;
      return segment;
    });
  }

  async wait(timeoutMs: number): Promise<void> {
    await this.#waitFor(this.#keys.queue, timeoutMs, UNWATCHED_WAIT_MS);
  }

  async *readJournal({ journal, entries }: SavedCheckpoint): AsyncIterable<Uint8Array> {
    const key = this.#keys.journal(journal);
    for (let from = 0; from < entries; from += ENTRIES_READ_MAX) {
      const count = Math.min(ENTRIES_READ_MAX, entries - from);
      const fields = Array.from({ length: count }, (_, i) => String(from + i));
      const found = await this.#run(this.#commands, () =>
        this.#commands.hmgetBuffer(key, ...fields),
      );
      for (let i = 0; i < count; i++) {
        const entry = found[i];
        if (entry === null) throw damaged(key, from + i, "is missing");
        yield entry;
      }
    }
  }

  async writeEntry({ journal, index, bytes }: JournalEntry, number: number): Promise<void> {
    return this.#run(this.#commands, async () => {
      const { state, absent } = this.#keys;
      const abandoned = [...this.#abandoned].filter((name) => name !== journal);
      // From now on it is there, and must be deleted should it never count.
      if (journal !== this.#journal) this.#abandoned.add(journal);
      const keys = [state, this.#keys.journal(journal), absent];
      for (const name of abandoned) keys.push(this.#keys.journal(name));
      failpoint("entry_before");
      await this.#commands.writeJournalEntry(
        ...[keys.length, ...keys, this.#name, this.#token],
        ...[journal, index, asBuffer(bytes), number],
      );
      for (const name of abandoned) this.#abandoned.delete(name);
      failpoint("entry_after");
    });
  }

  async commit({ number, after, position, entry, deadLetters }: Commit): Promise<void> {
    return this.#run(this.#commands, async () => {
      const { state, absent } = this.#keys;
      const first = position?.segment ?? this.#firstSegment;
      const old = new Set(this.#abandoned).add(this.#journal).add("");
      old.delete(entry?.journal ?? "");
      const deleted = [absent];
      for (let n = this.#firstSegment; n < first; n++) deleted.push(this.#keys.segment(n));
      for (const journal of old) deleted.push(this.#keys.journal(journal));
      const keys = [
        ...[state, this.#keys.segment(first)],
        entry === undefined ? absent : this.#keys.journal(entry.journal),
        this.#options.deadLetters?.key ?? absent,
        ...deleted,
      ];
      failpoint("commit_before");
      const committed = this.#commands.commitCheckpoint(
        ...[keys.length, ...keys, this.#name, this.#token, number, after ?? ""],
        ...[first, position?.left ?? -1],
        ...[entry?.journal ?? "", entry?.index ?? "", asBuffer(entry?.bytes), STATE_FORMAT],
        ...[this.#options.deadLetters?.max ?? 0, ...deadLetters],
      );
      failpoint("commit_sent");
      await committed;
      failpoint("commit_after");
      this.#firstSegment = first;
      this.#journal = entry?.journal ?? "";
      this.#abandoned.clear();
    });
  }

  async length(): Promise<number> {
    return this.#run(this.#commands, () => this.#commands.llen(this.#keys.queue));
  }

  close(): void {
    this.#commands.disconnect();
    this.#lease.disconnect();
    this.#watch.disconnect();
  }

  async #tryAcquire(hasState: boolean, gone: string) {
    const { state, lease, released, absent, queue } = this.#keys;
    const standsBack = !hasState && performance.now() < (this.#standBackUntilMs ?? Infinity);
    const askedAtMs = performance.now();
    failpoint("acquire_before");
    const reply = (await this.#lease.acquireLease(
      ...[state, lease, released, absent, this.#options.deadLetters?.key ?? absent, queue],
      ...[this.#name, this.#identity, this.#options.leaseMs, gone],
      ...[this.#seenToken, standsBack ? 1 : 0, this.#nextSegment, this.#firstSegment, STATE_FORMAT],
    )) as AcquireReply;
    failpoint("acquire_after");
    if (!Array.isArray(reply)) throw unexpected(reply);
    if (reply[0] === 0) {
      const [, holder, remainingMs, token] = reply;
      if (holder === "") {
        // Redis has forgotten the state. Its former owner can write it back: it goes first.
        this.#standBackUntilMs ??= askedAtMs + 2 * this.#options.leaseMs;
      }
      this.#seenToken = Math.max(this.#seenToken, token);
      return { kind: "standby" as const, holder, remainingMs };
    }
    this.#noteLease(askedAtMs);
    return { kind: "owner" as const, reply };
  }

  async #enter(reply: OwnerReply, hasState: boolean): Promise<Acquired> {
    const [, token, former, formerToken, first, next, nextBefore, ...saved] = reply;
    const [number, journal, entries, building, waiting] = saved;
    const isSame = token === this.#token;
    const isForgotten = !isSame && former === "";
    const isContinued =
      hasState && (isSame || isForgotten || (former === this.#name && formerToken <= this.#token));
    // Of an older state, claims are gone that we made, and their elements stand in the queue again.
    const isOlder = isContinued && !isForgotten && nextBefore < this.#nextSegment;
    this.#token = token;
    this.#seenToken = token;
    this.#standBackUntilMs = undefined;
    const segments: Segment[] = [];
    for (let n = first; n < next; n++) {
      // What this process has claimed itself it knows already.
      if (isContinued && n < this.#nextSegment) continue;
      const segment = await this.#inspect(n);
      if (segment !== undefined) segments.push(segment);
    }
    if (building !== "" && building !== journal) this.#abandoned.add(building);
    if (journal !== "") this.#journal = journal;
    // Done segments may have come back; the next commit deletes them again.
    this.#firstSegment = isContinued ? Math.min(first, this.#firstSegment) : first;
    this.#nextSegment = next;
    return {
      kind: "owner",
      token,
      isContinued,
      segments,
      saved: { number, journal, entries },
      uncertain: isOlder ? waiting : 0,
    };
  }

  async #inspect(number: number): Promise<Segment | undefined> {
    failpoint("inspect_before");
    const key = this.#keys.segment(number);
    const found = await this.#run(this.#commands, () =>
      this.#commands.inspectSegment(this.#keys.state, key, this.#name, this.#token),
    );
    failpoint("inspect_after");
    return toSegment(number, found);
  }

  #rename(): void {
    this.#name = crypto.randomUUID();
    this.#identity = JSON.stringify(identifyProcess(this.#name));
    this.#token = 0;
  }

  #noteLease(askedAtMs: number): void {
    this.#ownedUntilMs = askedAtMs + this.#options.leaseMs * (1 - LEASE_MARGIN);
  }

  async #waitFor(key: string, timeoutMs: number, otherwiseMs: number): Promise<void> {
    try {
      // Takes the last element and puts it back where it was: the list stays as it is, and the
      // answer comes as soon as there is one.
      await this.#watch.call("BLMOVE", key, key, "RIGHT", "RIGHT", String(timeoutMs / 1000));
    } catch {
      // No connection, no permission, no memory, a key that is no list: the next call finds out.
      await Bun.sleep(otherwiseMs);
    }
  }

  async #run<T>(connection: Redis, call: () => Promise<T>): Promise<T> {
    try {
      await untilReady(connection);
      return await call();
    } catch (error) {
      const fault = toQueueError(error);
      if (LEASE_IS_OVER.includes(fault.fault)) this.#ownedUntilMs = 0;
      throw fault;
    }
  }
}

/** After these another process may be the owner. */
const LEASE_IS_OVER: QueueFault[] = ["not_owner", "state_lost", "state_old"];

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
type AcquireReply = [kind: 0, holder: string, remainingMs: number, token: number] | OwnerReply;

/** The answer to a repeated claim whose segment Redis has lost in between. */
function isClaimGone(reply: unknown): boolean {
  return (reply as [number, number])[0] < 0;
}

function toSegment(number: number, reply: unknown): Segment | undefined {
  const [length, bytes] = reply as [number, number];
  if (!Number.isInteger(length)) throw unexpected(reply);
  return length > 0 ? { number, length, elementBytes: bytes / length } : undefined;
}

/** The same memory: ioredis sends only a Buffer as the bytes that it is. */
function asBuffer(bytes: Uint8Array = new Uint8Array(0)): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function unexpected(reply: unknown): QueueError {
  return new QueueError("unavailable", `a script answered ${JSON.stringify(reply)}`);
}

function damaged(key: string, index: number, what: string): QueueError {
  return new QueueError("damaged", `checkpoint: entry ${index} of ${key} ${what}`);
}
