import { describe, expect, test } from "bun:test";
import {
  IGNORED_OPTIONS,
  maskConnectionString,
  parseConnectionString,
} from "../../../src/config/connection-string.ts";

const one = (host: string, port: number) => [{ host, port }];

/** `localhost`, as each notation reads it where nothing else is said. */
const PLAIN = {
  endpoints: one("localhost", 6379),
  sentinelName: undefined,
  username: undefined,
  password: undefined,
  database: undefined,
  tls: false,
  tlsServerName: undefined,
  connectTimeoutMs: 5000,
  clientName: undefined,
};

const STRAY = "after its password, its part 3";
const COMMA_REMEDY =
  "; hosts stand before it, and a password with a comma needs Redis.Password or a redis:// URL";
const HOST_FORM =
  "must have host, host:port or [IPv6 address]:port, the port 1..65535, as its part";
const URL_HOST = "must have host, host:port or [IPv6 address]:port in its URL, the port 1..65535";
const URL_DATABASE = "must have a database of 0..2147483647 as the path of its URL";
const URL_ENCODED = "must have reserved characters in its URL's user and password percent-encoded";
const URL_QUERY = "must not have query parameters or a fragment in its URL";
const URL_LOGIN = "must have user:password@ or :password@ before the host of its URL";
const URL_SCHEME =
  "must be host:port with options, or a redis:// or rediss:// URL (for Sentinel: host:port,serviceName=...)";

const TAKEN: [text: string, differs: object][] = [
  ["localhost", {}],
  [" localhost , ", {}],
  ["localhost:7000", { endpoints: one("localhost", 7000) }],
  ["127.0.0.1:7000", { endpoints: one("127.0.0.1", 7000) }],
  ["[::1]:7000", { endpoints: one("::1", 7000) }],
  ["[::1]", { endpoints: one("::1", 6379) }],
  ["a:1,b:2", { endpoints: [...one("a", 1), ...one("b", 2)] }],
  ["a:1,a:1,a:2", { endpoints: [...one("a", 1), ...one("a", 2)] }],
  ["a,ssl=true", { endpoints: one("a", 6380), tls: true }],
  ["a:6379,ssl=1", { endpoints: one("a", 6379), tls: true }],
  ["localhost,ssl=True,ssl=no", {}],
  ["a,SSL = True , sslHost = b", { endpoints: one("a", 6380), tls: true, tlsServerName: "b" }],
  ["localhost,user=u,password=p=q=", { username: "u", password: "p=q=" }],
  ["localhost,user=,password=,name=,serviceName=,sslHost=", {}],
  ["localhost,PASSWORD=p", { password: "p" }],
  ["localhost,password=p,PassWord=q", { password: "q" }],
  [
    "localhost,defaultDatabase=4,connectTimeout=77,name=n",
    { database: 4, connectTimeoutMs: 77, clientName: "n" },
  ],
  ["localhost,defaultDatabase=0", { database: 0 }],
  [
    "s1,s2:5,serviceName=m",
    { sentinelName: "m", endpoints: [...one("s1", 26379), ...one("s2", 5)] },
  ],
  ["localhost,$CONFIG=,$INFO=x", {}],
  ["redis://localhost", {}],
  ["REDIS://localhost/", {}],
  [" redis://localhost:6379 ", {}],
  ["redis://localhost/0", { database: 0 }],
  ["rediss://localhost", { tls: true }],
  [
    "rediss://u:p%40s@h:1/3",
    { endpoints: one("h", 1), tls: true, username: "u", password: "p@s", database: 3 },
  ],
  ["redis://:%25%2F%3A%2C%C3%A9@localhost", { password: "%/:,é" }],
  ["redis://u%40v:@localhost", { username: "u@v" }],
  ["redis://:p@[::1]", { endpoints: one("::1", 6379), password: "p" }],
];

