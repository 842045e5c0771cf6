import { expect, test } from "bun:test";
import { packElements } from "../../src/queue/elements.ts";
import { Templates } from "../../src/sample/templates.ts";
import { randomOf } from "../support/random.ts";

/** `npm run test:nightly` sets more. */
const CASES = Number(process.env.GATEWAY_TEST_NUMBER_CASES ?? 400_000);
const SEED = Number(process.env.GATEWAY_TEST_SEED ?? Date.now() % 2 ** 32);
const RANGE = 1000;

const PREFIX = '{"value":';

/** JSON numbers of all shapes, those near the middle between two doubles among them. */
function makeNumber(random: () => number): string {
  const below = (n: number) => Math.floor(random() * n);
  const digits = (count: number) => Array.from({ length: count }, () => below(10)).join("");
  const sign = random() < 0.3 ? "-" : "";
  switch (below(9)) {
    case 8:
      // Where integers of 64 bits begin anew.
      return (
        sign +
        String(2n ** 64n * BigInt(1 + below(1000)) + BigInt(below(3))) +
        [".5", ".0", ""][below(3)]
      );
    case 0:
      return sign + String(random() * 10 ** (below(24) - 4));
    case 1:
      return sign + String(below(1000) / 10 ** below(4));
    case 2: {
      // Between 2^53 and 2^54 each odd integer is a tie; below, each half, quarter and so on is.
      const integer = 2n ** 53n + BigInt(below(2 ** 32)) * BigInt(below(2 ** 21));
      return (
        sign + String((integer >> BigInt(below(12))) | 1n) + ["", ".5", ".25", ".125"][below(4)]
      );
    }
    case 3:
      return sign + String(BigInt(Math.floor(random() * 2 ** 63)) + BigInt(below(3)) - 1n);
    case 4:
      return `${sign}${1 + below(9)}.${digits(below(20))}${below(10)}e${below(700) - 350}`;
    case 5:
      return `${sign}0.${"0".repeat(below(30))}${digits(1 + below(20))}`;
    case 6:
      return String(random() * 2 ** -1022);
    default: {
      const whole = digits(1 + below(25)).replace(/^0+(?=\d)/, "");
      return sign + whole + (random() < 0.5 ? `.${digits(1 + below(25))}` : "");
    }
  }
}

test("numbers are read as JSON.parse reads them, to the bit", () => {
  console.log(`numbers: GATEWAY_TEST_SEED=${SEED}`);
  const random = randomOf(SEED);
  const templates = new Templates(1000);
  templates.match(packElements([Buffer.from(`${PREFIX}1}`)]));
  templates.learn(0, 0);
  let plain = 0;
  let left = 0;
  for (let done = 0; done < CASES; done += RANGE) {
    const texts = Array.from({ length: RANGE }, () => makeNumber(random));
    templates.match(packElements(texts.map((text) => Buffer.from(`${PREFIX}${text}}`))));
    for (let i = 0; i < texts.length; i++) {
      const text = texts[i];
      const value = templates.valueOf(i);
      // NaN leaves it to the engine, which must be seldom where it should not be needed.
      if (/^-?\d+(\.\d{1,22})?$/.test(text) && text.replace(/\D|^[0-]*\.?0*/g, "").length <= 19) {
        plain++;
        if (Number.isNaN(value)) left++;
      }
      if (Number.isNaN(value) || Object.is(value, JSON.parse(text))) continue;
      expect(`${text}: ${value}`).toBe(`${text}: ${JSON.parse(text)}`);
    }
  }
  expect(plain).toBeGreaterThan(CASES / 4);
  expect(left / plain).toBeLessThan(0.03);
}, 3_600_000);

test("what only the engine can read is left to it, and what is no number is not known", () => {
  const templates = new Templates(1000);
  templates.match(packElements([Buffer.from(`${PREFIX}1}`)]));
  templates.learn(0, 5);
  const matched = (text: string) => {
    templates.match(packElements([Buffer.from(`${PREFIX}${text}}`)]));
    return [templates.meaningOf(0), templates.valueOf(0)];
  };
  const far = `0.${"0".repeat(700)}1`;
  const left = ["1e300", "12345678901234567890123", "1e-300", "0.1e-22", "1e00001"];
  for (const exponent of [7010, 70_100, 4294967997, 4294968000, 701e20]) {
    left.push(`${far}e${BigInt(exponent)}`, `${far}e-${BigInt(exponent)}`);
  }
  for (const text of left) {
    expect(matched(text)).toEqual([5, Number.NaN]);
  }
  for (const text of [
    `${far}e701`,
    "0",
    "-0",
    "0.0",
    "0e999",
    "-0.000e-999",
    "1e22",
    "1e-22",
    "5E+3",
  ]) {
    expect(matched(text)).toEqual([5, Number(text)]);
  }
  for (const text of ["", "-", "+1", "01", "-01", ".5", "1.", "1.e3", "1e", "1e+", "e1", "NaN"]) {
    expect(matched(text)[0]).toBe(0xffffffff);
  }
});

/**
 * The numbers `digits / 10^decimals` that are closest to the middle between two doubles without
 * being it. With a double of 54 bits m, an odd one, as that middle: digits * 2^s - m * 5^decimals
 * is a small integer r, so m is -r / 5^decimals modulo 2^s.
 */
function* closestToTies(): Generator<string> {
  for (let decimals = 1; decimals <= 22; decimals++) {
    const fives = 5n ** BigInt(decimals);
    for (let s = 1n; s <= 60n; s++) {
      const modulus = 1n << s;
      const inverse = inverseOf(fives, modulus);
      for (let r = -15n; r <= 15n; r += 2n) {
        const first = (((-r * inverse) % modulus) + modulus) % modulus;
        for (let i = 0n; i < 3n; i++) {
          // The largest ones have the smallest relative distance.
          const m = first + ((2n ** 54n - 1n - first) / modulus - i) * modulus;
          const digits = (m * fives + r) / modulus;
          if (m < 2n ** 53n || digits < 2n ** 53n || digits >= 10n ** 19n) continue;
          const text = String(digits).padStart(decimals + 1, "0");
          yield `${text.slice(0, -decimals)}.${text.slice(-decimals)}`;
        }
      }
    }
  }
}

/** Newton: each step doubles the bits that are right, the lowest three are so from the start. */
function inverseOf(odd: bigint, modulus: bigint): bigint {
  let inverse = odd;
  for (let bits = 3; bits < 64; bits *= 2) inverse *= 2n - odd * inverse;
  return ((inverse % modulus) + modulus) % modulus;
}

test("numbers that are all but a tie between two doubles are read to the bit, or left", () => {
  const templates = new Templates(1000);
  templates.match(packElements([Buffer.from(`${PREFIX}1}`)]));
  templates.learn(0, 0);
  const texts = [...closestToTies()];
  expect(texts.length).toBeGreaterThan(5000);
  templates.match(packElements(texts.map((text) => Buffer.from(`${PREFIX}${text}}`))));
  let read = 0;
  for (let i = 0; i < texts.length; i++) {
    const value = templates.valueOf(i);
    if (Number.isNaN(value)) continue;
    read++;
    if (Object.is(value, JSON.parse(texts[i]))) continue;
    expect(`${texts[i]}: ${value}`).toBe(`${texts[i]}: ${JSON.parse(texts[i])}`);
  }
  expect(read).toBeGreaterThan(texts.length / 2);
});
