import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pattern } from "../../../src/pattern.ts";
import { matches, parseSelector } from "../../../src/registry/selector.ts";

/**
 * The inputs and what they mean are those of Prometheus' promql/parser/parse_test.go; the faults are
 * in our words.
 */
const VALID: [text: string, matchers: string[]][] = [
  ["foo", ["__name__=foo"]],
  ["min", ["__name__=min"]],
  ["offset", ["__name__=offset"]],
  ['foo:bar{a="bc"}', ["__name__=foo:bar", "a=bc"]],
  ['{"foo"}', ["__name__=foo"]],
  [
    "{'foo\\'bar', 'a\\\\dos\\\\path'='boo\\\\urns'}",
    ["__name__=foo'bar", "a\\dos\\path=boo\\urns"],
  ],
  ["{'foo\\'bar', `a\\dos\\path`=\"boo\"}", ["__name__=foo'bar", "a\\dos\\path=boo"]],
  ['{"foo", a="bc"}', ["__name__=foo", "a=bc"]],
  ["foo{NaN='bc'}", ["__name__=foo", "NaN=bc"]],
  ["foo{bar='}'}", ["__name__=foo", "bar=}"]],
  [
    'foo{a="b", foo!="bar", test=~"test", bar!~"baz"}',
    ["__name__=foo", "a=b", "foo!=bar", "test=~test", "bar!~baz"],
  ],
  [
    '{a="b", foo!="bar", "foo", test=~"test", bar!~"baz"}',
    ["a=b", "foo!=bar", "__name__=foo", "test=~test", "bar!~baz"],
  ],
  [
    'foo{a="b", foo!="bar", test=~"test", bar!~"baz",}',
    ["__name__=foo", "a=b", "foo!=bar", "test=~test", "bar!~baz"],
  ],
  ['{__name__=~"bar", __name__!~"baz"}', ["__name__=~bar", "__name__!~baz"]],
  ['{__name__="bar", __name__="baz"}', ["__name__=bar", "__name__=baz"]],
  ['{"bar", __name__="baz"}', ["__name__=bar", "__name__=baz"]],
  ["foo{}", ["__name__=foo"]],
  [' \t\r\nfoo # comment {}\n { a = "b" # another, "\n , } #', ["__name__=foo", "a=b"]],
  ['{"my.metric","a.b"="c"}', ["__name__=my.metric", "a.b=c"]],
  ['{a="\\a\\b\\f\\n\\r\\t\\v\\\\\\""}', ['a=\x07\b\f\n\r\t\v\\"']],
  ['{a="\\x41\\101\\u0041\\U00000041\\U0001F600"}', ["a=AAAA\u{1f600}"]],
  ['{a="\\xc3\\xa9\\303\\251"}', ["a=éé"]],
  ["{a=`\\n\n\"'`}", ["a=\\n\n\"'"]],
  [`{a="'\`"}`, ["a='`"]],
  ['{a=""," b"="1"}', ["a=", " b=1"]],
];

const REFUSED: [text: string, fault: string][] = [
  ["", "1:1: no selector found in input"],
  ["# just a comment\n\n", "3:1: no selector found in input"],
  ["{", "1:2: unexpected end of input inside braces"],
  ["}", '1:1: unexpected character: "}"'],
  ["some{", "1:6: unexpected end of input inside braces"],
  ["some}", '1:5: unexpected character: "}"'],
  ["some_metric{a=b}", '1:15: unexpected identifier "b" in label matching, expected string'],
  ['some_metric{a:b="b"}', '1:14: unexpected character inside braces: ":"'],
  ['foo{a*"b"}', '1:6: unexpected character inside braces: "*"'],
  ['foo{a>="b"}', '1:6: unexpected character inside braces: ">"'],
  ["foo{gibberish}", '1:14: unexpected "}" in label matching, expected label matching operator'],
  ["foo{1}", '1:5: unexpected character inside braces: "1"'],
  ["{}", "1:1: selector must contain at least one matcher that an empty value fails"],
  ['{x=""}', "1:1: selector must contain at least one matcher that an empty value fails"],
  ['{x=~".*"}', "1:1: selector must contain at least one matcher that an empty value fails"],
  ['{x!~".+"}', "1:1: selector must contain at least one matcher that an empty value fails"],
  ['{x!="a"}', "1:1: selector must contain at least one matcher that an empty value fails"],
  ['{""}', "1:1: selector must contain at least one matcher that an empty value fails"],
  ['foo{__name__="bar"}', "1:1: metric name must not be set twice"],
  ['foo{"bar"}', "1:1: metric name must not be set twice"],
  ["foo{__name__= =}", '1:15: unexpected "=" in label matching, expected string'],
  ["foo{,}", '1:5: unexpected "," in label matching, expected identifier or "}"'],
  ['foo{a="b",,}', '1:11: unexpected "," in label matching, expected identifier or "}"'],
  ['foo{__name__ == "bar"}', '1:15: unexpected "=" in label matching, expected string'],
  [
    'foo{__name__="bar" lol}',
    '1:20: unexpected identifier "lol" in label matching, expected "," or "}"',
  ],
  ['foo{"a"=}', '1:9: unexpected "}" in label matching, expected string'],
  ["foo offset 5m", '1:12: unexpected character: "5"'],
  ["foo bar", '1:5: unexpected identifier "bar" in selector, expected the end'],
  ['{a="b"}{c="d"}', '1:8: unexpected "{" in selector, expected the end'],
  ["foo[5m]", '1:4: unexpected character: "["'],
  ['"foo"', '1:1: unexpected character: "\\""'],
  ["foo{a='b}", "1:7: unterminated quoted string"],
  ["foo{a='b\n'}", "1:7: unterminated quoted string"],
  ["foo{a=`b}", "1:7: unterminated raw string"],
  ['foo{a="\\q"}', '1:8: unknown escape sequence "\\\\q"'],
  ['foo{a="\\\'"}', '1:8: unknown escape sequence "\\\\\'"'],
  ['foo{a="\\x4"}', "1:8: escape sequence must have 2 hexadecimal digits"],
  ['foo{a="\\18"}', "1:8: escape sequence must have three octal digits"],
  ['foo{a="\\400"}', "1:8: escape sequence is more than a byte"],
  ['foo{a="\\ud800"}', "1:8: escape sequence is an invalid Unicode code point"],
  ['foo{a="\\U00110000"}', "1:8: escape sequence is an invalid Unicode code point"],
  ['foo{a="\\xff"}', "1:7: string is not UTF-8"],
  ['foo{é="x"}', '1:5: unexpected character inside braces: "é"'],
  [
    'foo{\n  a="é😀",\n b=~"("}',
    "3:5: the value must be a regular expression (RE2): missing closing ): `(`",
  ],
];

