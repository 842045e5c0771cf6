import type { Settings } from "../config/settings.ts";
import { decodeMessage } from "../sample/decode.ts";
import { DROP_ADVICE } from "../sample/drop-advice.ts";
import type { DropReason } from "../sample/drop-reason.ts";
import { connectSender } from "./sender.ts";

const PUSH_CHUNK = 1000;

/**
 * Pushes one sample, or with `json` each line of standard input. What the gateway would drop is
 * refused here, with the reason. Returns the exit code.
 */
export async function push(
  settings: Settings,
  operands: readonly string[],
  json: boolean,
): Promise<number> {
  const messages = json ? await readLines() : [composeMessage(operands)];
  if (messages.includes(undefined) || (!json && operands.length < 3)) {
    process.stderr.write("push: give TYPE NAME VALUE [label=value ...], or --json and lines\n");
    return 2;
  }
  const texts = messages as string[];
  for (const text of texts) {
    for (const decoded of decodeMessage(Buffer.from(text), settings.metrics)) {
      if (decoded.ok) continue;
      const { reason } = decoded;
      process.stderr.write(`push: ${reason}: ${text.slice(0, 200)}; ${remedyOf(reason)}\n`);
      return 1;
    }
  }
  const sender = await connectSender(settings);
  if (sender === undefined) return 1;
  try {
    for (let i = 0; i < texts.length; i += PUSH_CHUNK) {
      await sender.lpush(settings.redis.queueKey, ...texts.slice(i, i + PUSH_CHUNK));
    }
  } catch (error) {
    process.stderr.write(`push: ${(error as Error).message}\n`);
    return 1;
  } finally {
    sender.disconnect();
  }
  process.stdout.write(`pushed ${texts.length} to ${settings.redis.queueKey}\n`);
  return 0;
}

/** The advice as the end of an error: in lower case, without a full stop. */
function remedyOf(reason: DropReason): string {
  const advice = DROP_ADVICE[reason];
  return advice.charAt(0).toLowerCase() + advice.slice(1, -1);
}

/** `counter demo_metric 10 source=demo`: a value that is no number goes as text (`NaN`, `+Inf`). */
function composeMessage(operands: readonly string[]): string | undefined {
  const [type, name, value, ...pairs] = operands;
  if (pairs.some((pair) => !pair.includes("="))) return undefined;
  const labels = Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
  const number = value?.trim() ? Number(value) : Number.NaN;
  const sent = Number.isFinite(number) ? number : value;
  const layout =
    type?.toLowerCase() === "histogram"
      ? { buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] }
      : type?.toLowerCase() === "summary"
        ? { quantiles: [0.5, 0.9, 0.99], epsilons: [0.05, 0.01, 0.001] }
        : {};
  return JSON.stringify({ type, name, value: sent, labels, ...layout });
}

async function readLines(): Promise<string[]> {
  const text = await Bun.stdin.text();
  return text.split("\n").filter((line) => line.trim() !== "");
}
