import { describe, expect, test } from "bun:test";
import { type Queue, QueueError, type RangeReader, type Segment } from "../../src/queue/queue.ts";

/** A queue implementation with what a test needs to stand on the senders' side. */
export interface QueueUnderTest {
  /** A new process under the gateway id. */
  open(): Queue;
  openReader(): RangeReader;
  push(...elements: string[]): Promise<void>;
  /** Makes the queue forget everything, as a restart without persistence does. */
  forget(): Promise<void>;
}

/** What every queue must do. `make` gives an empty queue of its own for each test. */
export function describeQueueContract(name: string, make: () => Promise<QueueUnderTest>): void {
  describe(name, () => {
    test("gives what was pushed, oldest first, and goes on empty", async () => {
      const { queue, reader, push } = await opened(make);
      await push("a", "b", "c");
      const segment = await queue.claim();
      expect(segment?.length).toBe(3);
      expect(await queue.length()).toBe(0);
      expect(await readAll(reader, segment!)).toEqual(["a", "b", "c"]);
      expect(await queue.claim()).toBeUndefined();
    });

    test("numbers segments in the order of the claims", async () => {
      const { queue, push } = await opened(make);
      const numbers: number[] = [];
      for (const element of ["a", "b", "c"]) {
        await push(element);
        numbers.push((await queue.claim())!.number);
      }
      expect(numbers).toEqual([0, 1, 2]);
    });

    test("reads ranges from the oldest end, each as often as asked", async () => {
      const { queue, reader, push } = await opened(make);
      await push("a", "b", "c", "d", "e");
      const { number: segment } = (await queue.claim())!;
      for (let i = 0; i < 2; i++) {
        expect(texts(await reader.read({ sequence: 0, segment, newer: 3, count: 2 }))).toEqual([
          "a",
          "b",
        ]);
        expect(texts(await reader.read({ sequence: 1, segment, newer: 0, count: 3 }))).toEqual([
          "c",
          "d",
          "e",
        ]);
      }
    });

    test("keeps ranges where they are while the segment is cut", async () => {
      const { queue, reader, push } = await opened(make);
      await push("a", "b", "c", "d");
      const { number: segment } = (await queue.claim())!;
      for (let i = 0; i < 2; i++) await queue.confirm({ segment, left: 2 });
      expect(texts(await reader.read({ sequence: 1, segment, newer: 0, count: 2 }))).toEqual([
        "c",
        "d",
      ]);
    });

    test("gives a new process what a former one claimed and did not confirm", async () => {
      const { queue, reader, push, open } = await opened(make);
      for (const elements of [["a"], ["b", "c", "d"], ["e"]]) {
        await push(...elements);
        await queue.claim();
      }
      await queue.confirm({ segment: 1, left: 2 });
      const next = open();
      const segments = await next.acquire();
      expect(segments.map((segment) => segment.number)).toEqual([1, 2]);
      expect(await readAll(reader, segments[0])).toEqual(["c", "d"]);
      expect(await readAll(reader, segments[1])).toEqual(["e"]);
      await push("f");
      expect((await next.claim())?.number).toBe(3);
      next.close();
    });

    test("refuses a former process", async () => {
      const { queue, push, open } = await opened(make);
      await push("a");
      await queue.claim();
      const next = open();
      await next.acquire();
      expect(await faultOf(queue.claim())).toBe("not_owner");
      expect(await faultOf(queue.confirm({ segment: 0, left: 0 }))).toBe("not_owner");
      expect(await faultOf(queue.acquire())).toBe("not_owner");
      expect(await faultOf(next.claim())).toBeUndefined();
      next.close();
    });

    test("confirms a whole segment once and again", async () => {
      const { queue, push, open } = await opened(make);
      await push("a");
      await queue.claim();
      await queue.confirm({ segment: 0, left: 0 });
      await queue.confirm({ segment: 0, left: 0 });
      const next = open();
      expect(await next.acquire()).toEqual([]);
      next.close();
    });

    test("wakes a waiting process at the first sample and takes nothing", async () => {
      const { queue, push } = await opened(make);
      const waiting = queue.wait(1000);
      await push("a");
      await waiting;
      expect(await queue.length()).toBe(1);
    });

    test("says that the state is lost, and goes on after it was acquired again", async () => {
      const { queue, reader, push, forget } = await opened(make);
      await push("a");
      await queue.claim();
      await forget();
      expect(await faultOf(queue.claim())).toBe("state_lost");
      expect(await queue.acquire()).toEqual([]);
      await push("b");
      const segment = (await queue.claim())!;
      expect(segment.number).toBe(1);
      expect(await readAll(reader, segment)).toEqual(["b"]);
    });

    test("gives fewer elements than asked when some were lost", async () => {
      const { queue, reader, push, forget } = await opened(make);
      await push("a");
      const segment = (await queue.claim())!;
      await forget();
      expect(await readAll(reader, segment)).toEqual([]);
    });
  });
}

async function opened(make: () => Promise<QueueUnderTest>) {
  const underTest = await make();
  const queue = underTest.open();
  await queue.acquire();
  return { ...underTest, queue, reader: underTest.openReader() };
}

async function readAll(reader: RangeReader, segment: Segment): Promise<string[]> {
  const { number, length: count } = segment;
  return texts(await reader.read({ sequence: 0, segment: number, newer: 0, count }));
}

function texts(elements: readonly Uint8Array[]): string[] {
  return elements.map((element) => new TextDecoder().decode(element));
}

export async function faultOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return error instanceof QueueError ? error.fault : String(error);
  }
}
