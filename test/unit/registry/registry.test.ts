import { describe, expect, test } from "bun:test";
import type { RegistryOptions } from "../../../src/registry/options.ts";
import { OVERFLOWED, type Registry, refusalOf } from "../../../src/registry/registry.ts";
import { Folder } from "../../../src/sample/fold.ts";
import type { Definition, MetricType } from "../../../src/sample/sample.ts";
import { LIMITS } from "../../support/arbitrary-messages.ts";
import { Feed } from "../../support/feed.ts";
import { define as defineSeries, makeRegistry } from "../../support/registry.ts";
import { rendered } from "../../support/rendered.ts";

const START_MS = 1_700_000_040_000;
const MINUTE_MS = 60_000;

function registryOf(options: Partial<RegistryOptions> = {}): Registry {
  return makeRegistry({ isReservedName: (name) => name.startsWith("own_"), ...options });
}

interface Sent {
  help?: string;
  labels?: Record<string, string>;
  buckets?: number[];
  quantiles?: number[];
  epsilons?: number[];
}

function define(type: MetricType, name: string, { labels, ...more }: Sent = {}): Definition {
  return defineSeries(type, name, labels, more);
}

/** Applies one sample and returns "applied" or why it was refused. */
function push(registry: Registry, definition: Definition, value = 1, nowMs = START_MS): string {
  const ref = registry.resolve(definition);
  if (ref < 0) return refusalOf(ref);
  registry.advance(nowMs);
  registry.observe([ref], Float64Array.of(value), 1);
  return "applied";
}

