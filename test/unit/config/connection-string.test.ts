import { describe, expect, test } from "bun:test";
import {
  maskConnectionString,
  parseConnectionString,
} from "../../../src/config/connection-string.ts";

const one = (host: string, port: number) => [{ host, port }];

describe("a connection string", () => {
  const taken: [text: string, connection: object][] = [
    ["localhost", { endpoints: one("localhost", 6379), tls: false, sentinelName: undefined }],
    ["localhost:7000", { endpoints: one("localhost", 7000) }],
    ["[::1]:7000", { endpoints: one("::1", 7000) }],
    ["a:1,b:2", { endpoints: [...one("a", 1), ...one("b", 2)] }],
    ["a,ssl=true", { endpoints: one("a", 6380), tls: true }],
    ["a,SSL=True,sslHost=b", { tls: true, tlsServerName: "b" }],
    ["a,user=u,password=p=q=", { username: "u", password: "p=q=" }],
    [
      "a,defaultDatabase=4,connectTimeout=77,name=n",
      { database: 4, connectTimeoutMs: 77, clientName: "n" },
    ],
    ["a,abortConnect=false,syncTimeout=1,allowAdmin=true,$CONFIG=", { endpoints: one("a", 6379) }],
    [
      "s1,s2:5,serviceName=m",
      { sentinelName: "m", endpoints: [...one("s1", 26379), ...one("s2", 5)] },
    ],
    ["redis://localhost", { endpoints: one("localhost", 6379), tls: false }],
    [
      "rediss://u:p%40s@h:1/3",
      { endpoints: one("h", 1), tls: true, username: "u", password: "p@s", database: 3 },
    ],
    ["redis://:p@[::1]", { endpoints: one("::1", 6379), username: undefined, password: "p" }],
  ];
  for (const [text, connection] of taken) {
    test(`is taken as ${text}`, () => {
      expect(parseConnectionString(text)).toMatchObject({ ok: true, connection });
    });
  }

  const refused: [text: string, fault: string][] = [
    ["", "must not be empty"],
    ["password=x", "at least one host"],
    ["a:0", "host:port"],
    ["a:x", "host:port"],
    ["a,nonsense=1", 'unknown option "nonsense"'],
    ["a,defaultDatabas=1", 'did you mean "defaultDatabase"?'],
    ["a,ssl=maybe", "true or false"],
    ["a,connectTimeout=0", "connectTimeout"],
    ["unix:/tmp/redis.sock", "unix socket"],
    ["http://a", ""],
    ["redis://a?x=1", ""],
    ["redis://a/x", ""],
  ];
  for (const [text, fault] of refused) {
    test(`is refused as ${JSON.stringify(text)}`, () => {
      expect(parseConnectionString(text)).toEqual({
        ok: false,
        fault: expect.stringContaining(fault),
      });
    });
  }

  test("is shown without its credentials", () => {
    expect(maskConnectionString("a:1,user=u,password=secret,ssl=true")).toBe(
      "a:1,user=u,password=***,ssl=true",
    );
    expect(maskConnectionString("redis://u:secret@h:1/2")).toBe("redis://u:***@h:1/2");
    expect(maskConnectionString("nonsense=secret")).toBe("***");
  });
});
