/** How long work goes on before it is said how far it is, and between two such lines. */
const INTERVAL_MS = 5000;

/** How a long piece of work gets on. */
export interface Pace {
  /** Of late. */
  perSecond: number;
  /** At that rate; undefined when nothing was done of late. */
  secondsLeft: number | undefined;
}

/** Says now and then how quickly what is left becomes less. */
export class Progress {
  #left: number;
  #saidMs: number;

  /** `nowMs`: when the work begins, on a clock that never goes back. */
  constructor(left: number, nowMs: number) {
    this.#left = left;
    this.#saidMs = nowMs;
  }

  /** How it got on since it was last said; undefined while that is not long ago. */
  look(left: number, nowMs: number): Pace | undefined {
    const elapsedMs = nowMs - this.#saidMs;
    if (elapsedMs < INTERVAL_MS) return undefined;
    const perSecond = ((this.#left - left) / elapsedMs) * 1000;
    this.#left = left;
    this.#saidMs = nowMs;
    return { perSecond, secondsLeft: perSecond > 0 ? left / perSecond : undefined };
  }
}
