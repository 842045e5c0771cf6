import { existsSync, mkdirSync } from "node:fs";
import { cpus, release } from "node:os";
import { join } from "node:path";
import { $ } from "bun";
import type { Rig } from "./rig.ts";
import type { Budget, Outcome } from "./row.ts";

const RESULTS = join(import.meta.dir, "results");

export interface Machine {
  cpu: string;
  cores: number;
  kernel: string;
  redis: string;
  bun: string;
  /** Of the sources; `-dirty` when they differ from it. */
  revision: string;
}

export async function describeMachine(rig: Rig): Promise<Machine> {
  const redis = /^redis_version:(\S+)/m.exec(await rig.redis.info("server"))?.[1] ?? "unknown";
  const { stdout: head } = await git("rev-parse", "--short=12", "HEAD");
  const { stdout: changes } = await git("status", "--porcelain", "--untracked-files=no");
  const revision = head.toString().trim();
  return {
    cpu: cpus()[0].model,
    cores: cpus().length,
    kernel: release(),
    redis,
    bun: Bun.version,
    revision: revision === "" ? "unknown" : `${revision}${changes.length > 0 ? "-dirty" : ""}`,
  };
}

function git(...words: string[]) {
  return $`git ${words}`
    .cwd(import.meta.dir)
    .quiet()
    .nothrow();
}

/** Widths fit the texts; notes stand below, numbered. */
export function tableOf(outcomes: readonly Outcome[]): string {
  const notes: string[] = [];
  const lines = [["", "median", "from", "to", "", "at least", "aim", ""]];
  for (const { row, median, min, max, isAtLeastMet, isAimMet } of outcomes) {
    let { what } = row;
    if (row.note !== undefined) {
      if (!notes.includes(row.note)) notes.push(row.note);
      what += ` [${notes.indexOf(row.note) + 1}]`;
    }
    const { atLeast, aim } = limitsOf(row.budget);
    const verdict = isAtLeastMet === undefined ? "" : isAtLeastMet ? "met" : "NOT MET";
    const met = isAtLeastMet && isAimMet ? "aim met" : verdict;
    lines.push([what, show(median), show(min), show(max), row.unit, atLeast, aim, met]);
  }
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const isText = (column: number) => column === 0 || column === 4 || column === 7;
  const table = lines.map((line) =>
    line
      .map((cell, i) => (isText(i) ? cell.padEnd(widths[i]) : cell.padStart(widths[i])))
      .join("  ")
      .trimEnd(),
  );
  return [...table, "", ...notes.map((note, i) => `[${i + 1}] ${note}`)].join("\n");
}

function limitsOf(budget: Budget | undefined): { atLeast: string; aim: string } {
  if (budget === undefined) return { atLeast: "", aim: "" };
  const sign = budget.wants === "less" ? "<=" : ">=";
  const aim = budget.aim === undefined ? "" : `${sign} ${budget.aim}`;
  return { atLeast: `${sign} ${budget.atLeast}`, aim };
}

/** Three digits that count, and no exponent. */
function show(number: number): string {
  if (number === 0) return "0";
  const digits = Math.floor(Math.log10(Math.abs(number)));
  return number.toLocaleString("en-US", { maximumFractionDigits: Math.max(0, 2 - digits) });
}

/**
 * Writes `bench/results/<date>.json`, with the time where there is one of that day already. What
 * was made with `--quick` or `--only` says so in its name: it is no result to keep.
 */
export async function writeResults(
  machine: Machine,
  outcomes: readonly Outcome[],
  kind: { isQuick: boolean; only: readonly string[]; startedAt: Date },
): Promise<string> {
  mkdirSync(RESULTS, { recursive: true });
  const iso = kind.startedAt.toISOString();
  const suffix = `${kind.isQuick ? "-quick" : ""}${kind.only.length > 0 ? "-part" : ""}`;
  const ofDay = join(RESULTS, `${iso.slice(0, 10)}${suffix}.json`);
  const ofTime = join(RESULTS, `${iso.slice(0, 19).replaceAll(":", "")}${suffix}.json`);
  const path = existsSync(ofDay) ? ofTime : ofDay;
  const rows = outcomes.map(({ row, raw, median, min, max, isAtLeastMet, isAimMet }) => ({
    name: row.name,
    what: row.what,
    unit: row.unit,
    note: row.note,
    raw,
    median,
    min,
    max,
    budget: row.budget,
    isAtLeastMet,
    isAimMet,
  }));
  const results = { startedAt: iso, isQuick: kind.isQuick, only: kind.only, machine, rows };
  await Bun.write(path, `${JSON.stringify(results, null, 2)}\n`);
  return path;
}