/** The exposition without its HELP and TYPE lines. */
function linesOf(registry: Registry, nowMs = START_MS): string[] {
  const text = rendered(registry.snapshot(nowMs));
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

function helpOf(registry: Registry): string {
  const [family] = registry.snapshot(START_MS).families;
  return family.help;
}

describe("a counter", () => {
  test("adds what it is sent, from 0 on", () => {
    const registry = registryOf();
    for (const value of [0, 1, 2.5]) push(registry, define("counter", "c"), value);
    expect(linesOf(registry)).toEqual(["c 3.5"]);
  });

  test("keeps its series apart", () => {
    const registry = registryOf();
    push(registry, define("counter", "c", { labels: { a: "1" } }), 1);
    push(registry, define("counter", "c", { labels: { a: "2" } }), 2);
    push(registry, define("counter", "c"), 4);
    push(registry, define("counter", "c", { labels: { a: "1" } }), 8);
    expect(linesOf(registry)).toEqual(['c{a="1"} 9', 'c{a="2"} 2', "c 4"]);
  });
});

describe("a gauge", () => {
  test("shows the sample that was sent last", () => {
    const registry = registryOf();
    for (const value of [3, -1.5]) push(registry, define("gauge", "g"), value);
    expect(linesOf(registry)).toEqual(["g -1.5"]);
  });

  test("takes NaN and the infinities, and comes back from them", () => {
    const registry = registryOf();
    for (const value of [NaN, Infinity, -Infinity, 7]) {
      push(registry, define("gauge", "g"), value);
      expect(registry.snapshot(START_MS).gauges.at(0)).toBe(value);
    }
  });
});

describe("a histogram", () => {
  const sized = define("histogram", "h", { buckets: [1, 2] });

  test("counts into cumulative buckets whose bounds are inclusive", () => {
    const registry = registryOf();
    for (const value of [0.5, 1, 1.5, 2, 2.5]) push(registry, sized, value);
    expect(linesOf(registry)).toEqual([
      'h_bucket{le="1"} 2',
      'h_bucket{le="2"} 4',
      'h_bucket{le="+Inf"} 5',
      "h_sum 7.5",
      "h_count 5",
    ]);
  });

  test("counts -Inf into the first bucket and +Inf into the last", () => {
    const registry = registryOf();
    push(registry, sized, -Infinity);
    expect(linesOf(registry)).toEqual([
      'h_bucket{le="1"} 1',
      'h_bucket{le="2"} 1',
      'h_bucket{le="+Inf"} 1',
      "h_sum -Inf",
      "h_count 1",
    ]);
    push(registry, sized, Infinity);
    expect(linesOf(registry).slice(2)).toEqual(['h_bucket{le="+Inf"} 2', "h_sum NaN", "h_count 2"]);
  });

  test("counts a NaN into +Inf only, and its sum is NaN", () => {
    const registry = registryOf();
    push(registry, sized, 1);
    push(registry, sized, NaN);
    expect(linesOf(registry)).toEqual([
      'h_bucket{le="1"} 1',
      'h_bucket{le="2"} 1',
      'h_bucket{le="+Inf"} 2',
      "h_sum NaN",
      "h_count 2",
    ]);
  });

  test("keeps its first buckets and reports other ones once a family", () => {
    const reported: string[] = [];
    const registry = registryOf({
      listener: { otherLayoutMet: (family) => reported.push(family), seriesLimited: () => {} },
    });
    push(registry, sized, 1.5);
    push(registry, define("histogram", "h", { buckets: [1, 2], labels: { a: "1" } }), 1.5);
    push(registry, define("histogram", "h"), 1.5);
    expect(reported).toEqual([]);
    expect(push(registry, define("histogram", "h", { buckets: [5] }), 1.5)).toBe("applied");
    push(registry, define("histogram", "h", { buckets: [1, 3] }), 1.5);
    push(registry, define("histogram", "other", { buckets: [5] }), 1.5);
    expect(reported).toEqual(["h"]);
    push(registry, define("histogram", "other", { buckets: [5, 6] }), 1.5);
    expect(reported).toEqual(["h", "other"]);
    expect(linesOf(registry).slice(0, 3)).toEqual([
      'h_bucket{le="1"} 0',
      'h_bucket{le="2"} 4',
      'h_bucket{le="+Inf"} 4',
    ]);
  });

  test("gives its buckets to series that come without", () => {
    const registry = registryOf();
    push(registry, sized, 1);
    push(registry, define("histogram", "h", { labels: { a: "1" } }), 2);
    expect(linesOf(registry).slice(5, 8)).toEqual([
      'h_bucket{a="1",le="1"} 0',
      'h_bucket{a="1",le="2"} 1',
      'h_bucket{a="1",le="+Inf"} 1',
    ]);
  });

  test("is refused as invalid_buckets while none are known, and leaves no family behind", () => {
    const registry = registryOf();
    expect(push(registry, define("histogram", "h"))).toBe("invalid_buckets");
    expect([registry.familyCount, registry.seriesCount]).toEqual([0, 0]);
    expect(push(registry, define("gauge", "h"))).toBe("applied");
  });
});

describe("a batch", () => {
  const newFolder = (bounds = {}) => new Folder({ limits: LIMITS, deadLetterMax: 0, ...bounds });
  const bare = '{"type":"histogram","name":"h","value":1}';
  const bounded = '{"type":"histogram","name":"h","value":1,"buckets":[2]}';

  test("has the samples of a histogram refused before its buckets come, and taken after", () => {
    const registry = registryOf();
    const feed = new Feed(registry, newFolder());
    const common = { deadLetters: [], ages: [] };
    expect(feed.push([bare, bare], START_MS)).toEqual({
      ...{ samples: 0, ...common },
      drops: [{ reason: "invalid_buckets", count: 2, payload: bare, bytes: bare.length }],
    });
    expect(feed.push([bare, bounded, bare], START_MS)).toEqual({
      ...{ samples: 2, ...common },
      drops: [{ reason: "invalid_buckets", count: 1, payload: bare, bytes: bare.length }],
    });
    expect(linesOf(registry)).toContain("h_count 2");
  });

  test("of another worker may bring the buckets", () => {
    const registry = registryOf();
    const [one, other] = [0, 1].map(() => new Feed(registry, newFolder()));
    one.push([bare], START_MS);
    other.push([bounded], START_MS);
    expect(one.push([bare], START_MS).samples).toBe(1);
  });

  test("adds the registry's refusals to the drops of the worker", () => {
    const gauge = '{"type":"gauge","name":"own_x","value":1}';
    const feed = new Feed(registryOf(), newFolder());
    const empty = `${bare.slice(0, -1)},"buckets":[]}`;
    const applied = feed.push(["{", empty, bare, gauge], START_MS);
    expect(applied.samples).toBe(0);
    expect(applied.drops.map(({ reason, count }) => `${reason} ${count}`).sort()).toEqual([
      "invalid_buckets 2",
      "invalid_json 1",
      "reserved_name 1",
    ]);
  });

  test("is applied alike after the folder has forgotten its definitions", () => {
    for (const [bounds, firstIds] of [
      [{ definitionsMax: 0 }, [0, 0, 0]],
      [{ definitionsLengthMax: 0 }, [0, 0, 0]],
      [{ keysLengthMax: 0, templateBytesMax: 0 }, [0, 1, 3]],
    ] as const) {
      const registry = registryOf();
      const feed = new Feed(registry, newFolder(bounds));
      for (let i = 0; i < 3; i++) {
        const batch = feed.fold([
          '{"type":"counter","name":"a","value":1}',
          `{"type":"counter","name":"${i === 1 ? "b" : "a"}","value":10}`,
        ]);
        expect(batch.firstDefinitionId).toBe(firstIds[i]);
        feed.apply(batch);
      }
      expect(linesOf(registry)).toEqual(["a 23", "b 10"]);
    }
  });
});

describe("a summary", () => {
  const sketched = define("summary", "s", { quantiles: [0.5, 1], epsilons: [0.01, 0.001] });

  test("shows sum and count, and the quantiles of the window", () => {
    const registry = registryOf();
    for (const value of [3, 1, 2]) push(registry, sketched, value);
    expect(linesOf(registry)).toEqual([
      's{quantile="0.5"} 2',
      's{quantile="1"} 3',
      "s_sum 6",
      "s_count 3",
    ]);
  });

  test("shows sum and count only when nobody sent quantiles", () => {
    const registry = registryOf();
    push(registry, define("summary", "s"), 3);
    expect(linesOf(registry)).toEqual(["s_sum 3", "s_count 1"]);
  });

  test("keeps its first quantiles and reports other ones once", () => {
    const reported: string[] = [];
    const registry = registryOf({
      listener: { otherLayoutMet: (family) => reported.push(family), seriesLimited: () => {} },
    });
    push(registry, define("summary", "s"), 5);
    push(registry, sketched, 1);
    push(registry, define("summary", "s", { quantiles: [0.9], epsilons: [0.1] }), 1);
    push(registry, define("summary", "s", { quantiles: [0.8], epsilons: [0.1] }), 1);
    expect(reported).toEqual(["s"]);
    expect(linesOf(registry)).toEqual([
      's{quantile="0.5"} 1',
      's{quantile="1"} 1',
      "s_sum 8",
      "s_count 4",
    ]);
  });

  test("lets go of a value after ten minutes of the clock, and keeps sum and count", () => {
    const registry = registryOf();
    const start = Math.ceil(START_MS / (2 * MINUTE_MS)) * 2 * MINUTE_MS;
    push(registry, sketched, 100, start);
    push(registry, sketched, 1, start + 4 * MINUTE_MS);
    const max = (nowMs: number) => linesOf(registry, nowMs)[1];
    expect(max(start + 10 * MINUTE_MS - 1)).toBe('s{quantile="1"} 100');
    expect(max(start + 10 * MINUTE_MS)).toBe('s{quantile="1"} 1');
    expect(max(start + 14 * MINUTE_MS - 1)).toBe('s{quantile="1"} 1');
    expect(linesOf(registry, start + 14 * MINUTE_MS)).toEqual([
      's{quantile="0.5"} NaN',
      's{quantile="1"} NaN',
      "s_sum 101",
      "s_count 2",
    ]);
  });

  test("keeps a value for at least eight minutes, wherever in a slice it came", () => {
    for (let offsetMs = 0; offsetMs < 2 * MINUTE_MS; offsetMs += 7_001) {
      const registry = registryOf();
      push(registry, sketched, 1, START_MS + offsetMs);
      const maxAt = (ageMs: number) => linesOf(registry, START_MS + offsetMs + ageMs)[1];
      expect(maxAt(8 * MINUTE_MS)).toBe('s{quantile="1"} 1');
      expect(maxAt(10 * MINUTE_MS)).toBe('s{quantile="1"} NaN');
    }
  });

  test("fills its window anew after it was empty", () => {
    const registry = registryOf();
    push(registry, sketched, 9);
    expect(linesOf(registry, START_MS + 60 * MINUTE_MS)[1]).toBe('s{quantile="1"} NaN');
    push(registry, sketched, 4, START_MS + 60 * MINUTE_MS);
    expect(linesOf(registry, START_MS + 60 * MINUTE_MS)[1]).toBe('s{quantile="1"} 4');
  });

  test("takes samples while the clock stands back, and loses none", () => {
    const registry = registryOf();
    push(registry, sketched, 1);
    push(registry, sketched, 2, START_MS - 60 * MINUTE_MS);
    expect(linesOf(registry)[1]).toBe('s{quantile="1"} 2');
  });

  test("has windows of its own for each series", () => {
    const registry = registryOf();
    push(registry, sketched, 1);
    push(registry, define("summary", "s", { labels: { a: "1" } }), 2, START_MS + 9 * MINUTE_MS);
    expect(linesOf(registry, START_MS + 11 * MINUTE_MS)).toEqual([
      's{quantile="0.5"} NaN',
      's{quantile="1"} NaN',
      "s_sum 1",
      "s_count 1",
      's{a="1",quantile="0.5"} 2',
      's{a="1",quantile="1"} 2',
      's_sum{a="1"} 2',
      's_count{a="1"} 1',
    ]);
  });
});

describe("a help", () => {
  test("that is first and not empty stays", () => {
    const registry = registryOf();
    for (const help of ["", "first", "second", ""]) push(registry, define("gauge", "g", { help }));
    expect(helpOf(registry)).toBe("first");
  });

  test("may come with any series of the family", () => {
    const registry = registryOf();
    push(registry, define("gauge", "g"));
    push(registry, define("gauge", "g", { help: "late", labels: { a: "1" } }));
    expect(helpOf(registry)).toBe("late");
  });
});

describe("a family has one type", () => {
  const types: MetricType[] = ["counter", "gauge", "histogram", "summary"];
  for (const first of types) {
    for (const second of types.filter((type) => type !== first)) {
      test(`a ${second} of a ${first}'s name is a type_conflict and changes nothing`, () => {
        const registry = registryOf();
        push(registry, define(first, "x", { buckets: first === "histogram" ? [1] : undefined }));
        const before = linesOf(registry);
        const other = define(second, "x", { buckets: [1], help: "new", labels: { a: "1" } });
        expect(push(registry, other)).toBe("type_conflict");
        expect(linesOf(registry)).toEqual(before);
        expect(helpOf(registry)).toBe("");
      });
    }
  }
});

describe("names of samples belong to one family", () => {
  const suffixes: Record<string, string[]> = {
    histogram: ["_bucket", "_sum", "_count"],
    summary: ["_sum", "_count"],
  };
  for (const [type, taken] of Object.entries(suffixes)) {
    for (const suffix of taken) {
      for (const other of ["counter", "gauge", "histogram", "summary"] as const) {
        const wide = define(type as MetricType, "x", { buckets: [1] });
        const narrow = define(other, `x${suffix}`, { buckets: [1] });

        test(`a ${other} x${suffix} beside a ${type} x is a name_collision, whoever comes first`, () => {
          for (const [first, second] of [
            [wide, narrow],
            [narrow, wide],
          ]) {
            const registry = registryOf();
            expect(push(registry, first)).toBe("applied");
            expect(push(registry, second)).toBe("name_collision");
            expect(registry.familyCount).toBe(1);
          }
        });
      }
    }
  }

  test("a suffix collides with a suffix", () => {
    const registry = registryOf();
    push(registry, define("histogram", "x_sum", { buckets: [1] }));
    expect(push(registry, define("summary", "x"))).toBe("name_collision");
    expect(push(registry, define("summary", "x_sum_count"))).toBe("name_collision");
  });

  test("names that nobody shows are free", () => {
    const registry = registryOf();
    push(registry, define("counter", "x"));
    push(registry, define("summary", "y"));
    for (const name of ["x_sum", "x_count", "x_bucket", "y_bucket", "y_total"]) {
      expect(push(registry, define("gauge", name))).toBe("applied");
    }
  });

  test("names that objects inherit are free", () => {
    const registry = registryOf();
    for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) {
      const labels = { constructor: "1", toString: "2" };
      expect(push(registry, define("counter", name, { labels }))).toBe("applied");
      expect(push(registry, define("counter", name, { labels }))).toBe("applied");
    }
    expect(linesOf(registry)[0]).toBe('__proto__{constructor="1",toString="2"} 2');
    expect(registry.seriesCount).toBe(4);
  });
});

