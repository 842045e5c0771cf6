import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import {
  identifyProcess,
  isProcessGone,
  type ProcessIdentity,
  parseIdentity,
} from "../../../src/queue/process-identity.ts";
import { until } from "../../support/until.ts";

describe("whether a process is gone", () => {
  test("this one is not", () => {
    expect(isProcessGone(identifyProcess("me"))).toBe(false);
  });

  test("one that has ended is, and one whose pid another one has now", async () => {
    const child = Bun.spawn(["sleep", "60"]);
    const identity = identityOf(child.pid);
    expect(isProcessGone(identity)).toBe(false);
    expect(isProcessGone({ ...identity, startedAt: "1" })).toBe(true);
    child.kill("SIGKILL");
    await child.exited;
    await until("the kernel has forgotten it", () => isProcessGone(identity));
  });

  test("one that is frozen is not", async () => {
    const child = Bun.spawn(["sleep", "60"]);
    const identity = identityOf(child.pid);
    child.kill("SIGSTOP");
    expect(isProcessGone(identity)).toBe(false);
    child.kill("SIGKILL");
    await child.exited;
  });

  test("one that is dead is, though nobody has taken note of its end", async () => {
    // The shell becomes a program that never asks for its child.
    const parent = Bun.spawn(["sh", "-c", "sleep 0.01 & echo $!; exec sleep 60"], {
      stdout: "pipe",
    });
    const { value } = await parent.stdout.getReader().read();
    const identity = identityOf(Number(new TextDecoder().decode(value)));
    await until("it is a zombie", () => isProcessGone(identity));
    parent.kill("SIGKILL");
    await parent.exited;
  });

  test("is not known of another boot, another pid namespace, or a system that does not tell", () => {
    const gone: ProcessIdentity = { ...identifyProcess("x"), pid: 2 ** 30 };
    expect(isProcessGone(gone)).toBe(true);
    for (const other of [{ boot: "b" }, { pidNamespace: "n" }, { boot: "" }, { startedAt: "" }]) {
      expect(isProcessGone({ ...gone, ...other })).toBe(false);
    }
  });
});

test("an identity reads back from its text, and nothing else does", () => {
  const identity = identifyProcess("me");
  expect(parseIdentity(JSON.stringify(identity))).toEqual(identity);
  for (const text of ["", "{", "5", "{}", "null", '{"name":5,"pid":1}']) {
    expect(parseIdentity(text)).toBeUndefined();
  }
});

/** As the process would identify itself. */
function identityOf(pid: number): ProcessIdentity {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { ...identifyProcess("other"), pid, startedAt: fields[19] };
}
