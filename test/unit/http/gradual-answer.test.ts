import { expect, test } from "bun:test";
import { GradualAnswers } from "../../../src/http/gradual-answer.ts";
import { type CountedExposition, expositionOf } from "../../support/pages.ts";
import { until } from "../../support/until.ts";

const LISTS_MAX = 16;

/** What asks for lists that never end, and what they have of them. */
function make(timeoutSeconds: number) {
  function* endless() {
    for (;;) yield Buffer.alloc(1000, "a");
  }
  const answers = new GradualAnswers({ isBusy: () => false }, timeoutSeconds);
  const lists: CountedExposition[] = [];
  const ask = (signal = new AbortController().signal) => {
    lists.push(expositionOf(endless()));
    return answers.inChunks(lists.at(-1)!, signal);
  };
  return { ask, lists, ends: () => lists.map(({ ends }) => ends) };
}

test("lists that are taken a little at a time, or not at all, lose their places when their time is over", async () => {
  const { ask, ends } = make(0.1);
  const taken = Array.from({ length: LISTS_MAX }, () => ask().body!.getReader());
  expect((await taken[0]!.read()).value?.length).toBe(1000);
  expect(ask().status).toBe(503);
  await until("all are ended", () => ends().every((count) => count === 1));
  const broken = async () => {
    // What was made ahead still comes.
    for (;;) await taken[0]!.read();
  };
  await expect(broken()).rejects.toThrow("the answer was ended");
  expect(ask().status).toBe(200);
});

test("a list that nobody waits for any more gives its place back, once, asked for or not", async () => {
  const { ask, ends } = make(0);
  for (let i = 0; i < 2 * LISTS_MAX; i++) {
    const leave = new AbortController();
    const { status, body } = ask(leave.signal);
    expect(status).toBe(200);
    if (i % 2 === 0) await body!.getReader().read();
    leave.abort();
    await body!.cancel().catch(() => {});
  }
  const gone = new AbortController();
  gone.abort();
  expect(ask(gone.signal).status).toBe(503);
  expect(ends()).toEqual(Array(2 * LISTS_MAX + 1).fill(1));
});
