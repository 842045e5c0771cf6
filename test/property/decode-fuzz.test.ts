import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Decoded, type DecodeLimits, decodeMessage } from "../../src/sample/decode.ts";
import goldenMessages from "../golden/messages.json";
import { randomOf } from "../support/random.ts";

const LIMITS: DecodeLimits = {
  maxMessageBytes: 1024 * 1024,
  maxLabels: 5,
  maxLabelLength: 40,
  maxBuckets: 4,
  nameValidation: "legacy",
};

const CASES = 300_000;

const encoder = new TextEncoder();
const golden = goldenMessages.map((text) => encoder.encode(text));

/** What steers a JSON text most: the mutator prefers these to bytes at random. */
const TELLING = encoder.encode('{}[]",:\\\n\t 0123456789+-.eEu_NInftrl\u00e9\ud7ff');

/** Changes to a message: flips, inserts, deletes, duplicates, splices with another one. */
function mutate(random: () => number): Uint8Array {
  const below = (n: number) => Math.floor(random() * n);
  const byte = () => (random() < 0.7 ? TELLING[below(TELLING.length)] : below(256));
  let bytes = [...golden[below(golden.length)]];
  for (let left = 1 + below(4); left > 0; left--) {
    const at = below(bytes.length + 1);
    const length = 1 + below(random() < 0.8 ? 4 : 40);
    const kind = below(6);
    if (kind === 0 && at < bytes.length) bytes[at] ^= 1 << below(8);
    else if (kind === 1) bytes.splice(at, 0, byte());
    else if (kind === 2) bytes.splice(at, length);
    else if (kind === 3) bytes.splice(at, 0, ...bytes.slice(at, at + length));
    else if (kind === 4 && at < bytes.length) bytes[at] = byte();
    else if (kind === 5) {
      const other = golden[below(golden.length)];
      bytes = [...bytes.slice(0, at), ...other.slice(below(other.length + 1))];
    }
  }
  return Uint8Array.from(bytes);
}

/** What the table of the message format says of each sample: the value, or undefined for a drop. */
function referenceOf(bytes: Uint8Array): (number | undefined)[] {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return [undefined];
  }
  return Array.isArray(json) ? json.map(referenceValue) : [referenceValue(json)];
}

function referenceValue(json: unknown): number | undefined {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return undefined;
  const field = new Map(Object.entries(json).filter(([, value]) => value !== null));
  const written = field.get("type");
  if (typeof written !== "string") return undefined;
  const type = written.toLowerCase();
  if (!["counter", "gauge", "histogram", "summary"].includes(type)) return undefined;
  const name = field.get("name");
  if (typeof name !== "string" || !/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) return undefined;
  if (name.length > LIMITS.maxLabelLength) return undefined;
  const specials = new Map<unknown, number>([
    ["NaN", Number.NaN],
    ["+Inf", Number.POSITIVE_INFINITY],
    ["-Inf", Number.NEGATIVE_INFINITY],
  ]);
  let value = field.get("value");
  if (type !== "counter" && specials.has(value)) value = specials.get(value);
  else if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
  if (type === "counter" && (value as number) < 0) return undefined;
  if (!areLabelsGood(field.get("labels"), type)) return undefined;
  if (type === "histogram" && !areBucketsGood(field.get("buckets"))) return undefined;
  if (type === "summary" && !areQuantilesGood(field.get("quantiles"), field.get("epsilons")))
    return undefined;
  return value as number;
}

function areLabelsGood(labels: unknown, type: string): boolean {
  if (labels === undefined) return true;
  if (typeof labels !== "object" || Array.isArray(labels)) return false;
  let count = 0;
  for (const [name, value] of Object.entries(labels as object)) {
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) || name.startsWith("__")) return false;
    if (!["string", "number", "boolean"].includes(typeof value) && value !== null) return false;
    if (typeof value === "string" && !value.isWellFormed()) return false;
    if (value === null) continue;
    if (type === "histogram" && name === "le" && value !== "") return false;
    if (type === "summary" && name === "quantile" && value !== "") return false;
    if (value === "") continue;
    count++;
    // Numbers are measured as they are written, which JSON.parse forgets.
    if (typeof value !== "number" && Buffer.byteLength(String(value)) > LIMITS.maxLabelLength)
      return false;
    if (name.length > LIMITS.maxLabelLength) return false;
  }
  return count <= LIMITS.maxLabels;
}

