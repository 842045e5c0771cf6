import { expect, test } from "bun:test";
import { join } from "node:path";
import { $ } from "bun";
import { identifyProcess } from "../../src/queue/process-identity.ts";

/** Needs root: /proc is mounted anew for one program, as systemd's ProtectProc does it. */

const MODULE = join(import.meta.dir, "../../src/queue/process-identity.ts");

test("another user's process that /proc hides is not taken for one that is gone", async () => {
  const other = Bun.spawn(["setpriv", "--reuid=65534", "--clear-groups", "cat"], { stdin: "pipe" });
  try {
    const identity = { ...identifyProcess("other"), pid: other.pid, startedAt: "1" };
    expect(await isGoneForWhoCannotSee(identity)).toBe("false");
    other.kill();
    await other.exited;
    expect(await isGoneForWhoCannotSee(identity)).toBe("true");
  } finally {
    other.kill("SIGKILL");
  }
});

/** What a program says for which other users' processes are hidden. */
async function isGoneForWhoCannotSee(identity: object): Promise<string> {
  const program = `
    import { isProcessGone } from ${JSON.stringify(MODULE)};
    console.log(isProcessGone(${JSON.stringify(identity)}));`;
  const mount = "mount -t proc -o hidepid=invisible proc /proc";
  // Neither root's powers nor its group, which sees all.
  const drop = "--bounding-set=-all --inh-caps=-all --regid=65534 --clear-groups";
  const run = `exec setpriv ${drop} "$0" --eval "$1"`;
  const words = ["-c", `${mount} && ${run}`, process.execPath, program];
  return (await $`unshare --mount sh ${words}`.text()).trim();
}