describe("reserved names", () => {
  test("are refused to a family", () => {
    expect(push(registryOf(), define("counter", "own_x"))).toBe("reserved_name");
  });

  test("are refused to the samples of a family", () => {
    const registry = registryOf({ isReservedName: (name) => name === "x_count" });
    expect(push(registry, define("summary", "x"))).toBe("reserved_name");
    expect(push(registry, define("histogram", "x", { buckets: [1] }))).toBe("reserved_name");
    expect(push(registry, define("counter", "x"))).toBe("applied");
  });
});

describe("the series limit", () => {
  test("refuses new series over all families, and goes on with those that are known", () => {
    const registry = registryOf({ maxSeries: 2 });
    expect(push(registry, define("counter", "a"))).toBe("applied");
    expect(push(registry, define("counter", "b"))).toBe("applied");
    expect(push(registry, define("counter", "b", { labels: { a: "1" } }))).toBe("series_limit");
    expect(push(registry, define("counter", "c"))).toBe("series_limit");
    expect(push(registry, define("counter", "b"))).toBe("applied");
    expect([registry.seriesCount, registry.familyCount]).toEqual([2, 2]);
    expect(linesOf(registry)).toEqual(["a 1", "b 2"]);
  });

  test("leaves the name of a refused family free", () => {
    const registry = registryOf({ maxSeries: 1 });
    push(registry, define("counter", "a"));
    expect(push(registry, define("summary", "x"))).toBe("series_limit");
    expect(push(registry, define("counter", "x_sum"))).toBe("series_limit");
  });

  test("of 0 is none", () => {
    const registry = registryOf();
    for (let i = 0; i < 1000; i++)
      push(registry, define("counter", "c", { labels: { i: `${i}` } }));
    expect(registry.seriesCount).toBe(1000);
  });
});

