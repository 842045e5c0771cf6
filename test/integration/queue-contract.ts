import { describe, expect, test } from "bun:test";
import { type Elements, elementAt } from "../../src/queue/elements.ts";
import {
  type Acquired,
  type Commit,
  type JournalEntry,
  type Position,
  type Queue,
  QueueError,
  type RangeReader,
  type Segment,
} from "../../src/queue/queue.ts";
import { until } from "../support/until.ts";

/** A queue implementation with what a test needs to stand on the senders' side. */
export interface QueueUnderTest {
  /** A new process under the gateway id. */
  open(): Queue;
  openReader(): RangeReader;
  push(...elements: string[]): Promise<void>;
  /** Lets the process that has a queue die, as far as the queue can tell. */
  die(queue: Queue): Promise<void>;
  /** How many keys, files or the like are kept besides what waits and the dead letters. */
  kept(): Promise<string[]>;
}

/** A queue outside of the process: others can come before it, and it can forget. */
export interface SharedQueueUnderTest extends QueueUnderTest {
  /** Lets the lease run out, as time does. */
  expireLease(): Promise<void>;
  /** Makes the queue forget everything, as a restart without persistence does. */
  forget(): Promise<void>;
  /** Makes the queue what it was at the last `remember`, as a replica that lags does. */
  remember(): Promise<void>;
  goBack(): Promise<void>;
  deadLetters(): Promise<string[]>;
}

/** What every queue must do. `make` gives an empty queue of its own for each test. */
export function describeQueueContract(name: string, make: Make): void {
  describe(name, () => {
    describeClaims(make);
    describeOwnership(make);
    describeCheckpoints(make);
  });
}

/** What a queue must do, besides, that several processes share. */
export function describeSharedQueueContract(name: string, make: MakeShared): void {
  describeQueueContract(name, make);
  describe(`${name}, shared`, () => {
    describeLease(make);
    describeSharedCheckpoints(make);
    describeLoss(make);
  });
}

type Make = () => Promise<QueueUnderTest>;
type MakeShared = () => Promise<SharedQueueUnderTest>;

function describeClaims(make: Make): void {
  test("gives what was pushed, oldest first, and goes on empty", async () => {
    const { queue, reader, push } = await opened(make);
    await push("a", "b", "c");
    const segment = await queue.claim(1000);
    expect(segment?.length).toBe(3);
    expect(await queue.length()).toBe(0);
    expect(await readAll(queue, reader, segment!)).toEqual(["a", "b", "c"]);
    expect(await queue.claim(1000)).toBeUndefined();
  });

  test("numbers segments in the order of the claims", async () => {
    const { queue, push } = await opened(make);
    const numbers: number[] = [];
    for (const element of ["a", "b", "c"]) {
      await push(element);
      numbers.push((await queue.claim(1000))!.number);
    }
    expect(numbers).toEqual([0, 1, 2]);
  });

  test("says when a segment was claimed", async () => {
    const { queue, push } = await opened(make);
    await push("a");
    expect((await queue.claim(5000))?.claimedMs).toBe(5000);
    await push("b");
    expect((await queue.claim(1_700_000_000_123))?.claimedMs).toBe(1_700_000_000_123);
  });

  test("reads ranges from the oldest end, each as often as asked", async () => {
    const { queue, reader, push } = await opened(make);
    await push("a", "b", "c", "d", "e");
    const { number: segment } = (await queue.claim(1000))!;
    for (let i = 0; i < 2; i++) {
      const first = await reader.read(queue.locate({ sequence: 0, segment, newer: 3, count: 2 }));
      expect(texts(first)).toEqual(["a", "b"]);
      const second = await reader.read(queue.locate({ sequence: 1, segment, newer: 0, count: 3 }));
      expect(texts(second)).toEqual(["c", "d", "e"]);
    }
  });

  test("keeps ranges where they are while the segment is cut", async () => {
    const { queue, reader, push } = await opened(make);
    await push("a", "b", "c", "d");
    const { number: segment } = (await queue.claim(1000))!;
    for (let i = 0; i < 2; i++) await queue.commit(first({ segment, left: 2 }));
    const rest = await reader.read(queue.locate({ sequence: 1, segment, newer: 0, count: 2 }));
    expect(texts(rest)).toEqual(["c", "d"]);
  });

  test("wakes a waiting process at the first sample and takes nothing", async () => {
    const { queue, push } = await opened(make);
    const waiting = queue.wait(1000);
    await push("a");
    await waiting;
    expect(await queue.length()).toBe(1);
  });
}

