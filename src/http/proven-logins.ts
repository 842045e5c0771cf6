import { createHmac, randomBytes } from "node:crypto";

/** Of more logins the one that is longest out of use is forgotten. */
const LOGINS_MAX = 1000;

/** What names a login: the client, and all that it depends on whether that is right. */
export type LoginParts = readonly (string | null)[];

/** Logins that were right once, as keyed hashes: what is secret in them does not stay in memory. */
export class ProvenLogins {
  readonly #secret = randomBytes(32);
  readonly #keys = new Set<string>();

  keyOf(parts: LoginParts): string {
    return createHmac("sha256", this.#secret).update(JSON.stringify(parts)).digest("base64");
  }

  has(key: string): boolean {
    if (!this.#keys.delete(key)) return false;
    this.#keys.add(key);
    return true;
  }

  add(key: string): void {
    this.#keys.add(key);
    const [oldest] = this.#keys;
    if (this.#keys.size > LOGINS_MAX && oldest !== undefined) this.#keys.delete(oldest);
  }
}
