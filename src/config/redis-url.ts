import type { ConnectionStringParsed } from "./connection-string.ts";
import { parseHostPort } from "./host-port.ts";

const PORT_DEFAULT = 6379; // of rediss:// too, as redis-cli and ioredis have it
const DATABASE_MAX = 2 ** 31 - 1;
const CONNECT_TIMEOUT_MS = 5000;

/**
 * Parses `redis://user:password@host:port/database`, or `rediss://` for TLS.
 *
 * User and password are percent-decoded; a reserved character in them (`@ : / ? # %`) has to be
 * percent-encoded, since guessing where a password ends could make a part of it a host name.
 * Failure is a value: its `fault` goes on from the setting's name and quotes nothing of `text`.
 */
export function parseRedisUrl(text: string): ConnectionStringParsed {
  const schemeEnd = text.indexOf("://");
  const scheme = text.slice(0, schemeEnd).toLowerCase();
  if (scheme !== "redis" && scheme !== "rediss") return wrongScheme(scheme);

  const rest = text.slice(schemeEnd + 3);
  const match = /^(?:([^@/?#]*)@)?([^@/?#]*)(?:\/([^@?#]*))?$/.exec(rest);
  if (match === null) return unreadable(rest);
  const [, userInfo, authority = "", path = ""] = match;

  const credentials = userInfo === undefined ? NO_CREDENTIALS : readCredentials(userInfo);
  if (typeof credentials === "string") return fail(credentials);
  const endpoint = parseHostPort(authority);
  if (endpoint?.host === undefined || endpoint.port === 0) {
    return fail("must have host, host:port or [IPv6 address]:port in its URL, the port 1..65535");
  }
  const database = path === "" ? undefined : Number(path);
  if (database !== undefined && !(/^[0-9]+$/.test(path) && database <= DATABASE_MAX)) {
    return fail(`must have a database of 0..${DATABASE_MAX} as the path of its URL`);
  }
  return {
    ok: true,
    connection: {
      endpoints: [{ host: endpoint.host, port: endpoint.port ?? PORT_DEFAULT }],
      sentinelName: undefined,
      ...credentials,
      database,
      tls: scheme === "rediss",
      tlsServerName: undefined,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      clientName: undefined,
    },
  };
}

/** Puts `***` in the place of the password. `text` must be a URL that `parseRedisUrl` takes. */
export function maskRedisUrl(text: string): string {
  return text.replace(/^([a-z]+:\/\/[^:@/]*):[^@]*@/i, "$1:***@");
}

interface Credentials {
  username: string | undefined;
  password: string | undefined;
}

const NO_CREDENTIALS: Credentials = { username: undefined, password: undefined };

/** Gives the fault where `userInfo` is not `user:password` or `:password`. */
function readCredentials(userInfo: string): Credentials | string {
  const colon = userInfo.indexOf(":");
  if (colon < 0) {
    // Some programs read what stands there as the user, others as the password.
    return "must have user:password@ or :password@ before the host of its URL";
  }
  try {
    return {
      username: decodeURIComponent(userInfo.slice(0, colon)) || undefined,
      password: decodeURIComponent(userInfo.slice(colon + 1)) || undefined,
    };
  } catch {
    return 'must have "%" in the user and password of its URL written as %25';
  }
}

function unreadable(rest: string): ConnectionStringParsed {
  if (rest.includes("@") && !/^[^@/?#]*@[^@]*$/.test(rest)) {
    return fail("must have reserved characters in its URL's user and password percent-encoded");
  }
  return fail("must not have query parameters or a fragment in its URL");
}

function wrongScheme(scheme: string): ConnectionStringParsed {
  if (scheme === "unix") return fail("must not be a unix socket, which is not supported");
  return fail(
    "must be host:port with options, or a redis:// or rediss:// URL (for Sentinel: host:port,serviceName=...)",
  );
}

function fail(fault: string): ConnectionStringParsed {
  return { ok: false, fault };
}
