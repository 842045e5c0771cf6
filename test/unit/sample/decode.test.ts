import { describe, expect, test } from "bun:test";
import { type DecodeLimits, decodeMessage } from "../../../src/sample/decode.ts";
import type { DropReason } from "../../../src/sample/drop-reason.ts";
import type { Sample } from "../../../src/sample/sample.ts";

const LIMITS: DecodeLimits = {
  maxMessageBytes: 1024 * 1024,
  maxLabels: 0,
  maxLabelLength: 0,
  maxBuckets: 100,
  nameValidation: "legacy",
};

/** Wide enough for payloads that would else be dropped as too large. */
const WIDE: DecodeLimits = { ...LIMITS, maxMessageBytes: 16 * 1024 * 1024 };

const encoder = new TextEncoder();

function decode(text: string, limits = LIMITS) {
  return decodeMessage(encoder.encode(text), limits);
}

/** The only sample of a message that must be taken. */
function sampleOf(text: string, limits = LIMITS): Sample {
  const decoded = decode(text, limits);
  expect(decoded).toHaveLength(1);
  const [entry] = decoded;
  if (!entry.ok) throw new Error(`dropped as ${entry.reason}: ${text.slice(0, 200)}`);
  return entry.sample;
}

function labelsOf(text: string): [string, string][] {
  const { labelNames, labelValues } = sampleOf(text).definition;
  expect(labelValues).toHaveLength(labelNames.length);
  return labelNames.map((name, i) => [name, labelValues[i]]);
}

/** The reason, or "taken", for each sample of a message. */
function outcomesOf(text: string, limits = LIMITS): string[] {
  return decode(text, limits).map((entry) => (entry.ok ? "taken" : entry.reason));
}

function dropTable(rows: [title: string, reason: DropReason, text: string][], limits = LIMITS) {
  for (const [title, reason, text] of rows) {
    test(`drops ${title} as ${reason}`, () => expect(outcomesOf(text, limits)).toEqual([reason]));
  }
}

function takeTable(rows: [title: string, text: string][]) {
  for (const [title, text] of rows) {
    test(`takes ${title}`, () => expect(outcomesOf(text)).toEqual(["taken"]));
  }
}

const counter = (fields: string) => `{"type":"counter","name":"c","value":1${fields}}`;
const labelled = (labels: string) => counter(`,"labels":${labels}`);
const valued = (type: string, value: string) => `{"type":"${type}","name":"x","value":${value}}`;
const histogram = (fields: string) => `{"type":"histogram","name":"h","value":1${fields}}`;
const bucketed = (buckets: string) => histogram(`,"buckets":${buckets}`);
const summary = (fields: string) => `{"type":"summary","name":"s","value":1${fields}}`;
const quantiled = (quantiles: string, epsilons: string) =>
  summary(`,"quantiles":${quantiles},"epsilons":${epsilons}`);

