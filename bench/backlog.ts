import { QUEUE_KEY } from "../test/support/gateway-process.ts";
import { connectPeer } from "../test/support/tcp-peer.ts";
import { readMixFile } from "./mix.ts";
import type { Rig } from "./rig.ts";

const VALUES_A_PUSH = 5000;
const STAGED = "bench:staged";

/**
 * A list in Redis that is put into the place of the queue as often as wanted, so that all runs see
 * the same samples, and pushing them is not measured.
 */
export class Backlog {
  readonly key: string;
  readonly count: number;
  #rig: Rig;

  constructor(rig: Rig, key: string, count: number) {
    this.#rig = rig;
    this.key = key;
    this.count = count;
  }

  /** Copies it aside: Redis does nothing else meanwhile, so it is done before the clock runs. */
  async stage(): Promise<void> {
    await this.#rig.redis.unlink(STAGED);
    await this.#rig.redis.call("COPY", this.key, STAGED);
  }

  /** What was staged is the queue now; it must not be there. */
  async release(): Promise<void> {
    await this.#rig.redis.rename(STAGED, QUEUE_KEY);
  }

  async drop(): Promise<void> {
    await this.#rig.redis.unlink(this.key, STAGED);
  }
}

/** The mix, made at the first call and kept: `count` a multiple of 1000. */
export async function mixBacklog(rig: Rig, count: number): Promise<Backlog> {
  const backlog = new Backlog(rig, `bench:mix:${count}`, count);
  if ((await rig.redis.exists(backlog.key)) === 1) return backlog;
  const messages = readMixFile(rig.mixFile);
  await push(rig, backlog.key, count, (i) => messages[i % messages.length]);
  return backlog;
}

/** One sample for each of the counter series `from` to `to`, each with 3 labels. */
export async function counterBacklog(rig: Rig, from: number, to: number): Promise<Backlog> {
  const backlog = new Backlog(rig, `bench:counters:${from}:${to}`, to - from);
  if ((await rig.redis.exists(backlog.key)) === 1) return backlog;
  await push(rig, backlog.key, backlog.count, (i) => counterMessage(from + i));
  return backlog;
}

/** 1000 families, so that none is out of the ordinary. */
export function counterName(series: number): string {
  return `bench_counter_${series % 1000}_total`;
}

export function counterLabels(series: number): Record<string, string> {
  const regions = ["eu-west-1", "us-east-1", "ap-south-1", "sa-east-1"];
  return { instance: `instance-${series}`, region: regions[series % 4], job: "bench" };
}

function counterMessage(series: number): string {
  const [name, labels] = [counterName(series), counterLabels(series)];
  return JSON.stringify({ type: "counter", name, value: 1, labels });
}

async function push(
  rig: Rig,
  key: string,
  count: number,
  messageAt: (i: number) => string,
): Promise<void> {
  const peer = await connectPeer(rig.redisPort);
  for (let pushed = 0; pushed < count; pushed += VALUES_A_PUSH) {
    const length = Math.min(VALUES_A_PUSH, count - pushed);
    let command = `*${length + 2}\r\n${bulk("LPUSH")}${bulk(key)}`;
    for (let i = 0; i < length; i++) command += bulk(messageAt(pushed + i));
    await peer.write(Buffer.from(command, "latin1"));
    const reply = (await peer.read())?.bytes.toString() ?? "the connection ended";
    if (!reply.startsWith(":")) throw new Error(`bench: pushing a backlog: ${reply}`);
  }
  peer.end();
}

/** Messages of the bench are plain ASCII. */
export function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

/** `LPUSH` of one message each, `together` of them in one write; what is left over is left out. */
export function encodePushes(
  messages: readonly string[],
  key: string,
  together: number,
): Uint8Array[] {
  const head = `*3\r\n${bulk("LPUSH")}${bulk(key)}`;
  const encoded: Uint8Array[] = [];
  for (let i = 0; i + together <= messages.length; i += together) {
    const commands = messages.slice(i, i + together).map((text) => head + bulk(text));
    encoded.push(Buffer.from(commands.join(""), "latin1"));
  }
  return encoded;
}
