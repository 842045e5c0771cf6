import { readFileSync } from "node:fs";

/** `sysconf(_SC_CLK_TCK)`, which Linux fixes for user space. */
const TICKS_A_SECOND = 100;

/**
 * CPU time of a process in seconds, user and system, all its threads, to a hundredth. Reading it
 * costs the process nothing, other than asking it would. Source: proc_pid_stat(5).
 */
export function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The second field is a name in parentheses that may hold anything; what follows is the third.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

/** Memory of a process that is in RAM, in bytes. Source: proc_pid_status(5). */
export function rssBytesOf(pid: number): number {
  const kiB = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1"))?.[1];
  if (kiB === undefined) throw new Error(`bench: process ${pid} has no VmRSS: has it ended?`);
  return Number(kiB) * 1024;
}

/** What is in RAM once it has stopped changing, or after `deadlineMs`. */
export async function settledRssBytesOf(pid: number, deadlineMs: number): Promise<number> {
  const startedAt = performance.now();
  const last: number[] = [];
  for (;;) {
    last.push(rssBytesOf(pid));
    const recent = last.slice(-4);
    const isFlat = recent.length === 4 && Math.max(...recent) < 1.005 * Math.min(...recent);
    if (isFlat || performance.now() - startedAt > deadlineMs) return recent[recent.length - 1];
    await Bun.sleep(500);
  }
}