describe("the identity of a series", () => {
  test("never depends on the order of its labels", () => {
    for (const sortLabels of [true, false]) {
      const registry = registryOf({ sortIncomingLabels: sortLabels });
      push(registry, define("counter", "c", { labels: { b: "2", a: "1", c: "3" } }));
      push(registry, define("counter", "c", { labels: { c: "3", b: "2", a: "1" } }));
      const shown = sortLabels ? 'a="1",b="2",c="3"' : 'b="2",a="1",c="3"';
      expect(linesOf(registry)).toEqual([`c{${shown}} 2`]);
    }
  });

  const pairs: [left: Record<string, string>, right: Record<string, string>][] = [
    [{ a: "1,b:2" }, { a: "1", b: "2" }],
    [{ a: '1",b="2' }, { a: "1", b: "2" }],
    [{ a: '1\\",b=\\"2' }, { a: '1",b="2' }],
    [{ a: "\n" }, { a: "\\n" }],
    [{ a: "\\" }, { a: "\\\\" }],
    [{ a: "b" }, { b: "a" }],
    [{ a: "1" }, { A: "1" }],
    [{ a: "1" }, { a: "1 " }],
    [{ a: "é" }, { a: "e\u0301" }],
    [{}, { a: "1" }],
  ];
  for (const [left, right] of pairs) {
    test(`keeps ${JSON.stringify(left)} and ${JSON.stringify(right)} apart`, () => {
      const registry = registryOf();
      push(registry, define("counter", "c", { labels: left }));
      push(registry, define("counter", "c", { labels: right }));
      expect(registry.seriesCount).toBe(2);
      expect(new Set(linesOf(registry)).size).toBe(2);
    });
  }
});

