import {
  type Commit,
  type JournalEntry,
  type Position,
  type Queue,
  QueueError,
  type SavedCheckpoint,
} from "../queue/queue.ts";
import { ByteWriter } from "../registry/bytes.ts";
import type { Registry } from "../registry/registry.ts";

/** How large things become; a test makes them small. */
export interface CheckpointSizes {
  /** An entry of a journal is cut when it has this many bytes: a script must not hold up Redis. */
  entryBytesMax: number;
  /**
   * The whole state is written again when the journal has this many bytes beside it, and as many
   * as the state itself; and when it has so many entries that reading them would take long.
   */
  journalBytesMin: number;
  journalEntriesMax: number;
}

const SIZES: CheckpointSizes = {
  entryBytesMax: 512 * 1024,
  journalBytesMin: 1024 * 1024,
  journalEntriesMax: 10_000,
};

export interface CheckpointerOptions {
  queue: Pick<Queue, "writeEntry" | "commit">;
  registry: Registry;
  /** How far everything that the registry holds is applied. */
  position: () => Position | undefined;
  /** Takes the dead letters since the last call, oldest first. */
  takeDeadLetters: () => string[];
  /** Whether state is kept at all; otherwise a commit only says what is done. */
  keepsState: boolean;
  /** Of the ownership: makes names of journals unique. */
  token: number;
  /** What the registry was restored from. */
  saved: SavedCheckpoint;
  /** Of the journal that it was restored from. */
  savedBytes: number;
  sizes?: CheckpointSizes;
}

/** What a checkpoint wrote. */
export interface Committed {
  bytes: number;
  /** Whether it was the whole state, not only what had changed. */
  isWhole: boolean;
  /** Dead letters that were listed. */
  deadLetters: number;
}

interface Attempt {
  number: number;
  isWhole: boolean;
  journal: string;
  index: number;
  bytes: number;
  /** Whether entries were written that the queue may have forgotten. */
  isBegun: boolean;
  /** The next call to make; each is repeated as it stands until it is answered. */
  entry: JournalEntry | undefined;
  commit: Commit | undefined;
}

/**
 * Writes what the registry has gathered into a journal, and commits it with the position.
 *
 * What has changed since the last checkpoint goes into entries of bounded size. All but the last
 * are written ahead, while samples go on being applied: a series that changes again is written
 * again. The last one is taken together with the position, in one step without any `await`, and is
 * part of the commit. So what the entries say, read in order, is the state at that position.
 *
 * A checkpoint of the whole state is the same with every series marked as changed, into a new
 * journal, which replaces the old one when it is committed.
 */
