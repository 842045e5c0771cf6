import { type Elements, packElements } from "../../src/queue/elements.ts";
import {
  type Acquired,
  type Commit,
  type JournalEntry,
  type Queue,
  QueueError,
  type QueueFacts,
  type Range,
  type RangeReader,
  type SavedCheckpoint,
  type Segment,
} from "../../src/queue/queue.ts";
import type { RangeSource } from "../../src/queue/range-source.ts";

/** What becomes of a call: its effect, its answer, or both are lost, or the effect comes late. */
export type Outcome = "done" | "answer lost" | "not done" | "late";

/** What is broken on purpose: a test of the tests. */
export type StoreMutation =
  | "no fencing"
  | "deletes before the checkpoint"
  | "takes a commit twice"
  | "state stands after another owner"
  | "commits without what was written ahead"
  | "forgets when segments were claimed";

interface State {
  owner: string;
  token: number;
  formerOwner: string;
  formerToken: number;
  first: number;
  next: number;
  checkpoint: number;
  journal: string;
  entries: number;
  building: string;
  begun: number;
  ahead: number;
  /** For each segment that is not done when it was claimed. */
  claimedMs: Map<number, number>;
  /** When the queue was last found empty, to the second. */
  clockMs: number;
  isReleased: boolean;
}

export const LEASE_MS = 3000;
const DEAD_LETTERS_MAX = 3;
const STAND_BACK_MS = 2 * LEASE_MS + 2000;

/**
 * What Redis holds, in memory, with a clock that a test moves: each method is one atomic step, as a
 * script is. The contract suite runs over it, so that it does what the scripts do.
 */
export class SimulatedStore {
  nowMs = 0;
  queue: Uint8Array[] = [];
  segments = new Map<number, Uint8Array[]>();
  journals = new Map<string, Map<number, Uint8Array>>();
  /** Newest first. */
  deadLetters: string[] = [];
  deadLettersMax = DEAD_LETTERS_MAX;
  state: State | undefined;
  lease: { name: string; untilMs: number } | undefined;
  /** Calls whose effect has not come yet. */
  late: (() => void)[] = [];
  mutation: StoreMutation | undefined;

  /** All that it holds, for `goBackTo`. */
  remember(): Partial<SimulatedStore> {
    return structuredClone({ ...this, late: [], mutation: undefined });
  }

  /**
   * Becomes what it was, as a replica that lags does; an empty memory is a restart. What was on its
   * way to the one before never arrives.
   */
  goBackTo(memory: Partial<SimulatedStore>): void {
    const { nowMs, mutation, deadLettersMax } = this;
    const copy = structuredClone(memory);
    Object.assign(this, new SimulatedStore(), copy, { nowMs, mutation, deadLettersMax });
  }

  get holder(): string | undefined {
    return this.lease && this.lease.untilMs > this.nowMs ? this.lease.name : undefined;
  }

  checkOwner(name: string, token: number): State {
    if (this.state === undefined) throw new QueueError("state_lost", "the state is gone");
    const { owner, isReleased } = this.state;
    const isOwner = owner === name && this.state.token === token && !isReleased;
    if (!isOwner && this.mutation !== "no fencing") {
      throw new QueueError("not_owner", "another process is the owner");
    }
    return this.state;
  }

  acquire(name: string, seen: number, next: number, first: number): State & { before: number } {
    const known = this.state;
    const token = known?.token ?? 0;
    const isNew = known?.owner !== name || token < seen;
    this.state = {
      ...{ first, checkpoint: 0, journal: "", entries: 0, building: "", begun: 0, ahead: 0 },
      ...{ formerOwner: "", formerToken: 0, claimedMs: new Map(), clockMs: 0, ...known },
      isReleased: false,
      owner: name,
      token: isNew ? Math.max(token, seen) + 1 : token,
      next: Math.max(known?.next ?? 0, next),
    };
    if (isNew) {
      this.state.begun = 0;
      this.state.ahead = 0;
      this.state.formerOwner = known?.owner ?? "";
      this.state.formerToken = token;
    }
    this.lease = { name, untilMs: this.nowMs + LEASE_MS };
    return { ...this.state, before: known?.next ?? 0 };
  }

