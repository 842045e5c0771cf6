import type { Settings } from "../config/settings.ts";
import { readWebFiles } from "../config/web-files.ts";

const TIMEOUT_MS = 3000;

/**
 * Asks the gateway on this host whether it is ready, or stands by, which is as good as it can be
 * for all but one of several. It has no login and no certificate to show: where one is asked for, the
 * gateway is alive, and that will do. Returns the exit code.
 */
export async function healthcheck(web: Settings["web"]): Promise<number> {
  const { hostname = "localhost", port } = web.listen;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  // Where the file is wrong now, the gateway goes on with what it was before.
  const read = readWebFiles(web);
  const schemes = !read.ok ? ["https", "http"] : read.files.tls ? ["https"] : ["http"];
  const wantsCertificate = read.ok && read.files.tls?.clientAuth.startsWith("Require");
  let fault = "";
  for (const scheme of schemes) {
    const url = `${scheme}://${host}:${port}/-/ready?standbyok=true`;
    try {
      const response = await fetch(url, {
        signal: AbortSignal.timeout(TIMEOUT_MS),
        // It is this host's own, whatever name is in it, and is told nothing.
        tls: { rejectUnauthorized: false },
      });
      if (NEEDS_LOGIN.includes(response.status)) return sayAlive("a login");
      process.stdout.write(await response.text());
      return response.ok ? 0 : 1;
    } catch (error) {
      const isThere = !UNREACHABLE.test(`${(error as NodeJS.ErrnoException).code} ${error}`);
      if (wantsCertificate && isThere) return sayAlive("a client certificate");
      fault ||= `no answer from ${url}: ${reasonOf(error)}`;
    }
  }
  process.stderr.write(`healthcheck: ${fault}\n`);
  return 1;
}

/** In few words: the runtime's own advise programmers. */
function reasonOf(error: unknown): string {
  const { name, code, message } = error as NodeJS.ErrnoException;
  if (name === "TimeoutError") return `nothing within ${TIMEOUT_MS / 1000} s`;
  if (code === "ConnectionRefused" || code === "ECONNREFUSED") return "nothing listens there";
  if (code === "ECONNRESET") return "it hung up; does it serve TLS? give this command its settings";
  return message;
}

const NEEDS_LOGIN = [401, 429];
const UNREACHABLE = /refused|timeout|unable to connect|timed out/i;

function sayAlive(what: string): number {
  process.stdout.write(`alive; whether it is ready is told with ${what} only\n`);
  return 0;
}