function describeOwnership(make: Make): void {
  test("makes the first process the owner, and lets a second one stand by", async () => {
    const { queue, open } = await opened(make);
    expect(queue.isOwner).toBe(true);
    const second = open();
    const acquired = await second.acquire(false);
    expect(acquired).toMatchObject({ kind: "standby" });
    expect(acquired.kind === "standby" && acquired.remainingMs).toBeGreaterThan(0);
    expect(second.isOwner).toBe(false);
    expect(await faultOf(second.claim(1000))).toBeDefined();
    expect(await faultOf(second.renew())).toBeDefined();
    second.close();
  });

  test("hands over at once when the lease is given up, and wakes who waits for it", async () => {
    const { queue, open } = await opened(make);
    const next = open();
    expect(await next.acquire(false)).toMatchObject({ kind: "standby" });
    const waiting = next.waitForRelease(1000);
    await queue.release();
    await waiting;
    expect(await next.acquire(false)).toMatchObject({ kind: "owner" });
    expect(queue.isOwner).toBe(false);
    expect(await faultOf(queue.renew())).toBe("not_owner");
    next.close();
  });

  test("gives a new owner what a former one claimed and did not commit", async () => {
    const { queue, reader, push, open, die } = await opened(make);
    for (const elements of [["a"], ["b", "c", "d"], ["e"]]) {
      await push(...elements);
      await queue.claim(1000);
    }
    await queue.commit(first({ segment: 1, left: 2 }));
    await die(queue);
    const next = open();
    const { segments } = owner(await next.acquire(false));
    expect(segments.map((segment) => segment.number)).toEqual([1, 2]);
    expect(await readAll(queue, reader, segments[0])).toEqual(["c", "d"]);
    expect(await readAll(queue, reader, segments[1])).toEqual(["e"]);
    await push("f");
    expect((await next.claim(1000))?.number).toBe(3);
    next.close();
  });
}

function describeLease(make: MakeShared): void {
  test("gives the lease on when it has run out, and refuses the former owner's every call", async () => {
    const { queue, push, open, expireLease } = await opened(make);
    await push("a");
    await queue.claim(1000);
    await expireLease();
    const next = open();
    expect(await next.acquire(false)).toMatchObject({ kind: "owner", isContinued: false });
    expect(await faultOf(queue.claim(1000))).toBe("not_owner");
    expect(await faultOf(queue.renew())).toBe("not_owner");
    expect(await faultOf(queue.writeEntry(entry("j", 0, "x"), 1))).toBe("not_owner");
    expect(await faultOf(queue.commit(first({ segment: 0, left: 0 })))).toBe("not_owner");
    expect(await faultOf(queue.release())).toBe("not_owner");
    expect(queue.isOwner).toBe(false);
    expect(await queue.acquire(true)).toMatchObject({ kind: "standby" });
    expect(await faultOf(next.claim(1000))).toBeUndefined();
    next.close();
  });

  test("tells an owner how long its lease lasts, and nobody else", async () => {
    const { queue, open } = await opened(make);
    const leftMs = (await queue.facts()).leaseLeftMs ?? 0;
    expect(leftMs).toBeGreaterThan(0);
    expect(leftMs).toBeLessThanOrEqual(3000);
    expect((await open().facts()).leaseLeftMs).toBeUndefined();
    await queue.release();
    expect((await queue.facts()).leaseLeftMs).toBeUndefined();
  });

  test("lets an owner whose lease has run out go on when nobody took it", async () => {
    const { queue, push, expireLease } = await opened(make);
    await push("a");
    await expireLease();
    await queue.renew();
    expect(queue.isOwner).toBe(true);
    expect((await queue.claim(1000))?.length).toBe(1);
    await expireLease();
    expect(await queue.acquire(true)).toMatchObject({ kind: "owner", isContinued: true });
  });

  test("says to a former owner that its state is void once another one was the owner", async () => {
    const { queue, open, expireLease } = await opened(make);
    await expireLease();
    const next = open();
    await next.acquire(false);
    await expireLease();
    expect(await queue.acquire(true)).toMatchObject({ kind: "owner", isContinued: false });
    next.close();
  });

  test("raises the token with each owner", async () => {
    const { queue, open, expireLease, token } = await opened(make);
    await expireLease();
    const next = open();
    expect(tokenOf(await next.acquire(false))).toBeGreaterThan(token);
    await expireLease();
    expect(tokenOf(await queue.acquire(false))).toBeGreaterThan(token + 1);
    next.close();
  });
}

