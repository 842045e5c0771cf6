// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what Prometheus has in its rules
import { describe, expect, test } from "bun:test";
import type { RelabelRule } from "../../../src/config/relabel-rules.ts";
import { compileRules, LabelBuilder, relabel } from "../../../src/sample/relabel.ts";

type Labels = Record<string, string>;

/** Inputs, rules and outputs are those of Prometheus' model/relabel/relabel_test.go; undefined: dropped. */
const TABLE: [input: Labels, rules: Partial<RelabelRule>[], output: Labels | undefined][] = [
  [
    { a: "foo", b: "bar", c: "baz" },
    [{ sourceLabels: ["a"], regex: "f(.*)", targetLabel: "d", replacement: "ch${1}-ch${1}" }],
    { a: "foo", b: "bar", c: "baz", d: "choo-choo" },
  ],
  [
    { a: "foo", b: "bar", c: "baz" },
    [
      {
        sourceLabels: ["a", "b"],
        regex: "f(.*);(.*)r",
        targetLabel: "a",
        replacement: "b${1}${2}m",
      },
      {
        sourceLabels: ["c", "a"],
        regex: "(b).*b(.*)ba(.*)",
        targetLabel: "d",
        replacement: "$1$2$2$3",
      },
    ],
    { a: "boobam", b: "bar", c: "baz", d: "boooom" },
  ],
  [
    { a: "foo" },
    [
      { sourceLabels: ["a"], regex: ".*o.*", action: "drop" },
      { sourceLabels: ["a"], regex: "f(.*)", targetLabel: "d", replacement: "ch$1-ch$1" },
    ],
    undefined,
  ],
  [{ a: "foo", b: "bar" }, [{ sourceLabels: ["a"], regex: ".*o.*", action: "drop" }], undefined],
  [
    { a: "abc" },
    [{ sourceLabels: ["a"], regex: ".*(b).*", targetLabel: "d", replacement: "$1" }],
    { a: "abc", d: "b" },
  ],
  [{ a: "foo" }, [{ sourceLabels: ["a"], regex: "no-match", action: "drop" }], { a: "foo" }],
  [{ a: "foo" }, [{ sourceLabels: ["a"], regex: "f|o", action: "drop" }], { a: "foo" }],
  [{ a: "foo" }, [{ sourceLabels: ["a"], regex: "no-match", action: "keep" }], undefined],
  [{ a: "foo" }, [{ sourceLabels: ["a"], regex: "f.*", action: "keep" }], { a: "foo" }],
  [
    { a: "boo" },
    [{ sourceLabels: ["a"], regex: "f", targetLabel: "b", replacement: "bar" }],
    { a: "boo" },
  ],
  [
    { a: "foo", b: "bar", c: "baz" },
    [{ sourceLabels: ["c"], targetLabel: "d", action: "hashmod", modulus: 1000 }],
    { a: "foo", b: "bar", c: "baz", d: "976" },
  ],
  [
    { a: "foo\nbar" },
    [{ sourceLabels: ["a"], targetLabel: "b", action: "hashmod", modulus: 1000 }],
    { a: "foo\nbar", b: "734" },
  ],
  [
    { a: "foo", b1: "bar", b2: "baz" },
    [{ regex: "(b.*)", replacement: "bar_${1}", action: "labelmap" }],
    { a: "foo", b1: "bar", b2: "baz", bar_b1: "bar", bar_b2: "baz" },
  ],
  [
    { a: "foo", __meta_my_bar: "aaa", __meta_my_baz: "bbb", __meta_other: "ccc" },
    [{ regex: "__meta_(my.*)", replacement: "${1}", action: "labelmap" }],
    {
      a: "foo",
      __meta_my_bar: "aaa",
      __meta_my_baz: "bbb",
      __meta_other: "ccc",
      my_bar: "aaa",
      my_baz: "bbb",
    },
  ],
  [
    { a: "some-name-value" },
    [
      {
        sourceLabels: ["a"],
        regex: "some-([^-]+)-([^,]+)",
        replacement: "${2}",
        targetLabel: "${1}",
      },
    ],
    { a: "some-name-value", name: "value" },
  ],
  [
    { a: "some-name-value" },
    [
      {
        sourceLabels: ["a"],
        regex: "some-([^-]+)-([^,]+)",
        replacement: "${3}",
        targetLabel: "${1}",
      },
    ],
    { a: "some-name-value" },
  ],
  [
    { a: "some-name-0" },
    [
      {
        sourceLabels: ["a"],
        regex: "some-([^-]+)-([^,]+)",
        replacement: "${1}",
        targetLabel: "${3}",
      },
      {
        sourceLabels: ["a"],
        regex: "some-([^-]+)(-[^,]+)",
        replacement: "${1}",
        targetLabel: "${3}",
      },
    ],
    { a: "some-name-0" },
  ],
  [
    { __meta_sd_tags: "path:/secret,job:some-job,label:foo=bar" },
    [
      {
        sourceLabels: ["__meta_sd_tags"],
        regex: "(?:.+,|^)path:(/[^,]+).*",
        replacement: "${1}",
        targetLabel: "__metrics_path__",
      },
      {
        sourceLabels: ["__meta_sd_tags"],
        regex: "(?:.+,|^)job:([^,]+).*",
        replacement: "${1}",
        targetLabel: "job",
      },
      {
        sourceLabels: ["__meta_sd_tags"],
        regex: "(?:.+,|^)label:([^=]+)=([^,]+).*",
        replacement: "${2}",
        targetLabel: "${1}",
      },
    ],
    {
      __meta_sd_tags: "path:/secret,job:some-job,label:foo=bar",
      __metrics_path__: "/secret",
      job: "some-job",
      foo: "bar",
    },
  ],
  [
    { port_name: "foo", annotation_port: "9091" },
    [
      { regex: "^port_name$", action: "labeldrop" },
      {
        sourceLabels: ["annotation_port"],
        regex: "(.+)",
        replacement: "metrics",
        targetLabel: "port_name",
      },
      { sourceLabels: ["port_name"], regex: "^metrics$", action: "keep" },
    ],
    { annotation_port: "9091", port_name: "metrics" },
  ],
  [
    { a: "foo", b1: "bar", b2: "baz" },
    [{ regex: "(b.*)", action: "labelkeep" }],
    { b1: "bar", b2: "baz" },
  ],
  [{ a: "foo", b1: "bar", b2: "baz" }, [{ regex: "(b.*)", action: "labeldrop" }], { a: "foo" }],
  [
    { foo: "bAr123Foo" },
    [
      { sourceLabels: ["foo"], action: "uppercase", targetLabel: "foo_uppercase" },
      { sourceLabels: ["foo"], action: "lowercase", targetLabel: "foo_lowercase" },
    ],
    { foo: "bAr123Foo", foo_lowercase: "bar123foo", foo_uppercase: "BAR123FOO" },
  ],
  [
    { __tmp_port: "1234", __port1: "1234", __port2: "5678" },
    [{ sourceLabels: ["__tmp_port"], action: "keepequal", targetLabel: "__port1" }],
    { __tmp_port: "1234", __port1: "1234", __port2: "5678" },
  ],
  [
    { __tmp_port: "1234", __port1: "1234", __port2: "5678" },
    [{ sourceLabels: ["__tmp_port"], action: "dropequal", targetLabel: "__port1" }],
    undefined,
  ],
  [
    { __tmp_port: "1234", __port1: "1234", __port2: "5678" },
    [{ sourceLabels: ["__tmp_port"], action: "dropequal", targetLabel: "__port2" }],
    { __tmp_port: "1234", __port1: "1234", __port2: "5678" },
  ],
  [
    { __tmp_port: "1234", __port1: "1234", __port2: "5678" },
    [{ sourceLabels: ["__tmp_port"], action: "keepequal", targetLabel: "__port2" }],
    undefined,
  ],
  [
    { a: "line1\nline2", b: "bar" },
    [
      {
        sourceLabels: ["a"],
        regex: "line1.*line2",
        targetLabel: "d",
        replacement: "match${1}",
      },
    ],
    { a: "line1\nline2", b: "bar", d: "match" },
  ],
  [
    { "utf-8.label": "line1\nline2", b: "bar" },
    [
      {
        sourceLabels: ["utf-8.label"],
        regex: "line1.*line2",
        targetLabel: "utf-8.label${1}",
        replacement: "match${1}",
      },
    ],
    { "utf-8.label": "match", b: "bar" },
  ],
  [
    { a: "line1\nline2" },
    [
      {
        sourceLabels: ["a"],
        regex: "(line1).*(?<second>line2)",
        targetLabel: "label1_${1}",
        replacement: "val_${second}",
      },
      {
        sourceLabels: ["a"],
        regex: "(line1).*(?<second>line2)",
        targetLabel: "label2_$1",
        replacement: "val_$second",
      },
    ],
    { a: "line1\nline2", label1_line1: "val_line2", label2_line1: "val_line2" },
  ],
  [
    { __name__: "http_requests_total" },
    [
      {
        sourceLabels: ["__name__"],
        regex: ".*_total$",
        targetLabel: "__type__",
        replacement: "counter",
      },
    ],
    { __name__: "http_requests_total", __type__: "counter" },
  ],
  // From here on not of that table, but of its code.
  [{ a: "x" }, [{ targetLabel: "b", replacement: "static" }], { a: "x", b: "static" }],
  [{ a: "x", b: "y" }, [{ targetLabel: "b", replacement: "" }], { a: "x" }],
  [{ a: "x" }, [{ sourceLabels: ["gone"], regex: "", action: "drop" }], undefined],
  [{ a: "x" }, [{ sourceLabels: ["gone"], action: "lowercase", targetLabel: "a" }], {}],
  [
    { a: "x", b: "y" },
    [{ sourceLabels: ["a", "b", "gone"], separator: "", targetLabel: "c" }],
    { a: "x", b: "y", c: "xy" },
  ],
  // What several labels map to is what the last of them has: by name, then as they were added.
  [
    { b2: "2", b1: "1" },
    [{ regex: "b.", replacement: "c", action: "labelmap" }],
    { b1: "1", b2: "2", c: "2" },
  ],
  [
    { b2: "2", b1: "1" },
    [
      { targetLabel: "b1", replacement: "3" },
      { regex: "b.", replacement: "c", action: "labelmap" },
    ],
    { b1: "3", b2: "2", c: "3" },
  ],
];

