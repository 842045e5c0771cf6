const PORT_MAX = 65535;

/** A host and a port as they were written; what was left out is undefined. */
export interface HostPort {
  host: string | undefined; // an IPv6 address without its brackets
  port: number | undefined;
}

/**
 * Parses `host`, `host:port`, `:port`, `[address]` or `[address]:port`.
 *
 * A host is a name or an IPv4 address; an IPv6 address needs its brackets, as its colons and
 * the port's cannot be told apart. Ports are 0..65535.
 * Anything else is undefined.
 */
export function parseHostPort(text: string): HostPort | undefined {
  const match = /^(?:\[([^[\]]*)\]|([A-Za-z0-9._-]*))(?::([0-9]{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const [, address, name, digits] = match;
  if (address !== undefined && !isIpv6(address)) return undefined;

  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && port > PORT_MAX) return undefined;
  const host = address ?? (name === "" ? undefined : name);
  if (host === undefined && port === undefined) return undefined;
  return { host, port };
}

function isIpv6(address: string): boolean {
  return /^[0-9A-Fa-f:.]+$/.test(address) && URL.canParse(`http://[${address}]/`);
}
