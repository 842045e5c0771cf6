const DEADLINE_MS = 15_000;
const LOOK_AGAIN_MS = 5;

/** Waits until `look` gives something other than undefined or false, and returns it. */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  deadlineMs = DEADLINE_MS,
): Promise<T> {
  const startedAt = performance.now();
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() - startedAt > deadlineMs) throw new Error(`never happened: ${what}`);
    await Bun.sleep(LOOK_AGAIN_MS);
  }
}
