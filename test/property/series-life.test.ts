import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { ByteWriter } from "../../src/registry/bytes.ts";
import type { Registry } from "../../src/registry/registry.ts";
import type { RegistrySnapshot } from "../../src/registry/snapshot.ts";
import type { Batch } from "../../src/sample/fold.ts";
import { Folder } from "../../src/sample/fold.ts";
import { LIMITS } from "../support/arbitrary-messages.ts";
import { Feed } from "../support/feed.ts";
import { makeRegistry } from "../support/registry.ts";
import { rendered } from "../support/rendered.ts";

const START_MS = 1_700_000_000_000;
const WORKERS = 2;
/** Of all series, and of the family `brief`. */
const TTL_SECONDS = { all: 4, brief: 2 };

interface Pushed {
  name: string;
  shard: number;
  value: number;
  op: "set" | "add" | "sub" | "max" | "min";
  ttl: number | null;
}

type Step =
  | { kind: "push"; worker: number; pushed: Pushed[] }
  | { kind: "apply" }
  | { kind: "pass"; ms: number }
  | { kind: "restart" }
  | { kind: "checkpoint"; isWhole: boolean; lengthMax: number }
  | { kind: "hold" }
  | { kind: "release" }
  | { kind: "remove"; shard: number };

const pushed = fc.record({
  name: fc.constantFrom("total", "level", "brief", "size", "wait"),
  shard: fc.integer({ min: 0, max: 5 }),
  value: fc.integer({ min: 0, max: 9 }),
  op: fc.constantFrom("set", "add", "sub", "max", "min"),
  ttl: fc.constantFrom(null, null, null, 0, 1, 6),
});

const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("apply") }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("push"),
      worker: fc.integer({ min: 0, max: WORKERS - 1 }),
      pushed: fc.array(pushed, { minLength: 1, maxLength: 6 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("pass"),
      ms: fc.constantFrom(1, 300, 1000, 2500, 7000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("checkpoint"),
      isWhole: fc.boolean(),
      lengthMax: fc.constantFrom(1, 50, 100_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("restart") }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("hold", "release") }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("remove"),
      shard: fc.integer({ min: 0, max: 5 }),
    }),
  },
) as fc.Arbitrary<Step>;

function messageOf({ name, shard, value, op, ttl }: Pushed): string {
  const labels = { shard: String(shard) };
  const types = { total: "counter", level: "gauge", brief: "counter", size: "histogram" };
  const type = types[name as keyof typeof types] ?? "summary";
  return JSON.stringify({
    ...{ type, name, value, labels },
    ...(ttl !== null && { ttl }),
    ...(type === "gauge" && op !== "set" && { op }),
    ...(type === "histogram" && { buckets: [5] }),
    ...(type === "summary" && { quantiles: [1], epsilons: [0.01] }),
  });
}

/** What must be shown, by the plainest means. */
class Model {
  #clockMs = 0;
  #series = new Map<
    string,
    { seen: number; ttl: number; createdMs: number; value: number; values: number[] }
  >();

