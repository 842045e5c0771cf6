import { timingSafeEqual } from "node:crypto";
import { digestOf, type WebFiles } from "../config/web-files.ts";
import { BasicAuth, decoyOf } from "./basic-auth.ts";
import { clientOf, FailedLogins } from "./failed-logins.ts";
import type { AccessRefusalReason, WebListener } from "./pages.ts";
import { plain } from "./plain.ts";
import { ProvenLogins } from "./proven-logins.ts";
import { TokenBucket } from "./token-bucket.ts";

export interface AccessOptions {
  /** What counts now. */
  files: () => WebFiles;
  /** Paths that need no login; a `*` at the end stands for any rest. */
  publicPaths: readonly string[];
  /** A client may fail so often within a minute; 0: as often as it likes. */
  failedLoginsMax: number;
  listener: Pick<WebListener, "accessRefused">;
  nowMs: () => number;
}

const REALM = 'realm="prom-stream-gateway"';
const BUSY_RETRY_SECONDS = 1;

/** Who may look: asked before a request is answered. */
export class Access {
  readonly #options: AccessOptions;
  readonly #proven = new ProvenLogins();
  readonly #basic = new BasicAuth(this.#proven);
  readonly #failed: FailedLogins;
  readonly #bucket: TokenBucket;

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#failed = new FailedLogins(options.failedLoginsMax, options.nowMs);
    this.#bucket = new TokenBucket(options.nowMs);
  }

  /**
   * The refusal, or undefined where the request may be answered. `path` is the one that is looked up; a path
   * that nothing answers needs a login, too, so that nobody learns what there is.
   */
  async check(request: Request, path: string, address: string): Promise<Response | undefined> {
    const { files, publicPaths } = this.#options;
    const { users, tokenDigests, rateLimit } = files();
    if (rateLimit !== undefined && !this.#bucket.take(rateLimit)) {
      const seconds = Math.ceil(rateLimit.intervalMs / 1000);
      return this.#refuse("rate_limit", address, 429, "too many requests", seconds);
    }
    if (users.size === 0 && tokenDigests.length === 0) return undefined;
    if (publicPaths.some((known) => isPathOf(path, known))) return undefined;
    const [, scheme = "", credential = ""] =
      /^(\S+) +(.*)$/s.exec(request.headers.get("authorization") ?? "") ?? [];
    const client = clientOf(address);
    switch (scheme.toLowerCase()) {
      case "bearer":
        return this.#checkBearer(credential.trim(), client, address);
      case "basic":
        return this.#checkBasic(credential.trim(), client, address);
      default:
        // Nothing was guessed: what a browser does first.
        return this.#refuseLogin(address);
    }
  }

  #checkBearer(token: string, client: string, address: string): Response | undefined {
    const digest = digestOf(token);
    let isRight = false;
    // All of them are compared, whichever it is.
    for (const known of this.#options.files().tokenDigests) {
      isRight = timingSafeEqual(known, digest) || isRight;
    }
    const key = this.#proven.keyOf(["token", client, token]);
    // Before the limit: who shares an address with a guesser goes on being let in.
    if (isRight && this.#proven.has(key)) return undefined;
    const waitSeconds = this.#failed.waitSeconds(client);
    if (waitSeconds > 0) return this.#refuseGuesses(address, waitSeconds);
    this.#failed.begin(client)(isRight ? "right" : "wrong");
    if (!isRight) return this.#refuseLogin(address);
    this.#proven.add(key);
    return undefined;
  }

  async #checkBasic(
    credential: string,
    client: string,
    address: string,
  ): Promise<Response | undefined> {
    const { users } = this.#options.files();
    const decoded = Buffer.from(credential, "base64").toString();
    const colon = decoded.indexOf(":");
    if (colon < 0 || users.size === 0) {
      const waitSeconds = this.#failed.waitSeconds(client);
      if (waitSeconds > 0) return this.#refuseGuesses(address, waitSeconds);
      this.#failed.begin(client)("wrong");
      return this.#refuseLogin(address);
    }
    const [user, password] = [decoded.slice(0, colon), decoded.slice(colon + 1)];
    const login = { client, user, password, hash: users.get(user), decoy: decoyOf(users) };
    // Before the limit, as with a token.
    if (this.#basic.isProven(login)) return undefined;
    const waitSeconds = this.#failed.waitSeconds(client);
    if (waitSeconds > 0) return this.#refuseGuesses(address, waitSeconds);
    const end = this.#failed.begin(client);
    const verdict = await this.#basic.verify(login);
    end(verdict === "busy" ? "unknown" : verdict);
    if (verdict === "right") return undefined;
    if (verdict === "wrong") return this.#refuseLogin(address);
    const text = "too many logins are being looked at: come again";
    return this.#refuse("logins_waiting", address, 503, text, BUSY_RETRY_SECONDS);
  }

  #refuseLogin(address: string): Response {
    const { users, tokenDigests } = this.#options.files();
    const refusal = this.#refuse("unauthorized", address, 401, "unauthorized: log in");
    if (users.size > 0) refusal.headers.append("WWW-Authenticate", `Basic ${REALM}`);
    if (tokenDigests.length > 0) refusal.headers.append("WWW-Authenticate", `Bearer ${REALM}`);
    return refusal;
  }

  #refuseGuesses(address: string, seconds: number): Response {
    return this.#refuse("too_many_failures", address, 429, "too many failed logins", seconds);
  }

  #refuse(
    reason: AccessRefusalReason,
    address: string,
    status: number,
    text: string,
    retrySeconds?: number,
  ): Response {
    this.#options.listener.accessRefused(reason, address);
    return plain(
      status,
      text,
      retrySeconds === undefined ? {} : { "Retry-After": String(retrySeconds) },
    );
  }
}

function isPathOf(path: string, known: string): boolean {
  return known.endsWith("*") ? path.startsWith(known.slice(0, -1)) : path === known;
}
