import { dlopen, FFIType, ptr } from "bun:ffi";

/**
 * Tells systemd how the service is, where it has asked to be told: `READY=1`, `STOPPING=1`. Elsewhere it does
 * nothing. A message that does not arrive is systemd's to miss. Source: sd_notify(3); a datagram to a
 * socket of the file system, which neither Node nor Bun can send.
 */
export function tellServiceManager(state: string): void {
  const path = process.env.NOTIFY_SOCKET;
  if (!path || process.platform !== "linux") return;
  const address = toAddress(path);
  const message = Buffer.from(state);
  const { symbols } = dlopen("libc.so.6", {
    socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    sendto: {
      args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32, FFIType.ptr, FFIType.u32],
      returns: FFIType.i64,
    },
    close: { args: [FFIType.i32], returns: FFIType.i32 },
  });
  const socket = symbols.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return;
  symbols.sendto(socket, ptr(message), message.length, MSG_NOSIGNAL, ptr(address), address.length);
  symbols.close(socket);
}

/** `struct sockaddr_un`; a name that begins with `@` stands in no folder, and begins with NUL there. */
function toAddress(path: string): Buffer {
  const address = Buffer.from(`\0\0${path.replace(/^@/, "\0")}`);
  address.writeUInt16LE(AF_UNIX);
  return address;
}

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
