/**
 * What a queue is to the gateway. One contract suite runs over every implementation.
 *
 * Every call may be repeated: its answer may be lost after it took effect. So segments are numbered
 * by the caller, and a repetition changes nothing.
 */
export interface Queue {
  /**
   * Makes this process the one that works under the gateway id, and returns the segments that a
   * former one had claimed and not confirmed, oldest first. From then on the former one's calls
   * fail with `not_owner`, and so does its `acquire`: the process that came last works.
   */
  acquire(): Promise<Segment[]>;

  /**
   * Takes all that stands in the queue now as a segment, in O(1): nothing is copied, and senders go
   * on with an empty queue. Undefined when the queue is empty.
   */
  claim(): Promise<Segment | undefined>;

  /**
   * Returns when the queue may hold samples, at the latest after about `timeoutMs` (1 to 1000). A
   * hint only: it takes nothing, and never fails. When the queue cannot be watched it returns
   * after a few milliseconds.
   */
  wait(timeoutMs: number): Promise<void>;

  /**
   * Says that all before the position is applied and need not be kept: whole segments are deleted,
   * the one that the position is in is cut.
   */
  confirm(position: Position): Promise<void>;

  /** Samples that nobody has claimed yet. */
  length(): Promise<number>;

  /** Ends all connections. Calls in progress fail. */
  close(): void;
}

/** Reads the ranges of segments; each worker has one of its own. */
export interface RangeReader {
  /**
   * The list elements of a range, oldest first, as they were pushed; the caller owns them. Fewer
   * than `range.count` when the queue has lost some.
   */
  read(range: Range): Promise<Uint8Array[]>;
  close(): void;
}

/** A claimed piece of the queue. Its content never changes; it is cut only from the oldest end. */
export interface Segment {
  /** Ascending in the order in which segments were claimed. */
  number: number;
  /** List elements. */
  length: number;
  /** What an element takes on average, in bytes; 0 when not known. */
  elementBytes: number;
}

/** A part of a segment, one worker's job. Plain data: it crosses threads. */
export interface Range {
  /** Ascending over all segments: the order in which ranges are applied. */
  sequence: number;
  segment: number;
  /** Elements of the segment that are newer than this range: it is read from the oldest end. */
  newer: number;
  count: number;
}

/** Everything before the segment is applied, and all of its elements but the newest `left`. */
export interface Position {
  segment: number;
  left: number;
}

/**
 * Why a call to a queue failed.
 * `unavailable`: not reached, or not answering as it should; try again.
 * `not_owner`: another process works under this gateway id.
 * `state_lost`: the queue no longer knows of us (it came back empty): acquire again.
 */
export type QueueFault = "unavailable" | "not_owner" | "state_lost";

export class QueueError extends Error {
  readonly fault: QueueFault;

  constructor(fault: QueueFault, message: string, cause?: unknown) {
    super(message, { cause });
    this.fault = fault;
  }
}
