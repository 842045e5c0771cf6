import { failpoint } from "./failpoint.ts";
import type { RangeBatch, WorkerReply, WorkerRequest } from "./ingest/messages.ts";
import type { Elements } from "./queue/elements.ts";
import type { Range, RangeReader } from "./queue/queue.ts";
import { openRangeReader } from "./queue/range-source.ts";
import { Folder } from "./sample/fold.ts";
import { makeShape } from "./sample/shape.ts";

/**
 * A worker: range in, batch out. It keeps nothing that could be lost: when it dies, another one is
 * given its ranges again.
 */

declare const self: Worker;

const READ_RETRY_DELAY_MS = 100;

/** Batches are made in the order of the requests, since they number definitions as they go. */
let last: Promise<void> = Promise.resolve();
let start: (range: Range) => Promise<void> = () => Promise.reject(new Error("BUG: not started"));
let forget: (ids: Uint32Array) => void = () => {};

self.onmessage = (event: MessageEvent<WorkerRequest>) => {
  const request = event.data;
  if (request.kind === "read") {
    last = start(request.range);
    return;
  }
  if (request.kind === "void") {
    // At once: what is decoded before is decoded again.
    forget(request.ids);
    return;
  }
  const { name, source, limits, shaping, deadLetterMax } = request;
  const reader = openRangeReader(source, name);
  const folder = new Folder({ limits, shape: makeShape(shaping, limits), deadLetterMax });
  forget = (ids) => folder.void(ids);
  start = (range) => {
    // Read while the range before is decoded: that keeps both us and Redis busy.
    const startedAt = performance.now();
    const reading = readUntilDone(reader, range);
    return last.then(async () => {
      const elements = await reading;
      failpoint("range_read");
      const readSeconds = (performance.now() - startedAt) / 1000;
      const batch = decodeRange(range, elements, folder, readSeconds);
      reader.recycle(elements);
      const reply: WorkerReply = { kind: "batch", batch };
      failpoint("range_decoded");
      const columns = [batch.ids.buffer, batch.values.buffer];
      if (batch.timestampsMs) columns.push(batch.timestampsMs.buffer);
      self.postMessage(reply, columns);
      failpoint("batch_posted");
    });
  };
};

async function readUntilDone(reader: RangeReader, range: Range): Promise<Elements> {
  for (;;) {
    try {
      return await reader.read(range);
    } catch (error) {
      const reply: WorkerReply = { kind: "read_failed", reason: (error as Error).message };
      self.postMessage(reply);
      await Bun.sleep(READ_RETRY_DELAY_MS);
    }
  }
}

function decodeRange(
  range: Range,
  elements: Elements,
  folder: Folder,
  readSeconds: number,
): RangeBatch {
  const startedAt = performance.now();
  const { starts, ends, count } = elements;
  let bytes = 0;
  for (let i = 0; i < count; i++) bytes += ends[i] - starts[i];
  return {
    ...folder.fold(elements),
    sequence: range.sequence,
    lost: range.count - count,
    bytes,
    readSeconds,
    decodeSeconds: (performance.now() - startedAt) / 1000,
    cpuSeconds: takeCpuSeconds(),
  };
}

let cpuSecondsBefore = 0;

/** What this thread has used since the last call: reading, too. */
function takeCpuSeconds(): number {
  const { user, system } = process.threadCpuUsage();
  const cpuSeconds = (user + system) / 1e6;
  const taken = cpuSeconds - cpuSecondsBefore;
  cpuSecondsBefore = cpuSeconds;
  return taken;
}