function describeCheckpoints(make: Make): void {
  test("takes a commit once, however often it is sent", async () => {
    const { queue, push, reader } = await opened(make);
    await push("a", "b");
    const { number: segment } = (await queue.claim(1000))!;
    const commit = {
      ...first({ segment, left: 1 }),
      entry: entry("j", 0, "one"),
    };
    await queue.commit(commit);
    await queue.commit(commit);
    await queue.commit({ ...commit, number: 2, after: 1, position: { segment, left: 0 } });
    // Late, and of no effect.
    await queue.commit(commit);
    const rest = await reader.read(queue.locate({ sequence: 1, segment, newer: 0, count: 1 }));
    expect(texts(rest)).toEqual([]);
  });

  test("keeps a journal's entries, in order, from the commit on", async () => {
    const { queue, open, die } = await opened(make);
    await queue.writeEntry(entry("j", 0, "one"), 1);
    await queue.writeEntry(entry("j", 0, "one"), 1);
    await die(queue);
    const next = open();
    expect(owner(await next.acquire(false)).saved).toMatchObject({ number: 0, journal: "" });
    await next.writeEntry(entry("k", 0, "two"), 1);
    await next.commit({ ...first(undefined), entry: entry("k", 1, "three") });
    await next.commit({ ...first(undefined), number: 2, after: 1, entry: entry("k", 2, "four") });
    await next.writeEntry(entry("k", 3, "does not count"), 3);
    await die(next);
    const last = open();
    const { saved } = owner(await last.acquire(false));
    expect(saved).toEqual({ number: 2, journal: "k", entries: 3 });
    expect(await entriesOf(last, saved)).toEqual(["two", "three", "four"]);
    for (const each of [next, last]) each.close();
  });

  test("replaces a journal by a whole one, and deletes what no longer counts", async () => {
    const { queue, kept } = await opened(make);
    await queue.commit({ ...first(undefined), entry: entry("j", 0, "one") });
    const before = await kept();
    await queue.writeEntry(entry("k", 0, "whole"), 2);
    const whole = { ...first(undefined), number: 2, after: 1, entry: entry("k", 1, "end") };
    await queue.commit(whole);
    const { saved } = owner(await queue.acquire(true));
    expect(await entriesOf(queue, saved)).toEqual(["whole", "end"]);
    expect((await kept()).length).toBe(before.length);
  });

  test("deletes a journal that was begun by an owner that died", async () => {
    const { queue, open, die, kept } = await opened(make);
    await queue.commit({ ...first(undefined), entry: entry("j", 0, "one") });
    const before = await kept();
    await queue.writeEntry(entry("k", 0, "begun"), 2);
    await die(queue);
    const next = open();
    await next.acquire(false);
    await next.commit({ ...first(undefined), number: 2, after: 1, entry: entry("j", 1, "two") });
    expect(await kept()).toEqual(before);
    next.close();
  });

  test("ignores an entry that comes when its commit is made", async () => {
    const { queue, kept } = await opened(make);
    await queue.writeEntry(entry("j", 0, "one"), 1);
    await queue.commit({ ...first(undefined), entry: entry("j", 1, "two") });
    await queue.commit({ ...first(undefined), number: 2, after: 1, entry: entry("k", 0, "all") });
    const before = await kept();
    await queue.writeEntry(entry("j", 0, "one"), 1);
    expect(await kept()).toEqual(before);
  });

  test("forgets the journal at a commit that keeps no state", async () => {
    const { queue, open, die } = await opened(make);
    await queue.commit({ ...first(undefined), entry: entry("j", 0, "one") });
    await queue.commit({ ...first(undefined), number: 2, after: 1 });
    await die(queue);
    const next = open();
    expect(owner(await next.acquire(false)).saved).toMatchObject({ journal: "", entries: 0 });
    next.close();
  });
}

