import { failpoint } from "../failpoint.ts";
import type { EmbeddedStore } from "./embedded-store.ts";
import {
  type Acquired,
  type Commit,
  type JournalEntry,
  type Position,
  type Queue,
  QueueError,
  type QueueFacts,
  type Range,
  type SavedCheckpoint,
  type Segment,
} from "./queue.ts";
import type { RangeSource } from "./range-source.ts";
import type { StateFile } from "./state-file.ts";

/** How long a process that stands by waits before it looks at the lock again. */
const LOCKED_WAIT_MS = 100;

/**
 * The queue within this process: samples wait in memory, and the state in a file, if there is one.
 *
 * Nobody else can have the samples, so the lease is the lock on the state file: it does not run out
 * and ends with the process.
 */
export class EmbeddedQueue implements Queue {
  readonly name = "embedded queue";
  readonly isVolatile = true;
  readonly rangeSource: RangeSource = { kind: "embedded" };
  #store: EmbeddedStore;
  #stateFile: StateFile | undefined;
  #isOwner = false;
  /** The last commit. */
  #saved: SavedCheckpoint = { number: 0, journal: "", entries: 0 };

  /** `stateFile`: where the state is kept; undefined: nowhere. */
  constructor(store: EmbeddedStore, stateFile: StateFile | undefined) {
    this.#store = store;
    this.#stateFile = stateFile;
  }

  get isOwner(): boolean {
    return this.#isOwner;
  }

  async acquire(hasState: boolean): Promise<Acquired> {
    if (!this.#isOwner && this.#stateFile !== undefined) {
      failpoint("acquire_before");
      const holder = await this.#stateFile.lock();
      if (holder !== undefined) {
        const remainingMs = LOCKED_WAIT_MS;
        return { kind: "standby", holder, remainingMs, isLater: false };
      }
      this.#saved = await this.#stateFile.open();
      failpoint("acquire_after");
    }
    this.#isOwner = true;
    return {
      kind: "owner",
      token: OWNER_TOKEN,
      isContinued: hasState,
      isForgotten: false,
      segments: hasState ? [] : this.#store.segments(),
      saved: this.#saved,
      uncertain: 0,
    };
  }

  async renew(): Promise<void> {
    this.#refuseOthers();
  }

  async release(): Promise<void> {
    this.#refuseOthers();
    this.#isOwner = false;
    await this.#stateFile?.close();
  }

  async waitForRelease(timeoutMs: number): Promise<void> {
    await Bun.sleep(Math.min(timeoutMs, LOCKED_WAIT_MS));
  }

  async claim(nowMs: number): Promise<Segment | undefined> {
    this.#refuseOthers();
    failpoint("claim_before");
    const segment = this.#store.claim(nowMs);
    failpoint("claim_after");
    return segment;
  }

  async wait(timeoutMs: number): Promise<void> {
    await this.#store.wait(timeoutMs);
  }

  locate(range: Range): Range {
    return { ...range, spans: this.#store.locate(range) };
  }

  applied(position: Position): void {
    this.#store.release(position);
  }

  async *readJournal(saved: SavedCheckpoint): AsyncIterable<Uint8Array> {
    if (saved.entries > 0) yield* this.#stateFile?.readEntries(saved) ?? [];
  }

  async writeEntry(entry: JournalEntry, number: number): Promise<void> {
    this.#refuseOthers();
    if (number <= this.#saved.number) return;
    failpoint("entry_before");
    await this.#stateFile?.writeEntry(entry);
    failpoint("entry_after");
  }

  async commit({ number, position, entry }: Commit): Promise<void> {
    this.#refuseOthers();
    if (number <= this.#saved.number) return;
    if (entry === undefined) {
      await this.#stateFile?.delete();
    } else {
      failpoint("commit_before");
      await this.#stateFile?.commit(entry, number);
      failpoint("commit_after");
    }
    if (position !== undefined) this.#store.release(position);
    const entries = entry === undefined ? 0 : entry.index + 1;
    this.#saved = { number, journal: entry?.journal ?? "", entries };
  }

  async setAside(): Promise<string | undefined> {
    this.#isOwner = false;
    return this.#stateFile?.setAside();
  }

  async length(): Promise<number> {
    return this.#store.length;
  }

  /** The lock has no end. */
  async facts(): Promise<QueueFacts> {
    return { leaseLeftMs: undefined, server: undefined };
  }

  close(): void {
    this.#isOwner = false;
    void this.#stateFile?.close();
  }

  #refuseOthers(): void {
    if (this.#isOwner) return;
    throw new QueueError("not_owner", "this process does not work under this gateway id");
  }
}

/** Of every ownership: names of journals are unique by the numbers of commits. */
const OWNER_TOKEN = 1;
