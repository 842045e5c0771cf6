/**
 * What everybody would write first, as the baseline: `ioredis` takes samples off the list,
 * `JSON.parse` and a `valibot` schema check them, `prom-client` adds them up and shows them. It loses
 * what it has taken when it crashes. `popCount` 1 is the plain way, one `RPOP` a sample, each
 * awaited; above, `RPOP` with a count. Works until its input closes.
 */
import { Redis } from "ioredis";
import { Counter, Gauge, Histogram, Registry, Summary } from "prom-client";
import * as v from "valibot";

interface Options {
  port: number;
  key: string;
  popCount: number;
}

const { port, key, popCount } = JSON.parse(process.argv[2]) as Options;
const IDLE_MS = 5;

const Message = v.object({
  type: v.picklist(["counter", "gauge", "histogram", "summary"]),
  name: v.pipe(v.string(), v.regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/)),
  help: v.optional(v.string(), ""),
  value: v.number(),
  labels: v.optional(v.record(v.string(), v.string()), {}),
  buckets: v.optional(v.array(v.number())),
  quantiles: v.optional(v.array(v.number())),
});

type Take = (labels: Record<string, string>, value: number) => void;

const registry = new Registry();
const families = new Map<string, Take>();
const redis = new Redis({ port });
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: async () =>
    new Response(await registry.metrics(), { headers: { "Content-Type": registry.contentType } }),
});
await redis.ping();
console.log(JSON.stringify({ url: server.url.href }));
void (async () => {
  for await (const _ of Bun.stdin.stream());
  console.log("{}");
  process.exit(0);
})();
for (;;) {
  const taken = popCount === 1 ? await redis.rpop(key) : await redis.rpop(key, popCount);
  if (taken === null) await Bun.sleep(IDLE_MS);
  else if (typeof taken === "string") take(taken);
  else for (const text of taken) take(text);
}

function take(text: string): void {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return;
  }
  const result = v.safeParse(Message, json);
  if (!result.success) return;
  const { name, labels, value } = result.output;
  let family = families.get(name);
  if (family === undefined) {
    family = addFamily(result.output);
    families.set(name, family);
  }
  family(labels, value);
}

function addFamily(message: v.InferOutput<typeof Message>): Take {
  const { name, labels, buckets, quantiles } = message;
  const help = message.help || name;
  const options = { name, help, labelNames: Object.keys(labels), registers: [registry] };
  switch (message.type) {
    case "counter": {
      const counter = new Counter(options);
      return (labels, value) => counter.inc(labels, value);
    }
    case "gauge": {
      const gauge = new Gauge(options);
      return (labels, value) => gauge.set(labels, value);
    }
    case "histogram": {
      const histogram = new Histogram({ ...options, ...(buckets && { buckets }) });
      return (labels, value) => histogram.observe(labels, value);
    }
    default: {
      const summary = new Summary({ ...options, ...(quantiles && { percentiles: quantiles }) });
      return (labels, value) => summary.observe(labels, value);
    }
  }
}
