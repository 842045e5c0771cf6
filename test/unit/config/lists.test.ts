// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what Prometheus has in its rules
import { describe, expect, test } from "bun:test";
import { loadSettings, type SettingsInput } from "../../../src/config/load.ts";

const KEEP = {
  sourceLabels: ["a", "b"],
  separator: ";",
  regex: "x.*",
  modulus: 0,
  targetLabel: "",
  replacement: "$1",
  action: "keep",
};

describe("a list", () => {
  test("is a list in the file, its fields in any case and with underscores or without", () => {
    for (const [labels, target, action] of [
      ["source_labels", "target_label", "action"],
      ["SourceLabels", "TargetLabel", "Action"],
      ["sourcelabels", "TARGET_LABEL", "ACTION"],
    ]) {
      const rules = [
        { [labels]: ["a", "b"], regex: "x.*", [action]: "KEEP" },
        { [target]: "c", replacement: "d" },
      ];
      const { settings } = loaded({ fileText: JSON.stringify({ rElabel: rules }) });
      expect(settings.relabel).toMatchObject([KEEP, { targetLabel: "c", replacement: "d" }]);
    }
  });

  test("may be flat in the file, as .NET has it", () => {
    const fileText =
      '{ "Relabel:0:source_labels": ["a", "b"], "Relabel.0.regex": "x.*", "Relabel": { "0": { "action": "keep" } } }';
    expect(loaded({ fileText }).settings.relabel as unknown).toEqual([KEEP]);
  });

  test("is set and changed one value at a time by the environment and by flags", () => {
    const fileText = JSON.stringify({
      Relabel: [{ source_labels: ["a", "x"], regex: "y", action: "keep" }],
    });
    const environment = { Relabel__0__source_labels__1: "b", RELABEL__1__ACTION: "labeldrop" };
    const flags = [
      { name: "Relabel:0:regex", value: "x.*" },
      { name: "relabel.1.Regex", value: "pod" },
    ];
    const { settings, effective } = loaded({ fileText, environment, flags });
    expect(settings.relabel).toMatchObject([KEEP, { action: "labeldrop", regex: "pod" }]);
    expect(effective.slice(-6)).toEqual([
      { name: "Relabel.0.source_labels.0", text: "a", source: "file conf.json" },
      {
        name: "Relabel.0.source_labels.1",
        text: "b",
        source: "environment Relabel__0__source_labels__1",
      },
      { name: "Relabel.0.regex", text: "x.*", source: "flag --Relabel:0:regex" },
      { name: "Relabel.0.action", text: "keep", source: "file conf.json" },
      { name: "Relabel.1.regex", text: "pod", source: "flag --relabel.1.Regex" },
      { name: "Relabel.1.action", text: "labeldrop", source: "environment RELABEL__1__ACTION" },
    ]);
  });

  test("is in the order of its indexes as numbers, which may have gaps", () => {
    const flags = [10, 9, 2].map((i) => ({ name: `Families.${i}.match`, value: `f${i}` }));
    expect(loaded({ flags }).settings.families.map(({ match }) => match)).toEqual([
      "f2",
      "f9",
      "f10",
    ]);
  });

  test("without entries is none", () => {
    expect(loaded({ fileText: '{ "Relabel": [], "Families": null }' }).settings.relabel).toEqual(
      [],
    );
  });
});