function describeSharedCheckpoints(make: MakeShared): void {
  test("says to the next owner, too, when segments were claimed", async () => {
    const { queue, push, open, expireLease } = await opened(make);
    for (const [element, nowMs] of [
      ["a", 1000],
      ["b", 2000],
    ] as const) {
      await push(element);
      await queue.claim(nowMs);
    }
    await queue.commit(first({ segment: 0, left: 0 }));
    await expireLease();
    const { segments } = owner(await open().acquire(false));
    expect(segments.map(({ number, claimedMs }) => [number, claimedMs])).toEqual([[1, 2000]]);
  });

  test("claims nothing at a time before the second in which the queue was found empty", async () => {
    const { queue, push, open, expireLease } = await opened(make);
    expect(await queue.claim(7300)).toBeUndefined();
    expect(await queue.claim(7800)).toBeUndefined();
    await push("a");
    // As a call does that was sent before and comes late.
    expect((await queue.claim(2000))?.claimedMs).toBeGreaterThanOrEqual(7000);
    await push("b");
    await expireLease();
    const next = open();
    await next.acquire(false);
    expect((await next.claim(2000))?.claimedMs).toBeGreaterThanOrEqual(7000);
    await push("c");
    expect((await next.claim(9000))?.claimedMs).toBe(9000);
  });

  test("leaves a journal alone that it had begun and that another owner has made count", async () => {
    const { queue, open, expireLease } = await opened(make);
    await queue.writeEntry(entry("j", 0, "one"), 1);
    await expireLease();
    const next = open();
    await next.acquire(false);
    await next.writeEntry(entry("j", 0, "one"), 1);
    await next.commit({ ...first(undefined), entry: entry("j", 1, "two"), isBegun: true });
    await expireLease();
    const { saved } = owner(await queue.acquire(false));
    await queue.writeEntry(entry("k", 0, "whole"), 2);
    // The other one does not count as yet.
    expect(await entriesOf(queue, saved)).toEqual(["one", "two"]);
    next.close();
  });

  test("lists the dead letters of a commit once, however often it is sent", async () => {
    const { queue, deadLetters } = await opened(make);
    const commit = { ...first(undefined), deadLetters: ["1"] };
    await queue.commit(commit);
    await queue.commit(commit);
    await queue.commit({ ...commit, number: 2, after: 1 });
    // Late, and of no effect.
    await queue.commit(commit);
    expect(await deadLetters()).toEqual(["1", "1"]);
  });

  test("lists dead letters newest first, and no more than it may", async () => {
    const { queue, deadLetters } = await opened(make);
    await queue.commit({ ...first(undefined), deadLetters: ["1", "2"] });
    await queue.commit({ ...first(undefined), number: 2, after: 1, deadLetters: ["3", "4"] });
    expect(await deadLetters()).toEqual(["4", "3", "2"]);
  });
}

