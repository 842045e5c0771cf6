import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "./redis-server.ts";

/**
 * Starts a sentinel that speaks TLS alone and names the Redis at `redisPort` as `main`. `settings`: name and
 * value of what Redis' TLS needs. Its configuration, which it rewrites, stands in `folder`.
 */
export async function startTlsSentinel(
  folder: string,
  redisPort: number,
  settings: readonly (readonly string[])[],
): Promise<{ port: number; stop(): Promise<void> }> {
  const port = await freePort();
  const config = join(folder, `sentinel-${port}.conf`);
  writeFileSync(
    config,
    [
      `port 0\nbind 127.0.0.1\ntls-port ${port}\ntls-replication yes`,
      ...settings.map((words) => words.join(" ")),
      `sentinel monitor main 127.0.0.1 ${redisPort} 1\n`,
    ].join("\n"),
  );
  const sentinel = Bun.spawn(["redis-server", config, "--sentinel"], { stdout: "ignore" });
  return {
    port,
    stop: async () => {
      sentinel.kill("SIGKILL");
      await sentinel.exited;
    },
  };
}