test("a snapshot stays the same while samples are applied later", () => {
  const registry = registryOf();
  const all = [
    define("counter", "c"),
    define("gauge", "g"),
    define("histogram", "h", { buckets: [1, 2] }),
    define("summary", "s", { quantiles: [0.5], epsilons: [0.01] }),
    define("summary", "t"),
  ];
  for (const definition of all) push(registry, definition, 1);
  const [shown, kept, abandoned] = [0, 1, 2].map(() => registry.snapshot(START_MS));
  const before = rendered(shown);
  abandoned.release();
  for (const definition of all) {
    push(registry, { ...definition, help: "new" }, 5);
    for (let i = 0; i < 500; i++) {
      push(registry, { ...definition, labelNames: ["i"], labelValues: [`${i}`] }, 7);
    }
  }
  push(registry, define("summary", "t", { quantiles: [0.5], epsilons: [0.01] }), 3);
  push(registry, define("counter", "a_new_family"));
  const later = registry.snapshot(START_MS + 60 * MINUTE_MS);
  expect(rendered(kept)).toBe(before);
  expect(rendered(later)).toBe(rendered(registry.snapshot(START_MS + 60 * MINUTE_MS)));
  expect(linesOf(registry)).toContain("c 6");
});

test("a snapshot keeps the quantiles of its moment while their sketches are merged anew", () => {
  const registry = registryOf();
  const sketched = define("summary", "s", { quantiles: [0, 0.5, 1], epsilons: [0.1, 0.1, 0.1] });
  for (let i = 1; i <= 1000; i++) push(registry, sketched, i);
  const [shown, kept] = [0, 1].map(() => registry.snapshot(START_MS));
  const before = rendered(shown);
  for (let i = 0; i < 1000; i++) push(registry, sketched, -i);
  // Looked at, the observations are put into the sketch.
  const after = rendered(registry.snapshot(START_MS));
  expect(after).not.toBe(before);
  expect(rendered(kept)).toBe(before);
});

