/** One line of the table. */
export interface Row {
  /** `<group>.<what>`, unique. */
  name: string;
  what: string;
  /** `"x"` marks a ratio: such a row takes nothing that was not computed by `Run.ratio`. */
  unit: "x" | "us" | "ms" | "s" | "MB" | "bytes" | "samples" | "samples/s" | "cores" | "%";
  budget?: Budget;
  /** What a reader must know to read the figure right. */
  note?: string;
}

/** `atLeast` must be met, `aim` is where it should end. */
export interface Budget {
  wants: "less" | "more";
  atLeast: number;
  aim?: number;
}

/** Rows that are measured together, because they share sides or an expensive preparation. */
export interface Group<M> {
  name: string;
  rows: readonly Row[];
  runs: number;
  quickRuns: number;
  /** One run, from its own start to its own end: nothing is left for the next. */
  measure(means: M, run: Run): Promise<void>;
}

/** A number that knows in which run it was measured. Only a `Run` makes one. */
class Figure {
  readonly value: number;
  readonly run: Run;

  constructor(value: number, run: Run) {
    this.value = value;
    this.run = run;
  }
}

export type { Figure };

/**
 * One run of a group. What it notes becomes a raw value of a row; a row may be noted several times.
 *
 * A ratio exists only here: both sides must have been measured by this very run, so one with sides
 * from different runs cannot be printed. What a row shows is the median of ratios, never the ratio
 * of medians.
 */
export class Run {
  #rows: ReadonlyMap<string, Row>;
  #raw = new Map<string, number[]>();

  constructor(rows: readonly Row[]) {
    this.#rows = new Map(rows.map((row) => [row.name, row]));
  }

  get raw(): ReadonlyMap<string, readonly number[]> {
    return this.#raw;
  }

  /** A number that has no row of its own. */
  figure(value: number): Figure {
    return new Figure(value, this);
  }

  note(name: string, value: number): Figure {
    if (this.#row(name).unit === "x") throw new Error(`BUG: ${name} is a ratio: use ratio()`);
    this.#add(name, value);
    return this.figure(value);
  }

  ratio(name: string, dividend: Figure, divisor: Figure): void {
    if (this.#row(name).unit !== "x") throw new Error(`BUG: ${name} is no ratio`);
    if (dividend.run !== this || divisor.run !== this) {
      throw new Error(`BUG: the sides of ${name} come from different runs`);
    }
    this.#add(name, dividend.value / divisor.value);
  }

  #row(name: string): Row {
    const row = this.#rows.get(name);
    if (row === undefined) throw new Error(`BUG: ${name} is no row of this group`);
    return row;
  }

  #add(name: string, value: number): void {
    if (!Number.isFinite(value)) throw new Error(`bench: ${name} came out as ${value}`);
    const values = this.#raw.get(name) ?? [];
    values.push(value);
    this.#raw.set(name, values);
  }
}

/** A row with all that its runs noted. */
export interface Outcome {
  row: Row;
  /** In the order in which they were measured. */
  raw: number[];
  median: number;
  min: number;
  max: number;
  /** Whether the median keeps the budget; undefined without one. */
  isAtLeastMet: boolean | undefined;
  isAimMet: boolean | undefined;
}

/** Rows without a single value are left out. */
export function outcomesOf(rows: readonly Row[], runs: readonly Run[]): Outcome[] {
  const outcomes: Outcome[] = [];
  for (const row of rows) {
    const raw = runs.flatMap((run) => run.raw.get(row.name) ?? []);
    if (raw.length === 0) continue;
    const middle = median(raw);
    const { wants, atLeast, aim } = row.budget ?? {};
    const isWithin = (limit: number | undefined) =>
      limit === undefined ? undefined : wants === "less" ? middle <= limit : middle >= limit;
    outcomes.push({
      row,
      raw,
      median: middle,
      min: Math.min(...raw),
      max: Math.max(...raw),
      isAtLeastMet: isWithin(atLeast),
      isAimMet: isWithin(aim),
    });
  }
  return outcomes;
}

/** Of an even number of values the mean of the two in the middle. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** The smallest value that at least this share of all values does not exceed. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}
