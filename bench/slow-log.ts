import type { Rig } from "./rig.ts";

const SLOWER_THAN_US = 200;
const ENTRIES_MAX = 10_000;

export interface SlowScript {
  ms: number;
}

type SlowLogEntry = [id: number, timestamp: number, us: number, args: string[]];

/** From now on Redis notes what holds it up. */
export async function resetSlowLog({ redis }: Rig): Promise<void> {
  await redis.config("SET", "slowlog-log-slower-than", String(SLOWER_THAN_US));
  await redis.config("SET", "slowlog-max-len", String(ENTRIES_MAX));
  await redis.call("SLOWLOG", "RESET");
}

/** The longest of all scripts since then; those below 0.2 ms are not noted and count as none. */
export async function slowestScript({ redis }: Rig): Promise<SlowScript> {
  const entries = (await redis.call("SLOWLOG", "GET", "-1")) as SlowLogEntry[];
  const scripts = entries.filter(([, , , args]) => /^eval/i.test(args[0]));
  return { ms: Math.max(0, ...scripts.map(([, , us]) => us)) / 1000 };
}
