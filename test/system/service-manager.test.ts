import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbedded } from "../support/gateway-process.ts";
import { until } from "../support/until.ts";

/** What systemd would hear; Bun cannot listen to such a socket. */
const LISTEN = `
import socket, sys
heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
heard.bind(sys.argv[1].replace("@", chr(0), 1))
print("listening", flush=True)
while True: print(heard.recv(100).decode(), flush=True)
`;

for (const [what, place] of [
  ["a socket in a folder", (folder: string) => join(folder, "notify")],
  ["an abstract socket", (folder: string) => `@${folder}`],
] as const) {
  test(`systemd is told on ${what} when the gateway serves and when it stops`, async () => {
    const folder = mkdtempSync(join(tmpdir(), "gateway-notify-"));
    const socket = place(folder);
    const systemd = Bun.spawn(["/usr/bin/python3", "-c", LISTEN, socket], { stdout: "pipe" });
    let heard = "";
    void (async () => {
      for await (const bytes of systemd.stdout) heard += new TextDecoder().decode(bytes);
    })();
    try {
      await until("somebody listens", () => heard === "listening\n");
      const gateway = await startEmbedded([], { NOTIFY_SOCKET: socket });
      await until("it was told", () => heard === "listening\nREADY=1\n");
      gateway.signal("SIGTERM");
      expect(await gateway.exited).toBe(0);
      await gateway.stop();
      await until("it was told again", () => heard === "listening\nREADY=1\nSTOPPING=1\n");
    } finally {
      systemd.kill("SIGKILL");
      await systemd.exited;
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

test("a gateway serves though nobody hears what systemd is told", async () => {
  const gateway = await startEmbedded([], { NOTIFY_SOCKET: "/nowhere/notify" });
  expect((await fetch(gateway.url)).status).toBe(200);
  await gateway.stop();
});
