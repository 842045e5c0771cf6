import { dlopen, FFIType, type Pointer, read } from "bun:ffi";
import { QueueError } from "./queue.ts";

/**
 * Takes an exclusive lock on an open file, for as long as it is open in this process. Returns
 * whether nobody else has it; fails where files cannot be locked. Source: flock(2), which neither
 * Node nor Bun gives.
 */
export function tryLock(descriptor: number): boolean {
  library ??= process.platform === "darwin" ? openDarwin() : openLinux();
  if (library.flock(descriptor, LOCK_EX | LOCK_NB) === 0) return true;
  const place = library.errno();
  const errno = read.i32(place as Pointer, 0);
  if (errno === EWOULDBLOCK[process.platform === "darwin" ? "darwin" : "linux"]) return false;
  throw new QueueError("unavailable", `flock: error ${errno} (Embedded.StateFile)`);
}

interface Library {
  flock(descriptor: number, operation: number): number;
  /** Where the last call's error is. */
  errno(): unknown;
}

let library: Library | undefined;

function openLinux(): Library {
  const { symbols } = dlopen("libc.so.6", { flock: FLOCK, __errno_location: ERRNO });
  return { flock: symbols.flock, errno: symbols.__errno_location };
}

function openDarwin(): Library {
  const { symbols } = dlopen("libc.dylib", { flock: FLOCK, __error: ERRNO });
  return { flock: symbols.flock, errno: symbols.__error };
}

const FLOCK = { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 } as const;
const ERRNO = { args: [], returns: FFIType.ptr } as const;
const LOCK_EX = 2;
const LOCK_NB = 4;
const EWOULDBLOCK = { linux: 11, darwin: 35 };
