import { describe, expect, test } from "bun:test";
import { ChunkWriter } from "../../../src/exposition/chunk-writer.ts";
import { formatLabelNumber, formatValue } from "../../../src/exposition/number.ts";
import type { PlainFamily } from "../../../src/exposition/plain-family.ts";
import { renderExposition } from "../../../src/exposition/render.ts";
import type { Registry } from "../../../src/registry/registry.ts";
import { type DecodeLimits, decodeMessage } from "../../../src/sample/decode.ts";
import golden from "../../golden/exposition.txt" with { type: "text" };
import escapedNames from "../../golden/names.underscores.txt" with { type: "text" };
import quotedNames from "../../golden/names.utf8.txt" with { type: "text" };
import { randomOf } from "../../support/random.ts";
import { makeRegistry } from "../../support/registry.ts";
import { rendered, TEXT } from "../../support/rendered.ts";
import { type GivenFamily, snapshotOfGiven } from "../../support/snapshots.ts";

const NOW_MS = 1_700_000_000_000;
const LIMITS: DecodeLimits = {
  maxMessageBytes: 1e6,
  maxLabels: 0,
  maxLabelLength: 0,
  maxBuckets: 100,
  nameValidation: "legacy",
};

function registryOf(messages: object[], sortLabels = true): Registry {
  const registry = makeRegistry({ sortIncomingLabels: sortLabels });
  const bytes = new TextEncoder().encode(JSON.stringify(messages));
  for (const entry of decodeMessage(bytes, LIMITS)) {
    if (!entry.ok) throw new Error(entry.reason);
    const { definition, value } = entry.sample;
    registry.advance(NOW_MS);
    registry.observe([registry.resolve(definition)], Float64Array.of(value), 1);
  }
  return registry;
}

function render(messages: object[], own = OWN, isWanted = (_name: string) => true): string {
  const shown = own.filter(({ name }) => isWanted(name));
  return rendered(registryOf(messages).snapshot(NOW_MS, isWanted), shown);
}

const OWN: PlainFamily[] = [];

function ownGauge(name: string): PlainFamily {
  const series = [{ labels: {}, value: 1, counts: undefined }];
  return { name, type: "gauge", help: "", createdMs: 0, bounds: undefined, series };
}

const ALL = [
  { type: "gauge", name: "room_temperature", value: -3.5, help: 'Degrees \\ by\nroom, "raw".' },
  {
    type: "histogram",
    name: "request_size",
    value: 0.5,
    help: "Size.",
    labels: { path: 'C:\\dir "x"\nend', a: "é" },
    buckets: [0.5, 1, 1e6],
  },
  { type: "histogram", name: "request_size", value: 1e9, labels: { a: "2" } },
  { type: "counter", name: "jobs_total", value: 1, labels: { queue: "mail", ok: true } },
  { type: "counter", name: "jobs_total", value: 2 },
  {
    type: "summary",
    name: "wait_seconds",
    value: 0.25,
    labels: { b: "1" },
    quantiles: [0.99, 0.5],
    epsilons: [0.001, 0.05],
  },
];

test("renders all four types in the order of their names, with escapes", () => {
  expect(render(ALL)).toBe(golden);
});

test("renders labels as first sent when they are not to be sorted", () => {
  const labels = [
    { b: "1", a: "2" },
    { a: "2", b: "1" },
  ];
  const registry = registryOf(
    labels.map((set) => ({ type: "counter", name: "c", value: 1, labels: set })),
    false,
  );
  const text = rendered(registry.snapshot(NOW_MS));
  expect(text).toEndWith('\nc{b="1",a="2"} 2\n');
});

test("renders nothing of an empty registry, and own families without a registry", () => {
  expect(render([])).toBe("");
  expect(rendered(undefined, [ownGauge("own")])).toBe("# HELP own \n# TYPE own gauge\nown 1\n");
});

describe("the gateway's own families", () => {
  const own = ["a_own", "k_own", "l_own", "z_own"].map(ownGauge);

  function namesOf(text: string): string[] {
    return text
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("#"))
      .map((line) => line.split(/[ {]/)[0]);
  }

  const gauges = ["b", "k", "m", "z_owner"].map((name) => ({ type: "gauge", name, value: 1 }));

  test("stand among the others in the order of their names", () => {
    expect(namesOf(render(gauges, own))).toEqual(
      ["b", "k", "m", "z_owner", ...own.map((family) => family.name)].sort(),
    );
  });

  test("are filtered as the others are", () => {
    const wanted = new Set(["k", "l_own", "z_own", "no_such"]);
    expect(namesOf(render(gauges, own, (name) => wanted.has(name)))).toEqual([
      "k",
      "l_own",
      "z_own",
    ]);
  });
});

test("a filter shows whole families by their names, not by the names of their samples", () => {
  const text = render(ALL, [], (name) => name === "wait_seconds" || name === "request_size_sum");
  expect(text).toStartWith("# HELP wait_seconds");
  expect(text).toEndWith('wait_seconds_count{b="1"} 1\n');
  expect(text).not.toContain("request_size");
});

