import type { Elements } from "./elements.ts";
import type { RangeSource } from "./range-source.ts";

/**
 * What a queue is to the gateway. One contract suite runs over every implementation.
 *
 * It holds the samples that wait, the segments that a gateway id has claimed, the id's checkpoint,
 * and the lease that says which process works under the id. All that changes something is refused
 * when the caller is not that process.
 *
 * Every call may be repeated: its answer may be lost after it took effect. So segments, entries and
 * checkpoints are numbered by the caller, and a repetition with the same content changes nothing.
 */
export interface Queue {
  /** What it is, for a person who reads why the gateway is not ready. */
  readonly name: string;

  /** Whether what waits here is gone with this process: a stop applies all of it first. */
  readonly isVolatile: boolean;

  /**
   * Tries to become the process that works under the gateway id, for as long as the lease is
   * renewed. Changes nothing while another process has the lease, unless that one is provably gone.
   *
   * `hasState`: whether the caller holds the state that goes with what it did as owner before. It
   * then keeps its place in a queue that has forgotten it.
   */
  acquire(hasState: boolean): Promise<Acquired>;

  /** Makes the lease last anew. */
  renew(): Promise<void>;

  /**
   * Whether this process is the owner for certain: no other one can have become it. Judged by a
   * monotonic clock from before the lease was asked for, with a margin.
   */
  readonly isOwner: boolean;

  /** Gives the lease up, so that a standby takes over at once. */
  release(): Promise<void>;

  /** Returns when the lease was given up, at the latest after about `timeoutMs`. Never fails. */
  waitForRelease(timeoutMs: number): Promise<void>;

  /**
   * Takes all that stands in the queue now as a segment, in O(1): nothing is copied, and senders go
   * on with an empty queue. Undefined when the queue is empty. `nowMs` is kept with the segment: it
   * says when its samples came, whoever applies them. From an answer that the queue is empty on, no
   * segment has an earlier time than the second that `nowMs` is in.
   */
  claim(nowMs: number): Promise<Segment | undefined>;

  /**
   * Returns when the queue may hold samples, at the latest after about `timeoutMs` (1 to 1000). A
   * hint only: it takes nothing, and never fails. When the queue cannot be watched it returns
   * after a few milliseconds.
   */
  wait(timeoutMs: number): Promise<void>;

  /** What a worker is given to read ranges. */
  readonly rangeSource: RangeSource;

  /** Adds to a range of a claimed segment where a worker finds it, unless the source says enough. */
  locate(range: Range): Range;

  /**
   * Tells that all before the position is applied, though no commit says so yet. What would be lost
   * with this process anyway may be deleted.
   */
  applied(position: Position): void;

  /** The entries of a checkpoint's journal, in order. Fails with `damaged` where one is missing. */
  readJournal(saved: SavedCheckpoint): AsyncIterable<Uint8Array>;

  /** Writes an entry ahead of the commit that makes it count, which has the number `number`. */
  writeEntry(entry: JournalEntry, number: number): Promise<void>;

  /**
   * One atomic step: the checkpoint counts, all before its position is deleted (whole segments;
   * the one that the position is in is cut), and the dead letters are listed.
   */
  commit(commit: Commit): Promise<void>;

  /**
   * Moves a saved state out of the way that this program cannot read, so that the next owner begins
   * without one, and returns where it is. Undefined: it stays, and so does the fault.
   */
  setAside(): Promise<string | undefined>;

  /** Samples that nobody has claimed yet. */
  length(): Promise<number>;

  /**
   * What a person may want to know of it, as far as it is known just now. Takes a quarter of a second
   * at most, and never fails.
   */
  facts(): Promise<QueueFacts>;

  /** Ends all connections. Calls in progress fail. */
  close(): void;
}

export interface QueueFacts {
  /** How long `isOwner` holds unless the lease is renewed; undefined: not the owner, or without end. */
  leaseLeftMs: number | undefined;
  /** Of the Redis that it is in; undefined: it is in none. */
  server: ServerFacts | undefined;
}

/** Undefined is what the server does not say, or may not tell us. */
export interface ServerFacts {
  /** Where the connection goes: host and port, no credential. */
  address: string;
  version: string | undefined;
  /** How long the last look at the queue's length took. */
  latencyMs: number | undefined;
  usedMemoryBytes: number | undefined;
  /** 0: no limit. */
  maxMemoryBytes: number | undefined;
}

