import type { Redis } from "ioredis";
import { failpoint } from "../failpoint.ts";
import type {
  Acquired,
  Commit,
  JournalEntry,
  Position,
  Queue,
  QueueFacts,
  Range,
  SavedCheckpoint,
  Segment,
} from "./queue.ts";
import { QueueError } from "./queue.ts";
import { QueueKeys } from "./queue-keys.ts";
import type { RangeSource } from "./range-source.ts";
import {
  type ConnectionListener,
  connectRedis,
  type RedisTarget,
  toQueueError,
  untilReady,
} from "./redis-connection.ts";
import { RedisFacts } from "./redis-facts.ts";
import { type FoundState, RedisLease } from "./redis-lease.ts";
import { CLAIM, COMMIT, INSPECT, STATE_FORMAT, WRITE_ENTRY } from "./redis-scripts.ts";

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

/** Entries of a journal in one reply; each is about a MiB at most. */
const ENTRIES_READ_MAX = 16;

type Script = (...args: (string | number | Buffer)[]) => Promise<unknown>;
type Scripts = Record<
  "claimSegment" | "inspectSegment" | "writeJournalEntry" | "commitCheckpoint",
  Script
>;

/** The queue on a Redis list: senders `LPUSH`, so the oldest element is the last one. */
export class RedisQueue implements Queue {
  readonly name = "redis";
  readonly isVolatile = false;
  #options: RedisQueueOptions;
  #keys: QueueKeys;
  #lease: RedisLease;
  #commands: Redis & Scripts;
  #server: RedisFacts;
  /** For the blocking commands, which would hold up all others. */
  #watch: Redis;
  #nextSegment = 0;
  /** The oldest segment that is not done, and the oldest that may be there. */
  #firstSegment = 0;
  #oldestSegment = 0;
  /** The journal that counts. */
  #journal = "";
  /** Journals that were begun and will never count. */
  #abandoned = new Set<string>();

