import { closeSync, openSync, readSync, type Stats, statSync } from "node:fs";

/** What a file holds, or what is wrong with it: that goes on from a setting's name. */
export type FileRead = { ok: true; text: string } | { ok: false; fault: string };

/** Room for any password or connection string, and far from what a mistaken path leads to. */
const SECRET_BYTES_MAX = 65_536;

/**
 * Reads a file that holds nothing but a secret, as Docker, Kubernetes and systemd hand them out.
 * One newline at its end is cut. Says nothing of what it holds.
 */
export function readSecretFile(path: string): FileRead {
  const read = readTextFile(path, SECRET_BYTES_MAX);
  if (!read.ok) return read;
  const text = read.text.replace(/\r?\n$/, "");
  return text === "" ? fail("must not be an empty file") : { ok: true, text };
}

/**
 * Reads a regular file of at most `bytesMax` bytes of UTF-8. A pipe is refused, since whoever reads it
 * again would wait for ever.
 */
export function readTextFile(path: string, bytesMax: number): FileRead {
  let bytes: Uint8Array;
  try {
    // Before it is opened: a pipe would keep us there.
    const stats = statSync(path);
    if (!stats.isFile()) return fail(`must be a file, not ${kindOf(stats)}`);
    bytes = readAtMost(path, bytesMax + 1);
  } catch (error) {
    return fail(`cannot be read: ${reasonOf(error)}`);
  }
  if (bytes.length > bytesMax) return fail(`must be a file of ${bytesMax} bytes at most`);
  try {
    return { ok: true, text: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    return fail("must be a text in UTF-8");
  }
}

/**
 * A path, fit to be shown. What looks like none may be the secret itself, which somebody has put
 * where the name of its file belongs.
 */
export function shownPath(path: string): string {
  const isPath = /^(?:\.{0,2}\/|[A-Za-z]:\\)/.test(path) && !path.startsWith("//");
  return isPath && !path.includes("-----BEGIN") ? path : "***";
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return "a folder";
  return stats.isFIFO() ? "a pipe" : "a device or a socket";
}

function readAtMost(path: string, bytesMax: number): Uint8Array {
  const file = openSync(path, "r");
  try {
    const bytes = new Uint8Array(bytesMax);
    let length = 0;
    for (;;) {
      const count = readSync(file, bytes, length, bytesMax - length, null);
      length += count;
      if (count === 0 || length === bytesMax) return bytes.subarray(0, length);
    }
  } finally {
    closeSync(file);
  }
}

/** Without the path, which may be a secret. */
function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = /^[A-Z0-9]+: [^,']*/.exec(message)?.[0];
  return reason ?? code ?? "it is no path";
}

function fail(fault: string): { ok: false; fault: string } {
  return { ok: false, fault };
}
