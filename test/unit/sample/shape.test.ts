// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what Prometheus has in its rules
import { describe, expect, test } from "bun:test";
import { loadSettings } from "../../../src/config/load.ts";
import { type DecodeLimits, decodeMessage } from "../../../src/sample/decode.ts";
import type { DropReason } from "../../../src/sample/drop-reason.ts";
import type { NameValidation } from "../../../src/sample/names.ts";
import { makeShape } from "../../../src/sample/shape.ts";

const LIMITS: DecodeLimits = {
  maxMessageBytes: 4000,
  maxLabels: 3,
  maxLabelLength: 10,
  maxBuckets: 10,
  nameValidation: "legacy",
};

type Series = { name: string; labels: Record<string, string> };

const SHAPED: [what: string, rules: object[], message: object, series: Series][] = [
  [
    "a family is renamed",
    [
      {
        source_labels: ["__name__"],
        regex: "old_(.*)",
        target_label: "__name__",
        replacement: "new_$1",
      },
    ],
    { name: "old_x", labels: { a: "1" } },
    { name: "new_x", labels: { a: "1" } },
  ],
  [
    "temporaries are gone at the end",
    [
      { source_labels: ["a"], target_label: "__tmp" },
      { source_labels: ["__tmp"], target_label: "b", replacement: "${1}${1}" },
    ],
    { name: "x", labels: { a: "1" } },
    { name: "x", labels: { a: "1", b: "11" } },
  ],
  [
    "labels stay in the order sent, and new ones follow",
    [
      { target_label: "a", replacement: "2" },
      { target_label: "c", replacement: "3" },
    ],
    { name: "x", labels: { z: "1", a: "1" } },
    { name: "x", labels: { z: "1", a: "2", c: "3" } },
  ],
  [
    "an empty replacement removes a label",
    [{ target_label: "a", replacement: "" }],
    { name: "x", labels: { a: "1", b: "2" } },
    { name: "x", labels: { b: "2" } },
  ],
  [
    "labelkeep that keeps the name",
    [{ action: "labelkeep", regex: "__name__|b" }],
    { name: "x", labels: { a: "1", b: "2" } },
    { name: "x", labels: { b: "2" } },
  ],
  [
    "a label that would be too long is shortened in time",
    [{ source_labels: ["a"], regex: "(.{5}).*", target_label: "a" }],
    { name: "x", labels: { a: "1234567890" } },
    { name: "x", labels: { a: "12345" } },
  ],
];

const DROPPED: [reason: DropReason, rules: object[], message: object][] = [
  ["relabel", [{ action: "drop", source_labels: ["a"], regex: "1" }], { labels: { a: "1" } }],
  ["relabel", [{ action: "keep", source_labels: ["a"], regex: "1" }], { labels: { a: "2" } }],
  ["invalid_name", [{ action: "labelkeep", regex: "a" }], { labels: { a: "1" } }],
  ["invalid_name", [{ target_label: "__name__", replacement: "a-b" }], {}],
  [
    "invalid_labels",
    [{ action: "labelmap", regex: "a(.*)", replacement: "$1" }],
    { labels: { a1: "1" } },
  ],
  [
    "reserved_label",
    [{ target_label: "le", replacement: "1" }],
    { type: "histogram", buckets: [1] },
  ],
  ["reserved_label", [{ target_label: "quantile", replacement: "1" }], { type: "summary" }],
  [
    "too_many_labels",
    [{ action: "labelmap", regex: "(.)", replacement: "${1}2" }],
    { labels: { a: "1", b: "2" } },
  ],
  ["label_too_long", [{ target_label: "a", replacement: "12345678901" }], {}],
  ["label_too_long", [{ target_label: "__name__", replacement: "x2345678901" }], {}],
];

describe("a sample that is relabelled:", () => {
  for (const [what, rules, message, series] of SHAPED) {
    test(what, () => {
      const shaped = shape(rules, message);
      if (typeof shaped === "string") throw new Error(shaped);
      const labels = Object.fromEntries(
        shaped.labelNames.map((name, i) => [name, shaped.labelValues[i]]),
      );
      expect({ name: shaped.name, labels }).toEqual(series);
      expect(Object.keys(labels)).toEqual(Object.keys(series.labels));
    });
  }

  for (const [reason, rules, message] of DROPPED) {
    test(`${JSON.stringify(message)} is dropped as ${reason} by ${JSON.stringify(rules)}`, () => {
      expect(shape(rules, message)).toBe(reason);
    });
  }

  test("names are those of Prometheus 3 where all names are taken", () => {
    const rules = [
      { action: "labelmap", regex: "(a)", replacement: "a.$1" },
      { target_label: "__name__", replacement: "x.y" },
    ];
    const message = { labels: { a: "1" } };
    expect(shape(rules, message, [], "utf8")).toMatchObject({
      name: "x.y",
      labelNames: ["a", "a.a"],
    });
    const same = [{ action: "labelmap", regex: "(a)_b", replacement: "a.b" }];
    expect(shape(same, { labels: { a_b: "1" } }, [], "utf8")).toBe("invalid_labels");
  });

  test("a gauge may have the labels that other types may not", () => {
    expect(shape([{ target_label: "le", replacement: "1" }], {})).toMatchObject({
      labelNames: ["le"],
    });
  });

  test("the family's defaults are those of the new name", () => {
    const rules = [{ target_label: "__name__", replacement: "y" }];
    const families = [
      { match: "x", help: "Old." },
      { match: "y", help: "New." },
    ];
    expect(shape(rules, {}, families)).toMatchObject({ name: "y", help: "New." });
  });

  test("without rules and families there is nothing to do", () => {
    expect(makeShape({ relabel: [], families: [] }, LIMITS)).toBeUndefined();
  });
});

function shape(
  Relabel: object[],
  message: object,
  Families: object[] = [],
  nameValidation: NameValidation = "legacy",
) {
  const limits = { ...LIMITS, nameValidation };
  const Metrics = { NameValidation: nameValidation };
  const loaded = loadSettings({
    fileText: JSON.stringify({ Metrics, Relabel, Families }),
    ...{ filePath: "", environment: {}, flags: [] },
  });
  if (!loaded.ok) throw new Error(loaded.faults.join("\n"));
  const text = JSON.stringify({ type: "gauge", name: "x", value: 1, ...message });
  const [decoded] = decodeMessage(Buffer.from(text), limits);
  if (!decoded.ok) throw new Error(decoded.reason);
  return makeShape(loaded.settings, limits)!(decoded.sample.definition);
}