function areBucketsGood(buckets: unknown): boolean {
  if (buckets === undefined) return true;
  if (!Array.isArray(buckets)) return false;
  const bounds = buckets.at(-1) === "+Inf" ? buckets.slice(0, -1) : buckets;
  if (bounds.length < 1 || bounds.length > LIMITS.maxBuckets) return false;
  return bounds.every(
    (bound, i) => Number.isFinite(bound) && (i === 0 || bound > (bounds[i - 1] as number)),
  );
}

function areQuantilesGood(quantiles: unknown = [], epsilons: unknown = []): boolean {
  if (!Array.isArray(quantiles) || !Array.isArray(epsilons)) return false;
  if (quantiles.length !== epsilons.length || quantiles.length > LIMITS.maxBuckets) return false;
  if (new Set(quantiles).size !== quantiles.length) return false;
  const isNumber = (input: unknown): input is number => typeof input === "number";
  return (
    quantiles.every((q) => isNumber(q) && q >= 0 && q <= 1) &&
    epsilons.every((e) => isNumber(e) && e > 0 && e < 1)
  );
}

function takenValue(entry: Decoded): number | undefined {
  return entry.ok ? entry.sample.value : undefined;
}

/** Whether the two agree, sample by sample; a long number as a label may be dropped for length. */
function agree(decoded: readonly Decoded[], expected: (number | undefined)[]): boolean {
  if (decoded.length !== expected.length) return false;
  return decoded.every(
    (entry, i) =>
      Object.is(takenValue(entry), expected[i]) || (!entry.ok && entry.reason === "label_too_long"),
  );
}

test("accepts the golden messages as the reference does", () => {
  for (const bytes of golden) {
    expect(decodeMessage(bytes, LIMITS).map(takenValue)).toEqual(referenceOf(bytes));
  }
});

test("never throws on a mutated message and takes exactly what the format allows", () => {
  const seed = Number(process.env.FUZZ_SEED ?? Date.now() >>> 0);
  console.log(`decode fuzz: FUZZ_SEED=${seed}`);
  const random = randomOf(seed);
  let taken = 0;
  let dropped = 0;
  for (let i = 0; i < CASES; i++) {
    const bytes = mutate(random);
    const decoded = decodeMessage(bytes, LIMITS);
    const expected = referenceOf(bytes);
    if (!agree(decoded, expected)) {
      const text = JSON.stringify(new TextDecoder().decode(bytes));
      throw new Error(`seed ${seed}: ${text}: ${JSON.stringify(decoded)}, expected ${expected}`);
    }
    for (const entry of decoded) {
      if (entry.ok) taken++;
      else dropped++;
    }
  }
  // Otherwise the mutator is too wild, or too tame, to prove anything.
  expect(taken).toBeGreaterThan(CASES / 20);
  expect(dropped).toBeGreaterThan(CASES / 20);
}, 60_000);

test("never throws on any bytes", () => {
  const property = fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    expect(agree(decodeMessage(bytes, LIMITS), referenceOf(bytes))).toBe(true);
  });
  fc.assert(property, { numRuns: 20_000 });
});

test("takes any JSON value exactly as the format allows", () => {
  const member = (name: string, likely: fc.Arbitrary<unknown>) =>
    fc.oneof(
      { weight: 9, arbitrary: likely.map((value): [string, unknown] => [name, value]) },
      { weight: 1, arbitrary: fc.jsonValue().map((value): [string, unknown] => [name, value]) },
    );
  const number = fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer());
  const share = fc.double({ min: 0, max: 1, noNaN: true });
  const message = fc
    .tuple(
      member("type", fc.constantFrom("counter", "Gauge", "HISTOGRAM", "summary")),
      member("name", fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,8}$/)),
      member("value", fc.oneof(number, fc.constantFrom("NaN", "+Inf", "-Inf"))),
      member("labels", fc.dictionary(fc.constantFrom("a", "le", "quantile", "__x"), fc.string())),
      member("buckets", fc.array(fc.oneof(number, fc.constant("+Inf")), { maxLength: 5 })),
      member("quantiles", fc.array(share, { maxLength: 2 })),
      member("epsilons", fc.array(share, { maxLength: 2 })),
    )
    .map((members) => Object.fromEntries(members));
  const property = fc.property(message, (json) => {
    const bytes = encoder.encode(JSON.stringify(json));
    expect(agree(decodeMessage(bytes, LIMITS), referenceOf(bytes))).toBe(true);
  });
  fc.assert(property, { numRuns: 10_000 });
});
