/** Guesses count for so long, from the first on. */
const WINDOW_MS = 60_000;
/** Clients that are remembered; of more the oldest are forgotten. */
const CLIENTS_MAX = 10_000;

interface Tally {
  failures: number;
  /** Logins that are being looked at: guesses side by side count, too. */
  pending: number;
  endsMs: number;
}

/** How often each client has failed to log in lately. */
export class FailedLogins {
  readonly #max: number;
  readonly #nowMs: () => number;
  readonly #tallies = new Map<string, Tally>();

  /** `max` failures a minute; 0: no limit. */
  constructor(max: number, nowMs: () => number) {
    this.#max = max;
    this.#nowMs = nowMs;
  }

  /** Seconds until the client may try again, rounded up; 0: it may now. */
  waitSeconds(client: string): number {
    const tally = this.#find(client);
    if (this.#max === 0 || tally === undefined) return 0;
    if (tally.failures + tally.pending < this.#max) return 0;
    return Math.ceil((tally.endsMs - this.#nowMs()) / 1000);
  }

  /** A login is looked at; what is returned is called with how it went, once. */
  begin(client: string): (outcome: "right" | "wrong" | "unknown") => void {
    const tally = this.#find(client) ?? this.#add(client);
    tally.pending++;
    return (outcome) => {
      tally.pending--;
      if (outcome === "wrong") tally.failures++;
      else if (outcome === "right") tally.failures = 0;
      const isOver = tally.failures + tally.pending === 0;
      if (isOver && this.#tallies.get(client) === tally) this.#tallies.delete(client);
    };
  }

  /** When its time is over a tally begins anew, or goes. */
  #find(client: string): Tally | undefined {
    const tally = this.#tallies.get(client);
    const nowMs = this.#nowMs();
    if (tally === undefined || nowMs < tally.endsMs) return tally;
    tally.failures = 0;
    tally.endsMs = nowMs + WINDOW_MS;
    if (tally.pending > 0) return tally;
    this.#tallies.delete(client);
    return undefined;
  }

  #add(client: string): Tally {
    const tally = { failures: 0, pending: 0, endsMs: this.#nowMs() + WINDOW_MS };
    this.#tallies.set(client, tally);
    const [oldest] = this.#tallies.keys();
    if (this.#tallies.size > CLIENTS_MAX && oldest !== undefined) this.#tallies.delete(oldest);
    return tally;
  }
}

/** Whom failures are laid to: an address; of IPv6 the network, since a host has a whole one of 64 bits. */
export function clientOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.replace(/%.*$/, "").toLowerCase().split("::");
  const groups = head.split(":").filter((group) => group !== "");
  if (tail !== undefined) {
    const rest = tail.split(":").filter((group) => group !== "");
    while (groups.length + rest.length < 8) groups.push("0");
    groups.push(...rest);
  }
  const network = groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ""));
  return `${network.join(":")}::/64`;
}