test("chunks end with a line, have about 64 KiB and join to the whole text", () => {
  const messages = Array.from({ length: 5000 }, (_, i) => ({
    type: i % 2 ? "counter" : "histogram",
    name: `f${i % 10}`,
    value: i,
    labels: { i: `${i}`, pad: "x".repeat(20) },
    buckets: [1, 2],
  }));
  const registry = registryOf(messages);
  const chunks = [
    ...renderExposition(TEXT, registry.snapshot(NOW_MS), OWN, { createdTimestamps: true }),
  ];
  expect(chunks.length).toBeGreaterThan(5);
  for (const chunk of chunks) {
    expect(chunk.at(-1)).toBe(0x0a);
    expect(chunk.length).toBeLessThan(66 * 1024);
  }
  const whole = Buffer.concat(chunks).toString();
  // Family by family there is nothing to cut, or it is cut elsewhere.
  const apart = Array.from({ length: 10 }, (_, i) =>
    rendered(registry.snapshot(NOW_MS, (name) => name === `f${i}`)),
  );
  expect(whole).toBe(apart.join(""));
  expect(whole.split("\n")).toHaveLength(2500 + 2500 * 5 + 20 + 1);
});

describe("names that not every scraper takes", () => {
  const families: GivenFamily[] = [
    {
      ...{ name: 'http.time "s"', type: "histogram", help: "H.", bounds: [1] },
      series: [{ labels: { "b.c": "2" }, value: 3, counts: [1, 1] }],
    },
    {
      ...{ name: "legacy_total", type: "counter" },
      series: [
        { labels: { a: 'x"y\\z\n', "b.c": "é" }, value: 1 },
        { labels: { a: "1" }, value: 2 },
      ],
    },
    {
      ...{ name: "花", type: "gauge" },
      series: [{ value: 1 }, { labels: { a: ',"b' }, value: 2 }],
    },
  ];

  test("stand in quotes for those that take them", () => {
    const format = { kind: "text", version: "1.0.0", escaping: "allow-utf-8" } as const;
    expect(rendered(snapshotOfGiven(families), [], format)).toBe(quotedNames);
  });

  test("are escaped for the others", () => {
    expect(rendered(snapshotOfGiven(families))).toBe(escapedNames);
  });

  test("keep a series from being shown when they are one name by the scheme", () => {
    const series: GivenFamily["series"] = [
      { labels: { "a.b": "1", a_b: "2" }, value: 1 },
      { labels: { a: "3" }, value: 2 },
    ];
    const snapshot = () => snapshotOfGiven([{ name: "g", type: "gauge", series }]);
    expect(rendered(snapshot())).toBe('# HELP g \n# TYPE g gauge\ng{a="3"} 2\n');
    const format = { kind: "text", version: "1.0.0", escaping: "values" } as const;
    expect(rendered(snapshot(), [], format)).toContain('g{U__a_2e_b="1",a_b="2"} 1\n');
  });
});

test("leaves out a family without a series", () => {
  const families: GivenFamily[] = [
    { name: "a", type: "gauge", series: [] },
    { name: "b", type: "gauge", series: [{ value: 1 }] },
  ];
  expect(rendered(snapshotOfGiven(families))).toBe("# HELP b \n# TYPE b gauge\nb 1\n");
});

describe("numbers", () => {
  const values: [value: number, text: string][] = [
    [0, "0"],
    [1, "1"],
    [-1.5, "-1.5"],
    [0.1 + 0.2, "0.30000000000000004"],
    [1e6, "1000000"],
    [123456789012345680000, "123456789012345680000"],
    [1e21, "1e+21"],
    [1e-7, "1e-7"],
    [5e-324, "5e-324"],
    [Number.MAX_VALUE, "1.7976931348623157e+308"],
    [Number.POSITIVE_INFINITY, "+Inf"],
    [Number.NEGATIVE_INFINITY, "-Inf"],
    [Number.NaN, "NaN"],
  ];
  for (const [value, text] of values) {
    test(`a value of ${value} is written ${text}, and reads back the same`, () => {
      expect(formatValue(value)).toBe(text);
      expect(Number(text.replace("Inf", "Infinity"))).toBe(value);
    });
  }

  test("are written into a chunk as they are one by one", () => {
    const random = randomOf(20_000);
    const numbers = values.map(([value]) => value);
    for (let i = 0; i < 20_000; i++) {
      const scale = 10 ** Math.floor(random() * 14 - 4);
      const rounded = Math.round(random() * 1e6) / 10 ** (i % 5);
      numbers.push(random() * scale, rounded, -rounded, Math.floor(random() * 2 ** (i % 60)));
    }
    const writer = new ChunkWriter();
    for (const number of numbers) writer.valueLine(number);
    const lines = Buffer.from(writer.take()).toString().split("\n").slice(0, -1);
    expect(lines).toEqual(numbers.map(formatValue));
  });

  const bounds: [bound: number, text: string][] = [
    [0, "0"],
    [-1, "-1"],
    [0.5, "0.5"],
    [0.0001, "0.0001"],
    [0.00001, "1e-05"],
    [0.000025, "2.5e-05"],
    [999999, "999999"],
    [999999.5, "999999.5"],
    [1e6, "1e+06"],
    [-1e6, "-1e+06"],
    [1234567, "1.234567e+06"],
    [1e100, "1e+100"],
    [5e-324, "5e-324"],
    [Number.POSITIVE_INFINITY, "+Inf"],
  ];
  for (const [bound, text] of bounds) {
    test(`a bound of ${bound} is written ${text}, as Go does`, () => {
      expect(formatLabelNumber(bound)).toBe(text);
    });
  }
});
