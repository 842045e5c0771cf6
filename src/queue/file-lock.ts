import { dlopen, FFIType } from "bun:ffi";

/**
 * Takes an exclusive lock on an open file, for as long as it is open in this process. Returns
 * whether nobody else has it. Source: flock(2), which neither Node nor Bun gives.
 */
export function tryLock(descriptor: number): boolean {
  library ??= dlopen(process.platform === "darwin" ? "libc.dylib" : "libc.so.6", {
    flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  });
  return library.symbols.flock(descriptor, LOCK_EX | LOCK_NB) === 0;
}

let library: ReturnType<typeof dlopen<{ flock: Flock }>> | undefined;

type Flock = { args: [FFIType.i32, FFIType.i32]; returns: FFIType.i32 };

const LOCK_EX = 2;
const LOCK_NB = 4;
