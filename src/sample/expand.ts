import type { Pattern } from "../pattern.ts";

/** What may follow a `$`: a name of letters, digits and underscores, in braces or not. */
const REFERENCE = /^(?:\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/u;

const NUMBER = /^(?:0|[1-9][0-9]{0,8})$/;

/**
 * Puts what a pattern's groups took in the place of `$1`, `${1}`, `$name` and `${name}`; `$$` is a `$`.
 *
 * A name is as long as it can be: `$1x` is the group named `1x`. A group that is not there, or took
 * nothing, is empty. A `$` without a name stays. Source: Go, regexp, `Regexp.Expand`.
 */
export function expand(
  template: string,
  pattern: Pattern,
  groups: readonly (string | undefined)[],
): string {
  let expanded = "";
  let rest = template;
  for (;;) {
    const at = rest.indexOf("$");
    if (at < 0) return expanded + rest;
    expanded += rest.slice(0, at);
    rest = rest.slice(at + 1);
    const reference = REFERENCE.exec(rest);
    if (rest.startsWith("$")) {
      expanded += "$";
      rest = rest.slice(1);
    } else if (reference === null) {
      expanded += "$";
    } else {
      const name = reference[1] ?? reference[2];
      const number = NUMBER.test(name) ? Number(name) : pattern.groupNumbers[name];
      expanded += groups[number ?? -1] ?? "";
      rest = rest.slice(reference[0].length);
    }
  }
}
