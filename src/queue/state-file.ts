import { type FileHandle, open, readFile, rename, rm, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { failpoint } from "../failpoint.ts";
import { tryLock } from "./file-lock.ts";
import { identifyProcess, parseIdentity } from "./process-identity.ts";
import { type JournalEntry, QueueError, type SavedCheckpoint } from "./queue.ts";
import {
  COMMIT,
  COMMIT_BYTES,
  ENTRY,
  encodeFrame,
  hasCommit,
  JOURNAL,
  readBytes,
  readFrame,
  writeAll,
} from "./state-frames.ts";

/**
 * The state of a gateway with an embedded queue: one file with one journal.
 *
 * It begins with a line that names the format. Frames follow: CRC-32 of what comes after it (4 bytes),
 * kind (1), length of the payload (4), payload; numbers are little-endian. The first frame names the
 * journal, then come its entries, and a commit frame behind each one that is the last of a commit:
 * entries count up to the last commit frame.
 *
 * A new journal is written into a file beside it, which takes its place at the commit: written,
 * synced, renamed, and the folder synced. Further commits are written behind it and synced.
 */
export class StateFile {
  #path: string;
  #lock: FileHandle | undefined;
  /** The journal that counts, and one that will when it is committed. */
  #counting: JournalFile | undefined;
  #building: JournalFile | undefined;
  /** False while the folder may not know of the last rename for good. */
  #isFolderSynced = true;
  #listener: StateFileListener;

  constructor(path: string, listener: StateFileListener) {
    this.#path = path;
    this.#listener = listener;
  }

  /**
   * Takes the lock, or returns who has it. It is the operating system's, on a file of its own: it ends
   * with the process.
   */
  async lock(): Promise<string | undefined> {
    return this.#attempt(async () => {
      const path = `${this.#path}.lock`;
      this.#lock ??= await open(path, "a+", MODE);
      if (tryLock(this.#lock.fd)) {
        await this.#lock.truncate(0);
        await this.#lock.write(JSON.stringify(identifyProcess("state")));
        return undefined;
      }
      await this.#lock.close();
      this.#lock = undefined;
      const holder = parseIdentity(await readFile(path, "utf8"));
      return holder ? `process ${holder.pid} on ${holder.host}` : "another process";
    });
  }

  /** Reads which checkpoint is the last one. Fails with `damaged` when that cannot be told. */
  async open(): Promise<SavedCheckpoint> {
    return this.#attempt(async () => {
      await this.#closeFiles();
      await rm(this.#newPath, { force: true });
      const handle = await openExisting(this.#path);
      if (handle === undefined) return { number: 0, journal: "", entries: 0 };
      // Kept from here on: it is closed with us.
      this.#counting = { handle, journal: "", ends: [], headEnd: 0 };
      const { size } = await handle.stat();
      const { journal, headEnd, ends, number, end } = await this.#scan(handle, size);
      this.#counting = { handle, journal, headEnd, ends };
      if (end < size) {
        this.#listener.checkpointTorn(size - end);
        // What is appended must not have remains behind it.
        await handle.truncate(end);
        await handle.sync();
      }
      return { number, journal, entries: ends.length };
    });
  }

  /** The entries that count, in order. */
  async *readEntries({ entries }: SavedCheckpoint): AsyncIterable<Uint8Array> {
    const file = this.#counting;
    if (file === undefined) throw new Error("BUG: entries of a state file that is not open");
    for (let index = 0; index < entries; index++) {
      const frame = await this.#attempt(() => readFrame(file.handle, startOf(file, index)));
      if (frame?.kind !== ENTRY) throw this.#damaged(`entry ${index} cannot be read`);
      yield frame.payload;
    }
  }

  /** Writes an entry ahead of the commit that makes it count. May be repeated. */
  async writeEntry({ journal, index, bytes }: JournalEntry): Promise<void> {
    await this.#attempt(async () => {
      const file = await this.#fileOf(journal);
      const frame = encodeFrame(ENTRY, bytes);
      const start = startOf(file, index);
      await writeAll(file.handle, frame, start);
      file.ends[index] = start + frame.length;
    });
  }

  /** Writes the last entry, and makes it and those before it count. May be repeated. */
  async commit({ journal, index, bytes }: JournalEntry, number: number): Promise<void> {
    await this.#attempt(async () => {
      const file = await this.#fileOf(journal);
      const payload = new DataView(new ArrayBuffer(COMMIT_BYTES));
      payload.setFloat64(0, number, true);
      payload.setUint32(8, index + 1, true);
      const commit = encodeFrame(COMMIT, new Uint8Array(payload.buffer));
      const frames = Buffer.concat([encodeFrame(ENTRY, bytes), commit]);
      const start = startOf(file, index);
      await writeAll(file.handle, frames, start);
      await file.handle.sync();
      failpoint("commit_sent");
      if (file === this.#building) {
        await rename(this.#newPath, this.#path);
        const former = this.#counting;
        this.#counting = file;
        this.#building = undefined;
        this.#isFolderSynced = false;
        await former?.handle.close();
      }
      if (!this.#isFolderSynced) await syncFolder(this.#path);
      this.#isFolderSynced = true;
      file.ends[index] = start + frames.length;
    });
  }

  /** Deletes the state. */
  async delete(): Promise<void> {
    await this.#attempt(async () => {
      if (this.#counting === undefined) return;
      await this.#closeFiles();
      await rm(this.#newPath, { force: true });
      await unlink(this.#path);
      await syncFolder(this.#path);
    });
  }

  /** Moves the file aside, and returns where it is. */
  async setAside(): Promise<string> {
    return this.#attempt(async () => {
      await this.#closeFiles();
      const aside = `${this.#path}.damaged-${new Date().toISOString().replaceAll(":", "-")}`;
      await rename(this.#path, aside);
      await syncFolder(this.#path);
      return aside;
    });
  }

  /** Closes all, and gives the lock up. */
  async close(): Promise<void> {
    await this.#closeFiles();
    await this.#lock?.close();
    this.#lock = undefined;
  }

  get #newPath(): string {
    return `${this.#path}.new`;
  }

  async #closeFiles(): Promise<void> {
    const files = [this.#counting, this.#building];
    this.#counting = undefined;
    this.#building = undefined;
    for (const file of files) await file?.handle.close();
  }

  async #fileOf(journal: string): Promise<JournalFile> {
    for (const file of [this.#counting, this.#building]) {
      if (file?.journal === journal) return file;
    }
    await this.#building?.handle.close();
    const handle = await open(this.#newPath, "w+", MODE);
    const head = Buffer.concat([MAGIC, encodeFrame(JOURNAL, Buffer.from(journal))]);
    this.#building = { handle, journal, headEnd: head.length, ends: [] };
    await writeAll(handle, head, 0);
    return this.#building;
  }

  /** Goes over the whole file. `end`: of the last commit. */
  async #scan(handle: FileHandle, size: number) {
    const magic = await readBytes(handle, 0, MAGIC.length);
    if (!magic?.equals(MAGIC)) throw this.#damaged("it does not begin as one of this version does");
    const head = await readFrame(handle, MAGIC.length);
    if (head?.kind !== JOURNAL) throw this.#damaged("it names no journal");
    const ends: number[] = [];
    let [number, entries, end] = [0, 0, 0];
    let at = head.end;
    while (at < size) {
      const frame = await readFrame(handle, at);
      if (frame?.kind === ENTRY) ends.push(frame.end);
      else if (frame?.kind === COMMIT) {
        const payload = new DataView(frame.payload.buffer, frame.payload.byteOffset);
        [number, entries] = [payload.getFloat64(0, true), payload.getUint32(8, true)];
        end = frame.end;
        if (entries !== ends.length) throw this.#damaged(`entries are missing at byte ${at}`);
        ends[entries - 1] = end;
      } else if (end === 0 || (await hasCommit(handle, at, size))) {
        throw this.#damaged(`it is not what was written at byte ${at}`);
      } else break;
      at = frame.end;
    }
    if (end === 0) throw this.#damaged("it holds no checkpoint");
    ends.length = entries;
    return { journal: head.payload.toString(), headEnd: head.end, ends, number, end };
  }

  async #attempt<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof QueueError || (error as NodeJS.ErrnoException).code === undefined) {
        throw error;
      }
      const reason = `${(error as Error).message} (Embedded.StateFile)`;
      throw new QueueError("unavailable", reason, error);
    }
  }

  #damaged(what: string): QueueError {
    return new QueueError("damaged", `checkpoint: ${this.#path} is damaged: ${what}`);
  }
}

export interface StateFileListener {
  /** The file ends with so many bytes of a checkpoint that was not written to its end. */
  checkpointTorn(bytes: number): void;
}

interface JournalFile {
  handle: FileHandle;
  journal: string;
  /** Where the first entry begins. */
  headEnd: number;
  /** Where the entries end, with the commit frame behind them if there is one. */
  ends: number[];
}

const MAGIC = Buffer.from("prom-stream-gateway state 1\n");
/** Nobody else is to read label values, or to write totals. */
const MODE = 0o600;

function startOf(file: JournalFile, index: number): number {
  const start = index === 0 ? file.headEnd : file.ends[index - 1];
  if (start === undefined) throw new Error(`BUG: entry ${index} comes before the one before it`);
  return start;
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r+");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** What the folder says of a file is safe only then. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(dirname(path), "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
