import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { forgetfulStep, type Mutation, step, World } from "../support/protocol-model.ts";

const STEPS_MAX = 120;
/** `npm run test:nightly` sets more. */
const RUNS = Number(process.env.GATEWAY_TEST_MODEL_RUNS ?? 5000);

function exploration(mutation?: Mutation) {
  const steps = fc.array(step, { minLength: 20, maxLength: STEPS_MAX, size: "max" });
  return fc.asyncProperty(steps, async (taken) => {
    const world = new World(mutation);
    for (const each of taken) await world.take(each);
    await world.finish();
  });
}

function forgetfulExploration(mutation?: Mutation) {
  const steps = fc.array(forgetfulStep, { minLength: 20, maxLength: STEPS_MAX, size: "max" });
  return fc.asyncProperty(steps, async (taken) => {
    const world = new World(mutation);
    for (const each of taken) await world.take(each);
    await world.finishForgetful();
  });
}

test("whatever happens and whenever, scrapes show prefixes of the queue that never go back, and nothing is lost", async () => {
  await fc.assert(exploration(), { numRuns: RUNS });
}, 3_600_000);

test("when the store forgets, what a process shows does not go back, and is written back whole", async () => {
  await fc.assert(forgetfulExploration(), { numRuns: RUNS });
}, 3_600_000);

describe("the exploration finds a program that", () => {
  const mutations: Mutation[] = [
    "no fencing",
    "deletes before the checkpoint",
    "takes a commit twice",
    "state stands after another owner",
    "applies as batches arrive",
    "shows before it has recovered",
    "does not look at the clock",
    "forgets when segments were claimed",
  ];
  for (const mutation of mutations) {
    test(`${mutation}`, async () => {
      const found = await fc.check(exploration(mutation), { numRuns: 20_000, endOnFailure: true });
      expect(found.failed).toBe(true);
    }, 120_000);
  }

  test("commits without what was written ahead, and Redis has forgotten", async () => {
    const property = forgetfulExploration("commits without what was written ahead");
    const found = await fc.check(property, { numRuns: 20_000, endOnFailure: true });
    expect(found.failed).toBe(true);
  }, 120_000);
});
