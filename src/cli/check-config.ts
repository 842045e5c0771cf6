import type { EffectiveSetting } from "../config/load.ts";
import type { WebFiles } from "../config/web-files.ts";

/** The settings in force, a line each; no credential is among them. */
export function renderEffective(effective: readonly EffectiveSetting[]): string {
  const width = Math.max(...effective.map(({ name, text }) => name.length + text.length + 3));
  return effective
    .map(({ name, text, source }) => `${`${name} = ${text}`.padEnd(width)}  # ${source}\n`)
    .join("");
}

/** What the files say of who may look, in one line; no secret is in it. */
export function renderWebFiles({ tls, users, tokenDigests, headers, rateLimit }: WebFiles): string {
  const parts = [
    tls === undefined
      ? "no TLS"
      : `TLS with ${tls.clientAuth}, a certificate until ${new Date(tls.expiresMs).toISOString()}`,
    `users: ${users.size}`,
    `tokens: ${tokenDigests.length}`,
    `headers: ${headers.length}`,
  ];
  if (rateLimit !== undefined) {
    parts.push(`a request each ${rateLimit.intervalMs} ms, ${rateLimit.burst} at once`);
  }
  return `# who may look: ${parts.join("; ")}\n`;
}
