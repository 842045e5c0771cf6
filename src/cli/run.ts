import { VERSION } from "../build-info.ts";
import type { SettingsLoaded } from "../config/load.ts";
import { startGateway } from "../gateway.ts";
import { tellServiceManager } from "./service-manager.ts";

/** How long a stop may take in all. */
const STOP_MS = 4900;
/** What comes so soon is the first one again: npm passes on what a terminal has sent to all. */
const SAME_SIGNAL_MS = 1000;

/** Runs until a signal comes. Returns the exit code, or never when a later signal comes. */
export async function run(
  { settings, effective }: Extract<SettingsLoaded, { ok: true }>,
  workerUrl: URL,
): Promise<number> {
  // Listened for before anybody can know that we are there.
  const signalled = new Promise<string>(onSignal);
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
  const startedAt = performance.now();
  // Once more, and nobody waits.
  onSignal(() => {
    if (performance.now() - startedAt >= SAME_SIGNAL_MS) process.exit(1);
  });
  tellServiceManager("STOPPING=1");
  gateway.events.gatewayStopping(signal);
  await Promise.race([gateway.stop(), Bun.sleep(STOP_MS)]);
  gateway.events.gatewayStopped(Math.round(performance.now() - startedAt) / 1000);
  return 0;
}

function onSignal(act: (signal: string) => void): void {
  process.on("SIGTERM", act).on("SIGINT", act);
}
