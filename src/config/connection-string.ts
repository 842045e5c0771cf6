import { parseHostPort } from "./host-port.ts";
import { nearestName } from "./nearest-name.ts";
import { maskRedisUrl, parseRedisUrl } from "./redis-url.ts";

/** How to reach Redis, the same for both notations. */
export interface RedisConnection {
  endpoints: { host: string; port: number }[]; // at least one; the sentinels where sentinelName is set
  sentinelName: string | undefined;
  username: string | undefined;
  password: string | undefined;
  database: number | undefined;
  tls: boolean;
  tlsServerName: string | undefined;
  connectTimeoutMs: number;
  clientName: string | undefined;
}

export type ConnectionStringParsed =
  | { ok: true; connection: RedisConnection }
  | { ok: false; fault: string };

/** A `ConnectionStringParsed` of one option or endpoint: its value, or the fault. */
type Part<T> = { ok: true; value: T } | { ok: false; fault: string };

const INT32_MAX = 2 ** 31 - 1;
const CONNECT_TIMEOUT_MS = "5000"; // as StackExchange.Redis

const USED_OPTIONS = [
  "connectTimeout",
  "defaultDatabase",
  "name",
  "password",
  "serviceName",
  "ssl",
  "sslHost",
  "user",
] as const;
type UsedOption = (typeof USED_OPTIONS)[number];

/** What StackExchange.Redis knows and the gateway has no use for. Source: its ConfigurationOptions. */
export const IGNORED_OPTIONS = [
  "abortConnect",
  "allowAdmin",
  "asyncTimeout",
  "channelPrefix",
  "checkCertificateRevocation",
  "configChannel",
  "configCheckSeconds",
  "configurationChannel",
  "connectRetry",
  "highIntegrity",
  "highPrefixes",
  "highPriorityThreads",
  "keepAlive",
  "preserveAsyncOrder",
  "protocol",
  "proxy",
  "resolveDns",
  "responseTimeout",
  "setlib",
  "sslProtocols",
  "syncTimeout",
  "tiebreaker",
  "tunnel",
  "version",
  "writeBuffer",
] as const;

const USED = new Map<string, UsedOption>(USED_OPTIONS.map((name) => [name.toLowerCase(), name]));
const IGNORED = new Set<string>(IGNORED_OPTIONS.map((name) => name.toLowerCase()));
const TRUE_WORDS = ["true", "yes", "on", "1"]; // the words that StackExchange.Redis takes
const FALSE_WORDS = ["false", "no", "off", "0"];

/**
 * Parses a Redis connection string: StackExchange.Redis' `host:port,option=value,...` or a
 * `redis://` or `rediss://` URL.
 *
 * Names of options are taken in any case; of an option given twice the last counts.
 * Failure is a value: its `fault` goes on from the setting's name ("must not be empty"). It
 * quotes no value and no host, and nothing at all of what follows a password, since that may be
 * the rest of a password with a comma in it.
 */
export function parseConnectionString(text: string): ConnectionStringParsed {
  const trimmed = text.trim();
  if (trimmed === "") return fail("must not be empty");
  if (/^(?:unix:|!|\/)/i.test(trimmed)) {
    return fail("must not be a unix socket, which is not supported");
  }
  return isUrl(trimmed) ? parseRedisUrl(trimmed) : parseParts(trimmed.split(","));
}

/**
 * Gives `text` with `***` in the place of its credentials: the password, a tunnel (its URL may hold
 * one) and renamed commands. What is no valid connection string becomes `***` as a whole.
 */
export function maskConnectionString(text: string): string {
  if (!parseConnectionString(text).ok) return "***";
  const trimmed = text.trim();
  if (isUrl(trimmed)) return maskRedisUrl(trimmed);
  return trimmed.split(",").map(maskPart).join(",");
}

function isUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
}

function maskPart(part: string): string {
  const equals = part.indexOf("=");
  const key = part.slice(0, Math.max(equals, 0)).trim();
  const isSecret = /^(?:password|tunnel|\$.*)$/is.test(key);
  return isSecret ? `${key}=***` : part.trim();
}