describe("the JSON of a message", () => {
  test("white space and line breaks stand anywhere that JSON allows them", () => {
    const text =
      ' \r\n\t{ "type" :\n"counter" ,\t"name":"c"\r\n,"value" : 2 , "labels" : { } }\n\n';
    expect(sampleOf(text).value).toBe(2);
  });

  test("unknown fields are ignored", () => {
    expect(sampleOf(counter(',"unit":{"a":[1,null]},"ts":17')).definition.name).toBe("c");
  });

  test("fields that another type uses are ignored, even bad ones", () => {
    const { definition } = sampleOf(counter(',"buckets":"no","quantiles":7,"epsilons":[]'));
    expect(definition.buckets).toBeUndefined();
    expect(definition.quantiles).toBeUndefined();
  });

  test("escapes in keys count", () => {
    const text =
      '{"t\\u0079pe":"counter","\\u006eame":"c","v\\u0061lue":3,"l\\u0061bels":{"\\u0061":"b"}}';
    expect(sampleOf(text).value).toBe(3);
    expect(labelsOf(text)).toEqual([["a", "b"]]);
  });

  test("of a repeated key the last stands", () => {
    const text =
      '{"type":"gauge","name":"a","value":1,"type":"counter","name":"b","value":2,"v\\u0061lue":3}';
    const { definition, value } = sampleOf(text);
    expect([definition.type, definition.name, value]).toEqual(["counter", "b", 3]);
  });

  test("of a repeated label the last stands, as the sender wrote it", () => {
    expect(labelsOf(labelled('{"a":1,"a":"x","b":"x","b":2.0,"c":1.0,"c":1.00}'))).toEqual([
      ["a", "x"],
      ["b", "2.0"],
      ["c", "1.00"],
    ]);
    expect(labelsOf(counter(',"labels":{"a":1.0,"z":9},"labels":{"a":2.0}'))).toEqual([
      ["a", "2.0"],
    ]);
  });

  test("a repeated key hides a good value behind a bad one", () => {
    expect(outcomesOf('{"type":"counter","name":"c","value":1,"value":"x"}')).toEqual([
      "invalid_value",
    ]);
  });

  test("a key __proto__ is an unknown field, and lends nothing to the message", () => {
    expect(outcomesOf('{"__proto__":{"value":1},"type":"counter","name":"c"}')).toEqual([
      "invalid_value",
    ]);
    expect(labelsOf(counter(',"__proto__":{"labels":{"a":2}},"labels":{"a":1.0}'))).toEqual([
      ["a", "1.0"],
    ]);
  });

  test("null is the same as absent in every optional field", () => {
    expect(sampleOf(counter(',"help":null,"labels":null'))).toEqual(sampleOf(counter("")));
    expect(sampleOf(histogram(',"buckets":null'))).toEqual(sampleOf(histogram("")));
    expect(sampleOf(quantiled("null", "null"))).toEqual(sampleOf(summary("")));
    expect(labelsOf(labelled('{"a":null,"b":"1"}'))).toEqual([["b", "1"]]);
  });

  dropTable([
    ["an empty element", "invalid_json", ""],
    ["white space only", "invalid_json", " \n"],
    ["plain text", "invalid_json", "counter c 1"],
    ["a cut message", "invalid_json", '{"type":"counter","name":"c","value":1'],
    ["two messages in one element", "invalid_json", counter("") + counter("")],
    ["a trailing comma", "invalid_json", '{"type":"counter","name":"c","value":1,}'],
    ["single quotes", "invalid_json", "{'type':'counter','name':'c','value':1}"],
    ["a comment", "invalid_json", `/* c */ ${counter("")}`],
    ["a byte order mark", "invalid_json", `\uFEFF${counter("")}`],
    ["a no-break space between tokens", "invalid_json", `\u00A0${counter("")}`],
    ["a raw line break in a string", "invalid_json", counter(',"help":"a\nb"')],
    ["a raw tab in a string", "invalid_json", counter(',"help":"a\tb"')],
    ["a raw zero byte in a string", "invalid_json", counter(',"help":"a\u0000b"')],
    ["a raw control character in a key", "invalid_json", counter(',"he\u0001lp":"a"')],
    ["an unknown escape", "invalid_json", counter(',"help":"\\x41"')],
    ["a cut unicode escape", "invalid_json", counter(',"help":"\\u12"')],
    ["a string", "not_an_object", '"counter"'],
    ["a number", "not_an_object", "1"],
    ["true", "not_an_object", "true"],
    ["null", "not_an_object", "null"],
    ["an array in an array", "not_an_object", `[[${counter("")}]]`],
    ["100,000 opening brackets", "invalid_json", "[".repeat(100_000)],
    ["100,000 opening braces", "invalid_json", '{"a":'.repeat(100_000)],
  ]);

  test("100,000 brackets that are closed are no sample, and throw nothing", () => {
    const nested = "[".repeat(100_000) + "]".repeat(100_000);
    expect(["not_an_object", "invalid_json"]).toContain(outcomesOf(nested)[0]);
    const field = outcomesOf(labelled(`{"a":1},"deep":${nested}`));
    expect(["taken", "invalid_json", "invalid_labels"]).toContain(field[0]);
  });

  const invalidBytes: [title: string, bytes: number[]][] = [
    ["a stray continuation byte", [0x80]],
    ["a cut sequence", [0xe2, 0x82]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["an encoded surrogate", [0xed, 0xa0, 0x80]],
    ["a code point above U+10FFFF", [0xf4, 0x90, 0x80, 0x80]],
    ["0xff", [0xff]],
  ];
  for (const [title, bytes] of invalidBytes) {
    test(`drops invalid UTF-8 (${title}) in a label value or a help as invalid_json`, () => {
      for (const field of [',"labels":{"a":"?"}', ',"help":"?"', ',"unknown":"?"']) {
        const [start, end] = counter(field).split("?");
        const message = [...encoder.encode(start), ...bytes, ...encoder.encode(end)];
        const decoded = decodeMessage(Uint8Array.from(message), LIMITS);
        expect(decoded).toEqual([{ ok: false, reason: "invalid_json" }]);
      }
    });
  }
});

describe("the size of a message", () => {
  test("a message of exactly the limit is taken, one byte more is too_large", () => {
    const bytes = encoder.encode(counter(',"help":"é"'));
    const limits = { ...LIMITS, maxMessageBytes: bytes.length };
    expect(decodeMessage(bytes, limits)[0].ok).toBe(true);
    const less = { ...LIMITS, maxMessageBytes: bytes.length - 1 };
    expect(decodeMessage(bytes, less)).toEqual([{ ok: false, reason: "too_large" }]);
  });

  const long = "x".repeat(3 * 1024 * 1024);

  test("a 3 MB string is too_large with the default limit, wherever it stands", () => {
    for (const text of [long, counter(`,"help":"${long}"`), labelled(`{"a":"${long}"}`)]) {
      expect(outcomesOf(text)).toEqual(["too_large"]);
    }
  });

  test("a 3 MB string is data like any other with a wider limit", () => {
    expect(sampleOf(labelled(`{"a":"${long}"}`), WIDE).definition.labelValues).toEqual([long]);
    expect(outcomesOf(`{"type":"counter","name":"${long} ","value":1}`, WIDE)).toEqual([
      "invalid_name",
    ]);
    expect(outcomesOf(valued("gauge", `"${long}"`), WIDE)).toEqual(["invalid_value"]);
  });

  test("a number of 3 million digits is not finite, a fraction of as many digits is", () => {
    const digits = "1".repeat(3_000_000);
    expect(outcomesOf(valued("gauge", digits), WIDE)).toEqual(["invalid_value"]);
    expect(sampleOf(valued("gauge", `0.${digits}`), WIDE).value).toBeCloseTo(1 / 9, 15);
  });
});

describe("an array of messages", () => {
  test("gives its samples in order", () => {
    const decoded = decode(`[${valued("gauge", "1")},${valued("gauge", "2")},${counter("")}]`);
    expect(decoded.map((entry) => entry.ok && entry.sample.value)).toEqual([1, 2, 1]);
    expect(decoded.map((entry) => entry.ok && entry.sample.definition.type)).toEqual([
      "gauge",
      "gauge",
      "counter",
    ]);
  });

  test("drops a bad element alone", () => {
    const text = `[${counter("")},null,7,[],{},${valued("gauge", '"x"')},${counter("")}]`;
    expect(outcomesOf(text)).toEqual([
      "taken",
      "not_an_object",
      "not_an_object",
      "not_an_object",
      "unknown_type",
      "invalid_value",
      "taken",
    ]);
  });

  test("is dropped as one when its JSON is bad", () => {
    expect(outcomesOf(`[${counter("")},`)).toEqual(["invalid_json"]);
  });

  test("gives nothing when it is empty", () => {
    expect(decode(" [ ] ")).toEqual([]);
  });

  test("keeps numeric labels of each element exactly as written", () => {
    const decoded = decode(`[${labelled('{"a":1.0}')},null,${labelled('{"a":1.00}')}]`);
    expect(decoded.map((entry) => entry.ok && entry.sample.definition.labelValues)).toEqual([
      ["1.0"],
      false,
      ["1.00"],
    ]);
  });

  test("of 10,000 elements with numeric labels is read once for their texts, not 10,000 times", () => {
    const startedAt = performance.now();
    const elements = Array.from({ length: 10_000 }, (_, i) => labelled(`{"a":${i}.0}`));
    const decoded = decode(`[${elements.join()}]`);
    expect(decoded.map((entry) => entry.ok && entry.sample.definition.labelValues[0])).toEqual(
      elements.map((_, i) => `${i}.0`),
    );
    // Reading the whole element again for each of its samples took a minute.
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });
});

describe("the type", () => {
  for (const type of ["counter", "gauge", "histogram", "summary"] as const) {
    test(`${type} is taken in any case`, () => {
      const mixed = [...type].map((c, i) => (i % 2 ? c.toUpperCase() : c)).join("");
      for (const written of [
        type,
        type.toUpperCase(),
        mixed,
        type[0].toUpperCase() + type.slice(1),
      ])
        expect(sampleOf(valued(written, "1")).definition.type).toBe(type);
    });
  }

  dropTable([
    ["a message without a type", "unknown_type", '{"name":"c","value":1}'],
    ["an empty object", "unknown_type", "{}"],
    ["an unknown type", "unknown_type", valued("timer", "1")],
    ["an empty type", "unknown_type", valued("", "1")],
    ["a type with a space", "unknown_type", valued("counter ", "1")],
    ["a type that is a plural", "unknown_type", valued("counters", "1")],
    ["a type that every object inherits", "unknown_type", valued("constructor", "1")],
    ["a type __proto__", "unknown_type", valued("__proto__", "1")],
    ["a type in look-alike letters", "unknown_type", valued("\u0455ummary", "1")],
    ["a type with a long s", "unknown_type", valued("\u017fummary", "1")],
    ["a type null", "unknown_type", '{"type":null,"name":"c","value":1}'],
    ["a type that is a number", "unknown_type", '{"type":0,"name":"c","value":1}'],
    ["a type in an array", "unknown_type", '{"type":["counter"],"name":"c","value":1}'],
  ]);
});

describe("the name", () => {
  const named = (name: string) => `{"type":"counter","name":${name},"value":1}`;
  const good = "c C _ : a1 _1 :1 a:b_c9 __proto__ constructor toString hasOwnProperty valueOf";
  for (const name of good.split(" ")) {
    test(`${name} is a name like any other`, () => {
      expect(sampleOf(named(`"${name}"`)).definition.name).toBe(name);
    });
  }

  test("may be 10,000 characters long without a limit", () => {
    expect(sampleOf(named(`"${"n".repeat(10_000)}"`)).definition.name).toHaveLength(10_000);
  });

  dropTable([
    ["a message without a name", "invalid_name", '{"type":"counter","value":1}'],
    ["a name null", "invalid_name", named("null")],
    ["an empty name", "invalid_name", named('""')],
    ["a name that starts with a digit", "invalid_name", named('"1a"')],
    ["a name with a dash", "invalid_name", named('"a-b"')],
    ["a name with a dot", "invalid_name", named('"a.b"')],
    ["a name with a space", "invalid_name", named('"a b"')],
    ["a name that ends with a line break", "invalid_name", named('"a\\n"')],
    ["a name that starts with a line break", "invalid_name", named('"\\na"')],
    ["a name with a zero character", "invalid_name", named('"a\\u0000"')],
    ["a name with an umlaut", "invalid_name", named('"ä"')],
    ["a name with a lone surrogate", "invalid_name", named('"a\\ud800"')],
    ["a name with braces", "invalid_name", named('"a{b=\\"c\\"}"')],
    ["a name that is a number", "invalid_name", named("7")],
    ["a name that is an object", "invalid_name", named('{"toString":"a"}')],
    ["a name in an array", "invalid_name", named('["a"]')],
  ]);
});

describe("the value", () => {
  const numbers: [text: string, value: number][] = [
    ["0", 0],
    ["-0", -0],
    ["1", 1],
    ["0.1", 0.1],
    ["1E5", 1e5],
    ["1e+5", 1e5],
    ["1e-400", 0],
    ["5e-324", 5e-324],
    ["1.7976931348623157e308", Number.MAX_VALUE],
    ["9007199254740993", 9007199254740992],
    ["12345678901234567890", 12345678901234567000],
  ];
  for (const [text, value] of numbers) {
    test(`${text} is taken as the nearest double by every type`, () => {
      for (const type of ["counter", "gauge", "histogram", "summary"]) {
        expect(sampleOf(valued(type, text)).value).toBe(value);
      }
    });
  }

  for (const type of ["gauge", "histogram", "summary"]) {
    test(`"NaN", "+Inf" and "-Inf" are values of a ${type}`, () => {
      expect(sampleOf(valued(type, '"NaN"')).value).toBeNaN();
      expect(sampleOf(valued(type, '"+Inf"')).value).toBe(Number.POSITIVE_INFINITY);
      expect(sampleOf(valued(type, '"-Inf"')).value).toBe(Number.NEGATIVE_INFINITY);
    });

    test(`a negative number is a value of a ${type}`, () => {
      expect(sampleOf(valued(type, "-1.5")).value).toBe(-1.5);
    });
  }

  for (const text of ['"NaN"', '"+Inf"', '"-Inf"']) {
    dropTable([[`a counter of ${text}`, "invalid_value", valued("counter", text)]]);
  }

  dropTable([
    ["a negative counter", "negative_counter", valued("counter", "-1")],
    ["the least negative counter", "negative_counter", valued("counter", "-5e-324")],
    ["a counter of -1e999", "invalid_value", valued("counter", "-1e999")],
  ]);

  for (const type of ["counter", "gauge", "histogram", "summary"]) {
    dropTable([
      [`a ${type} without a value`, "invalid_value", `{"type":"${type}","name":"x"}`],
      [`a ${type} of null`, "invalid_value", valued(type, "null")],
      [`a ${type} of 1e999`, "invalid_value", valued(type, "1e999")],
      [`a ${type} of -1e999`, "invalid_value", valued(type, "-1e999")],
      [`a ${type} of true`, "invalid_value", valued(type, "true")],
      [`a ${type} of []`, "invalid_value", valued(type, "[]")],
      [`a ${type} of {}`, "invalid_value", valued(type, "{}")],
      [`a ${type} of a number in a string`, "invalid_value", valued(type, '"1"')],
      [`a ${type} of an empty string`, "invalid_value", valued(type, '""')],
      [`a ${type} of "Inf"`, "invalid_value", valued(type, '"Inf"')],
      [`a ${type} of "nan"`, "invalid_value", valued(type, '"nan"')],
      [`a ${type} of "+inf"`, "invalid_value", valued(type, '"+inf"')],
      [`a ${type} of "Infinity"`, "invalid_value", valued(type, '"Infinity"')],
      [`a ${type} of " NaN"`, "invalid_value", valued(type, '" NaN"')],
    ]);
  }

  const noNumbers = "01 -01 +1 0x10 1. .5 - 1e 1e+ 1_000 NaN Infinity +Inf 1,5 ٣ 1n";
  for (const text of noNumbers.split(" ")) {
    dropTable([[`${text}, which is no JSON,`, "invalid_json", valued("gauge", text)]]);
  }
});

describe("the help", () => {
  test("is taken with its escapes resolved", () => {
    expect(sampleOf(counter(',"help":"a \\"b\\"\\n\\u00e9"')).definition.help).toBe('a "b"\né');
  });

  test("is empty when none was sent", () => {
    expect(sampleOf(counter("")).definition.help).toBe("");
  });

  test("that is no string is left out, and costs no sample", () => {
    for (const help of ["1", "true", "{}", '["a"]']) {
      expect(sampleOf(counter(`,"help":${help}`)).definition.help).toBe("");
    }
  });

  test("has its lone surrogates replaced", () => {
    expect(sampleOf(counter(',"help":"a\\ud800b\\udc00"')).definition.help).toBe("a\uFFFDb\uFFFD");
  });

  test("keeps its surrogate pairs", () => {
    expect(sampleOf(counter(',"help":"\\ud83d\\ude00"')).definition.help).toBe("\u{1F600}");
  });

  test("is cut to the limit and stays well-formed", () => {
    const limits = { ...LIMITS, maxLabelLength: 4 };
    const { help } = sampleOf(counter(',"help":"abc😀def"'), limits).definition;
    expect(help).toStartWith("abc");
    expect(help.length).toBeLessThanOrEqual(4);
    expect(help.isWellFormed()).toBe(true);
  });
});

describe("labels", () => {
  test("stand in the order in which they were sent", () => {
    expect(labelsOf(labelled('{"b":"1","a":"2","C":"3"}'))).toEqual([
      ["b", "1"],
      ["a", "2"],
      ["C", "3"],
    ]);
  });

  for (const name of [
    "constructor",
    "toString",
    "hasOwnProperty",
    "valueOf",
    "_",
    "a1",
    "_a",
    "A_",
  ]) {
    test(`${name} is a label name like any other`, () => {
      expect(labelsOf(labelled(`{"${name}":"1"}`))).toEqual([[name, "1"]]);
      expect(labelsOf(labelled(`{"${name}":1.50}`))).toEqual([[name, "1.50"]]);
    });
  }

  const written = "0 1 -0 -1 1.0 1.50 1e5 1E+5 1e999 12345678901234567890 0.10000000000000000555";
  for (const text of written.split(" ")) {
    test(`the number ${text} is taken exactly as written`, () => {
      expect(labelsOf(labelled(`{"a":${text},"b":"x"}`))).toEqual([
        ["a", text],
        ["b", "x"],
      ]);
    });
  }

  test("booleans are taken as JSON writes them", () => {
    expect(labelsOf(labelled('{"a":true,"b":false}'))).toEqual([
      ["a", "true"],
      ["b", "false"],
    ]);
  });

  test("strings are taken with every character", () => {
    expect(labelsOf(labelled('{"a":"\\u0000\\n\\"\\\\\\ud83d\\ude00é"}'))).toEqual([
      ["a", '\u0000\n"\\😀é'],
    ]);
  });

  test("with empty values are the same as absent labels", () => {
    expect(sampleOf(labelled('{"a":"","b":"1","c":""}'))).toEqual(sampleOf(labelled('{"b":"1"}')));
    expect(sampleOf(labelled('{"a":""}'))).toEqual(sampleOf(counter("")));
  });

  test("that are an empty object are the same as none", () => {
    expect(sampleOf(labelled("{}"))).toEqual(sampleOf(counter("")));
  });

  takeTable([
    ["le as a label of a counter", labelled('{"le":"1"}')],
    ["quantile as a label of a counter", labelled('{"quantile":"1"}')],
    ["le as a label of a summary", summary(',"labels":{"le":"1"}')],
    ["quantile as a label of a histogram", histogram(',"labels":{"quantile":"1"}')],
    ["LE as a label of a histogram", histogram(',"labels":{"LE":"1"}')],
    ["le of null in a histogram, which is absent", histogram(',"labels":{"le":null}')],
    ["le that is empty in a histogram, which is absent", histogram(',"labels":{"le":""}')],
    ["quantile of null in a summary, which is absent", summary(',"labels":{"quantile":null}')],
  ]);

  dropTable([
    ["labels in an array", "invalid_labels", labelled('["a"]')],
    ["labels in an empty array", "invalid_labels", labelled("[]")],
    ["labels in a string", "invalid_labels", labelled('"a=1"')],
    ["labels that are a number", "invalid_labels", labelled("0")],
    ["labels that are false", "invalid_labels", labelled("false")],
    ["an empty label name", "invalid_labels", labelled('{"":"1"}')],
    ["a label name that starts with a digit", "invalid_labels", labelled('{"1a":"1"}')],
    ["a label name that is a number", "invalid_labels", labelled('{"0":"1"}')],
    ["a label name with a colon", "invalid_labels", labelled('{"a:b":"1"}')],
    ["a label name with a dash", "invalid_labels", labelled('{"a-b":"1"}')],
    ["a label name with a line break", "invalid_labels", labelled('{"a\\n":"1"}')],
    ["a label name with an umlaut", "invalid_labels", labelled('{"ä":"1"}')],
    ["a label name that starts with __", "invalid_labels", labelled('{"__name__":"1"}')],
    ["a label __proto__", "invalid_labels", labelled('{"__proto__":"1"}')],
    ["a label __proto__ with an object", "invalid_labels", labelled('{"__proto__":{"a":"1"}}')],
    ["a label value in an object", "invalid_labels", labelled('{"a":{}}')],
    ["a label value in an array", "invalid_labels", labelled('{"a":["1"]}')],
    ["a lone high surrogate in a label value", "invalid_labels", labelled('{"a":"\\ud800"}')],
    ["a lone low surrogate in a label value", "invalid_labels", labelled('{"a":"x\\udc00y"}')],
    ["surrogates in the wrong order", "invalid_labels", labelled('{"a":"\\ude00\\ud83d"}')],
    ["a bad label behind good ones", "invalid_labels", labelled('{"a":"1","b":"2","-":"3"}')],
    ["le in a histogram", "reserved_label", histogram(',"labels":{"le":"1"}')],
    ["a numeric le in a histogram", "reserved_label", histogram(',"labels":{"a":"1","le":1}')],
    ["an escaped le in a histogram", "reserved_label", histogram(',"labels":{"l\\u0065":"1"}')],
    ["quantile in a summary", "reserved_label", summary(',"labels":{"quantile":"0.5"}')],
  ]);
});

describe("buckets", () => {
  const kept: [text: string, buckets: number[]][] = [
    ["[1]", [1]],
    ["[0]", [0]],
    ["[-1,0,0.5,1e6]", [-1, 0, 0.5, 1e6]],
    ['[1,2,"+Inf"]', [1, 2]],
    ["[1,1.0000000000000002]", [1, 1.0000000000000002]],
  ];
  for (const [text, buckets] of kept) {
    test(`${text} are the bounds ${buckets.join(" ")}`, () => {
      expect(sampleOf(bucketed(text)).definition.buckets).toEqual(buckets);
    });
  }

  test("may be absent from a sample, since an earlier one may have brought them", () => {
    expect(sampleOf(histogram("")).definition.buckets).toBeUndefined();
  });

  const refused =
    '[] ["+Inf"] [1,1] [2,1] [1,3,2] ["+Inf",1] [1,"+Inf",2] [1,"+Inf","+Inf"] [1,"-Inf"] ' +
    '["-Inf",1] ["NaN"] [1,"Inf"] ["1"] [null] [1,null] [true] [[1]] [1e999] [1,1e999] [-1e999,1] ' +
    '[0,-0] {} {"0":1} "1" 1 true';
  for (const text of refused.split(" ")) {
    dropTable([[`a histogram with buckets ${text}`, "invalid_buckets", bucketed(text)]]);
  }
});

describe("quantiles", () => {
  test("are sorted, each with its epsilon", () => {
    const { definition } = sampleOf(quantiled("[0.99,0.5,0.9]", "[0.001,0.05,0.01]"));
    expect(definition.quantiles).toEqual([0.5, 0.9, 0.99]);
    expect(definition.epsilons).toEqual([0.05, 0.01, 0.001]);
  });

  test("may be 0 and 1", () => {
    expect(sampleOf(quantiled("[1,0]", "[0.1,0.2]")).definition.quantiles).toEqual([0, 1]);
  });

  test("that are both empty are the same as absent", () => {
    expect(sampleOf(quantiled("[]", "[]"))).toEqual(sampleOf(summary("")));
  });

  const rows: [quantiles: string, epsilons: string][] = [
    ["[0.5]", "null"],
    ["null", "[0.5]"],
    ["[0.5]", "[]"],
    ["[]", "[0.5]"],
    ["[0.5]", "[0.1,0.2]"],
    ["[0.5,0.9]", "[0.1]"],
    ["[-0.1]", "[0.1]"],
    ["[1.1]", "[0.1]"],
    ["[1e999]", "[0.1]"],
    ['["0.5"]', "[0.1]"],
    ["[null]", "[0.1]"],
    ["0.5", "[0.1]"],
    ["0.5", "0.1"],
    ["{}", "{}"],
    ["[0.5]", "[0]"],
    ["[0.5]", "[1]"],
    ["[0.5]", "[-0.1]"],
    ["[0.5]", "[2]"],
    ["[0.5]", '["0.1"]'],
    ["[0.5]", "[true]"],
    ["[0.5,0.5]", "[0.1,0.2]"],
    ["[0.5,0.9,0.5]", "[0.1,0.1,0.1]"],
    ["[0,-0]", "[0.1,0.1]"],
  ];
  for (const [quantiles, epsilons] of rows) {
    const title = `a summary with quantiles ${quantiles} and epsilons ${epsilons}`;
    dropTable([[title, "invalid_quantiles", quantiled(quantiles, epsilons)]]);
  }

  dropTable([
    ["a summary with quantiles only", "invalid_quantiles", summary(',"quantiles":[0.5]')],
    ["a summary with epsilons only", "invalid_quantiles", summary(',"epsilons":[0.5]')],
  ]);
});

const detailed = { op: "set", times: 1, ttlSeconds: undefined, isDetailed: true } as const;
const native = (fields: string) => histogram(`,"native":true${fields}`);
const counted = (fields: string) => `{"type":"histogram","name":"h"${fields}}`;
const summed = (fields: string) => `{"type":"summary","name":"s"${fields}}`;
const gauge = (fields: string) => `{"type":"gauge","name":"g","value":1${fields}}`;

describe("what most samples do not say", () => {
  test("is not there when it is not sent", () => {
    for (const text of [counter(""), gauge(""), histogram(""), summary("")]) {
      const { definition, detail } = sampleOf(text);
      expect(definition).toMatchObject({ unit: "", native: undefined, handling: undefined });
      expect(detail).toBeUndefined();
    }
  });

  test("is the same as not sent when it says the usual", () => {
    expect(sampleOf(gauge(',"op":"set","times":1'))).toEqual(sampleOf(gauge("")));
    expect(sampleOf(histogram(',"native":false,"counts":null'))).toEqual(sampleOf(histogram("")));
    const nothing = ',"unit":"","times":null,"timestamp":null,"ttl":null,"exemplar":null,"op":null';
    expect(sampleOf(counter(nothing))).toEqual(sampleOf(counter("")));
  });

  test("is ignored where a type does not use it, even when it is bad", () => {
    const bad = ',"op":7,"native":"yes","schema":99,"counts":"no","count":-1,"sum":"x"';
    expect(sampleOf(counter(bad))).toEqual(sampleOf(counter("")));
    expect(sampleOf(summary(',"exemplar":{},"op":7,"counts":[]'))).toEqual(sampleOf(summary("")));
    expect(sampleOf(gauge(',"exemplar":{"labels":{"a":"b"}}'))).toEqual(sampleOf(gauge("")));
  });
});

describe("the operation of a gauge", () => {
  for (const op of ["add", "sub", "max", "min"] as const) {
    test(`${op} is taken in any case`, () => {
      const handling = { ...detailed, op, isDetailed: false };
      for (const written of [op, op.toUpperCase(), op[0].toUpperCase() + op.slice(1)]) {
        expect(sampleOf(gauge(`,"op":"${written}"`)).definition.handling).toEqual(handling);
      }
    });
  }

  for (const op of ["set", "max", "min"]) {
    takeTable([[`NaN to ${op}`, `{"type":"gauge","name":"g","value":"NaN","op":"${op}"}`]]);
  }

  dropTable([
    ["an unknown operation", "invalid_op", gauge(',"op":"mul"')],
    ["an empty operation", "invalid_op", gauge(',"op":""')],
    ["an operation that is a number", "invalid_op", gauge(',"op":1')],
    ["+Inf to add", "invalid_value", '{"type":"gauge","name":"g","value":"+Inf","op":"add"}'],
    ["NaN to subtract", "invalid_value", '{"type":"gauge","name":"g","value":"NaN","op":"sub"}'],
    ["no value to add", "invalid_value", '{"type":"gauge","name":"g","op":"add"}'],
  ]);
});

describe("a native histogram", () => {
  test("has the layout of client_golang when nothing is said", () => {
    const layout = { schema: 3, zeroThreshold: 2.938735877055719e-39, maxBuckets: 100 };
    expect(sampleOf(native("")).definition.native).toEqual(layout);
    const wide = { ...LIMITS, maxBuckets: 1000 };
    expect(sampleOf(native(""), wide).definition.native?.maxBuckets).toBe(160);
  });

  test("has the layout that is sent, and classic buckets beside it", () => {
    const text = native(',"schema":-4,"zeroThreshold":0,"maxBuckets":1,"buckets":[1,2]');
    const { definition } = sampleOf(text);
    expect(definition.native).toEqual({ schema: -4, zeroThreshold: 0, maxBuckets: 1 });
    expect(definition.buckets).toEqual([1, 2]);
  });

  dropTable([
    ["native that is a text", "invalid_native", histogram(',"native":"true"')],
    ["native that is 1", "invalid_native", histogram(',"native":1')],
    ["a schema above 8", "invalid_native", native(',"schema":9')],
    ["a schema below -4", "invalid_native", native(',"schema":-5')],
    ["a schema with a fraction", "invalid_native", native(',"schema":0.5')],
    ["a negative zero threshold", "invalid_native", native(',"zeroThreshold":-1e-9')],
    ["a zero threshold beyond all numbers", "invalid_native", native(',"zeroThreshold":1e999')],
    ["no bucket at most", "invalid_native", native(',"maxBuckets":0')],
    ["more buckets than MaxBuckets", "invalid_native", native(',"maxBuckets":101')],
    ["counts of a native one", "invalid_native", native(',"counts":[1,2]')],
  ]);
});

describe("what the sender has observed", () => {
  test("in a histogram is counts, and the sum as the value", () => {
    const sample = sampleOf(counted(',"buckets":[1,2,"+Inf"],"counts":[3,0,1],"sum":4.5'));
    expect(sample.value).toBe(4.5);
    expect(sample.definition).toMatchObject({ buckets: [1, 2], handling: detailed });
    expect(sample.detail?.counts).toEqual([3, 0, 1]);
  });

  test("in a summary is a count, and the sum as the value", () => {
    const sample = sampleOf(summed(',"count":0,"sum":"+Inf","value":null'));
    expect([sample.value, sample.detail?.count]).toEqual([Infinity, 0]);
    expect(sample.definition.handling).toEqual(detailed);
  });

  takeTable([
    ["counts without buckets", counted(',"counts":[1,2,3],"sum":1')],
    ["counts that are all zero", counted(',"counts":[0,0],"sum":0')],
    ["the greatest count", counted(`,"counts":[0,${2 ** 53 - 1}],"sum":0`)],
    [
      "an exemplar beside counts, which is left out",
      counted(',"counts":[0,1],"sum":0,"exemplar":1'),
    ],
  ]);

  dropTable([
    [
      "as many counts as buckets",
      "invalid_counts",
      counted(',"buckets":[1,2],"counts":[1,2],"sum":1'),
    ],
    ["a single count", "invalid_counts", counted(',"counts":[1],"sum":1')],
    ["counts that are no array", "invalid_counts", counted(',"counts":{"0":1},"sum":1')],
    ["a negative count", "invalid_counts", counted(',"counts":[1,-1],"sum":1')],
    ["a count with a fraction", "invalid_counts", counted(',"counts":[1,0.5],"sum":1')],
    ["a count above 2^53-1", "invalid_counts", counted(',"counts":[1,9007199254740992],"sum":1')],
    [
      "more counts than MaxBuckets",
      "invalid_counts",
      counted(`,"counts":[${"1,".repeat(101)}1],"sum":1`),
    ],
    ["counts beside a value", "invalid_value", counted(',"counts":[1,2],"sum":1,"value":1')],
    ["counts without a sum", "invalid_value", counted(',"counts":[1,2]')],
    ["a sum without counts", "invalid_value", counted(',"sum":1')],
    ["counts and times", "invalid_times", counted(',"counts":[1,2],"sum":1,"times":2')],
    ["a negative count of a summary", "invalid_counts", summed(',"count":-1,"sum":1')],
    ["a count beside a value", "invalid_value", summed(',"count":1,"sum":1,"value":1')],
    ["a count without a sum", "invalid_value", summed(',"count":1')],
    ["a count and times", "invalid_times", summed(',"count":1,"sum":1,"times":2')],
  ]);
});

describe("times, timestamp, ttl and unit", () => {
  test("are read as they are sent", () => {
    const { definition, detail } = sampleOf(
      counter(',"times":3,"timestamp":1700000000.1254,"ttl":0,"unit":"seconds"'),
    );
    expect(definition.unit).toBe("seconds");
    expect(definition.handling).toEqual({ ...detailed, times: 3, ttlSeconds: 0 });
    expect(detail?.timestampMs).toBe(1_700_000_000_125);
  });

  test("a unit that is none is left out", () => {
    for (const unit of ['"a b"', '"m/s"', "1", "[]", '"€"', `"${"s".repeat(5)}"`]) {
      const limits = { ...LIMITS, maxLabelLength: 4 };
      expect(sampleOf(counter(`,"unit":${unit}`), limits).definition.unit).toBe("");
    }
  });

  takeTable([
    ["the most times", counter(`,"times":${2 ** 53 - 1}`)],
    ["a summary 1000 times", summary(',"times":1000')],
    ["the first moment", counter(',"timestamp":0')],
    ["the last second of the year 9999", counter(',"timestamp":253402300799')],
    ["the longest ttl", counter(',"ttl":2147483647')],
  ]);

  dropTable([
    ["no times", "invalid_times", counter(',"times":0')],
    ["times with a fraction", "invalid_times", counter(',"times":1.5')],
    ["times above 2^53-1", "invalid_times", counter(',"times":9007199254740992')],
    ["times in a text", "invalid_times", counter(',"times":"2"')],
    ["a summary 1001 times", "invalid_times", summary(',"times":1001')],
    ["a moment before 1970", "invalid_timestamp", counter(',"timestamp":-1')],
    ["a moment in milliseconds", "invalid_timestamp", counter(',"timestamp":1700000000000')],
    ["a moment in a text", "invalid_timestamp", counter(',"timestamp":"2026-01-01"')],
    ["a negative ttl", "invalid_ttl", counter(',"ttl":-1')],
    ["a ttl with a fraction", "invalid_ttl", counter(',"ttl":0.5')],
    ["a ttl above 2^31-1", "invalid_ttl", counter(',"ttl":2147483648')],
  ]);
});

describe("an exemplar", () => {
  const exemplarOf = (exemplar: string) =>
    sampleOf(counter(`,"exemplar":${exemplar}`)).detail?.exemplar;

  test("is read as it is sent, its labels exactly as written", () => {
    const text =
      '{"labels":{"id":12345678901234567890,"a":null,"b":"x"},"value":7,"timestamp":1.5}';
    expect(exemplarOf(text)).toEqual({
      labelNames: ["id", "b"],
      labelValues: ["12345678901234567890", "x"],
      value: 7,
      timestampSeconds: 1.5,
    });
  });

  test("has the value of the sample when it has none of its own", () => {
    expect(exemplarOf('{"labels":{}}')).toEqual({
      labelNames: [],
      labelValues: [],
      value: 1,
      timestampSeconds: undefined,
    });
  });

  test("has at most 128 characters in its label names and values", () => {
    const long = (count: number) => `{"labels":{"ab":"${"😀".repeat(count)}"}}`;
    expect(exemplarOf(long(126))).toBeDefined();
    expect(exemplarOf(long(127))).toBeUndefined();
    expect(exemplarOf(`{"labels":{"a":"${"x".repeat(1000)}"}}`)).toBeUndefined();
  });

  const bad =
    '1 "x" [] true {"labels":1} {"labels":{"-":"1"}} {"labels":{"__a":"1"}} {"value":"1"}';
  const worse =
    ' {"labels":[]} {"labels":{},"value":"NaN"} {"labels":{},"value":1e999} {"labels":{},"timestamp":-1}';
  for (const exemplar of (bad + worse).split(" ")) {
    test(`that is ${exemplar} is left out, and the sample counts`, () => {
      expect(sampleOf(counter(`,"exemplar":${exemplar}`))).toEqual(sampleOf(counter("")));
    });
  }

  test("without a value is left out of a sample that is not finite", () => {
    const text = '{"type":"histogram","name":"h","value":"+Inf","exemplar":{"labels":{}}}';
    expect(sampleOf(text).detail).toBeUndefined();
  });
});

describe("names of Prometheus 3", () => {
  const UTF8: DecodeLimits = { ...LIMITS, nameValidation: "utf8" };
  const named = (name: string, labels = "{}") =>
    `{"type":"histogram","name":${JSON.stringify(name)},"value":1,"labels":${labels}}`;

  for (const name of ["a.b", "1", " ", "\n", "é😀", "a\u0000"]) {
    test(`${JSON.stringify(name)} is a name with utf8 only`, () => {
      expect(sampleOf(named(name), UTF8).definition.name).toBe(name);
      expect(outcomesOf(named(name))).toEqual(["invalid_name"]);
    });
  }

  test("of labels are taken likewise", () => {
    const { labelNames } = sampleOf(named("h", '{"b.c":1,"éa":2,"_":3,"a:b":5}'), UTF8).definition;
    expect(labelNames).toEqual(["b.c", "éa", "_", "a:b"]);
  });

  dropTable(
    [
      ["an empty name", "invalid_name", named("")],
      ["a name with a lone surrogate", "invalid_name", named("a\ud800")],
      ["an empty label name", "invalid_labels", named("h", '{"":1}')],
      ["a label name that begins with __", "invalid_labels", named("h", '{"__é":1}')],
      ["a label name with a lone surrogate", "invalid_labels", named("h", '{"\\ud800":1}')],
      ["label names that are escaped alike", "invalid_labels", named("h", '{"a.b":1,"a_b":1}')],
      ["a digit that is escaped as a dot is", "invalid_labels", named("h", '{"1":1,".":1}')],
      ["a character of two units beside one", "invalid_labels", named("h", '{"😀":1,"é":1}')],
      ["le in a histogram", "reserved_label", named("h", '{"le":1}')],
    ],
    UTF8,
  );

  test("that are escaped alike may stand beside each other when one is no label", () => {
    expect(outcomesOf(named("h", '{"a.b":1,"a_b":""}'), UTF8)).toEqual(["taken"]);
  });

  test("are measured in bytes of UTF-8", () => {
    const limits = { ...UTF8, maxLabelLength: 4 };
    expect(outcomesOf(named("éé", '{"éé":1}'), limits)).toEqual(["taken"]);
    expect(outcomesOf(named("ééa"), limits)).toEqual(["label_too_long"]);
    expect(outcomesOf(named("h", '{"ééa":1}'), limits)).toEqual(["label_too_long"]);
  });
});

describe("the limits", () => {
  test("as many labels as the limit are taken, one more is too_many_labels", () => {
    const limits = { ...LIMITS, maxLabels: 2 };
    expect(outcomesOf(labelled('{"a":"1","b":"2"}'), limits)).toEqual(["taken"]);
    expect(outcomesOf(labelled('{"a":"1","b":"2","c":"3"}'), limits)).toEqual(["too_many_labels"]);
  });

  test("labels that are absent in truth do not count", () => {
    const limits = { ...LIMITS, maxLabels: 1 };
    expect(outcomesOf(labelled('{"a":"1","b":"","c":null}'), limits)).toEqual(["taken"]);
  });

  const four = { ...LIMITS, maxLabelLength: 4 };

  test("names and values as long as the limit are taken", () => {
    const text = '{"type":"gauge","name":"abcd","value":1,"labels":{"abcd":"1234","b":1234}}';
    expect(outcomesOf(text, four)).toEqual(["taken"]);
  });

  dropTable(
    [
      ["a longer metric name", "label_too_long", '{"type":"gauge","name":"abcde","value":1}'],
      ["a longer label name", "label_too_long", labelled('{"abcde":"1"}')],
      ["a longer label value", "label_too_long", labelled('{"a":"12345"}')],
      ["a longer number as a label value", "label_too_long", labelled('{"a":1.000}')],
      ["a label value of few characters and more bytes", "label_too_long", labelled('{"a":"€€"}')],
    ],
    four,
  );

  test("a label value is measured in bytes of UTF-8", () => {
    expect(outcomesOf(labelled('{"a":"éé","b":"😀"}'), four)).toEqual(["taken"]);
    expect(outcomesOf(labelled('{"a":"ééé"}'), four)).toEqual(["label_too_long"]);
    expect(outcomesOf(labelled('{"a":"😀a"}'), four)).toEqual(["label_too_long"]);
  });

  test("0 is no limit for labels", () => {
    const labels = Array.from({ length: 1000 }, (_, i) => `"l${i}":"${"v".repeat(500)}"`);
    expect(outcomesOf(labelled(`{${labels.join()}}`))).toEqual(["taken"]);
  });

  test("as many buckets as MaxBuckets are taken, one more is invalid_buckets", () => {
    const limits = { ...LIMITS, maxBuckets: 2 };
    expect(outcomesOf(bucketed('[1,2,"+Inf"]'), limits)).toEqual(["taken"]);
    expect(outcomesOf(bucketed("[1,2,3]"), limits)).toEqual(["invalid_buckets"]);
  });

  test("as many quantiles as MaxBuckets are taken, one more is invalid_quantiles", () => {
    const limits = { ...LIMITS, maxBuckets: 1 };
    expect(outcomesOf(quantiled("[0.5]", "[0.1]"), limits)).toEqual(["taken"]);
    expect(outcomesOf(quantiled("[0.5,0.9]", "[0.1,0.1]"), limits)).toEqual(["invalid_quantiles"]);
  });
});