  claim(state: State, number: number, nowMs: number): Segment | "gone" | undefined {
    if (state.next !== number && state.next !== number + 1) {
      throw new QueueError("state_old", `the next segment is ${state.next}, not ${number}`);
    }
    let elements = this.segments.get(number);
    if (elements === undefined) {
      if (state.next === number + 1) return "gone";
      if (this.queue.length === 0) {
        if (secondOf(nowMs) > secondOf(state.clockMs)) state.clockMs = nowMs;
        return undefined;
      }
      elements = this.queue;
      this.queue = [];
      this.segments.set(number, elements);
      state.claimedMs.set(number, Math.max(state.clockMs, nowMs));
    }
    state.next = number + 1;
    const claimedMs = state.claimedMs.get(number) ?? 0;
    return { number, length: elements.length, elementBytes: 1, claimedMs };
  }

  writeEntry(state: State, { journal, index, bytes }: JournalEntry): void {
    const entries = this.journals.get(journal) ?? new Map<number, Uint8Array>();
    this.journals.set(journal, entries.set(index, bytes));
    if (journal !== state.journal) state.building = journal;
  }

  commit(state: State, commit: Commit, first: number, deleted: readonly string[]): void {
    const { number, after, position, entry, deadLetters } = commit;
    if (state.checkpoint >= number && this.mutation !== "takes a commit twice") return;
    if (after !== undefined && after !== state.checkpoint && state.checkpoint < number) {
      throw new QueueError("state_old", `the last checkpoint is ${state.checkpoint}, not ${after}`);
    }
    const isAhead = state.begun === number && state.ahead === entry?.index;
    if (commit.isBegun && !isAhead && this.mutation !== "commits without what was written ahead") {
      throw new QueueError("state_old", "entries are gone that were written ahead");
    }
    this.deleteDone(first, position?.left);
    for (const journal of deleted) this.journals.delete(journal);
    if (entry !== undefined) this.writeEntry(state, entry);
    state.checkpoint = number;
    state.first = first;
    state.journal = entry?.journal ?? "";
    state.entries = entry === undefined ? 0 : entry.index + 1;
    state.building = "";
    this.deadLetters.unshift(...deadLetters.toReversed());
    this.deadLetters.length = Math.min(this.deadLetters.length, this.deadLettersMax);
  }

  deleteDone(first: number, left: number | undefined): void {
    for (const number of [...this.segments.keys()]) {
      if (number < first) this.segments.delete(number);
    }
    const current = this.segments.get(first);
    if (current !== undefined && left) this.segments.set(first, current.slice(-left));
  }
}

/** One process' view of a `SimulatedStore`. */
export class SimulatedQueue implements Queue, RangeReader {
  readonly name: string;
  readonly isVolatile = false;
  #store: SimulatedStore;
  /** What becomes of a call that is to come: the next one, or one after it. */
  fault: { outcome: Outcome; callsBefore: number } | undefined;
  #token = 0;
  #former = { name: "", token: 0 };
  #seenToken = 0;
  #ownedUntilMs = 0;
  #standBackUntilMs: number | undefined;
  #nextSegment = 0;
  #firstSegment = 0;
  #journal = "";
  #abandoned = new Set<string>();

  constructor(store: SimulatedStore, name: string = crypto.randomUUID()) {
    this.#store = store;
    this.name = name;
  }

  get isOwner(): boolean {
    return this.#store.nowMs < this.#ownedUntilMs;
  }

