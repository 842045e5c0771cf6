import type { Range } from "../queue/queue.ts";
import type { RangeSource } from "../queue/range-source.ts";
import type { DecodeLimits } from "../sample/decode.ts";
import type { Batch } from "../sample/fold.ts";
import type { Shaping } from "../sample/shape.ts";

/** From the main thread to a worker: once `start`, then ranges, and what is void from then on. */
export type WorkerRequest =
  | {
      kind: "start";
      name: string;
      source: RangeSource;
      limits: DecodeLimits;
      shaping: Shaping;
      /** Dropped samples that a batch brings along at most. */
      deadLetterMax: number;
    }
  | { kind: "read"; range: Range }
  /** The series of these definitions have ended: no message may mean them any more. */
  | { kind: "void"; ids: Uint32Array<ArrayBuffer> };

/** From a worker to the main thread: batches in the order in which their ranges were sent. */
export type WorkerReply =
  | { kind: "batch"; batch: RangeBatch }
  | { kind: "read_failed"; reason: string };

/** What a worker made of one range. */
export interface RangeBatch extends Batch {
  sequence: number;
  /** List elements that the range should have had and the queue no longer has. */
  lost: number;
  /** Bytes of all elements. */
  bytes: number;
  readSeconds: number;
  decodeSeconds: number;
  /** CPU time of the worker's thread since the batch before. */
  cpuSeconds: number;
}