test("a snapshot keeps what families were, whatever becomes of them before they are looked at", () => {
  const registry = registryOf();
  for (const name of ["changed", "ended", "other_type", "same", "shorter"]) {
    push(registry, define("counter", name, { labels: { a: "1" } }));
    push(registry, define("counter", name, { labels: { a: "2" } }));
  }
  push(registry, define("summary", "targets"));
  push(registry, define("histogram", "bounds", { buckets: [1] }));
  const [shown, kept] = [0, 1].map(() => registry.snapshot(START_MS));
  const before = rendered(shown);
  push(registry, define("counter", "changed", { help: "H", labels: { a: "3" } }));
  push(registry, define("summary", "targets", { quantiles: [0.5], epsilons: [0.1] }));
  registry.remove((family) => ["ended", "other_type", "bounds"].includes(family));
  registry.remove((family, { labelValues }) => family === "shorter" && labelValues[0] === "1");
  push(registry, define("gauge", "other_type", { help: "H" }), 9);
  push(registry, define("histogram", "bounds", { buckets: [2, 3] }));
  push(registry, define("counter", "another"));
  const between = registry.snapshot(START_MS);
  push(registry, define("counter", "another", { help: "H", labels: { a: "1" } }));
  expect(rendered(kept)).toBe(before);
  const names = Array.from(between.families, ({ name, help, series }) => [
    name,
    help,
    series.length,
  ]);
  expect(names).toEqual([
    ...[
      ["another", "", 1],
      ["bounds", "", 1],
      ["changed", "H", 3],
      ["other_type", "H", 1],
    ],
    ...[
      ["same", "", 2],
      ["shorter", "", 1],
      ["targets", "", 1],
    ],
  ]);
});

test("a snapshot looks at a family when it is asked for it, not before", () => {
  const registry = registryOf();
  for (const name of ["a", "b", "c"]) push(registry, define("counter", name));
  const asked: string[] = [];
  const snapshot = registry.snapshot(START_MS, (name) => asked.push(name) > 0);
  expect(asked).toEqual([]);
  for (const { name } of snapshot.families) if (name === "b") break;
  expect(asked).toEqual(["a", "b"]);
  snapshot.release();
});

