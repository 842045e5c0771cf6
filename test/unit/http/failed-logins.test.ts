import { describe, expect, test } from "bun:test";
import { clientOf, FailedLogins } from "../../../src/http/failed-logins.ts";

/** With a clock that a test sets. */
function make(max: number): { failed: FailedLogins; pass: (ms: number) => void } {
  let nowMs = 1_000_000;
  const failed = new FailedLogins(max, () => nowMs);
  return {
    failed,
    pass: (ms) => {
      nowMs += ms;
    },
  };
}

describe("a client that fails to log in", () => {
  test("has to wait after so many failures, until a minute from the first is over", () => {
    const { failed, pass } = make(3);
    failed.begin("a")("wrong");
    pass(10_500);
    failed.begin("a")("wrong");
    expect(failed.waitSeconds("a")).toBe(0);
    failed.begin("a")("wrong");
    expect(failed.waitSeconds("a")).toBe(50);
    pass(49_499);
    expect(failed.waitSeconds("a")).toBe(1);
    pass(1);
    expect(failed.waitSeconds("a")).toBe(0);
    failed.begin("a")("wrong");
    expect(failed.waitSeconds("a")).toBe(0);
  });

  test("is held to it by guesses side by side, too", () => {
    const { failed } = make(3);
    const ends = [1, 2, 3].map(() => failed.begin("a"));
    expect(failed.waitSeconds("a")).toBe(60);
    ends[0]!("unknown");
    expect(failed.waitSeconds("a")).toBe(0);
    ends[1]!("wrong");
    ends[2]!("wrong");
    failed.begin("a")("wrong");
    expect(failed.waitSeconds("a")).toBe(60);
  });

  test("begins anew when it succeeds", () => {
    const { failed } = make(2);
    failed.begin("a")("wrong");
    failed.begin("a")("right");
    failed.begin("a")("wrong");
    expect(failed.waitSeconds("a")).toBe(0);
  });

  test("is not held up by a guess that outlasts the minute", () => {
    const { failed, pass } = make(2);
    const end = failed.begin("a");
    failed.begin("a")("wrong");
    pass(60_000);
    expect(failed.waitSeconds("a")).toBe(0);
    end("wrong");
    failed.begin("a")("wrong");
    expect(failed.waitSeconds("a")).toBe(60);
  });

  test("holds up no other", () => {
    const { failed } = make(1);
    failed.begin("a")("wrong");
    expect([failed.waitSeconds("a"), failed.waitSeconds("b")]).toEqual([60, 0]);
  });

  test("never waits without a limit", () => {
    const { failed } = make(0);
    for (let i = 0; i < 1000; i++) failed.begin("a")("wrong");
    expect(failed.waitSeconds("a")).toBe(0);
  });

  test("is forgotten when ten thousand others have failed since", () => {
    const { failed } = make(1);
    for (let i = 0; i <= 10_000; i++) failed.begin(`client ${i}`)("wrong");
    expect(failed.waitSeconds("client 0")).toBe(0);
    expect(failed.waitSeconds("client 1")).toBe(60);
  });
});

describe("failures are laid to", () => {
  for (const [address, client] of [
    ["10.0.0.1", "10.0.0.1"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:DB8:0001:0002::6", "2001:db8:1:2::/64"],
    ["2001:db8::6", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["2001:db8:1:2::", "2001:db8:1:2::/64"],
  ] as const) {
    test(`${client} for ${address}`, () => {
      expect(clientOf(address)).toBe(client);
    });
  }
});
