import { parseHostPort } from "./host-port.ts";

/** Where a server listens. */
export interface ListenAddress {
  hostname: string | undefined; // undefined: all interfaces
  port: number; // 0: any free port
}

export type ListenAddressParsed =
  | { ok: true; address: ListenAddress }
  | { ok: false; fault: string };

/** What a listen address looks like, for faults and documentation. */
export const LISTEN_ADDRESS_FORM = "host:port, :port or [IPv6 address]:port, the port 0..65535";

const FAULT: ListenAddressParsed = { ok: false, fault: `must be ${LISTEN_ADDRESS_FORM}` };

/**
 * Parses `host:port`, `:port` or `[::1]:port`. The port is required.
 *
 * Failure is a value: its `fault` goes on from the setting's name ("must be ...").
 */
export function parseListenAddress(text: string): ListenAddressParsed {
  const parsed = parseHostPort(text.trim());
  if (parsed?.port === undefined) return FAULT;
  return { ok: true, address: { hostname: parsed.host, port: parsed.port } };
}

/** Whether only this host reaches an address. A name other than `localhost` is taken for public. */
export function isLoopback({ hostname }: ListenAddress): boolean {
  if (hostname === undefined) return false;
  return hostname.toLowerCase() === "localhost" || hostname === "::1" || /^127\./.test(hostname);
}

/** Without a hostname all interfaces of both families are served, where there is IPv6. */
const ANY_HOSTNAMES = ["::", "0.0.0.0"];

/** Listens on an address with `open`. Fails with why not, and which setting says where. */
export function listenOn<T>(
  { hostname, port }: ListenAddress,
  setting: string,
  open: (hostname: string) => T,
): T {
  let fault: unknown;
  for (const name of hostname === undefined ? ANY_HOSTNAMES : [hostname]) {
    try {
      return open(name);
    } catch (error) {
      fault ??= error;
    }
  }
  const area = setting.slice(0, setting.indexOf(".")).toLowerCase();
  const reason = fault instanceof Error ? fault.message : String(fault);
  const address = `${hostname ?? ""}:${port}`;
  throw new Error(`${area}: cannot listen on ${address}: ${reason}; set ${setting}`);
}
