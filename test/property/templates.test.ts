import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { elementAt, packElements } from "../../src/queue/elements.ts";
import { type DecodeLimits, decodeMessage } from "../../src/sample/decode.ts";
import { Folder, type FolderOptions } from "../../src/sample/fold.ts";
import type { Definition, SampleDetail } from "../../src/sample/sample.ts";
import { Templates, UNKNOWN } from "../../src/sample/templates.ts";
import goldenMessages from "../golden/messages.json";
import { element } from "../support/arbitrary-messages.ts";
import { randomOf } from "../support/random.ts";

const LIMITS: DecodeLimits = {
  maxMessageBytes: 400,
  maxLabels: 5,
  maxLabelLength: 60,
  maxBuckets: 4,
  nameValidation: "legacy",
};

/** `npm run test:nightly` sets more. */
const CASES = Number(process.env.GATEWAY_TEST_TEMPLATE_CASES ?? 200_000);
const SEED = Number(process.env.GATEWAY_TEST_SEED ?? Date.now() % 2 ** 32);
const RANGE = 500;

/** Messages in which the first `"value":` is the one that counts, and such in which it is not. */
const TAUGHT = [
  ...goldenMessages,
  ...fc.sample(element, { numRuns: 300, seed: SEED | 0 }),
  '{"type":"counter","name":"c","value":1}',
  '{"value":1,"type":"counter","name":"c","labels":{"a":"b"}}',
  '{"type":"counter","name":"c","labels":{"a":"b"},"value":1}',
  '{"type": "gauge", "name": "g", "value": 1.5, "labels": {"value": "x"}}',
  '{"type":"gauge","name":"g","labels":{"value":5},"value":6}',
  '{"type":"gauge","name":"g","value":1,"value":2}',
  '{"type":"gauge","name":"g","value":1,"v\\u0061lue":2}',
  '{"type":"gauge","name":"g","v\\u0061lue":1,"value":2}',
  '{"type":"gauge","name":"g","__proto__":{"value":1},"value":2}',
  '{"__proto__":{"value":1},"type":"gauge","name":"g"}',
  '{"type":"gauge","name":"g","value":1,"labels":{"a":"\\"value\\":7"}}',
  '{"type":"gauge","name":"g","labels":{"a":"\\\\","value":7},"value":1}',
  '{"type":"gauge","name":"g","value":"NaN","value":2}',
  '{"type":"gauge","name":"g","value":2,"value":"NaN"}',
  '{"type":"gauge","name":"g","other":{"value":3},"value":4}',
  '{"type":"gauge","name":"g","value":4,"other":{"value":3}}',
  '{"type":"gauge","name":"g","help":"\\"value\\":7","value":8}',
  '{"type":"gauge","name":"g","my\\"value":7,"value":8}',
  '{"type":"gauge","name":"g","value" : 8}',
  '{"type":"gauge","name":"g","value":\t\n 8 }',
  '{"type":"histogram","name":"h","value":8,"buckets":[1,2],"time":1700000000.5}',
  '{"type":"summary","name":"s","value":8,"quantiles":[0.5],"epsilons":[0.1],"help":"é😀"}',
  '{"type":"gauge","name":"g","op":"add","value":1}',
  '{"type":"gauge","name":"g","value":"NaN","op":"SUB","times":3}',
  '{"type":"counter","name":"c","value":1,"times":5,"unit":"seconds","ttl":60}',
  '{"type":"counter","name":"c","exemplar":{"labels":{"a":"b"},"value":3},"value":1}',
  '{"type":"counter","name":"c","exemplar":{"labels":{"-":"b"},"value":3},"value":1}',
  '{"type":"counter","name":"c","value":1,"exemplar":{"labels":{"a":"b"}}}',
  '{"type":"histogram","name":"h","value":1,"native":true,"schema":1,"exemplar":{"labels":{}}}',
  '{"type":"histogram","name":"h","counts":[1,2],"sum":5,"buckets":[1]}',
  '{"type":"histogram","name":"h","counts":null,"value":5,"buckets":[1]}',
  '{"type":"summary","name":"s","count":2,"sum":5}',
  '{"type":"summary","name":"s","count":2,"sum":5,"value":1}',
  '{"type":"summary","name":"s","value":5,"times":2}',
  '{"type":"gauge","name":"g","value":1,"timestamp":1700000000.5}',
  '{"timestamp":null,"type":"gauge","name":"g","value":1}',
  '{"type":"gauge","name":"t","value":1,"timestamp":1700000000.5}',
  '{"timestamp":1700000000.25,"type":"gauge","name":"t","value":1,"labels":{"a":"b"}}',
  '{"type":"counter","name":"t","value":1,"timestamp":\t 1700000000 ,"labels":{"a":"\u00e9"}}',
  '{"type":"gauge","name":"t","value":1,"timestamp" : 1700000000}',
  '{"type":"gauge","name":"t","value":1,"timestamp":1,"timestamp":2}',
  '{"type":"gauge","name":"t","value":1,"timestamp":1,"timest\\u0061mp":2}',
  '{"type":"gauge","name":"t","value":1,"timest\\u0061mp":2}',
  '{"type":"gauge","name":"t","value":1,"timestamp":1,"timestamp":null}',
  '{"type":"gauge","name":"t","labels":{"timestamp":5},"value":1}',
  '{"type":"gauge","name":"t","labels":{"timestamp":5},"value":1,"timestamp":6}',
  '{"type":"gauge","name":"t","value":1,"timestamp":6,"labels":{"value":5,"timestamp":5}}',
  '{"type":"gauge","name":"t","help":"\\"timestamp\\":7","timestamp":8,"value":3}',
  '{"type":"gauge","name":"t","value":1,"timestamp":"6"}',
  '{"type":"gauge","name":"t","value":1,"timestamp":,"value":3}',
  '[{"type":"counter","name":"t","value":1,"timestamp":1}]',
  '[{"type":"counter","name":"c","value":1}]',
  '[{"type":"counter","name":"c","value":1,"timestamp":1},{"type":"counter","name":"c","value":1}]',
  '[{"type":"counter","name":"c","value":1},{"type":"counter","name":"c","value":2}]',
  '{"a":[{"value":1}],"type":"counter","name":"c","value":3}',
  ...[6, 7, 8, 9, 15, 16, 17, 31].map(
    (length) =>
      `{"type":"gauge","name":"${"n".repeat(length)}","value":1,"x":"${"y".repeat(length)}"}`,
  ),
];