/** What came of an attempt to become the owner. */
export type Acquired =
  | {
      kind: "standby";
      /** The process that has the lease, for a person. */
      holder: string;
      /** How long its lease lasts, if it is not renewed. */
      remainingMs: number;
      /** Whether it became the owner after the caller was; otherwise the caller's state stands. */
      isLater: boolean;
    }
  | {
      kind: "owner";
      /** Ascending over the owners of a gateway id. */
      token: number;
      /** Whether nobody else was the owner since the caller was: the state that it holds stands. */
      isContinued: boolean;
      /** Whether the queue has forgotten all that it knew of the caller. */
      isForgotten: boolean;
      /** Claimed, not done, and not known to the caller as yet; oldest first. */
      segments: Segment[];
      /** The last checkpoint that counts. */
      saved: SavedCheckpoint;
      /**
       * Elements that stand in a queue which has forgotten claims of the caller's: at most so many
       * may be taken twice.
       */
      uncertain: number;
    };

/** Names the state that a commit left. */
export interface SavedCheckpoint {
  /** 0 when there is none. */
  number: number;
  /** Empty when no state is kept. */
  journal: string;
  /** How many entries of the journal count. */
  entries: number;
}

/** A piece of state. The entries of a journal, read in order, give the whole state. */
export interface JournalEntry {
  journal: string;
  index: number;
  bytes: Uint8Array;
}

export interface Commit {
  /** Ascending: a commit whose number is not above the last one's has taken effect already. */
  number: number;
  /**
   * The commit that must be the last one, else it fails with `state_old`. Undefined: this one
   * brings the whole state, and whatever is there is replaced.
   */
  after: number | undefined;
  /** How far everything is applied; undefined: nothing was applied since the lease was acquired. */
  position: Position | undefined;
  /** The journal's last entry that counts. Undefined: no state is kept, and what was is deleted. */
  entry: JournalEntry | undefined;
  /** Whether entries were written ahead: it fails with `state_old` when they are gone. */
  isBegun: boolean;
  /** Oldest first, each one a JSON text. */
  deadLetters: readonly string[];
}

/** Reads the ranges of segments; each worker has one of its own. */
export interface RangeReader {
  /**
   * The list elements of a range, oldest first, as they were pushed. Fewer than `range.count` when
   * the queue has lost some. The caller owns them until it gives them back with `recycle`.
   */
  read(range: Range): Promise<Elements>;

  /** Takes elements back that `read` gave: their memory is used for others. */
  recycle(elements: Elements): void;

  close(): void;
}

/** A claimed piece of the queue. Its content never changes; it is cut only from the oldest end. */
export interface Segment {
  /** Ascending in the order in which segments were claimed. */
  number: number;
  /** List elements. */
  length: number;
  /** What an element takes on average, in bytes; 0 when not known. */
  elementBytes: number;
  /** When it was claimed, in ms since 1970; 0 when not known. */
  claimedMs: number;
}

/** A part of a segment, one worker's job. It crosses threads. */
export interface Range {
  /** Ascending over all segments: the order in which ranges are applied. */
  sequence: number;
  segment: number;
  /** Elements of the segment that are newer than this range: it is read from the oldest end. */
  newer: number;
  count: number;
  /** Where its elements are, when they are in memory that threads share; oldest first. */
  spans?: ElementSpan[];
}

/** Elements of one block of shared memory, see `EmbeddedStore`. */
export interface ElementSpan {
  memory: SharedArrayBuffer;
  /** Of the block's elements. */
  from: number;
  count: number;
}

/** Everything before the segment is applied, and all of its elements but the newest `left`. */
export interface Position {
  segment: number;
  left: number;
}

/**
 * Why a call to a queue failed.
 * `unavailable`: not reached, or not answering as it should; try again.
 * `not_owner`: another process works under this gateway id.
 * `state_lost`: the queue no longer knows of us (it came back empty): acquire again.
 * `state_old`: the queue is older than what we know of it: acquire again, and write all back.
 * `damaged`: the saved state cannot be read by this program; nothing was changed.
 */
export type QueueFault = "unavailable" | "not_owner" | "state_lost" | "state_old" | "damaged";

export class QueueError extends Error {
  readonly fault: QueueFault;

  constructor(fault: QueueFault, message: string, cause?: unknown) {
    super(message, { cause });
    this.fault = fault;
  }
}
