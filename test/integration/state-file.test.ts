import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from "node:fs";
import { copyFile, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tryLock } from "../../src/queue/file-lock.ts";
import { QueueError } from "../../src/queue/queue.ts";
import { StateFile } from "../../src/queue/state-file.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function makePath(): string {
  const folder = mkdtempSync(join(tmpdir(), "gateway-state-"));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "state");
}

async function openFile(path: string) {
  const torn: number[] = [];
  const file = new StateFile(path, { checkpointTorn: (bytes) => void torn.push(bytes) });
  ends.push(() => file.close());
  const saved = await file.open();
  return { file, saved, torn };
}

function entry(journal: string, index: number, text: string) {
  return { journal, index, bytes: Buffer.from(text) };
}

async function textsOf(file: StateFile, entries: number): Promise<string[]> {
  const texts: string[] = [];
  for await (const bytes of file.readEntries({ number: 0, journal: "", entries })) {
    texts.push(Buffer.from(bytes).toString());
  }
  return texts;
}

async function faultOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (reason) => reason as QueueError,
  );
  if (!(error instanceof QueueError)) throw new Error(`no fault of a queue: ${error}`);
  return `${error.fault}: ${error.message}`;
}

/** A journal of three commits, with entries written ahead in the first. */
async function writeState(path: string): Promise<void> {
  const { file } = await openFile(path);
  await file.writeEntry(entry("j", 0, "one"));
  await file.writeEntry(entry("j", 1, "two"));
  await file.commit(entry("j", 2, "three"), 1);
  await file.commit(entry("j", 3, "four"), 2);
  await file.commit(entry("j", 4, "five"), 7);
  await file.close();
}

const ALL = ["one", "two", "three", "four", "five"];

