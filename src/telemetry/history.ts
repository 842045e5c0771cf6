import type { Headline, History as HistoryShown } from "../http/status-types.ts";

/** What is measured at one moment. */
export interface Measured {
  /** Since the process started: they never fall. */
  samples: number;
  dropped: number;
  /** NaN: not known. */
  backlog: number;
  lagSeconds: number;
  series: number;
}

/** 15 minutes. */
const POINTS_MAX = 180;
const STEP_MS = 5000;
/** A timer is never exact: a measurement this much early makes its point. */
const EARLY_MS = 500;

/**
 * The last 15 minutes, a point each five seconds. Nobody's clock: times are handed in. `atMs` is of a
 * clock that never goes back, and does not need to mean anything.
 *
 * Where nobody measured (the process was stopped, its thread was stuck) the points are NaN; the
 * rates of the point behind them are the mean since the one before them.
 */
export class History {
  #columns = {
    samplesPerSecond: new Float64Array(POINTS_MAX),
    backlog: new Float64Array(POINTS_MAX),
    lagSeconds: new Float64Array(POINTS_MAX),
    droppedPerSecond: new Float64Array(POINTS_MAX),
    series: new Float64Array(POINTS_MAX),
  };
  /** Points since ever; the next one stands at this, modulo the length. */
  #count = 0;
  /** When the last point was due, and what was measured for it. */
  #dueMs = Number.NaN;
  #last: Moment | undefined;
  #endMs: number | null = null;
  /** The measurements of the last step, oldest first. */
  #recent: Moment[] = [];

  /** Takes a measurement; `nowMs`: since 1970. Returns whether that made a point. */
  record(atMs: number, nowMs: number, measured: Measured): boolean {
    this.#recent.push({ atMs, measured });
    while (this.#recent.length > 1 && atMs - this.#recent[0].atMs > STEP_MS + EARLY_MS) {
      this.#recent.shift();
    }
    if (this.#last === undefined) {
      this.#last = { atMs, measured };
      this.#dueMs = atMs;
      return false;
    }
    const sinceMs = atMs - this.#dueMs;
    if (sinceMs < STEP_MS - EARLY_MS) return false;
    const steps = Math.round(sinceMs / STEP_MS);
    for (let i = Math.min(steps - 1, POINTS_MAX); i > 0; i--) this.#push(NOBODY);
    this.#push({ ...measured, ...ratesBetween(this.#last, { atMs, measured }) });
    this.#last = { atMs, measured };
    this.#dueMs += steps * STEP_MS;
    this.#endMs = nowMs;
    return true;
  }

  /** What stands first: `measured` is of now, rates are over the last five seconds or so. */
  headline(atMs: number, measured: Measured): Headline {
    const { backlog, lagSeconds, series } = measured;
    const first = this.#recent[0] ?? { atMs, measured };
    const rates = ratesBetween(first, { atMs, measured });
    return { ...rates, backlog: Number.isNaN(backlog) ? null : backlog, lagSeconds, series };
  }

  /** Of the last measurement. */
  get backlog(): number {
    return this.#recent.at(-1)?.measured.backlog ?? 0;
  }

  show(): HistoryShown {
    const { samplesPerSecond, backlog, lagSeconds, droppedPerSecond, series } = this.#columns;
    return {
      stepMs: STEP_MS,
      endMs: this.#endMs,
      samplesPerSecond: this.#listOf(samplesPerSecond),
      backlog: this.#listOf(backlog),
      lagSeconds: this.#listOf(lagSeconds),
      droppedPerSecond: this.#listOf(droppedPerSecond),
      series: this.#listOf(series),
    };
  }

  #push(point: Point): void {
    const at = this.#count++ % POINTS_MAX;
    this.#columns.samplesPerSecond[at] = point.samplesPerSecond;
    this.#columns.backlog[at] = point.backlog;
    this.#columns.lagSeconds[at] = point.lagSeconds;
    this.#columns.droppedPerSecond[at] = point.droppedPerSecond;
    this.#columns.series[at] = point.series;
  }

  #listOf(column: Float64Array): (number | null)[] {
    const list: (number | null)[] = [];
    for (let i = Math.max(0, this.#count - POINTS_MAX); i < this.#count; i++) {
      const value = column[i % POINTS_MAX];
      list.push(Number.isNaN(value) ? null : value);
    }
    return list;
  }
}

const NOBODY: Point = {
  samplesPerSecond: Number.NaN,
  backlog: Number.NaN,
  lagSeconds: Number.NaN,
  droppedPerSecond: Number.NaN,
  series: Number.NaN,
};

type Rates = Pick<Headline, "samplesPerSecond" | "droppedPerSecond">;
type Point = Rates & Pick<Measured, "backlog" | "lagSeconds" | "series">;

interface Moment {
  atMs: number;
  measured: Measured;
}

function ratesBetween(first: Moment, last: Moment): Rates {
  const seconds = (last.atMs - first.atMs) / 1000;
  // Two looks in one moment say nothing of a rate.
  if (seconds <= 0) return { samplesPerSecond: 0, droppedPerSecond: 0 };
  return {
    samplesPerSecond: (last.measured.samples - first.measured.samples) / seconds,
    droppedPerSecond: (last.measured.dropped - first.measured.dropped) / seconds,
  };
}
