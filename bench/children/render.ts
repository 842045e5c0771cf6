/**
 * Renders the same counters with our registry and exposition, and with `prom-client`, in turns. All
 * values change in between. A scrape ends with the last byte: text is encoded where it is text.
 */
import { Counter, Registry as PromRegistry } from "prom-client";
import type { Format } from "../../src/exposition/format.ts";
import { renderExposition } from "../../src/exposition/render.ts";
import { define, makeRegistry } from "../../test/support/registry.ts";
import { counterLabels } from "../backlog.ts";

const { series, rounds } = JSON.parse(process.argv[2]) as { series: number; rounds: number };
const NAME = "bench_total";
const HELP = "Counters with 3 labels.";
const FORMAT: Format = { kind: "text", version: "0.0.4", escaping: "underscores" };
const WARM_UP_ROUNDS = 2;

const encoder = new TextEncoder();
const labels = Array.from({ length: series }, (_, i) => counterLabels(i));
const ours = fillOurs();
const prom = fillProm();
const oursMs: number[] = [];
const promMs: number[] = [];
let oursBytes = 0;
let promBytes = 0;
for (let round = 0; round < WARM_UP_ROUNDS + rounds; round++) {
  ours.change(round);
  prom.change(round);
  Bun.gc(true);
  const oursStartedAt = performance.now();
  oursBytes = ours.scrape();
  const oursElapsedMs = performance.now() - oursStartedAt;
  Bun.gc(true);
  const promStartedAt = performance.now();
  promBytes = await prom.scrape();
  const promElapsedMs = performance.now() - promStartedAt;
  if (round < WARM_UP_ROUNDS) continue;
  oursMs.push(oursElapsedMs);
  promMs.push(promElapsedMs);
}
console.log(JSON.stringify({ oursMs, promMs, oursBytes, promBytes }));

function fillOurs() {
  const registry = makeRegistry();
  const refs = labels.map((labelSet) =>
    registry.resolve(define("counter", NAME, labelSet, { help: HELP })),
  );
  return {
    change: (round: number) => {
      const values = Float64Array.from(refs, (_, i) => increment(i, round));
      registry.observe(refs, values, series);
    },
    scrape: () => {
      let bytes = 0;
      const snapshot = registry.snapshot(0);
      const chunks = renderExposition(FORMAT, snapshot, [], { createdTimestamps: false });
      for (const chunk of chunks) bytes += chunk.length;
      snapshot.release();
      return bytes;
    },
  };
}

function fillProm() {
  const registry = new PromRegistry();
  const labelNames = Object.keys(labels[0]);
  const counter = new Counter({ name: NAME, help: HELP, labelNames, registers: [registry] });
  return {
    change: (round: number) => {
      for (let i = 0; i < series; i++) counter.inc(labels[i], increment(i, round));
    },
    scrape: async () => encoder.encode(await registry.metrics()).length,
  };
}

function increment(i: number, round: number): number {
  return (i % 100) + 1 + (round % 4) / 4;
}