const NUMBERS = [
  ..."0 -0 1 7 -3 0.5 1e3 1E+2 1.5e-3 1e999 -1e999 1e-400 5e-324 123456789012345678901".split(" "),
  ..."9007199254740993 0.1 0.30000000000000004 17976931348623157e292 0.000001 01 +1".split(" "),
  // With these a message comes close to the bytes that it may have, on either side.
  ...[300, 320, 340].flatMap((zeros) => {
    const all = "0".repeat(zeros);
    return [`0.${all}`, `0.${all}1`, `1.${all}`, `0e${all}`, `1${all.slice(50)}`];
  }),
  ...'-01 .5 1. 1e 1e+ 0x1 NaN --1 1.2.3 1,2 null true "1" [1] {} 1_0'.split(" "),
];

/** Elements with the number replaced in every place where `"value":` stands, and small damages. */
function variant(random: () => number): Buffer {
  const below = (n: number) => Math.floor(random() * n);
  const taught = TAUGHT[below(TAUGHT.length)];
  const number =
    random() < 0.5 ? String(random() * 10 ** below(20)) : NUMBERS[below(NUMBERS.length)];
  const places = [...taught.matchAll(/"value"\s*:\s*(-?[\d.eE+-]+)/g)];
  let text = taught;
  const place = places[below(places.length)];
  if (place !== undefined) {
    const start = place.index + place[0].length - place[1].length;
    text = taught.slice(0, start) + number + taught.slice(start + place[1].length);
  }
  text = text.replace(/(?<="timestamp"\s*:\s*)-?[\d.eE+-]+/g, (seconds) => {
    if (random() < 0.2) return seconds;
    if (random() < 0.2) return NUMBERS[below(NUMBERS.length)];
    return (1.7e9 + random() * 1e6).toFixed(below(10));
  });
  let bytes = Buffer.from(text);
  for (let left = random() < 0.7 ? 0 : 1 + below(2); left > 0; left--) {
    const at = below(bytes.length + 1);
    const end = at + below(3);
    const inserted = random() < 0.5 ? Buffer.of(below(256)) : bytes.subarray(at, at + below(20));
    bytes = Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(end)]);
  }
  return random() < 0.001 ? Buffer.concat([bytes, Buffer.alloc(400, " ")]) : bytes;
}

/** Full parses while `act` runs: a message that is known takes none. */
function parsesDuring<T>(act: () => T): { result: T; parses: number } {
  const { parse } = JSON;
  let parses = 0;
  JSON.parse = (...args: Parameters<typeof parse>): unknown => {
    parses++;
    return parse(...args);
  };
  try {
    return { result: act(), parses };
  } finally {
    JSON.parse = parse;
  }
}