const REFUSED: [text: string, fault: string][] = [
  ["", "must not be empty"],
  [" ", "must not be empty"],
  [",", "must have at least one host:port"],
  ["password=x", "must have at least one host:port"],
  ["a:0", `${HOST_FORM} 1`],
  ["a,b:65536", `${HOST_FORM} 2`],
  [":6379", `${HOST_FORM} 1`],
  ["a:x", `${HOST_FORM} 1`],
  ["::1", `${HOST_FORM} 1`],
  ["[one]", `${HOST_FORM} 1`],
  ["user:canary@a", `${HOST_FORM} 1`],
  ["a,nonsense=1", 'has an unknown option "nonsense"'],
  ["a,defaultDatabas=1", 'has an unknown option "defaultDatabas"; did you mean "defaultDatabase"?'],
  ["a,pasword=canary", 'has an unknown option "pasword"; did you mean "password"?'],
  ["a,can4ry=1", "has an unknown option, its part 2"],
  ["a,redis://u:can=ary@b", "has an unknown option, its part 2"],
  ["a,password=p,canary", `has a part that is no option ${STRAY}${COMMA_REMEDY}`],
  ["password=p,ssl=true,a", `has a part that is no option ${STRAY}${COMMA_REMEDY}`],
  ["a,password=p,canary=1", `has an unknown option ${STRAY}${COMMA_REMEDY}`],
  ["a,password=p,usr=1", `has an unknown option ${STRAY}; did you mean "user"?`],
  ["a,ssl=maybe", 'must have true or false as its option "ssl"'],
  ["a,connectTimeout=0", 'must have 1..2147483647 as its option "connectTimeout"'],
  ["a,connectTimeout=2147483648", 'must have 1..2147483647 as its option "connectTimeout"'],
  ["a,defaultDatabase=-1", 'must have 0..2147483647 as its option "defaultDatabase"'],
  ["a,defaultDatabase=", 'must have 0..2147483647 as its option "defaultDatabase"'],
  ["unix:/run/redis.sock", "must not be a unix socket, which is not supported"],
  ["/run/redis.sock", "must not be a unix socket, which is not supported"],
  ["!/run/redis.sock", "must not be a unix socket, which is not supported"],
  ["unix:///run/redis.sock", "must not be a unix socket, which is not supported"],
  ["http://a", URL_SCHEME],
  ["redis+sentinel://a/m", URL_SCHEME],
  ["redis://", URL_HOST],
  ["redis://a:0", URL_HOST],
  ["redis://a:x", URL_HOST],
  ["redis://a:1,b:2", URL_HOST],
  ["redis://::1", URL_HOST],
  ["redis://a/x", URL_DATABASE],
  ["redis://a/-1", URL_DATABASE],
  ["redis://a/2147483648", URL_DATABASE],
  ["redis://a?x=1", URL_QUERY],
  ["redis://a/1#x", URL_QUERY],
  ["redis://u:p@a?x=1", URL_QUERY],
  ["redis://canary@a", URL_LOGIN],
  ["redis://u:c@nary@a", URL_ENCODED],
  ["redis://u:can/ary@a", URL_ENCODED],
  ["redis://u:can%zzary@a", 'must have "%" in the user and password of its URL written as %25'],
];

describe("a connection string", () => {
  for (const [text, differs] of TAKEN) {
    test(`is taken as ${JSON.stringify(text)}`, () => {
      const connection = { ...PLAIN, ...differs };
      expect(parseConnectionString(text)).toEqual({ ok: true, connection });
    });
  }

  for (const [text, fault] of REFUSED) {
    test(`is refused as ${JSON.stringify(text)}`, () => {
      expect(parseConnectionString(text)).toEqual({ ok: false, fault });
      expect(maskConnectionString(text)).toBe("***");
    });
  }

  for (const option of IGNORED_OPTIONS) {
    test(`is taken with ${option}, which has no effect`, () => {
      for (const name of [option, option.toUpperCase()]) {
        expect(parseConnectionString(`localhost,${name}=any`)).toEqual({
          ok: true,
          connection: PLAIN,
        });
      }
    });
  }

  const masked: [text: string, shown: string][] = [
    ["a:1,user=u,password=secret,ssl=true", "a:1,user=u,password=***,ssl=true"],
    ["a, PassWord = s=e,password=t", "a,PassWord=***,password=***"],
    ["a,tunnel=http://u:secret@p,$AUTH=secret", "a,tunnel=***,$AUTH=***"],
    ["a", "a"],
    ["redis://u:secret@h:1/2", "redis://u:***@h:1/2"],
    [" rediss://:secret@h ", "rediss://:***@h"],
    ["redis://u:a:b@h", "redis://u:***@h"],
    ["redis://h:1/2", "redis://h:1/2"],
    ["nonsense=secret", "***"],
  ];
  for (const [text, shown] of masked) {
    test(`is shown without its credentials: ${JSON.stringify(text)}`, () => {
      expect(maskConnectionString(text)).toBe(shown);
    });
  }
});
