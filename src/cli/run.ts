import { VERSION } from "../build-info.ts";
import type { SettingsLoaded } from "../config/load.ts";
import { startGateway } from "../gateway.ts";
import { tellServiceManager } from "./service-manager.ts";

/** How long a stop may take in all. */
const STOP_MS = 4900;

/** Runs until a signal comes. Returns the exit code, or never when a second signal comes. */
export async function run(
  { settings, effective }: Extract<SettingsLoaded, { ok: true }>,
  workerUrl: URL,
): Promise<number> {
  // Listened for before anybody can know that we are there.
  const signalled = nextSignal();
  let gateway: ReturnType<typeof startGateway>;
  try {
    gateway = startGateway(settings, workerUrl, effective);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    return 1;
  }
  const embedded = settings.embedded.listen;
  const site = `${gateway.url.protocol}//localhost:${gateway.url.port}`;
  gateway.events.gatewayStarted({
    version: VERSION,
    listen: `${settings.web.listen.hostname ?? ""}:${gateway.url.port}`,
    push: embedded && `${embedded.hostname ?? ""}:${gateway.embeddedPort}`,
    metrics: `${site}/metrics`,
    status: `${site}/status`,
    workers: settings.redis.workers,
    queueKey: settings.redis.queueKey,
  });
  tellServiceManager("READY=1");
  const signal = await signalled;
  tellServiceManager("STOPPING=1");
  // Once more, and nobody waits.
  void nextSignal().then(() => process.exit(1));
  gateway.events.gatewayStopping(signal);
  const startedAt = performance.now();
  await Promise.race([gateway.stop(), Bun.sleep(STOP_MS)]);
  gateway.events.gatewayStopped(Math.round(performance.now() - startedAt) / 1000);
  return 0;
}

function nextSignal(): Promise<string> {
  return new Promise((resolve) => {
    process.once("SIGTERM", () => resolve("SIGTERM"));
    process.once("SIGINT", () => resolve("SIGINT"));
  });
}
