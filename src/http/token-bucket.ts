/** Lets through a request an interval, and so many at once when there were none for long. */
export class TokenBucket {
  readonly #nowMs: () => number;
  #tokens = Number.POSITIVE_INFINITY;
  #takenMs = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Whether one may pass, under limits that may have changed since the last. */
  take({ intervalMs, burst }: { intervalMs: number; burst: number }): boolean {
    const nowMs = this.#nowMs();
    const gained = Math.max(0, nowMs - this.#takenMs) / intervalMs;
    this.#tokens = Math.min(burst, this.#tokens + gained);
    this.#takenMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
