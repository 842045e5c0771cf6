import { describe, expect, test } from "bun:test";
import { firstNameIn, namesOf } from "../../../src/http/certificate-names.ts";

describe("the names in a certificate", () => {
  for (const [text, names] of [
    [undefined, []],
    ["", []],
    [
      "DNS:a.example, IP Address:10.0.0.1, email:a@b.example, URI:spiffe://a/b",
      ["a.example", "10.0.0.1", "a@b.example", "spiffe://a/b"],
    ],
    ["DirName:/CN=a.example, Registered ID:1.2.3, othername:<unsupported>", []],
    // A comma would begin another name, were it not escaped.
    ['URI:"http://x/\\u002c DNS:evil", DNS:good', ["http://x/, DNS:evil", "good"]],
    ['URI:"broken', []],
  ] as const) {
    test(`of ${text} are ${JSON.stringify(names)}`, () => {
      expect(namesOf(text)).toEqual([...names]);
    });
  }
});

describe("a name is allowed", () => {
  for (const [name, allowed, isAllowed] of [
    ["a.example", "a.example", true],
    ["A.example", "a.example", false],
    ["b.a.example", "a.example", false],
    ["*.example", "a.example", false],
    ["*.example", "*.example", true],
    ["a.example ", "a.example", false],
    ["0:0:0:0:0:0:0:1", "::1", true],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1", true],
    ["10.0.0.1", "10.0.0.01", false],
    ["fe80::1%eth0", "fe80::1", false],
    ["fe80::1%eth0", "fe80::1%eth0", true],
  ] as const) {
    test(`${isAllowed ? "as" : "or rather not:"} ${name} where ${allowed} is`, () => {
      expect(firstNameIn([name], new Set([allowed]))).toBe(isAllowed ? name : undefined);
    });
  }
});