const FILE_FAULTS: [what: string, file: object, faults: string[]][] = [
  [
    "a name that is near one",
    { Relabel: [{ acton: "keep", sourcelabls: ["a", "b"] }] },
    [
      "Relabel.0.acton is no setting (file conf.json); did you mean Relabel.0.action?",
      "Relabel.0.sourcelabls is no setting (file conf.json); did you mean Relabel.0.source_labels?",
    ],
  ],
  [
    "a name that is near none",
    { Families: [{ something: 1 }] },
    ["Families.0.something is no setting (file conf.json)"],
  ],
  ["no list", { Relabel: "x" }, ['Relabel must be a list of objects, got "x" (file conf.json)']],
  ["no object", { Relabel: ["x"] }, ['Relabel.0 must be an object, got "x" (file conf.json)']],
  [
    "no index",
    { Relabel: { a: { action: "keep" } } },
    ["Relabel.a must be a number (file conf.json)"],
  ],
  [
    "an index with a zero in front",
    { Relabel: { "01": { action: "keep" } } },
    ["Relabel.01 must be a number (file conf.json)"],
  ],
  [
    "a list where there must be none",
    { Relabel: [{ action: ["keep"] }] },
    ["Relabel.0.action must not be a list (file conf.json)"],
  ],
  [
    "no list where there must be one",
    { Relabel: [{ source_labels: "a", action: "keep" }] },
    [
      'Relabel.0.source_labels must be a list, as Relabel.0.source_labels.0, got "a" (file conf.json)',
    ],
  ],
  [
    "an object in a list of values",
    { Families: [{ match: "a", buckets: [{ a: 1, b: 2 }] }] },
    ["Families.0.buckets must be a list of values (file conf.json)"],
  ],
  [
    "an unknown action",
    { Relabel: [{}, { action: "x" }] },
    [
      'Relabel.1.action must be replace, keep, drop, keepequal, dropequal, hashmod, labelmap, labeldrop, labelkeep, lowercase or uppercase, got "x" (file conf.json)',
    ],
  ],
  [
    "a regex that is none",
    { Relabel: [{ regex: "(a", target_label: "b" }] },
    [
      'Relabel.0.regex must be a regular expression (RE2): missing closing ): `(a`, got "(a" (file conf.json)',
    ],
  ],
  [
    "a regex that is JavaScript's",
    { Families: [{ match: "(?=a)" }] },
    [
      'Families.0.match must be a regular expression (RE2): invalid or unsupported Perl syntax: `(?=`, got "(?=a)" (file conf.json)',
    ],
  ],
  [
    "a regex that is one only in parentheses",
    { Families: [{ match: "a)|(b" }] },
    [
      'Families.0.match must be a regular expression (RE2): unexpected ): `a)|(b`, got "a)|(b" (file conf.json)',
    ],
  ],
  [
    "a source that is no label name",
    { Relabel: [{ source_labels: ["a", "b.c"], action: "keep" }] },
    ['Relabel.0.source_labels must be label names, got "a, b.c" (file conf.json)'],
  ],
  [
    "a family without match",
    { Families: [{ help: "x" }] },
    ["Families.0.match must be set (file conf.json)"],
  ],
  ...[[2, 1], [1, 1], ["+Inf", 1], ["+Inf"], ["+Inf", "+Inf"]].map(
    (buckets): [string, object, string[]] => [
      `the buckets ${JSON.stringify(buckets)}`,
      { Families: [{ match: "a", buckets }] },
      [
        `Families.0.buckets must be numbers, each greater than the one before, got "${buckets.join(", ")}" (file conf.json)`,
      ],
    ],
  ),
  ...["x", "", "1e999", "NaN", "0x1", "1,2"].map((bucket): [string, object, string[]] => [
    `the bucket ${JSON.stringify(bucket)}`,
    { Families: [{ match: "a", buckets: [bucket] }] },
    [`Families.0.buckets.0 must be a number, got "${bucket}" (file conf.json)`],
  ]),
  [
    "more buckets than may be",
    { Metrics: { MaxBuckets: 1 }, Families: [{ match: "a", buckets: [1, 2] }] },
    [
      'Families.0.buckets must have at most Metrics.MaxBuckets=1 numbers, got "1, 2" (file conf.json)',
    ],
  ],
  [
    "a quantile above 1",
    { Families: [{ match: "a", quantiles: [0.5, 1.5] }] },
    ['Families.0.quantiles.1 must be 0..1, got "1.5" (file conf.json)'],
  ],
  [
    "a quantile twice",
    { Families: [{ match: "a", quantiles: [0.5, 0.5] }] },
    ['Families.0.quantiles must have each number once, got "0.5, 0.5" (file conf.json)'],
  ],
  [
    "fewer epsilons than quantiles",
    { Families: [{ match: "a", quantiles: [0.5, 0.9], epsilons: [0.1] }] },
    ['Families.0.epsilons must be as many as there are quantiles, got "0.1" (file conf.json)'],
  ],
  [
    "a native layout without its resolution",
    { Families: [{ match: "a", nativeMaxBuckets: 5 }] },
    ["Families.0.nativeSchema must be set, since nativeMaxBuckets is (file conf.json)"],
  ],
  [
    "a resolution that is none",
    { Families: [{ match: "a", nativeSchema: 9 }] },
    ['Families.0.nativeSchema must be -4..8, got "9" (file conf.json)'],
  ],
  [
    "a negative time",
    { Families: [{ match: "a", ttlSeconds: -1 }] },
    ['Families.0.ttlSeconds must be 0..2147483647, got "-1" (file conf.json)'],
  ],
];

