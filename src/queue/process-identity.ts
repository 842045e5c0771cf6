import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** Which process somebody is, so that another one can find out whether it is gone. */
export interface ProcessIdentity {
  /** Unique over all processes that ever were. */
  name: string;
  host: string;
  pid: number;
  /** The boot of the machine, and the namespace that the pid is of; empty where they have none. */
  boot: string;
  pidNamespace: string;
  /** When the process started, in the clock ticks of its machine; empty where it is not known. */
  startedAt: string;
}

/** This process. `name` tells it from others that had its pid. */
export function identifyProcess(name: string): ProcessIdentity {
  return {
    name,
    host: hostname(),
    pid: process.pid,
    boot: readBoot(),
    pidNamespace: readPidNamespace(),
    startedAt: readStat(process.pid)?.startedAt ?? "",
  };
}

/**
 * Whether a process is gone for certain: it ran under this very kernel and in our pid namespace, and
 * its pid is nobody's or a later process's. False whenever that cannot be told.
 */
export function isProcessGone(identity: ProcessIdentity): boolean {
  const { boot, pidNamespace, pid, startedAt } = identity;
  if (boot === "" || pidNamespace === "" || startedAt === "") return false;
  if (boot !== readBoot() || pidNamespace !== readPidNamespace()) return false;
  const stat = readStat(pid);
  // Where /proc hides other users' processes (hidepid), a signal still tells that there is one.
  if (stat === undefined) return !isThere(pid);
  return stat.startedAt !== startedAt || stat.isDead;
}

/** What `JSON.stringify` made of an identity; undefined when the text is something else. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  try {
    const json = JSON.parse(text) as ProcessIdentity;
    return typeof json?.name === "string" && typeof json.pid === "number" ? json : undefined;
  } catch {
    return undefined;
  }
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

function readBoot(): string {
  return attempt(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()) ?? "";
}

function readPidNamespace(): string {
  return attempt(() => readlinkSync("/proc/self/ns/pid")) ?? "";
}

/** Source: proc(5), /proc/pid/stat: field 3 is the state, field 22 the start time. */
function readStat(pid: number): { startedAt: string; isDead: boolean } | undefined {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  if (stat === undefined) return undefined;
  // The command's name stands in parentheses and may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // A zombie whose other threads still run is not dead.
  const tasks = attempt(() => readdirSync(`/proc/${pid}/task`).length) ?? 0;
  return { startedAt: fields[19] ?? "", isDead: fields[0] === "Z" && tasks <= 1 };
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