function describeLoss(make: MakeShared): void {
  test("says that the state is lost, and lets the owner go on from what it knows", async () => {
    const { queue, reader, push, forget } = await opened(make);
    await push("a");
    await queue.claim(1000);
    await queue.commit({ ...first({ segment: 0, left: 0 }), entry: entry("j", 0, "one") });
    await forget();
    expect(await faultOf(queue.claim(1000))).toBe("state_lost");
    const acquired = owner(await queue.acquire(true));
    expect(acquired).toMatchObject({ isContinued: true, segments: [], uncertain: 0 });
    expect(acquired.saved).toMatchObject({ number: 0, journal: "" });
    // Its answer may have been lost: the repetition must say the same.
    expect(owner(await queue.acquire(true)).isContinued).toBe(true);
    await push("b");
    const segment = (await queue.claim(1000))!;
    expect(segment.number).toBe(1);
    expect(await readAll(queue, reader, segment)).toEqual(["b"]);
    const whole = { ...first({ segment: 1, left: 0 }), number: 2, after: undefined };
    await queue.commit({ ...whole, entry: entry("k", 0, "all") });
    expect(await entriesOf(queue, owner(await queue.acquire(true)).saved)).toEqual(["all"]);
  });

  test("lets the former owner of a lost state go before a standby", async () => {
    const { queue, open, forget } = await opened(make);
    const standby = open();
    await standby.acquire(false);
    await forget();
    expect(await standby.acquire(false)).toMatchObject({ kind: "standby" });
    expect(await queue.acquire(true)).toMatchObject({ kind: "owner", isContinued: true });
    expect(await standby.acquire(false)).toMatchObject({ kind: "standby" });
    standby.close();
  });

  test("gives fewer elements than asked when some were lost, once the owner has taken note", async () => {
    const { queue, reader, push, forget } = await opened(make);
    await push("a");
    const segment = (await queue.claim(1000))!;
    await forget();
    expect(await faultOf(readAll(queue, reader, segment))).toBe("state_lost");
    await queue.acquire(true);
    // It may have looked for another node in between.
    const read = await until("it reads", () =>
      readAll(queue, reader, segment).catch(() => undefined),
    );
    expect(read).toEqual([]);
  });

  test("does not take elements for lost where their claim is not known", async () => {
    const { queue, reader, push, remember, goBack } = await opened(make);
    await remember();
    await push("a");
    const segment = (await queue.claim(1000))!;
    await goBack();
    expect(await faultOf(readAll(queue, reader, segment))).toBe("state_old");
  });

  test("says so when the queue went back to an older state, and how much may be taken twice", async () => {
    const { queue, push, remember, goBack } = await opened(make);
    await push("a", "b");
    await queue.commit({ ...first(undefined), entry: entry("j", 0, "one") });
    await remember();
    await queue.claim(1000);
    const second = { ...first({ segment: 0, left: 0 }), number: 2, after: 1 };
    await queue.commit({ ...second, entry: entry("j", 1, "two") });
    await goBack();
    expect(await faultOf(queue.claim(1000))).toBe("state_old");
    const acquired = owner(await queue.acquire(true));
    expect(acquired).toMatchObject({ isContinued: true, uncertain: 2, segments: [] });
    expect(acquired.saved.number).toBe(1);
    const third = { ...second, number: 3, after: 2, entry: entry("j", 2, "three") };
    expect(await faultOf(queue.commit(third))).toBe("state_old");
    await queue.commit({ ...third, after: undefined, entry: entry("k", 0, "all") });
    expect((await queue.claim(1000))?.number).toBe(1);
    expect(await entriesOf(queue, owner(await queue.acquire(true)).saved)).toEqual(["all"]);
  });

  test("lets an owner go on that acquired after the state to which the queue went back", async () => {
    const { queue, open, remember, goBack } = await opened(make);
    const next = open();
    await remember();
    await queue.release();
    await next.acquire(false);
    await goBack();
    expect(await faultOf(next.claim(1000))).toBe("not_owner");
    expect(await next.acquire(true)).toMatchObject({ kind: "owner", isContinued: true });
    next.close();
  });

  test("gives a queue that has forgotten all to who finds it, and says so to who was the owner before", async () => {
    const { queue, open, push, forget, expireLease } = await opened(make);
    await forget();
    const other = open();
    await other.acquire(false);
    await push("a");
    await other.claim(1000);
    await expireLease();
    const acquired = owner(await queue.acquire(true));
    expect(acquired.isContinued).toBe(false);
    expect(acquired.segments.map((segment) => segment.number)).toEqual([0]);
    other.close();
  });

  test("does not give segments again that came back before an owner for whom they are done", async () => {
    const { queue, open, push, remember, goBack } = await opened(make);
    await push("a");
    await queue.claim(1000);
    await remember();
    await queue.commit({ ...first({ segment: 0, left: 0 }), entry: entry("j", 0, "one") });
    await queue.release();
    const next = open();
    await next.acquire(false);
    await goBack();
    expect(await next.acquire(true)).toMatchObject({ isContinued: true, segments: [] });
    const whole = { ...first(undefined), number: 2, after: undefined };
    await next.commit({ ...whole, entry: entry("k", 0, "all") });
    await next.release();
    const last = open();
    expect(owner(await last.acquire(false)).segments).toEqual([]);
    for (const each of [next, last]) each.close();
  });

  test("refuses a commit whose entries it has forgotten, and takes it when they are there", async () => {
    const { queue, remember, goBack } = await opened(make);
    const commit = { ...first(undefined), entry: entry("j", 2, "three"), isBegun: true };
    await queue.writeEntry(entry("j", 0, "one"), 1);
    await remember();
    await queue.writeEntry(entry("j", 1, "two"), 1);
    await goBack();
    expect(await faultOf(queue.commit(commit))).toBe("state_old");
    await queue.acquire(true);
    expect(await faultOf(queue.writeEntry(entry("j", 2, "three"), 1))).toBe("state_old");
    await queue.acquire(true);
    await queue.writeEntry(entry("j", 1, "two"), 1);
    // Late.
    await queue.writeEntry(entry("j", 0, "one"), 1);
    await queue.commit(commit);
    const { saved } = owner(await queue.acquire(true));
    expect(await entriesOf(queue, saved)).toEqual(["one", "two", "three"]);
  });

  test("ignores a late entry of a commit that was given up for another one", async () => {
    const { queue, kept } = await opened(make);
    await queue.writeEntry(entry("j", 0, "one"), 1);
    await queue.writeEntry(entry("k", 0, "whole"), 2);
    const before = await kept();
    await queue.writeEntry(entry("j", 0, "one"), 1);
    expect(await kept()).toEqual(before);
  });

  test("deletes segments that came back although they were done", async () => {
    const { queue, push, kept, remember, goBack } = await opened(make);
    const before = (await kept()).length;
    await push("a");
    await queue.claim(1000);
    await push("b");
    await queue.claim(1000);
    await remember();
    await queue.commit(first({ segment: 1, left: 0 }));
    await goBack();
    await queue.acquire(true);
    const again = { ...first({ segment: 1, left: 0 }), number: 2, after: undefined };
    await queue.commit(again);
    expect((await kept()).length).toBe(before);
  });
}