describe("a fault in a list is one line:", () => {
  for (const [what, file, faults] of FILE_FAULTS) {
    test(what, () => {
      expect(faultsOf({ fileText: JSON.stringify(file) })).toEqual(
        faults.map((fault) => `config: ${fault}`),
      );
    });
  }

  test("a name that is given twice in a file", () => {
    const fileText =
      '{ "Relabel": [{ "source_labels": ["a"], "SourceLabels": ["b"], "action": "keep" }] }';
    expect(faultsOf({ fileText })).toEqual([
      "config: Relabel.0.source_labels.0 is set twice (file conf.json, file conf.json)",
    ]);
  });

  test("any other list, and what is in it is not looked at", () => {
    const fileText =
      '{ "Metrics": { "MaxSeries": [1, { "Redis": 2 }, [3]] }, "Redis": [{ "a": 1 }] }';
    expect(faultsOf({ fileText })).toEqual([
      "config: Metrics.MaxSeries must not be a list (file conf.json)",
      "config: Redis must be an object of settings (file conf.json)",
    ]);
  });

  test("a flag that is a whole list", () => {
    expect(faultsOf({ flags: [{ name: "Relabel", value: "x" }] })).toEqual([
      'config: Relabel must be a list of objects, got "x" (flag --Relabel)',
    ]);
  });
});

/** Prometheus' own checks, of model/relabel/relabel.go and relabel_test.go; "": it is taken. */
const RULES: [rule: object, fault: string][] = [
  [{ action: "replace" }, "target_label must be set for the action replace"],
  [{ action: "lowercase" }, "target_label must be set for the action lowercase"],
  [{ action: "hashmod", modulus: 5 }, "target_label must be set for the action hashmod"],
  [
    { action: "keepequal", source_labels: ["a"] },
    "target_label must be set for the action keepequal",
  ],
  [
    { action: "hashmod", target_label: "a" },
    "modulus must be set, and not 0, for the action hashmod",
  ],
  [
    { action: "hashmod", target_label: "a", modulus: 0 },
    'modulus must be set, and not 0, for the action hashmod, got "0"',
  ],
  [
    { action: "hashmod", target_label: "$1", modulus: 1 },
    'target_label must be a label name for the action hashmod, got "$1"',
  ],
  [
    { action: "lowercase", target_label: "${3}" },
    'target_label must be a label name for the action lowercase, got "${3}"',
  ],
  [{ source_labels: ["a"], regex: "some-([^-]+)", replacement: "${1}", target_label: "${3}" }, ""],
  [
    { target_label: "0${3}" },
    'target_label must be a label name for the action replace, got "0${3}"',
  ],
  [
    { target_label: "-${3}" },
    'target_label must be a label name for the action replace, got "-${3}"',
  ],
  [{ target_label: "a-b" }, 'target_label must be a label name for the action replace, got "a-b"'],
  [
    { action: "uppercase", target_label: "a", replacement: "b" },
    'replacement must not be set for the action uppercase, got "b"',
  ],
  [{ action: "uppercase", target_label: "a", replacement: "$1" }, ""],
  [{ action: "labelmap", regex: "__meta_(.+)", replacement: "${1}" }, ""],
  [{ action: "labelmap", regex: "__meta_(.+)" }, ""],
  [
    { action: "labelmap", regex: "a(.+)", replacement: "-$1" },
    'replacement must make a label name for the action labelmap, got "-$1"',
  ],
  [
    { action: "dropequal", target_label: "a", regex: "b" },
    'regex must not be set for the action dropequal, got "b"',
  ],
  [
    { action: "keepequal", target_label: "a", separator: "" },
    'separator must not be set for the action keepequal, got ""',
  ],
  [
    { action: "labeldrop", regex: "a", source_labels: ["b", "c"] },
    'source_labels must not be set for the action labeldrop, got "b, c"',
  ],
  [
    { action: "labelkeep", regex: "a", target_label: "b" },
    'target_label must not be set for the action labelkeep, got "b"',
  ],
  [
    { action: "labelkeep", regex: "a", modulus: 2 },
    'modulus must not be set for the action labelkeep, got "2"',
  ],
  [{ action: "labelkeep", regex: "a" }, ""],
  ...(
    [
      ["label${1}", true],
      ["${1}label", true],
      ["${1}", true],
      ["${", false],
      ["$", false],
      ["${}", false],
      ["foo${", false],
      ["$1", true],
      ["asd$2asd", true],
      ["-foo${1}bar-", false],
      ["bar.foo${1}bar", false],
      ["_${1}_", true],
      ["foo${bar}foo", true],
      ["a$$b", false],
    ] as const
  ).map(([target_label, isTaken]): [object, string] => [
    { target_label },
    isTaken
      ? ""
      : `target_label must be a label name for the action replace, got "${target_label}"`,
  ]),
];