/** What a folder makes of messages, with definitions in the place of their numbers. */
class Reader {
  #folder: Folder;
  #definitions: (Definition | undefined)[] = [];
  /** How often the numbering began anew. */
  numberings = 0;

  constructor(options: Partial<FolderOptions>) {
    this.#folder = new Folder({ limits: LIMITS, deadLetterMax: 0, ...options });
  }

  /** Makes a share of all numbers void, and one that was not given. */
  void(share: number, random: () => number): void {
    const numbers = this.#definitions.map((_, id) => id).filter(() => random() < share);
    numbers.push(this.#definitions.length + 1000);
    this.#folder.void(Uint32Array.from(numbers));
    for (const id of numbers.slice(0, -1)) this.#definitions[id] = undefined;
  }

  fold(messages: readonly Buffer[]): { samples: string[]; drops: string[] } {
    const batch = this.#folder.fold(packElements(messages));
    if (batch.firstDefinitionId === 0) {
      this.#definitions = [];
      this.numberings++;
    }
    expect(batch.firstDefinitionId).toBe(this.#definitions.length);
    this.#definitions.push(...batch.definitions);
    const samples = Array.from(batch.ids, (id, i) => {
      const { detail } = batch.details.find(({ index }) => index === i) ?? {};
      const timestampMs = batch.timestampsMs?.[i];
      return textOf(this.#definitions[id], batch.values[i], detail, timestampMs);
    });
    return { samples, drops: batch.drops.map(({ reason, count }) => `${reason} ${count}`).sort() };
  }
}

function textOf(
  definition: Definition | undefined,
  value: number,
  detail: SampleDetail | undefined,
  timestampMs = Number.NaN,
): string {
  const [number, time] = [value, timestampMs].map((n) => (Object.is(n, -0) ? "-0" : String(n)));
  const more = detail && { ...detail, timestampMs: undefined };
  const isMore = more && Object.values(more).some((each) => each !== undefined);
  return `${number} at ${time} ${JSON.stringify(definition)} ${isMore ? JSON.stringify(more) : ""}`;
}

function decodeAll(messages: readonly Buffer[]): { samples: string[]; drops: string[] } {
  const samples: string[] = [];
  const counts = new Map<string, number>();
  for (const message of messages) {
    for (const entry of decodeMessage(message, LIMITS)) {
      if (entry.ok) {
        const { definition, value, detail } = entry.sample;
        samples.push(textOf(definition, value, detail, detail?.timestampMs));
      } else counts.set(entry.reason, (counts.get(entry.reason) ?? 0) + 1);
    }
  }
  return { samples, drops: [...counts].map(([reason, count]) => `${reason} ${count}`).sort() };
}

/** Compares both ways for many ranges; returns how many parses each of them took. */
function compare(reader: Reader, random: () => number, between: () => void) {
  let [foldParses, decodeParses] = [0, 0];
  for (let done = 0; done < CASES; done += RANGE) {
    const messages = Array.from({ length: RANGE }, () => variant(random));
    const { result: folded, parses } = parsesDuring(() => reader.fold(messages));
    const { result: decoded, parses: all } = parsesDuring(() => decodeAll(messages));
    foldParses += parses;
    decodeParses += all;
    between();
    if (Bun.deepEquals(folded, decoded)) continue;
    // The message that differs is told apart from the others of its range.
    for (const message of messages) {
      const text = message.toString();
      expect({ text, ...reader.fold([message]) }).toEqual({ text, ...decodeAll([message]) });
    }
    expect(folded).toEqual(decoded);
  }
  return { foldParses, decodeParses };
}

test("what is known by a template is what the full parse gives, for every input", () => {
  console.log(`templates: GATEWAY_TEST_SEED=${SEED}`);
  const reader = new Reader({ keysLengthMax: 20_000 });
  const { foldParses, decodeParses } = compare(reader, randomOf(SEED), () => {});
  // Otherwise hardly any message was known, and nothing is proved.
  expect(foldParses).toBeLessThan(decodeParses * 0.85);
}, 3_600_000);

test("the same whatever is made void in between, and what is void is named no more", () => {
  const random = randomOf(SEED + 1);
  const reader = new Reader({ keysLengthMax: 20_000, definitionsMax: 2000 });
  const { foldParses, decodeParses } = compare(reader, random, () => {
    if (random() < 0.5) reader.void(random() ** 2, random);
  });
  expect(foldParses).toBeLessThan(decodeParses * 0.95);
  expect(reader.numberings).toBeGreaterThan(1);
}, 3_600_000);

describe("a message that was taught", () => {
  const message = (definition: string, value: string) =>
    Buffer.from(`{"type":"${definition}","name":"a","value":${value},"labels":{"b":"c"}}`);

  test("is known with another number, a counter's only when it is not negative", () => {
    const templates = new Templates(1000);
    const reader = new Folder({ limits: LIMITS, deadLetterMax: 0 });
    const first = packElements([message("gauge", "1")]);
    expect(templates.match(first)).toBe(1);
    templates.learn(0, 7);
    for (const value of ["2", "-2.5", "0", "1e3", "-0"]) {
      expect(templates.match(packElements([message("gauge", value)]))).toBe(0);
      expect([templates.meaningOf(0), templates.valueOf(0)]).toEqual([7, Number(value)]);
    }
    for (const value of ["01", "", "x", "+1", ".5"]) {
      expect(templates.match(packElements([message("gauge", value)]))).toBe(1);
    }
    const counts = ["1", "2", "-1", "3"].map((value) => message("counter", value));
    const batch = reader.fold(packElements(counts));
    expect([...batch.values]).toEqual([1, 2, 3]);
    expect(batch.drops.map(({ reason }) => reason)).toEqual(["negative_counter"]);
  });

  test("is not known when it is longer than a message may be", () => {
    const templates = new Templates(80);
    const shorter = message("gauge", "0.0");
    // Zeros alone are a number that is never left to the engine.
    const longest = message("gauge", `0.${"0".repeat(1 + 80 - shorter.length)}`);
    const longer = message("gauge", `0.${"0".repeat(2 + 80 - shorter.length)}`);
    const elements = packElements([shorter, longest, longer]);
    expect(elementAt(elements, 1)).toHaveLength(80);
    expect(templates.match(elements)).toBe(3);
    templates.learn(0, 7);
    expect(templates.match(elements)).toBe(1);
    expect([0, 1, 2].map((i) => templates.meaningOf(i))).toEqual([7, 7, UNKNOWN]);
  });
});

test("a definition that two messages share is one, whatever the order of their fields", () => {
  const folder = new Folder({ limits: LIMITS, deadLetterMax: 0 });
  const texts = [
    '{"type":"gauge","name":"a","value":1}',
    '{"name":"a","value":1,"type":"gauge"}',
    '{"value":1, "name":"a","type":"gauge"}',
  ];
  const elements = packElements(texts.map((text) => Buffer.from(text)));
  const definitions: Definition[] = [];
  for (let i = 0; i < 3; i++) {
    const batch = folder.fold(elements);
    definitions.push(...batch.definitions);
    expect([...batch.ids]).toEqual([0, 0, 0]);
  }
  expect(definitions).toHaveLength(1);
});

describe("a message with a timestamp", () => {
  const orders = {
    "behind its value": (value: string, time: string) =>
      `{"type":"counter","name":"a","value":${value},"labels":{"b":"c"},"timestamp":${time}}`,
    "before its value": (value: string, time: string) =>
      `{"type":"counter","timestamp":${time},"name":"a","labels":{"b":"c"},"value":${value}}`,
  };
  const pack = (...texts: string[]) => packElements(texts.map((text) => Buffer.from(text)));

  for (const [order, text] of Object.entries(orders)) {
    test(`${order} is known with another value and another timestamp`, () => {
      const folder = new Folder({ limits: LIMITS, deadLetterMax: 0 });
      const first = folder.fold(pack(text("1", "1700000000.123")));
      expect([[...first.ids], [...first.timestampsMs!]]).toEqual([[0], [1700000000.123 * 1000]]);
      const known = () => folder.fold(pack(text("2", "1700000001.5"), text("3.5", "0")));
      const { result, parses } = parsesDuring(known);
      expect(parses).toBe(0);
      expect([[...result.ids], [...result.values]]).toEqual([
        [0, 0],
        [2, 3.5],
      ]);
      expect([...result.timestampsMs!]).toEqual([1700000001500, 0]);
    });
  }

  test("leaves NaN where there is none, and no column where no sample of a range has one", () => {
    const folder = new Folder({ limits: LIMITS, deadLetterMax: 0 });
    const timeless = '{"type":"gauge","name":"b","value":7}';
    const timed = orders["behind its value"]("1", "5");
    for (let i = 0; i < 3; i++) {
      const some = folder.fold(pack(timeless, timed, timeless));
      expect([...some.timestampsMs!]).toEqual([NaN, 5000, NaN]);
      expect(folder.fold(pack(timeless)).timestampsMs).toBeUndefined();
      expect(folder.fold(pack(timeless, "{")).timestampsMs).toBeUndefined();
    }
  });

  test("has its timestamp, too, where its value is left to the engine", () => {
    const folder = new Folder({ limits: LIMITS, deadLetterMax: 0 });
    const text = orders["behind its value"];
    folder.fold(pack(text("1", "5")));
    const { result, parses } = parsesDuring(() => folder.fold(pack(text("1e-30", "6"))));
    expect([[...result.values], [...result.timestampsMs!], parses]).toEqual([[1e-30], [6000], 0]);
  });

  test("is parsed when it is no ordinary time, or the message is long", () => {
    const folder = new Folder({ limits: { ...LIMITS, maxMessageBytes: 10_000 }, deadLetterMax: 0 });
    const text = orders["before its value"];
    const parses = (message: string) => parsesDuring(() => folder.fold(pack(message))).parses > 0;
    expect(parses(text("1", "5"))).toBe(true);
    for (const time of ["6", "0", "0.5", "99999999999", "1700000000.1234567"]) {
      expect([time, parses(text("1", time))]).toEqual([time, false]);
    }
    for (const time of ["-1", "100000000000", "1e30", "1e-30", "null", '"5"', "5x", "", "05"]) {
      expect([time, parses(text("1", time))]).toEqual([time, true]);
    }
    for (const [length, isParsed] of [
      [4096, false],
      [4097, true],
    ] as const) {
      const filled = (time: string) => {
        const rest = length - text("1", time).length;
        return text(`1${" ".repeat(rest)}`, time);
      };
      parses(filled("1"));
      expect([length, parses(filled("2"))]).toEqual([length, isParsed]);
    }
  });

  test("is void with its number, and not mixed up with one that has none", () => {
    const folder = new Folder({ limits: LIMITS, deadLetterMax: 0 });
    const timed = orders["behind its value"]("1", "5");
    const timeless = timed.replace(',"timestamp":5', "");
    expect([...folder.fold(pack(timed, timeless)).ids]).toEqual([0, 1]);
    folder.void(Uint32Array.of(0));
    const batch = folder.fold(pack(timeless, timed));
    expect([[...batch.ids], [...batch.timestampsMs!]]).toEqual([
      [1, 2],
      [NaN, 5000],
    ]);
    const { result, parses } = parsesDuring(() => folder.fold(pack(timed, timeless)));
    expect([[...result.ids], parses]).toEqual([[2, 1], 0]);
  });

  test("is dropped when its number is not there, though the rest is known", () => {
    const folder = new Folder({ limits: LIMITS, deadLetterMax: 0 });
    folder.fold(pack(orders["before its value"]("1", "5")));
    const batch = folder.fold(pack(orders["before its value"]("1", "")));
    expect(batch.drops.map(({ reason }) => reason)).toEqual(["invalid_json"]);
  });
});

describe("a number that was made void", () => {
  const fold = (folder: Folder, names: string[]) =>
    folder.fold(
      packElements(names.map((name) => Buffer.from(`{"type":"gauge","name":"${name}","value":1}`))),
    );

  test("comes back as a new one, with its definition; others are known as before", () => {
    const folder = new Folder({ limits: LIMITS, deadLetterMax: 0 });
    fold(folder, ["a", "b", "c"]);
    folder.void(Uint32Array.of(1, 1, 77));
    const { result: others, parses } = parsesDuring(() => fold(folder, ["c", "a"]));
    expect([[...others.ids], others.definitions, parses]).toEqual([[2, 0], [], 0]);
    const again = fold(folder, ["a", "b", "b"]);
    expect([...again.ids]).toEqual([0, 3, 3]);
    expect([again.firstDefinitionId, again.definitions.map(({ name }) => name)]).toEqual([
      3,
      ["b"],
    ]);
    expect(parsesDuring(() => fold(folder, ["b", "a", "c"])).parses).toBe(0);
    folder.void(Uint32Array.of(0, 1, 2, 3));
    expect([...fold(folder, ["c", "b", "a"]).ids]).toEqual([4, 5, 6]);
  });

  test("is one of the numbering that is in force: those before it are void anyway", () => {
    const folder = new Folder({ limits: LIMITS, deadLetterMax: 0 });
    fold(folder, ["a", "b", "c"]);
    folder.forget();
    folder.void(Uint32Array.of(0, 2));
    const batch = fold(folder, ["c", "b"]);
    expect([batch.firstDefinitionId, [...batch.ids]]).toEqual([0, [0, 1]]);
  });
});
