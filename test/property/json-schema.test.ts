import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import Ajv, { type ValidateFunction } from "ajv/dist/2020.js";
import fc from "fast-check";
import {
  BEYOND_JSON_SCHEMA,
  LEFT_OUT_WHEN_BAD,
  renderJsonSchema,
  SCHEMA_FILES,
} from "../../schema/generate.ts";
import { type DecodeLimits, decodeMessage } from "../../src/sample/decode.ts";
import type { DropReason } from "../../src/sample/drop-reason.ts";
import { metricTypeOf } from "../../src/sample/fields.ts";
import { escapeWithUnderscores, type NameValidation } from "../../src/sample/names.ts";
import { formOf } from "../../src/sample/schema.ts";
import goldenMessages from "../golden/messages.json";
import { anyMessage } from "../support/arbitrary-messages.ts";

/** `npm run test:nightly` sets more. */
const NUM_RUNS = Number(process.env.GATEWAY_TEST_SCHEMA_RUNS ?? 20_000);
const SEED = Number(process.env.GATEWAY_TEST_SEED ?? Date.now() % 2 ** 31);

const VALIDATIONS = Object.keys(SCHEMA_FILES) as NameValidation[];

interface Message {
  type?: unknown;
  name: string;
  labels?: Record<string, unknown> | null;
  buckets?: (number | string)[] | null;
  counts?: number[] | null;
  quantiles?: number[] | null;
  epsilons?: number[] | null;
}

/** Not a type guard, as Ajv's own is. */
type Validator = ((json: unknown) => boolean) & Pick<ValidateFunction, "errors">;

interface Definition {
  properties?: Record<string, { examples?: unknown[] }>;
}

/** How a message breaks the rules that JSON Schema cannot say, the limits left aside. */
const BREAKS: Partial<Record<DropReason, (message: Message) => boolean>> = {
  invalid_buckets: ({ buckets }) => {
    const bounds = buckets?.at(-1) === "+Inf" ? buckets.slice(0, -1) : (buckets ?? []);
    const isSorted = bounds.every((bound, i) => i === 0 || Number(bounds[i - 1]) < Number(bound));
    return bounds.length === 0 || bounds.includes("+Inf") || !isSorted;
  },
  invalid_counts: ({ buckets, counts }) => {
    const bounds = (buckets ?? []).filter((bound) => bound !== "+Inf");
    return counts!.length !== bounds.length + 1;
  },
  invalid_quantiles: ({ quantiles, epsilons }) =>
    (quantiles ?? []).length !== (epsilons ?? []).length,
  invalid_name: ({ name }) => !name.isWellFormed(),
  invalid_labels: ({ labels }) => {
    const all = Object.entries(labels ?? {});
    const shown = all.filter(([, value]) => (value ?? "") !== "");
    const escaped = new Set(shown.map(([name]) => escapeWithUnderscores(name, "label")));
    return escaped.size < shown.length || !all.flat().every((each) => String(each).isWellFormed());
  },
};

const decoders = Object.fromEntries(
  VALIDATIONS.map((validation) => [validation, makeValidators(validation)]),
) as Record<NameValidation, ReturnType<typeof makeValidators>>;

function makeValidators(validation: NameValidation) {
  const ajv = new Ajv({ strict: true, allowUnionTypes: true });
  ajv.addSchema(JSON.parse(renderJsonSchema(validation)), "sample");
  const get = (path: string) => ajv.getSchema(`sample${path}`) as Validator;
  const limits: DecodeLimits = {
    maxMessageBytes: 1e6,
    maxLabels: 0,
    maxLabelLength: 0,
    maxBuckets: 1e9,
    nameValidation: validation,
  };
  return { get, limits };
}

/** What stands against agreement of the two on one sample; undefined for nothing. */
function disagreement(validation: NameValidation, text: string): string | undefined {
  const { get, limits } = decoders[validation];
  const json: Message = JSON.parse(text);
  const [decoded] = decodeMessage(Buffer.from(text), limits);
  const isValid = get("#")(json);
  if (isValid && !decoded.ok) {
    const isBeyond = BREAKS[decoded.reason]?.(json) ?? false;
    return isBeyond ? undefined : `valid, but dropped as ${decoded.reason}: ${text}`;
  }
  if (!isValid && decoded.ok) {
    const form = get(`#/$defs/${formOf(metricTypeOf(json.type)!, json)}`);
    form(json);
    const places = (form.errors ?? []).map(({ instancePath }) => instancePath.split("/")[1]);
    const isLeftOut = places.length > 0 && places.every((place) => isLeftOutWhenBad(place));
    return isLeftOut ? undefined : `taken, but not valid in ${places}: ${text}`;
  }
  return undefined;
}

function isLeftOutWhenBad(place: string): boolean {
  return (LEFT_OUT_WHEN_BAD as readonly string[]).includes(place);
}