describe("the rule", () => {
  for (const [rule, fault] of RULES) {
    test(`${JSON.stringify(rule)} is ${fault === "" ? "taken" : "refused"}`, () => {
      const line = `config: Relabel.0.${fault} (file conf.json)`;
      const faults = faultsOf({ fileText: JSON.stringify({ Relabel: [rule] }) });
      expect(faults).toEqual(fault === "" ? [] : [line]);
    });
  }

  for (const rule of [
    { source_labels: ["a.b"], target_label: "é-${1}" },
    { action: "labelmap", regex: "(.*)", replacement: "a.$1" },
    { action: "lowercase", target_label: "${3}" },
  ]) {
    test(`${JSON.stringify(rule)} is taken where all names are`, () => {
      const file = { Metrics: { NameValidation: "utf8" }, Relabel: [rule] };
      expect(faultsOf({ fileText: JSON.stringify(file) })).toEqual([]);
      expect(faultsOf({ fileText: JSON.stringify({ Relabel: [rule] }) })).toHaveLength(1);
    });
  }

  test("takes no time that grows with what is wrong in it", () => {
    const target_label = `${"a".repeat(5000)}$${"a$b".repeat(5000)}-`;
    expect(faultsOf({ fileText: JSON.stringify({ Relabel: [{ target_label }] }) })).toHaveLength(1);
  });
});

test("a family's quantiles get errors that suit them, and stand in order", () => {
  const Families = [
    { match: "a", quantiles: [0.99, 0.5, 0.9, 0.999, 0, 1, 0.1] },
    { match: "b", quantiles: [0.9, 0.5], epsilons: [0.02, 0.01] },
  ];
  const { families } = loaded({ fileText: JSON.stringify({ Families }) }).settings;
  expect(families).toMatchObject([
    {
      quantiles: [0, 0.1, 0.5, 0.9, 0.99, 0.999, 1],
      epsilons: [0.001, 0.01, 0.05, 0.01, 0.001, 0.001, 0.001],
    },
    { quantiles: [0.5, 0.9], epsilons: [0.01, 0.02] },
  ]);
});

test("a family's last bucket may be +Inf, which each histogram has", () => {
  const Families = [{ match: "a", buckets: ["-1", "1e-1", 0.5, "+Inf"], nativeSchema: 3 }];
  const { families } = loaded({ fileText: JSON.stringify({ Families }) }).settings;
  expect(families).toMatchObject([
    { buckets: [-1, 0.1, 0.5], native: { schema: 3, zeroThreshold: 2 ** -128, maxBuckets: 160 } },
  ]);
});

function input(given: Partial<SettingsInput>): SettingsInput {
  return { fileText: undefined, filePath: "conf.json", environment: {}, flags: [], ...given };
}

function loaded(given: Partial<SettingsInput>) {
  const result = loadSettings(input(given));
  if (!result.ok) throw new Error(result.faults.join("\n"));
  return result;
}

function faultsOf(given: Partial<SettingsInput>): string[] {
  const result = loadSettings(input(given));
  return result.ok ? [] : result.faults;
}
