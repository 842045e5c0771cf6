import type { Position, Range, Segment } from "../queue/queue.ts";

/** A reply of Redis should not take more than this, as far as the segment's average tells. */
const RANGE_BYTES_MAX = 8 * 1024 * 1024;

/**
 * Elements in a range while most of its samples bring a definition, each of which takes the main
 * thread some microseconds.
 */
const NEW_COUNT_MAX = 1000;

interface PlannedSegment extends Segment {
  /** Elements that are in ranges already. */
  planned: number;
}

interface SentRange {
  range: Range;
  segment: PlannedSegment;
}

/**
 * Cuts segments into ranges and knows how far they are applied. Ranges are applied in the order
 * in which they were cut, so one number says which are done. No I/O.
 */
export class RangePlan {
  #rangeCountMax: number;
  #segments: PlannedSegment[] = [];
  /** Cut and not applied, in order. */
  #sent: SentRange[] = [];
  #nextSequence = 0;
  #position: Position | undefined;
  #pending = 0;
  #isNew = true;

  /** `rangeCountMax`: elements in a range. */
  constructor(rangeCountMax: number) {
    this.#rangeCountMax = rangeCountMax;
  }

  /** Elements claimed and not applied. */
  get pending(): number {
    return this.#pending;
  }

  /** Elements claimed that are in no range yet. */
  get unsent(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.length - segment.planned, 0);
  }

  /** Ranges cut and not applied. */
  get sent(): number {
    return this.#sent.length;
  }

  /** The sequence number of the range to be applied next. */
  get nextToApply(): number {
    return this.#nextSequence - this.#sent.length;
  }

  /** The range to be applied next; undefined while none is cut. */
  get oldestRange(): Range | undefined {
    return this.#sent[0]?.range;
  }

  /** The segment of the range to be applied next, or of the one to be cut next. */
  get oldestSegment(): Segment | undefined {
    return this.#sent[0]?.segment ?? this.#segments[0];
  }

  /** How far everything is applied; undefined before the first range was. */
  get position(): Position | undefined {
    return this.#position;
  }

  /** Tells whether the samples of late were of series that were not known. */
  set isNew(isNew: boolean) {
    this.#isNew = isNew;
  }

  /** Adds a claimed segment; their numbers ascend. */
  add(segment: Segment): void {
    this.#segments.push({ ...segment, planned: 0 });
    this.#pending += segment.length;
  }

  /** Cuts the next range off, or undefined when all that is claimed is cut. */
  next(): Range | undefined {
    const segment = this.#segments[0];
    if (segment === undefined) return undefined;
    const fitting = Math.floor(RANGE_BYTES_MAX / Math.max(segment.elementBytes, 1));
    const count = Math.min(
      segment.length - segment.planned,
      this.#isNew ? Math.min(this.#rangeCountMax, NEW_COUNT_MAX) : this.#rangeCountMax,
      Math.max(fitting, 1),
    );
    segment.planned += count;
    const newer = segment.length - segment.planned;
    const range = { sequence: this.#nextSequence++, segment: segment.number, newer, count };
    this.#sent.push({ range, segment });
    if (newer === 0) this.#segments.shift();
    return range;
  }

  /** Notes that the range `nextToApply` is applied, and returns how many elements it has. */
  applied(): number {
    const done = this.#sent.shift();
    if (done === undefined) throw new Error("BUG: a range was applied that was never sent");
    this.#pending -= done.range.count;
    this.#position = { segment: done.range.segment, left: done.range.newer };
    return done.range.count;
  }
}
