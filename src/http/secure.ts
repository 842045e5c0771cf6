/**
 * What each answer says to a browser that was brought here: run nothing, frame nothing, keep nothing, and
 * guess no other type. An answer that says something itself is left to it.
 */
const HEADERS: readonly (readonly [name: string, value: string])[] = [
  ["X-Content-Type-Options", "nosniff"],
  ["Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"],
  ["X-Frame-Options", "DENY"],
  ["Referrer-Policy", "no-referrer"],
  ["Cross-Origin-Resource-Policy", "same-origin"],
  ["Cache-Control", "no-store"],
];

/** Adds to an answer what it does not say itself. */
export function secure(response: Response): Response {
  const { headers } = response;
  for (const [name, value] of HEADERS) if (!headers.has(name)) headers.set(name, value);
  return response;
}