  constructor(options: RedisQueueOptions) {
    this.#options = options;
    const { target, leaseMs, listener } = options;
    this.#keys = new QueueKeys(target.queueKey, target.gatewayId);
    const deadLetterKey = options.deadLetters?.key ?? this.#keys.absent;
    this.#lease = new RedisLease(target, this.#keys, leaseMs, deadLetterKey);
    this.#commands = connectRedis(target, "queue", listener, {
      scripts: {
        claimSegment: { lua: CLAIM, numberOfKeys: 3 },
        inspectSegment: { lua: INSPECT, numberOfKeys: 2 },
        writeJournalEntry: { lua: WRITE_ENTRY },
        commitCheckpoint: { lua: COMMIT },
      },
    }) as Redis & Scripts;
    this.#server = new RedisFacts(this.#commands, target.connection);
    // Its failures show on the first connection too.
    this.#watch = connectRedis(target, "watch", { connected: () => {}, failed: () => {} });
  }

  get isOwner(): boolean {
    return this.#lease.isOwner;
  }

  async acquire(hasState: boolean): Promise<Acquired> {
    const [nextSegment, firstSegment] = [this.#nextSegment, this.#firstSegment];
    const attempt = await this.#lease.acquire({ hasState, nextSegment, firstSegment });
    if (attempt.kind === "owner") return this.#enter(attempt.found, attempt);
    const { holder, remainingMs, isLater } = attempt;
    const shown = holder ? `process ${holder.pid} on ${holder.host}` : "nobody yet";
    return { kind: "standby", holder: shown, remainingMs, isLater };
  }

  async renew(): Promise<void> {
    await this.#lease.renew();
  }

  async release(): Promise<void> {
    await this.#lease.release();
  }

  async waitForRelease(timeoutMs: number): Promise<void> {
    await this.#waitFor(this.#keys.released, timeoutMs, UNWATCHED_RELEASE_WAIT_MS);
  }

  async claim(nowMs: number): Promise<Segment | undefined> {
    return this.#run(async () => {
      const number = this.#nextSegment;
      const { state, queue } = this.#keys;
      failpoint("claim_before");
      const claimed = await this.#commands.claimSegment(
        ...[state, queue, this.#keys.segment(number)],
        ...[...this.#lease.credentials, number, nowMs],
      );
      failpoint("claim_after");
      if (isClaimGone(claimed)) {
        this.#nextSegment = number + 1;
        return this.claim(nowMs);
      }
      const segment = toSegment(number, claimed);
      if (segment !== undefined) this.#nextSegment = number + 1;
      return segment;
    });
  }

  async wait(timeoutMs: number): Promise<void> {
    await this.#waitFor(this.#keys.queue, timeoutMs, UNWATCHED_WAIT_MS);
  }

  get rangeSource(): RangeSource {
    return { kind: "redis", target: this.#options.target };
  }

  locate(range: Range): Range {
    return range;
  }

  /** Until the commit it is in Redis, for whoever comes after us. */
  applied(): void {}

  async *readJournal({ journal, entries }: SavedCheckpoint): AsyncIterable<Uint8Array> {
    const key = this.#keys.journal(journal);
    for (let from = 0; from < entries; from += ENTRIES_READ_MAX) {
      const count = Math.min(ENTRIES_READ_MAX, entries - from);
      const fields = Array.from({ length: count }, (_, i) => String(from + i));
      const found = await this.#run(() => this.#commands.hmgetBuffer(key, ...fields));
      for (let i = 0; i < count; i++) {
        const entry = found[i];
        if (entry === null) throw damaged(key, from + i, "is missing");
        yield entry;
      }
    }
  }

  async writeEntry({ journal, index, bytes }: JournalEntry, number: number): Promise<void> {
    // Of now: after a wait for the connection we may be the owner anew, with another state.
    const credentials = this.#lease.credentials;
    return this.#run(async () => {
      const { state, absent } = this.#keys;
      const abandoned = [...this.#abandoned].filter((name) => name !== journal);
      // From now on it is there, and must be deleted should it never count.
      if (journal !== this.#journal) this.#abandoned.add(journal);
      const keys = [state, this.#keys.journal(journal), absent];
      for (const name of abandoned) keys.push(this.#keys.journal(name));
      failpoint("entry_before");
      await this.#commands.writeJournalEntry(
        ...[keys.length, ...keys, ...credentials],
        ...[journal, index, asBuffer(bytes), number],
      );
      for (const name of abandoned) this.#abandoned.delete(name);
      failpoint("entry_after");
    });
  }

  async commit({ number, after, position, entry, isBegun, deadLetters }: Commit): Promise<void> {
    const credentials = this.#lease.credentials;
    return this.#run(async () => {
      const { state, absent } = this.#keys;
      const first = firstAfter(position) ?? this.#firstSegment;
      const old = new Set(this.#abandoned).add(this.#journal).add("");
      old.delete(entry?.journal ?? "");
      const deleted = [absent];
      for (let n = this.#oldestSegment; n < first; n++) deleted.push(this.#keys.segment(n));
      for (const journal of old) deleted.push(this.#keys.journal(journal));
      const keys = [
        ...[state, this.#keys.segment(first)],
        entry === undefined ? absent : this.#keys.journal(entry.journal),
        this.#options.deadLetters?.key ?? absent,
        ...deleted,
      ];
      failpoint("commit_before");
      const committed = this.#commands.commitCheckpoint(
        ...[keys.length, ...keys, ...credentials, number, after ?? ""],
        ...[first, position?.left ?? 0],
        ...[entry?.journal ?? "", entry?.index ?? "", asBuffer(entry?.bytes)],
        ...[isBegun ? 1 : 0, STATE_FORMAT],
        ...[this.#options.deadLetters?.max ?? 0, ...deadLetters],
      );
      failpoint("commit_sent");
      await committed;
      failpoint("commit_after");
      this.#firstSegment = first;
      this.#oldestSegment = first;
      this.#journal = entry?.journal ?? "";
      this.#abandoned.clear();
    });
  }

  /** It stays: another version may be able to read it. */
  async setAside(): Promise<undefined> {}

  async length(): Promise<number> {
    return this.#run(() => this.#server.time(() => this.#commands.llen(this.#keys.queue)));
  }

  async facts(): Promise<QueueFacts> {
    const leaseLeftMs = this.isOwner ? this.#lease.leftMs : undefined;
    return { leaseLeftMs, server: await this.#server.read() };
  }

  close(): void {
    this.#commands.disconnect();
    this.#lease.close();
    this.#watch.disconnect();
  }

  async #enter(
    found: FoundState,
    { isContinued, isForgotten }: { isContinued: boolean; isForgotten: boolean },
  ): Promise<Acquired> {
    const { token, first, next, checkpoint: number, journal, entries, building } = found;
    // Of an older state, claims are gone that we made, and their elements stand in the queue again.
    const isOlder = isContinued && !isForgotten && found.nextBefore < this.#nextSegment;
    const segments: Segment[] = [];
    for (let n = first; n < next; n++) {
      // What this process has claimed itself it knows already.
      if (isContinued && n < this.#nextSegment) continue;
      const segment = await this.#inspect(n);
      if (segment !== undefined) segments.push(segment);
    }
    if (building !== "" && building !== journal) this.#abandoned.add(building);
    // One that we had begun may count by now.
    this.#abandoned.delete(journal);
    if (journal !== "") this.#journal = journal;
    // Segments that we know to be done may have come back; the next commit deletes them again.
    this.#oldestSegment = isContinued ? Math.min(first, this.#oldestSegment) : first;
    if (!isContinued) this.#firstSegment = first;
    this.#nextSegment = next;
    const saved = { number, journal, entries };
    const uncertain = isOlder ? found.waiting : 0;
    return { kind: "owner", token, isContinued, isForgotten, segments, saved, uncertain };
  }

  async #inspect(number: number): Promise<Segment | undefined> {
    failpoint("inspect_before");
    const key = this.#keys.segment(number);
    const { state } = this.#keys;
    const found = await this.#run(() =>
      this.#commands.inspectSegment(state, key, ...this.#lease.credentials, number),
    );
    failpoint("inspect_after");
    return toSegment(number, found);
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

  async #run<T>(call: () => Promise<T>): Promise<T> {
    try {
      await untilReady(this.#commands);
      return await call();
    } catch (error) {
      const fault = toQueueError(error);
      // After any of these another process may be the owner.
      if (fault.fault !== "unavailable") this.#lease.lose();
      // Of several nodes this one may be another than the lease was acquired at.
      const { endpoints } = this.#options.target.connection;
      if (fault.fault.startsWith("state_") && endpoints.length > 1) {
        this.#commands.disconnect(true);
        this.#watch.disconnect(true);
      }
      throw fault;
    }
  }
}

/** The answer to a repeated claim whose segment Redis has lost in between. */
function isClaimGone(reply: unknown): boolean {
  return (reply as number[])[0] < 0;
}

/** The oldest segment that is not done when everything up to the position is. */
function firstAfter(position: Position | undefined): number | undefined {
  return position && (position.left === 0 ? position.segment + 1 : position.segment);
}

function toSegment(number: number, reply: unknown): Segment | undefined {
  const [length, bytes, claimedMs] = reply as [number, number, number];
  if (!Number.isInteger(length)) throw unexpected(reply);
  return length > 0 ? { number, length, elementBytes: bytes / length, claimedMs } : undefined;
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
