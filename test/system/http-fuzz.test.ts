import { afterAll, beforeAll, expect, test } from "bun:test";
import { type EmbeddedProcess, startEmbedded } from "../support/gateway-process.ts";
import { randomOf } from "../support/random.ts";
import { connectRaw, exchange } from "../support/raw-http.ts";
import { LINES, NEXT, SMUGGLING } from "../support/raw-requests.ts";

let gateway: EmbeddedProcess;

beforeAll(async () => {
  gateway = await startEmbedded();
});
afterAll(() => gateway.stop());

const FUZZ_CASES = 3000;
const FUZZ_AT_ONCE = 50;

test(`${FUZZ_CASES} requests that are spoilt at random change nothing for the next one`, async () => {
  const seed = Number(process.env.GATEWAY_TEST_SEED ?? Date.now() % 2 ** 32);
  console.log(`http-fuzz: GATEWAY_TEST_SEED=${seed}`);
  const port = Number(new URL(gateway.url).port);
  const random = randomOf(seed);
  const whole = [...SMUGGLING, ...LINES]
    .map(([, sent]) => sent)
    .filter((sent) => sent.length < 4e4);
  for (let i = 0; i < FUZZ_CASES; i += FUZZ_AT_ONCE) {
    const connections = await Promise.all(
      Array.from({ length: FUZZ_AT_ONCE }, () => connectRaw(port)),
    );
    for (const connection of connections) connection.send(spoil(whole, random));
    await exchange(port, NEXT, { answers: 1, isClosed: false });
    for (const connection of connections) connection.end();
  }
  expect(gateway.errors()).toBe("");
  expect((await fetch(`${gateway.url}/-/ready`)).status).toBe(200);
});

/** One of the requests, or noise, with some bytes changed, left out, doubled, or of another one. */
function spoil(whole: readonly string[], random: () => number): Uint8Array {
  const below = (limit: number) => Math.floor(random() * limit);
  let bytes = Buffer.from(whole[below(whole.length)], "latin1");
  if (random() < 0.1) bytes = Buffer.from(Array.from({ length: below(2000) }, () => below(256)));
  for (let left = 1 + below(5); left > 0; left--) {
    const at = below(bytes.length + 1);
    const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
    const other = Buffer.from(whole[below(whole.length)], "latin1");
    const kind = below(5);
    if (kind === 0) bytes = Buffer.concat([before, Buffer.from([below(256)]), after.subarray(1)]);
    if (kind === 1) bytes = Buffer.concat([before, after.subarray(below(20))]);
    if (kind === 2) bytes = Buffer.concat([before, before.subarray(-below(50)), after]);
    if (kind === 3) bytes = Buffer.concat([before, other.subarray(below(other.length))]);
    if (kind === 4) bytes = Buffer.from(before);
  }
  return bytes;
}
