import { QUEUE_KEY, readSample } from "../../test/support/gateway-process.ts";
import type { Rig } from "../rig.ts";
import { type Group, median, quantile, type Run } from "../row.ts";

const PUSHES = 500;
const POLLS = 200;
/** Between two pushes, so that each finds an idle gateway, and not always at the same moment. */
const PAUSE_MIN_MS = 10;
const PAUSE_SPREAD_MS = 20;
const QUERY = "?name[]=c";

/** How soon a sample that was pushed is shown. */
export const latencyGroup: Group<Rig> = {
  name: "latency",
  runs: 3,
  quickRuns: 1,
  rows: [
    {
      name: "latency.p50",
      what: "push to visible, idle, p50",
      unit: "ms",
      budget: { wants: "less", atLeast: 30, aim: 5 },
      note: "from before LPUSH until a poll shows it; polls without pause, one of them is in it",
    },
    {
      name: "latency.p99",
      what: "push to visible, idle, p99",
      unit: "ms",
      budget: { wants: "less", atLeast: 30, aim: 5 },
    },
    { name: "latency.poll", what: "one such poll, nothing pushed, p50", unit: "ms" },
    { name: "latency.lpush", what: "one LPUSH, p50", unit: "ms" },
  ],
  measure,
};

async function measure(rig: Rig, run: Run): Promise<void> {
  const gateway = await rig.startGateway();
  const pushes = rig.isQuick ? PUSHES / 5 : PUSHES;
  const [visibleMs, lpushMs, pollMs]: number[][] = [[], [], []];
  let shown = 0;
  // The first ones find code that is not compiled, and connections that are not made.
  await push(pushes / 5);
  visibleMs.length = 0;
  lpushMs.length = 0;
  await push(pushes);
  for (let i = 0; i < POLLS; i++) {
    const startedAt = performance.now();
    await gateway.metrics(QUERY);
    pollMs.push(performance.now() - startedAt);
  }
  run.note("latency.p50", median(visibleMs));
  run.note("latency.p99", quantile(visibleMs, 0.99));
  run.note("latency.poll", median(pollMs));
  run.note("latency.lpush", median(lpushMs));

  async function push(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      await Bun.sleep(PAUSE_MIN_MS + Math.random() * PAUSE_SPREAD_MS);
      shown++;
      const startedAt = performance.now();
      await rig.redis.lpush(QUEUE_KEY, '{"type":"counter","name":"c","value":1}');
      lpushMs.push(performance.now() - startedAt);
      while (readSample(await gateway.metrics(QUERY), "c") !== shown);
      visibleMs.push(performance.now() - startedAt);
    }
  }
}
