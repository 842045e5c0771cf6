import type { RedisOptions } from "ioredis";
import { parseConnectionString, type RedisConnection } from "../config/connection-string.ts";
import type { RedisAccess, TlsTexts } from "../config/redis-access.ts";
import { readTls } from "../config/redis-tls.ts";
import { SETTINGS, secretFileName } from "../config/settings.ts";
import { readSecretFile } from "../config/text-file.ts";

/** What a connection logs in with, and shows and trusts. */
interface Shown {
  username: string | undefined;
  password: string | undefined;
  tls: TlsTexts;
}

/** What came of reading the files again. */
export type Reread = { kind: "same" } | { kind: "changed" } | { kind: "refused"; reason: string };

/**
 * What Redis is shown. Files are read anew at each attempt to connect: certificates and passwords
 * are renewed while we run. What is wrong with one leaves all as it was.
 */
export class RedisCredentials {
  #connection: RedisConnection;
  #access: RedisAccess;
  #shown: Shown;

  constructor(connection: RedisConnection, access: RedisAccess) {
    this.#connection = connection;
    this.#access = access;
    this.#shown = { ...resolveLogin(connection, access), tls: access.tls };
  }

  /** Never fails. The reason says nothing of what the files hold. */
  reread(): Reread {
    const { files } = this.#access;
    let login: Pick<RedisConnection, "username" | "password"> = this.#connection;
    if (files.connectionString !== "") {
      const name = secretFileName(SETTINGS.connection);
      const read = readSecretFile(files.connectionString);
      if (!read.ok) return { kind: "refused", reason: `${name} ${read.fault}` };
      const parsed = parseConnectionString(read.text);
      if (!parsed.ok) return { kind: "refused", reason: `${name} ${parsed.fault}` };
      login = parsed.connection;
    }
    let { password } = this.#access;
    if (files.password !== "") {
      const read = readSecretFile(files.password);
      const name = secretFileName(SETTINGS.password);
      if (!read.ok) return { kind: "refused", reason: `${name} ${read.fault}` };
      password = read.text;
    }
    const tls = readTls(files, this.#shown.tls);
    if (!tls.ok) return { kind: "refused", reason: tls.fault };
    const next = { ...resolveLogin(login, { user: this.#access.user, password }), tls: tls.tls };
    const last = this.#shown;
    this.#shown = next;
    const isSame =
      next.username === last.username && next.password === last.password && next.tls === last.tls;
    return { kind: isSame ? "same" : "changed" };
  }

  /** Of a connection; Sentinels are reached as the Redis is that they name. */
  get options(): RedisOptions {
    const { username, password, tls } = this.#shown;
    const { sentinelName, tls: isEncrypted, tlsServerName } = this.#connection;
    const login: RedisOptions = { username, password };
    if (sentinelName !== undefined) login.sentinelPassword = password;
    if (!isEncrypted) return login;
    const options = {
      servername: this.#access.tlsServerName || tlsServerName,
      ca: tls.ca || undefined,
      cert: tls.certificate || undefined,
      key: tls.key || undefined,
    };
    return { ...login, tls: options, sentinelTLS: options, enableTLSForSentinelMode: true };
  }
}

/** What is set by itself comes before what the connection string says. */
function resolveLogin(
  { username, password }: Pick<RedisConnection, "username" | "password">,
  own: Pick<RedisAccess, "user" | "password">,
): Pick<RedisConnection, "username" | "password"> {
  return { username: own.user || username, password: own.password || password };
}
