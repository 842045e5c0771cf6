import fc from "fast-check";
import type { RangeBatch } from "../../src/ingest/messages.ts";
import { restoreRegistry } from "../../src/ingest/restore.ts";
import { Tenure } from "../../src/ingest/tenure.ts";
import { QueueError, type Range } from "../../src/queue/queue.ts";
import { Folder } from "../../src/sample/fold.ts";
import { LIMITS } from "./arbitrary-messages.ts";
import { makeRegistry } from "./registry.ts";
import { rendered } from "./rendered.ts";
import {
  LEASE_MS,
  type Outcome,
  SimulatedQueue,
  SimulatedStore,
  type StoreMutation,
} from "./simulated-queue.ts";

/** What is broken on purpose in a process, or in the store. */
export type Mutation =
  | StoreMutation
  | "applies as batches arrive"
  | "shows before it has recovered"
  | "does not look at the clock";

/** As often as they stand here; `work` is all that there is from a claim to the totals. */
const ACTIONS = [
  ...(["acquire", "acquire", "acquire", "acquire", "renew", "claim", "send", "send"] as const),
  ...(["read", "read", "deliver", "deliver", "checkpoint", "checkpoint", "checkpoint"] as const),
  ...(["work", "work", "work", "crash", "release"] as const),
];
const OUTCOMES = [
  ...(["done", "done", "done", "done", "done", "answer lost", "not done", "late"] as const),
];

type Step =
  | { kind: "push"; count: number; isBad: boolean }
  | { kind: "pass"; ms: number }
  | { kind: "late" }
  | { kind: "remember" }
  | { kind: "go back" }
  | { kind: "forget" }
  | {
      kind: "process";
      process: number;
      worker: number;
      action: (typeof ACTIONS)[number];
      outcome: Outcome;
      /** Of the action: the outcome is of the call after them. */
      callsBefore: number;
    };

/** Few processes, small segments, and every fault at every call. */
export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("push" as const),
      count: fc.integer({ min: 1, max: 5 }),
      isBad: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("pass" as const),
      ms: fc.constantFrom(LEASE_MS / 3, LEASE_MS / 2, LEASE_MS + 1),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "late" as const }) },
  {
    weight: 30,
    arbitrary: fc.record({
      kind: fc.constant("process" as const),
      process: fc.constantFrom(0, 0, 1),
      worker: fc.constantFrom(0, 1),
      action: fc.constantFrom(...ACTIONS),
      outcome: fc.constantFrom(...OUTCOMES),
      callsBefore: fc.constantFrom(0, 0, 1, 2, 3, 4),
    }),
  },
) as fc.Arbitrary<Step>;

/** The same, and the store forgets: all, or what came after a moment. */
export const forgetfulStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 37, arbitrary: step },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom<"remember" | "go back" | "forget">("remember", "go back", "forget")
      .map((kind) => ({ kind })),
  },
);

/** One worker: ranges it was sent, and batches it has made, each in order. */
interface Worker {
  sent: Range[];
  ready: RangeBatch[];
  folder: Folder;
}

interface Process {
  /** Which workers it has. */
  index: number;
  queue: SimulatedQueue;
  workers: Worker[];
  tenure: Tenure | undefined;
  isAcquired: boolean;
  isRecovered: boolean;
}

/**
 * Senders, a store and two processes under one gateway id. The processes are the real tenure, plan,
 * registry, journal and checkpoints, driven a step at a time as `Ingestion` drives them.
 */
export class World {
  #store = new SimulatedStore();
  #processes: Process[] = [];
  #mutation: Mutation | undefined;
  #names = 0;
  #pushed = 0;
  #bad: string[] = [];
  /** The greatest prefix that any scrape has shown. */
  #shown = 0;
  #memory: Partial<SimulatedStore> = {};
  /** Whether the store has forgotten something: then only what a process holds can be relied on. */
  #hasForgotten = false;
  /** By element which sample of `samplesOf` it is, and by that when it was claimed for good. */
  #seqOf = new WeakMap<Uint8Array, number>();
  #claimedMs = new Map<number, number>();
  /** The latest clock of any state that was shown. */
  #shownClockMs = 0;
  /** How many samples a state has shown. */
  #shownOf = new WeakMap<Tenure, number>();

  constructor(mutation?: Mutation) {
    this.#mutation = mutation;
    this.#store.mutation = mutation as StoreMutation | undefined;
    this.#store.deadLettersMax = Number.POSITIVE_INFINITY;
    for (let i = 0; i < 2; i++) this.#processes.push(this.#makeProcess(i));
  }