describe("the state file", () => {
  test("is empty at first, and then what was committed", async () => {
    const path = makePath();
    expect((await openFile(path)).saved).toEqual({ number: 0, journal: "", entries: 0 });
    await writeState(path);
    const { file, saved, torn } = await openFile(path);
    expect(saved).toEqual({ number: 7, journal: "j", entries: 5 });
    expect(await textsOf(file, 5)).toEqual(ALL);
    expect(torn).toEqual([]);
  });

  test("is for nobody else to read", async () => {
    const path = makePath();
    await writeState(path);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test("takes each write twice", async () => {
    const path = makePath();
    const { file } = await openFile(path);
    for (let i = 0; i < 2; i++) await file.writeEntry(entry("j", 0, "one"));
    for (let i = 0; i < 2; i++) await file.commit(entry("j", 1, "two"), 1);
    for (let i = 0; i < 2; i++) await file.commit(entry("j", 2, "three"), 2);
    await file.close();
    const next = await openFile(path);
    expect(next.saved).toEqual({ number: 2, journal: "j", entries: 3 });
    expect(await textsOf(next.file, 3)).toEqual(["one", "two", "three"]);
  });

  test("goes on with a journal that it has opened", async () => {
    const path = makePath();
    await writeState(path);
    const { file } = await openFile(path);
    await file.writeEntry(entry("j", 5, "six"));
    await file.commit(entry("j", 6, "seven"), 8);
    await file.close();
    const next = await openFile(path);
    expect(next.saved).toEqual({ number: 8, journal: "j", entries: 7 });
    expect(await textsOf(next.file, 7)).toEqual([...ALL, "six", "seven"]);
  });

  test("is replaced by a new journal at its commit, not before", async () => {
    const path = makePath();
    await writeState(path);
    const { file } = await openFile(path);
    await file.writeEntry(entry("k", 0, "all"));
    await copyFile(path, `${path}-copy`);
    expect((await openFile(`${path}-copy`)).saved.journal).toBe("j");
    await rm(`${path}-copy`);
    await file.commit(entry("k", 1, "of it"), 8);
    await file.commit(entry("k", 2, "more"), 9);
    await file.close();
    const next = await openFile(path);
    expect(next.saved).toEqual({ number: 9, journal: "k", entries: 3 });
    expect(await textsOf(next.file, 3)).toEqual(["all", "of it", "more"]);
    expect(readdirSync(join(path, ".."))).toEqual(["state"]);
  });

  test("leaves a journal that was begun twice behind", async () => {
    const path = makePath();
    const { file } = await openFile(path);
    await file.writeEntry(entry("a", 0, "given up"));
    await file.writeEntry(entry("b", 0, "all"));
    await file.commit(entry("b", 1, "of it"), 3);
    expect(await textsOf(file, 2)).toEqual(["all", "of it"]);
  });

  test("that ends anywhere in a later commit gives the one before, and can be written on", async () => {
    const path = makePath();
    await writeState(path);
    const whole = await readFile(path);
    const secondEnd = whole.length - LAST_COMMIT_BYTES;
    for (let size = secondEnd + 1; size < whole.length; size++) {
      await writeFile(path, whole);
      truncateSync(path, size);
      const { file, saved, torn } = await openFile(path);
      expect(saved).toEqual({ number: 2, journal: "j", entries: 4 });
      expect(torn).toEqual([size - secondEnd]);
      expect(await textsOf(file, 4)).toEqual(ALL.slice(0, 4));
      await file.commit(entry("j", 4, "anew"), 3);
      await file.close();
      const next = await openFile(path);
      expect(next.torn).toEqual([]);
      expect(next.saved).toEqual({ number: 3, journal: "j", entries: 5 });
      expect((await textsOf(next.file, 5))[4]).toBe("anew");
    }
  });

  test("that has much behind its last commit loses that when it is opened", async () => {
    const path = makePath();
    await writeState(path);
    await writeFile(path, Buffer.concat([await readFile(path), Buffer.alloc(1000, "x")]));
    const { file, saved, torn } = await openFile(path);
    expect(saved.number).toBe(7);
    expect(torn).toEqual([1000]);
    await file.commit(entry("j", 5, "six"), 8);
    await file.close();
    const next = await openFile(path);
    expect(next.torn).toEqual([]);
    expect(next.saved).toEqual({ number: 8, journal: "j", entries: 6 });
  });

  test("that ends anywhere in the first commit is damaged", async () => {
    const path = makePath();
    const { file } = await openFile(path);
    await file.writeEntry(entry("j", 0, "one"));
    await file.commit(entry("j", 1, "two"), 1);
    await file.close();
    const whole = await readFile(path);
    for (let size = 0; size < whole.length; size++) {
      await writeFile(path, whole.subarray(0, size));
      expect(await faultOf(openFile(path))).toStartWith(
        `damaged: checkpoint: ${path} is damaged: `,
      );
    }
  });

  test("with any byte changed is damaged, or without its last commit", async () => {
    const path = makePath();
    await writeState(path);
    const whole = await readFile(path);
    const mark = whole.length - COMMIT_BYTES;
    for (let at = 0; at < whole.length; at++) {
      const changed = Buffer.from(whole);
      changed[at] ^= 0x40;
      await writeFile(path, changed);
      if (at < mark) expect(await faultOf(openFile(path))).toStartWith("damaged: ");
      else expect((await openFile(path)).saved).toEqual({ number: 2, journal: "j", entries: 4 });
    }
  });

  test("is moved aside with all that is in it", async () => {
    const path = makePath();
    await writeFile(path, "something else");
    const file = new StateFile(path, { checkpointTorn: () => {} });
    expect(await faultOf(file.open())).toContain("it does not begin as one of this version does");
    const aside = await file.setAside();
    expect(aside).toMatch(/state\.damaged-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z$/);
    expect(await readFile(aside, "utf8")).toBe("something else");
    expect(existsSync(path)).toBe(false);
    expect(await file.open()).toEqual({ number: 0, journal: "", entries: 0 });
  });

  test("has one process at a time", async () => {
    const path = makePath();
    const [first, second] = [1, 2].map(() => new StateFile(path, { checkpointTorn: () => {} }));
    expect(await first.lock()).toBeUndefined();
    expect(await first.lock()).toBeUndefined();
    expect(await second.lock()).toStartWith(`process ${process.pid} on `);
    await first.close();
    expect(await second.lock()).toBeUndefined();
    await second.close();
  });

  test("is locked or not: what cannot be locked is an error", () => {
    expect(() => tryLock(-1)).toThrow("flock: error 9 (Embedded.StateFile)");
  });

  test("in a folder that is not there says which setting it is", async () => {
    const path = join(makePath(), "state");
    const file = new StateFile(path, { checkpointTorn: () => {} });
    expect(await faultOf(file.lock())).toMatch(/^unavailable: ENOENT.*\(Embedded.StateFile\)$/);
  });
});

/** The mark of a commit, and the last one with its entry `five`, each with a head. */
const COMMIT_BYTES = 9 + 12;
const LAST_COMMIT_BYTES = 9 + 4 + COMMIT_BYTES;
