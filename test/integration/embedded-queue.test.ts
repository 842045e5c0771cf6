import { afterEach, describe, expect, test } from "bun:test";
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packElements } from "../../src/queue/elements.ts";
import { EmbeddedQueue } from "../../src/queue/embedded-queue.ts";
import { EmbeddedStore } from "../../src/queue/embedded-store.ts";
import { tryLock } from "../../src/queue/file-lock.ts";
import { openRangeReader } from "../../src/queue/range-source.ts";
import { StateFile } from "../../src/queue/state-file.ts";
import { until } from "../support/until.ts";
import { describeQueueContract } from "./queue-contract.ts";

const ends: (() => unknown)[] = [];
afterEach(() => {
  for (const end of ends.splice(0).reverse()) end();
});

describeQueueContract("the embedded queue", async () => {
  const { store, folder, open } = makeQueue();
  return {
    open,
    openReader: () => openRangeReader({ kind: "embedded" }, "reader"),
    push: async (...texts) => push(store, ...texts),
    die: async (queue) => {
      queue.close();
      await until("the lock is free", () => isFree(folder));
    },
    kept: async () => {
      const segments = store.segments().map(({ number }) => String(number));
      return [...readdirSync(folder).sort(), ...segments];
    },
  };
});

describe("the embedded queue, on its own", () => {
  test("frees at once what is applied, though no commit says so", async () => {
    const { store, open } = makeQueue();
    const queue = open();
    await queue.acquire(false);
    push(store, "a", "b");
    const segment = (await queue.claim(1000))!;
    queue.applied({ segment: segment.number, left: 1 });
    const reader = openRangeReader(queue.rangeSource, "reader");
    const range = { sequence: 0, segment: segment.number, newer: 0, count: 2 };
    expect((await reader.read(queue.locate(range))).count).toBe(1);
    queue.applied({ segment: segment.number, left: 0 });
    expect((await reader.read(queue.locate(range))).count).toBe(0);
    expect(store.isEmpty).toBe(true);
  });

  test("is the owner as long as it has the state file, however late it renews", async () => {
    const { open } = makeQueue();
    const queue = open();
    await queue.acquire(false);
    await queue.renew();
    expect(queue.isOwner).toBe(true);
    queue.close();
    expect(queue.isOwner).toBe(false);
  });

  test("wakes who waits last, though one who waited before has given up", async () => {
    const { store } = makeQueue();
    const first = store.wait(1);
    let isAwake = false;
    const second = store.wait(60_000).then(() => {
      isAwake = true;
    });
    await first;
    expect(isAwake).toBe(false);
    push(store, "a");
    await second;
  });

  test("says who has the state file", async () => {
    const { open } = makeQueue();
    await open().acquire(false);
    expect(await open().acquire(false)).toMatchObject({
      kind: "standby",
      holder: expect.stringMatching(new RegExp(`^process ${process.pid} on `)),
    });
  });
});

/** Each queue that is opened stands for a process: only the samples are the same memory. */
function makeQueue() {
  const folder = mkdtempSync(join(tmpdir(), "gateway-embedded-"));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  const store = new EmbeddedStore();
  const open = () => {
    const file = new StateFile(join(folder, "state"), { checkpointTorn: () => {} });
    const queue = new EmbeddedQueue(store, file);
    ends.push(() => queue.close());
    return queue;
  };
  return { store, folder, open };
}

function isFree(folder: string): boolean {
  const file = openSync(join(folder, "state.lock"), "r");
  const isFree = tryLock(file);
  closeSync(file);
  return isFree;
}

function push(store: EmbeddedStore, ...texts: string[]): void {
  store.append(packElements(texts.map((text) => Buffer.from(text))));
}
