import { describe, expect, test } from "bun:test";
import { digestOf, type WebFiles } from "../../../src/config/web-files.ts";
import { Access } from "../../../src/http/access.ts";

const hashOf = (password: string, cost = 4) =>
  Bun.password.hash(password, { algorithm: "bcrypt", cost });

const USERS = new Map([
  ["alice", await hashOf("right")],
  ["bob", (await hashOf("Bob's: pässword")).replace("$2b$", "$2y$")],
  ["carol", (await hashOf("right")).replace("$2b$", "$2a$")],
  ["long", await hashOf("x".repeat(72))],
]);
const TOKENS = ["first-token-of-two", "second.token~of/two+=="];

const NOTHING: WebFiles = {
  tls: undefined,
  headers: [],
  users: new Map(),
  rateLimit: undefined,
  tokenDigests: [],
};
const BOTH: WebFiles = { ...NOTHING, users: USERS, tokenDigests: TOKENS.map(digestOf) };

/** An access whose clock stands, and the reasons that it has given. */
function make(
  files: WebFiles,
  { publicPaths = [] as string[], failedLoginsMax = 0 } = {},
): { access: Access; reasons: string[]; files: WebFiles; pass: (ms: number) => void } {
  let nowMs = 1_000_000;
  const reasons: string[] = [];
  const made = { files };
  const access = new Access({
    files: () => made.files,
    publicPaths,
    failedLoginsMax,
    listener: { accessRefused: (reason) => reasons.push(reason) },
    nowMs: () => nowMs,
  });
  return Object.assign(made, {
    access,
    reasons,
    pass: (ms: number) => {
      nowMs += ms;
    },
  });
}

