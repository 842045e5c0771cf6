/**
 * Wakes all that wait, each time it is given. Each wait ends by itself too, so that nothing piles
 * up on a signal that is never given.
 */
export class Signal {
  #waiting = new Set<() => void>();

  /** Returns when the signal is given, at the latest after `timeoutMs`. */
  wait(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#waiting.delete(end);
        resolve();
      };
      const timer = setTimeout(end, timeoutMs);
      this.#waiting.add(end);
    });
  }

  give(): void {
    for (const end of [...this.#waiting]) end();
  }
}