function parseParts(parts: readonly string[]): ConnectionStringParsed {
  const hosts: { text: string; place: number }[] = [];
  const options = new Map<UsedOption, string>();
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index]!.trim();
    if (part === "") continue;
    const equals = part.indexOf("=");
    const key = part.slice(0, Math.max(equals, 0)).trim();
    const used = USED.get(key.toLowerCase());
    if (used !== undefined) {
      options.set(used, part.slice(equals + 1).trim());
    } else if (IGNORED.has(key.toLowerCase()) || /^\$\w/.test(key)) {
      // Known, and without meaning here.
    } else if (options.has("password")) {
      return strayAfterPassword(key, index + 1);
    } else if (key !== "") {
      return unknownOption(key, index + 1);
    } else {
      hosts.push({ text: part, place: index + 1 });
    }
  }
  return makeConnection(hosts, options);
}

function makeConnection(
  hosts: readonly { text: string; place: number }[],
  options: ReadonlyMap<UsedOption, string>,
): ConnectionStringParsed {
  const tls = readBoolean("ssl", options.get("ssl") ?? "false");
  if (!tls.ok) return tls;
  const timeout = readInteger(
    "connectTimeout",
    options.get("connectTimeout") ?? CONNECT_TIMEOUT_MS,
    1,
  );
  if (!timeout.ok) return timeout;
  const database = readInteger("defaultDatabase", options.get("defaultDatabase") ?? "0", 0);
  if (!database.ok) return database;

  const sentinelName = options.get("serviceName") || undefined;
  const portDefault = sentinelName !== undefined ? 26379 : tls.value ? 6380 : 6379;
  const endpoints = readEndpoints(hosts, portDefault);
  if (!endpoints.ok) return endpoints;
  return {
    ok: true,
    connection: {
      endpoints: endpoints.value,
      sentinelName,
      username: options.get("user") || undefined,
      password: options.get("password") || undefined,
      database: options.has("defaultDatabase") ? database.value : undefined,
      tls: tls.value,
      tlsServerName: options.get("sslHost") || undefined,
      connectTimeoutMs: timeout.value,
      clientName: options.get("name") || undefined,
    },
  };
}

function readEndpoints(
  hosts: readonly { text: string; place: number }[],
  portDefault: number,
): Part<RedisConnection["endpoints"]> {
  const endpoints: RedisConnection["endpoints"] = [];
  for (const { text, place } of hosts) {
    const parsed = parseHostPort(text);
    if (parsed?.host === undefined || parsed.port === 0) {
      const form = "host, host:port or [IPv6 address]:port, the port 1..65535";
      return fail(`must have ${form}, as its part ${place}`);
    }
    const { host, port = portDefault } = parsed;
    if (!endpoints.some((known) => known.host === host && known.port === port)) {
      endpoints.push({ host, port });
    }
  }
  if (endpoints.length === 0) return fail("must have at least one host:port");
  return { ok: true, value: endpoints };
}

function readBoolean(option: UsedOption, text: string): Part<boolean> {
  const word = text.toLowerCase();
  if (TRUE_WORDS.includes(word)) return { ok: true, value: true };
  if (FALSE_WORDS.includes(word)) return { ok: true, value: false };
  return fail(`must have true or false as its option "${option}"`);
}

function readInteger(option: UsedOption, text: string, min: number): Part<number> {
  const value = Number(text);
  if (/^[0-9]+$/.test(text) && value >= min && value <= INT32_MAX) return { ok: true, value };
  return fail(`must have ${min}..${INT32_MAX} as its option "${option}"`);
}

function unknownOption(key: string, place: number): ConnectionStringParsed {
  // What does not look like a name may be a URL or a password that went astray.
  const shown = /^[A-Za-z]{1,40}$/.test(key) ? `option "${key}"` : `option, its part ${place}`;
  return fail(`has an unknown ${shown}${suggestOption(key)}`);
}

function strayAfterPassword(key: string, place: number): ConnectionStringParsed {
  const what = key === "" ? "a part that is no option" : "an unknown option";
  const remedy =
    suggestOption(key) ||
    "; hosts stand before it, and a password with a comma needs Redis.Password or a redis:// URL";
  return fail(`has ${what} after its password, its part ${place}${remedy}`);
}

function suggestOption(key: string): string {
  const near = nearestName(key, [...USED_OPTIONS, ...IGNORED_OPTIONS]);
  return near === undefined ? "" : `; did you mean "${near}"?`;
}

function fail(fault: string): { ok: false; fault: string } {
  return { ok: false, fault };
}