test("families stand in the order of their names, whatever the order in which they came", () => {
  const registry = registryOf();
  for (const name of ["b", "_", "a", "B", "aa", "a:b", "a_b", "a1"]) {
    push(registry, define("gauge", name));
  }
  registry.snapshot(START_MS);
  push(registry, define("gauge", "A"));
  const names = Array.from(registry.snapshot(START_MS).families, (family) => family.name);
  expect(names).toEqual(["A", "B", "_", "a", "a1", "a:b", "a_b", "aa", "b"]);
});

describe("names that are one with underscores", () => {
  test("are taken once: a scraper may ask for them so", () => {
    const registry = registryOf();
    expect(push(registry, define("counter", "a.b"))).toBe("applied");
    expect(push(registry, define("gauge", "a_b"))).toBe("name_collision");
    expect(push(registry, define("gauge", "a/b"))).toBe("name_collision");
    expect(push(registry, define("histogram", "é", { buckets: [1] }))).toBe("applied");
    expect(push(registry, define("gauge", "_.count"))).toBe("name_collision");
    expect(push(registry, define("gauge", "__sum"))).toBe("name_collision");
  });

  test("are one series where they are a label's", () => {
    const registry = registryOf();
    push(registry, define("counter", "c", { labels: { "a.b": "1" } }));
    push(registry, define("counter", "c", { labels: { a_b: "1" } }));
    // A label's name has no colon, in no old alphabet.
    push(registry, define("counter", "c", { labels: { "a:b": "1" } }));
    expect(registry.seriesCount).toBe(1);
    expect(linesOf(registry)).toEqual(['c{a_b="1"} 3']);
  });
});

describe("a limit on series", () => {
  const limited: string[] = [];
  const limitedRegistry = (options: Partial<RegistryOptions>) => {
    limited.length = 0;
    const listener = {
      otherLayoutMet: () => {},
      seriesLimited: (family: string) => void limited.push(family),
    };
    return registryOf({ listener, ...options });
  };
  const counter = (name: string, id: string) => define("counter", name, { labels: { id } });

  test("of a family drops what would be one more, and names the family", () => {
    const registry = limitedRegistry({ maxSeriesPerFamily: 2 });
    for (const id of ["1", "2"]) expect(push(registry, counter("a", id))).toBe("applied");
    expect(push(registry, counter("a", "3"))).toBe("series_limit");
    expect(push(registry, counter("a", "1"))).toBe("applied");
    expect(push(registry, counter("b", "3"))).toBe("applied");
    expect(limited).toEqual(["a"]);
  });

  test("of one family in the settings comes before that of all", () => {
    const limitsOf = (name: string) => ({
      ttlSeconds: undefined,
      maxSeries: name === "a" ? 0 : name === "b" ? 1 : undefined,
    });
    const families = { limitsOf, hasLifetimes: false };
    const registry = limitedRegistry({ maxSeriesPerFamily: 2, families });
    for (const id of ["1", "2", "3"]) {
      for (const name of ["a", "b", "c"]) push(registry, counter(name, id));
    }
    expect(limited).toEqual(["b", "b", "c"]);
  });

  test("lets samples overflow into one series of their family, one by one", () => {
    const registry = limitedRegistry({ maxSeriesPerFamily: 1, onLimit: "overflow" });
    const feed = new Feed(registry, new Folder({ limits: LIMITS, deadLetterMax: 0 }));
    const message = (id: string) =>
      `{"type":"counter","name":"a","value":1,"labels":{"id":"${id}"},"ttl":${id === "1" ? 1 : 9}}`;
    feed.push(["1", "2", "3", "2"].map(message), START_MS);
    expect(linesOf(registry)).toEqual(['a{id="1"} 1', 'a{overflow="true"} 3']);
    expect(limited).toEqual(["a", "a", "a"]);
    // There is room again, and the same message has a series of its own.
    feed.push([message("2")], START_MS + 10_000);
    expect(linesOf(registry)).toEqual(['a{id="2"} 1']);
  });

  test("on all drops what is of a new family, even where samples overflow", () => {
    const registry = limitedRegistry({ maxSeries: 1, onLimit: "overflow" });
    push(registry, counter("a", "1"));
    expect(push(registry, counter("b", "1"))).toBe("series_limit");
    expect(refOverflow(registry, counter("a", "2"))).toBe(true);
  });

  const refOverflow = (registry: Registry, definition: Definition) =>
    registry.resolve(definition) >= OVERFLOWED;
});