describe("rules", () => {
  for (const [input, rules, output] of TABLE) {
    test(`${JSON.stringify(rules)} make ${JSON.stringify(input)} what Prometheus does`, () => {
      expect(relabelled(input, rules)).toEqual(output);
    });
  }

  test("map no case as JavaScript does where Go does not", () => {
    const text = "ß ŉ ᾳ ᾼ ὒ ﬁ ǆ ǅ Σ ς İ ı K 𐐀 𐐨 é";
    const rules: Partial<RelabelRule>[] = [
      { sourceLabels: ["a"], action: "uppercase", targetLabel: "upper" },
      { sourceLabels: ["a"], action: "lowercase", targetLabel: "lower" },
    ];
    expect(relabelled({ a: text }, rules)).toEqual({
      a: text,
      upper: "ß ŉ ᾼ ᾼ ὒ ﬁ Ǆ Ǆ Σ Σ İ I K 𐐀 𐐀 É",
      lower: "ß ŉ ᾳ ᾳ ὒ ﬁ ǆ ǆ σ ς i ı k 𐐨 𐐨 é",
    });
  });
});

function relabelled(input: Labels, rules: Partial<RelabelRule>[]): Labels | undefined {
  const labels = new LabelBuilder(Object.entries(input));
  const compiled = compileRules(
    rules.map((rule) => ({
      sourceLabels: [],
      separator: ";",
      regex: "(.*)",
      modulus: 0,
      targetLabel: "",
      replacement: "$1",
      action: "replace",
      ...rule,
    })),
  );
  const isKept = relabel(labels, compiled, (name) => name !== "");
  return isKept ? Object.fromEntries(labels.snapshot()) : undefined;
}