async function opened<T extends QueueUnderTest>(make: () => Promise<T>) {
  const underTest = await make();
  const queue = underTest.open();
  const token = tokenOf(await queue.acquire(false));
  return { ...underTest, queue, token, reader: underTest.openReader() };
}

/** The first commit, without a state. */
function first(position: Position | undefined): Commit {
  return { number: 1, after: 0, position, entry: undefined, isBegun: false, deadLetters: [] };
}

function entry(journal: string, index: number, text: string): JournalEntry {
  return { journal, index, bytes: new TextEncoder().encode(text) };
}

function owner(acquired: Acquired) {
  if (acquired.kind !== "owner") throw new Error(`${acquired.holder} has the lease`);
  return acquired;
}

function tokenOf(acquired: Acquired): number {
  return owner(acquired).token;
}

async function entriesOf(queue: Queue, saved: Parameters<Queue["readJournal"]>[0]) {
  const entries: string[] = [];
  for await (const bytes of queue.readJournal(saved)) entries.push(new TextDecoder().decode(bytes));
  return entries;
}

async function readAll(queue: Queue, reader: RangeReader, segment: Segment): Promise<string[]> {
  const { number, length: count } = segment;
  return texts(await reader.read(queue.locate({ sequence: 0, segment: number, newer: 0, count })));
}

function texts(elements: Elements): string[] {
  return Array.from({ length: elements.count }, (_, i) => elementAt(elements, i).toString());
}

export async function faultOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return error instanceof QueueError ? error.fault : String(error);
  }
}