describe("a sample with more than a value", () => {
  const feedOf = (registry: Registry, maxAgeMs = 0) =>
    new Feed(registry, new Folder({ limits: LIMITS, deadLetterMax: 0 }), { maxAgeMs });

  const rows: [what: string, messages: string[], lines: string[]][] = [
    ["adds to a gauge from 0 on", ['"op":"add","value":5', '"op":"sub","value":2'], ["g 3"]],
    ["adds to a gauge that is set", ['"value":7', '"op":"add","value":5'], ["g 12"]],
    ["adds many times", ['"op":"add","value":5,"times":3'], ["g 15"]],
    ["keeps the greatest", ['"op":"max","value":-5', '"op":"max","value":-7'], ["g -5"]],
    ["keeps the least", ['"op":"min","value":5', '"op":"min","value":7'], ["g 5"]],
    ["keeps the greatest of one that is set", ['"value":9', '"op":"max","value":7'], ["g 9"]],
    ["takes no number for no value", ['"value":"NaN"', '"op":"add","value":1'], ["g 1"]],
    ["sets once, whatever the times", ['"value":4,"times":9'], ["g 4"]],
  ];
  for (const [what, messages, lines] of rows) {
    test(what, () => {
      const registry = registryOf();
      const texts = messages.map((text) => `{"type":"gauge","name":"g",${text}}`);
      feedOf(registry).push(texts, START_MS);
      expect(linesOf(registry)).toEqual(lines);
    });
  }

  test("counts and observes many times, and what its sender has observed", () => {
    const registry = registryOf();
    feedOf(registry).push(
      [
        '{"type":"counter","name":"c","value":1.5,"times":4}',
        '{"type":"histogram","name":"h","value":3,"times":2,"buckets":[2,4]}',
        '{"type":"histogram","name":"h","counts":[1,2,3],"sum":100,"buckets":[2,4]}',
        '{"type":"summary","name":"s","value":2,"times":3,"quantiles":[0.5],"epsilons":[0.1]}',
        '{"type":"summary","name":"s","count":5,"sum":50}',
      ],
      START_MS,
    );
    expect(linesOf(registry)).toEqual([
      "c 6",
      ...['h_bucket{le="2"} 1', 'h_bucket{le="4"} 5', 'h_bucket{le="+Inf"} 8'],
      ...["h_sum 106", "h_count 8"],
      ...['s{quantile="0.5"} 2', "s_sum 56", "s_count 8"],
    ]);
  });

  test("is refused as invalid_counts where its family has other buckets, or native ones", () => {
    const registry = registryOf();
    const { drops, samples } = feedOf(registry).push(
      [
        '{"type":"histogram","name":"h","value":3,"buckets":[2,4]}',
        '{"type":"histogram","name":"h","counts":[1,2],"sum":100,"buckets":[2]}',
        '{"type":"histogram","name":"n","value":3,"native":true,"buckets":[2]}',
        '{"type":"histogram","name":"n","counts":[1,2],"sum":100,"buckets":[2]}',
      ],
      START_MS,
    );
    expect(samples).toBe(2);
    expect(drops.map(({ reason, count }) => [reason, count])).toEqual([["invalid_counts", 2]]);
  });

  test("is refused as too_old by when it was claimed, and makes no series", () => {
    const registry = registryOf();
    const at = (ageSeconds: number) =>
      `{"type":"gauge","name":"g${ageSeconds + 9}","value":1,"timestamp":${START_MS / 1000 - ageSeconds}}`;
    const applied = feedOf(registry, 60_000).push([61, 60, 1, -5].map(at), START_MS);
    expect(applied.drops.map(({ reason }) => reason)).toEqual(["too_old"]);
    expect(applied.ages).toEqual([60, 1, 0]);
    expect(linesOf(registry)).toEqual(["g10 1", "g4 1", "g69 1"]);
  });
});
