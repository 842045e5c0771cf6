import type { ProvenLogins } from "./proven-logins.ts";

export type Verdict = "right" | "wrong" | "busy";

/** Logins that wait for a hash, beside the one that is being computed; others are told to come again. */
const WAITING_MAX = 16;
/** bcrypt takes no more of a password. Bun hashes a longer one first, which nobody else does. */
const PASSWORD_BYTES_MAX = 72;

/**
 * Checks passwords against bcrypt hashes, which takes some 60 ms of a core each: one at a time, on a thread
 * of the runtime's own. What was right once is remembered together with the client that said it; so a
 * scraper pays once.
 */
export class BasicAuth {
  readonly #proven: ProvenLogins;
  readonly #inFlight = new Map<string, Promise<Verdict>>();
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(proven: ProvenLogins) {
    this.#proven = proven;
  }

  /** Whether this client has logged in so before, under the hash that counts now. */
  isProven(login: Login): boolean {
    return this.#proven.has(this.#keyOf(login));
  }

  /** The same login at the same time is looked at once. */
  verify(login: Login): Promise<Verdict> {
    const key = this.#keyOf(login);
    const known = this.#inFlight.get(key);
    if (known !== undefined) return known;
    const verdict = this.#verify(login, key).finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, verdict);
    return verdict;
  }

  async #verify({ hash, decoy, password }: Login, key: string): Promise<Verdict> {
    if (this.#waiting > WAITING_MAX) return "busy";
    this.#waiting++;
    const bytes = Buffer.from(password).subarray(0, PASSWORD_BYTES_MAX);
    // Who is not known takes as long as who is: nobody learns who there is.
    const turn = this.#last.then(() => Bun.password.verify(bytes, hash ?? decoy));
    this.#last = turn.catch(() => {});
    const isRight = await turn.catch(() => false).finally(() => this.#waiting--);
    if (hash === undefined || !isRight) return "wrong";
    this.#proven.add(key);
    return "right";
  }

  #keyOf({ client, user, hash, password }: Login): string {
    return this.#proven.keyOf(["user", client, user, hash ?? null, password]);
  }
}

export interface Login {
  client: string;
  user: string;
  password: string;
  /** Undefined: there is no such user. */
  hash: string | undefined;
  /** Another user's hash, which is as dear. */
  decoy: string;
}

/** The dearest of the hashes: what a user who is not known costs. */
export function decoyOf(users: ReadonlyMap<string, string>): string {
  let dearest = "";
  for (const hash of users.values()) {
    if (hash.slice(4, 6) > dearest.slice(4, 6)) dearest = hash;
  }
  return dearest;
}