  async acquire(hasState: boolean): Promise<Acquired> {
    const store = this.#store;
    const askedAtMs = store.nowMs;
    const standsBack =
      !hasState && askedAtMs < (this.#standBackUntilMs ?? Number.POSITIVE_INFINITY);
    const { state, holder, token, remainingMs } = this.#call(() => {
      const token = store.state?.token ?? 0;
      const isForgotten = token < this.#seenToken && standsBack;
      const isFree = store.holder === undefined || store.holder === this.name;
      const state =
        isFree && !isForgotten
          ? store.acquire(this.name, this.#seenToken, this.#nextSegment, this.#firstSegment)
          : undefined;
      const remainingMs = store.lease ? store.lease.untilMs - store.nowMs : -1;
      return { state, holder: store.holder, token, remainingMs };
    });
    if (state === undefined) {
      if (holder === undefined) this.#standBackUntilMs ??= askedAtMs + STAND_BACK_MS;
      this.#seenToken = Math.max(this.#seenToken, token);
      const isLater = token > this.#token;
      return { kind: "standby", holder: holder ?? "nobody yet", remainingMs, isLater };
    }
    this.#ownedUntilMs = askedAtMs + LEASE_MS * 0.9;
    return this.#enter(state, hasState);
  }

  #enter(state: State & { before: number }, hasState: boolean): Acquired {
    const { formerOwner, formerToken, token, first, next, before } = state;
    const isSame = token === this.#token;
    const isForgotten = !isSame && formerOwner === "";
    const isOurs = formerOwner === this.name && formerToken <= this.#token;
    const isBefore = formerOwner === this.#former.name && formerToken === this.#former.token;
    const isMutated = this.#store.mutation === "state stands after another owner";
    const isContinued = hasState && (isSame || isForgotten || isOurs || isBefore || isMutated);
    const isOlder = isContinued && !isForgotten && before < this.#nextSegment;
    this.#token = token;
    this.#former = { name: formerOwner, token: formerToken };
    this.#seenToken = token;
    this.#standBackUntilMs = undefined;
    const segments: Segment[] = [];
    for (let number = first; number < next; number++) {
      if (isContinued && number < this.#nextSegment) continue;
      const length = this.#store.segments.get(number)?.length;
      const isForgotten = this.#store.mutation === "forgets when segments were claimed";
      const claimedMs = isForgotten ? 0 : (state.claimedMs.get(number) ?? 0);
      if (length !== undefined) segments.push({ number, length, elementBytes: 1, claimedMs });
    }
    if (state.building !== "" && state.building !== state.journal) {
      this.#abandoned.add(state.building);
    }
    this.#abandoned.delete(state.journal);
    if (state.journal !== "") this.#journal = state.journal;
    if (!isContinued) this.#firstSegment = first;
    this.#nextSegment = next;
    const { checkpoint: number, journal, entries } = state;
    const uncertain = isOlder ? this.#store.queue.length : 0;
    const saved = { number, journal, entries };
    return { kind: "owner", token, isContinued, isForgotten, segments, saved, uncertain };
  }

