import type { Redis } from "ioredis";
import { QUEUE_KEY } from "./gateway-process.ts";

const SHARDS = 4;
const BOUNDS = [1, 5, 10];

/**
 * A sender that knows what must come out: it pushes samples of all types, in order, and adds them
 * up as the gateway should, to the last bit. The gauge `seq` counts the samples.
 */
export class Truth {
  #client: Pick<Redis, "lpush">;
  #queueKey: string;
  #seq = 0;
  #counters = new Float64Array(SHARDS);
  #buckets = new Float64Array(BOUNDS.length + 1);
  #sum = 0;
  #summarySum = 0;
  #observations = 0;

  constructor(client: Pick<Redis, "lpush">, queueKey: string = QUEUE_KEY) {
    this.#client = client;
    this.#queueKey = queueKey;
  }

  /** What comes of so many rounds, whoever pushed them. */
  static after(rounds: number): Truth {
    const truth = new Truth({ lpush: () => Promise.reject(new Error("BUG: nothing to push to")) });
    for (let i = 0; i < rounds; i++) truth.#add();
    return truth;
  }

  /** Rounds pushed; each is `SAMPLES_A_ROUND` samples. */
  get rounds(): number {
    return this.#seq;
  }

  /** From now on pushes to another Redis, as senders do after a failover. */
  moveTo(client: Redis): void {
    this.#client = client;
  }

  /** Pushes `rounds` rounds in one `LPUSH`; they count once it is answered. */
  async push(rounds: number): Promise<void> {
    const messages: string[] = [];
    for (let i = 1; i <= rounds; i++) messages.push(...messagesOf(this.#seq + i));
    await this.#client.lpush(this.#queueKey, ...messages);
    for (let i = 0; i < rounds; i++) this.#add();
  }

  /** What must stand in the exposition, a line each. */
  lines(): string[] {
    const lines: string[] = [];
    for (let shard = 0; shard < Math.min(SHARDS, this.#seq); shard++) {
      const of = (shard + 1) % SHARDS;
      lines.push(`truth_total{shard="${of}"} ${this.#counters[of]}`);
    }
    let cumulative = 0;
    for (let i = 0; i <= BOUNDS.length; i++) {
      cumulative += this.#buckets[i];
      lines.push(`truth_size_bucket{le="${BOUNDS[i] ?? "+Inf"}"} ${cumulative}`);
    }
    lines.push(`truth_size_sum ${this.#sum}`, `truth_size_count ${this.#observations}`);
    lines.push(`truth_wait_sum ${this.#summarySum}`, `truth_wait_count ${this.#observations}`);
    lines.push(`truth_seq ${this.#seq}`);
    return lines;
  }

  /** Which of the lines an exposition lacks; empty when all totals are exact. */
  missingFrom(exposition: string): string[] {
    const shown = new Set(exposition.split("\n"));
    return this.lines().filter((line) => !shown.has(line));
  }

  #add(): void {
    const seq = ++this.#seq;
    this.#counters[seq % SHARDS] += counterValue(seq);
    const size = sizeValue(seq);
    const bucket = BOUNDS.findIndex((bound) => size <= bound);
    this.#buckets[bucket < 0 ? BOUNDS.length : bucket]++;
    this.#sum += size;
    this.#summarySum += size;
    this.#observations++;
  }
}

export const SAMPLES_A_ROUND = 4;

function messagesOf(seq: number): string[] {
  const shard = String(seq % SHARDS);
  return [
    { type: "counter", name: "truth_total", value: counterValue(seq), labels: { shard } },
    { type: "histogram", name: "truth_size", value: sizeValue(seq), buckets: BOUNDS },
    {
      type: "summary",
      name: "truth_wait",
      value: sizeValue(seq),
      quantiles: [0.5],
      epsilons: [0.05],
    },
    { type: "gauge", name: "truth_seq", value: seq },
  ].map((message) => JSON.stringify(message));
}

/** Sums of these depend on their order in the last bits. */
function counterValue(seq: number): number {
  return (seq % 13) / 10 + 0.1;
}

function sizeValue(seq: number): number {
  return (seq % 17) * 0.7;
}
