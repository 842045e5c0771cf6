import { LINES_MAX } from "./event-list.ts";

/** Within so long the same is said once. */
const REPEAT_MS = 10_000;

interface Said {
  /** When what was said, oldest first; at most `LINES_MAX` of them. */
  times: Map<string, number>;
  /** Lines that were left out since the last one. */
  suppressed: number;
}

/** Keeps the log short where something happens again and again. Takes memory for `LINES_MAX` an event. */
export class LineLimit {
  #nowMs: () => number;
  #said = new Map<string, Said>();
  #lines = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /**
   * Whether a line of `event` is due: then how many were left out before it, else undefined. `what` is
   * said once in ten seconds, unless it is news; undefined: it is news each time.
   */
  take(event: string, what: string | undefined, isNews: boolean): number | undefined {
    const now = this.#nowMs();
    const said = this.#said.get(event) ?? { times: new Map<string, number>(), suppressed: 0 };
    this.#said.set(event, said);
    for (const [other, time] of said.times) {
      // A clock that was set back must not silence the log.
      if (now - time < REPEAT_MS && now >= time) break;
      said.times.delete(other);
    }
    const isRepeated = what !== undefined && !isNews && said.times.has(what);
    if (isRepeated || said.times.size >= LINES_MAX) {
      said.suppressed++;
      return undefined;
    }
    // News counts as a line of its own, too.
    if (what === undefined || said.times.delete(what)) said.times.set(`${this.#lines++}`, now);
    if (what !== undefined) said.times.set(what, now);
    const { suppressed } = said;
    said.suppressed = 0;
    return suppressed;
  }
}
