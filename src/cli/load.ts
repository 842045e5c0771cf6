import type { Redis } from "ioredis";
import type { Settings } from "../config/settings.ts";
import { METRIC_TYPES } from "../sample/sample.ts";
import { connectSender } from "./sender.ts";

const NAMES = 99;
const INSTANCES = 9;
const REGIONS = ["eu-west-1", "us-east-1", "ap-south-1", "sa-east-1"];
const TICK_MS = 50;
/** A line that is written over may change often; in a log each stays. */
const PROGRESS_MS = { terminal: 500, log: 5000 };

export interface LoadOptions {
  /** Samples a second, over all senders. */
  rate: number;
  senders: number;
  /** Samples in all; undefined: until a signal comes. */
  count: number | undefined;
}

/** Reads the flags of `load`; a text says what is wrong. */
export function readLoadOptions(
  flags: Partial<Record<"rate" | "senders" | "count", string>>,
): LoadOptions | string {
  const rate = readCount(flags.rate ?? "1000");
  const senders = readCount(flags.senders ?? "10");
  const count = flags.count === undefined ? undefined : readCount(flags.count);
  if (rate === undefined) return `load: --rate must be 1..10000000, got "${flags.rate}"`;
  if (senders === undefined || senders > 1000) {
    return `load: --senders must be 1..1000, got "${flags.senders}"`;
  }
  if (flags.count !== undefined && count === undefined) {
    return `load: --count must be 1..1000000000, got "${flags.count}"`;
  }
  return { rate, senders, count };
}

/**
 * Pushes made-up samples of all four types (99 names x 4 types x 9 instances x 4 regions) and shows
 * how far it is. Pushes that fail are counted and not tried again. Returns the exit code.
 */
export async function load(settings: Settings, options: LoadOptions): Promise<number> {
  const senders: Redis[] = [];
  for (let i = 0; i < options.senders; i++) {
    const sender = await connectSender(settings);
    if (sender === undefined) return 1;
    senders.push(sender);
  }
  let isStopped = false;
  const stop = () => {
    isStopped = true;
  };
  process.once("SIGINT", stop).once("SIGTERM", stop);
  const startedAt = performance.now();
  const total = options.count ?? Number.POSITIVE_INFINITY;
  let sent = 0;
  let failed = 0;
  let shownAt = startedAt;
  const progressMs = process.stdout.isTTY ? PROGRESS_MS.terminal : PROGRESS_MS.log;
  while (!isStopped && sent < total) {
    const elapsed = performance.now() - startedAt;
    const due = Math.min(total, Math.floor((elapsed / 1000) * options.rate)) - sent;
    const share = Math.ceil(due / senders.length);
    const pushes: Promise<unknown>[] = [];
    for (let i = 0, left = due; i < senders.length && left > 0; i++) {
      const count = Math.min(share, left);
      left -= count;
      const messages = Array.from({ length: count }, () => makeMessage());
      pushes.push(
        senders[i].lpush(settings.redis.queueKey, ...messages).catch(() => {
          failed += count;
        }),
      );
    }
    await Promise.all(pushes);
    sent += Math.max(due, 0);
    if (sent < total && performance.now() - shownAt >= progressMs) {
      shownAt = performance.now();
      show(describeProgress({ sent, failed, total, elapsedMs: shownAt - startedAt }));
    }
    await Bun.sleep(TICK_MS);
  }
  // What a stop left is not to come any more.
  show(describeProgress({ sent, failed, total: sent, elapsedMs: performance.now() - startedAt }));
  if (process.stdout.isTTY) process.stdout.write("\n");
  for (const sender of senders) sender.disconnect();
  return failed === 0 ? 0 : 1;
}

/** One random sample of the mix, about 206 bytes on average. */
export function makeMessage(): string {
  const type = METRIC_TYPES[pick(METRIC_TYPES.length)];
  const number = pick(NAMES) + 1;
  const labels = {
    instance: `instance-${pick(INSTANCES) + 1}`,
    region: REGIONS[pick(REGIONS.length)],
  };
  const name = `load_${type}_${number}${type === "counter" ? "_total" : ""}`;
  const help = `A ${type} of the load generator.`;
  const value = type === "counter" ? pick(100) + 1 : Math.random();
  const layout =
    type === "histogram"
      ? { buckets: [0.05, 0.1, 0.25, 0.5, 0.75, 1] }
      : type === "summary"
        ? { quantiles: [0.5, 0.9, 0.99], epsilons: [0.05, 0.01, 0.001] }
        : {};
  return JSON.stringify({ type, name, help, value, labels, ...layout });
}

/** `total` may be infinite; what is left of it is said with the time that it takes at this rate. */
export function describeProgress(progress: {
  sent: number;
  failed: number;
  total: number;
  elapsedMs: number;
}): string {
  const { sent, failed, total, elapsedMs } = progress;
  const seconds = Math.max(elapsedMs / 1000, 0.001);
  const pushed = sent - failed;
  const left = total - sent;
  const secondsLeft = sent > 0 ? `${Math.ceil((left * seconds) / sent)} s` : "unknown time";
  return [
    `pushed ${pushed} samples, ${Math.round(pushed / seconds)}/s`,
    failed > 0 && `${failed} failed`,
    left > 0 && Number.isFinite(left) && `${left} left, ${secondsLeft}`,
  ]
    .filter((part) => part !== false)
    .join(", ");
}

/** On a terminal the line is written over; elsewhere each stands for itself. */
function show(line: string): void {
  process.stdout.write(process.stdout.isTTY ? `\r${line}\x1b[K` : `${line}\n`);
}

function readCount(text: string): number | undefined {
  const number = Number(text);
  return /^\d{1,10}$/.test(text) && number >= 1 ? number : undefined;
}

function pick(count: number): number {
  return Math.floor(Math.random() * count);
}
