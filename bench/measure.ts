import type { Redis } from "ioredis";
import { makeMessage } from "../src/cli/load.ts";
import { type GatewayProcess, QUEUE_KEY, readSample } from "../test/support/gateway-process.ts";

const PUSH_CHUNK = 5000;
/** How often a gateway is asked whether it is done: each time costs it about a millisecond. */
const LOOK_AGAIN_MS = 25;

/** Pushes `count` samples of the load tool's mix and the gauge `last`; returns their bytes. */
export async function pushBacklog(client: Redis, count: number): Promise<number> {
  let bytes = 0;
  for (let pushed = 0; pushed < count; pushed += PUSH_CHUNK) {
    const length = Math.min(PUSH_CHUNK, count - pushed);
    const messages = Array.from({ length }, () => makeMessage());
    for (const message of messages) bytes += message.length;
    await client.lpush(QUEUE_KEY, ...messages);
  }
  await client.lpush(QUEUE_KEY, '{"type":"gauge","name":"last","value":1}');
  return bytes;
}

export async function pushInChunks(client: Redis, messages: readonly string[]): Promise<void> {
  for (let i = 0; i < messages.length; i += PUSH_CHUNK) {
    await client.lpush(QUEUE_KEY, ...messages.slice(i, i + PUSH_CHUNK));
  }
}

/** Waits until the gauge `last` is shown. */
export async function untilApplied(gateway: GatewayProcess): Promise<void> {
  for (;;) {
    if (readSample(await gateway.metrics("?name[]=last"), "last") === 1) return;
    await Bun.sleep(LOOK_AGAIN_MS);
  }
}

export async function cpuSeconds(gateway: GatewayProcess): Promise<number> {
  return (await gateway.value("prom_stream_gateway_process_cpu_seconds_total")) ?? 0;
}

export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}

export function print(what: string, figure: string): void {
  process.stdout.write(`${what}: ${figure}\n`);
}