  async renew(): Promise<void> {
    const askedAtMs = this.#store.nowMs;
    this.#callAsOwner(() => {
      this.#store.lease = { name: this.name, untilMs: this.#store.nowMs + LEASE_MS };
    });
    this.#ownedUntilMs = askedAtMs + LEASE_MS * 0.9;
  }

  async release(): Promise<void> {
    this.#ownedUntilMs = 0;
    this.#callAsOwner((state) => {
      state.isReleased = true;
      this.#store.lease = undefined;
    });
  }

  /** At once: a test decides itself when to look again. */
  async waitForRelease(): Promise<void> {}
  async wait(): Promise<void> {}

  async claim(nowMs: number): Promise<Segment | undefined> {
    for (;;) {
      const number = this.#nextSegment;
      const claimed = this.#callAsOwner((state) => this.#store.claim(state, number, nowMs));
      if (claimed !== undefined) this.#nextSegment = number + 1;
      if (claimed !== "gone") return claimed;
    }
  }

  get rangeSource(): RangeSource {
    throw new Error("BUG: no worker reads from a simulated queue");
  }

  locate(range: Range): Range {
    return range;
  }

  applied(): void {}

  async setAside(): Promise<undefined> {}

  async *readJournal({ journal, entries }: SavedCheckpoint): AsyncIterable<Uint8Array> {
    for (let index = 0; index < entries; index++) {
      const entry = this.#store.journals.get(journal)?.get(index);
      if (entry === undefined) throw new QueueError("damaged", `entry ${index} is missing`);
      yield entry;
    }
  }

  async writeEntry(entry: JournalEntry, number: number): Promise<void> {
    const abandoned = [...this.#abandoned].filter((name) => name !== entry.journal);
    if (entry.journal !== this.#journal) this.#abandoned.add(entry.journal);
    this.#callAsOwner((state) => {
      if (state.checkpoint >= number || state.begun > number) return;
      const start = entry.journal === state.journal ? state.entries : 0;
      const ahead = state.begun === number ? state.ahead : start;
      const isMutated = this.#store.mutation === "commits without what was written ahead";
      if (entry.index > ahead && !isMutated) {
        throw new QueueError("state_old", "entries are gone that were written ahead");
      }
      state.ahead = Math.max(ahead, entry.index + 1);
      state.begun = number;
      for (const journal of abandoned) this.#store.journals.delete(journal);
      this.#store.writeEntry(state, entry);
    });
    for (const journal of abandoned) this.#abandoned.delete(journal);
  }

  async commit(commit: Commit): Promise<void> {
    const { position } = commit;
    const isDone = position?.left === 0;
    const first = position ? position.segment + (isDone ? 1 : 0) : this.#firstSegment;
    const deleted = new Set(this.#abandoned).add(this.#journal);
    deleted.delete(commit.entry?.journal ?? "");
    if (this.#store.mutation === "deletes before the checkpoint") {
      this.#store.checkOwner(this.name, this.#token);
      this.#store.deleteDone(first, commit.position?.left);
    }
    this.#callAsOwner((state) => {
      this.#store.commit(state, commit, first, [...deleted]);
    });
    this.#firstSegment = first;
    this.#journal = commit.entry?.journal ?? "";
    this.#abandoned.clear();
  }

  async length(): Promise<number> {
    return this.#store.queue.length;
  }

  async facts(): Promise<QueueFacts> {
    const leaseLeftMs = this.isOwner ? this.#ownedUntilMs - this.#store.nowMs : undefined;
    return { leaseLeftMs, server: undefined };
  }

  async read({ segment, newer, count }: Range): Promise<Elements> {
    const elements = this.#store.segments.get(segment) ?? [];
    const end = elements.length - newer;
    const read = elements.slice(Math.max(0, end - count), Math.max(0, end));
    if (read.length < count) {
      const { state } = this.#store;
      if (state === undefined) throw new QueueError("state_lost", "the state is gone");
      if (state.next <= segment) throw new QueueError("state_old", "it is not claimed");
    }
    return packElements(read);
  }

  recycle(): void {}

  close(): void {}

  /** A call that is refused when somebody else is the owner by the time it takes effect. */
  #callAsOwner<T>(effect: (state: State) => T): T {
    const [name, token] = [this.name, this.#token];
    return this.#call(() => effect(this.#store.checkOwner(name, token)));
  }

  #call<T>(effect: () => T): T {
    const outcome = this.#nextOutcome();
    if (outcome === "late") this.#store.late.push(() => void effect());
    if (outcome === "not done" || outcome === "late") {
      throw new QueueError("unavailable", "not reached");
    }
    try {
      const answer = effect();
      if (outcome === "answer lost") throw new QueueError("unavailable", "no answer");
      return answer;
    } catch (error) {
      const { fault } = error as QueueError;
      if (fault !== "unavailable") this.#ownedUntilMs = 0;
      throw error;
    }
  }
  #nextOutcome(): Outcome {
    const { fault } = this;
    if (fault === undefined) return "done";
    if (fault.callsBefore-- > 0) return "done";
    this.fault = undefined;
    return fault.outcome;
  }
}

function secondOf(ms: number): number {
  return Math.floor(ms / 1000);
}