describe("a selector", () => {
  for (const [text, matchers] of VALID) {
    test(`${JSON.stringify(text)} is taken`, () => {
      const parsed = parseSelector(text);
      if (!parsed.ok) throw new Error(parsed.fault);
      expect(
        parsed.selector.map(({ label, isNegated, expected }) => {
          const isPattern = expected instanceof Pattern;
          const operator = `${isNegated ? "!" : isPattern ? "=" : ""}${isPattern ? "~" : "="}`;
          return `${label}${operator}${isPattern ? expected.text : expected}`;
        }),
      ).toEqual(matchers);
    });
  }

  for (const [text, fault] of REFUSED) {
    test(`${JSON.stringify(text)} is refused, and the fault says where`, () => {
      expect(parseSelector(text)).toEqual({ ok: false, fault });
    });
  }

  test("is taken and refused as promtool takes and refuses it", async () => {
    // Quoted names are those of Prometheus 3, which this promtool may not be.
    const texts = [...VALID, ...REFUSED]
      .map(([text]) => text)
      .filter((text) => !/^(?:\{|foo\{)(?:a="b", foo!="bar", |a="",)?["']/.test(text))
      // A query may be more than a selector, and a string is one by itself.
      .filter((text) => !/^(?:foo offset 5m|foo\[5m\]|"foo")$|^$|^#|^offset$/.test(text))
      // A byte that is no UTF-8 is taken there, and matches nothing that we have.
      .filter((text) => !text.includes("\\xff"));
    expect(texts.length).toBeGreaterThan(40);
    const folder = mkdtempSync(join(tmpdir(), "selector-"));
    for (const text of texts) {
      const rules = { groups: [{ name: "g", rules: [{ record: "r", expr: text }] }] };
      const file = join(folder, "rules.json");
      await Bun.write(file, JSON.stringify(rules));
      const child = Bun.spawn(["promtool", "check", "rules", file], {
        stdout: "ignore",
        stderr: "ignore",
      });
      const isTaken = (await child.exited) === 0;
      expect({ text, isTaken }).toEqual({ text, isTaken: parseSelector(text).ok });
    }
    rmSync(folder, { recursive: true });
  });
});

const MATCHING: [selector: string, isMatch: boolean][] = [
  ["jobs_total", true],
  ["jobs", false],
  ['{a="1"}', true],
  ['{a="2"}', false],
  ['jobs_total{a!="1"}', false],
  ['jobs_total{a!="2"}', true],
  ['jobs_total{absent=""}', true],
  ['jobs_total{absent!=""}', false],
  ['jobs_total{absent=~".*"}', true],
  ['jobs_total{absent=~".+"}', false],
  ['jobs_total{absent!~".+"}', true],
  ['{__name__=~"jobs_.*"}', true],
  ['{__name__=~"jobs_"}', false],
  ['{__name__=~"obs_total"}', false],
  ['{__name__!~"jobs_.*",a="1"}', false],
  ['{text=~"line.other"}', true],
  ['{text=~"line"}', false],
  ['{"a.b"="c"}', true],
  ['{a="1",text!=""}', true],
  ['{a="1",text=""}', false],
];

describe("the series jobs_total{a=1, text, a.b=c}", () => {
  for (const [text, isMatch] of MATCHING) {
    test(`is ${isMatch ? "" : "not "}taken by ${text}`, () => {
      const parsed = parseSelector(text);
      if (!parsed.ok) throw new Error(parsed.fault);
      const { selector } = parsed;
      const [names, values] = [
        ["a", "text", "a.b"],
        ["1", "line\nother", "c"],
      ];
      expect(matches(selector, "jobs_total", names, values)).toBe(isMatch);
    });
  }
});