function requestWith(authorization?: string): Request {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  return new Request("http://localhost/metrics", { headers });
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

async function statusOf(
  access: Access,
  authorization?: string,
  { path = "/metrics", address = "10.0.0.1" } = {},
): Promise<number> {
  return (await access.check(requestWith(authorization), path, address))?.status ?? 200;
}

describe("with users and tokens", () => {
  for (const [what, authorization, status] of [
    ["no login", undefined, 401],
    ["a user", basic("alice", "right"), 200],
    ["a user whose password has a colon and other letters", basic("bob", "Bob's: pässword"), 200],
    ["a user with the oldest kind of hash", basic("carol", "right"), 200],
    ["a password of which bcrypt takes a part", basic("long", "x".repeat(100)), 200],
    ["a password that is too short for that", basic("long", "x".repeat(71)), 401],
    ["a scheme in other letters", basic("alice", "right").replace("Basic", "bASIC"), 200],
    ["a wrong password", basic("alice", "wrong"), 401],
    ["an empty password", basic("alice", ""), 401],
    ["a user in other letters", basic("Alice", "right"), 401],
    ["nobody's name", basic("", "right"), 401],
    ["an unknown user", basic("mallory", "right"), 401],
    ["a user named as what all objects have", basic("constructor", "right"), 401],
    ["the hash instead of the password", basic("alice", USERS.get("alice")!), 401],
    ["no colon", `Basic ${Buffer.from("alice").toString("base64")}`, 401],
    ["no base64", "Basic %%%", 401],
    ["a token", `Bearer ${TOKENS[0]}`, 200],
    ["another token", `bearer  ${TOKENS[1]}`, 200],
    ["a part of a token", `Bearer ${TOKENS[0]!.slice(0, -1)}`, 401],
    ["no token", "Bearer ", 401],
    ["two tokens", `Bearer ${TOKENS.join(" ")}`, 401],
    ["another scheme", `Digest ${TOKENS[0]}`, 401],
    ["a token without a scheme", TOKENS[0]!, 401],
  ] as const) {
    test(`${what} is answered with ${status}`, async () => {
      const { access, reasons } = make(BOTH);
      expect(await statusOf(access, authorization)).toBe(status);
      expect(reasons).toEqual(status === 401 ? ["unauthorized"] : []);
    });
  }

  test("a refusal says how to log in, and nothing else", async () => {
    const { access } = make(BOTH);
    const refusal = await access.check(requestWith(), "/metrics", "10.0.0.1");
    expect(await refusal!.text()).toBe("unauthorized: log in\n");
    expect(refusal!.headers.get("www-authenticate")).toBe(
      'Basic realm="prom-stream-gateway", Bearer realm="prom-stream-gateway"',
    );
  });
});

describe("who may look without a login", () => {
  test("is everybody where there are neither users nor tokens", async () => {
    expect(await statusOf(make(NOTHING).access)).toBe(200);
  });

  for (const files of [
    { ...NOTHING, users: USERS },
    { ...NOTHING, tokenDigests: [digestOf("a")] },
  ]) {
    test(`is nobody with ${files.users.size} users and ${files.tokenDigests.length} tokens`, async () => {
      const { access } = make(files);
      expect(await statusOf(access)).toBe(401);
      expect(await statusOf(access, files.users.size > 0 ? "Bearer a" : basic("a", "a"))).toBe(401);
    });
  }

  for (const [path, isPublic] of [
    ["/metrics", true],
    ["/metrics/", false],
    ["/Metrics", false],
    ["/metric", false],
    ["//metrics", false],
    ["/metrics%2f", false],
    ["/-/healthy", true],
    ["/-/ready", true],
    ["/-", false],
    ["/", false],
    ["/api/v1/status", false],
    ["/nowhere", false],
  ] as const) {
    test(`is ${isPublic ? "everybody" : "nobody"} at ${path} where /metrics and /-/* are public`, async () => {
      const { access } = make(BOTH, { publicPaths: ["/metrics", "/-/*"] });
      expect(await statusOf(access, undefined, { path })).toBe(isPublic ? 200 : 401);
    });
  }
});

describe("after too many failed logins", () => {
  const wrong = basic("alice", "wrong");

  for (const [what, guess, right] of [
    ["a user", wrong, basic("alice", "right")],
    ["a token", "Bearer wrong", `Bearer ${TOKENS[0]}`],
    ["what is no login", "Basic %%%", basic("alice", "right")],
  ] as const) {
    test(`a client has to wait, even with what is right: ${what}`, async () => {
      const { access, reasons, pass } = make(BOTH, { failedLoginsMax: 2 });
      expect([await statusOf(access, guess), await statusOf(access, guess)]).toEqual([401, 401]);
      const refusal = await access.check(requestWith(right), "/metrics", "10.0.0.1");
      expect([refusal?.status, refusal?.headers.get("retry-after")]).toEqual([429, "60"]);
      expect(reasons).toEqual(["unauthorized", "unauthorized", "too_many_failures"]);
      expect(await statusOf(access, right, { address: "10.0.0.2" })).toBe(200);
      pass(60_000);
      expect(await statusOf(access, right)).toBe(200);
    });
  }

  test("guesses at the same time are no more than one after the other", async () => {
    const { access } = make(BOTH, { failedLoginsMax: 3 });
    const guesses = Array.from({ length: 9 }, (_, i) => statusOf(access, basic("alice", `${i}`)));
    const statuses = await Promise.all(guesses);
    expect(statuses.filter((status) => status === 401).length).toBe(3);
    expect(statuses.filter((status) => status === 429).length).toBe(6);
  });

  for (const [what, guess, right, other] of [
    ["a user", wrong, basic("alice", "right"), basic("carol", "right")],
    ["a token", "Bearer wrong", `Bearer ${TOKENS[0]}`, `Bearer ${TOKENS[1]}`],
  ] as const) {
    test(`who shares an address with a guesser and was let in before still is: ${what}`, async () => {
      const { access } = make(BOTH, { failedLoginsMax: 2 });
      expect(await statusOf(access, right)).toBe(200);
      for (let i = 0; i < 3; i++) await statusOf(access, guess);
      expect(await statusOf(access, right)).toBe(200);
      expect(await statusOf(access, other)).toBe(429);
    });
  }

  test("a token that counts no more lets nobody in, who was let in before neither", async () => {
    const made = make(BOTH);
    expect(await statusOf(made.access, `Bearer ${TOKENS[0]}`)).toBe(200);
    made.files = { ...BOTH, tokenDigests: [digestOf(TOKENS[1]!)] };
    expect(await statusOf(made.access, `Bearer ${TOKENS[0]}`)).toBe(401);
  });

  test("a guesser learns nothing from who was let in elsewhere", async () => {
    const { access } = make(BOTH, { failedLoginsMax: 2 });
    const right = basic("alice", "right");
    expect(await statusOf(access, right)).toBe(200);
    const address = "10.0.0.2";
    for (let i = 0; i < 2; i++) await statusOf(access, wrong, { address });
    expect(await statusOf(access, right, { address })).toBe(429);
  });

  test("requests without a login are not counted", async () => {
    const { access } = make(BOTH, { failedLoginsMax: 2 });
    for (let i = 0; i < 5; i++) expect(await statusOf(access)).toBe(401);
    expect(await statusOf(access, basic("alice", "right"))).toBe(200);
  });
});

describe("a login that was right", () => {
  test("is looked at once, and again when the hash is another", async () => {
    const made = make({ ...NOTHING, users: new Map([["alice", await hashOf("right", 12)]]) });
    const right = basic("alice", "right");
    const time = async () => {
      const startedAt = performance.now();
      expect(await statusOf(made.access, right)).toBe(200);
      return performance.now() - startedAt;
    };
    const first = await time();
    expect(await time()).toBeLessThan(first / 10);
    made.files = { ...NOTHING, users: new Map([["alice", await hashOf("other")]]) };
    expect(await statusOf(made.access, right)).toBe(401);
    made.files = NOTHING;
    expect(await statusOf(made.access, undefined)).toBe(200);
    made.files = { ...NOTHING, tokenDigests: [digestOf("a")] };
    expect(await statusOf(made.access, right)).toBe(401);
  });

  test("is not right for who is not known, however long that takes", async () => {
    const { access } = make({ ...NOTHING, users: new Map([["alice", await hashOf("right", 11)]]) });
    const time = async (login: string) => {
      const startedAt = performance.now();
      expect(await statusOf(access, login)).toBe(401);
      return performance.now() - startedAt;
    };
    await time(basic("alice", "first"));
    const known = await time(basic("alice", "wrong"));
    const unknown = await time(basic("mallory", "right"));
    expect(unknown).toBeGreaterThan(known / 4);
  });

  test("waits for others, and is told to come again when they are too many", async () => {
    const { access, reasons } = make(BOTH);
    const logins = Array.from({ length: 40 }, (_, i) => {
      return statusOf(access, basic("alice", `${i}`), { address: `10.0.1.${i}` });
    });
    const statuses = await Promise.all(logins);
    expect(new Set(statuses)).toEqual(new Set([401, 503]));
    expect(reasons).toContain("logins_waiting");
    expect(await statusOf(access, basic("alice", "right"))).toBe(200);
  });
});

test("a rate limit lets through so many at once, and then one an interval", async () => {
  const { access, reasons, pass } = make({
    ...NOTHING,
    rateLimit: { intervalMs: 2000, burst: 2 },
  });
  expect([await statusOf(access), await statusOf(access)]).toEqual([200, 200]);
  const refusal = await access.check(requestWith(), "/metrics", "10.0.0.1");
  expect([refusal?.status, refusal?.headers.get("retry-after")]).toEqual([429, "2"]);
  pass(2000);
  expect([await statusOf(access), await statusOf(access)]).toEqual([200, 429]);
  pass(1_000_000);
  expect([await statusOf(access), await statusOf(access), await statusOf(access)]).toEqual([
    200, 200, 429,
  ]);
  expect(reasons).toEqual(["rate_limit", "rate_limit", "rate_limit"]);
});
