import type { Range } from "../queue/queue.ts";
import type { RangeBatch, WorkerReply, WorkerRequest } from "./messages.ts";

export interface WorkerPoolOptions {
  /** The worker's entry point, next to `main.ts`: a compiled binary finds it only there. */
  url: URL;
  count: number;
  /** What each worker is told first. `name` is the worker's number as text. */
  start: (name: string) => WorkerRequest;
  listener: WorkerPoolListener;
}

export interface WorkerPoolListener {
  /** `incarnation` is a new object for each time that a worker was started. */
  batch(worker: number, incarnation: object, batch: RangeBatch): void;
  readFailed(worker: number, reason: string): void;
  /** The worker died; another one is started, and is given its ranges again. */
  died(worker: number, reason: string): void;
}

interface Member {
  worker: Worker;
  incarnation: object;
  /** Sent and not answered, in order. */
  outstanding: Range[];
  restarts: number;
}

/** One is decoded while the next one comes: with one, worker and Redis would wait for each other. */
const OUTSTANDING_MAX = 2;
const RESTART_DELAY_MS = { first: 10, most: 5000 };

/** The workers, and which ranges each of them has. */
export class WorkerPool {
  #options: WorkerPoolOptions;
  #members: Member[] = [];
  #closed = false;

  constructor(options: WorkerPoolOptions) {
    this.#options = options;
    for (let i = 0; i < options.count; i++) {
      this.#members.push({ ...this.#launch(i), outstanding: [], restarts: 0 });
    }
  }

  /** Whether `send` would find a worker that has room. */
  get hasRoom(): boolean {
    return this.#members.some((member) => member.outstanding.length < OUTSTANDING_MAX);
  }

  /** For each worker how many ranges it has. */
  get outstanding(): number[] {
    return this.#members.map((member) => member.outstanding.length);
  }

  /** Gives a range to the worker that has least to do. */
  send(range: Range): void {
    let least = this.#members[0];
    for (const member of this.#members) {
      if (member.outstanding.length < least.outstanding.length) least = member;
    }
    least.outstanding.push(range);
    post(least.worker, { kind: "read", range });
  }

  /** Numbers of definitions are void; nobody hears of it when that worker is not alive any more. */
  void(incarnation: object, ids: Uint32Array<ArrayBuffer>): void {
    const member = this.#members.find((other) => other.incarnation === incarnation);
    if (member !== undefined) post(member.worker, { kind: "void", ids });
  }

  close(): void {
    this.#closed = true;
    for (const member of this.#members) member.worker.terminate();
  }

  #launch(index: number): Pick<Member, "worker" | "incarnation"> {
    const worker = new Worker(this.#options.url);
    const incarnation = {};
    let reason = "it ended by itself";
    worker.onmessage = (event: MessageEvent<WorkerReply>) => {
      // A message may have been on its way when the worker was ended.
      if (this.#closed) return;
      const reply = event.data;
      if (reply.kind === "read_failed") {
        this.#options.listener.readFailed(index, reply.reason);
        return;
      }
      const member = this.#members[index];
      member.restarts = 0;
      if (member.outstanding[0]?.sequence !== reply.batch.sequence) return;
      member.outstanding.shift();
      this.#options.listener.batch(index, incarnation, reply.batch);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      reason = event.message;
      worker.terminate();
    };
    worker.addEventListener("close", () => {
      if (!this.#closed) this.#relaunch(index, reason);
    });
    post(worker, this.#options.start(String(index)));
    return { worker, incarnation };
  }

  #relaunch(index: number, reason: string): void {
    this.#options.listener.died(index, reason);
    const member = this.#members[index];
    const { first, most } = RESTART_DELAY_MS;
    const delayMs = Math.min(first * 2 ** Math.min(member.restarts, 20), most);
    member.restarts++;
    setTimeout(() => {
      if (this.#closed) return;
      Object.assign(member, this.#launch(index));
      for (const range of member.outstanding) post(member.worker, { kind: "read", range });
    }, delayMs);
  }
}

function post(worker: Worker, request: WorkerRequest): void {
  worker.postMessage(request);
}