  advance(nowMs: number): void {
    this.#clockMs = Math.max(this.#clockMs, nowMs);
    for (const [key, { seen, ttl }] of [...this.#series]) {
      if (ttl > 0 && seen + ttl <= this.#seconds) this.#series.delete(key);
    }
  }

  push({ name, shard, value, op, ttl }: Pushed): void {
    const key = `${name}{shard="${shard}"}`;
    let series = this.#series.get(key);
    if (series === undefined) {
      const byFamily = name === "brief" ? TTL_SECONDS.brief : TTL_SECONDS.all;
      const createdMs = this.#clockMs;
      series = { seen: 0, ttl: byFamily, createdMs, value: Number.NaN, values: [] };
      this.#series.set(key, series);
    }
    series.seen = this.#seconds;
    if (ttl !== null) series.ttl = ttl;
    series.values.push(value);
    if (name !== "level") return;
    const before = series.value;
    const start = Number.isNaN(before) ? 0 : before;
    const isFirst = Number.isNaN(before);
    if (op === "set") series.value = value;
    else if (op === "add") series.value = start + value;
    else if (op === "sub") series.value = start - value;
    else if (op === "max") series.value = isFirst ? value : Math.max(before, value);
    else series.value = isFirst ? value : Math.min(before, value);
  }

  remove(shard: number): void {
    for (const key of [...this.#series.keys()]) {
      if (key.endsWith(`{shard="${shard}"}`)) this.#series.delete(key);
    }
  }

  /** In the order of their names; those of a family in any. */
  lines(): string[] {
    const lines: string[] = [];
    for (const [key, { value, values }] of this.#series) {
      const [name, labels] = key.split("{");
      const sum = values.reduce((a, b) => a + b, 0);
      if (name === "level") lines.push(`${key} ${value}`);
      else if (name === "total" || name === "brief") lines.push(`${key} ${sum}`);
      else lines.push(`${name}_count{${labels} ${values.length}`, `${name}_sum{${labels} ${sum}`);
      if (name === "wait") {
        lines.push(`wait{${labels.slice(0, -1)},quantile="1"} ${Math.max(...values)}`);
      }
      if (name === "size") {
        const few = values.filter((each) => each <= 5).length;
        lines.push(`size_bucket{${labels.slice(0, -1)},le="5"} ${few}`);
        lines.push(`size_bucket{${labels.slice(0, -1)},le="+Inf"} ${values.length}`);
      }
    }
    return lines.sort();
  }

  createdOf(): Map<string, number> {
    return new Map([...this.#series].map(([key, { createdMs }]) => [key, createdMs]));
  }

  get #seconds(): number {
    return Math.floor(this.#clockMs / 1000);
  }
}

/** A registry with workers that feed it, and its journal. */
class World {
  registry: Registry = newRegistry();
  #folders: readonly Folder[];
  #feeds: Feed[] = [];
  #journal: Uint8Array[] = [];
  #writer = new ByteWriter();
  /** What came after the last checkpoint. */
  #since: (() => void)[] = [];
  /** Claimed and folded, and not applied. */
  #claimed: Claimed[] = [];
  #held: { snapshot: RegistrySnapshot; text: string }[] = [];
  nowMs = START_MS;

  /** `folders`: one a worker, whatever they have learnt. */
  constructor(folders: readonly Folder[]) {
    this.#folders = folders;
    this.#startWorkers();
  }

  push(worker: number, pushes: readonly Pushed[]): void {
    const batch = this.#feeds[worker].fold(pushes.map(messageOf));
    this.#claimed.push({ worker, pushes, batch, atMs: this.nowMs });
  }

  /** Series may have ended since these were folded. */
  apply(): void {
    for (const claimed of this.#claimed.splice(0)) this.#do(() => this.#apply(claimed));
  }

  pass(ms: number): void {
    this.nowMs += ms;
    if (this.#claimed.length > 0) return;
    const atMs = this.nowMs;
    this.#do(() => this.#advance(atMs));
  }

  remove(shard: number): void {
    this.#do(() => {
      const removed = this.registry.remove(
        (_, { labelValues }) => labelValues[0] === String(shard),
      );
      if (removed !== undefined) for (const feed of this.#feeds) feed.forget(removed);
    });
  }

  checkpoint(isWhole: boolean, lengthMax: number): void {
    if (isWhole) {
      this.registry.markAllChanged();
      this.#journal = [];
    }
    for (;;) {
      const isDone = this.registry.writeChanges(this.#writer, lengthMax);
      this.#journal.push(this.#writer.take());
      if (isDone) break;
    }
    this.#since = [];
  }

  /** A process that knows the journal only, and does again what came after it. */
  restart(): void {
    for (const { snapshot } of this.#held.splice(0)) snapshot.release();
    this.registry = newRegistry();
    for (const entry of this.#journal) this.registry.restore(entry);
    this.registry.restored();
    this.#startWorkers();
    for (const again of this.#since) again();
    this.catchUp();
  }

  /** As a process does that has restarted. */
  catchUp(): void {
    const atMs = this.#claimed[0]?.atMs ?? this.nowMs;
    this.#do(() => this.#advance(atMs));
  }

  hold(): void {
    const snapshot = this.registry.snapshot(this.nowMs);
    this.#held.push({ snapshot, text: this.text() });
  }

  /** What was held is still what it was. */
  release(): void {
    const held = this.#held.shift();
    if (held !== undefined) expect(rendered(held.snapshot)).toBe(held.text);
  }

  text(): string {
    return rendered(this.registry.snapshot(this.nowMs));
  }

  #startWorkers(): void {
    for (const folder of this.#folders) folder.forget();
    this.#feeds = this.#folders.map((folder) => new Feed(this.registry, folder));
  }

  #do(act: () => void): void {
    this.#since.push(act);
    act();
  }

  #advance(nowMs: number): void {
    const removed = this.registry.advance(nowMs);
    if (removed !== undefined) for (const feed of this.#feeds) feed.forget(removed);
  }

  #apply({ worker, batch, pushes, atMs }: Claimed): void {
    this.#advance(atMs);
    const feed = this.#feeds[worker];
    const isAgain = !feed.hasFolded(batch) || feed.isVoid(batch);
    const again = isAgain ? feed.fold(pushes.map(messageOf)) : batch;
    expect(feed.apply(again).samples).toBe(pushes.length);
  }
}

/** For all worlds, two at a time: to make one takes long. */
const FOLDERS = [0, 1].map(() =>
  Array.from({ length: WORKERS }, () => new Folder({ limits: LIMITS, deadLetterMax: 0 })),
);

interface Claimed {
  worker: number;
  pushes: readonly Pushed[];
  batch: Batch;
  atMs: number;
}

function newRegistry(): Registry {
  return makeRegistry({
    seriesTtlSeconds: TTL_SECONDS.all,
    families: {
      limitsOf: (name) => ({
        ttlSeconds: name === "brief" ? TTL_SECONDS.brief : undefined,
        maxSeries: undefined,
      }),
      hasLifetimes: true,
    },
  });
}

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .sort();
}

describe("series that end", () => {
  test("are gone when nothing came for them, and begin anew, through restarts and for snapshots", () => {
    const property = fc.property(
      fc.array(step, { minLength: 20, maxLength: 60, size: "max" }),
      (steps) => {
        const [world, straight] = FOLDERS.map((folders) => new World(folders));
        const model = new Model();
        let claimed: { pushes: Pushed[]; atMs: number }[] = [];
        for (const each of steps) {
          switch (each.kind) {
            case "push":
              claimed.push({ pushes: each.pushed, atMs: world.nowMs });
              for (const one of [world, straight]) one.push(each.worker, each.pushed);
              break;
            case "apply":
              for (const { pushes, atMs } of claimed) {
                model.advance(atMs);
                for (const one of pushes) model.push(one);
              }
              claimed = [];
              for (const one of [world, straight]) one.apply();
              break;
            case "pass":
              for (const one of [world, straight]) one.pass(each.ms);
              if (claimed.length === 0) model.advance(world.nowMs);
              break;
            case "remove":
              model.remove(each.shard);
              for (const one of [world, straight]) {
                one.remove(each.shard);
                // As it is done on demand: nobody sees it before a checkpoint says so.
                one.checkpoint(false, 100_000);
              }
              break;
            case "checkpoint":
              world.checkpoint(each.isWhole, each.lengthMax);
              break;
            case "hold":
              world.hold();
              break;
            case "release":
              world.release();
              break;
            default:
              world.restart();
              model.advance(claimed[0]?.atMs ?? world.nowMs);
              straight.catchUp();
          }
          expect(linesOf(world.text())).toEqual(model.lines());
          expect(world.text()).toBe(straight.text());
        }
        const snapshot = world.registry.snapshot(world.nowMs);
        const created = new Map<string, number>();
        for (const { name, series } of snapshot.families) {
          for (const index of series) {
            const start = snapshot.texts.startOf(index);
            const end = start + snapshot.texts.lengthOf(index);
            const labels = snapshot.texts.pageOf(index).toString("utf8", start, end);
            created.set(`${name}{${labels}}`, snapshot.created.at(index));
          }
        }
        snapshot.release();
        expect(created).toEqual(model.createdOf());
        expect(world.registry.seriesCount).toBe(created.size);
      },
    );
    fc.assert(property, { numRuns: Number(process.env.GATEWAY_TEST_LIFE_RUNS ?? 600) });
  }, 3_600_000);
});

const WAYS: [how: string, isWhole: boolean][] = [
  ["what has changed is written", false],
  ["everything is written each time", true],
];
for (const [how, isWhole] of WAYS) {
  test(`what has ended takes no memory when ${how}`, () => {
    churn(isWhole);
  }, 30_000);
}

/** A hundred times as many series as there are at a time. */
function churn(isWhole: boolean): void {
  const registry = makeRegistry({ seriesTtlSeconds: 2 });
  const feed = new Feed(registry, new Folder({ limits: LIMITS, deadLetterMax: 0 }));
  const writer = new ByteWriter();
  const count = 500;
  for (let round = 0; round < 200; round++) {
    const messages = Array.from({ length: count }, (_, i) => {
      const labels = { id: `${round}-${i}`, text: "x".repeat((i * 7) % 50) };
      const type = ["counter", "gauge", "histogram", "summary"][i % 4];
      return JSON.stringify({
        ...{ type, name: `${type}_${round % 3}`, value: i, labels },
        ...(type === "histogram" && { buckets: [1, 2] }),
      });
    });
    feed.push(messages, START_MS + round * 1000);
    if (isWhole) registry.markAllChanged();
    while (!registry.writeChanges(writer, 1000)) writer.take();
    writer.take();
  }
  expect(registry.seriesCount).toBeLessThanOrEqual(2 * count);
  const snapshot = registry.snapshot(START_MS);
  // Indexes and places are used again.
  expect(snapshot.texts.end).toBeLessThan(4 * count);
  expect(snapshot.texts.pageCount).toBeLessThan(8);
  snapshot.release();
}