export class Checkpointer {
  #options: CheckpointerOptions;
  #sizes: CheckpointSizes;
  #writer = new ByteWriter();
  /** The last commit. */
  #number: number;
  #journal: string;
  #entries: number;
  #wholeBytes = 0;
  #changedBytes: number;
  #attempt: Attempt | undefined;
  #isRewriteDue: boolean;
  /** Whether the queue's state is another one than ours, and must be replaced. */
  #replaces = false;
  /** Whether the queue has refused the attempt, since it lacks what was before it. */
  #isRefused = false;
  #deadLetters: string[] = [];
  #isEnded = false;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#sizes = options.sizes ?? SIZES;
    const { number, journal, entries } = options.saved;
    this.#number = number;
    this.#journal = journal;
    this.#entries = entries;
    this.#changedBytes = options.savedBytes;
    this.#isRewriteDue = !options.keepsState && journal !== "";
  }

  /** The number of the last commit. */
  get number(): number {
    return this.#number;
  }

  /** Whether a checkpoint is due although nothing was applied. */
  get isDue(): boolean {
    return this.#isRewriteDue || this.#attempt !== undefined;
  }

  /**
   * Makes a checkpoint, or goes on with the one that failed. Fails with a `QueueError`; one call
   * at a time.
   */
  async run(): Promise<Committed> {
    this.#attempt ??= this.#begin();
    const attempt = this.#attempt;
    try {
      await this.#finish(attempt);
    } catch (error) {
      this.#isRefused = error instanceof QueueError && error.fault === "state_old";
      throw error;
    }
    const { bytes, isWhole, commit } = attempt;
    this.#settle(attempt);
    return { bytes, isWhole, deadLetters: commit?.deadLetters.length ?? 0 };
  }

  /** Its state is void: a call of `run` that is under way makes no further call to the queue. */
  end(): void {
    this.#isEnded = true;
  }

  /** Makes the calls that are left. */
  async #finish(attempt: Attempt): Promise<void> {
    while (attempt.commit === undefined) {
      if (attempt.entry === undefined) this.#advance(attempt);
      if (attempt.entry === undefined) continue;
      attempt.isBegun = true;
      await this.#options.queue.writeEntry(attempt.entry, attempt.number);
      if (this.#isEnded) throw new QueueError("not_owner", "checkpoint: its state is void");
      attempt.entry = undefined;
    }
    await this.#options.queue.commit(attempt.commit);
  }

  /**
   * Says what the queue knows as the last checkpoint, after the lease was acquired anew by the
   * process that had it. When that is not ours, or it has refused our next one, what it holds is
   * not what we wrote, and the next checkpoint writes everything. Returns what the difference is, or
   * undefined. An attempt that failed in any other way goes on: it may take effect still.
   */
  reconcile(saved: SavedCheckpoint): string | undefined {
    const attempted = this.#attempt?.commit?.number;
    const isOurs = saved.number === this.#number || saved.number === attempted;
    if (isOurs && !this.#isRefused) return undefined;
    const difference = `the last checkpoint is ${saved.number}, not ${this.#number}`;
    this.#isRefused = false;
    this.#number = Math.max(this.#number, this.#attempt?.number ?? 0, saved.number);
    this.#deadLetters = [...(this.#attempt?.commit?.deadLetters ?? [])];
    this.#attempt = undefined;
    this.#isRewriteDue = true;
    this.#replaces = true;
    return difference;
  }

  #begin(): Attempt {
    const { keepsState, token, registry } = this.#options;
    const number = this.#number + 1;
    const { journalBytesMin, journalEntriesMax } = this.#sizes;
    const isFull =
      this.#changedBytes > Math.max(this.#wholeBytes, journalBytesMin) ||
      this.#entries >= journalEntriesMax;
    const isWhole = keepsState && (this.#journal === "" || this.#isRewriteDue || isFull);
    if (isWhole) registry.markAllChanged();
    return {
      number,
      isWhole,
      journal: isWhole ? `${token}-${number}` : this.#journal,
      index: isWhole ? 0 : this.#entries,
      bytes: 0,
      isBegun: false,
      entry: undefined,
      commit: undefined,
    };
  }

  /** Encodes the next piece: an entry ahead, or the last one with the commit. */
  #advance(attempt: Attempt): void {
    const { registry, keepsState, position, takeDeadLetters } = this.#options;
    const isLast = !keepsState || registry.writeChanges(this.#writer, this.#sizes.entryBytesMax);
    const bytes = this.#writer.take();
    attempt.bytes += bytes.length;
    const { journal, number } = attempt;
    const entry = keepsState ? { journal, index: attempt.index++, bytes } : undefined;
    if (!isLast) {
      attempt.entry = entry;
      return;
    }
    const deadLetters = [...this.#deadLetters, ...takeDeadLetters()];
    this.#deadLetters = [];
    const after = this.#replaces ? undefined : this.#number;
    const { isBegun } = attempt;
    attempt.commit = { number, after, position: position(), entry, isBegun, deadLetters };
  }

  #settle(attempt: Attempt): void {
    this.#attempt = undefined;
    this.#number = attempt.number;
    this.#journal = this.#options.keepsState ? attempt.journal : "";
    this.#entries = attempt.index;
    if (attempt.isWhole) {
      this.#wholeBytes = attempt.bytes;
      this.#changedBytes = 0;
    } else this.#changedBytes += attempt.bytes;
    this.#isRewriteDue = false;
    this.#replaces = false;
  }
}