describe.each(VALIDATIONS)("the JSON Schema with %s names", (validation) => {
  test("is not stale", async () => {
    const path = join(import.meta.dir, "../../schema", SCHEMA_FILES[validation]);
    expect(await Bun.file(path).text()).toBe(renderJsonSchema(validation));
  });

  test("agrees with the decoder on thousands of messages, each field now good and now bad", () => {
    console.log(`json-schema: GATEWAY_TEST_SEED=${SEED}`);
    let [taken, dropped] = [0, 0];
    const property = fc.property(anyMessage, (message) => {
      const text = JSON.stringify(message);
      expect(disagreement(validation, text)).toBeUndefined();
      const [decoded] = decodeMessage(Buffer.from(text), decoders[validation].limits);
      if (decoded.ok) taken++;
      else dropped++;
    });
    fc.assert(property, { numRuns: NUM_RUNS, seed: SEED });
    // Otherwise hardly anything is proved.
    expect(taken).toBeGreaterThan(NUM_RUNS / 4);
    expect(dropped).toBeGreaterThan(NUM_RUNS / 4);
  });

  test("agrees with the decoder on the golden messages", () => {
    const { get, limits } = decoders[validation];
    for (const text of goldenMessages) {
      const json = JSON.parse(text);
      const decoded = decodeMessage(Buffer.from(text), limits);
      const isValid = get("#")(json);
      expect([text, decoded.every(({ ok }) => ok)]).toEqual([text, isValid]);
    }
  });

  test("has examples of fields that it takes", () => {
    const { $defs } = JSON.parse(renderJsonSchema(validation));
    let count = 0;
    for (const [form, { properties = {} }] of Object.entries<Definition>($defs)) {
      for (const [field, { examples = [] }] of Object.entries(properties)) {
        const takes = decoders[validation].get(`#/$defs/${form}/properties/${field}`);
        for (const example of examples) expect([field, example, takes(example)]).toContain(true);
        count += examples.length;
      }
    }
    expect(count).toBeGreaterThan(50);
  });
});

const LIMITS: DecodeLimits = {
  maxMessageBytes: 200,
  maxLabels: 2,
  maxLabelLength: 20,
  maxBuckets: 3,
  nameValidation: "utf8",
};

/** Each rule of the list, broken. */
const BROKEN: [rule: string, text: string][] = [
  ["strictly increasing", '{"type":"histogram","name":"h","value":1,"buckets":[2,1]}'],
  ["stands last", '{"type":"histogram","name":"h","value":1,"buckets":["+Inf"]}'],
  ["one number more", '{"type":"histogram","name":"h","counts":[1,2],"sum":1,"buckets":[1,2]}'],
  ["the same length", '{"type":"summary","name":"s","value":1,"quantiles":[0.5]}'],
  ["`name` has no lone surrogate", '{"type":"gauge","name":"\\ud800","value":1}'],
  ["`labels` have no lone", '{"type":"gauge","name":"g","value":1,"labels":{"a":"\\ud800"}}'],
  ["`labels` differ", '{"type":"gauge","name":"g","value":1,"labels":{"a.b":1,"a_b":1}}'],
  ["MaxMessageBytes", `{"type":"gauge","name":"g","value":1,"help":"${"x".repeat(200)}"}`],
  ["MaxLabels", '{"type":"gauge","name":"g","value":1,"labels":{"a":1,"b":1,"c":1}}'],
  [
    "MaxLabelLength",
    '{"type":"gauge","name":"g","value":1,"labels":{"a":"123456789012345678901"}}',
  ],
  ["`buckets` are at most", '{"type":"histogram","name":"h","value":1,"buckets":[1,2,3,4]}'],
  ["`maxBuckets`", '{"type":"histogram","name":"h","value":1,"native":true,"maxBuckets":4}'],
  ["`counts` are at most", '{"type":"histogram","name":"h","sum":1,"counts":[1,2,3,4,5]}'],
  [
    "`quantiles` are at most",
    '{"type":"summary","name":"s","value":1,"quantiles":[0,0.2,0.5,1],"epsilons":[0.1,0.1,0.1,0.1]}',
  ],
];

describe("what JSON Schema cannot say", () => {
  test("is in the list, each rule with a message that breaks it here", () => {
    for (const { rule } of BEYOND_JSON_SCHEMA) {
      expect([rule, BROKEN.filter(([part]) => rule.includes(part)).length]).toEqual([rule, 1]);
    }
    expect(BROKEN).toHaveLength(BEYOND_JSON_SCHEMA.length);
  });

  for (const [part, text] of BROKEN) {
    const { rule, reason } = BEYOND_JSON_SCHEMA.find((entry) => entry.rule.includes(part))!;
    test(`is valid and dropped as ${reason}: ${rule}`, () => {
      expect(decoders.utf8.get("#")(JSON.parse(text))).toBe(true);
      expect(decodeMessage(Buffer.from(text), LIMITS)).toEqual([{ ok: false, reason }]);
    });
  }
});