  /** Does one step, and scrapes everybody after it. Throws when an invariant is broken. */
  async take(step: Step): Promise<void> {
    switch (step.kind) {
      case "push":
        this.#push(step.count, step.isBad);
        break;
      case "pass":
        this.#store.nowMs += step.ms;
        break;
      case "late":
        this.#deliverLate();
        break;
      case "remember":
        this.#memory = this.#store.remember();
        break;
      case "go back":
      case "forget":
        // A replica follows a master that has forgotten.
        if (step.kind === "forget") this.#memory = {};
        this.#store.goBackTo(this.#memory);
        this.#hasForgotten = true;
        break;
      default:
        await this.#act(step);
    }
    this.#noteClaims();
    for (const process of this.#processes) this.#scrape(process);
  }

  /** Lets one process do all that is left, twice with a crash in between, and looks at the totals. */
  async finish(): Promise<void> {
    while (this.#store.late.length > 0) this.#deliverLate();
    for (let round = 0; round < 2; round++) {
      this.#store.nowMs += 3 * LEASE_MS;
      this.#processes = [this.#makeProcess(0)];
      const [process] = this.#processes;
      await this.#attempt(process, () => this.#acquire(process));
      for (let i = 0; process.tenure && (i === 0 || process.tenure.plan.pending > 0); i++) {
        await process.queue.renew();
        await this.#claim(process);
        this.#noteClaims();
        await this.#work(process);
      }
      await process.tenure?.checkpoint();
      this.#scrape(process);
      this.#store.nowMs += BRIEF_TTL_SECONDS * 1000;
      await process.queue.renew();
      await this.#claim(process);
      this.#scrape(process);
      await process.tenure?.checkpoint();
      if (this.#shown !== this.#pushed) throw new Error(`${this.#shown} of ${this.#pushed} shown`);
      const letters = this.#store.deadLetters.map((text) => JSON.parse(text).payload).sort();
      if (String(letters) !== String(this.#bad.toSorted())) throw new Error("dead letters differ");
      if (this.#store.segments.size > 0) throw new Error("segments are left behind");
      if (this.#store.journals.size > 1) throw new Error("journals are left behind");
    }
  }

  /**
   * Lets one that holds a state write it back to a store that has forgotten something, and looks
   * whether the next process has the same.
   */
  async finishForgetful(): Promise<void> {
    while (this.#store.late.length > 0) this.#deliverLate();
    const holder = this.#processes.find(({ tenure }) => tenure !== undefined);
    const shown: string[] = [];
    const first = holder ?? this.#makeProcess(0);
    for (const process of [first, this.#makeProcess(1 - first.index)]) {
      // Others are gone; a standby may stand back for a while.
      this.#processes = [process];
      for (let i = 0; i < 4; i++) {
        this.#store.nowMs += 3 * LEASE_MS;
        await this.#attempt(process, async () => {
          await this.#acquire(process);
          await this.#claim(process);
          this.#noteClaims();
          await this.#work(process);
          await process.tenure?.checkpoint();
        });
        this.#scrape(process);
      }
      const { tenure } = process;
      if (tenure === undefined || tenure.unconfirmed > 0) throw new Error("it does not go on");
      shown.push(renderAll(tenure));
    }
    if (shown[0] !== shown[1]) throw new Error(`not written back:\n${shown.join("\n")}`);
    if (this.#store.segments.size > 0) throw new Error("segments are left behind");
  }

  #makeProcess(index: number): Process {
    const queue = new SimulatedQueue(this.#store, `p${this.#names++}`);
    return {
      queue,
      index,
      workers: makeWorkers(index),
      tenure: undefined,
      isAcquired: false,
      isRecovered: false,
    };
  }

  #push(count: number, isBad: boolean): void {
    for (let i = 0; i < count; i++) {
      const seq = ++this.#pushed;
      const element = new TextEncoder().encode(JSON.stringify(samplesOf(seq)));
      this.#seqOf.set(element, seq);
      this.#store.queue.push(element);
    }
    if (!isBad) return;
    const bad = JSON.stringify({ bad: this.#bad.length });
    this.#bad.push(bad);
    this.#store.queue.push(new TextEncoder().encode(bad));
  }

  #deliverLate(): void {
    try {
      this.#store.late.shift()?.();
    } catch (error) {
      if (!(error instanceof QueueError)) throw error;
    }
  }

  async #act(step: Step & { kind: "process" }): Promise<void> {
    const { process: index, action, outcome, callsBefore } = step;
    const process = this.#processes[index];
    const worker = process.workers[step.worker];
    process.queue.fault = { outcome, callsBefore };
    await this.#attempt(process, async () => {
      switch (action) {
        case "acquire":
          return this.#acquire(process);
        case "renew":
          if (process.isAcquired) await process.queue.renew();
          return this.#drain(process);
        case "claim":
          return this.#claim(process);
        case "send":
          return void this.#send(process, worker);
        case "read":
          return void (await this.#read(process, worker));
        case "deliver":
          return void this.#deliver(process, worker);
        case "work":
          await this.#claim(process);
          return this.#work(process);
        case "checkpoint":
          if (this.#isOwner(process) && process.tenure?.hasNews) await process.tenure.checkpoint();
          return;
        case "release":
          if (!this.#isOwner(process)) return;
          // It ends, whether it is answered or not.
          this.#processes[index] = this.#makeProcess(index);
          return process.queue.release();
        default:
          this.#processes[index] = this.#makeProcess(index);
      }
    });
    process.queue.fault = undefined;
  }

  async #attempt(process: Process, call: () => Promise<void>): Promise<void> {
    try {
      await call();
    } catch (error) {
      if (!(error instanceof QueueError)) throw error;
      if (error.fault !== "unavailable") process.isAcquired = false;
    }
  }

  #isOwner(process: Process): boolean {
    const isInTime = process.queue.isOwner || this.#mutation === "does not look at the clock";
    return process.isAcquired && isInTime;
  }

  async #acquire(process: Process): Promise<void> {
    if (this.#isOwner(process) && process.tenure !== undefined) return;
    const acquired = await process.queue.acquire(process.tenure !== undefined);
    process.isAcquired = acquired.kind === "owner";
    if (acquired.kind === "standby") {
      if (acquired.isLater) process.tenure = undefined;
      return;
    }
    if (acquired.isContinued && process.tenure !== undefined) {
      for (const segment of acquired.segments) process.tenure.add(segment, 0);
      process.tenure.checkpointer.reconcile(acquired.saved);
    } else {
      process.tenure = undefined;
      process.isRecovered = false;
      process.workers = makeWorkers(process.index);
      const restored = await restoreRegistry(makeRegistry, process.queue, acquired.saved, {
        ...{ listener: { restoring: () => {} }, nowMs: () => 0 },
      });
      process.tenure = new Tenure({
        ...{ ...restored, ...acquired, queue: process.queue, nowMs: this.#nowMs },
        ...{ popCount: 2, keepsState: true, maxAgeMs: 0, deadLetterMax: Number.POSITIVE_INFINITY },
        sizes: { entryBytesMax: 60, journalBytesMin: 300, journalEntriesMax: 12 },
      });
    }
    this.#drain(process);
  }

  async #claim(process: Process): Promise<void> {
    if (!this.#isOwner(process) || process.tenure === undefined) return;
    const nowMs = this.#nowMs;
    const segment = await process.queue.claim(nowMs);
    if (segment !== undefined) process.tenure.add(segment, nowMs);
    else process.tenure.idle(nowMs);
    this.#tellVoids(process);
  }

  async #work(process: Process): Promise<void> {
    for (const worker of process.workers) {
      while (this.#send(process, worker));
      while (await this.#read(process, worker));
    }
    // Those that wait for another worker's are applied when that one's arrive.
    for (const worker of process.workers) while (this.#deliver(process, worker));
  }

  #send({ tenure }: Process, worker: Worker): boolean {
    const range = tenure?.plan.next();
    if (range !== undefined) worker.sent.push(range);
    return range !== undefined;
  }

  async #read(process: Process, { sent, ready, folder }: Worker): Promise<boolean> {
    const [range] = sent;
    if (range === undefined) return false;
    const elements = await process.queue.read(range);
    sent.shift();
    const lost = range.count - elements.count;
    const times = { bytes: 0, readSeconds: 0, decodeSeconds: 0, cpuSeconds: 0 };
    ready.push({ ...folder.fold(elements), ...times, sequence: range.sequence, lost });
    return true;
  }

  #deliver(process: Process, worker: Worker): boolean {
    const batch = worker.ready.shift();
    if (batch === undefined || process.tenure === undefined) return false;
    const isMutated = this.#mutation === "applies as batches arrive";
    if (isMutated && this.#isOwner(process)) batch.sequence = process.tenure.plan.nextToApply;
    process.tenure.arrive(process.workers.indexOf(worker), worker, batch);
    this.#drain(process);
    return true;
  }

  #drain(process: Process): void {
    const { tenure } = process;
    if (tenure === undefined || !this.#isOwner(process)) return;
    for (;;) {
      const applied = tenure.applyNext(this.#nowMs);
      this.#tellVoids(process);
      if (applied === undefined) break;
      if ("again" in applied) {
        process.workers[0].sent.push(applied.again);
        continue;
      }
      if (applied.batch.lost > 0 && !this.#hasForgotten) throw new Error("elements are lost");
    }
    if (tenure.recoveringLeft > 0 || process.isRecovered) return;
    tenure.recovered();
    this.#tellVoids(process);
    process.isRecovered = true;
  }

  #tellVoids({ tenure, workers }: Process): void {
    for (const { incarnation, ids } of tenure?.takeVoids() ?? []) {
      workers.find((worker) => worker === incarnation)?.folder.void(ids);
    }
  }

  /** A segment's time is what the store has, once it is there. */
  #noteClaims(): void {
    for (const [number, elements] of this.#store.segments) {
      const claimedMs = this.#store.state?.claimedMs.get(number) ?? 0;
      for (const element of elements) {
        const seq = this.#seqOf.get(element);
        if (seq !== undefined && !this.#claimedMs.has(seq)) this.#claimedMs.set(seq, claimedMs);
      }
    }
  }

  get #nowMs(): number {
    return START_MS + this.#store.nowMs;
  }

  /**
   * What the series that end must show after so many samples, at the state's clock: by when the samples
   * were claimed, whoever applied them and whenever.
   */
  #expectedBrief(seq: number, clockMs: number): string[] {
    const series = new Map<number, { seen: number; count: number }>();
    let seconds = 0;
    const advance = (ms: number) => {
      seconds = Math.max(seconds, Math.floor(ms / 1000));
      for (const [shard, { seen }] of series) {
        if (seen + BRIEF_TTL_SECONDS <= seconds) series.delete(shard);
      }
    };
    for (let i = 1; i <= seq; i++) {
      advance(this.#claimedMs.get(i) ?? 0);
      const count = (series.get(i % 2)?.count ?? 0) + 1;
      series.set(i % 2, { seen: seconds, count });
    }
    advance(clockMs);
    return [...series].map(([shard, { count }]) => `brief{shard="${shard}"} ${count}`).sort();
  }

  /** What is shown is the aggregate of a prefix of what was pushed, and of none before the last. */
  #scrape(process: Process): void {
    const { tenure, isRecovered } = process;
    const isShown = isRecovered || this.#mutation === "shows before it has recovered";
    if (tenure === undefined || !isShown || !this.#isOwner(process)) return;
    const text = renderAll(tenure);
    const count = Number(/^wait_count (\S+)$/m.exec(text)?.[1] ?? 0);
    if (count < (this.#shownOf.get(tenure) ?? 0)) throw new Error("what one shows went back");
    this.#shownOf.set(tenure, count);
    if (this.#hasForgotten) return;
    const seq = Number(/^seq (\S+)$/m.exec(text)?.[1] ?? 0);
    const { clockMs } = tenure.registry;
    const brief = text
      .split("\n")
      .filter((line) => line.startsWith("brief{"))
      .sort();
    const expected = this.#expectedBrief(seq, clockMs);
    if (String(brief) !== String(expected)) throw new Error(`${brief} for ${expected}`);
    if (clockMs < this.#shownClockMs) throw new Error("the clock went back");
    this.#shownClockMs = clockMs;
    const isPrefix = seq === 0 ? text === "" : expectedLines(seq).every((l) => text.includes(l));
    if (!isPrefix) throw new Error(`no prefix: ${text}`);
    if (seq < this.#shown) throw new Error(`went back from ${this.#shown} to ${seq}`);
    this.#shown = seq;
  }
}

function renderAll({ registry }: Tenure): string {
  return rendered(registry.snapshot(START_MS));
}

/** Those of one process; they know nothing yet. */
function makeWorkers(process: number): Worker[] {
  return FOLDERS[process].map((folder) => {
    folder.forget();
    return { sent: [], ready: [], folder };
  });
}

/** For all worlds: to make one takes long. */
const FOLDERS = [0, 1].map(() =>
  [0, 1].map(() => new Folder({ limits: LIMITS, deadLetterMax: Number.MAX_SAFE_INTEGER })),
);

/** When the clock of the store begins. */
const START_MS = 1_700_000_000_000;
const BRIEF_TTL_SECONDS = 2;

/** Values whose sum depends on their order. */
function amountOf(seq: number): number {
  return (seq % 7) / 10 + 0.1;
}

function samplesOf(seq: number): object[] {
  const value = amountOf(seq);
  const labels = { shard: String(seq % 3) };
  return [
    { type: "counter", name: "all", value },
    { type: "counter", name: "sharded", value: 1, labels },
    { type: "summary", name: "wait", value, quantiles: [0.5], epsilons: [0.1] },
    { type: "counter", name: "brief", value: 1, labels: { shard: String(seq % 2) }, ttl: 2 },
    { type: "gauge", name: "seq", value: seq },
  ];
}

function expectedLines(seq: number): string[] {
  let all = 0;
  for (let i = 1; i <= seq; i++) all += amountOf(i);
  const lines = [`\nall ${all}\n`, `\nwait_sum ${all}\n`, `\nwait_count ${seq}\n`];
  for (let shard = 0; shard < Math.min(3, seq); shard++) {
    const of = (shard + 1) % 3;
    const count = Math.floor((seq - (of || 3)) / 3) + 1;
    lines.push(`\nsharded{shard="${of}"} ${count}\n`);
  }
  return lines;
}
