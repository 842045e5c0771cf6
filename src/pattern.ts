import type { RE2JS } from "re2js";

export type PatternCompiled = { ok: true; pattern: Pattern } | { ok: false; fault: string };

/** A regular expression that a whole text must match, as Prometheus has it in rules and selectors. */
export class Pattern {
  /** As it was written. */
  readonly text: string;
  readonly #compiled: RE2JS;
  /** The names of its groups, with their numbers. */
  readonly groupNumbers: Readonly<Record<string, number>>;

  constructor(text: string, compiled: RE2JS) {
    this.text = text;
    this.#compiled = compiled;
    this.groupNumbers = compiled.namedGroups();
  }

  matches(text: string): boolean {
    return this.#compiled.test(text);
  }

  /** What each group took, the whole text first; undefined where the text does not match. */
  groupsOf(text: string): readonly (string | undefined)[] | undefined {
    return this.#compiled.exec(text) ?? undefined;
  }
}

/**
 * Compiles a regular expression in RE2's syntax, which is Go's. It stands for a whole text, and a
 * dot for any character, a newline too.
 *
 * It stands here, and not in JavaScript's own syntax, because people copy their rules, and because a
 * pattern takes linear time, whatever senders send. Failure is a value: `fault` goes on from the
 * setting's name. Source: Prometheus, model/relabel, `NewRegexp`.
 */
export function compilePattern(text: string): PatternCompiled {
  // Loaded with the first pattern: most starts need none, and would take some milliseconds longer.
  const { RE2JS } = require("re2js") as typeof import("re2js");
  try {
    // By itself first: `a)|(b` would be one once it stands in parentheses.
    RE2JS.compile(text);
    return { ok: true, pattern: new Pattern(text, RE2JS.compile(`^(?s:${text})$`)) };
  } catch (error) {
    const reason = (error as Error).message.replace("error parsing regexp: ", "");
    return { ok: false, fault: `must be a regular expression (RE2): ${reason}` };
  }
}
