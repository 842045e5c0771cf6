import { expect, test } from "bun:test";
import fc from "fast-check";
import { composeMessage } from "../../src/sample/compose-message.ts";
import { type DecodeLimits, decodeMessage } from "../../src/sample/decode.ts";
import type { Sample } from "../../src/sample/sample.ts";
import { anyMessage, element, LIMITS } from "../support/arbitrary-messages.ts";

const WIDE: DecodeLimits = { ...LIMITS, maxBuckets: 1000, nameValidation: "utf8" };

function samplesOf(text: string, limits: DecodeLimits): Sample[] {
  return decodeMessage(Buffer.from(text), limits).flatMap((entry) =>
    entry.ok ? [entry.sample] : [],
  );
}

/** JSON.stringify writes a zero without its sign. */
function withoutSigns(sample: Sample): Sample {
  const definition = structuredClone(sample.definition);
  definition.buckets = definition.buckets?.map((bound) => bound + 0);
  definition.quantiles = definition.quantiles?.map((quantile) => quantile + 0);
  const detail = structuredClone(sample.detail);
  if (detail?.exemplar) detail.exemplar.value += 0;
  return { definition, value: sample.value + 0, detail };
}

test("a message that is composed of a sample says the same, and sets nothing that was not sent", () => {
  let samples = 0;
  const property = fc.property(
    fc.oneof(
      anyMessage.map((message) => JSON.stringify(message)),
      element,
    ),
    fc.constantFrom(LIMITS, WIDE),
    (text, limits) => {
      for (const sample of samplesOf(text, limits).map(withoutSigns)) {
        const composed = composeMessage(sample);
        expect(samplesOf(composed, limits).map(withoutSigns)).toEqual([sample]);
        expect(Object.values(JSON.parse(composed))).not.toContain(null);
        samples++;
      }
    },
  );
  fc.assert(property, { numRuns: 20_000 });
  expect(samples).toBeGreaterThan(5000);
});

test("a message is composed of every field that a sample can have", () => {
  const texts = [
    '{"type":"gauge","name":"g_bytes","help":"h","unit":"bytes","op":"add","value":1,"times":2,"labels":{"a":"b"},"timestamp":1700000000.5,"ttl":60}',
    '{"type":"histogram","name":"h","value":"+Inf","buckets":[1,2],"native":true,"schema":1,"zeroThreshold":0.5,"maxBuckets":9,"exemplar":{"labels":{"a":"b"},"value":3,"timestamp":4}}',
    '{"type":"histogram","name":"h","counts":[1,2],"sum":"NaN"}',
    '{"type":"summary","name":"s","count":2,"sum":5,"quantiles":[0.5],"epsilons":[0.1],"ttl":0}',
  ];
  for (const text of texts) {
    expect(samplesOf(text, LIMITS).map(composeMessage)).toEqual([text]);
  }
});
