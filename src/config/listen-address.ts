import { parseHostPort } from "./host-port.ts";

/** Where the web server listens. */
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
