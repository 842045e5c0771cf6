import type { ListenAddress } from "../config/listen-address.ts";

const TIMEOUT_MS = 3000;

/**
 * Asks the gateway on this host whether it is ready, or stands by, which is as good as it can be
 * for all but one of several. Returns the exit code.
 */
export async function healthcheck(listen: ListenAddress): Promise<number> {
  const host = listen.hostname ?? "localhost";
  const origin = `http://${host.includes(":") ? `[${host}]` : host}:${listen.port}`;
  const url = `${origin}/-/ready?standbyok=true`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    process.stdout.write(await response.text());
    return response.ok ? 0 : 1;
  } catch (error) {
    process.stderr.write(`healthcheck: no answer from ${url}: ${(error as Error).message}\n`);
    return 1;
  }
}
